"""Time: what counts as looking, fast and slow answers, a window left; and families of tests as the plan declares them."""

import numpy as np
import pandas as pd
import pytest

from benchmark.core import InputError, Plan, Readings, analyse
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.bootstrap import StudyDraws
from benchmark.core.methods.multiplicity import METHODS
from benchmark.core.plans.plan import Contrast
from benchmark.core.sections.comparisons import adjust_by_largest_t, new_images_section, paired_sections
from benchmark.core.sections.times import time_model_section

from .crossed_study import small_study

QUICK = Plan(bootstrap_draws=400, mixed_models="never")


@pytest.fixture(scope="module")
def interrupted() -> pd.DataFrame:
    """Readers left the window in a fifth of the readings; there they took an hour and were wrong."""
    frame = small_study()
    away = (frame["kind"] == "human") & (np.arange(len(frame)) % 5 == 0)
    frame["left_window"] = np.where(frame["kind"] == "human", away.astype(int), "")
    frame.loc[away, "rt_ms"] = 3_600_000
    frame.loc[away, "answer"] = frame.loc[away, "truth"].map({"a": "b", "b": "c", "c": "a"})
    return frame


def test_readings_with_the_window_left_are_no_times(interrupted):
    results = analyse(Readings.from_frame(interrupted), plan=QUICK)
    for record in results["times"]:
        own = interrupted[(interrupted["view"] == record["view"]) & (interrupted["kind"] == "human")]
        assert record["window_left"] == (own["left_window"].astype(int) > 0).sum() > 0
        assert record["readings"] + record["window_left"] == len(own)
        assert record["upper_quartile_s"] < 60


def test_comparisons_without_such_readings_run_by_themselves(interrupted):
    results = analyse(Readings.from_frame(interrupted), plan=QUICK)
    names = {record["analysis"] for record in results["sensitivity"]}
    (name,) = [name for name in names if name.endswith("readings in which the window was left")]
    records = results.records("sensitivity", analysis=name)
    assert {record["estimand"] for record in records} == {"these images", "new images"}
    stayed = interrupted[interrupted["left_window"].isin(["", "0", 0])]
    again = analyse(Readings.from_frame(stayed), plan=QUICK)
    for record in records:
        section, field = {"these images": ("paired", "mean_difference"), "new images": ("new_images", "difference")}[
            record["estimand"]
        ]
        (other,) = again.records(section, view=record["view"])
        assert record["difference"] == pytest.approx(other[field])
        assert record["difference"] < record["difference_main"]
    assert not any("window" in r["analysis"] for r in again["sensitivity"])


def test_comparisons_without_the_whole_sittings_run_beside_them(interrupted):
    """Two readers left the window once each and lose every reading; nothing is told when nobody would be left."""
    people = interrupted["kind"] == "human"
    chosen = sorted(interrupted.loc[people, "reader"].unique())[:2]
    once = people & interrupted["reader"].isin(chosen) & ~interrupted.duplicated("reader")
    frame = interrupted.assign(left_window=np.where(people, once.astype(int), ""))
    name = "without the 2 sittings in which the window was left at any time"
    results = analyse(Readings.from_frame(frame), plan=QUICK)
    records = results.records("sensitivity", analysis=name, estimand="new images")
    sittings = pd.MultiIndex.from_frame(frame.loc[once, ["reader", "survey"]])
    kept = frame[~pd.MultiIndex.from_frame(frame[["reader", "survey"]]).isin(sittings)]
    again = analyse(Readings.from_frame(kept), plan=QUICK)
    assert len(records) == len(again["new_images"])
    for record in records:
        (other,) = again.records("new_images", view=record["view"])
        assert record["difference"] == pytest.approx(other["difference"])
    everybody = analyse(Readings.from_frame(interrupted), plan=QUICK)
    assert not any("at any time" in r["analysis"] for r in everybody["sensitivity"])


def test_a_count_of_windows_left_must_be_one():
    frame = small_study().assign(left_window="often")
    with pytest.raises(InputError, match='line 2, column "left_window"'):
        Readings.from_frame(frame)


def test_fast_answers_are_compared_within_readers():
    """Of each reader the fastest fifth is right, whoever the reader is: speed and accuracy of readers do not mix."""
    rows = [("net", "n", f"i{k}", "a", "a", "model", "") for k in range(20)]
    rows += [(f"r{r}", "p", f"i{k}", "a", "a" if k < 4 else "b", "human", (k + 1) * 1000 * 10**r)
             for r in range(3) for k in range(20)]  # fmt: skip
    columns = ["reader", "group", "item", "truth", "answer", "kind", "rt_ms"]
    found = analyse(Readings.from_frame(pd.DataFrame(rows, columns=columns)), plan=QUICK)["speed_accuracy"]
    assert [(r["fifth"], r["accuracy"], r["readings"]) for r in found] == [(1, 1, 12), *((k, 0, 12) for k in (2, 3, 4, 5))]


@pytest.fixture(scope="module")
def scored(founding_frame):
    few = founding_frame["survey"].isin(["", *(f"S{k:02d}" for k in range(1, 13))])
    return Scored(Readings.from_frame(founding_frame[few]))


@pytest.mark.parametrize("method", [*METHODS, "max-t", "none"])
def test_the_family_is_adjusted_as_the_plan_declares(scored, method):
    contrasts = tuple(Contrast("classifier", "pediatrician", view) for view in ("focused", "panoramic"))
    plan = Plan(primary=contrasts, multiplicity=method)
    draws = StudyDraws.of(scored.frame, draws=1000, seed=0)
    paired, _ = paired_sections(scored, plan)
    new = new_images_section(scored, plan, paired)
    adjust_by_largest_t(paired, new, scored, plan, draws)
    for records in (paired, new):
        family = [r for r in records if r["family"] == "primary"]
        p, adjusted = (np.array([r[name] for r in family]) for name in ("p", "p_adjusted"))
        if method == "none":
            assert (adjusted == p).all()
        elif method == "max-t":
            assert [r["p_adjusted"] for r in family] == [r["p_max_t"] for r in family]
            # At least the single p, at most twice it (Bonferroni), up to the error of a thousand draws.
            error = 3 * np.sqrt(np.maximum(p, 0.002) / 1000)
            assert (adjusted >= p - error).all()
            assert (adjusted <= 2 * p + error).all()
        else:
            assert adjusted == pytest.approx(METHODS[method](p))
        assert all(r["p_adjusted"] is None for r in records if r["family"] == "exploratory")


def test_a_plan_may_name_the_largest_t_and_nothing_else_unknown():
    assert Plan.from_toml(text='[primary]\nmultiplicity = "max-t"\n').multiplicity == "max-t"
    with pytest.raises(InputError, match="'max-t' or 'none' was expected"):
        Plan.from_toml(text='[primary]\nmultiplicity = "bonferroni-ish"\n')


def test_readers_of_the_same_items_have_coefficients_of_their_own():
    results = analyse(Readings.from_frame(small_study()), plan=QUICK)
    assert [r["view"] for r in results["fixed_raters"]] == ["close", "wide"]
    for record in results["fixed_raters"]:
        (among,) = results.records("agreement", view=record["view"])
        # Each rater's own habits allow for less agreement by chance than their pooled habits do.
        assert among["fleiss_kappa"] <= record["conger_kappa"] <= among["fleiss_kappa"] + 0.1
        assert record["p_no_agreement"] < 0.001


def test_sparse_designs_have_no_fixed_raters(founding_results):
    assert founding_results["fixed_raters"] == []


def test_right_answers_may_be_fast_in_one_view_alone(crossed_results):
    """The interaction that the design asks for: right answers took .74 of the time of wrong ones in both views; now in one only."""
    term = "right against wrong answers, wide over close"
    (alike,) = crossed_results.records("time_model", term=term)
    assert alike["ci_low"] < 1 < alike["ci_high"]
    frame = small_study()
    here = (frame["kind"] == "human") & (frame["view"] == "wide") & (frame["answer"] == frame["truth"])
    frame.loc[here, "rt_ms"] = (frame.loc[here, "rt_ms"].astype(float) * np.exp(0.3)).round().astype(int)
    records = {r["term"]: r for r in time_model_section(Scored(Readings.from_frame(frame), "incorrect"), Plan())}
    found = records[term]
    assert found["ci_low"] < np.exp(0.3) < found["ci_high"]
    assert found["p"] < 0.01
    average = records["right against wrong answers"]
    assert average["ci_low"] < np.exp(-0.15) < average["ci_high"], "on average over both views"
