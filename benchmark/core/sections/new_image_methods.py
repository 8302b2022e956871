"""The same new-images comparisons by every method, and the logistic mixed model of right answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy import special

from benchmark.core.errors import NotConverged
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.bootstrap import StudyDraws, intervals, layout, percentile_bounds
from benchmark.core.methods.distributions import normal_quantile, normal_two_sided_p, t_quantile, t_two_sided_p
from benchmark.core.methods.glmm import Glmm, RandomEffect, fit_glmm
from benchmark.core.methods.lmm import fit_lmm
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.proportions import within_scale
from benchmark.core.methods.twoway import codes, item_strata
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.methods.weighting import mean_over, weights_of
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.comparisons import Matchup, matchups

Record = dict[str, Any]
FIELDS = ("difference", "se", "df", "p", "ci_low", "ci_high")
COMPONENTS = ("sd_reader", "sd_item", "sd_residual")
COST_AT_MOST = 50_000_000  # smaller side squared times larger side: about a second for a mixed model
TOO_LARGE = 'the study is too large for mixed models by default; the plan\'s [mixed_models] run = "always" fits them'
NOT_RUN = 'the plan says [mixed_models] run = "never"'


class Contrasted(Protocol):
    """Readings with a difference each: `rows` with reader, item and truth, `differences` in their order, and `keys`."""

    rows: pd.DataFrame
    differences: np.ndarray
    keys: Record


def affordable(plan: Plan, readers: int, items: int) -> str | None:
    """None when a mixed model of this size is to be fitted, else why not."""
    if min(readers, items) < 2:
        return "at least two readers and two items are needed"
    if plan.mixed_models == "never":
        return NOT_RUN
    cost = min(readers, items) ** 2 * max(readers, items)
    return TOO_LARGE if plan.mixed_models == "auto" and cost > COST_AT_MOST else None


def methods_section(
    scored: Scored, plan: Plan, paired: list[Record], new_images: list[Record], draws: StudyDraws
) -> list[Record]:
    """Each new-images comparison by every method, with its standard error over that of the paired t-test."""
    return [
        record
        for match, these, primary in zip(matchups(scored), paired, new_images)
        for record in by_every_method(match, these, primary, plan, draws)
    ]


def by_every_method(match: Contrasted, these: Record, primary: Record, plan: Plan, draws: StudyDraws) -> list[Record]:
    """The mean difference by every method. these: the test for these images; primary: the two-way test for new ones."""
    drawn = draws.mean(match.rows, match.differences)
    return method_records(
        match.keys,
        these,
        (
            of_primary(primary),
            by_ustat(match, primary, plan.confidence),
            _by_closed_form(match, plan.confidence),
            _by_mixed_model(match, plan),
            *by_bootstrap(mean_over(match.rows, match.differences), drawn, primary, plan),
        ),
    )


METHODS = (
    "two-way variance, Satterthwaite t (primary)",
    "U-statistic, t with the two-way df",
    "Obuchowski-Rockette, Hillis df",
    "linear mixed model, REML, Satterthwaite t",
    "two-way bootstrap, percentile",
    "two-way bootstrap, spread corrected",
)


def method_records(keys: Record, these: Record, found: Sequence[Record]) -> list[Record]:
    """What each of METHODS found, with its standard error over that of the test for these images."""
    records = []
    for name, fields in zip(METHODS, found, strict=True):
        ratio = fields["se"] / these["se"] if fields["se"] and these["se"] else None
        why = fields.pop("why") or (None if ratio else f"no ratio of standard errors: {these['why']}")
        records.append({**keys, "method": name, **fields, "se_ratio": ratio, "why": why})
    return records


def of_primary(primary: Record) -> Record:
    return {name: primary[name] for name in (*FIELDS, *(part for part in COMPONENTS if part in primary), "why")}


def not_found(why: str | None, difference: float | None = None) -> Record:
    return {**dict.fromkeys(FIELDS), "difference": difference, "why": why}


def found_by(difference: float, se: float, df: float, confidence: float, **parts: float | None) -> Record:
    half = t_quantile(0.5 + confidence / 2, df) * se
    fields = {"difference": difference, "se": se, "df": df, "p": t_two_sided_p(difference / se, df)}
    low, high = within_scale(difference - half, difference + half)
    return {**fields, "ci_low": low, "ci_high": high, **parts, "why": None}


def by_ustat(match: Contrasted, primary: Record, confidence: float) -> Record:
    if match.rows.duplicated(["reader", "item"]).any():
        return not_found("a reader read one item in several surveys", primary["difference"])
    found = ustat_mean(match.differences, match.rows["reader"], match.rows["item"], weights_of(match.rows))
    if found.variance is None or primary["df"] is None:
        return not_found(found.why or primary["why"], found.estimate)
    # Moments can fall below what is possible in small samples; the larger cluster part is the floor.
    variance = max(found.variance, primary["var_reader"], primary["var_item"])
    return found_by(found.estimate, float(np.sqrt(variance)), primary["df"], confidence)


def _by_closed_form(match: Contrasted, confidence: float) -> Record:
    rows = match.rows
    if len(rows) != rows["reader"].nunique() * rows["item"].nunique() or rows.duplicated(["reader", "item"]).any():
        return not_found("the closed form needs every reader to have read every item", mean_over(rows, match.differences))
    table, _ = layout(rows["reader"], rows["item"], match.differences)
    found = model_against_readers(-table, np.zeros(table.shape[1]), confidence=confidence)
    if found.se is None:
        return not_found(found.why, found.difference)
    return found_by(found.difference, found.se, found.df, confidence)


def _by_mixed_model(match: Contrasted, plan: Plan) -> Record:
    rows, d = match.rows, match.differences
    why = affordable(plan, rows["reader"].nunique(), rows["item"].nunique())
    if why:
        return not_found(why, mean_over(rows, d))
    (stratum, n_strata) = codes(item_strata(codes(rows["item"])[0], rows["truth"].to_numpy()))
    x = (stratum[:, None] == np.arange(n_strata)).astype(float)
    try:
        fit = fit_lmm(d, x, rows["reader"].to_numpy(), rows["item"].to_numpy())
    except (ValueError, NotConverged) as error:
        return not_found(str(error).rstrip("."), mean_over(rows, d))
    # Classes weigh as they do among the readings, so that the estimand is the primary analysis's.
    test = fit.contrast(x.mean(axis=0), confidence=plan.confidence)
    parts = {"sd_reader": fit.var_first**0.5, "sd_item": fit.var_second**0.5, "sd_residual": fit.var_residual**0.5}
    return found_by(test.estimate, test.se, test.df, plan.confidence, **parts)


def by_bootstrap(estimate: float, drawn: np.ndarray, primary: Record, plan: Plan) -> list[Record]:
    """Percentile interval as it is (conservative), and with its spread set to the two-way standard error.

    The draws' variance exceeds the estimate's by about twice the residual over the readings, which is what makes the
    plain percentile interval too wide.
    """
    (found,) = intervals(np.array([estimate]), drawn[:, None].astype(float), confidence=plan.confidence)
    if found.why or primary["se"] is None:
        return [not_found(found.why or primary["why"], estimate) for _ in range(2)]
    plain = {**not_found("the plain percentile bootstrap gives an interval, not a test", estimate), "se": found.se,
             "ci_low": found.low, "ci_high": found.high}  # fmt: skip
    corrected = corrected_bootstrap(estimate, drawn, primary["se"], primary["df"], confidence=plan.confidence)
    return [plain, {**not_found(None, estimate), **corrected}]


def corrected_bootstrap(
    estimate: float, drawn: np.ndarray, se: float, df: float, *, confidence: float
) -> dict[str, float]:
    """Percentile interval and its p from draws rescaled to a standard error, and widened as t with df is to normal."""
    drawn = np.ravel(drawn)[np.isfinite(np.ravel(drawn))].astype(float)
    wider = t_quantile(0.5 + confidence / 2, df) / normal_quantile(0.5 + confidence / 2)
    scaled = estimate + (drawn - drawn.mean()) * (wider * se / drawn.std(ddof=1))
    low, high = percentile_bounds(scaled, confidence)
    tail = min((scaled <= 0).sum(), (scaled >= 0).sum())
    p = min(1.0, 2 * (int(tail) + 1) / (len(scaled) + 1))
    low, high = within_scale(float(low), float(high))
    return {"se": se, "df": df, "p": p, "ci_low": low, "ci_high": high}


def mixed_models_section(scored: Scored, plan: Plan) -> list[Record]:
    """Logistic mixed model of right answers per model, group and view: agent + class + (1|item) + (human|reader).

    One row per item for the network. Log odds ratio of the network against readers with its Wald test, and marginal
    accuracies of both (averaged over new items and readers) with their difference in points.
    """
    return [_mixed_record(match, plan) for match in matchups(scored)]


def _mixed_record(match: Matchup, plan: Plan) -> Record:
    names = (
        "log_odds_ratio", "se", "p", "ci_low", "ci_high", "accuracy_model", "accuracy_readers", "difference",
        "difference_se", "difference_ci_low", "difference_ci_high", "sd_reader_logit", "sd_item_logit",
        "log_likelihood",
    )  # fmt: skip
    empty = {**match.keys, **dict.fromkeys(names)}
    why = affordable(plan, match.rows["reader"].nunique(), match.rows["item"].nunique())
    if why:
        return {**empty, "why": why}
    y, x, effects, shares = _agent_layout(match)
    if y.all() or not y.any():
        return {**empty, "why": "every answer was right, or every answer was wrong"}
    try:
        fit = fit_glmm(y, x, effects)
    except (NotConverged, np.linalg.LinAlgError):
        return {**empty, "why": "the logistic mixed model did not converge, as when a class is always right"}
    z = normal_quantile(0.5 + plan.confidence / 2)
    log_odds, se = float(fit.beta[0]), float(fit.se[0])
    points = _standardised(fit, shares)
    low, high = within_scale(points["difference"] - z * points["se"], points["difference"] + z * points["se"])
    return {
        **match.keys, "log_odds_ratio": log_odds, "se": se, "p": normal_two_sided_p(log_odds / se),
        "ci_low": log_odds - z * se, "ci_high": log_odds + z * se, "accuracy_model": points["model"],
        "accuracy_readers": points["readers"], "difference": points["difference"], "difference_se": points["se"],
        "difference_ci_low": low, "difference_ci_high": high, "sd_reader_logit": float(fit.sd[1]),
        "sd_item_logit": float(fit.sd[0]), "log_likelihood": fit.log_likelihood, "why": None,
    }  # fmt: skip


def _agent_layout(match: Matchup):
    """Right answers of people and then one row per item of the network; agent first, then classes; class shares."""
    people = match.rows
    network = people.drop_duplicates("item")
    item, _ = codes(pd.concat([people["item"], network["item"]]))
    truth, n_classes = codes(pd.concat([people["truth"], network["truth"]]))
    human = np.concatenate([np.ones(len(people)), np.zeros(len(network))])
    reader = np.concatenate([codes(people["reader"])[0], np.zeros(len(network), dtype=int)])
    y = np.concatenate([people["correct"].to_numpy(float), network["model_correct"].to_numpy(float)])
    classes = (truth[:, None] == np.arange(n_classes)).astype(float)
    x = np.column_stack([1 - human, classes])
    return y, x, (RandomEffect(item, np.ones(len(y))), RandomEffect(reader, human)), classes[human > 0].mean(axis=0)


def _standardised(fit: Glmm, shares: np.ndarray) -> dict[str, float]:
    """Accuracies averaged over new items (and readers) and the classes' shares; delta-method SE of the difference."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    weights = weights / weights.sum()

    def accuracies(theta: np.ndarray) -> tuple[float, float]:
        agent, classes = theta[0], theta[1:-2]
        item, reader = np.exp(theta[-2:])
        network = special.expit(classes[:, None] + agent + item * nodes) @ weights
        people = special.expit(classes[:, None] + np.hypot(item, reader) * nodes) @ weights
        return float(shares @ network), float(shares @ people)

    theta = np.concatenate([fit.beta, np.log(np.maximum(fit.sd, 1e-3))])
    model, readers = accuracies(theta)
    gradient = []
    for h in 1e-5 * np.eye(len(theta)):
        (up, up_readers), (down, down_readers) = accuracies(theta + h), accuracies(theta - h)
        gradient.append((up - up_readers - down + down_readers) / 2e-5)
    se = float(np.sqrt(np.array(gradient) @ fit.covariance @ np.array(gradient)))
    return {"model": model, "readers": readers, "difference": model - readers, "se": se}
