"""Every number of tests/reference/statistics.json is computed by the product, or stands below with the reason why not.

An entry without a function, and a number that its function does not return, fail the test; so does a reason for a number
that is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special

from benchmark.core.methods import agreement, matched_pairs, realism
from benchmark.core.methods.auc import crossed_auc_study
from benchmark.core.methods.bootstrap import product_weight_variance
from benchmark.core.methods.calibration import calibration_error, null_band, reliability_bins, scores_of
from benchmark.core.methods.equivalence import equivalence
from benchmark.core.methods.error_consistency import error_consistency
from benchmark.core.methods.fixed_raters import brennan_prediger, conger_kappa, fleiss_z
from benchmark.core.methods.glmm import CrossedModel, RandomEffect, fit_glmm
from benchmark.core.methods.lmm import fit_lmm
from benchmark.core.methods.multiplicity import METHODS, adjust, benjamini_hochberg, holm
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.paired import paired_t, published_paired_t, shapiro_wilk, standardised_mean
from benchmark.core.methods.proportions import clopper_pearson, wilson
from benchmark.core.methods.signed_rank import sign_flip_exact, wilcoxon_signed_rank
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.planning import closed_form
from benchmark.core.planning.closed_form import Design, Spread

from .conftest import REFERENCE, ROOT
from .test_models import cbpp, repeated_layout, study_layout
from .test_new_images_methods import shared_data

Walk = Callable[[dict[str, Any]], Any]
WALKS: dict[str, Walk] = {}
ANOTHER = "another package's number, kept as a warning: where lme4 stops by default, below the top of the likelihood"
REASONS = {
    "clustered_mcnemar_thyroids/eliasziw": "needs each cluster's pairs right twice and wrong twice; the entry has their sum",
    "duong_sim_case_aware/ustat11_conditionalD_var": "the other weighting of a sparse design; jointD is the one asked for",
    "duong_sim_glmm/lme4_default_optimizer_beta_agent": ANOTHER,
    "duong_sim_glmm/lme4_default_se": ANOTHER,
}
# Records with fewer digits than the entry's tolerance: the number must round to the record.
ROUNDED = {
    "fleiss1971/per_category": 3,
    "duong_sim_case_aware/lmer_REML/se": 5,
    "duong_sim_case_aware/cgm_df": 3,
    "duong_sim_case_aware/lmer_REML/df": 3,
}
# By default lme4 stops the inner and outer iterations of these fits early. Run to the end (lme4_exact.R) it gives these
# numbers, which must be met within the entry's tolerance; test_the_records_lie_below_the_top... shows the shortfall.
EXACT = json.loads((ROOT / "tests/reference/lme4_exact.json").read_text())
BETTER = {
    "duong_sim_glmm/se": EXACT["study"]["se"],
    "cbpp_glmer/fixef": EXACT["cbpp"]["fixef"],
    "cbpp_glmer/se": EXACT["cbpp"]["se"],
    "cbpp_glmer/sd_herd": EXACT["cbpp"]["sd"][0],
    "cbpp_glmer/loglik": EXACT["cbpp"]["loglik"][0],
}
# A recorded Monte Carlo estimate of a variance: four times its relative error, sqrt(2 / draws).
MONTE_CARLO_RECORDS = {"crossed_small_two_way_bootstrap_variance/mc_400k": 4 * 0.0122 * (2 / 400_000) ** 0.5}


@dataclass(frozen=True)
class Between:
    """A number whose inputs were recorded rounded: all that the unrounded inputs could give."""

    low: float
    high: float


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
        value, tolerance = have[path], MONTE_CARLO_RECORDS.get(path, entry["tolerance"])
        if path in ROUNDED:
            tolerance = 0.5 * 10.0 ** -ROUNDED[path]
        if isinstance(value, Between):
            assert value.low <= expected <= value.high, path
        else:
            assert value == pytest.approx(BETTER.get(path, expected), rel=0, abs=tolerance), path


SIMULATIONS = ("sim_type1_paper_analysis",)
DATA_ALONE = {"duong_sim_dataset": "the raw data of the entries that refer to it; nothing is expected of it"}


def test_every_entry_has_a_function_or_a_reason():
    assert set(REFERENCE) == set(WALKS) | set(DATA_ALONE) | set(SIMULATIONS)
    every = {path for name, entry in REFERENCE.items() for path, _ in leaves(entry["expected"], name)}
    assert set(REASONS) <= every
    assert set(ROUNDED) | set(BETTER) | set(MONTE_CARLO_RECORDS) <= every


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
    found = {}
    for name, given in data.items():
        test = published_paired_t(given["mean"], given["p"], given["n"])
        dz = standardised_mean(test).dz
        found[name] = {"t": test.t, "se": test.se, "sd_diff": test.sd, "dz": dz, "ci95": [test.ci_low, test.ci_high]}
    return found


def sleep(data) -> np.ndarray:
    return np.array(data["a"]) - np.array(data["b"])


@walk("sleep_paired_t")
def _(data):
    test = paired_t(sleep(data))
    dz = standardised_mean(test).dz
    # What another package calls the effect size of a paired test, from its definition: the product must not show it.
    d_av = test.mean / np.sqrt((np.var(data["a"], ddof=1) + np.var(data["b"], ddof=1)) / 2)
    return {"t": test.t, "df": test.df, "p": test.p, "ci95": [test.ci_low, test.ci_high], "dz": dz, "d_av_pingouin": d_av}


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
    rejected = {method: int((np.array(adjust(list(p), method)) < 0.05).sum()) for method in METHODS}
    return {"holm": list(holm(p)), "BH": list(benjamini_hochberg(p)), "n_reject_holm": rejected["holm"],
            "n_reject_hochberg": rejected["hochberg"], "n_reject_BH": rejected["bh"], "n_reject_BY": rejected["by"],
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
    ratio, low, high = matched_pairs.odds_ratio_of_pairs(data["table"][0][1], data["table"][1][0])
    return {"chi2_cc": found.chi2_corrected, "chi2": found.chi2, "p_chi2": found.p_chi2, "p_cc": found.p_corrected,
            "p_exact": found.p_exact, "cond_OR": ratio, "cond_OR_ci95": [low, high]}  # fmt: skip


@walk("clustered_mcnemar_thyroids")
def _(data):
    b, c = np.array(data["b"]), np.array(data["c"])
    chi2, p = matched_pairs.clustered_mcnemar(b, c)
    plain = matched_pairs.mcnemar(int(b.sum()), int(c.sum())).chi2
    sizes = np.array(data["n"])
    (alike, _), (pooled, _) = matched_pairs.durkalski(b, c, sizes), matched_pairs.yang(b, c, sizes)
    return {"mcnemar": plain, "obuchowski": chi2, "p_obuchowski": p, "durkalski": alike, "yang": pooled}


@walk("fleiss1971")
def _(data):
    counts = np.array(data["counts"])
    found, errors = agreement.agreement(counts), agreement.linearised_errors(counts)
    raters = np.stack([np.repeat(np.arange(5), row) for row in counts]).T  # in R's irr every item's ratings stand in order
    return {"conger_exact": conger_kappa(raters, 5), "kappa": found.fleiss_kappa,
            "z": fleiss_z(found.fleiss_kappa, counts), "per_category": agreement.category_kappas(counts),
            "gwet_ac1": found.gwet_ac1, "gwet_se": errors["gwet_ac1"], "fleiss_se_irrCAC": errors["fleiss_kappa"],
            "krippendorff_alpha": found.krippendorff_alpha, "pa": found.percent_agreement}  # fmt: skip


@walk("gwet_4raters")
def _(data):
    table = np.array([[np.nan if v is None else v for v in row] for row in data["units_by_raters"]])
    codes = np.where(np.isnan(table), 0, table).astype(int) - 1
    counts = agreement.count_ratings(np.repeat(np.arange(len(table)), 4), codes.ravel(), 5)
    found, errors = agreement.agreement(counts), agreement.linearised_errors(counts)
    return {"ac1": found.gwet_ac1, "ac1_se": errors["gwet_ac1"], "fleiss": found.fleiss_kappa,
            "alpha": found.krippendorff_alpha, "pa": found.percent_agreement, "conger": conger_kappa(codes.T, 5),
            "brennan_prediger": brennan_prediger(found.percent_agreement, 5)}  # fmt: skip


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
    exact = product_weight_variance((model[None, :] - human).astype(float))
    return {"var": exact, "mc_400k": exact}


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
        "ustat11_parts": {
            "human_jointD": ustat_mean(d["human"], d["reader"], d["item"]).variance,
            "AI_jointD": ustat_mean(d["model"], d["reader"], d["item"]).variance,
        },
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
    wrong = fit_glmm(*repeated_layout(d))
    repeated = {"beta": wrong.beta[1], "se": wrong.se[1], "z": wrong.beta[1] / wrong.se[1]}
    return {"loglik": right.log_likelihood, "beta": list(right.beta), "se": list(right.se), "sd_item": right.sd[0],
            "sd_reader": right.sd[1], "WRONG_repeated_classifier_rows": repeated}  # fmt: skip


def cbpp_layout():
    herd, cases, size, period = cbpp()
    x = np.stack([np.ones(56), *(period == k for k in (2, 3, 4))], axis=1).astype(float)
    return cases.astype(float), size.astype(float), x, (RandomEffect(herd - 1, np.ones(56)),)


@walk("cbpp_glmer")
def _(_data):
    cases, size, x, effects = cbpp_layout()
    found = fit_glmm(cases, x, effects, trials=size)
    return {"fixef": list(found.beta), "se": list(found.se), "sd_herd": found.sd[0], "loglik": found.log_likelihood,
            "agq25_sd": sd_by_quadrature(cases, size, x, effects[0].code)}  # fmt: skip


def sd_by_quadrature(cases, size, x, herd) -> float:
    """SD of the herds where the likelihood is integrated (Gauss-Hermite, 100 nodes) instead of approximated."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(100)
    weights = weights / weights.sum()

    def deviance(theta):
        eta = (x @ theta[:-1])[:, None] + np.exp(theta[-1]) * nodes
        row = cases[:, None] * eta - size[:, None] * np.logaddexp(0, eta)
        by_herd = np.stack([np.bincount(herd, weights=column) for column in row.T], axis=1)
        return -2 * float(special.logsumexp(by_herd, b=weights, axis=1).sum())

    start = np.array([*EXACT["cbpp"]["fixef"], np.log(EXACT["cbpp"]["sd"][0])])
    best = optimize.minimize(deviance, start, method="BFGS", options={"gtol": 1e-5})
    return float(np.exp(best.x[-1]))


def laplace_by_hand(cases, size, x, herd, fixed, sd) -> float:
    """Laplace log-likelihood with one normal intercept per herd: each herd's mode by scipy, curvature by its formula."""
    total = float((special.gammaln(size + 1) - special.gammaln(cases + 1) - special.gammaln(size - cases + 1)).sum())
    for k in range(herd.max() + 1):
        own = herd == k
        y, n, eta = cases[own], size[own], x[own] @ fixed

        def minus(u, y=y, n=n, eta=eta):
            return -float(y @ (eta + sd * u) - n @ np.logaddexp(0, eta + sd * u)) + u**2 / 2

        best = optimize.minimize_scalar(minus, bounds=(-8, 8), method="bounded", options={"xatol": 1e-12})
        p = special.expit(eta + sd * best.x)
        total -= best.fun + 0.5 * np.log1p(sd**2 * float(n @ (p * (1 - p))))
    return total


def test_the_records_lie_below_the_top_of_the_likelihood():
    """lme4 by default evaluates this likelihood .0003 too low and stops below its top; the product does neither."""
    expected, exact = REFERENCE["cbpp_glmer"]["expected"], EXACT["cbpp"]
    cases, size, x, effects = cbpp_layout()
    model = CrossedModel(cases, size, x, effects)
    found = {}
    for name, fixed, sd in (("record", expected["fixef"], expected["sd_herd"]), ("top", exact["fixef"], exact["sd"][0])):
        minus, slope = model.laplace(np.array([*fixed, np.log(sd)]))
        found[name] = model.constant - minus, float(np.abs(slope).max())
        assert found[name][0] == pytest.approx(laplace_by_hand(cases, size, x, effects[0].code, fixed, sd), abs=1e-8)
    assert found["top"][0] == pytest.approx(exact["loglik"][0], abs=1e-8)
    assert found["record"][0] > expected["loglik"] + 2e-4
    assert found["top"][0] > found["record"][0]
    assert found["top"][1] < 1e-4 < 1e-3 < found["record"][1]


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
    """Judgments built to the published rates: 50 images of each kind, ten evaluators."""
    evaluator, image = (v.ravel() for v in np.meshgrid(np.arange(10), np.arange(100), indexing="ij"))
    fake, found = image < 50, {}
    for name, published in REFERENCE["hype_published"]["expected"].items():
        wrong = np.zeros(1000, dtype=bool)
        wrong[np.random.default_rng(1).permutation(1000)[: round(1000 * published)]] = True
        found[name] = realism.hype_error(evaluator, image, fake, fake ^ wrong, draws=200).error.value
    return found


@walk("power_paired_t")
def _(_data):
    expected = REFERENCE["power_paired_t"]["expected"]
    sds = {name: float(name[2:].replace("_", ".")) for name in expected["power_n30_10pt"]}
    per_group = 0.1 / closed_form.per_group_effect(30, power=0.95)
    return {
        "dz_n30_power95_two_sided": closed_form.detectable_dz(30), "sd_for_10pt_n30_95": closed_form.largest_sd(0.1, 30),
        "sd_for_10pt_n30_95_one_sided": closed_form.largest_sd(0.1, 30, sides=1), "sd_per_group_two_sample_30_30": per_group,
        "n_pairs_d05_power80": closed_form.pairs_needed(0.5, power=0.8),
        "power_d02_n60_alpha10_one_sample": closed_form.paired_t_power(0.2, 60, alpha=0.10),
        "power_two_sample_n20_d1": closed_form.two_sample_t_power(1.0, 20),
        "n_two_sample_d1_power90": closed_form.per_group_needed(1.0, power=0.9),
        "power_n30_10pt": {name: closed_form.paired_t_power(0.1 / sd, 30) for name, sd in sds.items()},
        "n_for_95": {name: int(np.ceil(closed_form.pairs_needed(0.1 / sds[name]))) for name in expected["n_for_95"]},
    }  # fmt: skip


@walk("sim_power_case_aware")
def _(_data):
    """The recorded components are rounded to four digits; what they decide sharply is bounded by their rounding."""
    found = {}
    for name, row in REFERENCE["sim_power_case_aware"]["expected"].items():
        spread, design = Spread(row["vR"], row["vI"], row["vE"]), Design(30, 140, 28, classes=7)
        satterthwaite = closed_form.new_images_precision(design, spread, 0.1)
        careful = closed_form.new_images_precision(design, spread, 0.1, df=29)
        naive = closed_form.fixed_images_precision(design, spread, 0.1)
        needed = closed_form.items_needed(spread, 0.1, reads_per_item=6, per_reader=28, classes=7)
        alone = [
            closed_form.items_needed_by_readers(
                Spread(*(v + sign * 5e-5 for v in (row["vR"], row["vI"], row["vE"]))),
                0.1, readers=30, per_reader=28, classes=7,
            )
            for sign in (-1, 1)
        ]  # fmt: skip
        found[name] = {
            "vR": spread.reader, "vI": spread.item, "vE": spread.residual, "se": satterthwaite.se,
            "power": satterthwaite.power, "power_df29": careful.power,
            "power_limit_readers_inf": satterthwaite.power_unlimited_readers, "se_naive": naive.se,
            "power_naive": naive.power, "need_items_6reads": list(needed), "need_items_30readers": Between(*alone),
            "mde95": satterthwaite.detectable,
        }  # fmt: skip
    return found
