"""Sections on anchors, the items that every survey shows: readers of all surveys on common ground.

On its other items a reader meets a few others only, and an easy survey looks like a good reader. On the anchors everybody meets
everybody: agreement is that of all readers, a reader's standing owes nothing to her survey, and a change over the weeks of a
study is one of readers, not of images. A study without anchors has no such section.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.bootstrap import StudyDraws
from benchmark.core.methods.components import moment_components
from benchmark.core.methods.distributions import normal_quantile
from benchmark.core.methods.proportions import clustered_proportion, wilson
from benchmark.core.methods.weighting import WEIGHT
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.agreement import agreement_of
from benchmark.core.sections.contrasts import adjusted, group_against_group

Record = dict[str, Any]
EVERYBODY = "all readers"
FEWEST_READERS = 4  # of whom two halves, or a correlation, say anything
NO_DATES = "the readings do not say when they were completed"


@dataclass(frozen=True)
class AnchorSet:
    """A group of readers on one view. rows: first readings of anchors; others: readings of the other items."""

    group: str
    view: str
    rows: pd.DataFrame
    others: pd.DataFrame

    @property
    def keys(self) -> Record:
        return {"group": self.group, "view": self.view or None}

    @cached_property
    def whole(self) -> pd.DataFrame:
        return pd.concat([self.rows, self.others], ignore_index=True)


def anchor_sets(scored: Scored) -> list[AnchorSet]:
    """Every human group and view with readings of anchors; weights, which are for means over all items, are left behind."""
    anchors, found = scored.readings.anchors, []
    for people in scored.sets("human"):
        rows = people.rows.drop(columns=WEIGHT, errors="ignore")
        own = rows["item"].isin(anchors).to_numpy()
        if own.any():
            first = rows[own].drop_duplicates(["reader", "item"])
            found.append(AnchorSet(people.group, people.view, first, rows[~own]))
    return found


def anchor_sections(scored: Scored, plan: Plan, abilities: list[Record], *, seed: int) -> dict[str, list[Record]]:
    """Sections `anchors` and, beginning with anchor_, `standing`, `readers`, `drift` and `groups`; none without anchors.

    abilities: the section `rasch_readers`.
    """
    if not scored.readings.anchors or not (sets := anchor_sets(scored)):
        return {}
    draws = StudyDraws.of(pd.concat([found.rows for found in sets]), draws=plan.bootstrap_draws, seed=seed)
    together = [*sets, *_everybody(sets)]
    readers = [record for found in sets for record in _readers(found, sets, abilities, plan)]
    return {
        "anchors": [_agreement(found, scored.classes, draws, plan) for found in together],
        "anchor_standing": [_standing(found, readers, plan) for found in sets],
        "anchor_readers": readers,
        "anchor_drift": adjusted([record for found in sets for record in _drift(found, plan)]),
        "anchor_groups": adjusted(list(_groups(sets, plan))),
    }


def _everybody(sets: list[AnchorSet]) -> Iterator[AnchorSet]:
    """The groups of a view together, where there are several."""
    for view in dict.fromkeys(found.view for found in sets):
        own = [found for found in sets if found.view == view]
        if len(own) > 1:
            yield AnchorSet(EVERYBODY, view, *(pd.concat([getattr(of, part) for of in own], ignore_index=True) for part in ("rows", "others")))


def _agreement(found: AnchorSet, classes: tuple[str, ...], draws: StudyDraws, plan: Plan) -> Record:
    """How far all readers agree on the anchors, and whether anchors are as hard as the other items."""
    everything = ReaderSet(found.group, "human", found.view, None, found.rows)
    record = agreement_of(everything, classes, draws, confidence=plan.confidence)
    shares = {"readings": len(found.rows), "readings_share": len(found.rows) / len(found.whole)}
    for name, rows in (("accuracy", found.rows), ("accuracy_others", found.others)):
        ci = clustered_proportion(rows["correct"], rows["reader"], rows["item"], rows["truth"], confidence=plan.confidence)
        shares |= {name: float(rows["correct"].mean()) if len(rows) else None, f"{name}_ci_low": ci.low, f"{name}_ci_high": ci.high}
    named = {key: value for key, value in record.items() if key not in ("kind", "reader", "group", "view", "why", "ci_method")}
    return {**found.keys, **named, **shares, "ci_method": record["ci_method"], "why": record["why"]}


def _readers(found: AnchorSet, sets: list[AnchorSet], abilities: list[Record], plan: Plan) -> Iterator[Record]:
    """Every reader on the anchors, beside the whole survey and beside the others on the same items."""
    placed = {record["reader"]: record for record in abilities if (record["view"] or "") == found.view and record["kind"] == "human"}
    everybody = pd.concat([other.rows for other in sets if other.view == found.view], ignore_index=True)
    table = pd.DataFrame(
        {
            "anchors": found.rows.groupby("reader")["correct"].size(),
            "right": found.rows.groupby("reader")["correct"].sum(),
            "others": found.others.groupby("reader")["correct"].mean(),
            "whole": found.whole.groupby("reader")["correct"].mean(),
            "net": _above_others(found.whole),
            "agrees": _agrees(everybody),
        }
    ).dropna(subset=["anchors"])
    on_anchors, on_all, on_net = (_percentiles(table[name]) for name in ("right", "whole", "net"))
    surveys = found.whole.groupby("reader")["survey"].agg(lambda names: " ".join(sorted({name for name in names if name})))
    for reader, row in table.iterrows():
        right, n = int(row["right"]), int(row["anchors"])
        low, high = wilson(right, n, confidence=plan.confidence)
        place = placed.get(reader, {})
        yield {
            "group": found.group, "view": found.view or None, "reader": reader, "surveys": surveys[reader], "items": n, "correct": right,
            "accuracy": right / n, "ci_low": low, "ci_high": high, "ci_method": "Wilson", "accuracy_others": _number(row["others"]),
            "accuracy_whole": float(row["whole"]), "above_others": _number(row["net"]), "agrees_with_others": _number(row["agrees"]),
            "percentile": on_anchors[reader], "percentile_whole": on_all[reader], "percentile_net": on_net[reader],
            "ability": place.get("ability"), "ability_se": place.get("ability_se"), "why": place.get("why"),
        }  # fmt: skip


def _number(value: float) -> float | None:
    return float(value) if pd.notna(value) else None


def _above_others(rows: pd.DataFrame) -> pd.Series:
    """Each reader's accuracy minus that of the group's other readers on the same items, which every item of hers weighs alike."""
    right, times = (rows.groupby("item")["correct"].transform(name) for name in ("sum", "size"))
    others = ((right - rows["correct"]) / (times - 1).where(times > 1)).astype(float)
    return (rows["correct"] - others).groupby(rows["reader"]).mean()


def _agrees(rows: pd.DataFrame) -> pd.Series:
    """Each reader's share of equal answers over all other readers and the anchors that both answered."""
    said = rows[rows["answer"] != ""]
    same = said.groupby(["item", "answer"])["reader"].transform("size") - 1
    pairs = said.groupby("item")["reader"].transform("size") - 1
    sums = pd.DataFrame({"same": same, "pairs": pairs}).groupby(said["reader"]).sum()
    return sums["same"] / sums["pairs"].where(sums["pairs"] > 0)


def _percentiles(values: pd.Series) -> dict[str, float | None]:
    """Per cent of the other readers whom each is above, ties counting half; None for one alone or without a value."""
    known = values.dropna().to_numpy(dtype=float)
    return {
        reader: None if pd.isna(value) or len(known) < 2
        else float(100 * ((known < value).sum() + ((known == value).sum() - 1) / 2) / (len(known) - 1))
        for reader, value in values.items()
    }  # fmt: skip


def _standing(found: AnchorSet, readers: list[Record], plan: Plan) -> Record:
    """Do readers who are good on the anchors do well on the rest, and how many places does a survey's difficulty move them?"""
    own = pd.DataFrame([r for r in readers if (r["group"], r["view"]) == (found.group, found.view or None)])
    both = own.dropna(subset=["accuracy_others"])
    parts = moment_components(
        found.rows["correct"].to_numpy(float), found.rows["reader"].to_numpy(), found.rows["item"].to_numpy(), found.rows["truth"].to_numpy()
    )
    moved = (own["percentile_whole"] - own["percentile_net"]).abs().dropna()
    record = {
        **found.keys, "readers": len(own), "items": int(found.rows["item"].nunique()), "correlation": None, "ci_low": None, "ci_high": None,
        "rank_correlation": None, "sd_reader": None if parts.reader is None else float(np.sqrt(parts.reader)),
        "sd_item": None if parts.item is None else float(np.sqrt(parts.item)),
        "places_moved": float(moved.mean()) if len(moved) else None, "why": None,
    }  # fmt: skip
    x, y = both["accuracy"].to_numpy(float), both["accuracy_others"].to_numpy(float)
    if len(both) < FEWEST_READERS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return record | {"why": f"a correlation needs {FEWEST_READERS} readers who differ on anchors and on other images"}
    r = float(np.corrcoef(x, y)[0, 1])
    half = normal_quantile(0.5 + plan.confidence / 2) / np.sqrt(len(both) - 3)
    low, high = (float(np.tanh(np.arctanh(np.clip(r, -1 + 1e-12, 1 - 1e-12)) + side * half)) for side in (-1, 1))
    ranks = float(stats.spearmanr(x, y).statistic)
    return record | {"correlation": r, "ci_low": low, "ci_high": high, "rank_correlation": ranks}


def _drift(found: AnchorSet, plan: Plan) -> Iterator[Record]:
    """The later half of the readers minus the earlier half, on the anchors; on the other items, which differ, beside it."""
    when = found.whole.assign(at=found.whole["completed_at"].where(found.whole["completed_at"] != "", found.whole["answered_at"]))
    when = pd.to_datetime(when["at"], errors="coerce", utc=True, format="ISO8601").groupby(when["reader"]).max()
    dated = when.dropna()
    order = list(dated.sort_values(kind="stable").index)
    early, late = order[: len(order) // 2], order[len(order) // 2 :]
    for name, rows in (("anchors", found.rows), ("other images", found.others)):
        keys = {**found.keys, "images": name, "later_from": dated[late[0]].isoformat() if late else None}
        if len(order) < FEWEST_READERS or len(order) < len(when) or dated.nunique() < 2 or not len(rows):
            why = NO_DATES if len(order) < len(when) else f"two halves need {FEWEST_READERS} readers who read at different times"
            nothing = ("difference", "se", "df", "p", "ci_low", "ci_high", "these_images_p", "these_images_ci_low", "these_images_ci_high")
            yield {**keys, "readers_first": len(late), "readers_second": len(early), **dict.fromkeys(nothing), "why": why}
            continue
        sides = (rows[rows["reader"].isin(half)] for half in (late, early))
        yield group_against_group(keys, *sides, "correct", plan)


def _groups(sets: list[AnchorSet], plan: Plan) -> Iterator[Record]:
    """Group against group where all read the same."""
    for first, second in combinations(sets, 2):
        if first.view == second.view:
            keys = {"first": first.group, "second": second.group, "view": first.view or None}
            yield group_against_group(keys, first.rows, second.rows, "correct", plan)
