"""Figures 2B and 2C: row-normalised confusion matrices, rows truth, columns answer and then "no answer"."""

from __future__ import annotations

from typing import Any

from benchmark.core.inputs.readings import NO_ANSWER
from benchmark.core.output.tables import cells_of
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, percent, plural, readable

from .chart import Axis, Cells, Chart, Panel, Points, Span, folded
from .look import CELL_MUTED, INK, cell_colour, colours, ink_on

GAP = 0.25  # between the classes and the "no answer" column, in cells
MANY = 8  # from more classes than this on, whole numbers in small type and empty cells for zero
MOST_ON_A_PHONE = 18  # classes whose cells still hold a number in the width of a phone
NAMED = 3  # wrong answers named beside a class where there are more classes than that


def matrices(results: Results, view: str | None) -> list[dict[str, Any]]:
    """Confusion records of a view, people first, then networks, as the paper orders them."""
    found = results.records("confusion", view=view)
    return [r for r in found if r["kind"] == "human"] + [r for r in found if r["kind"] == "model"]


def _title(record: dict[str, Any]) -> str:
    name = readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])
    return name[:1].upper() + name[1:]


def _cell_text(share: float | None, many: bool) -> str:
    if share is None:
        return "" if many else "–"
    if many and share < 0.5:
        return ""
    return number(share, 0 if many or share in (0, 100) else 1)


def _told(cell: dict[str, Any]) -> str:
    bounds = f", interval {interval(cell['ci_low'], cell['ci_high'], 1, 1)} %" if cell["ci_low"] is not None else ""
    return f"{cell['count']} readings{bounds}"


def _ink(share: float | None) -> str:
    return ink_on(cell_colour(share / 100)) if share else CELL_MUTED


def _per_row(classes: int) -> int:
    """Matrices beside one another on a page so that their numbers can be read."""
    return 3 if classes <= MANY else 2 if classes <= MOST_ON_A_PHONE else 1


def confusion_chart(results: Results, view: str | None) -> Chart:
    """One matrix per group and network on a view; every cell holds its row per cent."""
    found = matrices(results, view)
    full = _per_row(len(found[0]["classes"]))
    columns = min(full, len(found))
    panels = [_panel(record, first=index % columns == 0) for index, record in enumerate(found)]
    rows = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return Chart(rows, width=504.0 if columns == full else 60 + 190.0 * columns)


def small_chart(results: Results, view: str | None) -> Chart:
    """What a phone can hold: the matrices themselves, or from more classes on a row per class with its most frequent mistakes."""
    found = matrices(results, view)
    if len(found[0]["classes"]) <= MOST_ON_A_PHONE:
        return confusion_chart(results, view)
    palette = colours(results["design"]["groups"], results["design"]["models"])
    return Chart([[_list(record, palette[record["reader"] if record["kind"] == "model" else record["group"]])] for record in found])


def _list(record: dict[str, Any], colour: str) -> Panel:
    classes, every, marks, words = record["classes"], list(cells_of(record)), [], []
    for place, truth in enumerate(classes):
        own = [cell for cell in every if cell["truth"] == truth and cell["row_percent"] is not None]
        wrong = sorted((cell for cell in own if cell["answer"] != truth and cell["count"]), key=lambda cell: -cell["count"])
        told = ", ".join(f"{readable(cell['answer'])} {number(cell['row_percent'], 0)}" for cell in wrong[:NAMED])
        right = next((cell for cell in own if cell["answer"] == truth), None)
        if right is None:
            words.append((place, "no reading", CELL_MUTED))
            continue
        if right["ci_low"] is not None:
            marks.append(Span([place], [right["ci_low"]], [right["ci_high"]], colour, 1.3))
        told = f"{number(right['row_percent'], 0)} %{'; ' if told else ''}{told}{' …' if len(wrong) > NAMED else ''}"
        marks.append(Points([right["row_percent"]], [place], colour, "dot", 5.0, [f"{readable(truth)}: {told}"]))
        words.append((place, told, INK))
    down = Axis(-0.5, len(classes) - 0.5, ticks=tuple(range(len(classes))), names=tuple(map(readable, classes)), line=False, downwards=True)
    across = Axis(-2, 102, "Named correctly (%)", (0, 25, 50, 75, 100), grid=True)
    columns = ((f"per cent named correctly; the {NAMED} most frequent mistakes", words),)
    return Panel(across, down, marks, _title(record), height=20.0 * len(classes), columns=columns)


def _panel(record: dict[str, Any], *, first: bool) -> Panel:
    names = tuple(readable(name) for name in record["classes"])
    classes = tuple(folded(name, 16, 2) for name in names)
    n, shares = len(classes), record["row_percent"]
    many, told = n > MANY, [_told(cell) for cell in cells_of(record)]
    cells = Cells(
        values=shares,
        texts=[[_cell_text(share, many) for share in row] for row in shares],
        colours=[[cell_colour((share or 0) / 100) for share in row] for row in shares],
        inks=[[_ink(share) for share in row] for row in shares],
        rows=names,
        columns=(*names, NO_ANSWER),
        told=[told[k : k + n + 1] for k in range(0, len(told), n + 1)],
        text_size=5.0 if many else 6.2,
        gap=GAP,
    )
    middles = tuple(k + 0.5 for k in range(n))
    places = (*middles, n + GAP + 0.5)
    across = Axis(0, n + 1 + GAP, "Answer", places, (*classes, NO_ANSWER), line=False, turned=True, small=many)
    down = Axis(0, n, "Truth" if first else "", middles, classes, line=False, downwards=True, small=many)
    return Panel(across, down, [cells], folded(_title(record), 24, 2), square=True)


def confusion_data(results: Results, view: str | None) -> list[dict[str, Any]]:
    """One row per matrix and cell: count, row per cent, and its interval."""
    return [cell for record in matrices(results, view) for cell in cells_of(record)]


def confusion_words(results: Results, view: str | None) -> str:
    """The most frequent right class and confusion of each matrix."""
    parts = []
    for record in matrices(results, view):
        classes = [readable(name) for name in record["classes"]]
        off = [
            (share or 0, classes[i], classes[j] if j < len(classes) else NO_ANSWER)
            for i, row in enumerate(record["row_percent"])
            for j, share in enumerate(row)
            if i != j
        ]
        worst, truth, answer = max(off)
        right = [row[i] for i, row in enumerate(record["row_percent"]) if row[i] is not None]
        span = f"{number(min(right), 1)} to {number(max(right), 1)} % of a class correct" if right else "no answers"
        parts.append(
            f"{_title(record)}: {span}; most frequent confusion {truth} taken for {answer} ({percent(worst / 100)})"
        )
    return "Confusion matrices. " + ". ".join(parts) + "."
