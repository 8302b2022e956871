"""Variance components: how much readers, items, and everything else contribute to one reading's difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.core.methods.twoway import centred, codes, item_strata


@dataclass(frozen=True)
class Components:
    """Variances of one reading: between readers, between items (of a class), residual; None with `why`."""

    reader: float | None
    item: float | None
    residual: float | None
    why: str | None = None


def moment_components(
    values: np.ndarray, reader: np.ndarray, item: np.ndarray, stratum: np.ndarray | None = None
) -> Components:
    """Moment estimates from products of readings that share a reader only, an item only, or neither.

    Works for any sparse design: E[product | share reader] - E[product | share neither] = reader variance, and likewise
    for items, on class-centred values; negative estimates are set to 0 (their usual truncation), and so are those that are
    rounding alone.
    """
    values = np.asarray(values, dtype=float)
    (reader, n_readers), (item, n_items) = codes(reader), codes(item)
    e = centred(values, item_strata(item, stratum))
    square = float(e @ e)
    n = len(e)
    by_reader, by_item = np.bincount(reader, weights=e), np.bincount(item, weights=e)
    pairs_reader = float((np.bincount(reader).astype(float) ** 2).sum()) - n
    pairs_item = float((np.bincount(item).astype(float) ** 2).sum()) - n
    pairs_neither = float(n) ** 2 - n - pairs_reader - pairs_item
    if n_readers < 2 or n_items < 2 or min(pairs_reader, pairs_item, pairs_neither) <= 0:
        return Components(None, None, None, "needs readers who share items and items read by several readers")
    same_reader = (float(by_reader @ by_reader) - square) / pairs_reader
    same_item = (float(by_item @ by_item) - square) / pairs_item
    total = float(e.sum()) ** 2
    products = float(by_reader @ by_reader) + float(by_item @ by_item) - square
    neither = (total - products) / pairs_neither
    rounding = 1e-12 * square / n

    def above_rounding(variance: float) -> float:
        return variance if variance > rounding else 0.0

    var_reader, var_item = above_rounding(same_reader - neither), above_rounding(same_item - neither)
    return Components(var_reader, var_item, above_rounding(square / n - neither - var_reader - var_item))
