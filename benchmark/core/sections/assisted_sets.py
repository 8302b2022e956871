"""Readings in which readers answered twice, set by set: with one network's output in sight, or as control without any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.assisted import of_control
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.twoway import TwoWayTest, two_way_mean
from benchmark.core.methods.weighting import means_by, weights_of
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.contrasts import of_paired

Record = dict[str, Any]
KEYS = ("assistant", "group", "view")


@dataclass(frozen=True)
class AssistedSet:
    """Readings of one group on one view with one network's output in sight; without any where `assistant` is empty.

    rows: the readings, with the marks `alone`, `assisted` (the second answer) and `network` (on the same image), bool.
    scorable: those on which the network can be scored: its silence is wrong or leaves out, as a reader's.
    without: readings of the group and view that neither this network's output nor the control arm reached.
    """

    assistant: str
    group: str
    view: str
    rows: pd.DataFrame
    scorable: pd.DataFrame
    without: int

    @property
    def keys(self) -> Record:
        seen = {"assistant": self.assistant} if self.assistant else {}
        return {**seen, "group": self.group, "view": self.view or None}

    def of_class(self, name: str) -> AssistedSet:
        """The readings of images of this class alone."""
        return replace(self, rows=self.rows[self.rows["truth"] == name], scorable=self.scorable[self.scorable["truth"] == name])

    @cached_property
    def differences(self) -> np.ndarray:
        """Assisted minus alone per reading: -1, 0 or 1."""
        return self.rows["assisted"].to_numpy(dtype=float) - self.rows["alone"].to_numpy(dtype=float)


def assisted_sets(scored: Scored) -> Iterator[AssistedSet]:
    """Every network that was in sight x human group x view. A missing second answer is wrong, or leaves its reading out,
    as the plan says of missing answers."""
    for found in scored.sets("human"):
        rows = marked(found.rows[found.rows["assistant"] != ""], scored.missing)
        for assistant, own in rows.groupby("assistant", sort=True):
            elsewhere = int(((found.rows["assistant"] != assistant) & ~of_control(found.rows)).sum())
            scorable = own[own["assistant_answer"] != ""] if scored.missing == "excluded" else own
            yield AssistedSet(assistant, found.group, found.view, own, scorable, elsewhere)


def marked(rows: pd.DataFrame, missing: str) -> pd.DataFrame:
    """Readings of people who were asked again, with the marks of an AssistedSet; missing: what the plan says of blanks."""
    if missing == "excluded":
        rows = rows[rows["assisted_answer"] != ""]
    marks = {
        "alone": rows["correct"],
        "assisted": rows["assisted_answer"] == rows["truth"],
        "network": rows["assistant_answer"] == rows["truth"],
    }
    return rows.assign(**{name: mark.to_numpy(bool) for name, mark in marks.items()})


def control_sets(scored: Scored) -> Iterator[AssistedSet]:
    """Every human group x view of which some readings are of the control arm."""
    for found in scored.sets("human"):
        rows = marked(found.rows[of_control(found.rows)], scored.missing)
        if len(rows):
            yield AssistedSet("", found.group, found.view, rows, rows[:0], 0)


def gain_tests(rows: pd.DataFrame, values: np.ndarray, plan: Plan) -> tuple[TwoWayTest, Record]:
    """The test for new images, and the record of the test for these images, over readers' means."""
    new = two_way_mean(
        values, rows["reader"], rows["item"], rows["truth"], confidence=plan.confidence, weights=weights_of(rows)
    )
    return new, of_paired(paired_t(means_by(rows, values, "reader"), confidence=plan.confidence))
