"""Two-way bootstrap: readers and items resampled together, the same draws for every statistic.

A draw is a pair of multinomial weights, readers within their group and items within their class; a reading weighs
m_reader x m_item. All statistics of a study are computed from one shared set of draws, so that their intervals are
coherent and simultaneous (max-T) intervals cost nothing. Source: Owen (2007), "The pigeonhole bootstrap".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .twoway import codes

CHUNK = 2000


@dataclass(frozen=True)
class TwoWayDraws:
    """How to draw weights: stratum of each reader and each item (integer codes), number of draws, seed."""

    reader_stratum: np.ndarray
    item_stratum: np.ndarray
    draws: int
    seed: int

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Weights of readers (chunk, readers) and items (chunk, items), float32, in chunks of at most 2,000 draws."""
        rng = np.random.default_rng(self.seed)
        for start in range(0, self.draws, CHUNK):
            count = min(CHUNK, self.draws - start)
            yield _weights(rng, self.reader_stratum, count), _weights(rng, self.item_stratum, count)


def _weights(rng: np.random.Generator, stratum: np.ndarray, draws: int) -> np.ndarray:
    """How often each unit is drawn, units resampled with replacement within their stratum."""
    size = len(stratum)
    weights = np.zeros((draws, size), dtype=np.float32)
    for code in np.unique(stratum):
        members = np.flatnonzero(stratum == code)
        picks = rng.integers(0, len(members), (draws, len(members)))
        flat = np.bincount((picks + len(members) * np.arange(draws)[:, None]).ravel(), minlength=draws * len(members))
        weights[:, members] = flat.reshape(draws, len(members))
    return weights


def bootstrap_means(values: np.ndarray, present: np.ndarray, draws: TwoWayDraws) -> np.ndarray:
    """Bootstrap distribution of means over readings.

    values: shape (statistics, readers, items), 0 where absent; present: bool, shape (readers, items). Returns
    (draws, statistics): sum(m_r m_i value) / sum(m_r m_i present) for each. A draw without any reading gives NaN.
    """
    values = np.asarray(values, dtype=np.float32)
    there = np.asarray(present, dtype=np.float32)
    found = []
    for readers, items in draws.chunks():
        weight = np.einsum("bi,bi->b", readers @ there, items)
        sums = [np.einsum("bi,bi->b", readers @ layer, items) for layer in values]
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append(np.stack(sums, axis=1) / weight[:, None])
    return np.concatenate(found).astype(float)


@dataclass(frozen=True)
class BootstrapInterval:
    """Percentile interval, bootstrap standard error, and the simultaneous (max-T) interval over all statistics."""

    low: float | None
    high: float | None
    se: float | None
    simultaneous_low: float | None
    simultaneous_high: float | None
    why: str | None = None


def intervals(estimates: np.ndarray, draws: np.ndarray, *, confidence: float = 0.95) -> list[BootstrapInterval]:
    """Intervals of each statistic from shared draws, shape (draws, statistics).

    The max-T interval is estimate +- q se with q the quantile of the largest standardised deviation over the
    statistics.
    """
    spread = np.nanstd(draws, axis=0, ddof=1)
    usable = spread > 1e-12
    tails = [50 * (1 - confidence), 50 * (1 + confidence)]
    quantile = None
    if usable.any():
        deviations = np.abs(draws[:, usable] - np.nanmean(draws[:, usable], axis=0)) / spread[usable]
        quantile = float(np.nanquantile(np.nanmax(deviations, axis=1), confidence))
    found = []
    for index, estimate in enumerate(estimates):
        if not usable[index]:
            found.append(BootstrapInterval(None, None, None, None, None, "the statistic is the same in every draw"))
            continue
        low, high = np.nanpercentile(draws[:, index], tails)
        se = float(spread[index])
        found.append(
            BootstrapInterval(
                float(low), float(high), se, float(estimate - quantile * se), float(estimate + quantile * se)
            )
        )
    return found


def layout(reader: np.ndarray, item: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Readings as a table: values (readers, items) with 0 where absent, and which cells are present. One reading a
    cell."""
    (reader, n_readers), (item, n_items) = codes(reader), codes(item)
    table, present = np.zeros((n_readers, n_items)), np.zeros((n_readers, n_items), dtype=bool)
    table[reader, item] = values
    present[reader, item] = True
    return table, present


def product_weight_variance(table: np.ndarray) -> float:
    """Exact variance of the two-way bootstrap mean of a fully crossed table (readers, items), without drawing.

    Its Monte Carlo mean is what bootstrap_means estimates: V = [(R-1)(I-1) m_RI + ...] follows from the multinomial
    moments E[m_r m_r'] = (R-1)/R for r != r' and (2R-1)/R for r = r'.
    """
    readers, items = table.shape
    same_r, other_r = (2 * readers - 1) / readers, (readers - 1) / readers
    same_i, other_i = (2 * items - 1) / items, (items - 1) / items
    square = float((table**2).sum())
    rows = float((table.sum(axis=1) ** 2).sum()) - square
    columns = float((table.sum(axis=0) ** 2).sum()) - square
    rest = float(table.sum()) ** 2 - square - rows - columns
    second = same_r * same_i * square + same_r * other_i * rows + other_r * same_i * columns + other_r * other_i * rest
    n = table.size
    return second / n**2 - float(table.mean()) ** 2
