"""Single-number descriptions of answers against truth: balanced accuracy, macro-F1, Cohen's kappa."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Metrics:
    """Each None, with `why`, where the items leave it undefined."""

    balanced_accuracy: float | None
    macro_f1: float | None
    kappa: float | None
    why: str | None = None


def metrics_of(counts: np.ndarray) -> Metrics:
    """From counts (classes, classes + 1), last column "no answer", which is never right and never a true class.

    Classes without items are left out of the averages. With equally many items per class and no blanks, accuracy equals
    balanced accuracy, and (classes - 1) kappa + 1 over classes.
    """
    counts = np.asarray(counts, dtype=float)
    rows, right = counts.sum(axis=1), np.diagonal(counts[:, :-1])
    used = rows > 0
    if not used.any():
        return Metrics(None, None, None, "no readings")
    columns = counts[:, :-1].sum(axis=0)
    recall = right[used] / rows[used]
    f1 = 2 * right[used] / (rows[used] + columns[used])
    total = rows.sum()
    observed, chance = right.sum() / total, float(rows @ columns) / total**2
    kappa = (observed - chance) / (1 - chance) if np.count_nonzero(used) > 1 else None
    why = "kappa needs items of at least two classes" if kappa is None else None
    return Metrics(float(recall.mean()), float(f1.mean()), None if kappa is None else float(kappa), why)


def metrics_of_draws(counts: np.ndarray) -> dict[str, np.ndarray]:
    """The same numbers for weighted counts of many draws, shape (draws, classes, classes + 1); NaN where undefined."""
    counts = np.asarray(counts, dtype=float)
    rows, columns = counts.sum(axis=2), counts[:, :, :-1].sum(axis=1)
    right = np.diagonal(counts[:, :, :-1], axis1=1, axis2=2)
    total = rows.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        used = rows > 0
        width = used.sum(axis=1)
        recall = np.where(used, right / rows, 0.0).sum(axis=1) / width
        f1 = np.where(used, 2 * right / (rows + columns), 0.0).sum(axis=1) / width
        observed = right.sum(axis=1) / total
        chance = (rows * columns).sum(axis=1) / total**2
        kappa = np.where(width > 1, (observed - chance) / (1 - chance), np.nan)
    return {"accuracy": observed, "balanced_accuracy": recall, "macro_f1": f1, "kappa": kappa}
