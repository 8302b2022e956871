"""Every number of tests/reference/statistics.json is computed by the product, or stands below with the reason why not.

An entry without a function, and a number that its function does not return, fail the test; so does a reason for a number
that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmark.core import agreement, matched_pairs, planning, realism
from benchmark.core.auc import crossed_auc_study
from benchmark.core.bootstrap import product_weight_variance
from benchmark.core.calibration import calibration_error, null_band, reliability_bins, scores_of
from benchmark.core.equivalence import equivalence
from benchmark.core.error_consistency import error_consistency
from benchmark.core.glmm import RandomEffect, fit_glmm
from benchmark.core.lmm import fit_lmm
from benchmark.core.multiplicity import benjamini_hochberg, holm
from benchmark.core.obuchowski_rockette import model_against_readers
from benchmark.core.paired import paired_t, shapiro_wilk, standardised_mean
from benchmark.core.planning import Design, Spread
from benchmark.core.proportions import clopper_pearson, wilson
from benchmark.core.signed_rank import sign_flip_exact, wilcoxon_signed_rank
from benchmark.core.simulation import StudyDesign, World
from benchmark.core.twoway import two_way_mean
from benchmark.core.type_one import rejection_rates
from benchmark.core.ustat import ustat_mean

from .conftest import REFERENCE
from .test_models import cbpp, study_layout
from .test_new_images_methods import shared_data

Walk = Callable[[dict[str, Any]], Any]
WALKS: dict[str, Walk] = {}
ANOTHER = "another package's number, kept as a warning; the product does not offer it"
NOT_OFFERED = (
    "not offered: six different readers per item make the coefficient of fixed raters, and this test, pointless"
)
REASONS = {
    "sleep_paired_t/d_av_pingouin": ANOTHER,
    "BH1995_thrombolysis/n_reject_hochberg": "Hochberg's procedure is not offered; Holm needs no assumption",
    "BH1995_thrombolysis/n_reject_BY": "Benjamini and Yekutieli's procedure is not offered",
    "agresti_prime_minister_mcnemar/cond_OR": "the difference is reported, not the conditional odds ratio",
    "agresti_prime_minister_mcnemar/cond_OR_ci95": "the difference is reported, not the conditional odds ratio",
    "clustered_mcnemar_thyroids/eliasziw": "Obuchowski's test is offered for clustered pairs, not this one",
    "clustered_mcnemar_thyroids/durkalski": "Obuchowski's test is offered for clustered pairs, not this one",
    "clustered_mcnemar_thyroids/yang": "Obuchowski's test is offered for clustered pairs, not this one",
    "fleiss1971/z": "a test of no agreement at all; intervals are reported instead",
    "fleiss1971/conger_exact": NOT_OFFERED,
    "gwet_4raters/conger": NOT_OFFERED,
    "gwet_4raters/brennan_prediger": "not offered; AC1 is the coefficient with little dependence on prevalence",
    "crossed_small_two_way_bootstrap_variance/mc_400k": "a Monte Carlo run of the same variance",
    "duong_sim_case_aware/ustat11_conditionalD_var": "the other weighting of a sparse design; jointD is the one offered",
    "duong_sim_case_aware/ustat11_parts/AI_jointD": "the network alone: its readings repeat over readers",
    "duong_sim_glmm/lme4_default_optimizer_beta_agent": ANOTHER,
    "duong_sim_glmm/lme4_default_se": ANOTHER,
    "duong_sim_glmm/WRONG_repeated_classifier_rows/se": "of a fit that must not be made, and lme4 stopped short of its top",
    "duong_sim_glmm/WRONG_repeated_classifier_rows/z": "as above; test_models shows that it is nearly doubled",
    "cbpp_glmer/agq25_sd": "adaptive quadrature with 25 nodes; the Laplace approximation is what is offered",
    "hype_published/stylegan_no_trunc": "published, raw judgments not public: the other of the two rates is rebuilt",
}
# Looser than the entry says, and why: the expected number is rounded, or is the less exact of the two.
LOOSER = {
    "fleiss1971/per_category": (5e-4, "published to three decimals"),
    "duong_sim_case_aware/lmer_REML/se": (5e-6, "recorded to five decimals"),
    "duong_sim_case_aware/cgm_df": (5e-4, "recorded to three decimals"),
    "duong_sim_case_aware/lmer_REML/df": (1e-3, "recorded to three decimals; numerical derivatives on both sides"),
    "duong_sim_glmm/se": (5e-3, "the curvature here is exact; lme4's finite differences are 1.4 % lower"),
    "duong_sim_glmm/WRONG_repeated_classifier_rows/beta": (0.045, "lme4 stopped short of this likelihood's top"),
    "cbpp_glmer/fixef": (1e-3, "lme4 stops .0003 short of the likelihood's top"),
    "cbpp_glmer/se": (0.01, "as above: its curvature is 2 % away"),
    "cbpp_glmer/sd_herd": (3e-4, "as above"),
    "cbpp_glmer/loglik": (1e-3, "as above"),
    "VanDyke_OR_RRRC/df": (1e-7, "relative to its size"),
    "VanDyke_OR_RRRC/t": (1e-7, "relative to its size"),
    "ece_null_expectation/equal_width_10_q95": (6e-3, "a percentile of a simulation"),
    "paper_backcalc/*": (1e-3, "the published p-values and means are rounded"),
    "crossed_small_two_way_bootstrap_variance/var": (5e-7, "recorded to six decimals"),
    "power_paired_t/n_two_sample_d1_power90": (2e-4, "numbers of readers, not probabilities"),
    "power_paired_t/n_pairs_d05_power80": (2e-4, "numbers of readers, not probabilities"),
}

LOOSER |= {
    f"sim_power_case_aware/{world}/need_items_30readers": (7, "components of four digits: one item a class")
    for world in REFERENCE["sim_power_case_aware"]["expected"]
}


def walk(name: str) -> Callable[[Walk], Walk]:
    def register(function: Walk) -> Walk:
        WALKS[name] = function
        return function

    return register


def leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Numbers (or lists of them) below a path, dictionaries by key and lists of dictionaries by place."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}/{key}")
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for place, below in enumerate(value):
            yield from leaves(below, f"{path}/{place}")
    else:
        yield path, value


def compare(name: str, found: Any) -> None:
    entry = REFERENCE[name]
    have = dict(leaves(found, name))
    for path, expected in leaves(entry["expected"], name):
        if path in REASONS:
            continue
        assert path in have, f"{path} is not computed, and no reason is given"
        tolerance, _ = LOOSER.get(path, LOOSER.get(f"{name}/*", (entry["tolerance"], "")))
        assert have[path] == pytest.approx(expected, abs=tolerance), path


SIMULATIONS = ("sim_type1_paper_analysis",)
DATA_ALONE = {"duong_sim_dataset": "the raw data of the entries that refer to it; nothing is expected of it"}


def test_every_entry_has_a_function_or_a_reason():
    assert set(REFERENCE) == set(WALKS) | set(DATA_ALONE) | set(SIMULATIONS)
    every = {path for name, entry in REFERENCE.items() for path, _ in leaves(entry["expected"], name)}
    assert set(REASONS) <= every
    assert {path for path in LOOSER if not path.endswith("*")} <= every


@pytest.mark.parametrize("name", [name for name in REFERENCE if name not in (*DATA_ALONE, *SIMULATIONS)])
def test_every_number_of_an_entry_is_met(name):
    compare(name, WALKS[name](REFERENCE[name]["data"]))


def duong() -> pd.DataFrame:
    data = REFERENCE["duong_sim_dataset"]["data"]
    rows = [
        (reader, item, item // 20, int(h), int(c))
        for reader, (items, human, clf) in enumerate(zip(data["items"], data["human"], data["clf"]))
        for item, h, c in zip(items, human, clf)
    ]
    return pd.DataFrame(rows, columns=["reader", "item", "class_", "human", "model"])


def small() -> tuple[np.ndarray, np.ndarray]:
    data = REFERENCE["crossed_small_single_modality_percent_correct"]["data"]
    return np.array([[int(m) for m in row] for row in data["human"]]), np.array([int(m) for m in data["clf"]])


@walk("paper_backcalc")
def _(data):
    """A sample with the published mean and the SD that its p implies."""
    found = {}
    for name, given in data.items():
        sd = REFERENCE["paper_backcalc"]["expected"][name]["sd_diff"]
        shape = np.random.default_rng(0).normal(size=given["n"])
        test = paired_t(given["mean"] + (shape - shape.mean()) / shape.std(ddof=1) * sd)
        assert test.p == pytest.approx(given["p"], rel=1e-4)
        dz = standardised_mean(test).dz
        found[name] = {"t": test.t, "se": test.se, "sd_diff": test.sd, "dz": dz, "ci95": [test.ci_low, test.ci_high]}
    return found


def sleep(data) -> np.ndarray:
    return np.array(data["a"]) - np.array(data["b"])


@walk("sleep_paired_t")
def _(data):
    test = paired_t(sleep(data))
    dz = standardised_mean(test).dz
    return {"t": test.t, "df": test.df, "p": test.p, "ci95": [test.ci_low, test.ci_high], "dz": dz}


@walk("sleep_tost")
def _(data):
    test = paired_t(sleep(data))
    found = equivalence(test.mean, test.se, test.df, margin=tuple(data["bounds"]))
    return {"p": found.p_equivalent, "t_lower": found.t_lower, "t_upper": found.t_upper}


@walk("sleep_shapiro")
def _(data):
    found = shapiro_wilk(sleep(data))
    return {"W": found.w, "p": found.p}


@walk("darwin_zea_mays_signflip")
def _(data):
    d = np.array(data["diff"])
    test, p = paired_t(d), sign_flip_exact(d).p
    two_sided = round(p * 2 ** len(d))
    return {"n_ge_one_sided": two_sided // 2, "n_two_sided": two_sided, "n_total": 2 ** len(d), "p_two_sided": p,
            "t": round(test.t, 9), "p_t": round(test.p, 11)}  # fmt: skip


@walk("duong_sim_survey_tests")
def _(data):
    counts = np.array(data["diff_times_28"])
    test, ranks = paired_t(counts / 28), wilcoxon_signed_rank(counts / 28)
    effect = standardised_mean(test)
    return {"mean": test.mean, "sd": test.sd, "t": test.t, "p": test.p, "ci95": [test.ci_low, test.ci_high],
            "dz": effect.dz, "dz_ci95": [effect.ci_low, effect.ci_high], "shapiro_W": shapiro_wilk(counts / 28).w,
            "signflip_exact_p": sign_flip_exact(counts).p, "wilcoxon_p_approx_no_cc_zeros_dropped": ranks.p}  # fmt: skip


@walk("BH1995_thrombolysis")
def _(data):
    p = np.array(data["p"])
    return {"holm": list(holm(p)), "BH": list(benjamini_hochberg(p)), "n_reject_holm": int((holm(p) < 0.05).sum()),
            "n_reject_BH": int((benjamini_hochberg(p) < 0.05).sum()),
            "n_reject_bonferroni": int((p * len(p) < 0.05).sum())}  # fmt: skip


@walk("newcombe1998_single_proportion")
def _(_data):
    cases = REFERENCE["newcombe1998_single_proportion"]["expected"]
    return [{"x": c["x"], "n": c["n"], "wilson": list(wilson(c["x"], c["n"])), "cp": list(clopper_pearson(c["x"], c["n"]))}
            for c in cases]  # fmt: skip


@walk("paired_proportion_difference_CI")
def _(data):
    b, c, n = (data[key] for key in "bcn")
    return {"tango": list(matched_pairs.tango_interval(c, b, n)),
            "agresti_min": list(matched_pairs.agresti_min_interval(c, b, n))}  # fmt: skip


@walk("agresti_prime_minister_mcnemar")
def _(data):
    found = matched_pairs.mcnemar(data["table"][0][1], data["table"][1][0])
    return {"chi2_cc": found.chi2_corrected, "chi2": found.chi2, "p_chi2": found.p_chi2, "p_cc": found.p_corrected,
            "p_exact": found.p_exact}  # fmt: skip


@walk("clustered_mcnemar_thyroids")
def _(data):
    b, c = np.array(data["b"]), np.array(data["c"])
    chi2, p = matched_pairs.clustered_mcnemar(b, c)
    plain = matched_pairs.mcnemar(int(b.sum()), int(c.sum())).chi2
    return {"mcnemar": plain, "obuchowski": chi2, "p_obuchowski": p}


@walk("fleiss1971")
def _(data):
    counts = np.array(data["counts"])
    found, errors = agreement.agreement(counts), agreement.linearised_errors(counts)
    return {"kappa": found.fleiss_kappa, "per_category": agreement.category_kappas(counts),
            "gwet_ac1": found.gwet_ac1, "gwet_se": errors["gwet_ac1"], "fleiss_se_irrCAC": errors["fleiss_kappa"],
            "krippendorff_alpha": found.krippendorff_alpha, "pa": found.percent_agreement}  # fmt: skip


@walk("gwet_4raters")
def _(data):
    table = np.array([[np.nan if v is None else v for v in row] for row in data["units_by_raters"]])
    codes = np.where(np.isnan(table), 0, table).astype(int).ravel() - 1
    counts = agreement.count_ratings(np.repeat(np.arange(len(table)), 4), codes, 5)
    found, errors = agreement.agreement(counts), agreement.linearised_errors(counts)
    return {"ac1": found.gwet_ac1, "ac1_se": errors["gwet_ac1"], "fleiss": found.fleiss_kappa,
            "alpha": found.krippendorff_alpha, "pa": found.percent_agreement}  # fmt: skip


@walk("error_consistency_identity")
def _(_data):
    d = duong()
    correct, present = np.zeros((31, 140), dtype=bool), np.zeros((31, 140), dtype=bool)
    correct[d["reader"], d["item"]], present[d["reader"], d["item"]] = d["human"], True
    correct[30, d["item"]], present[30] = d["model"], True
    kappa = error_consistency(correct, present).kappa[:30, 30]
    return {"reader0": kappa[0], "mean_over_readers": float(np.nanmean(kappa))}


@walk("VanDyke_OR_RRRC")
def _(_data):
    table = pd.read_csv(shared_data("reference/vandyke.csv"))
    scores = np.stack([
        table[table["treatment"] == t].pivot(index="reader", columns="case", values="rating").to_numpy() for t in (1, 2)
    ])  # fmt: skip
    found = crossed_auc_study(scores, table.drop_duplicates("case").sort_values("case")["truth"].to_numpy())
    return {"diff_1_minus_2": found.difference, "se": found.se, "df": found.df, "t": found.t, "F": found.t**2,
            "p": found.p, "ci95": [found.ci_low, found.ci_high], "var_R": found.var_reader,
            "var_TR": found.var_reader_by_test, "cov1": found.cov1, "cov2": found.cov2, "cov3": found.cov3,
            "var_error": found.var_error, "auc": list(found.merits)}  # fmt: skip


@walk("crossed_small_single_modality_percent_correct")
def _(_data):
    human, model = small()
    found, d = model_against_readers(human, model), model[None, :] - human
    fixed = paired_t(d.mean(axis=1))
    u = ustat_mean(d.ravel(), np.repeat(np.arange(5), 20), np.tile(np.arange(20), 5))
    return {"effect": found.difference, "se": found.se, "t": found.t, "df": found.df, "p": found.p,
            "ci95": [found.ci_low, found.ci_high], "cov2": found.cov2, "msr": found.ms_reader,
            "ustat_var": u.variance, "rrfc_t": fixed.t, "rrfc_p": fixed.p}  # fmt: skip


@walk("crossed_small_two_way_bootstrap_variance")
def _(_data):
    human, model = small()
    return {"var": product_weight_variance((model[None, :] - human).astype(float))}


@walk("duong_sim_case_aware")
def _(_data):
    d = duong()
    difference = (d["model"] - d["human"]).to_numpy(dtype=float)
    centred = two_way_mean(difference, d["reader"], d["item"], d["class_"])
    plain = two_way_mean(difference, d["reader"], d["item"])
    fit = fit_lmm(difference, np.ones((len(d), 1)), d["reader"], d["item"])
    test = fit.contrast(np.ones(1))
    # Item means within classes: each item's six readings stand for one.
    means = d.assign(d=difference).groupby(["class_", "item"], as_index=False)["d"].mean()
    spread = means.groupby("class_")["d"].var().mean()
    return {
        "mean": centred.estimate, "ustat11_jointD_var": ustat_mean(difference, d["reader"], d["item"]).variance,
        "ustat11_parts": {"human_jointD": ustat_mean(d["human"], d["reader"], d["item"]).variance},
        "cgm_two_way_class_centred_se": centred.se, "cgm_two_way_se": plain.se, "cgm_df": plain.df,
        "statsmodels_two_way_cluster_se": plain.se,
        "lmer_REML": {"se": test.se, "df": test.df, "item_var": fit.var_second, "reader_var": fit.var_first,
                      "resid_var": fit.var_residual},
        "naive_paired_t_se": paired_t(d.assign(d=difference).groupby("reader")["d"].mean().to_numpy()).se,
        "item_level_t_se": float(np.sqrt(spread / len(means))),
    }  # fmt: skip


@walk("duong_sim_glmm")
def _(_data):
    d = duong()
    right = fit_glmm(*study_layout(d))
    y, human = np.concatenate([d["human"], d["model"]]), np.repeat([1.0, 0.0], len(d))
    effects = (RandomEffect(np.tile(d["item"], 2), np.ones(len(y))), RandomEffect(np.tile(d["reader"], 2), human))
    wrong = fit_glmm(y, np.stack([np.ones(len(y)), 1 - human], axis=1), effects)
    repeated = {"beta": wrong.beta[1], "se": wrong.se[1], "z": wrong.beta[1] / wrong.se[1]}
    return {"loglik": right.log_likelihood, "beta": list(right.beta), "se": list(right.se), "sd_item": right.sd[0],
            "sd_reader": right.sd[1], "WRONG_repeated_classifier_rows": repeated}  # fmt: skip


@walk("cbpp_glmer")
def _(_data):
    herd, cases, size, period = cbpp()
    x = np.stack([np.ones(56), *(period == k for k in (2, 3, 4))], axis=1).astype(float)
    found = fit_glmm(cases, x, (RandomEffect(herd - 1, np.ones(56)),), trials=size)
    return {"fixef": list(found.beta), "se": list(found.se), "sd_herd": found.sd[0], "loglik": found.log_likelihood}


@walk("torchmetrics_ece_multiclass")
def _(data):
    p, y = np.array(data["p"]), np.array(data["y"])
    bins = reliability_bins(p.max(axis=1), p.argmax(axis=1) == y, bins=3)
    scores = scores_of(p, y)
    return {**{norm: calibration_error(bins, norm=norm) for norm in ("l1", "l2", "max")}, "brier_sum": scores.brier,
            "logloss": scores.log_loss, "aurc": scores.aurc}  # fmt: skip


@walk("ece_null_expectation")
def _(data):
    rng, found = np.random.default_rng(3), {}
    for bins, mass, name in ((10, False, "equal_width_10"), (15, False, "equal_width_15"), (10, True, "equal_mass_10")):
        drawn = [null_band(rng.beta(6, 1.1, data["n"]), bins=bins, mass=mass, draws=100, rng=rng) for _ in range(60)]
        found[name] = float(np.mean([mean for mean, _ in drawn]))
        found[f"{name}_q95"] = float(np.mean([high for _, high in drawn]))
    return found


@walk("dprime")
def _(data):
    found = realism.signal(data["H"], data["F"])
    return {"dprime": found.dprime, "c": found.criterion}


@walk("hype_published")
def _(_data):
    """Judgments built to the published rate: 50 images of each kind, ten evaluators."""
    published = REFERENCE["hype_published"]["expected"]["stylegan_trunc"]
    evaluator, image = (v.ravel() for v in np.meshgrid(np.arange(10), np.arange(100), indexing="ij"))
    fake, wrong = image < 50, np.zeros(1000, dtype=bool)
    wrong[np.random.default_rng(1).permutation(1000)[: round(1000 * published)]] = True
    return {"stylegan_trunc": realism.hype_error(evaluator, image, fake, fake ^ wrong, draws=200).error.value}


@walk("power_paired_t")
def _(_data):
    expected = REFERENCE["power_paired_t"]["expected"]
    sds = {name: float(name[2:].replace("_", ".")) for name in expected["power_n30_10pt"]}
    per_group = 0.1 / planning.per_group_effect(30, power=0.95)
    return {
        "dz_n30_power95_two_sided": planning.detectable_dz(30), "sd_for_10pt_n30_95": planning.largest_sd(0.1, 30),
        "sd_for_10pt_n30_95_one_sided": planning.largest_sd(0.1, 30, sides=1), "sd_per_group_two_sample_30_30": per_group,
        "n_pairs_d05_power80": planning.pairs_needed(0.5, power=0.8),
        "power_d02_n60_alpha10_one_sample": planning.paired_t_power(0.2, 60, alpha=0.10),
        "power_two_sample_n20_d1": planning.two_sample_t_power(1.0, 20),
        "n_two_sample_d1_power90": planning.per_group_needed(1.0, power=0.9),
        "power_n30_10pt": {name: planning.paired_t_power(0.1 / sd, 30) for name, sd in sds.items()},
        "n_for_95": {name: int(np.ceil(planning.pairs_needed(0.1 / sds[name]))) for name in expected["n_for_95"]},
    }  # fmt: skip


@walk("sim_power_case_aware")
def _(_data):
    """The recorded components are rounded to four digits, hence the entry's tolerance of .01."""
    found = {}
    for name, row in REFERENCE["sim_power_case_aware"]["expected"].items():
        spread, design = Spread(row["vR"], row["vI"], row["vE"]), Design(30, 140, 28)
        normal = planning.new_images_precision(design, spread, 0.1)
        careful = planning.new_images_precision(design, spread, 0.1, df=29)
        naive = planning.fixed_images_precision(design, spread, 0.1)
        needed = planning.items_needed(spread, 0.1, reads_per_item=6, per_reader=28, classes=7)
        alone = planning.items_needed_by_readers(spread, 0.1, readers=30, per_reader=28, classes=7)
        found[name] = {
            "vR": spread.reader, "vI": spread.item, "vE": spread.residual, "se": normal.se, "power": normal.power,
            "power_df29": careful.power, "power_limit_readers_inf": normal.power_unlimited_readers,
            "se_naive": naive.se, "power_naive": naive.power, "need_items_6reads": list(needed),
            "need_items_30readers": alone, "mde95": normal.detectable,
        }  # fmt: skip
    return found


ROWS = REFERENCE["sim_type1_paper_analysis"]["expected"]
MONTE_CARLO = {"sd_true": 0.001, "se_t": 0.0004, "se_2w": 0.0006, "se_u": 0.0006, "sd_survey": 0.002, "ratio": 0.03}
RATES = {"t1_t": "paired t", "t1_2w": "two-way", "t1_u": "U-statistic, z", "t1_item": "item-level t",
         "t1_wilcoxon": "Wilcoxon", "t1_signflip": "sign flip", "t1_boot2w": "bootstrap, percentile"}  # fmt: skip
LABELS = {"name", "fixed_items", "acc", "sd_r", "sd_i", "rho", "same", "n", "nboot"}


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_every_row_of_the_recorded_simulation_is_met(row):
    """4,000 studies a side; Wilcoxon, sign flip and bootstrap were recorded from 500, whose error is larger."""
    world = World(row["acc"], row["acc"], row["sd_r"], row["sd_i"], row["rho"])
    methods = [RATES[key] for key in RATES if key in row]
    found = rejection_rates(
        world, StudyDesign(same_surveys=row["same"]), methods, studies=4000, seed=7, these_images=row["fixed_items"]
    )
    values = {
        "sd_true": found.sd_difference, "se_t": found.mean_se_paired, "se_2w": found.mean_se_two_way,
        "se_u": found.mean_se_u, "sd_survey": found.sd_survey, "cover_t": found.cover_paired,
        "ratio": found.sd_difference / found.mean_se_paired,
    }  # fmt: skip
    for key, expected in row.items():
        if key in LABELS:
            continue
        if key in RATES:
            recorded = 500 if key in ("t1_wilcoxon", "t1_signflip", "t1_boot2w") else 4000
            error = np.sqrt(max(expected * (1 - expected), 1e-4) * (1 / 4000 + 1 / recorded))
            assert found.rate(RATES[key]) == pytest.approx(expected, abs=4 * error), key
        else:
            tolerance = MONTE_CARLO.get(key, 4 * np.sqrt(2 * 0.25 / 4000))
            assert values[key] == pytest.approx(expected, abs=tolerance), key
