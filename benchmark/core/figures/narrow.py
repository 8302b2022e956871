"""A chart for a phone: one panel below another, what a row is above or beside its marks, and nothing turned on its side but the names
of a matrix's columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from .chart import PHONE as WIDTH
from .chart import Axis, Band, Box, Cells, Chart, Mark, Note, Panel, Points, Rule, Span, apart, folded
from .drawing import text_width
from .look import INK, RULE
from .paper import EDGE, TICK, TITLE

LABEL = 11  # characters of a line of the words beside a rule
NAMES = 66.0  # points that names beside their rows may take
LINE, MARKS = 11.0, 11.0  # points up and down: of a line of words, of the marks of a row
NEXT = 4.0  # points of room before a row that has a name and lines of its own
SIZE = 7.5
SMALLEST = 6.8  # of words; a phone shows them half larger
CELL_TEXT = 8.0


def narrow(chart: Chart) -> Chart:
    """The same marks in the width of a phone."""
    rows = [[_narrow(panel, row[0].y)] for row in chart.rows for panel in row]
    keys = tuple(replace(key, text=fitted(key.text, WIDTH - 24, 7.5, most=1)) for key in chart.keys)
    return Chart(rows, width=WIDTH, keys=keys, for_a_phone=True)


def fitted(text: str, width: float, size: float, *, bold: bool = False, most: int = 4) -> str:
    """`text` over lines of at most `width` points, lines of its own kept; each of them over at most `most` lines."""
    lines = []
    for line in text.split("\n"):
        most_characters = len(line) or 1
        while most_characters > 4 and text_width(folded(line, most_characters, most), size, bold) > width:
            most_characters -= 1
        lines.append(folded(line, most_characters, most))
    return "\n".join(lines)


def _narrow(panel: Panel, first: Axis) -> Panel:
    """first: the upright axis of the row's first panel, which says what those of all are."""
    named = bool(panel.y.names) and not panel.y.line
    down = panel.y if named else replace(panel.y, shown=first.shown, line=first.line)
    columns = panel.columns if first.shown or not named else ()
    headings = [heading for heading, _ in columns if heading not in ("", "p")]
    matrix = panel.square and named
    axes = "rows: truth; columns: answer" if matrix else first.title.replace("\n", " ")
    told = [line for line in (*panel.subtitle.split("\n"), *headings, axes) if line]
    subtitle = "\n".join(fitted(line, WIDTH - 2 * EDGE, 7.3) for line in told)
    panel = replace(
        panel, title=fitted(panel.title.strip(), WIDTH - 2 * EDGE, TITLE, bold=True), subtitle=subtitle, y=replace(down, title=""),
        x=replace(panel.x, title="") if matrix else panel.x, marks=[_legible(mark) for mark in _labels_apart(panel)], columns=columns,
    )  # fmt: skip
    if matrix:
        return panel
    if named and first.shown:
        panel = _names_beside(panel) if _fit_beside(panel) else _names_above(panel)
    return replace(panel, x=_across(panel))


def _across(panel: Panel) -> Axis:
    """The level axis with its title and its names in the width of the field; names with a longer word are turned."""
    beside = max((text_width(label, TICK) for label in panel.y.labels), default=0) if panel.y.shown else 0
    labels = [mark.label for mark in panel.marks if isinstance(mark, Rule) and not mark.upright]
    room = WIDTH - 2 * EDGE - 8 - beside - max((text_width(label, 7) for label in labels), default=0)
    axis = replace(panel.x, title=fitted(panel.x.title, room, 8.0))
    if not axis.names or axis.turned or axis.line:
        return axis
    share = 0.95 * room / len(axis.names)
    names = tuple(fitted(name.replace("\n", " "), share, TICK) for name in axis.names)
    if all(text_width(name, TICK) <= share for name in names):
        return replace(axis, names=names)
    return replace(axis, turned=True)


def _legible(mark: Mark) -> Mark:
    if isinstance(mark, Note):
        return replace(mark, size=max(mark.size, SMALLEST))
    return replace(mark, text_size=CELL_TEXT) if isinstance(mark, Cells) else mark


def _labels_apart(panel: Panel) -> list[Mark]:
    """The marks, the words beside level rules over two lines and again apart from one another."""
    rules = [mark for mark in panel.marks if isinstance(mark, Rule) and mark.label and not mark.upright]
    labels = [folded(rule.label, LABEL, 2) for rule in rules]
    most = 1.25 * 7 * max((label.count("\n") + 1 for label in labels), default=1)
    places = apart([rule.value for rule in rules], most / panel.height * (panel.y.high - panel.y.low))
    told = {id(rule): replace(rule, label=label, label_at=at) for rule, label, at in zip(rules, labels, places)}
    return [told.get(id(mark), mark) for mark in panel.marks]


def _fit_beside(panel: Panel) -> bool:
    return not panel.columns and all(text_width(name, TICK) <= NAMES for name in panel.y.labels)


def _names_beside(panel: Panel) -> Panel:
    return replace(panel, y=replace(panel.y, shown=True))


@dataclass(frozen=True)
class Row:
    """One row of marks: its place before, the lines of words above it as (left, right, colour of the right), and its place after."""

    before: float
    lines: tuple[tuple[str, str, str], ...]
    after: float


def _names_above(panel: Panel) -> Panel:
    """What a row is, and its numbers, above its marks over the whole width; the axis then counts points from the top."""
    down = panel.y
    every = panel.height / (down.high - down.low)  # points per unit of the axis
    places = sorted({y for _, entries in panel.columns for y, *_ in entries} or down.places, reverse=not down.downwards)
    nearest = [min(places, key=lambda place: abs(y - place)) for mark in panel.marks for y in _heights(mark)]
    found = [y for mark in panel.marks for y in _heights(mark)]
    reach = every * max((abs(y - place) for y, place in zip(found, nearest)), default=0.0)
    rows, total = [], 0.0
    for place, lines in zip(places, _words_of(panel, places)):
        total += NEXT if rows and len(lines) > 1 else 0.0
        rows.append(Row(place, tuple(lines), total + LINE * len(lines) + reach + MARKS / 2))
        total = rows[-1].after + reach + MARKS / 2
    sign = every if down.downwards else -every

    def at(y: float) -> float:
        row = min(rows, key=lambda row: abs(y - row.before))
        return row.after + sign * (y - row.before)

    lanes = [(row.after - reach - MARKS / 2, row.after + reach + MARKS / 2) for row in rows]
    axis = Axis(0, total, ticks=(), names=(), shown=False, line=False, downwards=True)
    notes = [note for row in rows for note in _notes(row, panel.x, reach)]
    kept = [mark for mark in panel.marks if not isinstance(mark, Rule) or mark.upright]  # words part the rows already
    marks = [_in_lanes(mark, lanes) if _is_solid(mark) else _moved(mark, at, every, down, axis) for mark in kept]
    grid = [_in_lanes(Rule(value, RULE, upright=True, width=0.5), lanes) for value in panel.x.places] if panel.x.grid else []
    across = replace(panel.x, grid=False)
    return replace(panel, x=across, y=axis, marks=[*grid, *marks, *notes], height=total, columns=())


def _is_solid(mark: Mark) -> bool:
    return isinstance(mark, Rule) and mark.upright and not mark.dash and not mark.label


def _in_lanes(rule: Rule, lanes: list[tuple[float, float]]) -> Span:
    """The rule where marks are, not through the words above them."""
    low, high = zip(*lanes)
    return Span([rule.value] * len(lanes), low, high, rule.colour, rule.width, upright=True)


def _words_of(panel: Panel, places: list[float]) -> list[list[tuple[str, str, str]]]:
    """The lines above every row: the name where a new one begins, the numbers on the same line if all of them fit there."""
    width, down = WIDTH - 2 * EDGE, panel.y
    numbers = [_numbers(panel, place) for place in places]
    names = [min(zip(down.places, down.labels), key=lambda one: abs(one[0] - place))[1].replace("\n", " ") for place in places]
    first = [name == before for name, before in zip(names, ["", *names])]
    names = ["" if same else name for name, same in zip(names, first)]
    together = all(text_width(f"{name}    {told}", SIZE) <= width for name, (told, _) in zip(names, numbers)) and all(names)
    found = []
    for name, (told, colour) in zip(names, numbers):
        if together:
            found.append([(name, told, colour)])
            continue
        lines = [(line, "", INK) for line in fitted(name, width, SIZE, most=2).split("\n") if line]
        found.append([*lines, *([(told, "", colour)] if told else [])])
    return found


def _numbers(panel: Panel, place: float) -> tuple[str, str]:
    """The words that stood in columns beside a row, and their colour."""
    entries = [(heading, text, colour) for heading, column in panel.columns for y, text, colour in column if y == place]
    told = [text if heading != "p" else f"p {text}" if text[:1] in "<–" else f"p = {text}" for heading, text, _ in entries]
    return ", ".join(told), entries[0][2] if entries else INK


def _notes(row: Row, across: Axis, reach: float) -> Iterator[Note]:
    top = row.after - reach - MARKS / 2 - LINE * len(row.lines)
    for number, (left, right, colour) in enumerate(row.lines):
        y = top + LINE * (number + 0.5)
        yield Note(across.low, y, left, INK if right else colour, "start", size=SIZE)
        if right:
            yield Note(across.high, y, right, colour, "end", size=SIZE)


def _heights(mark: Mark) -> Iterator[float]:
    if isinstance(mark, Points):
        yield from mark.y
    elif isinstance(mark, Span) and not mark.upright:
        yield from mark.at
    elif isinstance(mark, Box) and not mark.upright:
        yield from (mark.at - mark.width / 2, mark.at + mark.width / 2)


def _moved(mark: Mark, at: Callable[[float], float], every: float, before: Axis, after: Axis) -> Mark:
    """The mark at its row's new place; a ground that reached over the whole height still does."""
    if isinstance(mark, Points):
        return replace(mark, y=[at(y) for y in mark.y])
    if isinstance(mark, Span) and not mark.upright:
        return replace(mark, at=[at(y) for y in mark.at])
    if isinstance(mark, Box) and not mark.upright:
        return replace(mark, at=at(mark.at), width=every * mark.width)
    if isinstance(mark, Band) and {*mark.low} == {before.low} and {*mark.high} == {before.high}:
        return replace(mark, low=[after.low] * len(mark.low), high=[after.high] * len(mark.high))
    return mark
