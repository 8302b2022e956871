"""How often pairs of items meet, counted exactly at any size."""

from math import comb

import numpy as np

MOST_SUBSETS = 4096  # 2**sets
MOST_PAIRS = 50_000_000


def meeting_histogram(codes: np.ndarray, groups: np.ndarray | None = None) -> list[int] | None:
    """How many pairs of items meet 0, 1, ..., T times.

    codes: survey of each item in each set, shape (sets, items), integers from 0. groups: shape (items,); only pairs
    within a group are counted (all pairs without it). None when neither way of counting is affordable (more than 12
    sets and 50 million pairs).

    Few sets: for every choice of j sets, the pairs that agree in all of them are found by sorting; inclusion and
    exclusion turns these numbers into the histogram, without looking at a single pair. Many sets: all pairs are
    compared.
    """
    sets, items = codes.shape
    by_subsets = 2**sets
    if by_subsets <= MOST_SUBSETS and by_subsets * 30 <= items * sets * 10:
        return _by_agreement(codes, groups)
    if comb(items, 2) <= MOST_PAIRS:
        return _by_pairs(codes, groups)
    return _by_agreement(codes, groups) if by_subsets <= MOST_SUBSETS else None


def moment(histogram: list[int], order: int) -> int:
    """The sum over pairs of C(meetings, order)."""
    return sum(comb(times, order) * pairs for times, pairs in enumerate(histogram))


def largest_overlap(codes: np.ndarray, surveys_per_set: int) -> tuple[int, int]:
    """The fewest and the most items that two surveys of different sets share; (0, 0) when there is one set only."""
    sets = len(codes)
    shared = [
        np.bincount(codes[t] * surveys_per_set + codes[u], minlength=surveys_per_set**2)
        for t in range(sets)
        for u in range(t)
    ]
    return (min(int(c.min()) for c in shared), max(int(c.max()) for c in shared)) if shared else (0, 0)


def _by_agreement(codes: np.ndarray, groups: np.ndarray | None) -> list[int]:
    sets, items = codes.shape
    start = np.zeros(items, dtype=np.int64) if groups is None else np.unique(groups, return_inverse=True)[1]
    moments = [0] * (sets + 1)

    def visit(cell: np.ndarray, chosen: int, next_set: int) -> None:
        counts = np.bincount(cell)
        agreeing = sum(comb(int(size), 2) * int(times) for size, times in zip(*np.unique(counts, return_counts=True)))
        moments[chosen] += agreeing
        if agreeing:
            for t in range(next_set, sets):
                finer = cell * (int(codes[t].max()) + 1) + codes[t]
                visit(np.unique(finer, return_inverse=True)[1], chosen + 1, t + 1)

    visit(start, 0, 0)
    return [
        sum((-1) ** (j - times) * comb(j, times) * moments[j] for j in range(times, sets + 1))
        for times in range(sets + 1)
    ]


def _by_pairs(codes: np.ndarray, groups: np.ndarray | None) -> list[int]:
    sets, items = codes.shape
    histogram = np.zeros(sets + 1, dtype=np.int64)
    for item in range(1, items):
        times = (codes[:, :item] == codes[:, item, None]).sum(axis=0)
        if groups is not None:
            times = times[groups[:item] == groups[item]]
        histogram += np.bincount(times, minlength=sets + 1)
    return histogram.tolist()
