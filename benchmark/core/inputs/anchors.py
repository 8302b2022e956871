"""Anchors: items that every survey shows, so that readers of different surveys are compared on common ground.

They are read by everybody, the other items by a few each. A mean over readings would then be one over the anchors above
all; here an anchor weighs as much, in a group of readers and a view, as an average other item of its class, so that a mean is
one over the images, whichever of them were chosen as anchors. Without anchors nothing is weighted.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.core.errors import Problem
from benchmark.core.methods.weighting import WEIGHT

ANCHOR, YES, NO = "anchor", "yes", "no"


def anchor_problems(frame: pd.DataFrame, lines: np.ndarray) -> Iterator[Problem]:
    """Other words than yes, no or nothing, and people's readings that do not agree on whether an item is an anchor."""
    said = frame[ANCHOR]
    for row in np.flatnonzero(~said.isin((YES, NO, ""))):
        yield Problem(int(lines[row]), ANCHOR, f'yes, no or an empty cell was expected, "{said.iloc[row]}" was found.')
    people = (frame["kind"] == "human").to_numpy()
    marked = said.eq(YES).to_numpy()
    anchors = set(frame.loc[people & marked, "item"])
    for row in np.flatnonzero(people & ~marked & frame["item"].isin(anchors).to_numpy() & said.isin((NO, "")).to_numpy()):
        yield Problem(int(lines[row]), ANCHOR, f'item "{frame["item"].iloc[row]}" is an anchor elsewhere, so yes was expected.')


def anchors_of(frame: pd.DataFrame) -> frozenset[str]:
    """Codes of the items that people's readings mark as anchors; none where the table has no such column."""
    if ANCHOR not in frame:
        return frozenset()
    return frozenset(frame.loc[(frame[ANCHOR] == YES) & (frame["kind"] == "human"), "item"])


def weighted(frame: pd.DataFrame, anchors: frozenset[str]) -> pd.DataFrame:
    """The readings with WEIGHT, where there are anchors: 1, and at people's readings of an anchor, within group, view and
    class, the mean number of readings of the other items over that of the anchor."""
    if not anchors:
        return frame
    weight = np.ones(len(frame))
    people = (frame["kind"] == "human").to_numpy()
    marked = frame["item"].isin(anchors).to_numpy()
    keys = ["group", "view", "truth"]
    times = frame[people].groupby([*keys, "item"], sort=False).size().rename("times").reset_index()
    usual = times[~times["item"].isin(anchors)].groupby(keys, sort=False)["times"].mean().rename("usual").reset_index()
    share = times.merge(usual, on=keys, how="left").set_index([*keys, "item"])
    share = (share["usual"] / share["times"]).fillna(1.0)  # a class of anchors alone is read alike as it is
    own = people & marked
    weight[own] = share.reindex(pd.MultiIndex.from_frame(frame.loc[own, [*keys, "item"]])).to_numpy()
    return frame.assign(**{WEIGHT: weight})
