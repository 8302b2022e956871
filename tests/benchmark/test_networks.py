"""Networks among the readers: taking part in exactly the surveys' items, on the leaderboard, beside people's answers."""

import csv
import io

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import F
from django.urls import reverse

from benchmark.core.leaderboard import leaderboard
from benchmark.core.predictions import read_predictions
from benchmark.services.networks import answers_by_item, leaderboards, survey_items, take_part
from imagebank.models import Job, Membership
from surveys.models import Answer, Reader
from surveys.services import record_model_answers, simulate_readers
from tests.models_ml.factories import stored_network
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db
VIEWS = ("focused", "panoramic")


@pytest.fixture
def surveyed(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "media", tmp_path / "var"
    return make_surveyed_study()


@pytest.fixture
def two_networks(surveyed):
    """ "good" errs on one item of each view, "poor" on four."""
    for view in VIEWS:
        stored_network(surveyed, name="good", view=view, wrong=("case-ZQA-0",))
        stored_network(surveyed, name="poor", view=view, wrong=tuple(f"case-ZQ{k}-1" for k in "ABC") + ("case-ZQA-2",))
    return surveyed


@pytest.fixture
def analyst(client, surveyed):
    user = User.objects.create_user("analyst")
    Membership.objects.create(study=surveyed, user=user, role="analyst")
    client.force_login(user)
    return client


def test_several_networks_take_part_on_exactly_the_surveys_items(two_networks):
    for name in ("good", "poor"):
        reader = take_part(study=two_networks, name=name)
        assert (reader.kind, reader.responses.count()) == (Reader.Kind.MODEL, 4)
    asked = {(view, code) for view, codes in survey_items(two_networks).items() for code in codes}
    answered = Answer.objects.values_list("survey_item__block__view", "survey_item__item__code")
    assert set(answered) == asked
    before = Answer.objects.count()
    take_part(study=two_networks, name="good")
    assert Answer.objects.count() == before


def test_a_network_that_lacks_a_view_or_an_item_is_told_which(surveyed):
    ensemble = stored_network(surveyed, name="half", view="focused")
    with pytest.raises(ValidationError, match="the panoramic view, which half was not trained for"):
        take_part(study=surveyed, name="half")
    stored_network(surveyed, name="half", view="panoramic")
    ensemble.predictions.filter(item__code="case-ZQB-3").delete()
    with pytest.raises(ValidationError, match="has not predicted 1 of the surveys' items"):
        take_part(study=surveyed, name="half")
    with pytest.raises(ValidationError, match="no network 'nobody'; it has half"):
        take_part(study=surveyed, name="nobody")


def test_an_abstention_is_no_answer(two_networks):
    row = two_networks.ensembles.get(name="good", view="focused").predictions.get(item__code="case-ZQB-0")
    row.answer = ""
    row.save()
    take_part(study=two_networks, name="good")
    assert not Answer.objects.given().filter(
        survey_item__item__code="case-ZQB-0", survey_item__block__view="focused"
    ).exists()  # fmt: skip
    counts = answers_by_item(two_networks, view="focused", items=[row.item_id])[row.item_id, "focused"]
    assert [(one.name, one.asked, sum(one.counts.values())) for one in counts] == [("good", 2, 0)]


def test_the_leaderboard_ranks_networks_and_people_on_the_same_items(two_networks):
    for name in ("good", "poor"):
        take_part(study=two_networks, name=name)
    simulate_readers(study=two_networks, seed=1, accuracies={
        (group, view): 0.5 for group in ("geneticist", "pediatrician") for view in VIEWS})  # fmt: skip
    focused, panoramic = leaderboards(two_networks)
    assert [board.view for board in (focused, panoramic)] == list(VIEWS)
    scores = {one.name: one for one in focused.standings}
    assert scores["good"].accuracy == pytest.approx(11 / 12)
    assert scores["poor"].accuracy == pytest.approx(8 / 12)
    assert scores["poor"].behind == pytest.approx(3 / 12)
    assert scores["poor"].behind_low < 3 / 12 < scores["poor"].behind_high
    assert (focused.people, focused.simulated) == ({"geneticists", "pediatricians"}, True)
    right = Answer.objects.standing().filter(
        survey_response__group__code="geneticist", survey_item__block__view="focused",
        chosen__truths__item=F("survey_item__item"),
    ).count()  # fmt: skip
    assert scores["geneticists"].accuracy == pytest.approx(right / 24)


def test_a_leaderboard_is_exact_where_it_can_be_counted_by_hand():
    """Two photographs of two items each: means, pairing and clusters by hand; one photograph gives no interval."""
    first = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 0.0}
    second = {"a": 1.0, "b": 0.0, "c": 0.0}
    groups = {"a": "p", "b": "p", "c": "q", "d": "q"}
    best, other = leaderboard({"second": second, "first": first}, groups)
    assert (best.name, best.accuracy, best.items, best.clusters, best.behind) == ("first", 0.75, 4, 2, 0)
    assert (other.accuracy, other.items, other.behind) == (pytest.approx(1 / 3), 3, pytest.approx(2 / 3))
    assert (best.ci_low, best.ci_high) == (0.5, 1.0)
    (alone,) = leaderboard({"first": {"a": 1.0, "b": 0.0}}, groups)
    assert (alone.ci_low, alone.why) == (None, "one photograph or patient alone gives no interval")
    assert leaderboard({}, {}) == []


def test_the_interval_covers_as_often_as_it_says():
    import numpy as np

    rng, covered = np.random.default_rng(0), 0
    for _ in range(300):
        clusters = {str(i): str(i // 3) for i in range(120)}
        chance = np.repeat(np.clip(rng.normal(0.6, 0.2, 40), 0, 1), 3)
        score = {str(i): float(rng.random() < chance[i]) for i in range(120)}
        (one,) = leaderboard({"network": score}, clusters, draws=500)
        covered += one.ci_low <= 0.6 <= one.ci_high
    assert 0.90 <= covered / 300 <= 0.985


def test_predictions_leave_as_the_file_that_the_analysis_reads(two_networks, analyst, tmp_path):
    answer = analyst.get(reverse("benchmark:network_predictions_csv", args=["small"]))
    path = tmp_path / "predictions.csv"
    path.write_bytes(answer.content)
    found = read_predictions(path)
    assert found.model_views() == [(name, view) for name in ("good", "poor") for view in VIEWS]
    assert len(found.final("good", "focused")) == 12
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["member"] for row in rows} == {"fold0", "fold1", "ensemble"}


def test_the_browser_shows_probabilities_beside_peoples_answers(two_networks, analyst, django_assert_max_num_queries):
    ensemble = two_networks.ensembles.get(name="poor", view="focused")
    wrong = reverse("benchmark:network_predictions", args=["small"]) + f"?ensemble={ensemble.pk}&outcome=wrong"
    with django_assert_max_num_queries(20):
        page = analyst.get(wrong).content.decode()
    assert "4 answers" in page
    assert "case-ZQB-1" in page
    assert "case-ZQB-0" not in page
    simulate_readers(study=two_networks, seed=1, accuracies={
        (group, view): 0.999 for group in ("geneticist", "pediatrician") for view in VIEWS})  # fmt: skip
    item = two_networks.items.get(code="case-ZQB-1")
    page = analyst.get(reverse("benchmark:network_item", args=["small", ensemble.pk, item.pk])).content.decode()
    assert "2 asked, 2 right" in page
    assert "simulated readers" in page
    assert "fold1" in page


def test_pages_are_for_roles_that_may_see_results(two_networks, client):
    for role, status in (("reviewer", 403), ("coordinator", 200)):
        user = User.objects.create_user(role)
        Membership.objects.create(study=two_networks, user=user, role=role)
        client.force_login(user)
        for name in ("network_leaderboard", "network_predictions"):
            assert client.get(reverse(f"benchmark:{name}", args=["small"])).status_code == status


def test_taking_part_from_the_page_predicts_first_what_is_missing(two_networks, client):
    user = User.objects.create_user("engineer")
    Membership.objects.create(study=two_networks, user=user, role="engineer")
    client.force_login(user)
    part = reverse("benchmark:network_take_part", args=["small", "good"])
    assert "has answered every item" in client.post(part, follow=True).content.decode()
    two_networks.ensembles.get(name="poor", view="focused").predictions.filter(item__code="case-ZQB-0").delete()
    client.post(reverse("benchmark:network_take_part", args=["small", "poor"]))
    job = Job.objects.get()
    assert sorted(job.payload["items"]) == survey_items(two_networks)["focused"]


def test_names_of_people_cannot_be_taken_by_a_network(two_networks):
    reader = record_model_answers(study=two_networks, name="x", answers={("case-ZQA-0", "focused"): "ZQA"})
    Reader.objects.filter(pk=reader.pk).update(kind=Reader.Kind.HUMAN)
    two_networks.ensembles.filter(name="good").update(name="x")
    with pytest.raises(ValidationError, match="already the code of a person"):
        take_part(study=two_networks, name="x")
