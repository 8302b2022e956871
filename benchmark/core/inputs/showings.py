"""Second showings: an item that came again in the same block, so that readers can be compared with themselves.

Here, and nowhere else, they part from the readings that every other question is asked of: `Readings.frame` holds first
showings alone, `Readings.second` the others.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.core.errors import Problem

SHOWING = "showing"
FIRST, SECOND = "1", "2"
READING = ["reader", "survey", "item", "view"]


def split_showings(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Masks of first and of second showings; a table without the column, or with an empty cell, holds first ones."""
    second = frame[SHOWING].eq(SECOND).to_numpy()
    return ~second, second


def showing_problems(frame: pd.DataFrame, lines: np.ndarray) -> Iterator[Problem]:
    """What is wrong in this column: another value, a second showing to a network or beside an assistant, without a first, or twice."""
    said = frame[SHOWING]
    for row in np.flatnonzero(~said.isin(("", FIRST, SECOND))):
        yield Problem(int(lines[row]), SHOWING, f'1, 2 or an empty cell was expected, "{said.iloc[row]}" was found.')
    first, second = split_showings(frame)
    if not second.any():
        return
    for row in np.flatnonzero(second & (frame["kind"] == "model").to_numpy()):
        yield Problem(int(lines[row]), SHOWING, "a network reads every image once, so 1 or an empty cell was expected.")
    for row in np.flatnonzero(second & (frame["assistant"] != "").to_numpy()):
        yield Problem(int(lines[row]), SHOWING, "nothing is shown again where a network's output was in sight; 1 or an empty cell was expected.")
    of = frame[READING].itertuples(index=False, name=None)
    keys = np.fromiter(of, dtype=object, count=len(frame))
    known = set(keys[first])
    seen: set[tuple] = set()
    for row in np.flatnonzero(second):
        reader, _, item, _ = key = keys[row]
        if key not in known:
            yield Problem(
                int(lines[row]), SHOWING, f'reader "{reader}" has no first reading of item "{item}" in this survey and view.'
            )
        if key in seen:
            yield Problem(
                int(lines[row]), "item", f'reader "{reader}" already has a second reading of item "{item}" in this survey and view.'
            )
        seen.add(key)
