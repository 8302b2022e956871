"""Single-number descriptions of answers against truth: balanced accuracy, macro-F1, Cohen's kappa."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Metrics:
    """Each None, with `why`, where a class without items or chance-only answers leave it undefined."""

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
    kappa = (observed - chance) / (1 - chance) if chance < 1 else None
    why = "one class only, and always answered, so chance agreement is complete" if kappa is None else None
    return Metrics(float(recall.mean()), float(f1.mean()), None if kappa is None else float(kappa), why)
