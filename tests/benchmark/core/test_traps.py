"""Traps that other programs fell into, each of which would print a wrong number without an error."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.core import Plan, Readings, analyse
from benchmark.core.errors import NotConverged
from benchmark.core.methods.glmm import RandomEffect, fit_glmm
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.paired import paired_t, standardised_mean
from benchmark.core.methods.proportions import wilson
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.planning.closed_form import detectable_dz, paired_t_power
from benchmark.core.sections.new_image_methods import by_ustat

ROOT = Path(__file__).parents[3]


def test_no_package_is_required_that_renames_its_columns_or_lowers_scipy():
    """pingouin 0.7 renamed its columns and reports d_av for d_z; installing netcal or irrCAC lowered scipy and numpy."""
    for name in ("requirements.txt", "requirements-dev.txt", "requirements.lock"):
        wanted = re.findall(r"^([A-Za-z0-9_.-]+)", (ROOT / name).read_text(), flags=re.MULTILINE)
        assert not {"pingouin", "netcal", "irrcac"} & {package.lower() for package in wanted}, name


def test_the_effect_size_is_over_the_differences():
    """d_z of Student's sleep data is 1.285; over the average of both SDs it would be .832."""
    a = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
    b = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])
    assert (b - a).mean() / np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 2) == pytest.approx(0.832, abs=5e-4)
    found = standardised_mean(paired_t(b - a))
    assert found.dz == pytest.approx(1.285, abs=5e-4)
    assert found.hedges_g == pytest.approx(found.dz * (1 - 3 / (4 * 9 - 1)), rel=1e-12)


def test_power_counts_the_far_tail():
    """Without it d_z for 95 % power of 30 pairs is .68120 where .68118 is right, and power at no effect half the level."""
    assert paired_t_power(0.0, 30) == pytest.approx(0.05, abs=1e-12)
    assert round(detectable_dz(30), 5) == 0.68118


def test_wilsons_interval_ends_where_the_scale_does():
    """By the plain formula the upper bound of n of n is .9999999999999999 for 20 and others."""
    assert {wilson(n, n)[1] for n in range(1, 60)} == {1.0}
    assert {wilson(0, n)[0] for n in range(1, 60)} == {0.0}


@dataclass(frozen=True)
class Differences:
    rows: pd.DataFrame
    differences: np.ndarray
    keys: dict


def test_a_u_statistic_below_zero_gives_the_larger_cluster_part():
    """Its unbiased moments are negative in every fifth of these small studies; a standard error of nan, or 0, must not follow."""
    negative = 0
    for seed in range(60):
        reader, item = np.divmod(np.arange(20), 5)
        values = np.random.default_rng(seed).integers(-1, 2, 20).astype(float)
        if ustat_mean(values, reader, item).variance > 0:
            continue
        negative += 1
        main = two_way_mean(values, reader, item)
        rows = pd.DataFrame({"reader": reader, "item": item, "truth": "a"})
        primary = {"df": main.df, "var_reader": main.var_reader, "var_item": main.var_item, "difference": main.estimate, "why": None}
        found = by_ustat(Differences(rows, values, {}), primary, 0.95)
        assert found["se"] ** 2 == pytest.approx(max(main.var_reader, main.var_item))
        assert found["p"] == pytest.approx(2 * stats.t.sf(abs(main.estimate) / found["se"], main.df))
    assert negative > 5


def test_readers_without_spread_are_not_divided_by():
    """The mean square of readers is 0 where all have the same difference: no test, and no division by zero."""
    alike = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    with np.errstate(all="raise"):
        found = model_against_readers(alike, np.ones(4))
    assert (found.difference, found.se, found.p) == (0.5, None, None)
    assert "same difference" in found.why


def separated(readers: int = 6, items: int = 24) -> pd.DataFrame:
    """Nobody ever misses class a, so that its log odds have no finite estimate."""
    rng = np.random.default_rng(0)
    rows = [
        (f"r{r}", "people", "human", f"i{i}", "ab"[i % 2], "ab"[i % 2] if i % 2 == 0 or rng.random() < 0.6 else "a")
        for r in range(readers) for i in range(items)
    ]  # fmt: skip
    rows += [("net", "net", "model", f"i{i}", "ab"[i % 2], "ab"[i % 2] if i % 2 == 0 or i % 4 == 1 else "a") for i in range(items)]
    return pd.DataFrame(rows, columns=["reader", "group", "kind", "item", "truth", "answer"])


def test_a_mixed_model_that_does_not_converge_is_refused_and_not_printed():
    """lme4's default optimiser returned standard errors of .001 in a fifth of the fits, and rejected in 21.5 % of true nulls."""
    one = np.ones(40)
    with pytest.raises(NotConverged, match="did not converge"):
        fit_glmm(one * (np.arange(40) % 2), np.column_stack([one, np.arange(40) % 2]), (RandomEffect(np.arange(40) // 4, one),))
    (record,) = analyse(Readings.from_frame(separated()), plan=Plan(bootstrap_draws=50))["mixed_models"]
    assert (record["log_odds_ratio"], record["se"], record["p"], record["difference"]) == (None,) * 4
    assert "did not converge" in record["why"]


def test_an_image_scale_without_spread_claims_no_precision():
    """Where images do not differ beyond chance the model's spread is 0: so would be each image's standard error."""
    rows = [(f"r{r}", "people", "human", f"i{i}", "a", "ab"[(r + i) % 2]) for r in range(8) for i in range(8)]
    results = analyse(Readings.from_frame(pd.DataFrame(rows, columns=["reader", "group", "kind", "item", "truth", "answer"])))
    assert {(r["difficulty_se"], r["infit"] is None) for r in results["rasch_items"]} == {(None, False)}
    assert all("do not differ beyond chance" in r["why"] for r in (*results["rasch_items"], *results["rasch_readers"]))
    assert {r["ability_se"] for r in results["rasch_readers"]} == {None}
