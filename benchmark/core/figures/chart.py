"""What a figure shows, said once: panels, axes and marks in the units of the data, for paper and page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log10
from textwrap import wrap

from benchmark.core.wording import number

from .look import INK, MUTED

PHONE = 240.0  # points of a chart's width on a phone, which shows them half larger


@dataclass(frozen=True)
class Axis:
    """One axis. ticks None: round numbers between low and high; names: what is written at the ticks.

    shown: whether ticks and names are drawn; line: whether the axis has a line; turned: names written upwards.
    """

    low: float
    high: float
    title: str = ""
    ticks: tuple[float, ...] | None = None
    names: tuple[str, ...] | None = None
    shown: bool = True
    line: bool = True
    grid: bool = False
    downwards: bool = False
    turned: bool = False
    small: bool = False

    @property
    def places(self) -> tuple[float, ...]:
        return self.ticks if self.ticks is not None else round_ticks(self.low, self.high)

    @property
    def labels(self) -> tuple[str, ...]:
        if self.names is not None:
            return self.names
        step = min((b - a for a, b in zip(self.places, self.places[1:])), default=1.0)
        decimals = max(0, -floor(log10(step) + 1e-9)) if step > 0 else 0
        return tuple(number(value, decimals) for value in self.places)


def folded(text: str, width: int, most: int = 3) -> str:
    """Long names over several lines of about `width` characters; what does not fit in `most` lines ends in "…"."""
    return "\n".join(wrap(text, width, max_lines=most, placeholder=" …", break_on_hyphens=False))


def round_ticks(low: float, high: float, most: int = 8) -> tuple[float, ...]:
    """Multiples of 1, 2 or 5 times a power of ten within [low, high], at most `most` of them."""
    if high <= low:
        return (low,)
    power = 10.0 ** floor(log10((high - low) / most))
    step = next(factor * power for factor in (1, 2, 5, 10) if (high - low) / (factor * power) <= most)
    first = -floor(-low / step + 1e-9)
    last = floor(high / step + 1e-9)
    return tuple(round(k * step, 12) for k in range(first, last + 1))


@dataclass(frozen=True)
class Points:
    """Marks at (x, y); names are told when one points at them on a page."""

    x: Sequence[float]
    y: Sequence[float]
    colour: str
    symbol: str = "dot"
    size: float = 4.2
    names: Sequence[str] = ()
    opacity: float = 1.0


@dataclass(frozen=True)
class Span:
    """Intervals from low to high at places along the other axis; `upright` for vertical ones."""

    at: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: str
    width: float = 1.2
    upright: bool = False


@dataclass(frozen=True)
class Line:
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    width: float = 1.3
    dash: tuple[float, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Band:
    """The ground between two curves; told when one points at it on a page, where it has a name."""

    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    colour: str
    name: str = ""
    opacity: float = 1.0


@dataclass(frozen=True)
class Rule:
    """A straight line across the panel at one value of an axis, with its words at the end."""

    value: float
    colour: str = MUTED
    upright: bool = False
    width: float = 0.8
    dash: tuple[float, ...] = ()
    label: str = ""
    label_at: float | None = None  # where the words stand, when that is not beside the line itself


@dataclass(frozen=True)
class Box:
    """A box plot of `values` at place `at`; not `upright`: its values lie along the level axis."""

    at: float
    values: Sequence[float]
    colour: str
    width: float = 0.5
    upright: bool = True


@dataclass(frozen=True)
class Cells:
    """A matrix of coloured cells with words in them; the last column stands apart by `gap` cells. told: said of a cell
    when one points at it on a page."""

    values: Sequence[Sequence[float | None]]
    texts: Sequence[Sequence[str]]
    colours: Sequence[Sequence[str]]
    inks: Sequence[Sequence[str]]
    rows: Sequence[str]
    columns: Sequence[str]
    told: Sequence[Sequence[str]]
    text_size: float = 6.2  # at most; less where cells are small
    gap: float = 0.25


@dataclass(frozen=True)
class Note:
    """Words at a place of the data; on a page they may be told in smaller type."""

    x: float
    y: float
    text: str
    colour: str = INK
    anchor: str = "middle"
    bold: bool = False
    size: float = 7.0
    rise: str = "middle"  # middle, above or below the place


Mark = Points | Span | Line | Band | Rule | Box | Cells | Note


@dataclass(frozen=True)
class Panel:
    """One field of a figure. columns: words set right of the field, one list of (y, text, colour) per column.

    weight: its share of the width beside other panels; height in points, or `square` cells by the width.
    """

    x: Axis
    y: Axis
    marks: Sequence[Mark]
    title: str = ""
    subtitle: str = ""
    subtitle_colour: str = MUTED
    height: float = 180.0
    weight: float = 1.0
    square: bool = False
    columns: Sequence[tuple[str, Sequence[tuple[float, str, str]]]] = ()


@dataclass(frozen=True)
class Key:
    """One entry of a figure's legend, for what cannot be labelled where it stands."""

    text: str
    colour: str
    symbol: str = "dot"


@dataclass(frozen=True)
class Chart:
    """A figure: rows of panels. width: points on paper (a journal's column is 252, its page 504).

    for_a_phone: titles begin at the left edge, not over the field.
    """

    rows: Sequence[Sequence[Panel]]
    width: float = 504.0
    keys: Sequence[Key] = field(default=())
    for_a_phone: bool = False

    @property
    def key_lines(self) -> list[list[Key]]:
        """The legend over as many lines as the width needs."""
        lines: list[list[Key]] = []
        room = 0.0
        for key in self.keys:
            needed = 24 + 3.9 * len(key.text)
            if not lines or room < needed:
                lines.append([])
                room = self.width - 10
            lines[-1].append(key)
            room -= needed
        return lines


def apart(values: Sequence[float], gap: float) -> list[float]:
    """Places near `values` that are at least `gap` apart, in the same order of size: for words beside lines."""
    order = sorted(range(len(values)), key=lambda i: values[i])
    places = [float(value) for value in values]
    for _ in range(len(values)):
        for lower, upper in zip(order, order[1:]):
            short = gap - (places[upper] - places[lower])
            if short > 1e-9:
                places[lower] -= short / 2
                places[upper] += short / 2
    return places
