"""Networks among the readers: taking part in exactly the surveys' items, on the leaderboard, beside people's answers."""

import csv
import io
import json
from uuid import uuid4

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmark.core.inputs.predictions import read_predictions
from benchmark.core.sections.leaderboard import leaderboard
from benchmark.services.networks import answers_by_item, leaderboards, survey_items, take_part
from benchmark.services.regions import region_of, region_overlaps
from imagebank.models import Job, Membership
from models_ml.core.attribution.run import file_name
from models_ml.models import AttributionMap, AttributionSet
from surveys.models import Answer, Reader, SurveyItem, SurveyResponse
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


def test_somebody_who_is_always_right_may_still_err():
    """Every draw of the bootstrap is the same then; the interval is Wilson's for four photographs."""
    (one,) = leaderboard({"network": {str(k): 1.0 for k in range(8)}}, {str(k): str(k // 2) for k in range(8)})
    assert (one.ci_low, one.ci_high) == (pytest.approx(4 / (4 + 1.959964**2), abs=1e-5), 1.0)


def test_the_interval_covers_as_often_as_it_says():
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


def test_no_cell_of_the_predictions_is_a_formula_for_a_spreadsheet(two_networks, analyst):
    two_networks.items.filter(code="case-ZQA-0").update(code="=1+1")
    answer = analyst.get(reverse("benchmark:network_predictions_csv", args=["small"]) + "?network=good")
    rows = [row for row in csv.DictReader(io.StringIO(answer.content.decode())) if "1+1" in row["item"]]
    assert {(row["model"], row["item"]) for row in rows} == {("good", "'=1+1")}
    assert {row["member"] for row in rows} == {"fold0", "fold1", "ensemble"}


def test_the_leaderboard_leads_to_the_networks_answers(two_networks, analyst):
    take_part(study=two_networks, name="good")
    page = analyst.get(reverse("benchmark:network_leaderboard", args=["small"])).content.decode()
    for view in VIEWS:
        key = two_networks.ensembles.get(name="good", view=view).pk
        assert f"{reverse('benchmark:network_predictions', args=['small'])}?ensemble={key}\">good</a>" in page
    assert "?network=poor" in page


def test_predictions_are_kept_for_the_next_comparison(two_networks, analyst):
    analyst.post(reverse("benchmark:network_predictions_keep", args=["small"]))
    analyst.post(reverse("benchmark:network_predictions_keep", args=["small"]))
    stored = two_networks.stored_predictions.get()
    assert (stored.networks, stored.rows) == (["good", "poor"], 2 * 2 * 3 * 12)


def test_regions_marked_by_readers_are_compared_with_the_networks(two_networks, analyst):
    """Both geneticists box the left half, one of them also a point right; the map is relevant on the left two thirds."""
    ensemble = two_networks.ensembles.get(name="good", view="focused")
    row = ensemble.predictions.select_related("item").first()
    one = stored_map(ensemble, row.item, np.repeat([[3.0, 2.0, 1.0, 0.0]], 4, axis=0))
    assert region_overlaps(one) == []
    simulate_readers(study=two_networks, seed=1, accuracies={
        (group, view): 0.5 for group in ("geneticist", "pediatrician") for view in VIEWS})  # fmt: skip
    two_networks.protocol.questions = [
        {"code": "", "kind": "class", "prompt": "Which?"}, {"code": "where", "kind": "region", "prompt": "Where?", "required": False}
    ]  # fmt: skip
    two_networks.protocol.save()
    half = {"x": 0, "y": 0, "w": 0.5, "h": 1}
    items = SurveyItem.objects.filter(item=row.item, block__view="focused")
    for response in SurveyResponse.objects.filter(group__code="geneticist", survey__blocks__survey_items__in=items):
        marks = [half] if response.survey.number % 2 else [half, {"x": 0.9, "y": 0.5}]
        Answer.objects.create(
            survey_response=response, survey_item=items.get(block__survey=response.survey), question="where",
            value=marks, event_id=uuid4(), sequence=1000, entry_sha256="0" * 64,
        )  # fmt: skip
    (found,) = region_overlaps(one)
    assert (found.group, found.readers, found.marked) == ("geneticists", 2, 2)
    assert found.area == pytest.approx(0.5, abs=0.07)
    assert found.iou > 0.8 > found.chance
    assert found.random is None  # no control was stored
    mirrored = np.repeat([[0.0, 0.0, 2.0, 3.0]], 4, axis=0)
    path = one.attribution_set.folder / "maps" / "items" / f"{file_name(row.item.code)}.npz"
    with np.load(path) as maps:
        np.savez(path, predicted=maps["predicted"], control=np.array([mirrored, maps["predicted"]], dtype=np.float32))
    assert region_overlaps(one)[0].random == pytest.approx(found.iou / 2, abs=0.1)
    page = analyst.get(reverse("benchmark:network_item", args=["small", ensemble.pk, row.item_id])).content.decode()
    assert "2 of 2 marked something" in page
    assert reverse("models_ml:layer", args=["small", one.public_id]) in page


def test_a_marked_box_covers_its_pixels_and_a_point_a_small_disc():
    box = region_of([{"x": 0.25, "y": 0.5, "w": 0.5, "h": 0.5}], (4, 4))
    assert box.astype(int).tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0]]
    disc = region_of([{"x": 0.5, "y": 0.5}], (100, 200))
    assert disc.sum() == pytest.approx(np.pi * 6**2, rel=0.05)


def stored_map(ensemble, item, map_HW):
    """A map as an attribution job would leave it."""
    made = AttributionSet.objects.create(ensemble=ensemble)
    folder = made.folder / "maps" / "items"
    folder.mkdir(parents=True)
    side = len(map_HW)
    np.savez(folder / f"{file_name(item.code)}.npz", predicted=map_HW.astype(np.float32))
    where = {"height": side, "width": side, "top": 0, "left": 0, "box_height": side, "box_width": side}
    (folder / f"{file_name(item.code)}.json").write_text(json.dumps({"placement": where}))
    return AttributionMap.objects.create(
        attribution_set=made, item=item, view=ensemble.view, target="predicted", target_class="ZQA", method=made.method,
        answer="ZQA", steps=8, members_used=2, weights_sha256="0" * 64, scores={}, control={}, wrong_class={},
        layer="layers/none.webp", raw="maps/none.npz",
    )  # fmt: skip


def test_the_browser_shows_probabilities_beside_peoples_answers(two_networks, analyst):
    ensemble = two_networks.ensembles.get(name="poor", view="focused")
    wrong = reverse("benchmark:network_predictions", args=["small"]) + f"?ensemble={ensemble.pk}&outcome=wrong"
    analyst.get("/account/")  # a session's first page notes that it is used
    with CaptureQueriesContext(connection) as few:
        page = analyst.get(wrong).content.decode()
    with CaptureQueriesContext(connection) as many:
        analyst.get(wrong.replace("&outcome=wrong", ""))
    assert len(many) == len(few)
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
