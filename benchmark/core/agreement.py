"""Agreement among interchangeable raters, from the table of counts items x categories.

Fleiss' kappa (generalised to unequal numbers of raters), Krippendorff's alpha, Gwet's AC1 and observed agreement, with
intervals by resampling items. Six different readers per item make raters interchangeable; coefficients that need the
same raters throughout (Conger, Cohen) do not apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

COEFFICIENTS = ("fleiss_kappa", "krippendorff_alpha", "gwet_ac1", "percent_agreement")


@dataclass(frozen=True)
class Agreement:
    """Point estimates; None when it cannot be estimated, with `why`."""

    fleiss_kappa: float | None
    krippendorff_alpha: float | None
    gwet_ac1: float | None
    percent_agreement: float | None
    items: int
    ratings: int
    why: str | None = None


def count_ratings(item: np.ndarray, category: np.ndarray, n_categories: int) -> np.ndarray:
    """Counts, shape (items, categories), from integer codes of each rating; a negative category is a missing rating."""
    n_items = int(item.max()) + 1 if len(item) else 0
    present = category >= 0
    flat = np.bincount(item[present] * n_categories + category[present], minlength=n_items * n_categories)
    return flat.reshape(n_items, n_categories)


def _coefficients(counts: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Every nominal coefficient for each row of item weights, shape (draws, items). Undefined values are NaN."""
    r = counts.sum(axis=1).astype(float)
    rated, paired = (r >= 1).astype(float), (r >= 2).astype(float)
    concordant = (counts * (counts - 1.0)).sum(axis=1)
    share_agreeing = np.divide(concordant, r * (r - 1), out=np.zeros_like(r), where=r >= 2)
    proportions = np.divide(counts, r[:, None], out=np.zeros(counts.shape), where=r[:, None] > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (weights @ share_agreeing) / (weights @ paired)
        prevalence = (weights @ proportions) / (weights @ rated)[:, None]
        chance = (prevalence**2).sum(axis=1)
        used = np.count_nonzero(counts.sum(axis=0))
        chance_ac1 = (prevalence * (1 - prevalence)).sum(axis=1) / max(used - 1, 1)
        # Krippendorff's coincidences: only items with two or more ratings, each rating counted once.
        pairable = counts * paired[:, None]
        totals = weights @ pairable
        n = totals.sum(axis=1)
        disagreement = weights @ np.divide(
            r**2 - (counts.astype(float) ** 2).sum(axis=1), r - 1, out=np.zeros_like(r), where=r >= 2
        )
        expected = (n**2 - (totals**2).sum(axis=1)) / (n - 1)
        return {
            "fleiss_kappa": np.where(chance < 1, (observed - chance) / (1 - chance), np.nan),
            "krippendorff_alpha": np.where(expected > 0, 1 - disagreement / expected, np.nan),
            "gwet_ac1": (observed - chance_ac1) / (1 - chance_ac1) if used > 1 else np.full(len(weights), np.nan),
            "percent_agreement": observed,
        }


def agreement(counts: np.ndarray) -> Agreement:
    """Agreement coefficients of counts, shape (items, categories). Items rated once count for prevalence only."""
    counts = np.asarray(counts)
    items, ratings = len(counts), int(counts.sum())
    if items == 0 or counts.sum(axis=1).max(initial=0) < 2:
        return Agreement(None, None, None, None, items, ratings, "no item was rated by two raters")
    values = {name: float(v[0]) for name, v in _coefficients(counts, np.ones((1, items))).items()}
    why = (
        "every rating is the same, so chance agreement is complete" if not np.isfinite(values["fleiss_kappa"]) else None
    )
    clean = {name: value if np.isfinite(value) else None for name, value in values.items()}
    return Agreement(**clean, items=items, ratings=ratings, why=why)


def agreement_intervals(
    counts: np.ndarray, rng: np.random.Generator, *, draws: int = 2000, confidence: float = 0.95
) -> dict[str, tuple[float, float] | None]:
    """Percentile intervals of each coefficient by resampling items; None where fewer than half the draws define it."""
    items = len(counts)
    if items < 2:
        return dict.fromkeys(COEFFICIENTS)
    weights = rng.multinomial(items, np.full(items, 1 / items), size=draws).astype(float)
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    found = {}
    for name, values in _coefficients(counts, weights).items():
        finite = values[np.isfinite(values)]
        found[name] = tuple(float(v) for v in np.percentile(finite, tails)) if len(finite) > draws / 2 else None
    return found


def krippendorff_alpha(ratings: np.ndarray, *, level: str = "nominal") -> float | None:
    """Krippendorff's alpha of ratings, shape (raters, items), float with NaN for missing.

    level: nominal, ordinal, interval or ratio. None when there is no variation or nothing to pair.
    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability.
    """
    table = np.asarray(ratings, dtype=float)
    values = np.unique(table[np.isfinite(table)])
    if len(values) < 2:
        return None
    counts = np.stack([(table == value).sum(axis=0) for value in values], axis=1).astype(float)
    r = counts.sum(axis=1)
    counts, r = counts[r >= 2], r[r >= 2]
    if len(counts) == 0:
        return None
    coincidence = (counts / (r - 1)[:, None]).T @ counts - np.diag((counts / (r - 1)[:, None]).sum(axis=0))
    totals = coincidence.sum(axis=1)
    distance = _squared_distance(values, totals, level)
    expected = (np.outer(totals, totals) - np.diag(totals)) / (totals.sum() - 1)
    denominator = float((expected * distance).sum())
    return 1 - float((coincidence * distance).sum()) / denominator if denominator > 0 else None


def _squared_distance(values: np.ndarray, totals: np.ndarray, level: str) -> np.ndarray:
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        return (values[:, None] - values[None, :]) ** 2
    if level == "ratio":
        total = values[:, None] + values[None, :]
        gap = values[:, None] - values[None, :]
        return np.divide(gap, total, out=np.zeros_like(gap), where=total != 0) ** 2
    if level == "ordinal":
        middle = np.cumsum(totals) - totals / 2
        return (middle[:, None] - middle[None, :]) ** 2
    raise ValueError(f'level must be nominal, ordinal, interval or ratio, not "{level}".')


def category_codes(labels: Sequence[str], categories: Sequence[str]) -> np.ndarray:
    """Index of each label among categories, -1 for one that is not there (a missing rating)."""
    place = {name: index for index, name in enumerate(categories)}
    return np.fromiter((place.get(label, -1) for label in labels), dtype=np.int64)
