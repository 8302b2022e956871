"""The order of the items in every block: drawn at random, then evened out by exchanging two items within a block.

Over its exposures every item should stand early and late equally often, in every quarter of the block equally often,
and on average in the middle; and over all surveys every class should stand at every position equally often. None of
these sums is a rule about one survey: its class order remains a random one, so a reader who keeps count of the classes
learns what any random order would teach, and nothing from the positions. The one rule within a survey is the longest
run of one class. `usual_longest_run` sets it where at most one random block in twenty would break it, because a tighter
rule would tell the reader what cannot come next.
"""

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from .draw import Draw
from .progress import Progress, silent
from .shape import DesignError, Shape

BINS = 4
MOST_REPAIRS = 20_000


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
    members: list[list[int]], shape: Shape, max_run: int, draw: Draw, progress: Progress = silent, *, anchors: Collection[int] = ()
) -> list[list[int]]:
    """The items of every survey in reading order, for one view.

    members: items (0 .. shape.items - 1, class after class) of every survey, set after set; anchors: those that stand in
    all of them. DesignError when no order within max_run was found, which happens only for bounds close to the least possible.
    """
    from .evening import even_out  # loads NumPy; a caller who only reads designs does without

    orders = _stratified_start(members, shape, set(anchors), draw)
    for order in orders:
        _shorten_runs(order, shape, max_run, draw)
    even_out(orders, shape, max_run, draw, progress)
    return orders


def _stratified_start(members: list[list[int]], shape: Shape, anchors: set[int], draw: Draw) -> list[list[int]]:
    """Random orders in which each item's wishes for a quarter are already spread evenly over its exposures."""
    wishes = [_wishes(shape.surveys if item in anchors else shape.sets, draw) for item in range(shape.items)]
    orders = []
    for number, items in enumerate(members):
        wish = {item: wishes[item][number if item in anchors else number // shape.surveys_per_set] for item in items}
        orders.append(sorted(draw.shuffled(items), key=wish.__getitem__))
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
