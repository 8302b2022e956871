"""Do two readers err on the same items? Error consistency between every pair, people or networks.

kappa = (o - e) / (1 - e) with o the share of items both right or both wrong and e what independent readers of these
accuracies reach. Source: Geirhos, Meding & Wichmann (2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ErrorConsistency:
    """Symmetric tables (readers, readers): shared items, observed agreement of correctness, kappa (NaN if
    undefined)."""

    shared: np.ndarray
    observed: np.ndarray
    kappa: np.ndarray


def error_consistency(correct: np.ndarray, present: np.ndarray) -> ErrorConsistency:
    """All pairs at once by matrix products. correct, present: bool, shape (readers, items); absent items are not
    shared.

    Undefined (NaN) without shared items and when both are always right, or both always wrong, on them.
    """
    there = np.asarray(present, dtype=float)
    right = np.asarray(correct, dtype=float) * there
    wrong = there - right
    shared = there @ there.T
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (right @ right.T + wrong @ wrong.T) / shared
        first, second = right @ there.T / shared, there @ right.T / shared
        expected = first * second + (1 - first) * (1 - second)
        kappa = np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)
    return ErrorConsistency(shared.astype(int), observed, kappa)
