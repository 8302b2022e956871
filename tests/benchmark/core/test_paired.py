"""These images: paired t, effect size, sign flips and signed ranks against published numbers and scipy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.core.methods.distributions import noncentral_t_cdf
from benchmark.core.methods.paired import paired_t, standardised_mean
from benchmark.core.methods.signed_rank import common_grid, sign_flip_exact, wilcoxon_signed_rank
from benchmark.core.wording import comparison_answer

QUICK = settings(max_examples=30, deadline=None)


def test_students_sleep_data(reference):
    entry = reference["sleep_paired_t"]
    a, b = (np.array(entry["data"][key]) for key in "ab")
    test, expected = paired_t(a - b), entry["expected"]
    assert (test.t, test.p) == (pytest.approx(expected["t"], abs=1e-8), pytest.approx(expected["p"], abs=1e-8))
    assert (test.ci_low, test.ci_high) == pytest.approx(expected["ci95"], abs=1e-8)
    assert standardised_mean(test).dz == pytest.approx(expected["dz"], abs=1e-8)


def test_thirty_survey_differences(reference):
    entry = reference["duong_sim_survey_tests"]
    counts, expected = np.array(entry["data"]["diff_times_28"]), entry["expected"]
    test = paired_t(counts / 28)
    effect = standardised_mean(test)
    assert test.p == pytest.approx(expected["p"], rel=1e-8)
    assert (test.mean, test.sd, test.t) == pytest.approx((expected["mean"], expected["sd"], expected["t"]), abs=1e-8)
    assert (test.ci_low, test.ci_high) == pytest.approx(expected["ci95"], abs=1e-8)
    assert (effect.ci_low, effect.ci_high) == pytest.approx(expected["dz_ci95"], abs=1e-8)
    assert sign_flip_exact(counts).p == pytest.approx(expected["signflip_exact_p"], rel=1e-12)
    ranks = wilcoxon_signed_rank(counts / 28)
    assert ranks.p == pytest.approx(expected["wilcoxon_p_approx_no_cc_zeros_dropped"], rel=1e-8)
    assert ranks.zeros == 2


def test_published_contrasts_of_the_founding_study_follow_from_mean_and_p(reference):
    """A sample with the published mean and back-calculated SD gives the published p."""
    for name, data in reference["paper_backcalc"]["data"].items():
        expected = reference["paper_backcalc"]["expected"][name]
        shape = np.random.default_rng(0).normal(size=data["n"])
        sample = data["mean"] + (shape - shape.mean()) / shape.std(ddof=1) * expected["sd_diff"]
        test = paired_t(sample)
        assert test.p == pytest.approx(data["p"], rel=1e-4)
        assert standardised_mean(test).dz == pytest.approx(expected["dz"], rel=1e-6)
        assert (test.ci_low, test.ci_high) == pytest.approx(expected["ci95"], abs=1e-6)


def test_darwins_maize_by_exact_enumeration(reference):
    entry = reference["darwin_zea_mays_signflip"]
    assert sign_flip_exact(np.array(entry["data"]["diff"])).p == entry["expected"]["n_two_sided"] / 2**15


@QUICK
@given(st.lists(st.integers(-6, 6), min_size=1, max_size=9))
def test_sign_flip_equals_enumeration(values):
    d = np.array(values)
    sums = [abs(np.dot(signs, d)) for signs in product((-1, 1), repeat=len(d))]
    assert sign_flip_exact(d).p == pytest.approx(np.mean([s >= abs(d.sum()) for s in sums]))


@QUICK
@given(st.lists(st.integers(1, 10_000), min_size=6, max_size=40, unique=True), st.integers(0, 2**40 - 1))
def test_untied_wilcoxon_equals_scipys_exact_test(sizes, signs):
    values = [size / 1000 * (1 if signs >> k & 1 else -1) for k, size in enumerate(sizes)]
    assert wilcoxon_signed_rank(np.array(values)).p == pytest.approx(stats.wilcoxon(values, method="exact").pvalue)


def test_depression_scores_of_nine_patients():
    """Hollander & Wolfe (1973), 29f, and R's wilcox.test of them: V = 40, two-sided p .0390625, shift .46 (.010 to .786)."""
    first = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
    second = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])
    found = wilcoxon_signed_rank(first - second)
    assert (found.w_plus, found.p, found.method, found.zeros) == (40, 0.0390625, "exact", 0)
    assert (found.hodges_lehmann, found.ci_low, found.ci_high) == pytest.approx((0.46, 0.010, 0.786), abs=1e-9)


@QUICK
@given(st.lists(st.integers(1, 10_000), min_size=6, max_size=20, unique=True), st.integers(0, 2**20 - 1))
def test_the_shifts_interval_holds_zero_where_its_exact_test_finds_nothing(sizes, signs):
    found = wilcoxon_signed_rank(np.array([size / 1000 * (1 if signs >> k & 1 else -1) for k, size in enumerate(sizes)]))
    assert (found.ci_low <= 0 <= found.ci_high) == (found.p >= 0.05)


@QUICK
@given(st.lists(st.integers(-5, 5), min_size=3, max_size=30).filter(any))
def test_tied_wilcoxon_equals_scipys_approximation(values):
    expected = stats.wilcoxon(values, zero_method="wilcox", correction=False, method="asymptotic").pvalue
    found = wilcoxon_signed_rank(np.array(values, dtype=float))
    if found.method != "exact":
        assert found.p == pytest.approx(expected)


def test_a_constant_difference_has_no_test():
    test = paired_t(np.full(5, 0.25))
    assert (test.mean, test.t, test.p, test.ci_low) == (0.25, None, None, None)
    assert "every difference is the same" in test.why
    assert standardised_mean(test).dz is None
    assert sign_flip_exact(np.zeros(4, dtype=int)).p == 1.0
    assert wilcoxon_signed_rank(np.zeros(4)).why == "every difference is zero"


def test_one_unit_has_no_test():
    assert paired_t(np.array([0.3])).why == "at least two surveys, readers or items are needed"


@pytest.mark.parametrize(("t", "df", "nc"), [(11.7, 29, 9.0), (1.0, 9, 0.5), (13.5, 29, 12.0), (5, 4, 11)])
def test_noncentral_t_holds_in_its_far_tails(t, df, nc):
    """Independent check: the mean of the normal tail over the chi-square distribution, by quantiles."""
    w = stats.chi2.ppf((np.arange(200_000) + 0.5) / 200_000, df)
    assert noncentral_t_cdf(t, df, nc) == pytest.approx(stats.norm.cdf(t * np.sqrt(w / df) - nc).mean(), abs=2e-6)


def test_unequal_survey_lengths_share_one_grid():
    assert common_grid(np.array([1, -2]), np.array([28, 27])).tolist() == [27, -56]
    assert common_grid(np.ones(8, dtype=int), np.array([9973, 9967, 9949, 9941, 9931, 9929, 9923, 9907])) is None


def test_a_single_reader_is_told_in_one_reason():
    """The reasons of the interval and of the test of normality, which follow, say nothing about who is better."""
    record = {"model": "net", "group": "reader", "ci_low": None, "ci_high": None, "why": f"{paired_t(np.array([0.3])).why}; and more; and more"}
    told = comparison_answer(record, difference=0.3, scope="For these images", confidence=0.95, p=None)
    assert told.endswith("(no test: at least two surveys, readers or items are needed).")
