"""A chart drawn for paper: margins from the words that stand in them, every mark placed in points."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from .chart import Axis, Band, Box, Cells, Chart, Line, Note, Panel, Points, Rule, Span
from .drawing import Drawing, text_width
from .look import AMBER, MUTED, PAPER, RULE

TICK, SMALL, TITLE = 7.5, 6.2, 9.0
GAP_ROWS, GAP_PANELS, EDGE = 16.0, 14.0, 5.0
FAINT = 0.16  # of a box's ground
SIMULATED = "simulated readers or drawn images"


@dataclass(frozen=True)
class Margins:
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Field:
    """A panel's place on the paper; x and y turn data into points."""

    left: float
    top: float
    width: float
    height: float
    x: Callable[[float], float]
    y: Callable[[float], float]


def draw(chart: Chart, *, title: str = "", description: str = "", simulated: bool = False) -> Drawing:
    """The chart as a drawing; a simulated one says so in its lower right corner."""
    rows = [list(row) for row in chart.rows]
    columns = max(map(len, rows))
    margins = [[_margins(panel) for panel in row] for row in rows]
    lefts = [max(row[c].left for row in margins if c < len(row)) for c in range(columns)]
    rights = [max(row[c].right for row in margins if c < len(row)) for c in range(columns)]
    weights = [max(row[c].weight for row in rows if c < len(row)) for c in range(columns)]
    free = chart.width - 2 * EDGE - sum(lefts) - sum(rights) - GAP_PANELS * (columns - 1)
    widths = [free * weight / sum(weights) for weight in weights]
    heights = [max(_height(panel, widths[c]) for c, panel in enumerate(row)) for row in rows]
    tops = [max(m.top for m in row) for row in margins]
    bottoms = [max(m.bottom for m in row) for row in margins]
    key_room = 3.0 * bool(chart.keys) + 13.0 * len(chart.key_lines)
    total = 2 * EDGE + key_room + sum(tops) + sum(heights) + sum(bottoms) + GAP_ROWS * (len(rows) - 1)
    drawing = Drawing(chart.width, total + (10.0 if simulated else 0.0), title, description)
    _draw_keys(drawing, chart)
    y = EDGE + key_room
    for r, row in enumerate(rows):
        x = EDGE
        for c, panel in enumerate(row):
            place = _field(panel, x + lefts[c], y + tops[r], widths[c], _height(panel, widths[c]))
            _draw_panel(drawing, panel, place, lefts[c], outdent=lefts[c] if chart.for_a_phone else 0.0)
            x += lefts[c] + widths[c] + rights[c] + GAP_PANELS
        y += tops[r] + heights[r] + bottoms[r] + GAP_ROWS
    if simulated:
        drawing.words(chart.width - EDGE, drawing.height - 4, SIMULATED, size=6.5, colour=AMBER, anchor="end")
    return drawing


def _height(panel: Panel, width: float) -> float:
    if not panel.square:
        return panel.height
    return width * (panel.y.high - panel.y.low) / (panel.x.high - panel.x.low)


def _margins(panel: Panel) -> Margins:
    x, y = panel.x, panel.y
    size = SMALL if x.small else TICK
    left = 0.0
    if y.shown:
        left += max((text_width(t, SMALL if y.small else TICK) for t in y.labels), default=0) + (6 if y.line else 4)
    if y.title:
        left += 11.0 * len(y.title.split("\n"))
    bottom = 0.0
    if x.shown and x.labels:
        longest = max(text_width(t, size) for t in x.labels)
        lines = max(t.count("\n") + 1 for t in x.labels)
        bottom += 5 + (longest if x.turned else 1.2 * size * lines) + (3 if x.line else 0)
    if x.title:
        bottom += 11.5 * len(x.title.split("\n"))
    top = (4.0 + 11.0 * (panel.title.count("\n") + 1) if panel.title else 0.0) + (
        11.0 * (panel.subtitle.count("\n") + 1) if panel.subtitle else 0.0
    )
    last = text_width(x.labels[-1], size) / 2 if x.shown and x.labels and not x.turned and x.line else 0.0
    right = max((text_width(m.label, 7) + 4 for m in panel.marks if _beside(m)), default=last)
    for heading, entries in panel.columns:
        right += 8 + max(text_width(t, 7) for t in (heading, *(text for _, text, _ in entries)))
        top = max(top, 12.0) if heading else top
    return Margins(left, right, top + 3, bottom + 2)


def _beside(mark: object) -> bool:
    return isinstance(mark, Rule) and bool(mark.label) and not mark.upright


def _field(panel: Panel, left: float, top: float, width: float, height: float) -> Field:
    def across(value: float) -> float:
        return left + width * (value - panel.x.low) / (panel.x.high - panel.x.low)

    def down(value: float) -> float:
        share = (value - panel.y.low) / (panel.y.high - panel.y.low)
        return top + height * (share if panel.y.downwards else 1 - share)

    return Field(left, top, width, height, across, down)


def _draw_keys(drawing: Drawing, chart: Chart) -> None:
    for line, keys in enumerate(chart.key_lines):
        x, y = EDGE + 2, EDGE + 6 + 13.0 * line
        for key in keys:
            drawing.mark(key.symbol, x + 3, y, 6, key.colour)
            drawing.words(x + 10, y, key.text, size=7.5, middle=True)
            x += 10 + text_width(key.text, 7.5) + 14


def _draw_panel(drawing: Drawing, panel: Panel, field: Field, left: float, *, outdent: float) -> None:
    """outdent: how far left of the field its titles begin."""
    y = field.top - 5 - (11.0 * (panel.subtitle.count("\n") + 1) if panel.subtitle else 0)
    if panel.title:
        start = y - 1.2 * TITLE * panel.title.count("\n")
        drawing.words(field.left - outdent, start, panel.title, size=TITLE, bold=True)
    if panel.subtitle:
        drawing.words(field.left - outdent, y + 11, panel.subtitle, size=7.3, colour=panel.subtitle_colour)
    _draw_x_axis(drawing, panel.x, field)
    _draw_y_axis(drawing, panel.y, field, left)
    for mark in panel.marks:
        _draw_mark(mark, drawing, field)
    x = field.left + field.width
    for heading, entries in panel.columns:
        x += 8
        if heading:
            drawing.words(x, field.top - 5, heading, size=7, colour=MUTED)
        for place, text, colour in entries:
            drawing.words(x, field.y(place), text, size=7, colour=colour, middle=True)
        x += max(text_width(t, 7) for t in (heading, *(text for _, text, _ in entries)))


def _draw_x_axis(drawing: Drawing, axis: Axis, field: Field) -> None:
    bottom, size = field.top + field.height, SMALL if axis.small else TICK
    if axis.line:
        drawing.line((field.left, bottom), (field.left + field.width, bottom), colour=MUTED)
    below = 0.0
    if axis.shown:
        for value, name in zip(axis.places, axis.labels):
            x = field.x(value)
            if axis.grid:
                drawing.line((x, field.top), (x, bottom), colour=RULE, width=0.5)
            if axis.line:
                drawing.line((x, bottom), (x, bottom + 3), colour=MUTED)
            start = bottom + (6 if axis.line else 4)
            if axis.turned:
                drawing.words(x, start, name, size=size, anchor="end", angle=90, middle=True)
            else:
                drawing.words(x, start + 0.8 * size, name, size=size, anchor="middle")
        widest = max((text_width(name, size) for name in axis.labels), default=0)
        lines = max((name.count("\n") + 1 for name in axis.labels), default=0)
        below = 5 + (widest if axis.turned else 1.2 * size * lines) + (3 if axis.line else 0)
    if axis.title:
        drawing.words(field.left + field.width / 2, bottom + below + 9, axis.title, size=8, anchor="middle")


def _draw_y_axis(drawing: Drawing, axis: Axis, field: Field, left: float) -> None:
    if axis.line:
        drawing.line((field.left, field.top), (field.left, field.top + field.height), colour=MUTED)
    size = SMALL if axis.small else TICK
    if axis.shown:
        for value, name in zip(axis.places, axis.labels):
            y = field.y(value)
            if axis.grid:
                drawing.line((field.left, y), (field.left + field.width, y), colour=RULE, width=0.5)
            if axis.line:
                drawing.line((field.left - 3, y), (field.left, y), colour=MUTED)
            drawing.words(field.left - (5 if axis.line else 4), y, name, size=size, anchor="end", middle=True)
    if axis.title:
        lines = len(axis.title.split("\n"))
        x, middle = field.left - left + 9.6 * lines - 4.8 * (lines - 1) - 4, field.top + field.height / 2
        drawing.words(x, middle, axis.title, size=8, anchor="middle", angle=90, middle=True)


@singledispatch
def _draw_mark(mark: object, drawing: Drawing, field: Field) -> None:
    raise TypeError(f"A mark of a chart was needed; {type(mark).__name__} was found.")


@_draw_mark.register
def _(mark: Points, drawing: Drawing, field: Field) -> None:
    for x, y in zip(mark.x, mark.y):
        drawing.mark(mark.symbol, field.x(x), field.y(y), mark.size, mark.colour, opacity=mark.opacity)


@_draw_mark.register
def _(mark: Span, drawing: Drawing, field: Field) -> None:
    for at, low, high in zip(mark.at, mark.low, mark.high):
        if mark.upright:
            x = field.x(at)
            drawing.line((x, field.y(low)), (x, field.y(high)), colour=mark.colour, width=mark.width)
        else:
            y = field.y(at)
            drawing.line((field.x(low), y), (field.x(high), y), colour=mark.colour, width=mark.width)


@_draw_mark.register
def _(mark: Line, drawing: Drawing, field: Field) -> None:
    points = [(field.x(x), field.y(y)) for x, y in zip(mark.x, mark.y)]
    drawing.line(*points, colour=mark.colour, width=mark.width, dash=mark.dash)


@_draw_mark.register
def _(mark: Band, drawing: Drawing, field: Field) -> None:
    there = [(field.x(x), field.y(y)) for x, y in zip(mark.x, mark.high)]
    back = [(field.x(x), field.y(y)) for x, y in zip(mark.x, mark.low)]
    drawing.shape([*there, *reversed(back)], fill=mark.colour, opacity=mark.opacity)


@_draw_mark.register
def _(mark: Rule, drawing: Drawing, field: Field) -> None:
    if mark.upright:
        x = field.x(mark.value)
        drawing.line(
            (x, field.top), (x, field.top + field.height), colour=mark.colour, width=mark.width, dash=mark.dash
        )
        if mark.label:
            drawing.words(x, field.top - 3, mark.label, size=7, colour=mark.colour, anchor="middle")
        return
    y, right = field.y(mark.value), field.left + field.width
    drawing.line((field.left, y), (right, y), colour=mark.colour, width=mark.width, dash=mark.dash)
    if mark.label:
        y = field.y(mark.value if mark.label_at is None else mark.label_at)
        drawing.words(right + 4, y, mark.label, size=7, colour=mark.colour, middle=True)


@_draw_mark.register
def _(mark: Box, drawing: Drawing, field: Field) -> None:
    low, q1, middle, q3, high = five_numbers(mark.values)
    along, across = (field.y, field.x) if mark.upright else (field.x, field.y)
    place, half = across(mark.at), abs(across(mark.at + mark.width / 2) - across(mark.at))

    def line(start: tuple[float, float], end: tuple[float, float], width: float) -> None:
        """Between two places given as (across, along)."""
        drawing.line(*(one if mark.upright else one[::-1] for one in (start, end)), colour=mark.colour, width=width)

    for start, end in ((q1, low), (q3, high)):
        line((place, along(start)), (place, along(end)), 0.9)
        line((place - half / 2, along(end)), (place + half / 2, along(end)), 0.9)
    first, deep = min(along(q1), along(q3)), abs(along(q3) - along(q1))
    corner, size = ((place - half, first), (2 * half, deep)) if mark.upright else ((first, place - half), (deep, 2 * half))
    drawing.rectangle(*corner, *size, fill=mark.colour, stroke=mark.colour, edge=0.9, faint=FAINT)
    line((place - half, along(middle)), (place + half, along(middle)), 1.8)


def five_numbers(values: object) -> tuple[float, float, float, float, float]:
    """Whisker, quartile, median, quartile, whisker: whiskers reach the last value within 1.5 box lengths (Tukey)."""
    sample = np.sort(np.asarray(values, dtype=float))
    q1, middle, q3 = np.percentile(sample, [25, 50, 75])
    reach = 1.5 * (q3 - q1)
    inside = sample[(sample >= q1 - reach) & (sample <= q3 + reach)]
    return float(min(inside[0], q1)), float(q1), float(middle), float(q3), float(max(inside[-1], q3))


@_draw_mark.register
def _(mark: Cells, drawing: Drawing, field: Field) -> None:
    last = len(mark.columns) - 1
    cell = field.x(1) - field.x(0)
    def fitting(texts: Iterable[str]) -> float:
        return min(mark.text_size, 0.86 * cell / max((text_width(text, 1, True) for text in texts), default=1.0))

    full = fitting(["100"])  # wider than its neighbours where these have no decimals: only itself gives way
    size = fitting([text for row in mark.texts for text in row if text not in ("", "100")] or ["100"])
    for i in range(len(mark.rows)):
        for j in range(len(mark.columns)):
            x, y = field.x(j + (mark.gap if j == last else 0)), field.y(i)
            drawing.rectangle(x, y, cell, cell, fill=mark.colours[i][j], stroke=PAPER, edge=0.7)
            if mark.texts[i][j]:
                style = {"size": min(size, full) if mark.texts[i][j] == "100" else size, "colour": mark.inks[i][j], "bold": i == j}
                drawing.words(x + cell / 2, y + cell / 2, mark.texts[i][j], anchor="middle", middle=True, **style)


@_draw_mark.register
def _(mark: Note, drawing: Drawing, field: Field) -> None:
    x, y = field.x(mark.x), field.y(mark.y)
    style = {"size": mark.size, "colour": mark.colour, "anchor": mark.anchor, "bold": mark.bold}
    lines = mark.text.count("\n") + 1
    if mark.rise == "above":
        y -= 3 + 1.2 * mark.size * (lines - 1)
    elif mark.rise == "below":
        y += 3 + 0.7 * mark.size
    drawing.words(x, y, mark.text, middle=mark.rise == "middle", **style)
