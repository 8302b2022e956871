"""New images and new readers: the variance of a mean over readings that share readers and share items.

The estimator is the two-way (reader and item) cluster variance, centred within classes: V = V_R + V_I - V_RI, never
less than its larger part, with Satterthwaite degrees of freedom. It holds for any sparse or crossed design.
Source: Cameron, Gelbach & Miller (2011); Satterthwaite (1946).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.methods.distributions import t_quantile, t_two_sided_p


@dataclass(frozen=True)
class TwoWayVariance:
    """Variance of an estimate: its reader part, item part and shared part, the sum, and Satterthwaite df."""

    var_reader: float
    var_item: float
    var_both: float
    variance: float
    df: float | None


@dataclass(frozen=True)
class TwoWayTest:
    """A mean (or difference) with its new-images, new-readers standard error; None with `why` if not estimable."""

    estimate: float | None
    se: float | None
    df: float | None
    t: float | None
    p: float | None
    ci_low: float | None
    ci_high: float | None
    var_reader: float | None
    var_item: float | None
    var_both: float | None
    readers: int
    items: int
    n: int
    why: str | None = None


def codes(labels: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels as integers 0..n-1 in sorted order, and n."""
    inverse, values = pd.factorize(labels if isinstance(labels, pd.Series) else np.asarray(labels), sort=True)
    return inverse, len(values)


def centred(values: np.ndarray, stratum: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Values minus the (weighted) mean of their stratum."""
    if weights is not None:
        total = np.bincount(stratum, weights=weights)
        return values - (np.bincount(stratum, weights=weights * values) / np.where(total > 0, total, 1))[stratum]
    size = np.bincount(stratum)
    mean = np.bincount(stratum, weights=values) / np.maximum(size, 1)
    return values - mean[stratum]


def item_strata(item: np.ndarray, stratum: np.ndarray | None) -> np.ndarray:
    """Strata of the readings, merged into one where a stratum holds a single item (its spread cannot be seen)."""
    if stratum is None:
        return np.zeros(len(item), dtype=np.int64)
    code, _ = codes(stratum)
    own, n_items = codes(item)
    pairs = np.unique(code * np.int64(n_items) + own)
    return code if np.bincount(pairs // n_items).min() >= 2 else np.zeros(len(item), dtype=np.int64)


def two_way_variance(
    influence: np.ndarray, reader: np.ndarray, item: np.ndarray, stratum: np.ndarray, *, readers_lost: int = 1
) -> TwoWayVariance:
    """Variance of sum(influence) when readers and items are both samples.

    influence: shape (n,), each reading's centred share of the estimate (for a mean: (y - class mean) / n).
    reader, item, stratum: integer codes, shape (n,); an item belongs to one stratum. readers_lost: reader means fitted
    (2 when the estimate contrasts two groups of readers).
    """
    n_readers, n_items = int(reader.max()) + 1, int(item.max()) + 1
    by_reader = np.bincount(reader, weights=influence, minlength=n_readers)
    by_item = np.bincount(item, weights=influence, minlength=n_items)
    item_stratum = np.zeros(n_items, dtype=np.int64)
    item_stratum[item] = stratum
    size = np.bincount(item_stratum)
    used = int((size > 0).sum())
    n = len(influence)
    df_reader, df_item = n_readers - readers_lost, n_items - used
    inflate = np.where(size > 1, size / np.maximum(size - 1, 1), 1.0)[item_stratum]
    var_reader = n_readers / df_reader * float(by_reader @ by_reader) if df_reader > 0 else 0.0
    var_item = float(inflate @ by_item**2) if df_item > 0 else 0.0
    var_both = n / (n - 1) * float(influence @ influence) if n > 1 else 0.0
    # Asymptotically the sum can be negative; the variance is never below its larger part.
    variance = max(var_reader + var_item - var_both, var_reader, var_item)
    parts = sum(v**2 / df for v, df in ((var_reader, df_reader), (var_item, df_item)) if df > 0)
    return TwoWayVariance(var_reader, var_item, var_both, variance, variance**2 / parts if parts > 0 else None)


def two_way_test(
    estimate: float, variance: TwoWayVariance, *, readers: int, items: int, n: int, confidence: float = 0.95
) -> TwoWayTest:
    """t-test and interval of an estimate from its two-way variance."""
    parts = (variance.var_reader, variance.var_item, variance.var_both)
    why = None
    if readers < 2 or items < 2:
        why = "at least two readers and two items are needed"
    elif variance.variance <= 1e-24 or variance.df is None:
        why = "no reading differs from its class's mean, so the spread over readers and items cannot be estimated"
    if why:
        return TwoWayTest(estimate, None, None, None, None, None, None, None, None, None, readers, items, n, why)
    se = float(np.sqrt(variance.variance))
    t = estimate / se
    half = t_quantile(0.5 + confidence / 2, variance.df) * se
    p = t_two_sided_p(t, variance.df)
    return TwoWayTest(estimate, se, variance.df, t, p, estimate - half, estimate + half, *parts, readers, items, n)


def two_way_mean(
    values: np.ndarray,
    reader: np.ndarray,
    item: np.ndarray,
    stratum: np.ndarray | None = None,
    *,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> TwoWayTest:
    """Mean of values (n,) over readings, with the two-way variance; stratum is the items' class (centred within).

    For model minus reader, values = model's correctness on the item minus the reader's. weights (n,): of the readings, all
    the same without.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n == 0:
        return TwoWayTest(None, None, None, None, None, None, None, None, None, None, 0, 0, 0, "no readings")
    (reader, n_readers), (item, n_items) = codes(reader), codes(item)
    strata = item_strata(item, stratum)
    if weights is None:
        mean, pull = float(values.mean()), centred(values, strata) / n
    else:
        share = weights / weights.sum()
        mean, pull = float(share @ values), share * centred(values, strata, weights)
    variance = two_way_variance(pull, reader, item, strata)
    return two_way_test(mean, variance, readers=n_readers, items=n_items, n=n, confidence=confidence)
