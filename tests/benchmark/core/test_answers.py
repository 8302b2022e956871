"""The sentences that answer a page's question: their numbers are those of its tables, and they claim no more than these."""

import re
from statistics import median, stdev

import pytest
from scipy.special import expit

from benchmark.core import Results
from benchmark.core.report.answers import AT_MOST, answers_on, notes_on
from benchmark.core.report.page import build_report
from benchmark.core.report.secondary import (
    calibration_sentences,
    carry_over_sentences,
    item_response_sentences,
    method_sentences,
    sensitivity_sentences,
)
from benchmark.core.sections.item_response import IMAGES_ALIKE
from benchmark.pages.presenting import TOPICS, topic_page

# Numbers with decimals, and p values, as they are printed.
NUMBER = re.compile(r"(?<![\d.])−?\d*\.\d+(?: × 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?")
FROM_TABLES = ("accuracy", "contrasts", "agreement", "order", "teams")


def whole(results, **changed) -> Results:
    return Results({**results.content, **changed})


@pytest.mark.parametrize("topic", FROM_TABLES)
def test_every_number_of_an_answer_stands_in_a_table_of_its_page(crossed_results, founding_results, topic):
    told = 0
    for results in (crossed_results, founding_results):
        page = topic_page(results.content, topic)
        cells = {n for t in page.tables for row in t.rows for cell in row for n in NUMBER.findall(f"{cell.text} {cell.below}")}
        for sentence in page.answers:
            found = NUMBER.findall(re.sub(r"the 0\.05 level", "", sentence))
            told += len(found)
            assert {n.removeprefix("−") for n in found} <= {n.removeprefix("−") for n in cells}, sentence
    assert told > 10


def test_every_page_of_results_begins_with_an_answer_and_says_what_it_holds_for(crossed_results):
    for topic in TOPICS:
        page = topic_page(crossed_results.content, topic.slug)
        if page is not None:
            assert page.answers, topic.slug
            assert page.notes, topic.slug
    assert topic_page(crossed_results.content, "order").answers[0].startswith("In the later half of a block of close images, people were ")


def test_too_many_sentences_are_cut_and_counted(crossed_results):
    many = whole(crossed_results, accuracy=crossed_results["accuracy"] * 20)
    said = answers_on(many, "accuracy")
    assert len(said) == AT_MOST + 1
    assert said[-1] == f"{len(many['accuracy']) - AT_MOST} more are in the tables."


def test_view_and_order_are_told_apart_only_where_the_design_does(crossed_results):
    (record,) = crossed_results["carry_over"]
    pairs, effects = carry_over_sentences(crossed_results)
    assert f"Of {record['pairs']} pairs of answers" in pairs
    assert f"{record['wrong_then_right']} were wrong in close and right in wide, {record['right_then_wrong']} the other way round" in pairs
    assert effects.startswith("People, both orders together: right answers were ")
    assert effects.endswith("for these images and new readers.")
    mixed = {**record, "confounded": True, "statement": "Every reader saw close before wide."}
    _, statement = carry_over_sentences(whole(crossed_results, carry_over=[mixed]))
    assert statement == "Every reader saw close before wide."


def calibrated(**changed) -> Results:
    record = {
        "model": "net", "view": None, "ece_10_equal_mass": 0.116, "ece_10_equal_mass_perfect_mean": 0.073, "ece_10_equal_mass_perfect_p95": 0.106,
        "accuracy_at_80": 0.946, "accuracy_at_80_ci_low": 0.902, "accuracy_at_80_ci_high": 0.982, **changed,
    }  # fmt: skip
    bins = [{"model": "net", "view": None, "binning": "ece_10_equal_mass", "count": n, "confidence": p, "accuracy": right}
            for n, p, right in ((30, 0.5, 0.6), (10, 0.9, 1.0))]  # fmt: skip
    others = [{**bins[0], "binning": "ece_15_equal_width", "count": 1000}, {**bins[0], "model": "other", "count": 1000}]
    return Results({"calibration": [record], "reliability": [*bins, *others]})


def test_probabilities_are_held_against_what_perfect_ones_would_show():
    (said,) = calibration_sentences(calibrated())
    assert said == (
        "Net gave its answers probabilities of 60.0 % on average and was right in 70.0 %, so that they were 10.0 points too low; the calibration"
        " error is 0.116, where perfect probabilities show 0.073 on average and more than 0.106 in one of twenty samples like this one: more than"
        " chance explains. Among the 80 % of images of which it was surest it was right in 94.6 % (90.2 to 98.2)."
    )
    (within,) = calibration_sentences(calibrated(ece_10_equal_mass=0.1))
    assert "no more than perfect ones may show, which does not make them perfect" in within


def test_a_networks_mean_probability_is_that_of_its_predictions(crossed_results):
    (said,) = calibration_sentences(crossed_results)
    bins = crossed_results.records("reliability", binning="ece_10_equal_mass")
    assert sum(b["count"] for b in bins) == 24
    right = 100 * sum(b["count"] * b["accuracy"] for b in bins) / 24
    (network,) = crossed_results.records("accuracy", kind="model", view="close")
    assert right == pytest.approx(100 * network["accuracy"])
    assert f"was right in {right:.1f} %" in said


def test_difficulty_is_told_with_how_little_is_known_of_it(crossed_results):
    images, people = list(item_response_sentences(crossed_results))[:2]
    items = crossed_results.records("rasch_items", view="close")
    hard, error = [r["difficulty"] for r in items], median(r["difficulty_se"] for r in items)
    easiest, hardest = (f"{100 * expit(-value):.0f} %" for value in (min(hard), max(hard)))
    assert f"the easiest image correctly with a chance of about {easiest} and the hardest with {hardest}" in images
    assert f"a standard deviation of {stdev(hard):.2f} logits and a median standard error of {error:.2f}" in images
    assert ("their order are not known" in images) == (error > stdev(hard) / 2)
    (network,) = crossed_results.records("rasch_readers", view="close", kind="model")
    assert f"net stands at {network['ability']:.2f} (standard error {network['ability_se']:.2f}), " in people.replace("−", "-")
    over = {**network, "percentile": 99.99}
    readers = [over if r is network else r for r in crossed_results["rasch_readers"]]
    assert "above more than 99.9 % of such readers" in list(item_response_sentences(whole(crossed_results, rasch_readers=readers)))[1]
    alike = [{**r, "difficulty_se": None, "why": IMAGES_ALIKE} for r in items]
    (said, _) = item_response_sentences(whole(crossed_results, rasch_items=alike))
    assert said == f"On close images, images cannot be told apart by difficulty: {IMAGES_ALIKE}."


def sensitivity(verdict: bool, moved: float, name: str = "blanks excluded") -> dict:
    return {"analysis": name, "estimand": "new images", "model": "net", "group": "people", "view": "close", "difference_main": 0.1,
            "difference": 0.1 + moved, "same_verdict": verdict}  # fmt: skip


def test_an_analysis_that_says_otherwise_is_named():
    plan = {"alpha": 0.05}
    (said,) = sensitivity_sentences(Results({"plan": plan, "sensitivity": [sensitivity(True, 0.01), sensitivity(True, -0.02)]}))
    assert said == (
        "In 2 of 2 sensitivity analyses the verdict at the 0.05 level is that of the main analysis. No difference moves by more than 2.0 points."
    )
    others = [sensitivity(False, 0, f"analysis {n}") for n in range(5)]
    (said,) = sensitivity_sentences(Results({"plan": plan, "sensitivity": [sensitivity(True, 0), *others]}))
    assert said.startswith("In 1 of 6 sensitivity analyses")
    assert "; not in analysis 0, new images, net against people on close images; analysis 1," in said
    assert "; and 2 more." in said


def test_other_methods_are_counted_by_their_verdict(crossed_results):
    said, mixed = method_sentences(crossed_results)
    main = {r["view"]: r for r in crossed_results["new_images"]}
    tests = [r for r in crossed_results["new_images_methods"] if r["p"] is not None and not r["method"].endswith("(primary)")]
    same = [r for r in tests if (r["p"] < 0.05) == (main[r["view"]]["p"] < 0.05)]
    assert f"{len(same)} of {len(tests)} tests by other methods" in said
    flipped = [{**r, "p": 1.0 if r["p"] < 0.05 else 0.0} if r in tests else r for r in crossed_results["new_images_methods"]]
    assert f"{len(tests) - len(same)} of {len(tests)} tests" in next(method_sentences(whole(crossed_results, new_images_methods=flipped)))
    assert "in 2 of 2 comparisons" in mixed or "in 1 of 2 comparisons" in mixed


def test_what_rests_on_simulated_readers_is_said_of_teams(crossed_results):
    assert not any("simulated" in line for line in notes_on(crossed_results, "teams"))
    assert "Readers are simulated here" in notes_on(whole(crossed_results, simulated=True), "teams")[-1]


def test_pages_beyond_the_contrasts_say_what_of_them_was_planned(crossed_results):
    named = {"secondary": [{"name": "one network against the other", "test": None, "missing": None, "multiplicity": "none"}], "declared": True}
    planned = whole(crossed_results, plan={**crossed_results["plan"], **named})
    told = "Beside its contrasts the plan names one network against the other; whatever else stands here is exploratory."
    assert [told in notes_on(planned, topic) for topic in ("contrasts", "teams", "accuracy")] == [True, True, False]
    assert not any("the plan names" in note for note in notes_on(crossed_results, "contrasts"))
    before = whole(crossed_results, plan={key: value for key, value in planned["plan"].items() if key != "secondary"})
    assert not any("plan names" in note for note in notes_on(before, "contrasts")), "an older version did not keep them"


def test_the_report_says_the_same_sentences_before_its_tables(crossed_results):
    report = build_report(crossed_results, [], {}).replace("&#x27;", "'").replace("\u00a0", " ")
    for topic in ("order", "probabilities", "teams", "item-response"):
        for sentence in answers_on(crossed_results, topic):
            assert sentence in report, sentence
