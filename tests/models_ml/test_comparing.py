"""Runs side by side: the pictures on which one alone is right, curves over one another, settings that differ."""

import json
import re

import numpy as np
import pytest
from django.urls import reverse

from models_ml.charts import compared_curves
from models_ml.core.answers.evaluate import evaluate_out_of_fold
from models_ml.models import TrainingRun
from models_ml.presenting import compared_settings, p_text
from models_ml.services.comparing import answered_cases, held_out_cases, pairs
from models_ml.services.storing import import_run
from tests.models_ml.factories import stored_network

pytestmark = pytest.mark.django_db


@pytest.fixture
def engineer(client, person):
    client.force_login(person("engineer"))
    return client


@pytest.fixture
def two(study):
    """ "first" errs on one item, "second" on two others; 6 test items."""
    return [
        stored_network(study, name="first", wrong=("IP-6",)),
        stored_network(study, name="second", wrong=("HMI-6", "MA-7")),
    ]


def compare(client, *runs):
    query = "&".join(f"run={run.pk}" for run in runs)
    answer = client.get(reverse("models_ml:compare", args=["spots"]) + f"?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_pair_is_judged_on_the_pictures_that_both_answered(two):
    first, second = (answered_cases(one) for one in two)
    (pair,) = pairs([("first", first), ("second", second)])
    assert (pair.n, pair.first_alone, pair.second_alone) == (6, ["HMI-6", "MA-7"], ["IP-6"])
    assert pair.test.difference.value == pytest.approx(1 / 6)
    assert pair.test.p == 1.0  # 2 against 1
    briers = [np.mean([case.brier for case in cases.values()]) for cases in (first, second)]
    assert pair.test.brier_difference.value == pytest.approx(briers[0] - briers[1])
    del first["HMI-6"]
    assert (pairs([("a", first), ("b", second)])[0].n, pairs([("a", first), ("b", {})])[0].test) == (5, None)


def test_an_abstention_is_not_right_in_a_comparison(two):
    two[0].predictions.filter(item__code="HMI-7").update(answer="")
    assert answered_cases(two[0])["HMI-7"].right is False


def test_photographs_are_kept_whole_in_a_comparison(study, two):
    study.items.filter(code__in=["HMI-6", "MA-7"]).update(group="one photograph")
    (pair,) = pairs([(one.name, answered_cases(one)) for one in two])
    assert "5 clusters" in pair.test.difference.method
    assert pair.test.p == 1.0


def test_the_page_links_the_items_and_says_what_differs(study, two, engineer):
    page = compare(engineer, *(one.run for one in two))
    row = re.search(r'<th scope="row">(\w+) \(focused\) against (\w+) \(focused\)</th>(.*?)</tr>', page)
    assert [row[1], row[2]] == ["second", "first"]  # newest first
    numbers = dict(re.findall(r'data-label="([^"]+)">([^<]*)<', row[3]))
    assert (numbers["Pictures"], numbers["First alone right"], numbers["Second alone right"], numbers["p"]) == ("6", "1", "2", "1")
    assert numbers["Difference in accuracy, points"].startswith("\N{MINUS SIGN}16.7 (")
    keys = dict(study.items.values_list("code", "pk"))
    for code in ("IP-6", "HMI-6", "MA-7"):
        assert f"{reverse('imagebank:item', args=['spots', keys[code]])}\">{code}</a>" in page
    assert "In no setting." in page
    run = two[0].run
    run.config = run.config | {"recipe": run.config["recipe"] | {"lr": 0.5}}
    run.save()
    assert ">0.5</td>" in compare(engineer, *(one.run for one in two))
    differing = [name for name, _, differs in compared_settings([one.run for one in two]) if differs]
    assert differing == ["recipe.lr"]


def test_fewer_than_two_runs_are_asked_for(two, engineer):
    assert "Choose two runs or more" in compare(engineer, two[0].run)
    for query in ("", "?run=x", f"?run={2**70}"):
        page = engineer.get(reverse("models_ml:compare", args=["spots"]) + query)
        assert "Choose two runs or more" in page.content.decode()


def test_held_out_pictures_are_compared_with_their_photographs(networks, trained_folders, study, engineer):
    """A run against itself: every picture is the same, none is right alone; the page opens with both kinds of pairs."""
    import_run(study=study, folder=trained_folders["focused"], name="again")
    runs = [TrainingRun.objects.get(name=name, view="focused") for name in ("small", "again")]
    cases = [held_out_cases(run) for run in runs]
    (pair,) = pairs([("a", cases[0]), ("b", cases[1])])
    assert (pair.n, pair.first_alone, pair.second_alone, pair.test.p) == (18, [], [], 1.0)
    assert sum(case.right for case in cases[0].values()) / 18 == pytest.approx(
        runs[0].out_of_fold["accuracy_clustered"]["value"]
    )
    page = compare(engineer, *runs)
    assert "On the same held-out pictures" in page
    assert page.count('class="curve') == page.count("<polyline ") > 0
    (runs[0].folder / "oof.csv").write_text("spoilt")
    assert held_out_cases(runs[0]) == {}
    assert "They have answered no picture in common." in compare(engineer, *runs)


def test_curves_lie_over_one_another_with_the_mean_of_their_folds():
    def rows(*losses):
        return [{"epoch": k + 1, "held_out_loss": loss, "balanced_accuracy": 0.5} for k, loss in enumerate(losses)]

    loss, _ = compared_curves([{0: rows(2.0, 1.0), 1: rows(1.0)}, {0: rows(2.0, 2.0, 2.0)}])
    assert sorted((line.number, line.kind) for line in loss.lines) == [(0, "fold"), (0, "fold"), (0, "mean"), (1, "fold"), (1, "mean")]
    heights = {line.number: [float(p.split(",")[1]) for p in line.points.split()] for line in loss.lines if line.kind == "mean"}
    scale = (loss.bottom - loss.top) / 2.0
    assert [(loss.bottom - y) / scale for y in heights[0]] == pytest.approx([1.5, 1.0], abs=0.01)
    assert compared_curves([{}, {}]) == []


def test_held_out_pictures_have_their_hardest_and_their_skin_tones(networks, engineer):
    run = networks["focused"].run
    hardest = run.out_of_fold["hardest"]
    assert [row["p_truth"] for row in hardest] == sorted(row["p_truth"] for row in hardest)
    assert {row["skin_tone"]: row["n"] for row in run.out_of_fold["skin_tone"]} == {"1": 6, "2": 6, "3": 6}
    page = engineer.get(reverse("models_ml:run", args=["spots", run.pk])).content.decode()
    assert "The hardest held-out pictures" in page
    assert f">{hardest[0]['item']}</a>" in page
    direct = evaluate_out_of_fold(run.folder / "oof.csv", own=run.own_classes)
    assert json.dumps(direct["hardest"]) == json.dumps(hardest)
    assert direct["skin_tone"] == []  # without a manifest none are known


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< .001"), (0.0344, ".034"), (0.9, ".900"), (1.0, "1"), (0.9996, "1")])
def test_p_values_are_written_as_journals_print_them(p, text):
    assert p_text(p) == text
