"""Readers together, and readers with a network: votes by exact enumeration, deferral, oracle, complementarity."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np


def vote_accuracy(counts: np.ndarray, truth: np.ndarray, size: int) -> np.ndarray | None:
    """Chance that a plurality vote of `size` random raters of each item is right, shape (items,).

    counts: answers per item and class, shape (items, classes). Every subset of the item's raters is enumerated (as
    multisets of answers, hypergeometric weights); ties count their expectation under a random break. None if an item
    has fewer raters than `size`.
    """
    counts = np.asarray(counts, dtype=int)
    if size < 1 or counts.sum(axis=1).min(initial=size) < size:
        return None
    known: dict[tuple[int, ...], float] = {}
    found = np.empty(len(counts))
    for index, (row, right) in enumerate(zip(counts, truth)):
        # The order of the wrong classes does not matter, so items share few distinct patterns.
        key = (int(row[right]), *sorted(int(c) for k, c in enumerate(row) if k != right and c))
        if key not in known:
            known[key] = _plurality(key[0], key[1:], size)
        found[index] = known[key]
    return found


def _plurality(right: int, wrong: Sequence[int], size: int) -> float:
    total = right + sum(wrong)
    chance = 0.0
    for votes in range(1, min(right, size) + 1):
        # Distribution of (largest wrong vote, classes that tie with `votes`) over the remaining size - votes seats.
        chance += comb(right, votes) * _wrong_ways(tuple(wrong), size - votes, votes)
    return chance / comb(total, size)


def _wrong_ways(wrong: tuple[int, ...], seats: int, votes: int) -> float:
    """Ways to fill the seats from the wrong classes with none above `votes`, each weighted 1 / (1 + classes tying)."""
    ways = {(0, 0): 1}
    for count in wrong:
        following: dict[tuple[int, int], int] = {}
        for (taken, ties), number in ways.items():
            for own in range(min(count, votes, seats - taken) + 1):
                key = (taken + own, ties + (own == votes))
                following[key] = following.get(key, 0) + number * comb(count, own)
        ways = following
    return sum(number / (1 + ties) for (taken, ties), number in ways.items() if taken == seats)


def defer_accuracy(human: np.ndarray, network: np.ndarray, confidence: np.ndarray, threshold: float) -> float:
    """Accuracy when the network answers where it is at least so confident, and readers elsewhere.

    human: share of readers right per item; network: bool; confidence: the network's top probability; all (items,).
    """
    return float(np.where(np.asarray(confidence) >= threshold, network, human).mean())


def tuned_defer_accuracy(human: np.ndarray, network: np.ndarray, confidence: np.ndarray, folds: np.ndarray) -> float:
    """Deferral with the threshold chosen on the other folds of items, so that tuning does not flatter the team."""
    human, network, confidence = (np.asarray(v, dtype=float) for v in (human, network, confidence))
    options = np.concatenate([[0.0], np.unique(confidence), [np.inf]])
    total = 0.0
    for fold in np.unique(folds):
        inside = folds == fold
        scores = [defer_accuracy(human[~inside], network[~inside], confidence[~inside], t) for t in options]
        best = options[int(np.argmax(scores))]
        total += defer_accuracy(human[inside], network[inside], confidence[inside], best) * inside.sum()
    return total / len(human)


def oracle_accuracy(human: np.ndarray, network: np.ndarray) -> float:
    """Share of items that the network has right, or else a random reader: the bound of any rule that picks one of
    them."""
    human, network = np.asarray(human, dtype=float), np.asarray(network, dtype=float)
    return float((network + (1 - network) * human).mean())
