"""Confusion matrices: rows truth, columns answers and then "no answer", which is never dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.methods.twoway import codes


@dataclass(frozen=True)
class Confusion:
    """counts: int, shape (classes, classes + 1), last column "no answer"; classes in order."""

    classes: tuple[str, ...]
    counts: np.ndarray

    @property
    def row_percent(self) -> np.ndarray:
        """Counts as per cent of their row; NaN for a class without readings."""
        total = self.counts.sum(axis=1, keepdims=True).astype(float)
        return np.divide(100 * self.counts, total, out=np.full(self.counts.shape, np.nan), where=total > 0)


def confusion_matrix(truth: Sequence[str], answer: Sequence[str], classes: Sequence[str]) -> Confusion:
    """Count answers per true class; an empty answer is "no answer". Labels outside `classes` raise ValueError."""
    place = {name: index for index, name in enumerate(classes)}
    columns = {**place, "": len(classes)}
    try:
        rows = np.fromiter((place[t] for t in truth), dtype=np.int64)
        cols = np.fromiter((columns[a] for a in answer), dtype=np.int64)
    except KeyError as error:
        raise ValueError(f"The label {error} is not one of the classes {', '.join(classes)}.") from error
    width = len(classes) + 1
    counts = np.bincount(rows * width + cols, minlength=len(classes) * width).reshape(len(classes), width)
    return Confusion(tuple(classes), counts)


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
        found = [clustered_proportion(answer == said, reader, item, confidence=confidence) for said in (*classes, "")]
        intervals.append([(interval.low, interval.high) for interval in found])
    return intervals
