"""How accuracy goes with a number that belongs to the reader: over readers, and over readings of readers and items drawn anew.

Over readers it is least squares on the readers' accuracies. Over readings it is the same contrast, the number centred within the
readers' groups and the items' classes, with the two-way variance of its influences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.methods.distributions import t_quantile, t_two_sided_p
from benchmark.core.methods.twoway import TwoWayTest, centred, codes, item_strata, two_way_test, two_way_variance

ALIKE = "all readers gave the same answer"


@dataclass(frozen=True)
class Slope:
    """A line through readers: slope with its t-test and interval; the line goes through (centre, height).

    height_se: standard error of the line at the centre. None with `why` if not estimable.
    """

    slope: float | None
    se: float | None
    df: float | None
    p: float | None
    ci_low: float | None
    ci_high: float | None
    centre: float | None
    height: float | None
    height_se: float | None
    why: str | None = None


def reader_slope(x: np.ndarray, y: np.ndarray, group: np.ndarray, *, confidence: float = 0.95) -> Slope:
    """Least squares of y (n,) on x (n,) with one intercept per group (n,) of readers; df = n - groups - 1."""
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    group, groups = codes(group)
    within_x, within_y = centred(x, group), centred(y, group)
    spread, df = float(within_x @ within_x), len(x) - groups - 1
    at = (float(x.mean()), float(y.mean())) if len(x) else (None, None)
    if len(x) == 0 or spread <= 1e-12 * max(1.0, float(x @ x)):
        return Slope(None, None, None, None, None, None, *at, None, ALIKE)
    slope = float(within_x @ within_y) / spread
    if df < 1:
        return Slope(slope, None, None, None, None, None, *at, None, "there are too few readers for a line")
    left = within_y - slope * within_x
    variance = float(left @ left) / df
    if variance <= 1e-24:
        return Slope(slope, None, None, None, None, None, *at, None, "the readers lie on the line exactly, so its spread is not known")
    se = float(np.sqrt(variance / spread))
    half = t_quantile(0.5 + confidence / 2, df) * se
    p = t_two_sided_p(slope / se, df)
    return Slope(slope, se, float(df), p, slope - half, slope + half, *at, float(np.sqrt(variance / len(x))))


def reading_slope(
    x: np.ndarray,
    y: np.ndarray,
    reader: np.ndarray,
    item: np.ndarray,
    stratum: np.ndarray,
    group: np.ndarray,
    *,
    confidence: float = 0.95,
    weights: np.ndarray | None = None,
) -> TwoWayTest:
    """Slope of y (n,) on the reader's number x (n,) over readings, for new readers and new items.

    stratum: class of the item; group: of the reader. Both have an intercept for every combination that was read.
    """
    (reader, n_readers), (item, n_items), (group, groups) = codes(reader), codes(item), codes(group)
    strata = item_strata(item, stratum)
    cell, _ = codes(strata * np.int64(groups) + group)
    weight = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    within_x, within_y = (centred(np.asarray(values, dtype=float), cell, weight) for values in (x, y))
    spread = float(weight @ within_x**2)
    if spread <= 1e-12 * max(1.0, float(weight @ np.asarray(x, dtype=float) ** 2)):
        return TwoWayTest(*(None,) * 10, n_readers, n_items, len(y), ALIKE)
    slope = float((weight * within_x) @ within_y) / spread
    influence = weight * within_x * (within_y - slope * within_x) / spread
    variance = two_way_variance(influence, reader, item, strata, readers_lost=groups + 1)
    return two_way_test(slope, variance, readers=n_readers, items=n_items, n=len(y), confidence=confidence)
