"""A network of the study put beside its readers: by the page, the command and the API, once it has answers and maps."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.urls import reverse
from PIL import Image

from benchmark.services.assistance import FREEZE, candidates, outputs_of, start_assistance
from imagebank.jobs import run_job
from imagebank.models import Job, Membership
from models_ml.models import AttributionMap, AttributionSet, Prediction
from surveys.models import Assistance
from surveys.services import assistance_fault, open_block
from tests.models_ml.factories import stored_network
from tests.surveys.assisted import PRESET, make_assisted_study
from tests.surveys.sitting import answer, begin
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db
VIEWS = ("focused", "panoramic")


def map_everything(ensemble, colour=(200, 0, 0, 255), but=()):
    """Maps of the answers, as an attribution job would leave them."""
    made = AttributionSet.objects.create(ensemble=ensemble)
    (made.folder / "layers").mkdir(parents=True)
    Image.new("RGBA", (24, 16), colour).save(made.folder / "layers" / "one.png")
    AttributionMap.objects.bulk_create(
        AttributionMap(
            attribution_set=made, item=row.item, view=ensemble.view, target="predicted", target_class=row.answer,
            method=made.method, answer=row.answer, steps=8, members_used=2, weights_sha256="0" * 64, scores={}, control={},
            wrong_class={}, layer="layers/one.png", raw="maps/none.npz",
        )
        for row in ensemble.predictions.select_related("item")
        if row.item.code not in but
    )  # fmt: skip
    return made


@pytest.fixture
def study(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "media", tmp_path / "var"
    study = make_assisted_study(tmp_path)
    for view in VIEWS:
        map_everything(stored_network(study, view=view, wrong=("case-ZQA-0",)))
    return study


@pytest.fixture
def coordinator(client, study):
    user = User.objects.create_user("anna")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    return client


def test_what_readers_will_see_is_what_the_ensemble_answered(study):
    outputs = outputs_of(study, "small")
    assert len(outputs) == 24
    for ensemble in study.ensembles.all():
        for row in ensemble.predictions.select_related("item"):
            found = outputs[row.item.code, ensemble.view]
            assert found.answer == row.answer
            assert [found.probabilities[code] for code in ensemble.run.classes] == row.probabilities
    # A class that the study does not have is no answer of its readers, and its share is nobody's.
    ensemble = study.ensembles.get(view="focused")
    ensemble.run.classes = ["melanoma", *ensemble.run.classes[1:]]
    ensemble.run.save()
    ensemble.predictions.filter(item__code="case-ZQA-1").update(answer="melanoma")
    found = outputs_of(study, "small")["case-ZQA-1", "focused"]
    assert found.answer == ""
    assert set(found.probabilities) == {"ZQB", "ZQC"}


def test_the_newest_map_is_shown(study):
    newer = map_everything(study.ensembles.get(view="focused"), (0, 0, 200, 255))
    layers = {key: output.layer for key, output in outputs_of(study, "small").items()}
    assert {path.parents[1] for (_, view), path in layers.items() if view == "focused"} == {newer.folder}


def test_the_page_puts_a_network_beside_the_readers_and_checks_it(study, coordinator):
    address = reverse("benchmark:assistance", args=[study.slug])
    page = coordinator.get(address).content.decode()
    assert "No network is beside the readers yet" in page
    assert "Put small beside the readers" in page
    assert address in coordinator.get(reverse("surveys:overview", args=[study.slug])).content.decode()
    went = coordinator.post(reverse("benchmark:assistance-start", args=[study.slug]), {"network": "small"})
    job = Job.objects.get(kind=FREEZE)
    assert went["Location"] == reverse("job-detail", args=[study.slug, job.pk])
    run_job(job.pk)
    job.refresh_from_db()
    frozen = Assistance.objects.get(study=study)
    assert (job.state, job.result) == ("succeeded", {"network": "small", "sha256": frozen.sha256})
    assert [one["view"] for one in frozen.source["ensembles"]] == ["focused", "panoramic"]
    assert frozen.source["ensembles"][0]["weights_sha256"] == ["0" * 64, "1" * 64]
    page = coordinator.get(address).content.decode()
    assert "small is beside the readers" in page
    assert frozen.sha256[:16] in page
    check = reverse("benchmark:assistance-check", args=[study.slug])
    assert "as it was frozen" in coordinator.post(check, follow=True).content.decode()
    with frozen.outputs.first().map_file.open("r+b") as file:
        file.write(b"another picture")
    assert "is not the one that was frozen" in coordinator.post(check, follow=True).content.decode()


def test_a_network_that_lacks_something_says_what(study, coordinator):
    Prediction.objects.filter(ensemble__view="panoramic", item__code="case-ZQB-1").delete()
    AttributionMap.objects.filter(view="focused", item__code__in=["case-ZQA-1", "case-ZQA-2"]).delete()
    (one,) = candidates(study)
    assert (one.unanswered, one.unmapped, one.is_ready) == (1, 2, False)
    with pytest.raises(ValidationError, match="of 24 images 1 lack its answer and 2 its map"):
        start_assistance(study=study, name="small")
    with pytest.raises(ValidationError, match="has no network 'other'; it has small"):
        start_assistance(study=study, name="other")
    assert "Let it predict" in coordinator.get(reverse("benchmark:assistance", args=[study.slug])).content.decode()
    assert not Job.objects.filter(kind=FREEZE).exists()


def test_pressed_twice_it_is_frozen_once_and_a_lost_map_is_one_sentence(study, coordinator):
    start = reverse("benchmark:assistance-start", args=[study.slug])
    assert coordinator.post(start, {"network": "small"})["Location"] == coordinator.post(start, {"network": "small"})["Location"]
    (job,) = Job.objects.filter(kind=FREEZE)
    (AttributionSet.objects.first().folder / "layers" / "one.png").unlink()
    job = run_job(job.pk)
    assert job.state == "failed"
    assert "The map of small on case-ZQA-0" in job.error
    assert not Assistance.objects.exists()


@pytest.mark.parametrize("networks", [1, 3])
def test_the_page_asks_as_little_of_the_database_for_many_images(study, coordinator, networks, django_assert_max_num_queries):
    for number in range(1, networks):
        for view in VIEWS:
            stored_network(study, name=f"further{number}", view=view)
    with django_assert_max_num_queries(40 + 12 * networks):  # 24 images
        coordinator.get(reverse("benchmark:assistance", args=[study.slug]))


def test_a_study_without_maps_needs_none(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "media", tmp_path / "var"
    study = make_assisted_study(tmp_path, text=PRESET + 'shows = ["answer"]\n')
    for view in VIEWS:
        stored_network(study, view=view)
    assert candidates(study)[0].is_ready
    call_command("freeze_assistance", study.slug, "small")
    assert assistance_fault(study.assistance) is None


def test_a_study_that_asks_once_has_no_such_page(client):
    study = make_surveyed_study()
    user = User.objects.create_user("anna")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    assert client.get(reverse("benchmark:assistance", args=[study.slug])).status_code == 404
    overview = client.get(reverse("surveys:overview", args=[study.slug])).content.decode()
    assert "Second answers" not in overview


def test_after_the_first_answer_the_page_offers_no_other_network(study, coordinator):
    call_command("freeze_assistance", study.slug, "small")
    response = begin(study)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    answer(response, block.survey_items.first())
    page = coordinator.get(reverse("benchmark:assistance", args=[study.slug])).content.decode()
    assert "Since the first answer it cannot be changed" in page
    assert "Put small beside the readers" not in page
    start = reverse("benchmark:assistance-start", args=[study.slug])
    assert "fixed since the first answer" in coordinator.post(start, {"network": "small"}, follow=True).content.decode()


def test_the_api_freezes_and_verifies_for_coordinators_alone(study, coordinator, client):
    started = coordinator.post("/api/assistance/", {"study": study.slug, "network": "small"})
    assert started.status_code == 202
    run_job(started.json()["job"])
    (row,) = coordinator.get("/api/assistance/").json()["results"]
    assert (row["network"], row["images"], row["sha256"]) == ("small", 24, study.assistance.sha256)
    assert coordinator.post(f"/api/assistance/{row['id']}/verify/").json() == {"as_frozen": True, "why": ""}
    user = User.objects.create_user("eva")
    Membership.objects.create(study=study, user=user, role="analyst")
    client.force_login(user)
    assert client.get("/api/assistance/").json()["results"] == []
    assert client.post("/api/assistance/", {"study": study.slug, "network": "small"}).status_code == 403
