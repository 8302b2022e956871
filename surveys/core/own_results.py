"""What one reader's own answers add up to: shares with intervals, mix-ups, and how often the sure answers were right."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.959963984540054
SURENESS = ((75, 100), (50, 74), (25, 49), (0, 24))
FEWEST_OTHERS = 5  # with fewer, a dot could be told to be a certain colleague's


@dataclass(frozen=True)
class Share:
    """`right` of `of`, and the 95 % interval of the share by Wilson (1927); of nothing all three are 0."""

    right: int
    of: int

    @property
    def value(self) -> float:
        return self.right / self.of if self.of else 0.0

    @property
    def percent(self) -> int:
        return math.floor(100 * self.value + 0.5)

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high, from 0 to 1."""
        if not self.of:
            return 0.0, 0.0
        n, p, z2 = self.of, self.value, Z95**2
        middle, spread = p + z2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
        low, high = (middle - spread) / (1 + z2 / n), (middle + spread) / (1 + z2 / n)
        return (0.0 if self.right == 0 else low), (1.0 if self.right == n else high)

    @property
    def interval_percent(self) -> tuple[int, int]:
        low, high = self.interval
        return math.floor(100 * low + 0.5), math.floor(100 * high + 0.5)

    def against(self, chance: float) -> str:
        """Where the interval lies of what guessing would reach: "above", "below", or "around" it."""
        low, high = self.interval
        return "above" if low > chance else "below" if high < chance else "around"


@dataclass(frozen=True)
class Judged:
    """One answer beside the truth, both as codes; an empty answer is none. confidence: from 0 to 100, where it was asked."""

    truth: str
    answer: str
    confidence: float | None = None

    @property
    def is_right(self) -> bool:
        return self.answer == self.truth


def share_right(judged: Sequence[Judged]) -> Share:
    """The share of all that was shown; what was left blank is not right."""
    return Share(sum(row.is_right for row in judged), len(judged))


def confusion(judged: Sequence[Judged], classes: Sequence[str]) -> list[list[int]]:
    """Counts: rows are the truth in the order of `classes`, columns the answers in the same order and then "no answer".

    An answer that is none of the classes, such as "not sure", counts as no answer.
    """
    counts = Counter((row.truth, row.answer if row.answer in classes else "") for row in judged)
    return [[counts[truth, answer] for answer in (*classes, "")] for truth in classes]


def mix_ups(judged: Sequence[Judged], classes: Sequence[str], most: int = 3) -> list[tuple[str, str, int]]:
    """The most frequent wrong answers that came at least twice: truth, answer, how often."""
    order = {code: place for place, code in enumerate(classes)}
    wrong = Counter((row.truth, row.answer) for row in judged if not row.is_right and row.answer in order)
    ranked = sorted(wrong.items(), key=lambda entry: (-entry[1], order.get(entry[0][0], 0), order[entry[0][1]]))
    return [(truth, answer, count) for (truth, answer), count in ranked if count > 1][:most]


def by_sureness(judged: Sequence[Judged]) -> list[tuple[int, int, Share]]:
    """From, to and the share right, surest first, for every step of confidence in which there are answers."""
    rows = []
    for low, high in SURENESS:
        within = [row for row in judged if row.answer and row.confidence is not None and low <= row.confidence < high + 1]
        if within:
            rows.append((low, high, share_right(within)))
    return rows


@dataclass(frozen=True)
class Dot:
    """A dot of a strip: its centre, in the units of the drawing."""

    x: float
    y: float


@dataclass(frozen=True)
class Strip:
    """Shares from 0 to 1 as dots on a line; equal ones stand above each other, the own one above all of them.

    others: nobody's in particular. told_left: the own dot has no room for a word at its right.
    """

    width: int
    height: int
    floor: float
    own: Dot
    others: tuple[Dot, ...]
    chance: float | None
    ticks: tuple[tuple[float, int], ...]

    @property
    def told_left(self) -> bool:
        return self.own.x > self.width - 60


WIDTH, MARGIN, STEP, FLOOR_SPACE = 320, 16, 11, 30


def coarse(share: float) -> float:
    """`share` rounded to 2 of 100, so that what is told of others is no number that somebody may know."""
    return round(50 * share) / 50


def strip_of(own: float, others: Sequence[float], chance: float | None = None) -> Strip | None:
    """The strip of one reader among others, who are sorted by their share; None where they are too few to stay unknown.

    The others' shares are `coarse`.
    """
    if len(others) < FEWEST_OTHERS:
        return None
    piles = Counter(map(coarse, others))
    own_at = coarse(own)
    height = 14 + STEP * (max(piles.values()) + 2) + FLOOR_SPACE
    floor = height - FLOOR_SPACE
    place = lambda share: round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)  # noqa: E731
    dots = [Dot(place(share), round(floor - STEP * (level + 0.8), 1)) for share in sorted(piles) for level in range(piles[share])]
    return Strip(
        width=WIDTH,
        height=height,
        floor=floor,
        own=Dot(place(own_at), 14 + STEP),
        others=tuple(dots),
        chance=None if chance is None else place(chance),
        ticks=tuple((place(percent / 100), percent) for percent in (0, 25, 50, 75, 100)),
    )
