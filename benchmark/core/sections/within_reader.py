"""Sections on agreement within readers: what they answered when the same item came a second time, unannounced.

Two answers of one reader to one item differ by what varies from moment to moment; two readers' answers differ by that and
by how readers differ. Given the item, let p be the chances with which a reader chooses each class. Two showings agree with
chance sum p p, two readers with sum p q, and by Cauchy and Schwarz the mean of the latter over pairs of readers is at most
the mean of the former: agreement within readers is the upper bound of agreement between them, where nobody remembers.
All intervals take readers and items as samples. A study without second showings has no such section.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.inputs.showings import READING
from benchmark.core.methods.agreement import category_codes
from benchmark.core.methods.proportions import clustered_proportion, wilson, within_scale
from benchmark.core.methods.retest import Coefficients, Estimate, among_others, clustered, larger_where, retest
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.times import timed

Record = dict[str, Any]
AGAIN = ("answer", "correct", "rt_ms", "left_window", "position")
NO_PAIR = "no item was answered at both showings"
ALONE = "no two readers of the group answered the same of these items"


@dataclass(frozen=True)
class RetestSet:
    """Both showings of one group on one view. rows: a row per pair, the second showing's columns ending in _again."""

    found: ReaderSet
    rows: pd.DataFrame

    @property
    def keys(self) -> Record:
        return {"group": self.found.group, "view": self.found.view or None}

    @cached_property
    def answered(self) -> pd.DataFrame:
        """Pairs with an answer at both showings, with the mark `same`."""
        rows = self.rows[(self.rows["answer"] != "") & (self.rows["answer_again"] != "")]
        return rows.assign(same=(rows["answer"] == rows["answer_again"]).to_numpy(bool))


def retest_sets(scored: Scored) -> Iterator[RetestSet]:
    """The pairs of every group and view that has any; second showings of sittings that are not analysed have no first here."""
    second = scored.readings.second
    if second.empty:
        return
    second = second.assign(correct=(second["answer"] == second["truth"]).to_numpy(bool))
    if scored.missing == "excluded":
        second = second[second["answer"] != ""]
    again = second[[*READING, *AGAIN]].rename(columns={name: f"{name}_again" for name in AGAIN}).astype(dict.fromkeys(READING, object))
    for found in scored.sets("human"):
        rows = found.rows.merge(again, on=READING)
        if len(rows):
            yield RetestSet(found, rows)


def within_reader_sections(scored: Scored, plan: Plan) -> dict[str, list[Record]]:
    """Sections `within_reader` and, ending in _changes, _relation, _classes and _readers, what stands behind it; none without pairs."""
    sets = list(retest_sets(scored))
    if not sets:
        return {}
    return {
        "within_reader": [_agreement(found, scored.classes, plan.confidence) for found in sets],
        "within_reader_changes": [_changes(found, plan) for found in sets],
        "within_reader_relation": [record for found in sets for record in _relations(found, plan)],
        "within_reader_classes": [record for found in sets for record in _by_class(found, plan.confidence)],
        "within_reader_readers": _by_reader(sets, plan.confidence),
    }


def _agreement(found: RetestSet, classes: tuple[str, ...], confidence: float) -> Record:
    """Agreement with oneself beside that of different readers on the same items, each item weighing as often as it came again."""
    rows = found.answered
    record = {
        **found.keys, "readers": int(rows["reader"].nunique()), "items": int(rows["item"].nunique()), "pairs": len(rows),
        "incomplete_pairs": len(found.rows) - len(rows),
    }  # fmt: skip
    classes = tuple(dict.fromkeys((*classes, *rows["answer_again"])))
    first, second = (category_codes(rows[column], classes) for column in ("answer", "answer_again"))
    within = retest(first, second, len(classes))
    ci = clustered_proportion(rows["same"], rows["reader"], rows["item"], rows["truth"], confidence=confidence)
    record |= {"same": within.same.value, "same_ci_low": ci.low, "same_ci_high": ci.high, "ci_method": ci.method}
    for name in ("cohen_kappa", "gwet_ac1"):
        record |= _bounded(name, getattr(within, name), rows, confidence)
    others, read = _others(found.found.rows, rows["item"], classes)
    for name in ("same", "gwet_ac1"):
        record |= _bounded(f"between_{name}", getattr(others, name), read, confidence)
    record |= _difference(within.same, rows, others.same, read, confidence)
    known = within.same.value and others.same.value is not None
    record["between_of_within"] = others.same.value / within.same.value if known else None
    record["why"] = record["why"] if len(rows) else NO_PAIR
    return record


def _bounded(name: str, found: Estimate, rows: pd.DataFrame, confidence: float) -> Record:
    """A coefficient with its interval, cut where the scale ends; all null where it is not defined."""
    if found.value is None:
        return dict.fromkeys((name, f"{name}_ci_low", f"{name}_ci_high"))
    test = clustered(found.value, found.influence, rows["reader"], rows["item"], rows["truth"], confidence=confidence)
    low, high = within_scale(test.ci_low, test.ci_high)
    return {name: found.value, f"{name}_ci_low": low, f"{name}_ci_high": high}


def _others(read: pd.DataFrame, repeated: pd.Series, classes: tuple[str, ...]) -> tuple[Coefficients, pd.DataFrame]:
    """Agreement of different readers' first answers to the items that came again, and those readings."""
    times = repeated.value_counts()
    rows = read[read["item"].isin(times.index) & (read["answer"] != "")]
    labels, item = np.unique(rows["item"].to_numpy(dtype=str), return_inverse=True)
    often = times.reindex(labels).to_numpy(dtype=float)
    return among_others(item, category_codes(rows["answer"], classes), len(classes), often), rows


def _difference(within: Estimate, rows: pd.DataFrame, others: Estimate, read: pd.DataFrame, confidence: float) -> Record:
    """Within readers minus between them, from readings that both share."""
    names = ("difference", "se", "df", "ci_low", "ci_high")
    if within.value is None or others.value is None:
        return dict.fromkeys(names) | {"why": ALONE}
    both = pd.concat([rows[["reader", "item", "truth"]], read[["reader", "item", "truth"]]], ignore_index=True)
    test = clustered(
        within.value - others.value, np.concatenate([within.influence, -others.influence]), both["reader"], both["item"],
        both["truth"], confidence=confidence,
    )  # fmt: skip
    low, high = within_scale(test.ci_low, test.ci_high)
    return dict(zip(names, (test.estimate, test.se, test.df, low, high))) | {"why": test.why}


def _changes(found: RetestSet, plan: Plan) -> Record:
    """What became of right and wrong answers at the second showing, accuracy at both, and times; a blank counts as the plan says."""
    rows = found.rows
    first, second = rows["correct"].to_numpy(bool), rows["correct_again"].to_numpy(bool)
    same = (rows["answer"] == rows["answer_again"]).to_numpy()
    keys = (rows["reader"], rows["item"], rows["truth"])
    sides = {}
    for name, right in (("first", first), ("second", second)):
        ci = clustered_proportion(right, *keys, confidence=plan.confidence)
        sides |= {f"accuracy_{name}": float(right.mean()), f"accuracy_{name}_ci_low": ci.low, f"accuracy_{name}_ci_high": ci.high}
    test = two_way_mean(second.astype(float) - first, *keys, confidence=plan.confidence)
    low, high = within_scale(test.ci_low, test.ci_high)
    return {
        **found.keys, "readers": int(rows["reader"].nunique()), "items": int(rows["item"].nunique()), "pairs": len(rows),
        "right_twice": int((first & second).sum()), "right_then_wrong": int((first & ~second).sum()),
        "wrong_then_right": int((~first & second).sum()), "wrong_alike": int((~first & ~second & same).sum()),
        "wrong_otherwise": int((~first & ~second & ~same).sum()), **sides,
        "difference": test.estimate, "se": test.se, "df": test.df, "p": test.p, "ci_low": low, "ci_high": high,
        **_pace(found, plan), "why": test.why,
    }  # fmt: skip


def _pace(found: RetestSet, plan: Plan) -> Record:
    """Median seconds of both answers and the ratio of geometric mean times, of pairs whose times both tell how long was looked."""
    own, *_ = timed(found.rows, plan)
    own = own[(own["answer_again"] != "") & own["rt_ms_again"].between(max(plan.shortest_ms, 1e-9), plan.longest_ms)]
    own = own[~(own["left_window_again"] > 0)]
    names = ("median_first_s", "median_second_s", "time_ratio", "time_ratio_ci_low", "time_ratio_ci_high")
    if not len(own):
        return {"timed_pairs": 0} | dict.fromkeys(names)
    slower = two_way_mean(np.log(own["rt_ms_again"] / own["rt_ms"]).to_numpy(), own["reader"], own["item"], own["truth"], confidence=plan.confidence)
    bounds = (slower.estimate, slower.ci_low, slower.ci_high)
    values = (
        float(own["rt_ms"].median() / 1000), float(own["rt_ms_again"].median() / 1000),
        *(None if value is None else float(np.exp(value)) for value in bounds),
    )  # fmt: skip
    return {"timed_pairs": len(own)} | dict(zip(names, values))


def _relations(found: RetestSet, plan: Plan) -> Iterator[Record]:
    """Whether answers given with less confidence, more slowly, or longer ago (which memory would show in) are those that change."""
    rows = found.answered
    sure = rows[rows["confidence"].notna()]
    quick, *_ = timed(rows, plan)
    between = rows["position_again"] - rows["position"]
    placed = rows[between.notna()]
    measures = (
        ("confidence", sure, sure["confidence"]),
        ("seconds", quick, quick["rt_ms"] / 1000),
        ("pages between", placed, between[between.notna()]),
    )
    for name, own, values in measures:
        if not len(own):
            continue
        same, values = own["same"].to_numpy(bool), values.to_numpy(float)
        area = larger_where(same, values)
        record = {
            **found.keys, "measure": name, "pairs": len(own),
            "of_same": float(np.median(values[same])) if same.any() else None,
            "of_changed": float(np.median(values[~same])) if not same.all() else None,
            "auc_same_over_changed": area.value, "ci_low": None, "ci_high": None, "why": None,
        }  # fmt: skip
        if area.value is None:
            yield record | {"why": "every answer stayed the same, or every one changed"}
            continue
        test = clustered(area.value, area.influence, own["reader"], own["item"], own["truth"], confidence=plan.confidence)
        low, high = within_scale(test.ci_low, test.ci_high, 0.0)
        yield record | {"ci_low": low, "ci_high": high, "why": test.why}


def _by_class(found: RetestSet, confidence: float) -> Iterator[Record]:
    for name, own in found.answered.groupby("truth", sort=True):
        ci = clustered_proportion(own["same"], own["reader"], own["item"], confidence=confidence)
        yield {
            **found.keys, "class": name, "readers": int(own["reader"].nunique()), "items": int(own["item"].nunique()),
            "pairs": len(own), "same": float(own["same"].mean()), "ci_low": ci.low, "ci_high": ci.high, "ci_method": ci.method,
        }  # fmt: skip


def _by_reader(sets: list[RetestSet], confidence: float) -> list[Record]:
    """Every reader over all views, because a block repeats a few items only."""
    rows = pd.concat([found.answered for found in sets], ignore_index=True)
    records = []
    for (group, reader), own in rows.groupby(["group", "reader"], sort=True):
        low, high = wilson(float(own["same"].sum()), len(own), confidence=confidence)
        first, second = own["correct"], own["correct_again"]
        records.append(
            {
                "group": group, "reader": reader, "pairs": len(own), "same": float(own["same"].mean()), "ci_low": low,
                "ci_high": high, "ci_method": "Wilson", "wrong_then_right": int((~first & second).sum()),
                "right_then_wrong": int((first & ~second).sum()), "accuracy_first": float(first.mean()),
                "accuracy_second": float(second.mean()),
            }
        )  # fmt: skip
    return records
