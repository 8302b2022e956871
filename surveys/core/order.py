"""The order of the items in every block: drawn at random, then evened out by exchanging two items within a block.

Over its exposures every item should stand early and late equally often, in every quarter of the block equally often,
and on average in the middle; and over all surveys every class should stand at every position equally often. None of
these sums is a rule about one survey: its class order remains a random one, so a reader who keeps count of the classes
learns what any random order would teach, and nothing from the positions. The one rule within a survey is the longest
run of one class. `usual_longest_run` sets it where at most one random block in twenty would break it, because a tighter
rule would tell the reader what cannot come next.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from .draw import Draw
from .progress import Progress, silent
from .shape import DesignError, Shape

BINS = 4
TRIES_PER_CELL = 150
MOST_TRIES = 2_000_000
MOST_REPAIRS = 20_000
REPORTED = 100_000  # tries between two reports of progress
SLACK = 4  # how much worse an exchange may be at first, in squares of a block's length; it falls to nothing


def usual_longest_run(shape: Shape) -> int:
    """The smallest bound on runs of one class, from 2 up, that at most one random block in twenty breaks."""
    length, k = shape.block_length, shape.per_class
    for run in range(2, k):
        expected = Fraction(shape.classes * (length - run))
        for i in range(run + 1):
            expected *= Fraction(k - i, length - i)
        if expected <= Fraction(1, 20):
            return run
    return k


def least_longest_run(shape: Shape) -> int:
    """The shortest possible longest run of a class: the other items part it into (classes - 1) * k + 1 runs at most."""
    return -(-shape.per_class // ((shape.classes - 1) * shape.per_class + 1))


def longest_run(classes) -> int:
    """Length of the longest run of equal values."""
    return max(len(list(run)) for _, run in groupby(classes))


@dataclass(frozen=True)
class Positions:
    """What each position of a block means.

    bins: its quarter; side: early -1, late 1, exactly in the middle 0; offset: twice its distance from the middle.
    """

    bins: tuple[int, ...]
    side: tuple[int, ...]
    offset: tuple[int, ...]

    @classmethod
    def of(cls, length: int) -> "Positions":
        offsets = tuple(2 * p - (length - 1) for p in range(length))
        bins = min(BINS, length)
        return cls(
            bins=tuple(p * bins // length for p in range(length)),
            side=tuple((o > 0) - (o < 0) for o in offsets),
            offset=offsets,
        )

    @property
    def bin_sizes(self) -> tuple[int, ...]:
        return tuple(self.bins.count(b) for b in range(self.bins[-1] + 1))


def order_blocks(
    members: list[list[int]], shape: Shape, max_run: int, draw: Draw, progress: Progress = silent
) -> list[list[int]]:
    """The items of every survey in reading order, for one view.

    members: items (0 .. shape.items - 1, class after class) of every survey, set after set. DesignError when no order
    within max_run was found, which happens only for bounds close to the least possible.
    """
    orders = _stratified_start(members, shape, draw)
    for order in orders:
        _shorten_runs(order, shape, max_run, draw)
    _even_out(orders, shape, max_run, draw, progress)
    return orders


def _stratified_start(members: list[list[int]], shape: Shape, draw: Draw) -> list[list[int]]:
    """Random orders in which each item's wishes for a quarter are already spread evenly over its exposures."""
    wishes = [_wishes(shape.sets, draw) for _ in range(shape.items)]
    orders = []
    for number, items in enumerate(members):
        t = number // shape.surveys_per_set
        orders.append(sorted(draw.shuffled(items), key=lambda item, t=t: wishes[item][t]))
        _shuffle_within_wishes(orders[-1], draw)
    return orders


def _wishes(sets: int, draw: Draw) -> list[int]:
    """A quarter for each exposure: mirrored pairs, outer and inner quarters in turn."""
    wishes: list[int] = []
    outer = draw.below(2)
    while len(wishes) < sets:
        first = (0, 3)[draw.below(2)] if outer else (1, 2)[draw.below(2)]
        wishes += [first, BINS - 1 - first]
        outer = 1 - outer
    return draw.shuffled(wishes[:sets])


def _shuffle_within_wishes(order: list[int], draw: Draw) -> None:
    """Blur the seams between the quarters, so that a position never says which wish an item had."""
    reach = max(1, len(order) // BINS)
    for i in range(len(order) - 1):
        j = min(len(order) - 1, i + draw.below(reach + 1))
        order[i], order[j] = order[j], order[i]


def _too_long(order: list[int], start: int, stop: int, n: int, max_run: int) -> int:
    """How many windows of max_run + 1 positions that touch start .. stop - 1 hold one class only."""
    count = 0
    for first in range(max(0, start - max_run), min(len(order) - max_run, stop)):
        of_first = order[first] // n
        count += all(order[i] // n == of_first for i in range(first + 1, first + max_run + 1))
    return count


def _shorten_runs(order: list[int], shape: Shape, max_run: int, draw: Draw) -> None:
    """Exchange items at random until no class runs longer than max_run."""
    n, length = shape.items_per_class, len(order)
    if max_run >= shape.per_class:
        return
    excess = _too_long(order, 0, length, n, max_run)
    for _ in range(MOST_REPAIRS):
        if not excess:
            return
        p, q = draw.below(length), draw.below(length)
        order[p], order[q] = order[q], order[p]
        now = _too_long(order, 0, length, n, max_run)
        if now <= excess:
            excess = now
        else:
            order[p], order[q] = order[q], order[p]
    if excess:
        raise DesignError(
            f"No order of {shape.per_class} items of each of {shape.classes} classes was found with at most {max_run} "
            f"of one class in a row; allow longer runs ({usual_longest_run(shape)} would be usual)."
        )


@dataclass
class _Tally:
    """Sums over the surveys that the exchanges even out."""

    side: list[int]
    offset: list[int]
    bins: list[list[int]]
    class_at: list[list[int]]


def _tally(orders: list[list[int]], shape: Shape, where: Positions) -> _Tally:
    length, n = shape.block_length, shape.items_per_class
    tally = _Tally(
        side=[0] * shape.items,
        offset=[0] * shape.items,
        bins=[[0] * BINS for _ in range(shape.items)],
        class_at=[[0] * length for _ in range(shape.classes)],
    )
    for order in orders:
        for p, item in enumerate(order):
            tally.side[item] += where.side[p]
            tally.offset[item] += where.offset[p]
            tally.bins[item][where.bins[p]] += 1
            tally.class_at[item // n][p] += 1
    return tally


def _even_out(orders: list[list[int]], shape: Shape, max_run: int, draw: Draw, progress: Progress) -> None:
    """Exchange two items of a block when that makes the sums over the surveys no less even (or, early on, hardly less).

    The weights put one item's side, quarters and mean position on a common scale (squares of a block's length).
    """
    length, n, uniform = shape.block_length, shape.items_per_class, draw.uniform
    if length < 2:
        return
    where = Positions.of(length)
    tally = _tally(orders, shape, where)
    side_of, bin_of = where.side, where.bins
    square, guard_runs = length * length, max_run < shape.per_class
    surveys = len(orders)
    tries = min(MOST_TRIES, TRIES_PER_CELL * surveys * length)
    for done in range(tries):
        if done % REPORTED == 0:
            progress("ordering a view", done, tries)
        slack = max(0, SLACK * square * (tries * 3 // 4 - done) // tries)
        order = orders[int(uniform() * surveys)]
        p, q = int(uniform() * length), int(uniform() * length)
        a, b = order[p], order[q]
        if p == q:
            continue
        turn, shift = side_of[q] - side_of[p], 2 * (q - p)
        change = 4 * square * turn * (tally.side[a] - tally.side[b] + turn)
        change += 8 * shift * (tally.offset[a] - tally.offset[b] + shift)
        bin_p, bin_q = bin_of[p], bin_of[q]
        if bin_p != bin_q:
            bins_a, bins_b = tally.bins[a], tally.bins[b]
            change += 2 * square * (bins_a[bin_q] - bins_a[bin_p] + bins_b[bin_p] - bins_b[bin_q] + 2)
        if a // n != b // n:
            at_a, at_b = tally.class_at[a // n], tally.class_at[b // n]
            change += 4 * square * (at_a[q] - at_a[p] + at_b[p] - at_b[q] + 2)
        if change > slack:
            continue
        order[p], order[q] = b, a
        if guard_runs and a // n != b // n and _runs_near(order, p, q, n, max_run):
            order[p], order[q] = a, b
            continue
        _record(tally, where, n, a, p, q)
        _record(tally, where, n, b, q, p)


def _runs_near(order: list[int], p: int, q: int, n: int, max_run: int) -> bool:
    """Whether the item at p or at q now stands in a run longer than max_run."""
    for at in (p, q):
        own = order[at] // n
        first = last = at
        while first > 0 and order[first - 1] // n == own:
            first -= 1
        while last + 1 < len(order) and order[last + 1] // n == own:
            last += 1
        if last - first >= max_run:
            return True
    return False


def _record(tally: _Tally, where: Positions, n: int, item: int, old: int, new: int) -> None:
    tally.side[item] += where.side[new] - where.side[old]
    tally.offset[item] += where.offset[new] - where.offset[old]
    tally.bins[item][where.bins[old]] -= 1
    tally.bins[item][where.bins[new]] += 1
    tally.class_at[item // n][old] -= 1
    tally.class_at[item // n][new] += 1
