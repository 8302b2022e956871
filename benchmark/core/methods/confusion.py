"""Confusion matrices: rows truth, columns answers and then "no answer", which is never dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.methods.twoway import codes
from benchmark.core.methods.weighting import weights_of


@dataclass(frozen=True)
class Confusion:
    """counts: int, shape (classes, classes + 1), last column "no answer"; classes in order. weighted: sums of weights
    instead, where readings have some."""

    classes: tuple[str, ...]
    counts: np.ndarray
    weighted: np.ndarray | None = None

    @property
    def row_percent(self) -> np.ndarray:
        """Counts (weights) as per cent of their row; NaN for a class without readings."""
        cells = self.sums
        total = cells.sum(axis=1, keepdims=True).astype(float)
        return np.divide(100 * cells, total, out=np.full(cells.shape, np.nan), where=total > 0)

    @property
    def sums(self) -> np.ndarray:
        """What shares are of: counts, or where readings have weights their sums."""
        return self.counts if self.weighted is None else self.weighted


def confusion_matrix(
    truth: Sequence[str], answer: Sequence[str], classes: Sequence[str], weights: np.ndarray | None = None
) -> Confusion:
    """Count answers per true class; an empty answer is "no answer". Labels outside `classes` raise ValueError."""
    place = {name: index for index, name in enumerate(classes)}
    columns = {**place, "": len(classes)}
    try:
        rows = np.fromiter((place[t] for t in truth), dtype=np.int64)
        cols = np.fromiter((columns[a] for a in answer), dtype=np.int64)
    except KeyError as error:
        raise ValueError(f"The label {error} is not one of the classes {', '.join(classes)}.") from error
    width = len(classes) + 1
    shape, cells = (len(classes), width), rows * width + cols
    counts = np.bincount(cells, minlength=len(classes) * width).reshape(shape)
    if weights is None:
        return Confusion(tuple(classes), counts)
    weighted = np.bincount(cells, weights=weights, minlength=len(classes) * width).reshape(shape)
    return Confusion(tuple(classes), counts, weighted)


def cell_intervals(
    rows: pd.DataFrame, classes: Sequence[str], *, confidence: float
) -> list[list[tuple[float, float] | None]]:
    """Interval of every cell's share of its row, respecting readers and items, shaped as the matrix; None in the row of
    a class without readings."""
    intervals = []
    for name in classes:
        of_class = rows[rows["truth"] == name]
        if of_class.empty:
            intervals.append([None] * (len(classes) + 1))
            continue
        answer, reader, item = of_class["answer"].to_numpy(), codes(of_class["reader"])[0], codes(of_class["item"])[0]
        weights = weights_of(of_class)
        found = [clustered_proportion(answer == said, reader, item, confidence=confidence, weights=weights) for said in (*classes, "")]
        intervals.append([(interval.low, interval.high) for interval in found])
    return intervals
