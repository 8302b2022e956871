"""Two-way bootstrap: readers and items resampled together, the same draws for every statistic.

A draw is a pair of multinomial weights, readers within their group and items within their class; a reading weighs
m_reader x m_item. All statistics of a study are computed from one shared set of draws, so that their intervals are
coherent and simultaneous (max-T) intervals cost nothing. Source: Owen (2007), "The pigeonhole bootstrap".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from benchmark.core.methods.twoway import codes
from benchmark.core.methods.weighting import weights_of

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
            yield _weights(rng, self.reader_stratum, count).T, _weights(rng, self.item_stratum, count).T


def _weights(rng: np.random.Generator, stratum: np.ndarray, draws: int) -> np.ndarray:
    """How often each unit is drawn, units resampled with replacement within their stratum: (units, draws), float32."""
    weights = np.zeros((len(stratum), draws), dtype=np.float32)
    for code in np.unique(stratum):
        members = np.flatnonzero(stratum == code)
        n = len(members)
        # Small integers are drawn several times faster than large ones.
        picks = rng.integers(0, n, (draws, n), dtype=np.uint16 if n <= 2**16 else np.int64)
        counts = np.bincount((picks + n * np.arange(draws)[:, None]).ravel(), minlength=draws * n)
        weights[members] = counts.reshape(draws, n).T
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


UNDEFINED = "the statistic is undefined in more than half of the bootstrap draws"
CONSTANT = "the statistic is the same in every bootstrap draw"


def intervals(estimates: np.ndarray, draws: np.ndarray, *, confidence: float = 0.95) -> list[BootstrapInterval]:
    """Intervals of each statistic from shared draws, shape (draws, statistics); NaN marks a draw without the statistic.

    The max-T interval is estimate +- q se with q the quantile of the largest standardised deviation over the
    statistics; draws in which any of them is undefined do not count for q. A statistic that is undefined in more than
    half of the draws, or constant, has no interval and says why.
    """
    defined = np.isfinite(draws)
    whys = [
        UNDEFINED if 2 * there.sum() <= len(draws) else CONSTANT if np.ptp(column[there]) <= 1e-12 else None
        for column, there in zip(draws.T, defined.T)
    ]
    spread = np.array([0.0 if why else float(c[d].std(ddof=1)) for c, d, why in zip(draws.T, defined.T, whys)])
    quantile = _largest_deviation(draws, defined, np.array([why is None for why in whys]), spread, confidence)
    found = []
    for index, (estimate, why) in enumerate(zip(estimates, whys)):
        if why:
            found.append(BootstrapInterval(None, None, None, None, None, why))
            continue
        low, high = percentile_bounds(draws[defined[:, index], index], confidence)
        se = float(spread[index])
        both = (None, None) if quantile is None else (float(estimate - quantile * se), float(estimate + quantile * se))
        found.append(BootstrapInterval(low, high, se, *both))
    return found


def percentile_bounds(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """Percentiles at (draws + 1) p: a further draw falls outside them with probability 1 - confidence, as it must."""
    low, high = np.percentile(draws, [50 * (1 - confidence), 50 * (1 + confidence)], method="weibull")
    return float(low), float(high)


def _largest_deviation(
    draws: np.ndarray, defined: np.ndarray, usable: np.ndarray, spread: np.ndarray, confidence: float
) -> float | None:
    """Quantile of the largest standardised deviation, over draws in which every usable statistic is defined."""
    if not usable.any():
        return None
    whole = draws[defined[:, usable].all(axis=1)][:, usable]
    if 2 * len(whole) <= len(draws):
        return None
    deviations = np.abs(whole - whole.mean(axis=0)) / spread[usable]
    return float(np.quantile(deviations.max(axis=1), confidence))


DENSE = 0.2  # from this share of filled cells on, matrix products beat gathering the readings
AT_ONCE = 300_000  # products of weights held at a time: what stays in a processor's cache


def gathering(code: np.ndarray, size: int, value: np.ndarray | None = None) -> sparse.csr_matrix:
    """Sparse matrix (size, n) whose product with rows (n, ...) sums value times the rows of each code."""
    n = len(code)
    value = np.ones(n, dtype=np.float32) if value is None else value
    return sparse.csr_matrix((value, (np.asarray(code), np.arange(n))), shape=(size, n))


@dataclass(frozen=True)
class _Places:
    """Where readings stand in a table of (cell, reader) pairs by items: items used, column and row of each reading, and
    each pair's reader and cell."""

    used: np.ndarray
    column: np.ndarray
    row: np.ndarray
    owner: np.ndarray
    cell: np.ndarray


@dataclass(frozen=True)
class StudyDraws:
    """One set of draws for every statistic of a study: weights (units, draws) of its readers and items, float32.

    Readers are resampled within their group and items within their class; a network is one fitted network, and always
    weighs 1.
    """

    readers: pd.Index
    items: pd.Index
    reader_weights: np.ndarray
    item_weights: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, *, draws: int, seed: int) -> StudyDraws:
        """frame: readings with reader, group, kind, item and truth."""
        people = frame[frame["kind"] == "human"].drop_duplicates("reader").sort_values("reader")
        networks = frame.loc[frame["kind"] == "model", "reader"].unique()
        pictures = frame.drop_duplicates("item").sort_values("item")
        rng = np.random.default_rng(seed)
        drawn = _weights(rng, codes(people["group"])[0], draws) if len(people) else np.zeros((0, draws), np.float32)
        fixed = np.ones((len(networks), draws), dtype=np.float32)
        return cls(
            pd.Index([*people["reader"], *networks]),
            pd.Index(pictures["item"]),
            np.concatenate([drawn, fixed]),
            _weights(rng, codes(pictures["truth"])[0], draws),
        )

    def of_these_items(self) -> StudyDraws:
        """The same draws of readers, every item as often as it was read: new readers, these images."""
        return replace(self, item_weights=np.ones_like(self.item_weights))

    @property
    def draws(self) -> int:
        return self.item_weights.shape[1]

    def sums(self, rows: pd.DataFrame, cell: np.ndarray, n_cells: int, values: np.ndarray | None = None) -> np.ndarray:
        """Weighted sums of values (default 1) over the readings of each cell, shape (draws, n_cells).

        rows: readings with reader and item; cell: code of each reading's cell, 0..n_cells-1.
        """
        return self._sums(self._places(rows, cell), n_cells, values)

    def _places(self, rows: pd.DataFrame, cell: np.ndarray) -> _Places:
        reader, item = self.readers.get_indexer(rows["reader"]), self.items.get_indexer(rows["item"])
        pair_of = np.asarray(cell) * len(self.readers) + reader
        (used, column), (pair, row) = (np.unique(code, return_inverse=True) for code in (item, pair_of))
        return _Places(used, column, row, pair % len(self.readers), pair // len(self.readers))

    def _sums(self, at: _Places, n_cells: int, values: np.ndarray | None) -> np.ndarray:
        value = np.ones(len(at.row), dtype=np.float32) if values is None else np.asarray(values, dtype=np.float32)
        # Readings by (cell, reader) x item: items are summed by one product, readers weighted and cells gathered after.
        table = sparse.csr_matrix((value, (at.row, at.column)), shape=(len(at.owner), len(at.used)))
        if len(at.row) > DENSE * len(at.owner) * len(at.used):
            table = table.toarray()
        to_cell = gathering(at.cell, n_cells)
        out = np.empty((n_cells, self.draws), dtype=np.float32)
        step = max(8, AT_ONCE // max(len(at.owner), len(at.used)))
        for begin in range(0, self.draws, step):
            here = slice(begin, begin + step)
            by_pair = table @ np.ascontiguousarray(self.item_weights[at.used, here])
            by_pair *= self.reader_weights[at.owner, here]
            out[:, here] = to_cell @ by_pair
        return out.T

    def means(self, rows: pd.DataFrame, cell: np.ndarray, n_cells: int, values: np.ndarray) -> np.ndarray:
        """Weighted means of values over the readings of each cell, (draws, n_cells); NaN where a draw has none.

        Where readings have weights of their own, as in a study with anchors, draws multiply those.
        """
        at, own = self._places(rows, cell), weights_of(rows)
        values = values if own is None else own * values
        sums, weights = self._sums(at, n_cells, values), self._sums(at, n_cells, own)
        return np.divide(sums, weights, out=np.full(sums.shape, np.nan), where=weights > 0)

    def mean(self, rows: pd.DataFrame, values: np.ndarray) -> np.ndarray:
        """Weighted mean of values over all rows, (draws,)."""
        return self.means(rows, np.zeros(len(rows), dtype=int), 1, values)[:, 0]


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
