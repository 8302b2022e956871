"""Further contrasts, each for both questions: network against network, view against view, group against group."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.anchors import weighted
from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.distributions import t_quantile, t_two_sided_p
from benchmark.core.methods.equivalence import equivalence
from benchmark.core.methods.matched_pairs import mcnemar, newcombe_interval, odds_ratio_of_pairs, tango_interval
from benchmark.core.methods.multiplicity import adjust
from benchmark.core.methods.paired import PairedT, paired_t
from benchmark.core.methods.proportions import within_scale
from benchmark.core.methods.twoway import (
    TwoWayTest,
    centred,
    codes,
    item_strata,
    two_way_mean,
    two_way_test,
    two_way_variance,
)
from benchmark.core.methods.weighting import mean_over, means_by, weights_of
from benchmark.core.plans.plan import Plan

Record = dict[str, Any]
TESTED = ("difference", "se", "df", "p", "ci_low", "ci_high", "why")
EQUIVALENT = ("p_equivalent", "equivalent", "p_noninferior", "noninferior", "margin")


def both_questions(keys: Record, these: Record, new: Record, plan: Plan, **counts: int) -> Record:
    """One record: the new-images test under the plain names, the these-images test beside it, and equivalence."""
    ratio = new["se"] / these["se"] if new["se"] and these["se"] else None
    both_known = new["p"] is not None and these["p"] is not None
    for side in (new, these):
        side["ci_low"], side["ci_high"] = within_scale(side["ci_low"], side["ci_high"])
    record = {
        **keys, **counts, **{name: new[name] for name in TESTED[:-1]},
        **{f"these_images_{name}": these[name] for name in TESTED[1:-1]}, "se_ratio": ratio,
        "conclusions_differ": (new["p"] < plan.alpha) != (these["p"] < plan.alpha) if both_known else None,
    }  # fmt: skip
    whys = [new["why"], f"these images: {these['why']}" if these["why"] else None]
    if plan.margin is not None:
        record.update(within_margin(new["difference"], new["se"], new["df"], plan.margin, plan.alpha))
    record["why"] = "; ".join(why for why in whys if why) or None
    return record


def within_margin(difference: float | None, se: float | None, df: float | None, margin: float, alpha: float) -> Record:
    """Fields of equivalence and non-inferiority (not worse than -margin); null without a standard error."""
    if not se or difference is None:
        return {**dict.fromkeys(EQUIVALENT), "margin": margin}
    found = equivalence(difference, se, df, margin=margin, alpha=alpha)
    return {**{name: getattr(found, name) for name in EQUIVALENT[:-1]}, "margin": margin}


def of_two_way(test: TwoWayTest) -> Record:
    return {"difference": test.estimate, **{name: getattr(test, name) for name in TESTED[1:]}}


def of_paired(test: PairedT) -> Record:
    return {"difference": test.mean, **{name: getattr(test, name) for name in TESTED[1:]}}


def adjusted(records: list[Record]) -> list[Record]:
    """The records with p adjusted among them: exploratory families are adjusted for the false discovery rate."""
    for record, p in zip(records, adjust([r["p"] for r in records], "bh")):
        record["p_adjusted"], record["adjustment"] = p, "bh"
    return records


def networks_section(scored: Scored, plan: Plan) -> list[Record]:
    """Network against network on one view, and each network's own views against each other, item by item (McNemar).

    For these very images two fitted networks differ by exactly `difference`; tests and intervals are for new images.
    """
    sets = list(scored.sets("model"))
    records = []
    for first, second in combinations(sets, 2):
        if first.view == second.view or first.reader == second.reader:
            columns = ["item", "correct"]
            pair = pd.merge(first.rows[columns], second.rows[columns], on="item", suffixes=("_1", "_2"))
            if len(pair):
                records.append(_network_record(first, second, pair, plan))
    return adjusted(records)


def _network_record(first: ReaderSet, second: ReaderSet, pair: pd.DataFrame, plan: Plan) -> Record:
    one, two = pair["correct_1"].to_numpy(), pair["correct_2"].to_numpy()
    b, c, n = int((one & ~two).sum()), int((~one & two).sum()), len(pair)
    both, neither = int((one & two).sum()), int((~one & ~two).sum())
    test = mcnemar(b, c)
    low, high = tango_interval(b, c, n, confidence=plan.confidence)
    newcombe_low, newcombe_high = newcombe_interval(both, b, c, neither, confidence=plan.confidence)
    record = {
        "first": first.reader, "first_view": first.view or None, "second": second.reader,
        "second_view": second.view or None, "items": n, "only_first": b, "only_second": c, "difference": (b - c) / n,
        "ci_low": low, "ci_high": high, "ci_method": "Tango score", "newcombe_low": newcombe_low,
        "newcombe_high": newcombe_high, "odds_ratio": None, "odds_ratio_low": None, "odds_ratio_high": None,
        "p": test.p_exact, "why": test.why,
    }  # fmt: skip
    if b + c:
        ratio = odds_ratio_of_pairs(b, c, confidence=plan.confidence)
        record["odds_ratio"], record["odds_ratio_low"], record["odds_ratio_high"] = ratio
        record["why"] = None if c and b else "one of the two is never right alone, so the odds ratio has no bound"
    if plan.margin is not None:
        # Two one-sided score tests at alpha are the score interval of confidence 1 - 2 alpha within the margin.
        inner_low, inner_high = tango_interval(b, c, n, confidence=1 - 2 * plan.alpha)
        record["margin"] = plan.margin
        record["equivalent"] = bool(-plan.margin < inner_low and inner_high < plan.margin)
        record["noninferior"] = bool(-plan.margin < inner_low)
    return record


def views_section(scored: Scored, plan: Plan) -> list[Record]:
    """Second view minus first, within reader and item, for people; and the network's gain minus theirs."""
    records = []
    for group in scored.readings.human_groups:
        for first, second in combinations(scored.readings.views, 2):
            pair = both_views(scored, group, first, second)
            if pair.empty:
                continue
            gain = pair["correct_2"].astype(float) - pair["correct_1"].astype(float)
            records.append(_view_record(group, None, first, second, gain, pair, plan))
            for model in scored.readings.models:
                own = _network_gain(scored, model, first, second)
                if own is not None:
                    shared = pair["item"].isin(own.index).to_numpy()
                    net = pair["item"].map(own)[shared] - gain[shared]
                    records.append(_view_record(group, model, first, second, net, pair[shared], plan))
    return adjusted(records)


def _network_gain(scored: Scored, model: str, first: str, second: str) -> pd.Series | None:
    before, after = scored.find("model", model, first), scored.find("model", model, second)
    if before is None or after is None:
        return None
    marks = [side.rows.set_index("item")["correct"].astype(float) for side in (before, after)]
    return (marks[1] - marks[0]).dropna()


def both_views(scored: Scored, group: str, first: str, second: str) -> pd.DataFrame:
    """A group's readings of items answered on both views in one sitting: columns with suffix _1 and _2."""
    sides = [scored.find("human", group, view) for view in (first, second)]
    if None in sides:
        return pd.DataFrame()
    keep = ["reader", "survey", "item", "truth", "correct", "answer", "block"]
    answered = [side.rows.loc[side.rows["answer"] != "", keep] for side in sides]
    pairs = pd.merge(*answered, on=["reader", "survey", "item", "truth"], suffixes=("_1", "_2"))
    anchors = scored.readings.anchors
    return weighted(pairs.assign(group=group, view="", kind="human"), anchors) if anchors else pairs


def _view_record(
    group: str, model: str | None, first: str, second: str, values: pd.Series, pair: pd.DataFrame, plan: Plan
) -> Record:
    new = two_way_mean(
        values.to_numpy(), pair["reader"], pair["item"], pair["truth"], confidence=plan.confidence, weights=weights_of(pair)
    )
    these = paired_t(means_by(pair, values, "reader"), confidence=plan.confidence)
    what = "readers' gain" if model is None else "network's gain minus readers' gain"
    keys = {"contrast": what, "group": group, "model": model, "first_view": first, "second_view": second}
    return both_questions(keys, of_paired(these), of_two_way(new), plan, pairs=new.n)


def groups_section(scored: Scored, plan: Plan) -> list[Record]:
    """Group against group on one view; these images: Welch's t-test of the readers' accuracies."""
    records = []
    for view in scored.readings.views:
        sides = [found for found in scored.sets("human") if found.view == view]
        for first, second in combinations(sides, 2):
            keys = {"first": first.group, "second": second.group, "view": first.view or None}
            records.append(group_against_group(keys, first.rows, second.rows, "correct", plan))
    return adjusted(records)


def group_against_group(keys: Record, a: pd.DataFrame, b: pd.DataFrame, column: str, plan: Plan) -> Record:
    """Mean of a column over one group's readings minus over another's, for both questions."""
    rows = pd.concat([a, b], ignore_index=True)
    (reader, n_readers), (item, n_items) = codes(rows["reader"]), codes(rows["item"])
    strata = item_strata(item, rows["truth"].to_numpy())
    y = rows[column].to_numpy(dtype=float)
    in_first = np.arange(len(rows)) < len(a)
    influence, weights = np.empty(len(rows)), weights_of(rows)
    for side, sign in ((in_first, 1.0), (~in_first, -1.0)):
        if weights is None:
            influence[side] = sign * centred(y[side], strata[side]) / side.sum()
        else:
            influence[side] = sign * weights[side] * centred(y[side], strata[side], weights[side]) / weights[side].sum()
    variance = two_way_variance(influence, reader, item, strata, readers_lost=2)
    difference = mean_over(a, a[column]) - mean_over(b, b[column])
    test = two_way_test(difference, variance, readers=n_readers, items=n_items, n=len(rows), confidence=plan.confidence)
    means = [means_by(side, side[column], "reader") for side in (a, b)]
    these = welch(*means, confidence=plan.confidence)
    return both_questions(
        keys, these, of_two_way(test), plan, readers_first=len(means[0]), readers_second=len(means[1])
    )


def welch(a: np.ndarray, b: np.ndarray, *, confidence: float) -> Record:
    """Welch's t-test of two samples of readers' accuracies."""
    difference = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return {**dict.fromkeys(TESTED), "difference": difference, "why": "each group needs at least two readers"}
    parts = [float(side.var(ddof=1)) / len(side) for side in (a, b)]
    variance = sum(parts)
    if variance <= 1e-24:
        return {**dict.fromkeys(TESTED), "difference": difference, "why": "all readers of a group are alike"}
    df = variance**2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, (a, b)))
    se = float(np.sqrt(variance))
    half = t_quantile(0.5 + confidence / 2, df) * se
    return {
        "difference": difference, "se": se, "df": df, "p": t_two_sided_p(difference / se, df),
        "ci_low": difference - half, "ci_high": difference + half, "why": None,
    }  # fmt: skip


def equivalence_section(plan: Plan, paired: list[Record], new_images: list[Record]) -> list[Record]:
    """Equivalence and non-inferiority of network and readers within the plan's margin, for both questions.

    ci_low and ci_high are the interval of confidence 1 - 2 alpha that decides equivalence.
    """
    records = []
    for record, estimand, difference in _estimates(paired, new_images):
        keys = {key: record[key] for key in ("model", "group", "view")}
        planned = [
            c.margin
            for c in plan.primary
            if c.margin and not c.assisted and c.names(**keys)
        ]
        margin = planned[0] if planned else plan.margin
        if margin is None:
            continue
        fields = {"estimand": estimand, "margin": margin, "difference": difference}
        fields.update(within_margin(difference, record["se"], record["df"], margin, plan.alpha))
        half = t_quantile(1 - plan.alpha, record["df"]) * record["se"] if record["se"] else None
        bounds = (None, None) if half is None else within_scale(difference - half, difference + half)
        why = None if record["se"] else record["why"]
        records.append({**keys, **fields, "ci_low": bounds[0], "ci_high": bounds[1], "why": why})
    return records


def _estimates(paired: list[Record], new_images: list[Record]) -> Iterator[tuple[Record, str, float]]:
    for these, new in zip(paired, new_images):
        yield these, "these images", these["mean_difference"]
        yield new, "new images", new["difference"]
