"""Further contrasts: other new-image methods, network against network, view against view, group against group."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from .bootstrap import TwoWayDraws, bootstrap_means, intervals, layout
from .comparisons import Matchup, matchups
from .distributions import t_quantile, t_two_sided_p
from .equivalence import equivalence
from .matched_pairs import mcnemar, newcombe_interval, tango_interval
from .obuchowski_rockette import model_against_readers
from .plan import Plan
from .scoring import Scored
from .twoway import centred, codes, item_strata, two_way_mean, two_way_test, two_way_variance
from .ustat import ustat_mean

Record = dict[str, Any]


def methods_section(scored: Scored, plan: Plan, new_images: list[Record], *, seed: int) -> list[Record]:
    """Each new-images comparison again by the U-statistic, Obuchowski-Rockette (crossed designs) and the bootstrap."""
    records = []
    for match, primary in zip(matchups(scored), new_images):
        records += [
            {**match.keys, "method": name, **fields}
            for name, fields in (
                ("U-statistic, t with the two-way df", _by_ustat(match, primary, plan.confidence)),
                ("Obuchowski-Rockette, Hillis df", _by_closed_form(match, plan.confidence)),
                ("two-way bootstrap, percentile", _by_bootstrap(match, plan, seed)),
            )
        ]
    return records


def _nothing(why: str) -> Record:
    return {**dict.fromkeys(("se", "df", "p", "ci_low", "ci_high")), "why": why}


def _by_ustat(match: Matchup, primary: Record, confidence: float) -> Record:
    found = ustat_mean(match.differences, match.rows["reader"], match.rows["item"])
    if found.variance is None or primary["df"] is None:
        return _nothing(found.why or primary["why"])
    # Moments can fall below what is possible in small samples; the larger cluster part is the floor.
    variance = max(found.variance, primary["var_reader"], primary["var_item"])
    se, df = float(np.sqrt(variance)), primary["df"]
    half = t_quantile(0.5 + confidence / 2, df) * se
    p = t_two_sided_p(found.estimate / se, df)
    return {
        "se": se,
        "df": df,
        "p": p,
        "ci_low": found.estimate - half,
        "ci_high": found.estimate + half,
        "why": None,
    }


def _by_closed_form(match: Matchup, confidence: float) -> Record:
    table, present = layout(match.rows["reader"], match.rows["item"], match.differences)
    if not present.all():
        return _nothing("the closed form needs every reader to have read every item")
    found = model_against_readers(-table, np.zeros(table.shape[1]), confidence=confidence)
    fields = {name: getattr(found, name) for name in ("se", "df", "p", "ci_low", "ci_high")}
    return {**fields, "why": found.why}


def _by_bootstrap(match: Matchup, plan: Plan, seed: int) -> Record:
    reader, item = match.rows["reader"].to_numpy(), match.rows["item"].to_numpy()
    if match.rows.duplicated(["reader", "item"]).any():
        return _nothing("a reader read one item in several surveys")
    table, present = layout(reader, item, match.differences)
    order = match.rows.drop_duplicates("item").set_index("item")["truth"].sort_index()
    stream = zlib.crc32("/".join(str(v) for v in match.keys.values()).encode())
    draws = TwoWayDraws(
        np.zeros(len(table), dtype=int), codes(order.to_numpy())[0], plan.bootstrap_draws, seed ^ stream
    )
    drawn = bootstrap_means(table[None], present, draws)
    (found,) = intervals(np.array([match.differences.mean()]), drawn, confidence=plan.confidence)
    fields = {"se": found.se, "df": None, "p": None, "ci_low": found.low, "ci_high": found.high}
    return {**fields, "why": found.why or "the bootstrap gives an interval, not a test"}


def networks_section(scored: Scored, plan: Plan) -> list[Record]:
    """Network against network on one view, and each network's own views against each other, item by item (McNemar)."""
    sets = list(scored.sets("model"))
    records = []
    for first, second in combinations(sets, 2):
        same_view, same_model = first.view == second.view, first.reader == second.reader
        if not (same_view or same_model):
            continue
        pair = pd.merge(
            first.rows[["item", "correct"]], second.rows[["item", "correct"]], on="item", suffixes=("_1", "_2")
        )
        if pair.empty:
            continue
        one, two = pair["correct_1"].to_numpy(), pair["correct_2"].to_numpy()
        b, c, n = int((one & ~two).sum()), int((~one & two).sum()), len(pair)
        test = mcnemar(b, c)
        low, high = tango_interval(b, c, n, confidence=plan.confidence)
        nlow, nhigh = newcombe_interval(
            int((one & two).sum()), b, c, int((~one & ~two).sum()), confidence=plan.confidence
        )
        records.append(
            {
                "first": first.reader,
                "first_view": first.view or None,
                "second": second.reader,
                "second_view": second.view or None,
                "items": n,
                "only_first": b,
                "only_second": c,
                "difference": (b - c) / n,
                "ci_low": low,
                "ci_high": high,
                "ci_method": "Tango score",
                "newcombe_low": nlow,
                "newcombe_high": nhigh,
                "p": test.p_exact,
                "why": test.why,
            }
        )
    return records


def views_section(scored: Scored, plan: Plan) -> list[Record]:
    """Second view minus first, within reader and item, for people; and the network's gain minus theirs."""
    records = []
    for group in scored.readings.human_groups:
        for first, second in combinations(scored.readings.views, 2):
            pair = _both_views(scored, group, first, second)
            if pair.empty:
                continue
            gain = pair["correct_2"].astype(float) - pair["correct_1"].astype(float)
            records.append(_view_record(group, None, first, second, gain, pair, plan))
            for model in scored.readings.models:
                before, after = scored.find("model", model, first), scored.find("model", model, second)
                if before is None or after is None:
                    continue
                own = after.rows.set_index("item")["correct"].astype(float) - before.rows.set_index("item")[
                    "correct"
                ].astype(float)
                shared = pair["item"].isin(own.dropna().index).to_numpy()
                net = pair["item"].map(own)[shared] - gain[shared]
                records.append(_view_record(group, model, first, second, net, pair[shared], plan))
    return records


def _both_views(scored: Scored, group: str, first: str, second: str) -> pd.DataFrame:
    sides = [scored.find("human", group, view) for view in (first, second)]
    if None in sides:
        return pd.DataFrame()
    keep = ["reader", "survey", "item", "truth", "correct", "answer"]
    answered = [side.rows.loc[side.rows["answer"] != "", keep] for side in sides]
    return pd.merge(*answered, on=["reader", "survey", "item", "truth"], suffixes=("_1", "_2"))


def _view_record(
    group: str, model: str | None, first: str, second: str, values, pair: pd.DataFrame, plan: Plan
) -> Record:
    test = two_way_mean(values.to_numpy(), pair["reader"], pair["item"], pair["truth"], confidence=plan.confidence)
    what = "readers' gain" if model is None else "network's gain minus readers' gain"
    return {
        "contrast": what,
        "group": group,
        "model": model,
        "first_view": first,
        "second_view": second,
        "pairs": test.n,
        "difference": test.estimate,
        "se": test.se,
        "df": test.df,
        "p": test.p,
        "ci_low": test.ci_low,
        "ci_high": test.ci_high,
        "why": test.why,
    }


def groups_section(scored: Scored, plan: Plan) -> list[Record]:
    """Group against group on one view, for new readers of both kinds and new images."""
    records = []
    for view in scored.readings.views:
        sides = [found for found in scored.sets("human") if found.view == view]
        for first, second in combinations(sides, 2):
            records.append(_group_record(first.rows, second.rows, first.group, second.group, view, plan))
    return records


def _group_record(a: pd.DataFrame, b: pd.DataFrame, first: str, second: str, view: str, plan: Plan) -> Record:
    rows = pd.concat([a, b], ignore_index=True)
    (reader, n_readers), (item, n_items) = codes(rows["reader"]), codes(rows["item"])
    strata = item_strata(item, rows["truth"].to_numpy())
    y = rows["correct"].to_numpy(dtype=float)
    in_first = np.arange(len(rows)) < len(a)
    influence = np.empty(len(rows))
    for side, sign in ((in_first, 1.0), (~in_first, -1.0)):
        influence[side] = sign * centred(y[side], strata[side]) / side.sum()
    variance = two_way_variance(influence, reader, item, strata, readers_lost=2)
    difference = float(y[in_first].mean() - y[~in_first].mean())
    test = two_way_test(difference, variance, readers=n_readers, items=n_items, n=len(rows), confidence=plan.confidence)
    return {
        "first": first,
        "second": second,
        "view": view or None,
        "difference": difference,
        "se": test.se,
        "df": test.df,
        "p": test.p,
        "ci_low": test.ci_low,
        "ci_high": test.ci_high,
        "why": test.why,
    }


def equivalence_section(plan: Plan, paired: list[Record], new_images: list[Record]) -> list[Record]:
    """Equivalence and non-inferiority of network and readers within the plan's margin, for both questions."""
    records = []
    for record, estimand, difference in _estimates(paired, new_images):
        keys = {key: record[key] for key in ("model", "group", "view")}
        planned = [
            c.margin
            for c in plan.primary
            if c.margin and (c.model, c.group) == (keys["model"], keys["group"]) and c.view in (None, keys["view"])
        ]
        margin = planned[0] if planned else plan.margin
        if margin is None:
            continue
        fields = {"estimand": estimand, "margin": margin, "difference": difference}
        if not record["se"]:
            empty = dict.fromkeys(("p_equivalent", "equivalent", "p_noninferior", "noninferior", "ci_low", "ci_high"))
            records.append({**keys, **fields, **empty, "why": record["why"]})
            continue
        found = equivalence(difference, record["se"], record["df"], margin=margin, alpha=plan.alpha)
        names = ("p_equivalent", "equivalent", "p_noninferior", "noninferior", "ci_low", "ci_high")
        records.append({**keys, **fields, **{name: getattr(found, name) for name in names}, "why": None})
    return records


def _estimates(paired: list[Record], new_images: list[Record]) -> Iterator[tuple[Record, str, float]]:
    for these, new in zip(paired, new_images):
        yield these, "these images", these["mean_difference"]
        yield new, "new images", new["difference"]
