"""Means over readings that weigh differently, as in a study with anchors (see `inputs.anchors`); elsewhere all weigh the same."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

import numpy as np
import pandas as pd

WEIGHT = "_weight"  # column of rows whose readings have weights
FINEST = 10_000  # denominator of weights that can be counted in whole parts


def weights_of(rows: pd.DataFrame) -> np.ndarray | None:
    """Weights of readings; None where every reading weighs the same."""
    return rows[WEIGHT].to_numpy(dtype=float) if WEIGHT in rows else None


def mean_over(rows: pd.DataFrame, values) -> float:
    """Mean of a value per reading."""
    return float(np.average(np.asarray(values, dtype=float), weights=weights_of(rows)))


def means_by(rows: pd.DataFrame, values, key: str) -> np.ndarray:
    """The same for each reader, survey or whatever else `key` names, in sorted order."""
    values, weights = pd.Series(np.asarray(values, dtype=float)), weights_of(rows)
    owner = rows[key].to_numpy()
    if weights is None:
        return values.groupby(owner).mean().to_numpy()
    return ((values * weights).groupby(owner).sum() / pd.Series(weights).groupby(owner).sum()).to_numpy()


def whole_parts(rows: pd.DataFrame) -> np.ndarray | None:
    """Weights as whole numbers in one common unit; None where that would have to be too fine."""
    weights = weights_of(rows)
    if weights is None:
        return np.ones(len(rows), dtype=np.int64)
    parts = {value: Fraction(value).limit_denominator(FINEST) for value in set(weights.tolist())}
    unit = lcm(*(part.denominator for part in parts.values()))
    if unit > FINEST or any(abs(float(part) - value) > 1e-9 for value, part in parts.items()):
        return None
    return np.array([int(parts[value] * unit) for value in weights.tolist()], dtype=np.int64)
