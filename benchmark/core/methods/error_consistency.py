"""Do two readers err on the same items? Error consistency between every pair, people or networks.

kappa = (o - e) / (1 - e) with o the share of items both right or both wrong and e what independent readers of these
accuracies reach. Source: Geirhos, Meding & Wichmann (2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class ErrorConsistency:
    """Symmetric tables (readers, readers): shared items, observed agreement of correctness, kappa (NaN if
    undefined)."""

    shared: np.ndarray
    observed: np.ndarray
    kappa: np.ndarray


def error_consistency(
    correct: np.ndarray,
    present: np.ndarray,
    other_correct: np.ndarray | None = None,
    other_present: np.ndarray | None = None,
) -> ErrorConsistency:
    """All pairs at once by matrix products: among the readers, or of each with each of the others.

    correct: bool, shape (readers, items); present: bool, or the items' weights where present (0 elsewhere); absent
    items are not shared. Undefined (NaN) without shared items and when both are always right, or always wrong, on them.
    """
    there = np.asarray(present, dtype=float)
    right = np.asarray(correct, dtype=float) * there
    wrong = there - right
    other_there = np.asarray(present if other_present is None else other_present, dtype=bool).astype(float)
    other_right = np.asarray(correct if other_correct is None else other_correct, dtype=float) * other_there
    shared = there @ other_there.T
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (right @ other_right.T + wrong @ (other_there - other_right).T) / shared
        first, second = right @ other_there.T / shared, there @ other_right.T / shared
        expected = first * second + (1 - first) * (1 - second)
        kappa = np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)
    return ErrorConsistency(shared.astype(int), observed, kappa)


@dataclass(frozen=True)
class Pairs:
    """Every pair of readers who share items, once: codes of both, items shared, observed agreement, kappa (NaN if
    undefined)."""

    first: np.ndarray
    second: np.ndarray
    shared: np.ndarray
    observed: np.ndarray
    kappa: np.ndarray


def consistency_of_pairs(reader: np.ndarray, item: np.ndarray, correct: np.ndarray, size: tuple[int, int]) -> Pairs:
    """The same from readings (reader and item codes, bool), for as many readers as there are: sparse products.

    size: (readers, items); one reading a cell.
    """
    there = sparse.csr_matrix((np.ones(len(reader)), (reader, item)), shape=size)
    right = sparse.csr_matrix((np.asarray(correct, dtype=float), (reader, item)), shape=size)
    met = sparse.triu(there @ there.T, k=1).tocoo()
    first, second, shared = met.row, met.col, met.data
    if not len(first):
        return Pairs(first, second, shared.astype(int), *np.empty((2, 0)))
    both, one, other = (
        np.asarray(product[first, second]).ravel() / shared
        for product in ((right @ right.T).tocsr(), (right @ there.T).tocsr(), (there @ right.T).tocsr())
    )
    observed = 1 - one - other + 2 * both
    expected = one * other + (1 - one) * (1 - other)
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa = np.where(expected < 1 - 1e-12, (observed - expected) / (1 - expected), np.nan)
    return Pairs(first, second, shared.astype(int), observed, kappa)
