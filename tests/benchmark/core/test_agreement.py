"""Agreement coefficients against the published tables and the GPL package."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.methods.agreement import agreement, agreement_intervals, count_ratings, krippendorff_alpha
from benchmark.core.methods.metrics import metrics_of


def test_fleiss_1971(reference):
    entry = reference["fleiss1971"]
    found, expected = agreement(np.array(entry["data"]["counts"])), entry["expected"]
    assert found.fleiss_kappa == pytest.approx(expected["kappa"], abs=1e-8)
    assert found.gwet_ac1 == pytest.approx(expected["gwet_ac1"], abs=1e-8)
    assert found.krippendorff_alpha == pytest.approx(expected["krippendorff_alpha"], abs=1e-8)
    assert found.percent_agreement == pytest.approx(expected["pa"], abs=1e-8)


def test_gwets_four_raters_with_missing_ratings(reference):
    entry = reference["gwet_4raters"]
    table = np.array([[np.nan if v is None else v for v in row] for row in entry["data"]["units_by_raters"]])
    item = np.repeat(np.arange(len(table)), 4)
    codes = np.where(np.isnan(table), 0, table).astype(int).ravel() - 1
    found, expected = agreement(count_ratings(item, codes, 5)), entry["expected"]
    assert found.gwet_ac1 == pytest.approx(expected["ac1"], abs=6e-6)
    assert found.fleiss_kappa == pytest.approx(expected["fleiss"], abs=6e-6)
    assert found.krippendorff_alpha == pytest.approx(expected["alpha"], abs=6e-6)
    assert found.percent_agreement == pytest.approx(expected["pa"], abs=1e-9)


def test_krippendorffs_four_observers_at_every_level(reference):
    """Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, example C; Gwet's handbook has its table, too."""
    table = np.array([[np.nan if v is None else v for v in row] for row in reference["gwet_4raters"]["data"]["units_by_raters"]]).T
    found = [krippendorff_alpha(table, level=level) for level in ("nominal", "ordinal", "interval", "ratio")]
    assert found == pytest.approx([0.743, 0.815, 0.849, 0.797], abs=5e-4)


def test_cohens_kappa_of_ninety_one_couples():
    """Husbands and wives on one question, Agresti, Categorical Data Analysis; R package vcd, SexualFun: kappa .1293."""
    couples = np.array([[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]])
    assert metrics_of(np.column_stack([couples, np.zeros(4)])).kappa == pytest.approx(0.1293, abs=5e-5)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000))
def test_alpha_equals_the_established_package(level, seed):
    import krippendorff

    rng = np.random.default_rng(seed)
    table = rng.integers(1, 5, (4, 12)).astype(float)
    table[rng.random((4, 12)) < 0.2] = np.nan
    expected = krippendorff.alpha(reliability_data=table, level_of_measurement=level)
    assert krippendorff_alpha(table, level=level) == pytest.approx(expected, abs=1e-9)


def test_nominal_alpha_of_counts_is_alpha_of_ratings():
    rng = np.random.default_rng(1)
    table = rng.integers(0, 3, (5, 30)).astype(float)
    counts = np.stack([(table == value).sum(axis=0) for value in range(3)], axis=1)
    assert agreement(counts).krippendorff_alpha == pytest.approx(krippendorff_alpha(table), abs=1e-12)


def test_perfect_and_impossible_agreement():
    perfect = agreement(np.array([[4, 0], [0, 4], [4, 0]]))
    assert (perfect.fleiss_kappa, perfect.krippendorff_alpha, perfect.gwet_ac1) == (1, 1, 1)
    one_class = agreement(np.array([[4, 0], [4, 0]]))
    assert one_class.fleiss_kappa is None
    assert "every rating is the same" in one_class.why
    assert agreement(np.array([[1, 0], [0, 1]])).why == "no item was rated by two raters"


def test_intervals_hold_the_estimate_and_repeat_with_the_seed(reference):
    counts = np.array(reference["fleiss1971"]["data"]["counts"])
    first = agreement_intervals(counts, np.random.default_rng(4), draws=500)
    assert first == agreement_intervals(counts, np.random.default_rng(4), draws=500)
    low, high = first["fleiss_kappa"]
    assert low < 0.4302 < high
