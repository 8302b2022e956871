"""Even out the order of the items over all blocks by exchanging two items within a block, one try after the other.

Three of four tries allow an exchange that makes the sums a little less even; the allowance falls to nothing, so that the
search settles. The number of tries is fixed, so the result depends on nothing but the stream of chance.
"""

from collections.abc import Iterator

import numpy as np

from .draw import Draw
from .order import Positions
from .progress import Progress
from .shape import Shape

TRIES_PER_CELL = 150
MOST_TRIES = 2_000_000
REPORTED = 100_000  # tries between two reports of progress
DRAWN = 10_000  # tries drawn together; divides REPORTED
SLACK = 4  # how much worse an exchange may be at first, in squares of a block's length


def even_out(orders: list[list[int]], shape: Shape, max_run: int, draw: Draw, progress: Progress) -> None:
    """Exchange two items of a block when that makes the sums over the surveys no less even (or, early on, hardly less)."""
    n = shape.items_per_class
    if shape.block_length < 2:
        return
    prices = _Prices(orders, shape)
    zone_at, apart, of_zone = prices.zone_at, prices.apart, prices.of_zone
    slope, of_class = prices.slope, prices.of_class
    guard_runs, two_classes = max_run < shape.per_class, 2 * prices.per_class
    tries = min(MOST_TRIES, TRIES_PER_CELL * shape.surveys * shape.block_length)
    for start in range(0, tries, DRAWN):
        if start % REPORTED == 0:
            progress("ordering a view", start, tries)
        loosest = _slack(start, tries, shape)
        for done, survey, p, q in _drawn(range(start, min(start + DRAWN, tries)), shape, draw):
            order = orders[survey]
            a, b = order[p], order[q]
            y, x = zone_at[p], zone_at[q]
            change = (q - p) * (slope[a] - slope[b] + 32 * (q - p))
            if y != x:
                zone_a, zone_b = of_zone[a], of_zone[b]
                change += zone_a[x] - zone_a[y] + zone_b[y] - zone_b[x] + apart[y][x]
            class_a, class_b = of_class[a], of_class[b]
            if class_a is not class_b:
                change += class_a[q] - class_a[p] + class_b[p] - class_b[q] + two_classes
            if change > loosest or (change > 0 and change > _slack(done, tries, shape)):
                continue
            order[p], order[q] = b, a
            if guard_runs and class_a is not class_b and _runs_near(order, p, q, n, max_run):
                order[p], order[q] = a, b
                continue
            prices.move(a, p, q)
            prices.move(b, q, p)


def _drawn(tries: range, shape: Shape, draw: Draw) -> Iterator[tuple[int, int, int, int]]:
    """(number, survey, position, position) of the tries that name two positions."""
    limits = (shape.surveys, shape.block_length, shape.block_length)
    lots = np.fromiter(draw.uniforms(3 * len(tries)), dtype=np.float64, count=3 * len(tries)).reshape(-1, 3)
    survey, p, q = (lots * limits).astype(np.int64).T
    two = p != q
    return zip(np.array(tries)[two].tolist(), survey[two].tolist(), p[two].tolist(), q[two].tolist())


def _slack(done: int, tries: int, shape: Shape) -> int:
    """How much worse an exchange may be after so many tries."""
    return max(0, SLACK * shape.block_length**2 * (tries * 3 // 4 - done) // tries)


class _Prices:
    """How uneven the sums over the surveys are, kept as prices, so that looking at an exchange costs a few look-ups.

    An item has a price for each zone (positions of the same side and quarter), which is dear where the item has stood
    often, and a slope, which makes later positions dear where it has stood late; a class has a price for each position.
    The weights put side, quarters and mean position of one item on a common scale (squares of a block's length).
    """

    def __init__(self, orders: list[list[int]], shape: Shape):
        length, n = shape.block_length, shape.items_per_class
        where, square = Positions.of(length), length * length
        zones = sorted(set(zip(where.side, where.bins)))
        pull = [[4 * square * a * b + 2 * square * (x == y) for b, y in zones] for a, x in zones]
        self.zone_at = [zones.index(zone) for zone in zip(where.side, where.bins)]
        self.apart = [[pull[y][y] - 2 * pull[y][x] + pull[x][x] for x in range(len(zones))] for y in range(len(zones))]
        self.moved = [[[a - b for a, b in zip(new, old)] for new in pull] for old in pull]  # [from][to][zone]
        self.per_class = 4 * square
        self.of_zone = [[0] * len(zones) for _ in range(shape.items)]
        self.slope = [0] * shape.items
        at_of_classes = [[0] * length for _ in range(shape.classes)]
        self.of_class = [at for at in at_of_classes for _ in range(n)]  # by item: those of a class share a list
        for order in orders:
            for p, item in enumerate(order):
                self.of_zone[item] = [a + b for a, b in zip(self.of_zone[item], pull[self.zone_at[p]])]
                self.slope[item] += 16 * where.offset[p]
                self.of_class[item][p] += self.per_class

    def move(self, item: int, old: int, new: int) -> None:
        """Let one exposure of the item go from the old to the new position."""
        if (y := self.zone_at[old]) != (x := self.zone_at[new]):
            self.of_zone[item] = [price + step for price, step in zip(self.of_zone[item], self.moved[y][x])]
        self.slope[item] += 32 * (new - old)
        self.of_class[item][old] -= self.per_class
        self.of_class[item][new] += self.per_class


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
