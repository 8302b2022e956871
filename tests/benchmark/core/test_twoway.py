"""New images: the two-way variance against statsmodels and lme4-checked numbers, and what must not change it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.methods.components import moment_components
from benchmark.core.methods.proportions import clopper_pearson, clustered_proportion, wilson
from benchmark.core.methods.twoway import two_way_mean

QUICK = settings(max_examples=25, deadline=None)


def test_published_standard_error_of_the_sparse_design(duong_sim, reference):
    expected = reference["duong_sim_case_aware"]["expected"]
    d = (duong_sim["model"] - duong_sim["human"]).to_numpy()
    test = two_way_mean(d, duong_sim["reader"], duong_sim["item"], duong_sim["class_"])
    assert test.estimate == pytest.approx(expected["mean"], abs=1e-9)
    assert test.se == pytest.approx(expected["cgm_two_way_class_centred_se"], abs=2e-6)
    uncentred = two_way_mean(d, duong_sim["reader"], duong_sim["item"])
    assert uncentred.se == pytest.approx(expected["cgm_two_way_se"], abs=2e-6)
    assert uncentred.df == pytest.approx(expected["cgm_df"], abs=1e-3)


def test_uncentred_variance_equals_statsmodels_two_way_clusters(duong_sim, reference):
    import statsmodels.api as sm

    d = (duong_sim["model"] - duong_sim["human"]).to_numpy(dtype=float)
    groups = duong_sim[["reader", "item"]].to_numpy()
    fit = sm.OLS(d, np.ones(len(d))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    assert two_way_mean(d, duong_sim["reader"], duong_sim["item"]).se == pytest.approx(fit.bse[0], rel=1e-6)
    assert fit.bse[0] == pytest.approx(
        reference["duong_sim_case_aware"]["expected"]["statsmodels_two_way_cluster_se"], abs=2e-6
    )


def test_components_lie_near_the_mixed_models(duong_sim, reference):
    expected = reference["duong_sim_case_aware"]["expected"]["lmer_REML"]
    d = (duong_sim["model"] - duong_sim["human"]).to_numpy()
    parts = moment_components(d, duong_sim["reader"], duong_sim["item"], duong_sim["class_"])
    assert parts.item == pytest.approx(expected["item_var"], abs=0.015)
    assert parts.residual == pytest.approx(expected["resid_var"], abs=0.01)
    assert parts.reader == pytest.approx(expected["reader_var"], abs=0.004)


@QUICK
@given(st.integers(0, 10_000))
def test_relabelling_and_reordering_change_nothing(seed):
    rng = np.random.default_rng(seed)
    reader, item = np.repeat(np.arange(6), 10), np.tile(np.arange(10), 6)
    values, stratum = rng.integers(-1, 2, 60), item % 2
    first = two_way_mean(values, reader, item, stratum)
    order = rng.permutation(60)
    names = np.array([f"reader {k}" for k in rng.permutation(6)])
    again = two_way_mean(values[order], names[reader[order]], (97 - 3 * item)[order], stratum[order])
    assert (again.estimate, again.se, again.df) == pytest.approx((first.estimate, first.se, first.df))


@QUICK
@given(st.integers(0, 10_000))
def test_variance_is_never_below_its_larger_part(seed):
    rng = np.random.default_rng(seed)
    reader, item = rng.integers(0, 4, 30), rng.integers(0, 5, 30)
    test = two_way_mean(rng.normal(size=30), reader, item)
    assert test.se**2 >= max(test.var_reader, test.var_item) - 1e-15


def test_identical_network_and_reader_are_not_estimable():
    test = two_way_mean(np.zeros(40), np.repeat([0, 1], 20), np.tile(np.arange(20), 2))
    assert (test.estimate, test.se, test.p) == (0.0, None, None)
    assert "cannot be estimated" in test.why


def test_one_reader_is_not_enough():
    assert (
        two_way_mean(np.array([0, 1, 1]), np.zeros(3), np.arange(3)).why
        == "at least two readers and two items are needed"
    )


def test_wilson_and_exact_intervals_as_published(reference):
    for case in reference["newcombe1998_single_proportion"]["expected"]:
        assert wilson(case["x"], case["n"]) == pytest.approx(case["wilson"], abs=1e-7)
        assert clopper_pearson(case["x"], case["n"]) == pytest.approx(case["cp"], abs=1e-7)
    assert wilson(20, 20)[1] == 1.0


def test_one_reader_gives_plain_wilson_and_shared_items_widen_the_interval():
    y = np.tile([1, 1, 1, 0], 5)
    one = clustered_proportion(y, np.zeros(20), np.arange(20))
    assert (one.low, one.high) == pytest.approx(wilson(15, 20))
    six = clustered_proportion(np.tile(y, 6), np.repeat(np.arange(6), 20), np.tile(np.arange(20), 6))
    naive = wilson(90, 120)
    assert six.low < naive[0]
    assert six.high > naive[1]


def test_all_right_uses_the_number_of_items_not_of_readings():
    found = clustered_proportion(np.ones(120), np.repeat(np.arange(6), 20), np.tile(np.arange(20), 6))
    assert (found.low, found.high) == pytest.approx(wilson(20, 20))
