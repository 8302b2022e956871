"""The other new-image methods, matched pairs, equivalence and multiplicity against published numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.methods.auc import crossed_auc_study, empirical_auc, sparse_auc_difference
from benchmark.core.methods.bootstrap import TwoWayDraws, bootstrap_means, intervals, product_weight_variance
from benchmark.core.methods.equivalence import equivalence
from benchmark.core.methods.matched_pairs import (
    agresti_min_interval,
    clustered_mcnemar,
    mcnemar,
    newcombe_interval,
    tango_interval,
)
from benchmark.core.methods.multiplicity import benjamini_hochberg, holm
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.ustat import ustat_mean

ROOT = Path(__file__).parents[3]


def shared_data(name):
    found = [parent / "shared" / name for parent in ROOT.parents]
    path = next((place for place in found if place.is_file()), None)
    if path is None:
        pytest.skip(f"{name} is not kept with the product")
    return path


def test_u_statistic_of_the_sparse_design(duong_sim, reference):
    expected = reference["duong_sim_case_aware"]["expected"]
    d = (duong_sim["model"] - duong_sim["human"]).to_numpy()
    found = ustat_mean(d, duong_sim["reader"], duong_sim["item"])
    assert found.estimate == pytest.approx(expected["mean"])
    assert found.variance == pytest.approx(expected["ustat11_jointD_var"], abs=1e-9)
    human = ustat_mean(duong_sim["human"], duong_sim["reader"], duong_sim["item"])
    assert human.variance == pytest.approx(expected["ustat11_parts"]["human_jointD"], abs=1e-9)


def test_closed_form_equals_the_crossed_reference(crossed_small, reference):
    expected = reference["crossed_small_single_modality_percent_correct"]["expected"]
    human, model = crossed_small
    found = model_against_readers(human, model)
    names = ("difference", "se", "t", "df", "p", "cov2", "ms_reader")
    wanted = [expected[key] for key in ("effect", "se", "t", "df", "p", "cov2", "msr")]
    assert [getattr(found, name) for name in names] == pytest.approx(wanted, abs=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx(expected["ci95"], abs=1e-9)
    d = (model[None, :] - human).ravel()
    reader, item = np.repeat(np.arange(5), 20), np.tile(np.arange(20), 5)
    assert ustat_mean(d, reader, item).variance == pytest.approx(expected["ustat_var"], abs=1e-9)
    fixed = paired_t((model[None, :] - human).mean(axis=1))
    assert (fixed.t, fixed.p) == pytest.approx((expected["rrfc_t"], expected["rrfc_p"]), abs=1e-9)


def test_closed_form_cov2_is_the_jackknife_over_cases(crossed_small):
    human, model = crossed_small
    d = model[None, :] - human
    left_out = (d.sum(axis=1, keepdims=True) - d) / (d.shape[1] - 1)
    covariance = np.cov(left_out) * (d.shape[1] - 1) ** 2 / d.shape[1]
    off = covariance[~np.eye(5, dtype=bool)].mean()
    assert model_against_readers(human, model).cov2 == pytest.approx(off)


def test_two_way_bootstrap_variance_is_the_exact_one(crossed_small, reference):
    expected = reference["crossed_small_two_way_bootstrap_variance"]["expected"]
    human, model = crossed_small
    d = (model[None, :] - human).astype(float)
    assert product_weight_variance(d) == pytest.approx(expected["var"], abs=1e-9)
    draws = TwoWayDraws(np.zeros(5, dtype=int), np.zeros(20, dtype=int), 20_000, 1)
    drawn = bootstrap_means(d[None], np.ones_like(d), draws)
    assert drawn.var() == pytest.approx(expected["var"], rel=0.05)
    (interval,) = intervals(np.array([d.mean()]), drawn)
    assert interval.low < d.mean() < interval.high
    # One statistic: the simultaneous interval is the plain one, up to the shape of its distribution.
    assert interval.simultaneous_high - interval.simultaneous_low == pytest.approx(
        interval.high - interval.low, rel=0.1
    )


def test_bootstrap_repeats_with_its_seed_and_keeps_strata():
    draws = TwoWayDraws(np.array([0, 0, 1, 1, 1]), np.arange(6) % 2, 50, 8)
    (readers, items), (again, _) = next(draws.chunks()), next(draws.chunks())
    assert (readers == again).all()
    assert (readers[:, :2].sum(axis=1) == 2).all()
    assert (items[:, ::2].sum(axis=1) == 3).all()


def test_van_dykes_study(reference):
    entry = reference["VanDyke_OR_RRRC"]
    table = pd.read_csv(shared_data("reference/vandyke.csv"))
    scores = np.stack([
        table[table["treatment"] == t].pivot(index="reader", columns="case", values="rating").to_numpy() for t in (1, 2)
    ])  # fmt: skip
    truth = table.drop_duplicates("case").sort_values("case")["truth"].to_numpy()
    found, expected = crossed_auc_study(scores, truth), entry["expected"]
    assert found.difference == pytest.approx(expected["diff_1_minus_2"], abs=1e-8)
    assert (found.se, found.df, found.t) == pytest.approx([expected[k] for k in ("se", "df", "t")], abs=1e-7)
    assert found.p == pytest.approx(expected["p"], abs=1e-8)
    for name in ("cov1", "cov2", "cov3", "var_error"):
        assert getattr(found, name) == pytest.approx(expected[name], abs=1e-8)
    assert found.var_reader == pytest.approx(expected["var_R"], abs=1e-8)
    assert found.var_reader_by_test == pytest.approx(expected["var_TR"], abs=1e-8)
    assert found.merits == pytest.approx(expected["auc"], abs=1e-8)


def test_vipers_five_studies():
    """Gallas et al. (2019), J. Med. Imag. 6(1):015501: AUC of FFDM minus SFM (SE), by the U-statistic."""
    published = {"screeningLowP": (-0.029, 0.024), "screeningMedP": (-0.005, 0.024), "screeningHighP": (-0.025, 0.025),
                 "challengeMedP": (-0.024, 0.018), "challengeHighP": (-0.047, 0.023)}  # fmt: skip
    table = pd.read_csv(shared_data("data/viper/viperObs.csv"))
    table = table.rename(
        columns={"caseID": "case", "readerID": "reader", "modalityID": "modality", "cancerStatus455": "truth"}
    )
    for study, (difference, se) in published.items():
        found = sparse_auc_difference(table[table["subStudyLabel"] == study], "FFDM", "SFM")
        assert found.difference == pytest.approx(difference, abs=0.0006), study
        assert found.se == pytest.approx(se, abs=0.0006), study


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_auc_is_unmoved_by_a_rising_transformation_and_mirrored_by_truth(seed):
    rng = np.random.default_rng(seed)
    ill, well = rng.integers(0, 6, 12), rng.integers(0, 6, 9)
    assert empirical_auc(np.exp(ill), np.exp(well)) == pytest.approx(empirical_auc(ill, well))
    assert empirical_auc(well, ill) == pytest.approx(1 - empirical_auc(ill, well))


def test_mcnemar_as_published(reference):
    entry = reference["agresti_prime_minister_mcnemar"]
    found, expected = mcnemar(150, 86), entry["expected"]
    assert (found.chi2, found.chi2_corrected) == pytest.approx((expected["chi2"], expected["chi2_cc"]), abs=1e-7)
    assert (found.p_chi2, found.p_corrected) == pytest.approx((expected["p_chi2"], expected["p_cc"]), rel=1e-5)
    assert found.p_exact == pytest.approx(expected["p_exact"], rel=1e-9)
    assert (mcnemar(0, 0).p_exact, mcnemar(0, 0).chi2) == (1.0, None)


def test_clustered_mcnemar_as_published(reference):
    entry = reference["clustered_mcnemar_thyroids"]
    chi2, p = clustered_mcnemar(np.array(entry["data"]["b"]), np.array(entry["data"]["c"]))
    assert chi2 == pytest.approx(entry["expected"]["obuchowski"], abs=5e-9)
    assert p == pytest.approx(entry["expected"]["p_obuchowski"], abs=5e-9)


def test_paired_difference_intervals_as_published(reference):
    entry = reference["paired_proportion_difference_CI"]
    b, c, n = (entry["data"][key] for key in "bcn")
    # The package's sign is (c - b) / n.
    assert tango_interval(c, b, n) == pytest.approx(entry["expected"]["tango"], abs=1e-7)
    assert agresti_min_interval(c, b, n) == pytest.approx(entry["expected"]["agresti_min"], abs=1e-7)
    low, high = newcombe_interval(50, c, b, 50)
    assert low < (c - b) / n < high
    assert (low, high) == pytest.approx(tango_interval(c, b, n), abs=0.01)


def test_newcombes_method_10_as_published():
    """Newcombe (1998), Stat. Med. 17:2635, table II: 36, 12, 2, 0 gives .0569 to .3404."""
    assert newcombe_interval(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)


@pytest.mark.parametrize(("b", "c", "n"), [(0, 0, 20), (20, 0, 20), (0, 5, 5), (3, 3, 40)])
def test_tango_stays_within_one_and_mirrors(b, c, n):
    low, high = tango_interval(b, c, n)
    assert -1 <= low <= (b - c) / n <= high <= 1
    assert tango_interval(c, b, n) == pytest.approx((-high, -low), abs=1e-9)


def test_equivalence_of_sleep_data(reference):
    entry = reference["sleep_tost"]
    test = paired_t(np.array(entry["data"]["a"]) - np.array(entry["data"]["b"]))
    found = equivalence(test.mean, test.se, test.df, margin=2.5)
    assert found.p_equivalent == pytest.approx(entry["expected"]["p"], abs=1e-8)
    assert (found.t_lower, found.t_upper) == pytest.approx(
        (entry["expected"]["t_lower"], entry["expected"]["t_upper"]), abs=1e-8
    )
    assert found.equivalent == (found.ci_low > -2.5 and found.ci_high < 2.5)


def test_holm_and_bh_as_published(reference):
    entry = reference["BH1995_thrombolysis"]
    p, expected = np.array(entry["data"]["p"]), entry["expected"]
    assert holm(p) == pytest.approx(expected["holm"], abs=1e-8)
    assert benjamini_hochberg(p) == pytest.approx(expected["BH"], abs=1e-8)
    assert ((holm(p) < 0.05).sum(), (benjamini_hochberg(p) < 0.05).sum()) == (3, 4)
