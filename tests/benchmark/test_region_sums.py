"""Readers' regions over all pictures beside a network's maps: numbers known by hand, the job, the page, the API."""

import json
from uuid import uuid4

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from benchmark.services.region_sums import newest_sets, newest_sum, start_region_sum, sum_regions
from imagebank.jobs import run_job
from imagebank.models import Job
from models_ml.core.attribution.run import file_name
from models_ml.models import AttributionMap, AttributionSet
from surveys.models import Answer, SurveyItem, SurveyResponse
from surveys.services import simulate_readers
from tests.benchmark.test_networks import VIEWS, analyst, surveyed, two_networks  # noqa: F401

pytestmark = pytest.mark.django_db
LEFT = np.repeat([[3.0, 2.0, 0.0, 0.0]], 4, axis=0)
RIGHT = LEFT[:, ::-1].copy()
HALF = [{"x": 0, "y": 0, "w": 0.5, "h": 1}]


@pytest.fixture
def explained(two_networks):  # noqa: F811
    """Network "good" explained on six pictures: its maps lie left, those of its control right on all but one picture."""
    made = AttributionSet.objects.create(ensemble=two_networks.ensembles.get(name="good", view="focused"))
    (made.folder / "maps" / "items").mkdir(parents=True)
    where = {"height": 4, "width": 4, "top": 0, "left": 0, "box_height": 4, "box_width": 4}
    for k, row in enumerate(made.ensemble.predictions.select_related("item").order_by("item__code")[:6]):
        path = made.folder / "maps" / "items" / file_name(row.item.code)
        np.savez(path.with_suffix(".npz"), predicted=LEFT, control=np.array([LEFT if k == 0 else RIGHT]))
        path.with_suffix(".json").write_text(json.dumps({"placement": where}))
        AttributionMap.objects.create(
            attribution_set=made, item=row.item, view="focused", target="predicted", target_class="ZQA", steps=8,
            method=made.method, answer="ZQA", members_used=2, weights_sha256="0" * 64, scores={}, control={},
            wrong_class={}, layer="none.webp", raw="none.npz",
        )  # fmt: skip
    return made


@pytest.fixture
def marked(explained):
    """Geneticists box the left half of all six pictures, pediatricians say "nothing here"."""
    study = explained.ensemble.study
    study.protocol.questions = [
        {"code": "", "kind": "class", "prompt": "Which?"},
        {"code": "where", "kind": "region", "prompt": "Where?", "required": False},
    ]
    study.protocol.save()
    simulate_readers(study=study, seed=1, accuracies={
        (group, view): 0.5 for group in ("geneticist", "pediatrician") for view in VIEWS})  # fmt: skip
    mark(explained, HALF)
    return explained


def mark(explained, value, sequence=5000):
    """All geneticists answer `value` on every explained picture, pediatricians that there is nothing."""
    items = SurveyItem.objects.filter(item__in=explained.maps.values("item"), block__view="focused")
    for response in SurveyResponse.objects.filter(group__isnull=False):
        for item in items.filter(block__survey=response.survey):
            Answer.objects.create(
                survey_response=response, survey_item=item, question="where", event_id=uuid4(), entry_sha256="0" * 64,
                sequence=sequence + item.pk, value=value if response.group.code == "geneticist" else [],
            )  # fmt: skip


def test_the_sum_is_the_one_counted_by_hand(marked):
    said = []
    found = sum_regions(made=marked, progress=lambda done, total, words: said.append((done, total)))
    (group,) = found["groups"]  # who marked nothing has no region
    assert (group["group"], group["pictures"], group["marked"]) == ("geneticists", 6, group["readings"])
    assert group["area"]["value"] == group["overlap"]["value"] * 0.5 == 0.5
    assert group["chance"]["value"] == pytest.approx(1 / 3)  # half of the area: .25 shared of .75
    assert group["random"]["value"] == pytest.approx(1 / 6)  # one picture of six
    assert group["above_random"]["value"] == pytest.approx(5 / 6)
    assert group["above_random"]["ci_low"] < 5 / 6 < group["above_random"]["ci_high"] == 1
    assert (group["share"]["value"], group["share_random"]["value"]) == (1, pytest.approx(1 / 6))
    assert said[-1] == (6, 6)
    assert found["simulated"]
    json.dumps(found, allow_nan=False)


def test_without_a_control_the_difference_is_unknown_and_says_why(marked):
    for path in (marked.folder / "maps" / "items").glob("*.npz"):
        np.savez(path, predicted=LEFT)
    (group,) = sum_regions(made=marked)["groups"]
    assert group["overlap"]["value"] == 1
    assert group["above_random"]["value"] is None
    assert "no control" in group["above_random"]["why"]


def test_what_cannot_be_summed_is_one_sentence(explained, marked):
    mark(explained, [], sequence=9000)  # everybody has changed their mind
    with pytest.raises(ValidationError, match="No analysed reader of .* has marked a region of a focused picture"):
        start_region_sum(made=explained)
    explained.ensemble.study.protocol.questions = []
    with pytest.raises(ValidationError, match="asks its readers for no region"):
        start_region_sum(made=explained)
    assert not Job.objects.filter(kind="region-overlap").exists()


def test_the_page_starts_the_sum_shows_it_and_says_when_marks_are_newer(marked, analyst):  # noqa: F811
    page, start = (reverse(f"benchmark:network_regions{end}", args=["small", *key])
                   for end, key in (("", ()), ("_start", (marked.pk,))))  # fmt: skip
    assert "Sum up what readers marked" in analyst.get(page).content.decode()
    assert analyst.get(reverse("benchmark:network_regions_csv", args=["small", marked.pk])).status_code == 404
    analyst.post(start)
    analyst.post(start)  # a second click starts nothing twice
    job = Job.objects.get(kind="region-overlap")
    assert run_job(job.pk).state == "succeeded"
    text = analyst.get(page).content.decode()
    assert "simulated readers" in text
    assert "geneticists" in text
    assert "0.17 (" in text  # random networks, with the interval
    assert "older than the newest marks" not in text
    rows = analyst.get(reverse("benchmark:network_regions_csv", args=["small", marked.pk])).content.decode().splitlines()
    assert len(rows) == 7
    assert rows[0].startswith("item,cluster,group,readers,marked,area,overlap,chance,random,share")
    mark(marked, [{"x": 0.5, "y": 0.5}], sequence=9000)
    assert "older than the newest marks" in analyst.get(page).content.decode()


def test_maps_that_were_broken_off_do_not_stand_for_their_network(explained):
    study = explained.ensemble.study
    later = AttributionSet.objects.create(ensemble=explained.ensemble)
    later.job = Job.objects.create(study=study, kind="models_ml.explain", title="Explain", state=Job.State.CANCELLED)
    later.save()
    explained.maps.filter(pk=explained.maps.first().pk).update(attribution_set=later)
    assert newest_sets(study) == [explained]
    Job.objects.update(state=Job.State.SUCCEEDED)
    assert newest_sets(study) == [later]


def test_a_map_that_left_the_disk_fails_the_job_with_a_sentence(marked):
    next((marked.folder / "maps" / "items").glob("*.json")).unlink()
    job = run_job(start_region_sum(made=marked).pk)
    assert job.state == "failed"
    assert "holds no explanation of" in job.error
    assert newest_sum(marked) == job


def test_the_api_starts_and_gives_the_sum_to_those_who_may_see_results(marked, analyst, client, django_user_model):  # noqa: F811
    address = f"/api/attributions/{marked.pk}/regions/"
    assert analyst.get(address).status_code == 404
    job = analyst.post(address)
    assert job.status_code == 202
    run_job(job.json()["job"])
    assert analyst.get(address).json()["groups"][0]["overlap"]["value"] == 1
    client.force_login(django_user_model.objects.create_user("stranger"))
    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404


def test_a_study_that_asks_for_no_region_says_what_to_do(two_networks, analyst):  # noqa: F811
    page = analyst.get(reverse("benchmark:network_regions", args=["small"])).content.decode()
    assert "Readers are asked for no region" in page
