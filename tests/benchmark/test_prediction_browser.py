"""The prediction browser: hardest first, disagreements in one click, from a confusion's cell to its items, and back."""

import csv
import io
import re
from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmark.services.browsing import DISAGREEMENTS, Answered, answered_by, in_order, matching
from benchmark.services.networks import take_part
from imagebank.models import Membership
from models_ml.models import Prediction
from models_ml.services.predicting import combine
from surveys.models import Answer
from surveys.services import simulate_readers
from tests.models_ml.factories import stored_network
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db
VIEWS = ("focused", "panoramic")
WRONG = ("case-ZQA-1", "case-ZQB-1", "case-ZQC-1", "case-ZQA-2")


@pytest.fixture
def study(settings, tmp_path):
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "media", tmp_path / "var"
    return make_surveyed_study()


@pytest.fixture
def poor(study):
    """Errs on four of twelve items."""
    return stored_network(study, name="poor", view="focused", wrong=WRONG)


@pytest.fixture
def people(study):
    """Simulated, half of them right."""
    simulate_readers(study=study, seed=1, accuracies={
        (group, view): 0.5 for group in ("geneticist", "pediatrician") for view in VIEWS})  # fmt: skip


@pytest.fixture
def analyst(client, study):
    user = User.objects.create_user("analyst")
    Membership.objects.create(study=study, user=user, role="analyst")
    client.force_login(user)
    return client


def page_of(client, query="", name="network_predictions", *args):
    answer = client.get(reverse(f"benchmark:{name}", args=["small", *args]) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def shown(page: str) -> list[str]:
    return re.findall(r"<strong>(case-ZQ[A-Z]-\d+)</strong>", page)


def test_the_hardest_items_come_first_and_every_order_is_what_it_says(poor, people, analyst):
    rows = {one.code: one for one in answered_by(poor)}
    assert set(shown(page_of(analyst))[:4]) == set(WRONG)
    by_hand = {
        "": lambda one: one.p_truth,
        "confidence": lambda one: one.confidence,
        "-confidence": lambda one: -one.confidence,
        "people-above": lambda one: one.p_truth - one.people_right,
        "network-above": lambda one: one.people_right - one.p_truth,
        "item": lambda one: one.code,
    }
    for order, key in by_hand.items():
        codes = shown(page_of(analyst, f"?ensemble={poor.pk}&order={order}"))
        assert codes == sorted(codes, key=lambda code: (key(rows[code]), code)), order
        assert len(codes) == 12


def test_disagreements_of_people_and_network_are_counted_and_found_in_one_click(poor, people, analyst):
    """Against shares counted answer by answer."""
    given = Answer.objects.standing().given().filter(survey_item__block__view="focused")
    counts: dict[str, Counter] = {}
    for code, chosen in given.values_list("survey_item__item__code", "chosen__code"):
        counts.setdefault(code, Counter())[chosen] += 1
    asked = 4  # two groups, two survey sets
    share = {code: counts.get(code, Counter())[code.split("-")[1]] / asked for code in (one.code for one in answered_by(poor))}
    expected = {
        "people-right": {code for code in WRONG if share[code] > 0.5},
        "people-wrong": {code for code in share if code not in WRONG and share[code] < 0.5},
        "both-wrong": {code for code in WRONG if share[code] < 0.5},
    }
    page = page_of(analyst)
    for kind, codes in expected.items():
        assert set(shown(page_of(analyst, f"?ensemble={poor.pk}&disagreement={kind}"))) == codes, kind
        found = re.search(rf'href="\?ensemble={poor.pk}&amp;disagreement={kind}">[^<]*<span>(\d+)<', page)
        assert (int(found[1]) if found else 0) == len(codes), kind
    assert any(expected.values())


def test_a_cell_of_the_confusion_leads_to_its_items(poor, analyst):
    page = page_of(analyst)
    links = re.findall(r'href="([^"]*truth=ZQA&amp;answer=(\w+))#answers" title="(\d+) of 4 ZQA"', page)
    assert {(answer, int(count)) for _, answer, count in links} == {("ZQA", 2), ("ZQB", 2)}
    (wrong,) = [link.replace("&amp;", "&") for link, answer, _ in links if answer == "ZQB"]
    page = analyst.get(wrong).content.decode()
    assert set(shown(page)) == {"case-ZQA-1", "case-ZQA-2"}
    assert 'title="2 of 4 ZQA" aria-current="true"' in page
    ensemble = analyst.get(reverse("models_ml:ensemble", args=["small", poor.pk])).content.decode()
    assert wrong.replace("&", "&amp;") in ensemble


def test_a_member_can_be_looked_at_alone(poor, analyst):
    row = Prediction.objects.select_related("item__truth__diagnosis").get(
        member__name="fold1", member__run=poor.run, item__code="case-ZQC-3"
    )
    row.probabilities, row.answer = [0.9, 0.05, 0.05], "ZQA"
    row.save()
    page = page_of(analyst, f"?ensemble={poor.pk}&of=fold1&outcome=wrong")
    assert set(shown(page)) == {*WRONG, "case-ZQC-3"}
    assert "member fold1 alone" in page
    assert set(shown(page_of(analyst, f"?ensemble={poor.pk}&outcome=wrong"))) == set(WRONG)


def test_answers_outside_the_study_are_counted_and_found(poor, analyst):
    """A network that knows melanoma as well and takes one item for it."""
    poor.run.classes = [*poor.run.classes, "melanoma"]
    poor.run.save()
    for member in poor.run.members.all():
        for row in member.predictions.select_related("item"):
            odd = row.item.code == "case-ZQB-2"
            row.probabilities = [0.02, 0.04, 0.04, 0.9] if odd else [*row.probabilities, 0.0]
            row.save()
    combine(ensemble=poor)
    ensemble = analyst.get(reverse("models_ml:ensemble", args=["small", poor.pk])).content.decode()
    assert f"?ensemble={poor.pk}&amp;answer=outside\">1 answer</a> named a class outside the study" in ensemble
    for answer in ("outside", "melanoma"):
        assert shown(page_of(analyst, f"?ensemble={poor.pk}&answer={answer}")) == ["case-ZQB-2"]
    item = poor.study.items.get(code="case-ZQB-2")
    assert '<th scope="row">melanoma</th>' in page_of(analyst, "", "network_item", poor.pk, item.pk)


def test_turning_from_item_to_item_stays_in_the_list_that_was_chosen(poor, people, analyst):
    codes = shown(page_of(analyst, f"?ensemble={poor.pk}&outcome=wrong"))
    keys = dict(poor.study.items.values_list("code", "pk"))
    for place, code in enumerate(codes):
        page = page_of(analyst, f"?ensemble={poor.pk}&outcome=wrong", "network_item", poor.pk, keys[code])
        turns = dict(re.findall(r'rel="(prev|next)" href="[^"]*/items/(\d+)/\?ensemble=\d+&amp;outcome=wrong"', page))
        expected = {"prev": codes[place - 1] if place else None, "next": codes[place + 1] if place < 3 else None}
        assert turns == {turn: str(keys[code]) for turn, code in expected.items() if code}
        assert f"{place + 1} of 4" in page
    right = page_of(analyst, "?outcome=wrong", "network_item", poor.pk, keys["case-ZQB-0"])  # not in that list
    assert "of 12" in right


def test_an_item_shows_the_probability_of_every_class_beside_every_groups_share(poor, people, analyst):
    item = poor.study.items.get(code="case-ZQB-1")
    page = page_of(analyst, "", "network_item", poor.pk, item.pk)
    row = poor.predictions.get(item=item)
    lines = re.findall(r'<th scope="row">(ZQ\w)(?: ✓)?</th>(.*?)</tr>', page.split('class="who"')[1].split("</table>")[0])
    assert [name for name, _ in lines] == list(poor.study.classes.values_list("code", flat=True))
    for name, cells in lines:
        percents = re.findall(r"</svg>(\d+)%", cells)
        assert len(percents) == 3
        assert int(percents[0]) == pytest.approx(100 * row.probabilities[poor.run.classes.index(name)], abs=0.51)


def test_without_a_choice_the_network_that_reads_the_surveys_is_shown(study, poor, analyst):
    for view in VIEWS:
        stored_network(study, name="reads", view=view)
    assert ">poor</a>, focused" in page_of(analyst)
    take_part(study=study, name="reads")
    assert ">reads</a>, focused" in page_of(analyst)


def test_what_does_not_fit_in_an_address_is_said_and_left_out(poor, analyst):
    page = page_of(analyst, f"?ensemble={poor.pk}&truth=nothing&order=up&of=fold9&page=99")
    assert page.count("Select a valid choice") == 3
    assert len(shown(page)) == 12
    assert "Nothing fits these filters" in page_of(analyst, f"?ensemble={poor.pk}&search=xyz")
    for query in ("?ensemble=99999", "?ensemble=99999999999999999999"):
        assert analyst.get(reverse("benchmark:network_predictions", args=["small"]) + query).status_code == 404


def test_the_list_leaves_as_csv_with_its_filters(poor, people, analyst):
    rows = list(csv.DictReader(io.StringIO(page_of(analyst, f"?ensemble={poor.pk}&outcome=wrong", "network_prediction_table"))))
    assert {row["item"] for row in rows} == set(WRONG)
    assert {row["right"] for row in rows} == {"False"}
    assert all(0 <= float(row["people_right"]) <= 1 and row["people_asked"] == "4" for row in rows)


def test_more_items_take_no_more_queries(poor, people, analyst):
    analyst.get("/account/")  # a session's first page notes that it is used
    with CaptureQueriesContext(connection) as few:
        page_of(analyst, f"?ensemble={poor.pk}&search=ZQA-1")
    with CaptureQueriesContext(connection) as many:
        page_of(analyst, f"?ensemble={poor.pk}")
    assert len(few) == len(many)


def one(code="a", **changes) -> Answered:
    facts = {
        "prediction": 1, "item": 1, "code": code, "truth": "X", "answer": "X", "confidence": 0.9, "p_truth": 0.9,
        "members_differ": False, "fallback": False, "outside": False, "tone": "", "asked": 4, "people_right": 0.5,
        "people_answer": "", "simulated": False,
    }  # fmt: skip
    return Answered(**facts | changes)


def test_half_right_people_are_neither_mostly_right_nor_mostly_wrong_and_what_is_unknown_comes_last():
    assert not any(DISAGREEMENTS[kind](one()) for kind in DISAGREEMENTS)
    unknown = one("b", truth="", p_truth=None, people_right=None)
    assert not unknown.right
    assert not unknown.wrong
    rows = [unknown, one("c", p_truth=0.8), one("a", p_truth=0.8)]
    for order in ("hardest", "people-above", "network-above"):
        assert [row.code for row in in_order(rows, order)] == ["a", "c", "b"]
    assert matching([one(answer=""), one(outside=True)], answer="none")[0].answer == ""
    assert matching([one(), one("m", answer="melanoma", outside=True)], answer="outside")[0].code == "m"
