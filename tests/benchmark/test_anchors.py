"""Anchors on the site: a comparison, its page, the precision so far, and a rehearsal."""

import pytest

from benchmark.core.planning.closed_form import Design
from benchmark.protocol.material import surveys_of
from benchmark.services.comparison import run_comparison
from benchmark.services.planning import design_of
from benchmark.services.precision import precision_so_far
from benchmark.services.rehearsal import Assumed, rehearse
from benchmark.services.study_record import reading_record
from surveys.services import record_model_answers, simulate_readers
from tests.surveys.study import make_protocol, make_study, make_surveyed_study

pytestmark = pytest.mark.django_db
VIEWS = ("focused", "panoramic")
ACCURACIES = {(group, view): 0.6 for group in ("geneticist", "pediatrician") for view in VIEWS}


@pytest.fixture
def read():
    study = make_surveyed_study(anchors=1)
    simulate_readers(study=study, seed=5, accuracies=ACCURACIES)
    items = study.items.values_list("code", "truth__diagnosis__code")
    record_model_answers(study=study, name="Net", answers={(code, view): truth for code, truth in items for view in VIEWS})
    return study


def test_a_comparison_weighs_anchors_and_has_a_page_of_them(read, admin_client):
    comparison = run_comparison(study=read, plan=None)
    results = comparison.results
    assert {record["readings"] for record in results["accuracy"] if record["kind"] == "human"} == {36}
    assert {record["items"] for record in results["anchors"]} == {3}
    assert {record["group"] for record in results["anchors"]} == {"geneticist", "pediatrician", "all readers"}
    assert any("3 items are anchors, which every survey shows" in note for note in results["notes"])
    page = admin_client.get(f"/studies/{read.slug}/results/{comparison.pk}/on/anchors/").content.decode()
    assert "How do all readers do on the images that all of them read?" in page
    assert "All readers on the anchors" in page


def test_precision_takes_anchors_for_what_they_tell(read, monkeypatch):
    """36 readings of a group and view, half of them of 3 of 12 images."""
    seen = []
    monkeypatch.setattr("benchmark.services.precision.Design", lambda *said, **more: seen.append((said, more)) or Design(*said, **more))
    assert precision_so_far(study=read)
    assert {(said[1], said[2], more["anchors"]) for said, more in seen} == {(12, 6, 3)}


def test_the_study_record_says_what_stood_in_every_survey(read):
    assert "1 item of every class, drawn from the seed, stood in every survey as anchors." in reading_record(read)["sample_size"]["planned"]


def test_a_rehearsal_has_the_same_anchors():
    study = make_surveyed_study(anchors=1)
    comparison = rehearse(study=study, assumed=Assumed(people=ACCURACIES, seed=3))
    assert comparison.study.survey_sets.get().design == study.survey_sets.get().design
    assert comparison.results["anchor_readers"]


@pytest.mark.parametrize("asked", [{"anchors": 1}, {"anchor_items": ["case-ZQA-1", "case-ZQB-2", "case-ZQC-0"]}])
def test_planning_and_protocol_know_them_before_anything_is_drawn(asked):
    """Of 4 images of a class 3 are shared out, one to a survey: 3 surveys in each of 2 sets."""
    study = make_study("undrawn")
    make_protocol(study, **asked)
    assert design_of(study) == {"classes": 3, "per_class": 4, "per_survey": 2, "readers": 6, "anchors": 1}
    surveys = surveys_of(study, study.protocol)
    assert (surveys["surveys"], surveys["reads"], surveys["anchors"]) == (6, "2 to 6", 1)
