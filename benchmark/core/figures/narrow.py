"""A chart for a phone: one panel below another, the name and the numbers of a row above its marks instead of beside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .chart import Axis, Band, Chart, Mark, Note, Panel, Points, Span, folded
from .look import INK

WIDTH = 240.0  # points; a phone shows them a third larger
CHARACTERS = 44  # of a line of titles across that width
BESIDE = 57  # of a name and its numbers that still stand on one line
LINE, MARKS = 11.0, 11.0  # points up and down: of a line of words, of the marks of a row
SIZE = 7.5


def narrow(chart: Chart) -> Chart:
    """The same marks in the width of a phone."""
    rows = [[_narrow(panel, row[0].y.shown)] for row in chart.rows for panel in row]
    return Chart(rows, width=WIDTH, keys=chart.keys)


def _narrow(panel: Panel, names_shown: bool) -> Panel:
    """names_shown: whether the first panel beside this one says what the rows of all are."""
    across = replace(panel.x, title=folded(panel.x.title, CHARACTERS))
    if across.names and 6.5 * sum(map(len, across.names)) > 1.3 * WIDTH:
        across = replace(across, turned=True)
    headings = [heading for heading, _ in panel.columns if heading]
    subtitle = "\n".join(folded(line, CHARACTERS) for line in (panel.subtitle, *headings) if line)
    panel = replace(panel, x=across, title=folded(panel.title, CHARACTERS), subtitle=subtitle)
    return _names_above(panel) if panel.y.names and names_shown else replace(panel, columns=())


def _names_above(panel: Panel) -> Panel:
    down, places = panel.y, panel.y.places
    told = [[text for _, entries in panel.columns for y, text, _ in entries if y == place] for place in places]
    names = [folded(name.replace("\n", " "), BESIDE, 1) for name in down.labels]
    long = any(len(" ".join((name, *texts))) > BESIDE for name, texts in zip(names, told))
    words = LINE * (2 if long else 1)
    reach = max((min(abs(y - place) for place in places) for mark in panel.marks for y in _heights(mark)), default=0.0)
    step = min((b - a for a, b in zip(places, places[1:])), default=1.0)
    unit = (words + MARKS) / (step - 2 * reach)  # points per unit of the axis, so that words and marks of a row have room
    up = -1 if down.downwards else 1
    notes = []
    for place, name, texts in zip(places, names, told):
        first = place + up * (reach + (MARKS / 2 + words - LINE / 2) / unit)
        second = first - up * LINE / unit if long else first
        notes.append(Note(panel.x.low, first, name, INK, "start", size=SIZE))
        notes += [Note(panel.x.low if long else panel.x.high, second, text, INK, "start" if long else "end", size=SIZE) for text in texts]
    before, after = reach + (MARKS / 2 + words) / unit, reach + (MARKS / 2) / unit
    low, high = (places[0] - before, places[-1] + after) if down.downwards else (places[0] - after, places[-1] + before)
    axis = Axis(low, high, ticks=(), names=(), shown=False, line=False, downwards=down.downwards)
    marks = [_stretched(mark, down, axis) for mark in panel.marks]
    return replace(panel, y=axis, marks=[*marks, *notes], height=unit * (high - low), columns=())


def _heights(mark: Mark) -> Iterator[float]:
    if isinstance(mark, Points):
        yield from mark.y
    elif isinstance(mark, Span) and not mark.upright:
        yield from mark.at


def _stretched(mark: Mark, before: Axis, after: Axis) -> Mark:
    """A ground that reached over the whole height still does."""
    if not isinstance(mark, Band) or {*mark.low} != {before.low} or {*mark.high} != {before.high}:
        return mark
    return replace(mark, low=[after.low] * len(mark.low), high=[after.high] * len(mark.high))
