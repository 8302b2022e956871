"""What the site sums up of readings has no second showing in it: answers by item, precision, and a comparison."""

from decimal import Decimal

import pytest
from django.db import transaction

from benchmark.services.comparison import run_comparison
from benchmark.services.networks import answers_by_item
from benchmark.services.precision import precision_so_far
from benchmark.services.rehearsal import Assumed, rehearse
from imagebank.models import Study
from surveys.models import SurveyItem
from surveys.services import readings_frame, record_model_answers, simulate_readers
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db
VIEWS = ("focused", "panoramic")
ACCURACIES = {(group, view): 0.6 for group in ("geneticist", "pediatrician") for view in VIEWS}


@pytest.fixture(scope="module")
def read_once(django_db_setup, django_db_blocker):
    """The study's key: read once for the module, in a transaction around the tests' own."""
    with django_db_blocker.unblock(), transaction.atomic():
        study = make_surveyed_study(repeats=Decimal("0.5"))
        simulate_readers(study=study, seed=5, accuracies=ACCURACIES)
        items = study.items.values_list("code", "truth__diagnosis__code")
        record_model_answers(study=study, name="Net", answers={(code, view): truth for code, truth in items for view in VIEWS})
        yield study.pk
        transaction.set_rollback(True)


@pytest.fixture
def read(read_once, db, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return Study.objects.get(pk=read_once)


def test_answers_by_item_count_every_reader_once(read):
    """Two sets: every item is read twice by each group, however often it came."""
    again = SurveyItem.objects.exclude(repeat_of=None).count()
    assert again == 4 * 2 * 3
    found = answers_by_item(read)
    assert len(found) == 24
    for answers in found.values():
        assert {row.name: row.asked for row in answers} == {"geneticists": 2, "pediatricians": 2, "Net": 2}
        assert all(sum(row.counts.values()) == row.asked for row in answers)


def test_precision_counts_first_showings(read):
    rows = precision_so_far(study=read)
    assert {row.readers for row in rows} == {4}
    assert len(rows) == 4


def test_a_comparison_keeps_second_showings_and_its_page_asks_whether_readers_answer_as_before(read, admin_client):
    comparison = run_comparison(study=read, plan=None)
    results = comparison.results
    assert {record["readings"] for record in results["accuracy"] if record["kind"] == "human"} == {24}
    assert sum(record["pairs"] for record in results["within_reader"]) == 4 * 2 * 2 * 3
    assert "within_reader_changes" in results
    page = admin_client.get(f"/studies/{read.slug}/results/{comparison.pk}/on/within-readers/").content.decode()
    assert "Do readers answer as before when an image comes again?" in page
    assert "One reader beside two" in page
    assert "Two readers: same (%)" in page


def test_a_rehearsal_shows_the_same_images_again_to_simulated_readers():
    """What readers will be asked to do is rehearsed, second showings included; the study itself stays unread."""
    study = make_surveyed_study("rehearsed", repeats=Decimal("0.2"))
    comparison = rehearse(study=study, assumed=Assumed(people=ACCURACIES, seed=3))
    assert comparison.study.survey_sets.get().design == study.survey_sets.get().design
    assert {record["pairs"] + record["incomplete_pairs"] for record in comparison.results["within_reader"]} == {4}
    assert readings_frame(study=study).empty
