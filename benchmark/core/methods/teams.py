"""Readers together, and readers with a network: votes by exact enumeration, deferral, Bayes, oracle.

Every rule gives, per item, the chance that the team is right; teams of readers are random ones among those who answered
the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import comb

import numpy as np


def vote_accuracy(
    counts: np.ndarray, truth: np.ndarray, size: int, network: np.ndarray | None = None
) -> np.ndarray | None:
    """Chance that a plurality vote of `size` random raters of each item is right, shape (items,).

    counts: answers per item and class, shape (items, classes); network: class that a network votes for as one more
    member (negative: it abstains). Every subset of the item's raters is enumerated (as multisets of answers,
    hypergeometric weights); ties count their expectation under a random break. None if an item has fewer raters than
    `size`.
    """
    counts = np.asarray(counts, dtype=int)
    if size < 1 or counts.sum(axis=1).min(initial=size) < size:
        return None
    extra = np.full(len(counts), -1) if network is None else np.asarray(network)
    found = np.empty(len(counts))
    for index, (row, right, vote) in enumerate(zip(counts.tolist(), truth, extra)):
        # The order of the wrong classes does not matter, so items share few distinct patterns.
        wrong = sorted((n, int(k == vote)) for k, n in enumerate(row) if k != right and (n or k == vote))
        found[index] = _plurality(row[right], int(vote == right), tuple(wrong), size)
    return found


@cache
def _plurality(right: int, bonus: int, wrong: tuple[tuple[int, int], ...], size: int) -> float:
    total = right + sum(count for count, _ in wrong)
    chance = 0.0
    for votes in range(min(right, size) + 1):
        if votes + bonus:
            chance += comb(right, votes) * _wrong_ways(wrong, size - votes, votes + bonus)
    return chance / comb(total, size)


def _wrong_ways(wrong: Sequence[tuple[int, int]], seats: int, votes: int) -> float:
    """Ways to fill the seats from the wrong classes with none above `votes`, each weighted 1 / (1 + classes tying)."""
    ways = {(0, 0): 1}
    for count, bonus in wrong:
        following: dict[tuple[int, int], int] = {}
        for (taken, ties), number in ways.items():
            for own in range(min(count, votes - bonus, seats - taken) + 1):
                key = (taken + own, ties + (own + bonus == votes))
                following[key] = following.get(key, 0) + number * comb(count, own)
        ways = following
    return sum(number / (1 + ties) for (taken, ties), number in ways.items() if taken == seats)


def defer_accuracy(human: np.ndarray, network: np.ndarray, confidence: np.ndarray, threshold: float) -> np.ndarray:
    """Chance of being right where the network answers if it is at least so confident, and readers elsewhere.

    human: share of readers right per item; network: bool; confidence: the network's top probability; all (items,).
    """
    return np.where(np.asarray(confidence) >= threshold, network, human).astype(float)


def tuned_defer_accuracy(
    human: np.ndarray, network: np.ndarray, confidence: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """Deferral with the threshold chosen on the other folds of items, so that tuning does not flatter the team."""
    human, network, confidence = (np.asarray(v, dtype=float) for v in (human, network, confidence))
    found = np.empty(len(human))
    for fold in np.unique(folds):
        inside = folds == fold
        best = best_threshold(human[~inside], network[~inside], confidence[~inside])
        found[inside] = defer_accuracy(human[inside], network[inside], confidence[inside], best)
    return found


def best_threshold(human: np.ndarray, network: np.ndarray, confidence: np.ndarray) -> float:
    """The lowest of the best thresholds: 0 (always the network), a confidence that occurs, or infinity (never)."""
    order = np.argsort(confidence, kind="stable")
    # Raising the threshold past an item hands it from the network to the readers.
    gained = np.concatenate([[0.0], np.cumsum((human - network)[order])])
    options = np.concatenate([[0.0], confidence[order][1:], [np.inf]])
    distinct = np.concatenate([[True], np.diff(confidence[order]) > 0, [True]])
    gained = np.where(distinct, gained, -np.inf)
    return float(options[int(np.argmax(gained))])


def oracle_accuracy(human: np.ndarray, network: np.ndarray) -> np.ndarray:
    """Chance that the network or else a random reader is right: the bound of any rule that picks one of them."""
    human, network = np.asarray(human, dtype=float), np.asarray(network, dtype=float)
    return network + (1 - network) * human


def any_reader_accuracy(counts: np.ndarray, truth: np.ndarray, size: int) -> np.ndarray:
    """Chance that any of `size` random raters is right: the bound of every vote."""
    counts = np.asarray(counts, dtype=int)
    total, right = counts.sum(axis=1), counts[np.arange(len(counts)), truth]
    return np.array([1 - comb(int(t - r), size) / comb(int(t), size) for t, r in zip(total, right)])


def likelihoods(counts: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """P(answer | true class) from answers per item, (classes, classes), half a count added to each cell."""
    table = np.full((classes, classes), 0.5)
    np.add.at(table, truth, counts)
    return table / table.sum(axis=1, keepdims=True)


def bayes_accuracy(
    counts: np.ndarray, truth: np.ndarray, probabilities: np.ndarray, folds: np.ndarray, *, together: bool = False
) -> np.ndarray:
    """Chance of being right when the network's probabilities are updated by a reader's answer, by Bayes' rule.

    counts: readers' answers (items, classes); probabilities: the network's (items, classes). How likely an answer is
    under each class is learnt on the other folds of items. One random reader at a time, or all of the item's readers
    `together` (as if independent). Ties share their expectation.
    """
    counts = np.asarray(counts, dtype=float)
    prior = np.log(np.clip(probabilities, 1e-6, 1))
    classes, found = counts.shape[1], np.empty(len(counts))
    for fold in np.unique(folds):
        inside = folds == fold
        log_p = np.log(likelihoods(counts[~inside], truth[~inside], classes))
        here = np.flatnonzero(inside)
        if together:
            score = prior[here] + counts[here] @ log_p.T
            found[here] = _expected_right(score, truth[here])
        else:
            score = prior[here][:, None, :] + log_p.T[None]
            each = np.stack([_expected_right(score[:, a], truth[here]) for a in range(classes)], axis=1)
            found[here] = (counts[here] * each).sum(axis=1) / counts[here].sum(axis=1)
    return found


def _expected_right(score: np.ndarray, truth: np.ndarray) -> np.ndarray:
    best = score >= score.max(axis=1, keepdims=True) - 1e-9
    return best[np.arange(len(score)), truth] / best.sum(axis=1)
