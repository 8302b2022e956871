"""The balances of positions, of class order and of views."""

from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import ceil, isqrt

import numpy as np

from .certificate import Property, balance
from .design import Design
from .order import Positions, least_longest_run, longest_run
from .table import Table
from .view_order import balanced_orders

SUSPICION = 4  # standard deviations from what chance gives before an order counts as a pattern


def position_balances(table: Table) -> list[Property]:
    """Whether every item stands early, late and in every quarter equally often: the worst of all items and views."""
    shape = table.shape
    where = Positions.of(shape.block_length)
    side, offset = np.array(where.side), np.array(where.offset)
    bins = np.array(where.bins)
    lean, drift, crowd, even = 0, 0, 0, []
    for view, positions in table.position_of.items():
        leaning = np.abs(side[positions].sum(axis=0))
        lean = max(lean, int(leaning.max()))
        drift = max(drift, int(np.abs(offset[positions].sum(axis=0)).max()))
        in_bin = [(bins[positions] == b).sum(axis=0) for b in range(len(where.bin_sizes))]
        crowd = max(crowd, *(int(counts.max()) for counts in in_bin))
        even.append(
            f"{view}: {int((leaning == leaning.min()).sum()):,} of {shape.rest.items:,} items differ by {int(leaning.min())}"
        )
    best_lean = shape.sets % 2 if shape.block_length % 2 == 0 else int(shape.sets == 1 and shape.block_length > 1)
    best_crowd = ceil(Fraction(shape.sets * max(where.bin_sizes), shape.block_length))
    parity = shape.sets * (shape.block_length - 1) % 2
    best_drift = Fraction(shape.block_length - 1, 2) if shape.sets == 1 else Fraction(parity, 2 * shape.sets)
    reached_drift = Fraction(drift, 2 * shape.sets)
    by_chance = Fraction(shape.block_length, 4)
    return [
        balance(
            "early and late",
            "Largest difference between an item's exposures in the first and the second half of its blocks.",
            reached=lean,
            best=best_lean,
            limit=best_lean + 2,
            detail="; ".join(even) + ".",
        ),
        balance(
            "quarters",
            "Most exposures of one item in the same quarter of a block.",
            reached=crowd,
            best=best_crowd,
            limit=best_crowd + 1,
            detail=f"Of {shape.sets} exposures of each item in each view.",
        ),
        balance(
            "mean position",
            "Largest distance, in positions, of an item's mean position from the middle of the block.",
            reached=number(reached_drift),
            best=number(best_drift),
            limit=number(max(best_drift, by_chance)),
            detail=f"Blocks have {shape.block_length} positions.",
        ),
    ]


def class_order_balances(table: Table) -> list[Property]:
    """Whether positions and the order of classes say something about the class of an item."""
    shape = table.shape
    blocks = np.concatenate(list(table.class_at.values()))
    fewest, most = shape.surveys, 0
    for class_at in table.class_at.values():
        counts = np.stack([(class_at == c).sum(axis=0) for c in range(shape.classes)])
        fewest, most = min(fewest, int(counts.min())), max(most, int(counts.max()))
    best = -(-shape.surveys // shape.classes)
    runs = Counter(longest_run(row) for row in blocks.tolist())
    return [
        balance(
            "classes at positions",
            "Most surveys that show the same class at the same position.",
            reached=most,
            best=best,
            limit=best + max(2, ceil(best / 2)),
            detail=f"Every class stands at every position in {fewest} to {most} of {shape.surveys} surveys.",
        ),
        balance(
            "longest run",
            "Longest run of one class in a block.",
            reached=max(runs),
            best=least_longest_run(shape),
            limit=shape.per_class if shape.classes > 1 else shape.block_length,
            detail="Longest run by blocks: "
            + ", ".join(f"{run} in {count}" for run, count in sorted(runs.items()))
            + ". A bound much tighter than chance would tell readers what cannot come next.",
        ),
        _same_again(table, blocks),
        _followers(table, blocks),
    ]


def _same_again(table: Table, blocks: np.ndarray) -> Property:
    """A reader who bets that the class stays the same, or that it changes, must win as often as in a random order."""
    shape, steps = table.shape, blocks.shape[0] * (table.shape.block_length - 1)
    name, meaning = (
        "same class again",
        "Share of items that follow an item of their own class; a random order gives the best value.",
    )
    if not steps:
        return balance(name, meaning, reached=None, best=None, limit=None, detail="A block of one item has no order.")
    expected = Fraction(shape.per_class - 1, shape.block_length - 1)
    count = int((blocks[:, 1:] == blocks[:, :-1]).sum())
    reached = Fraction(count, steps)
    far = expected + SUSPICION * _root(expected * (1 - expected) / steps)
    return balance(
        name,
        meaning,
        reached=number(reached),
        best=number(expected),
        limit=number(far),
        detail=f"{count:,} of {steps:,} steps; a random order has {number(expected * steps):g} on average.",
    )


def _followers(table: Table, blocks: np.ndarray) -> Property:
    """No class may announce another one."""
    shape = table.shape
    name, meaning = "class after class", "Most often that one class is followed directly by one certain other class."
    if shape.classes < 2 or shape.block_length < 2:
        return balance(name, meaning, reached=None, best=None, limit=None, detail="There is one class only.")
    pairs = np.bincount((blocks[:, :-1] * shape.classes + blocks[:, 1:]).ravel(), minlength=shape.classes**2)
    pairs = pairs.reshape(shape.classes, shape.classes)
    others = pairs[~np.eye(shape.classes, dtype=bool)]
    expected = Fraction(int(others.sum()), len(others))
    return balance(
        name,
        meaning,
        reached=int(others.max()),
        best=ceil(expected),
        limit=ceil(expected + 2 + (SUSPICION + 1) * _root(expected)),
        detail=f"From {int(others.min())} to {int(others.max())} times; evenly shared, {number(expected):g}.",
    )


def view_balances(design: Design, table: Table) -> list[Property]:
    """Whether the views are ordered independently of each other, and shared out evenly where their order varies."""
    entries = []
    if len(design.views) > 1 and table.shape.block_length > 1:
        entries.append(_independence(table))
    if design.view_order != "fixed" and len(design.views) > 1:
        entries.append(_order_of_views(design, table))
    return entries


def _independence(table: Table) -> Property:
    shape = table.shape
    length = shape.block_length
    far = 6 * Fraction(1, length * (length * length - 1))
    strongest, same = Fraction(0), 0
    for pair in combinations(table.position_of, 2):
        first, second = (np.concatenate([table.position_of[view].ravel(), table.anchors_at[view].ravel()]) for view in pair)
        squares = int(((first - second) ** 2).sum())
        strongest = max(strongest, abs(1 - far * Fraction(squares, shape.surveys)))
        same += int((first == second).sum())
    pairs = len(table.position_of) * (len(table.position_of) - 1) // 2
    limit = SUSPICION * _root(Fraction(1, shape.surveys * (length - 1)))
    return balance(
        "views ordered independently",
        "Strength of the rank correlation of an item's positions in two views, from 0 to 1.",
        reached=number(strongest),
        best=0,
        limit=number(limit),
        detail=f"{same:,} items keep their position from one view to another; "
        f"independent orders give {pairs * shape.surveys:,} on average.",
    )


def _order_of_views(design: Design, table: Table) -> Property:
    shape = table.shape
    shown = [tuple(block.view for block in survey.blocks) for survey in design.surveys]
    orders = balanced_orders(design.views) if design.view_order == "counterbalanced" else sorted(set(shown))
    row = np.arange(shape.sets)[:, None] * shape.surveys_per_set + table.survey_of
    which = np.array([orders.index(order) for order in shown])[row]
    exposures = np.stack([(which == number).sum(axis=0) for number in range(len(orders))])
    difference = int((exposures.max(axis=0) - exposures.min(axis=0)).max())
    best = int(shape.sets % len(orders) > 0)
    counts = Counter(shown)
    if shape.anchors:  # they stand in every survey
        difference = max(difference, max(counts[order] for order in orders) - min(counts[order] for order in orders))
        best = max(best, int(shape.surveys % len(orders) > 0))
    detail = ", ".join(f"{counts[order]} surveys {' then '.join(order)}" for order in orders)
    return balance(
        "order of views",
        "Largest difference between the numbers of an item's exposures under two orders of the views.",
        reached=difference,
        best=best,
        limit=best + 1 if design.view_order == "counterbalanced" else None,
        detail=detail + ".",
    )


def number(value: Fraction) -> int | float:
    """A fraction to three decimals, by exact arithmetic; whole numbers as such."""
    value = round(value, 3)
    return value.numerator if value.denominator == 1 else float(value)


def _root(value: Fraction) -> Fraction:
    """The square root to six decimals, by whole numbers alone."""
    return Fraction(isqrt(value.numerator * 10**12 // value.denominator), 10**6)
