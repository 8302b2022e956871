"""Agreement where the same raters rate every item: Conger's kappa, and what is defined for equal numbers of raters.

In a crossed design raters may be named, so chance agreement can allow for each rater's own habits (Conger, 1980). The
coefficients of interchangeable raters, for any design, are in `agreement`.
"""

from __future__ import annotations

import numpy as np


def conger_kappa(table: np.ndarray, n_categories: int) -> float | None:
    """Conger's kappa of integer codes, shape (raters, items); a negative code is a missing rating.

    Chance agreement is that of two different raters drawn at random, each with his own share of categories among the
    items that he rated. None where no two raters rated one item or chance agreement is complete. Source: Conger (1980);
    Gwet (2014) for missing ratings.
    """
    table = np.asarray(table)
    raters = len(table)
    counts = (table[:, :, None] == np.arange(n_categories)).sum(axis=0).astype(float)
    rated = counts.sum(axis=1)
    paired = rated >= 2
    rates = table >= 0
    if raters < 2 or not paired.any() or not rates.any(axis=1).all():
        return None
    of_item = counts[paired]
    observed = ((of_item * (of_item - 1)).sum(axis=1) / (rated[paired] * (rated[paired] - 1))).mean()
    shares = np.stack([(table == k).sum(axis=1) for k in range(n_categories)], axis=1) / rates.sum(axis=1)[:, None]
    chance = float((shares.mean(axis=0) ** 2 - shares.var(axis=0, ddof=1) / raters).sum())
    return float((observed - chance) / (1 - chance)) if chance < 1 - 1e-12 else None


def brennan_prediger(agreement: float, n_categories: int) -> float | None:
    """Observed agreement beyond that of raters who choose each of the categories equally often (1981)."""
    return (agreement - 1 / n_categories) / (1 - 1 / n_categories) if n_categories > 1 else None


def fleiss_z(kappa: float, counts: np.ndarray) -> float | None:
    """Fleiss' kappa over its standard error without any agreement; counts (items, categories), equal sums.

    None where the numbers of raters differ or only one category was used. Source: Fleiss, Nee & Landis (1979).
    """
    counts = np.asarray(counts, dtype=float)
    items, raters = len(counts), counts.sum(axis=1)
    if items == 0 or raters.min() < 2 or np.ptp(raters) > 0:
        return None
    p = counts.sum(axis=0) / counts.sum()
    spread = float((p * (1 - p)).sum())
    if spread <= 1e-12:
        return None
    n = raters[0]
    variance = 2 * (spread**2 - float((p * (1 - p) * (1 - 2 * p)).sum())) / (items * n * (n - 1) * spread**2)
    return float(kappa / np.sqrt(variance)) if variance > 0 else None
