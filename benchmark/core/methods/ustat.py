"""U-statistic variance of a difference of two modalities over sparse reader x case designs (one-shot estimate).

Unbiased second moments of the scores for pairs of readings that share both reader and case, only the case, only the
reader, or neither, weighted by how often the design holds each kind of pair. "jointD" weights every reading alike.
Source: Gallas, Pennello & Myers (2007), J. Opt. Soc. Am. A 24:B70.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.methods.twoway import codes


@dataclass(frozen=True)
class UStatistic:
    """Mean of scores, its variance (None with `why` when the design shares too little), and the moments."""

    estimate: float | None
    variance: float | None
    same_both: float | None = None
    same_item: float | None = None
    same_reader: float | None = None
    neither: float | None = None
    why: str | None = None


def ustat_mean(
    scores: np.ndarray, reader: np.ndarray, item: np.ndarray, weights: np.ndarray | None = None
) -> UStatistic:
    """Mean of scores (n,) over readings and its U-statistic variance; each reader reads an item at most once.

    weights (n,): of the readings; a pair then weighs the product of its two, in the moments as in the variance.

    A kind of pair that the design does not hold makes the variance not estimable. The variance can be negative in
    small samples, and is returned as it is.
    """
    s = np.asarray(scores, dtype=float)
    n = len(s)
    if n == 0:
        return UStatistic(None, None, why="no readings")
    (reader, _), (item, _) = codes(reader), codes(item)
    w = np.ones(n) if weights is None else np.asarray(weights, dtype=float)
    s, n, own = s * w, float(w.sum()), float(w @ w)
    by_reader, by_item = np.bincount(reader, weights=s), np.bincount(item, weights=s)
    square, total = float(s @ s), float(s.sum())
    readings_of_reader, readings_of_item = np.bincount(reader, weights=w), np.bincount(item, weights=w)
    products = {
        "same_item": float(by_item @ by_item) - square,
        "same_reader": float(by_reader @ by_reader) - square,
    }
    pairs = {
        "same_item": float(readings_of_item @ readings_of_item) - own,
        "same_reader": float(readings_of_reader @ readings_of_reader) - own,
    }
    products["neither"] = total**2 - square - sum(products.values())
    pairs["neither"] = n**2 - own - sum(pairs.values())
    estimate = total / n
    if min(pairs.values()) <= 1e-9 * own:
        return UStatistic(
            estimate, None, why="the design holds no two readings that share a reader only, an item only, or neither"
        )
    moments = {"same_both": square / own, **{kind: products[kind] / pairs[kind] for kind in products}}
    parts = {"same_both": own / n**2, **{kind: pairs[kind] / n**2 for kind in pairs}}
    # Subtracting E[mean]^2, estimated without bias by the pairs that share nothing.
    variance = sum(parts[kind] * moments[kind] for kind in moments) - moments["neither"]
    return UStatistic(estimate, float(variance), **moments)
