import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from imagebank.models import Job, WorkerBeat

pytestmark = pytest.mark.django_db
BEARER = {"HTTP_AUTHORIZATION": "Bearer let-me-see"}


def test_without_a_token_there_is_nothing(client, settings):
    assert client.get("/metrics", **BEARER).status_code == 404
    settings.METRICS_TOKEN = "let-me-see"
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", HTTP_AUTHORIZATION="Bearer guess").status_code == 404


def test_the_numbers_are_those_of_the_database(client, settings, study):
    settings.METRICS_TOKEN = "let-me-see"
    Job.objects.create(study=study, kind="x", title="x", state=Job.State.QUEUED)
    WorkerBeat.objects.create(name="w", at=timezone.now())
    answer = client.get("/metrics", **BEARER)
    found = {sample.name: sample for family in text_string_to_metric_families(answer.content.decode())
             for sample in family.samples}  # fmt: skip
    assert (found["diptych_jobs"].labels, found["diptych_jobs"].value) == ({"state": "queued"}, 1)
    assert found["diptych_answers_total"].value == 0
    assert 0 <= found["diptych_worker_silent_seconds"].value < 60
