"""The balances of anchors: where they stand in the blocks of all surveys."""

from fractions import Fraction
from math import ceil

import numpy as np

from .certificate import Property, balance
from .order import Positions
from .places import number
from .table import Table


def anchor_balances(table: Table) -> list[Property]:
    """Whether every anchor stands early, late and in every quarter of the surveys equally often: the worst of all anchors and views."""
    shape = table.shape
    where = Positions.of(shape.block_length)
    side, offset, bins = np.array(where.side), np.array(where.offset), np.array(where.bins)
    lean, drift, crowd = 0, 0, 0
    for positions in table.anchors_at.values():  # (surveys, anchors)
        lean = max(lean, int(np.abs(side[positions].sum(axis=0)).max()))
        drift = max(drift, int(np.abs(offset[positions].sum(axis=0)).max()))
        crowd = max(crowd, *(int((bins[positions] == b).sum(axis=0).max()) for b in range(len(where.bin_sizes))))
    best_lean = shape.surveys % 2 if shape.block_length % 2 == 0 else 0
    best_crowd = ceil(Fraction(shape.surveys * max(where.bin_sizes), shape.block_length))
    tenth = ceil(Fraction(shape.surveys, 10))
    return [
        balance(
            "anchors early and late",
            "Largest difference between an anchor's surveys in the first and in the second half of a block.",
            reached=lean,
            best=best_lean,
            limit=best_lean + 1 + tenth,
            detail=f"Of {shape.surveys} surveys in each view.",
        ),
        balance(
            "anchors in quarters",
            "Most surveys that show one anchor in the same quarter of a block.",
            reached=crowd,
            best=best_crowd,
            limit=best_crowd + 1 + tenth,
            detail=f"Of {shape.surveys} surveys in each view.",
        ),
        balance(
            "mean position of anchors",
            "Largest distance, in positions, of an anchor's mean position from the middle of the block.",
            reached=number(Fraction(drift, 2 * shape.surveys)),
            best=number(Fraction(shape.surveys * (shape.block_length - 1) % 2, 2 * shape.surveys)),
            limit=number(max(Fraction(1, 2), Fraction(shape.block_length, 8))),
            detail=f"Blocks have {shape.block_length} positions.",
        ),
        _announcing(table),
    ]


def _announcing(table: Table) -> Property:
    """No anchor may announce another one: how often one follows directly after one certain other."""
    shape, anchors = table.shape, table.shape.anchors * table.shape.classes
    name, meaning = "anchor after anchor", "Most surveys, in a view, in which one anchor directly follows one certain other anchor."
    if anchors < 2:
        return balance(name, meaning, reached=None, best=None, limit=None, detail="There is one anchor only.")
    most = 0
    for positions in table.anchors_at.values():
        for second in range(anchors):
            most = max(most, int((positions[:, [second]] - positions == 1).sum(axis=0).max()))
    expected = Fraction(shape.surveys, shape.block_length)
    return balance(
        name,
        meaning,
        reached=most,
        best=0,
        limit=ceil(expected + 3 + 5 * expected),
        detail=f"A random order has {number(expected):g} on average.",
    )
