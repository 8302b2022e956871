"""Agreement among exchangeable readers: Fleiss, Krippendorff, Gwet, and plain agreement."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Agreement:
    """Coefficients over items with at least two ratings; None with `why` where they are not defined."""

    fleiss_kappa: float | None
    krippendorff_alpha: float | None
    gwet_ac1: float | None
    percent_agreement: float | None
    items: int
    why: str | None = None


def agreement(counts: np.ndarray) -> Agreement:
    """counts: (items, categories), how many readers chose each category for each item. Missing ratings are simply not
    counted. Sources: Fleiss 1971 (with unequal ratings as Gwet 2014), Krippendorff 2011 (nominal), Gwet 2008 (AC1)."""
    rated = np.asarray(counts, float)
    rated = rated[rated.sum(1) > 0]
    pairable = rated[rated.sum(1) >= 2]
    if not len(pairable):
        return Agreement(None, None, None, None, 0, "no item was answered by two readers")
    m = pairable.sum(1)
    observed = float(np.mean((pairable * (pairable - 1)).sum(1) / (m * (m - 1))))
    share = (rated / rated.sum(1, keepdims=True)).mean(0)
    categories = rated.shape[1]
    by_share = float((share**2).sum())
    fleiss = (observed - by_share) / (1 - by_share) if by_share < 1 else None
    chance = float((share * (1 - share)).sum()) / (categories - 1) if categories > 1 else None
    ac1 = (observed - chance) / (1 - chance) if chance is not None else None
    why = None if fleiss is not None else "every reader chose the same category for every item"
    return Agreement(fleiss, krippendorff_alpha(pairable), ac1, observed, len(pairable), why)


def krippendorff_alpha(counts: np.ndarray) -> float | None:
    """Nominal alpha = 1 - D_o / D_e from the coincidences within items; None without any expected disagreement."""
    m = counts.sum(1)
    within = (counts * (m[:, None] - counts)).sum(1) / (m - 1)
    totals = counts.sum(0)
    n = totals.sum()
    expected = (totals * (n - totals)).sum() / (n - 1)
    return float(1 - within.sum() / expected) if expected else None


def count_answers(items, answers, categories: list[str]) -> np.ndarray:
    """Table (items, categories) of counts from one row per rating; answers outside `categories` are not counted."""
    rows = np.unique(np.asarray(items), return_inverse=True)[1]
    place = {name: column for column, name in enumerate(categories)}
    counts = np.zeros((rows.max() + 1 if len(rows) else 0, len(categories)))
    for row, answer in zip(rows, answers, strict=True):
        if answer in place:
            counts[row, place[answer]] += 1
    return counts
