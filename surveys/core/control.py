"""Which places of an assisted study are its control arm: asked again, with no network's output in sight.

Every place is control with the same probability, the share. How many are is the share of their number, rounded up or
down, at once for every class within a seat's block, every block, seat and group, and for every item within a group, over
all groups, for every class, and over all. Both kinds of counts nest, so that the shares are a flow through a network whose whole
numbers bound an integral one; it is found by pushing flow around cycles, up or down by fair chance, until all is whole.
Source: Gandhi et al. (2006), "Dependent rounding and its applications to approximation algorithms", J. ACM 53:324.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from .draw import Draw

Node = tuple
READERS, ITEMS = ("readers",), ("items",)


@dataclass(frozen=True)
class Place:
    """One item at its place in one reader's block. `name` tells it from all others."""

    name: str
    group: str
    survey: str
    view: str
    item: str
    item_class: str

    def of_reader(self) -> list[Node]:
        """What the place belongs to on the reader's side, from the whole down."""
        seat = (self.group, self.survey)
        return [READERS, ("group", self.group), ("seat", *seat), ("block", *seat, self.view),
                ("class of a block", *seat, self.view, self.item_class)]  # fmt: skip

    def of_item(self) -> list[Node]:
        """What it belongs to on the item's side, up to the whole, which flows back to the readers."""
        return [("item of a group", self.group, self.view, self.item), ("item", self.view, self.item),
                ("class", self.view, self.item_class), ITEMS, READERS]  # fmt: skip


def draw_control(places: Sequence[Place], *, share: Fraction, seed: int) -> set[str]:
    """Names of the places that are control. The same places, share and seed give the same; their order does not matter.

    share: from 0 to below 1. Names must differ.
    """
    if not 0 <= share < 1:
        raise ValueError(f"A share of control items from 0 to below 1 is needed; it is {share}.")
    draw = Draw(seed, "control")
    ordered = draw.shuffled(sorted(places, key=lambda place: place.name))
    if len({place.name for place in ordered}) < len(ordered):
        raise ValueError("Two places have the same name.")
    flow = _Flow(ordered, share)
    flow.make_whole(draw)
    return {place.name for place, units in zip(ordered, flow.units) if units}


class _Flow:
    """Edges with their flow in parts of a whole. The first edges are the places, in order."""

    def __init__(self, places: Sequence[Place], share: Fraction):
        self.whole = share.denominator
        self.ends: list[tuple[Node, Node]] = [(place.of_reader()[-1], place.of_item()[0]) for place in places]
        self.units = [share.numerator] * len(places)
        nested: dict[tuple[Node, Node], int] = defaultdict(int)
        for place in places:
            for way in (place.of_reader(), place.of_item()):
                for ends in zip(way, way[1:]):
                    nested[ends] += share.numerator
        for ends, units in nested.items():
            self.ends.append(ends)
            self.units.append(units)
        self.broken: dict[Node, dict[int, None]] = defaultdict(dict)  # edges at a node whose flow is not whole, in order
        for edge, ends in enumerate(self.ends):
            if self.units[edge] % self.whole:
                for node in ends:
                    self.broken[node][edge] = None

    def make_whole(self, draw: Draw) -> None:
        for start in list(self.broken):
            while self.broken[start]:
                self._push(self._cycle(start), draw)

    def _cycle(self, start: Node) -> list[tuple[int, int]]:
        """A cycle of broken edges, each with +1 along its flow or -1 against it. What flows in flows out, so none ends."""
        path: list[tuple[int, int]] = []
        reached = {start: 0}
        node, came_by = start, None
        while True:
            edge = next(one for one in self.broken[node] if one != came_by)
            tail, head = self.ends[edge]
            node, direction = (head, 1) if node == tail else (tail, -1)
            path.append((edge, direction))
            if node in reached:
                return path[reached[node] :]
            reached[node], came_by = len(path), edge

    def _push(self, cycle: Sequence[tuple[int, int]], draw: Draw) -> None:
        """As far as the first edge is whole, one way or the other; the chances leave every edge's expected flow as it is."""
        over = [self.units[edge] % self.whole for edge, _ in cycle]
        there = min(self.whole - part if way > 0 else part for part, (_, way) in zip(over, cycle))
        back = min(part if way > 0 else self.whole - part for part, (_, way) in zip(over, cycle))
        amount = there if draw.below(there + back) < back else -back
        for edge, way in cycle:
            self.units[edge] += way * amount
            if self.units[edge] % self.whole == 0:
                for node in self.ends[edge]:
                    del self.broken[node][edge]
