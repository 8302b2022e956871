"""Agreement of one reader's first and second answer to the same items, beside that of different readers on those items.

First and second showings are not interchangeable, so Cohen's kappa applies within readers, which allows each showing its own
shares of categories; Gwet's AC1 stands beside it, which does not fall where one category prevails and which readers who differ
have as well. Every estimate comes with its influence values, so that readers and items can both be taken as samples and
estimates from the same readings be subtracted. Sources: Cohen (1960); Gwet (2008); Cameron, Gelbach & Miller (2011).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.methods.twoway import TwoWayTest, centred, codes, item_strata, two_way_test, two_way_variance


@dataclass(frozen=True)
class Estimate:
    """A value, None where it is not defined, and what each reading moves it by: influence (n,), of sum 0."""

    value: float | None
    influence: np.ndarray

    @classmethod
    def undefined(cls, n: int) -> Estimate:
        return cls(None, np.zeros(n))


@dataclass(frozen=True)
class Coefficients:
    """Share of equal answers, Cohen's kappa (only of two answers of one reader) and Gwet's AC1."""

    same: Estimate
    cohen_kappa: Estimate
    gwet_ac1: Estimate


def retest(first: np.ndarray, second: np.ndarray, n_categories: int) -> Coefficients:
    """Coefficients of integer codes (n,) of first and second answers; influences are per pair.

    AC1 counts the categories that occur. Kappa is undefined where chance alone would make every pair equal, AC1 where one
    category occurs, all of them without a pair.
    """
    first, second = np.asarray(first), np.asarray(second)
    n = len(first)
    if n == 0:
        return Coefficients(*(Estimate.undefined(0),) * 3)
    rows, columns = (np.bincount(side, minlength=n_categories) / n for side in (first, second))
    equal = (first == second).astype(float)
    same = Estimate(float(equal.mean()), (equal - equal.mean()) / n)
    chance = float(rows @ columns)
    of_chance = (columns[first] + rows[second] - 2 * chance) / n
    shares = (rows + columns) / 2
    of_shares = ((1 - 2 * shares)[first] + (1 - 2 * shares)[second]) / 2
    return Coefficients(same, _beyond(same, chance, of_chance), _ac1(same, shares, (of_shares - of_shares.mean()) / n))


def _beyond(same: Estimate, chance: float, of_chance: np.ndarray) -> Estimate:
    """(same - chance) / (1 - chance) by the delta method."""
    if chance >= 1 - 1e-12:
        return Estimate.undefined(len(of_chance))
    value = (same.value - chance) / (1 - chance)
    return Estimate(value, (same.influence - (1 - value) * of_chance) / (1 - chance))


def _ac1(same: Estimate, shares: np.ndarray, of_shares: np.ndarray) -> Estimate:
    """AC1 from shares of categories and the influences of sum (1 - 2 share) d share."""
    used = int((shares > 0).sum())
    if used < 2:
        return Estimate.undefined(len(of_shares))
    return _beyond(same, float((shares * (1 - shares)).sum()) / (used - 1), of_shares / (used - 1))


def among_others(item: np.ndarray, category: np.ndarray, n_categories: int, often: np.ndarray) -> Coefficients:
    """The same of different readers: mean share of agreeing pairs of an item's readings, items weighing `often`.

    item, category: integer codes (n,) of each reading; often: weight of each item. Influences are per reading, by the
    projection of the pairs on their two readings. No Cohen's kappa: readers of an item are interchangeable. Undefined where
    no item has two readings.
    """
    counts = np.zeros((len(often), n_categories))
    np.add.at(counts, (item, category), 1)
    raters = counts.sum(axis=1)
    paired, rated = raters >= 2, raters >= 1
    n = len(item)
    if not paired.any():
        return Coefficients(*(Estimate.undefined(n),) * 3)
    own = np.divide(counts - 1, (raters - 1)[:, None], out=np.zeros_like(counts), where=paired[:, None])[item, category]
    of_item = np.bincount(item, weights=own, minlength=len(often)) / np.maximum(raters, 1)
    weight = often * paired / (often * paired).sum()
    value = float(weight @ of_item)
    pull = 2 * (own - of_item[item]) + of_item[item] - value
    same = Estimate(value, weight[item] / np.maximum(raters, 1)[item] * pull)
    weight = often * rated / (often * rated).sum()
    shares = (weight / np.maximum(raters, 1)) @ counts
    of_shares = (weight / np.maximum(raters, 1))[item] * ((1 - 2 * shares)[category] - float((1 - 2 * shares) @ shares))
    return Coefficients(same, Estimate.undefined(n), _ac1(same, shares, of_shares))


def larger_where(mark: np.ndarray, values: np.ndarray) -> Estimate:
    """Chance that a marked reading has the larger value than one that is not, ties counting half (the area under the ROC curve).

    Undefined where all are marked, or none. Influences are per reading.
    """
    mark, values = np.asarray(mark, dtype=bool), np.asarray(values, dtype=float)
    if mark.all() or not mark.any():
        return Estimate.undefined(len(mark))
    placed = np.empty(len(values))
    for side in (mark, ~mark):
        others = np.sort(values[~side])
        below = np.searchsorted(others, values[side], "left") + np.searchsorted(others, values[side], "right")
        placed[side] = below / (2 * len(others))
    value = float(placed[mark].mean())
    return Estimate(value, np.where(mark, (placed - value) / mark.sum(), (1 - placed - value) / (~mark).sum()))


def clustered(
    value: float, influence: np.ndarray, reader: Sequence, item: Sequence, stratum: Sequence, *, confidence: float
) -> TwoWayTest:
    """Test and interval of an estimate whose readings share readers and items; strata are the items' classes.

    Influences of one reader and one item (a first and a second showing, say) are one reading's.
    """
    (reader, n_readers), (item, n_items) = codes(np.asarray(reader)), codes(np.asarray(item))
    cell, place = np.unique(reader * np.int64(n_items) + item, return_inverse=True)
    pull = np.bincount(place, weights=influence)
    of_item = np.zeros(n_items, dtype=object)
    of_item[item] = np.asarray(stratum, dtype=object)
    reader, item = cell // n_items, cell % n_items
    strata = item_strata(item, of_item[item].astype(str))
    variance = two_way_variance(centred(pull, strata), reader, item, strata)
    return two_way_test(value, variance, readers=n_readers, items=n_items, n=len(cell), confidence=confidence)
