"""The sections beyond the comparisons: what each promises, on simulated studies with known causes."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import special

from benchmark.core import Plan, Readings, analyse, read_readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.bootstrap import StudyDraws, intervals
from benchmark.core.methods.lmm import fit_lmm
from benchmark.core.methods.rasch import fit_rasch
from benchmark.core.methods.teams import bayes_accuracy, best_threshold, defer_accuracy, vote_accuracy
from benchmark.core.plans.plan import Contrast, Extra
from benchmark.core.sections.item_response import _shrunken
from benchmark.core.sections.order import order_model_section
from benchmark.core.sections.probabilities import reader_confidence_sections

from .conftest import CLASSES
from .crossed_study import QUICK, crossed_network, small_study


@pytest.fixture(scope="module")
def results():
    return analyse(Readings.from_frame(small_study()), plan=QUICK)


def test_mixed_model_equals_lme4_with_classes(duong_sim):
    """lme4 1.1-31, lmer(d ~ class + (1|reader) + (1|item)), REML: item .1024839, reader .0059669, SE .0336322."""
    x = (duong_sim["class_"].to_numpy()[:, None] == np.arange(7)).astype(float)
    fit = fit_lmm(duong_sim["model"] - duong_sim["human"], x, duong_sim["reader"], duong_sim["item"])
    test = fit.contrast(np.full(7, 1 / 7))
    assert (fit.var_second, fit.var_first) == pytest.approx((0.1024838978, 0.005966919), rel=1e-4)
    assert test.se == pytest.approx(0.0336322274, rel=1e-4)


def test_every_method_stands_beside_the_primary_one(results):
    methods = results.records("new_images_methods", view="close")
    assert len(methods) == 6
    primary = results.records("new_images", view="close")[0]
    for record in methods:
        assert record["difference"] == pytest.approx(primary["difference"])
        assert record["se"] == pytest.approx(primary["se"], rel=0.35), record["method"]
        assert record["se_ratio"] == pytest.approx(record["se"] / primary["se_these_images"])
    mixed = next(r for r in methods if r["method"].startswith("linear mixed"))
    assert {"sd_reader", "sd_item", "sd_residual"} <= set(mixed)


def test_max_t_is_at_least_as_wide_as_one_interval(results):
    for record in results["new_images"]:
        assert record["simultaneous_low"] <= record["ci_low"] + 0.02
        assert record["p_max_t"] >= record["p"] - 0.05


def test_metrics_have_intervals_that_hold_the_estimate(results):
    for record in results["metrics"]:
        for name in ("balanced_accuracy", "macro_f1", "kappa"):
            assert record[f"{name}_ci_low"] < record[name] < record[f"{name}_ci_high"]


def test_class_intervals_hold_at_once_and_differences_are_adjusted(results):
    for record in results.records("class_accuracy", kind="human"):
        assert record["simultaneous_low"] <= record["accuracy"] <= record["simultaneous_high"]
    pairs = [(r["p"], r["p_adjusted"]) for r in results["class_differences"]]
    assert len(pairs) == 6
    assert all(adjusted >= p - 1e-12 for p, adjusted in pairs)


def test_shared_draws_equal_the_plain_product_of_weights():
    frame = Readings.from_frame(small_study(confidence=False)).frame.assign(correct=1.0)
    draws = StudyDraws.of(frame, draws=7, seed=1)
    rows = frame[(frame["kind"] == "human") & (frame["view"] == "close")].sample(60, random_state=1)
    value, cell = np.arange(60.0), np.arange(60) % 5
    weights = draws.reader_weights[draws.readers.get_indexer(rows["reader"])]
    weights = weights * draws.item_weights[draws.items.get_indexer(rows["item"])]
    plain = np.stack([(weights * value[:, None])[cell == c].sum(axis=0) for c in range(5)], axis=1)
    assert draws.sums(rows, cell, 5, value) == pytest.approx(plain)
    network = draws.reader_weights[draws.readers.get_indexer(["net"])]
    assert (network == 1).all()


def test_undefined_draws_give_no_interval_and_no_warning(recwarn):
    nan = np.full((10, 1), np.nan)
    rng = np.random.default_rng(0)
    found = intervals(np.array([0.5, 0.5]), np.concatenate([nan, rng.random((10, 1))], axis=1))
    assert (found[0].low, "undefined" in found[0].why) == (None, True)
    assert found[1].low < found[1].high
    assert not [w for w in recwarn if issubclass(w.category, RuntimeWarning)]


def test_agreement_has_both_intervals_and_every_class(results):
    for record in results["agreement"]:
        assert record["fleiss_kappa_two_way_ci_low"] < record["fleiss_kappa"] < record["fleiss_kappa_two_way_ci_high"]
        assert record["gwet_ac1_se"] > 0
    assert {r["class"] for r in results["category_agreement"]} == {"a", "b", "c"}
    pairs = results.records("error_consistency_pairs", view="close")
    assert len(pairs) == 9 * 8 / 2
    means = results.records("error_consistency", view="close", first="people", second="people")
    assert means[0]["ci_low"] <= means[0]["error_consistency"] <= means[0]["ci_high"]


def test_views_networks_and_groups_answer_both_questions(founding_results):
    for section in ("views", "groups"):
        for record in founding_results[section]:
            assert record["these_images_p"] is not None
            assert record["se_ratio"] == pytest.approx(record["se"] / record["these_images_se"])
            assert record["p_adjusted"] >= record["p"]
    (network,) = founding_results["networks"]
    assert network["ci_low"] <= network["difference"] <= network["ci_high"]


def test_a_margin_reaches_every_contrast(founding_frame):
    frame = founding_frame[founding_frame["survey"].isin(["", *(f"S{k:02d}" for k in range(1, 11))])]
    results = analyse(Readings.from_frame(frame), plan=Plan(margin=0.1, bootstrap_draws=100, mixed_models="never"))
    for section in ("equivalence", "views", "groups", "networks"):
        for record in results[section]:
            assert isinstance(record["equivalent"], bool)
            assert not record["equivalent"] or record["noninferior"]
    assert all("never" in r["why"] for r in results["mixed_models"])


def test_one_order_is_confounded_and_two_orders_are_separated():
    one = analyse(Readings.from_frame(small_study(both_orders=False)), plan=QUICK)["carry_over"][0]
    assert one["confounded"] is True
    assert "cannot be told apart" in one["statement"]
    assert one["view_effect"] is None
    two = analyse(Readings.from_frame(small_study(readers=40, seed=5)), plan=QUICK)["carry_over"][0]
    assert two["confounded"] is False
    assert two["readers_first_view_first"] == two["readers_second_view_first"] == 20
    assert two["view_effect"] == pytest.approx(0.08, abs=0.06)
    assert two["view_effect_ci_low"] < two["view_effect"] < two["view_effect_ci_high"]


def test_the_model_of_orders_finds_view_period_and_carry_over_as_they_were_made():
    """Log odds of .8 for the second view, .5 for the second period and -.6 for the order, in 40 readers of 60 images."""
    rng, rows = np.random.default_rng(11), []
    hard, skill = rng.normal(0, 0.7, 60), rng.normal(0, 0.4, 40)
    for reader in range(40):
        close_first = reader % 2 == 0
        for view in ("close", "wide"):
            second = (view == "wide") == close_first
            logit = 0.3 + 0.8 * (view == "wide") + 0.5 * second - 0.6 * close_first + skill[reader] - hard
            right = rng.random(60) < special.expit(logit)
            rows += [
                (f"r{reader}", "people", f"i{i}", "ab"[i % 2], "ab"[(i + (not right[i])) % 2], "human", view, "S1", 1 + second) for i in range(60)
            ]
    columns = ["reader", "group", "item", "truth", "answer", "kind", "view", "survey", "block"]
    scored = Scored(Readings.from_frame(pd.DataFrame(rows, columns=columns)))
    records = order_model_section(scored, Plan())
    assert [r["term"] for r in records] == ["wide against close", "second period against first", "carry-over: close first against wide first"]
    for record, truth in zip(records, (0.8, 0.5, -0.6)):
        assert record["ci_low"] < truth < record["ci_high"], record
        assert record["log_odds_ratio"] == pytest.approx(truth, abs=0.3)
    assert records[0]["p"] < 0.001
    one_order = scored.readings.with_frame(scored.readings.frame.assign(block=scored.readings.frame["view"].map({"close": "1", "wide": "2"})))
    assert order_model_section(Scored(one_order), Plan()) == [], "confounded orders have no such model"


def test_the_model_of_orders_is_that_of_an_independent_program():
    """Laplace's approximation written out in base R, by tests/reference/order_model.R, to its very top; the product's climb ends where
    the slope is 1e-4, within a ten-thousandth of a standard error of it."""
    folder = Path(__file__).parents[2] / "reference"
    expected = json.loads((folder / "order_model.json").read_text())
    found = order_model_section(Scored(read_readings(folder / "order_readings.csv")), Plan())
    assert [record["log_odds_ratio"] for record in found] == pytest.approx(expected["beta"], abs=1e-4 * min(expected["se"]))
    assert [record["se"] for record in found] == pytest.approx(expected["se"], rel=1e-5)


def test_response_times_follow_what_made_them(results):
    terms = {r["term"]: r for r in results["time_model"]}
    right = terms["right against wrong answers"]
    assert right["ci_low"] < np.exp(-0.3) < right["ci_high"]
    later = terms["10 items later"]
    assert later["ratio"] == pytest.approx(np.exp(-0.1), abs=0.05)


def test_declared_limits_leave_out_times():
    frame = small_study()
    frame.loc[frame.index[-1], "rt_ms"] = 900_000
    plan = Plan(bootstrap_draws=100, longest_ms=60_000)
    times = analyse(Readings.from_frame(frame), plan=plan)["times"]
    assert sum(record["outside_limits"] for record in times) == 1


def test_stated_confidence_is_calibrated_and_selective(results):
    for record in results["reader_calibration"]:
        assert record["scale"] == "probability"
        assert record["ece_ci_low"] <= record["ece_ci_high"]
        assert record["accuracy_at_80"] > 1 - record["aurc"] - 0.3
        assert record["auc_right_over_wrong"] > 0.8
    curve = results.records("reader_risk_coverage", view="close")
    assert (curve[-1]["coverage"], len(curve)) == (1.0, 100)


def test_draws_in_which_nobody_stated_confidence_are_left_out_of_its_intervals():
    """One of two readers stated any: every fourth draw takes the other twice. The estimates are those without draws."""
    rows = [(who, "people", f"i{i}", "ab"[i % 2], "a", str(0.5 + i / 20) if who == "r1" else "") for who in ("r1", "r2") for i in range(8)]
    frame = pd.DataFrame(rows, columns=["reader", "group", "item", "truth", "answer", "confidence"])
    scored = Scored(Readings.from_frame(frame), "incorrect", ())
    draws = StudyDraws.of(scored.frame, draws=200, seed=0)
    assert 20 < (draws.reader_weights[0] == 0).sum() < 80
    with np.errstate(divide="raise", invalid="raise"):
        (record,) = reader_confidence_sections(scored, draws, seed=0, confidence=0.95)["reader_calibration"]
    for name in ("ece", "overconfidence", "brier"):
        assert record[f"{name}_ci_low"] < record[name] < record[f"{name}_ci_high"]


def test_ratings_are_not_probabilities():
    frame = small_study()
    people = frame["kind"] == "human"
    frame.loc[people, "confidence"] = (1 + 4 * frame.loc[people, "confidence"].astype(float)).round()
    record = analyse(Readings.from_frame(frame), plan=QUICK)["reader_calibration"][0]
    assert record["ece"] is None
    assert "no probabilities" in record["why"]
    assert record["aurc"] is not None


def test_networks_probabilities_have_intervals_and_curves(crossed_results):
    results, own = crossed_results, crossed_network("close")
    (record,) = results["calibration"]
    for name in ("brier", "log_loss", "aurc", "accuracy_at_80", "accuracy_at_90"):
        assert record[f"{name}_ci_low"] <= record[name] <= record[f"{name}_ci_high"]
    assert results["risk_coverage"][-1]["risk"] == pytest.approx((own["truth"] != own["answer"]).mean())
    assert len(results["class_calibration"]) == 3
    teams = {r["team"] for r in results.records("teams", model="net", view="close")}
    assert {"network where confident, else a reader", "reader and network by Bayes' rule"} <= teams


def test_teams_have_intervals_and_the_bound_is_one(results):
    records = results.records("teams", view="close")
    bounded = [r for r in records if r["ci_low"] is not None]
    assert bounded
    assert all(r["ci_low"] <= r["accuracy"] <= r["ci_high"] for r in bounded)
    assert all("the same in every bootstrap draw" in r["why"] for r in records if r["ci_low"] is None)
    votes = {r["size"]: r for r in records if r["team"].startswith("vote") and r["model"] is None}
    bounds = {r["size"]: r for r in records if r["team"].startswith("any")}
    assert sorted(votes) == [1, 2, 3, 4, 5, 6, 8]
    assert all(bounds[size]["accuracy"] >= votes[size]["accuracy"] for size in bounds)


def test_a_networks_vote_counts_as_one_more_reader():
    counts, truth, network = np.array([[2, 1, 0]]), np.array([0]), np.array([1])
    with_network = vote_accuracy(counts, truth, 3, network)[0]
    assert with_network == 0.5  # two against two
    assert vote_accuracy(np.array([[2, 2, 0]]), truth, 4)[0] == 0.5
    assert vote_accuracy(counts, truth, 1, np.array([0]))[0] == pytest.approx(2 / 3 + 1 / 3 * 0.5)


def test_bayes_follows_the_surer_source():
    counts, truth = np.tile([[5, 0], [0, 5]], (10, 1)), np.tile([0, 1], 10)
    unsure = np.full((20, 2), 0.5)
    folds = np.arange(20) % 5
    assert bayes_accuracy(counts, truth, unsure, folds).mean() == 1
    misled = np.tile([[0.3, 0.7], [0.7, 0.3]], (10, 1))
    assert bayes_accuracy(counts, truth, misled, folds, together=True).mean() == 1


def test_the_threshold_found_is_the_best_of_all():
    rng = np.random.default_rng(4)
    human, network, sure = rng.random(40), rng.random(40) < 0.6, rng.random(40).round(1)
    options = [0.0, *np.unique(sure), np.inf]
    best = max(defer_accuracy(human, network, sure, t).mean() for t in options)
    assert defer_accuracy(human, network, sure, best_threshold(human, network.astype(float), sure)).mean() == (
        pytest.approx(best)
    )


def mean_infit_where_the_model_holds(*, readers, items, studies):
    """Mean infit of simulated studies, whose answers follow the model that is fitted to them."""
    rng, (reader, item) = np.random.default_rng(6), np.indices((readers, items)).reshape(2, -1)
    found = []
    for _ in range(studies):
        ability, difficulty = rng.normal(0, 0.5, readers), rng.normal(-0.8, 1, items)
        right = (rng.random(len(item)) < special.expit(ability[reader] - difficulty[item])).astype(float)
        found.append(_shrunken(reader, item, right).infit.mean())
    return found


def test_infit_is_one_where_the_model_holds():
    """Marginal likelihood, and abilities averaged over what is known of them: no bias to allow for."""
    rng = np.random.default_rng(2)
    right = rng.random((200, 12)) < special.expit(rng.normal(0, 0.8, (200, 1)) - np.linspace(-1.5, 1, 12))
    assert fit_rasch(right.astype(float)).infit.mean() == pytest.approx(1, abs=0.01)
    noisy = right.copy()
    noisy[:, 5] = rng.random(200) < right[:, 5].mean()
    assert fit_rasch(noisy.astype(float)).infit.argmax() == 5


def test_item_response_places_everybody_on_one_scale(results):
    items, readers = results.records("rasch_items", view="close"), results.records("rasch_readers", view="close")
    assert len(items) == 24
    hardest = max(items, key=lambda r: r["difficulty"])
    assert hardest["correct"] <= np.median([r["correct"] for r in items])
    simulated = mean_infit_where_the_model_holds(readers=8, items=24, studies=20)
    assert np.mean([r["infit"] for r in items]) == pytest.approx(np.mean(simulated), abs=4 * np.std(simulated))
    assert np.mean(simulated) == pytest.approx(1, abs=0.1)
    (network,) = [r for r in readers if r["kind"] == "model"]
    assert network["ability_se"] > 0
    people = sorted((r for r in readers if r["kind"] == "human"), key=lambda r: r["correct"])
    assert people[0]["ability"] < people[-1]["ability"]


def test_logistic_mixed_model_gives_points_too(founding_results):
    for record in founding_results["mixed_models"]:
        primary = founding_results.records("new_images", **{k: record[k] for k in ("model", "group", "view")})[0]
        assert record["difference"] == pytest.approx(primary["difference"], abs=0.03)
        assert record["ci_low"] < record["log_odds_ratio"] < record["ci_high"]


def test_deviations_name_everything_that_departs(founding_frame):
    plan = Plan(
        primary=(Contrast("classifier", "pediatrician", "focused"), Contrast("other", "pediatrician", "focused")),
        classes=(*CLASSES, "Unknown"), secondary=(Extra("odd", test="seance"),), unit="survey", declared=True, text="x",
        bootstrap_draws=100, mixed_models="never",
    )  # fmt: skip
    without_surveys = founding_frame.assign(survey="")
    results = analyse(Readings.from_frame(without_surveys), plan=plan, stamped_sha256="0" * 64)
    kinds = [record["kind"] for record in results["deviations"]]
    assert set(kinds) == {
        "plan changed after its stamp", "planned but not possible", "not planned, exploratory",
        "other unit than planned", "planned but not run", "planned class without items",
    }  # fmt: skip


def test_missing_answers_the_other_way_run_by_themselves(founding_frame):
    plan = Plan(missing="excluded", sensitivity=(), bootstrap_draws=100, mixed_models="never")
    records = analyse(Readings.from_frame(founding_frame), plan=plan)["sensitivity"]
    assert {r["analysis"] for r in records} == {"blanks counted as wrong"}
    assert len(records) == 8


def test_relabelling_readers_items_and_classes_changes_no_estimate(results):
    frame = small_study()
    renamed = frame.assign(
        item="x" + frame["item"], truth=frame["truth"].str.upper(), answer=frame["answer"].str.upper(),
        reader=frame["reader"].where(frame["kind"] == "model", "q" + frame["reader"]),
    )  # fmt: skip
    again = analyse(Readings.from_frame(renamed), plan=QUICK)
    for section, field in (("new_images", "se"), ("metrics", "kappa"), ("agreement", "krippendorff_alpha"),
                           ("mixed_models", "log_odds_ratio"), ("carry_over", "view_effect"),
                           ("teams", "accuracy")):  # fmt: skip
        assert [r[field] for r in again[section]] == pytest.approx([r[field] for r in results[section]], rel=1e-6)


@pytest.mark.parametrize("kept", ["networks alone", "one item"])
def test_a_study_of_networks_alone_or_of_one_item_is_analysed(kept):
    study = small_study()
    study = study[study["kind"] == "model"] if kept == "networks alone" else study[study["item"] == "i0"]
    found = analyse(Readings.from_frame(study), plan=QUICK)
    assert found["accuracy"]
    assert not [record for record in found["paired"] if kept == "networks alone"]
    assert all(record["p"] is not None or record["why"] for record in found["new_images"])


def test_every_cell_of_a_confusion_matrix_has_an_interval_and_the_diagonal_that_of_its_class(founding_results):
    for record in founding_results["confusion"]:
        for name, shares, bounds in zip(record["classes"], record["row_percent"], record["row_ci"]):
            assert len(bounds) == len(shares) == len(record["classes"]) + 1
            assert all(low - 1e-9 <= share <= high + 1e-9 for share, (low, high) in zip(shares, bounds))
            (own,) = founding_results.records(
                "class_accuracy", **{key: record[key] for key in ("group", "kind", "reader", "view")}, **{"class": name}
            )
            place = record["classes"].index(name)
            assert bounds[place] == pytest.approx([100 * own["ci_low"], 100 * own["ci_high"]])


def test_a_network_stands_among_readers_on_their_own_items(founding_frame, founding_results):
    """Counted by hand: a reader is beaten where the network has more of that reader's items right; not where its mean is larger."""
    frame = founding_frame.assign(right=founding_frame["answer"] == founding_frame["truth"])
    for record in founding_results["standing"]:
        network = frame[(frame["kind"] == "model") & (frame["view"] == record["view"])].set_index("item")["right"]
        people = frame[(frame["group"] == record["group"]) & (frame["view"] == record["view"])]
        gap = network.reindex(people["item"]).to_numpy(int) - people["right"].to_numpy(int)
        sums = pd.Series(gap).groupby(people["reader"].to_numpy()).sum()
        beaten, equalled = int((sums > 0).sum()), int((sums == 0).sum())
        assert (record["readers"], record["beaten"], record["equalled"]) == (len(sums), beaten, equalled)
        assert record["percentile"] == pytest.approx(100 * (beaten + equalled / 2) / len(sums))
