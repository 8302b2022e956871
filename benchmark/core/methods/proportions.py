"""Intervals of proportions: exact, Wilson, and Wilson with the effective sample size of clustered readings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmark.core.methods.distributions import normal_quantile, t_quantile
from benchmark.core.methods.twoway import centred, codes, item_strata, two_way_variance

WILSON = "Wilson"
TWO_WAY = "Wilson with the effective sample size of the two-way (readers and items) variance"


@dataclass(frozen=True)
class Interval:
    low: float | None
    high: float | None
    method: str
    why: str | None = None


def within_scale(
    low: float | None, high: float | None, lowest: float = -1.0, highest: float = 1.0
) -> tuple[float | None, float | None]:
    """Bounds of a difference of two shares, cut where the scale ends: no accuracy is 101 points above another."""
    return (None if low is None else max(low, lowest)), (None if high is None else min(high, highest))


def wilson(
    successes: float, n: float, *, confidence: float = 0.95, quantile: float | None = None
) -> tuple[float, float]:
    """Wilson score interval, reaching 0 or 1 exactly at the ends; successes and n may be effective (fractional).

    Raises ValueError unless 0 <= successes <= n and n > 0. Source: Newcombe (1998), method 3.
    """
    if n <= 0 or not 0 <= successes <= n * (1 + 1e-12):
        raise ValueError(f"Wilson's interval needs 0 <= successes <= n and n > 0; got {successes} of {n}.")
    z = normal_quantile(0.5 + confidence / 2) if quantile is None else quantile
    p = successes / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(max(p * (1 - p), 0.0) / n + z**2 / (4 * n**2))
    low = 0.0 if successes <= 0 else float(max(0.0, centre - half))
    high = 1.0 if successes >= n else float(min(1.0, centre + half))
    return low, high


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper-Pearson) interval of a binomial proportion."""
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(special.betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(special.betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def clustered_proportion(
    correct: np.ndarray,
    reader: np.ndarray,
    item: np.ndarray,
    stratum: np.ndarray | None = None,
    *,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> Interval:
    """Interval of the mean of 0/1 readings that share readers and items; weights (n,), all the same without.

    The two-way variance V gives the effective sample size p(1-p)/V, scaled by (z/t)^2 for its degrees of freedom, and
    Wilson's interval is taken there (as Korn & Graubard 1998 do for surveys). One reader: plain Wilson over the items.
    All or none correct: V cannot be seen, so the number of items, the smallest defensible sample size, is used.
    """
    y = np.asarray(correct, dtype=float)
    n = len(y)
    if n == 0:
        return Interval(None, None, TWO_WAY, "no readings")
    (reader, n_readers), (item, n_items) = codes(reader), codes(item)
    p = float(np.average(y, weights=weights))
    if n_readers == 1:
        return Interval(*wilson(p * n if weights is not None else y.sum(), n, confidence=confidence), WILSON)
    effective = float(min(n_items, n))
    if 0 < p < 1:
        strata = item_strata(item, stratum)
        pull = centred(y, strata, weights)
        pull = pull / n if weights is None else weights / weights.sum() * pull
        v = two_way_variance(pull, reader, item, strata)
        if v.variance > 1e-24 and v.df is not None:
            scale = (normal_quantile(0.5 + confidence / 2) / t_quantile(0.5 + confidence / 2, v.df)) ** 2
            effective = min(float(n), p * (1 - p) / v.variance) * scale
    return Interval(*wilson(p * effective, effective, confidence=confidence), TWO_WAY)
