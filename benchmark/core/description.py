"""Accuracy and confusion, with intervals that respect readers and items."""

import numpy as np
import pandas as pd

from .twoway import two_way

NO_ANSWER = "no answer"


def wilson(correct: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson 1927), clamped to [0, 1]. n must be positive."""
    from scipy import stats

    z = stats.norm.ppf((1 + level) / 2)
    p = correct / n
    centre, half = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)
    return (0.0 if correct == 0 else float(low)), (1.0 if correct == n else float(high))


def accuracy_record(rows: pd.DataFrame, group: str, kind: str, view: str, *, level: float) -> dict:
    """Share correct with its interval: two-way t for several readers, Wilson for one. A blank counts as wrong."""
    n, correct = len(rows), int(rows["correct"].sum())
    spread = two_way(rows["correct"], rows["reader"], rows["item"], rows["truth"], level=level)
    if spread.se is not None:
        low, high = max(0.0, spread.ci_low), min(1.0, spread.ci_high)
        method = "two-way (readers and items), Satterthwaite t"
    else:
        low, high = wilson(correct, n, level=level)
        method = "Wilson"
    return {
        "group": group, "kind": kind, "view": view, "readers": int(rows["reader"].nunique()),
        "items": int(rows["item"].nunique()), "readings": n, "answered": int(rows["answered"].sum()),
        "correct": correct, "accuracy": correct / n, "ci_low": low, "ci_high": high, "ci_method": method,
    }  # fmt: skip


def confusion_record(rows: pd.DataFrame, group: str, view: str, classes: list[str]) -> dict:
    """Counts with rows truth and columns classes then "no answer"; a row without readings has null per cents."""
    columns = [*classes, NO_ANSWER]
    answers = rows["answer"].where(rows["answered"], NO_ANSWER)
    table = pd.crosstab(rows["truth"], answers).reindex(index=classes, columns=columns, fill_value=0)
    counts = table.to_numpy(int)
    totals = counts.sum(1)
    percent = [[100 * int(cell) / int(n) if n else None for cell in row] for row, n in zip(counts, totals, strict=True)]
    return {"group": group, "view": view, "classes": classes, "counts": counts.tolist(), "row_percent": percent}
