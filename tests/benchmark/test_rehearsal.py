"""A study rehearsed before launch: the copy is the study, its readers are simulated, the study itself is not touched."""

import json

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse
from rest_framework.test import APIClient

from benchmark.models import StoredPredictions
from benchmark.services import rehearsal
from benchmark.services.plans import stamp_plan
from benchmark.services.rehearsal import REHEARSE, Assumed, asked_of, rehearsals_of, rehearse, start_rehearsal
from imagebank.jobs import run_job
from imagebank.models import Item, ItemImage, Job, Membership, Study
from imagebank.services.removal import begin_removal, carry_out_removal
from surveys.models import Answer, Assistance, Reader, Seat, StimulusFrame, SurveyResponse
from surveys.services import create_survey_set, verify_survey_set
from tests.models_ml.factories import stored_network
from tests.surveys.assisted import make_assisted_study
from tests.surveys.rating_study import make_rating_study
from tests.surveys.study import make_protocol, make_study, make_surveyed_study

from .conftest import PLAN

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "var" / "media", tmp_path / "var"
    return make_surveyed_study("small")


def assumed(study, share=0.7, **changed):
    return Assumed({(group.code, view): share for group, view in asked_of(study)}, **changed)


def untouched(study):
    """Everything of the study that a rehearsal could have changed."""
    return (
        Answer.objects.of_study(study).count(), Reader.objects.filter(study=study).count(), study.comparisons.count(),
        sorted(Seat.objects.of_study(study).values_list("state", flat=True)), StoredPredictions.objects.filter(study=study).count(),
        list(Item.objects.filter(study=study).order_by("pk").values_list("pk", "code", "split", "group")),
    )  # fmt: skip


def test_the_copy_has_the_studys_surveys_and_pictures_and_is_read_and_compared_to_the_end(study):
    stamp_plan(study=study, text=PLAN)
    Membership.objects.create(study=study, user=User.objects.create_user("anna"), role="analyst")
    before = untouched(study)
    comparison = rehearse(study=study, assumed=assumed(study))
    copy = comparison.study
    assert untouched(study) == before
    assert (copy.slug, copy.rehearsal_of, copy.title) == ("small-rehearsal-1", "small", f"Rehearsal: {study.title}")
    assert copy.survey_sets.get().design_sha256 == study.survey_sets.get().design_sha256
    assert copy.analysis_plans.get().text == PLAN
    assert copy.summary.startswith("A rehearsal: all readers and the answers of network are made up.")
    assert copy.members.get().user.username == "anna"
    assert not Seat.objects.of_study(copy).live().exclude(state=Seat.State.COMPLETE).exists()
    assert not SurveyResponse.objects.of_study(copy).filter(simulated=False).exists()
    pictures = {(row.item.code, row.view): row for row in ItemImage.objects.filter(item__study=study).select_related("item")}
    for row in ItemImage.objects.filter(item__study=copy).select_related("item"):
        original = pictures[row.item.code, row.view]
        assert (row.file.name, row.pixel_sha256) == (original.file.name, original.pixel_sha256)
        assert row.public_id != original.public_id
    # The plan's network did not exist: it is made up under the plan's name, and its planned contrast is answered.
    assert {row["model"] for row in comparison.results["paired"] if row["prespecified"]} == {"network"}
    assert comparison.results["simulated"]


def test_people_and_a_made_up_network_are_about_as_good_as_assumed(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "var" / "media", tmp_path / "var"
    study = make_study("large", per_class=40)
    make_protocol(study, per_class=4)
    create_survey_set(study=study, seed=7)
    made = rehearsal._made_up(study, "network", assumed(study, network=0.8, seed=2))
    truth = {item.code: item.truth.diagnosis.code for item in study.items.select_related("truth__diagnosis")}
    right = [max(row, key=row.get) == truth[code] for (code, _), row in made.items()]
    assert len(right) == 240
    assert abs(sum(right) / 240 - 0.8) < 4 * (0.16 / 240) ** 0.5
    assert max(abs(sum(row.values()) - 1) for row in made.values()) < 1e-9
    assert min(min(row.values()) for row in made.values()) >= 0
    assert made == rehearsal._made_up(study, "network", assumed(study, network=0.8, seed=2))
    assert made != rehearsal._made_up(study, "network", assumed(study, network=0.8, seed=3))


def test_a_network_that_has_predicted_the_images_answers_by_itself(study):
    for view in study.protocol.view_order:
        stored_network(study, view=view, wrong=("case-ZQA-0",))
    copy = rehearse(study=study, assumed=assumed(study)).study
    reader = Reader.objects.get(study=copy, kind="model")
    answers = Answer.objects.filter(survey_response__reader=reader).select_related("chosen", "survey_item__item__truth__diagnosis")
    wrong = {row.survey_item.item.code for row in answers if row.chosen != row.survey_item.item.truth.diagnosis}
    assert reader.code == "small"
    assert wrong == {"case-ZQA-0"}
    assert not SurveyResponse.objects.filter(reader=reader, simulated=True).exists()
    assert copy.stored_predictions.get().networks == ["small"]
    assert copy.summary.startswith("A rehearsal: all readers are made up.")


def test_networks_of_several_lists_of_classes_and_without_maps_do_not_stop_it(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "var" / "media", tmp_path / "var"
    study = make_assisted_study(tmp_path)  # its second answers show a map, and no network has explained itself
    for view in study.protocol.view_order:
        stored_network(study, view=view)
        other = stored_network(study, view=view, name="other")
        other.run.classes = other.run.classes[::-1]
        other.run.save()
    copy = rehearse(study=study, assumed=assumed(study)).study
    assert set(Reader.objects.filter(study=copy, kind="model").values_list("code", flat=True)) == {"small", "other"}
    assert copy.stored_predictions.get().networks == ["other"]  # one file has one list of classes
    assert Assistance.objects.get(study=copy).network == "other"
    # Where the plan names the network whose gain is tested, that one stands beside the readers.
    stamp_plan(study=study, text=PLAN.replace('model = "network"', 'assistant = "small"'))
    again = rehearse(study=study, assumed=assumed(study)).study
    assert Assistance.objects.get(study=again).network == "small"


def test_readers_who_answer_twice_rehearse_that_too_even_before_a_network_is_there(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "var" / "media", tmp_path / "var"
    study = make_assisted_study(tmp_path)
    comparison = rehearse(study=study, assumed=assumed(study))
    frozen = Assistance.objects.get(study=comparison.study)
    assert frozen.network == "simulated-network"
    assert not frozen.outputs.exclude(map_file="").exists()
    assert comparison.results["assistance"]
    assert not Assistance.objects.filter(study=study).exists()


def test_interrupted_it_goes_on_and_a_second_one_is_another_copy(study):
    def cut_off(done, total, words):
        if words.startswith("Simulate the readers: 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rehearse(study=study, assumed=assumed(study), slug="small-rehearsal-1", progress=cut_off)
    half = Study.objects.get(slug="small-rehearsal-1")
    assert 0 < SurveyResponse.objects.of_study(half).filter(reader__kind="human").count() < Seat.objects.of_study(half).count()
    told = []
    comparison = rehearse(
        study=study, assumed=assumed(study), slug="small-rehearsal-1", progress=lambda done, total, words: told.append(done)
    )
    assert comparison.study == half
    assert told == sorted(told)
    assert told[0] == 0
    assert not Seat.objects.of_study(half).live().exclude(state=Seat.State.COMPLETE).exists()
    again = rehearse(study=study, assumed=assumed(study, leave_open=True)).study
    assert [copy.slug for copy in rehearsals_of(study)] == ["small-rehearsal-2", "small-rehearsal-1"]
    free = Seat.objects.of_study(again).live().filter(state=Seat.State.FREE)
    assert {seat.survey.number for seat in free} == {1}
    assert free.count() == again.reader_groups.filter(kind="human").count()


def api_of(study, role: str) -> APIClient:
    user = User.objects.create_user(role)
    Membership.objects.create(study=study, user=user, role=role)
    api = APIClient()
    api.force_authenticate(user)
    return api


def test_a_script_starts_a_rehearsal_goes_on_with_one_that_was_cut_off_and_reads_its_comparison(study):
    api = api_of(study, "coordinator")
    said = {"study": "small", "accuracy": 0.7, "people": [{"group": "geneticist", "view": "focused", "accuracy": 0.9}], "seed": 3}
    job = api.post("/api/rehearsals/", said, format="json").json()
    assert (job["copy"], job["state"], job["comparison"]) == ("small-rehearsal-1", "queued", None)
    assert {(row["group"], row["view"]): row["accuracy"] for row in job["assumed"]["people"]}[("geneticist", "focused")] == 0.9
    Job.objects.filter(pk=job["id"]).update(state=Job.State.FAILED)
    again = api.post("/api/rehearsals/", said, format="json")
    assert (again.status_code, again.json()["id"]) == (202, job["id"])
    assert run_job(job["id"]).result["rehearsal"] == "small-rehearsal-1"
    (row,) = api.get("/api/rehearsals/?study=small").json()["results"]
    assert (row["state"], row["percent"]) == ("succeeded", 100)
    assert api.get(f"/api/comparisons/{row['comparison']}/").json()["study"] == row["copy"]
    assert start_rehearsal(study=study, assumed=assumed(study, seed=9)).payload["slug"] == "small-rehearsal-2"


def test_who_may_rehearse_by_a_script_and_what_is_refused_with_a_sentence(study):
    said = {"study": "small"}
    for role, looks in (("engineer", 200), ("reviewer", 404)):
        api = api_of(study, role)
        assert api.post("/api/rehearsals/", said, format="json").status_code == 403
        job = Job.objects.get_or_create(study=study, kind=REHEARSE, payload={"assumed": {}, "slug": "x"})[0]
        assert api.get(f"/api/rehearsals/{job.pk}/").status_code == looks
    api = api_of(study, "analyst")
    wrong = api.post("/api/rehearsals/", said | {"people": [{"group": "nurse", "accuracy": 0.5}]}, format="json")
    assert wrong.status_code == 400
    assert "There is no nurse in small" in wrong.json()["errors"][0]["detail"]
    assert api.post("/api/rehearsals/", said | {"accuracy": 1}, format="json").status_code == 400
    assert Job.objects.count() == 1


def test_deleting_the_copy_leaves_the_studys_pictures(study):
    copy = rehearse(study=study, assumed=assumed(study)).study
    with pytest.raises(ValidationError, match="small-rehearsal-1.*shows its pictures. Delete it first"):
        begin_removal(study=study, confirmed="small")
    carry_out_removal(removal=begin_removal(study=copy, confirmed=copy.slug))
    assert not Study.objects.filter(slug="small-rehearsal-1").exists()
    for row in ItemImage.objects.filter(item__study=study):
        assert row.file.storage.exists(row.file.name)
    carry_out_removal(removal=begin_removal(study=study, confirmed="small"))
    assert not Study.objects.exists()


def test_a_rating_study_is_rehearsed_with_raters_of_the_assumed_skill(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "var" / "media", tmp_path / "var"
    study = make_rating_study()
    comparison = rehearse(study=study, assumed=Assumed({}, dprime=3.0, leave_open=True))
    copy = comparison.study
    assert copy.survey_sets.get().design_sha256 == study.survey_sets.get().design_sha256
    assert verify_survey_set(survey_set=copy.survey_sets.get()).certificate["promises_hold"]
    shown = [
        list(StimulusFrame.objects.filter(stimulus__study=one).order_by("stimulus__code", "position").values_list("image", "origin", "box"))
        for one in (study, copy)
    ]
    assert shown[0] == shown[1]
    free = Seat.objects.of_study(copy).live().filter(state=Seat.State.FREE)
    assert {seat.survey.number for seat in free} == {1}
    assert not Answer.objects.of_study(study).exists()
    assert next(row["error"] for row in comparison.results["hype"] if row["set"] == "all") < 0.35  # guessing is .5; d' 3 without bias .07


def test_a_rehearsal_is_not_rehearsed(study):
    copy = rehearse(study=study, assumed=assumed(study)).study
    with pytest.raises(ValidationError, match="itself a rehearsal; rehearse small"):
        rehearse(study=copy, assumed=assumed(copy))


def test_shares_that_are_none_are_named(study):
    with pytest.raises(ValidationError, match="geneticist/focused"):
        start_rehearsal(study=study, assumed=Assumed({}))
    with pytest.raises(ValidationError, match="for the networks"):
        start_rehearsal(study=study, assumed=assumed(study, network=1.0))
    with pytest.raises(CommandError, match="no nobody in small"):
        call_command("rehearse", "small", "--accuracy", "0.7", "nobody=0.5")
    with pytest.raises(CommandError, match="No accuracy is given for"):
        call_command("rehearse", "small", "--accuracy", "geneticist=0.5")
    assert not rehearsals_of(study)


def test_the_command_prints_where_the_report_is(study, capsys):
    call_command("rehearse", "small", "--accuracy", "0.7", "geneticist/focused=0.9", "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["study"], found["state"]) == ("small-rehearsal-1", "succeeded")
    assert Study.objects.get(slug=found["study"]).comparisons.get().pk == found["comparison"]


def test_on_the_page_it_is_one_press_and_the_copy_says_what_it_is(client, study):
    user = User.objects.create_user("anna")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    page = reverse("benchmark:rehearsals", args=["small"])
    fields = {f"people-{group.code}-{view}": "65" for group, view in asked_of(study)} | {"network": "85", "seed": "4"}
    assert all(f'name="{name}"' in client.get(page).content.decode() for name in fields)
    for _ in range(2):  # pressed twice it begins once
        client.post(reverse("benchmark:rehearsal_start", args=["small"]), fields)
    job = Job.objects.get(kind=REHEARSE)
    assert run_job(job.pk).state == Job.State.SUCCEEDED
    shown = client.get(page).content.decode()
    assert "65 %" in shown
    assert reverse("study", args=["small-rehearsal-1"]) in shown
    assert "rehearsal of small, simulated" in client.get(reverse("study", args=["small-rehearsal-1"])).content.decode()
    refused = client.post(reverse("benchmark:rehearsal_start", args=["small"]), fields | {"network": "100"}, follow=True)
    assert "less than or equal to 99" in refused.content.decode()
    assert Job.objects.filter(kind=REHEARSE).count() == 1
