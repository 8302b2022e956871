"""A chart as a Plotly figure dictionary for pages: the same panels and marks, with what each point is when pointed at."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from .chart import Axis, Band, Box, Cells, Chart, Line, Note, Panel, Points, Rule, Span
from .drawing import text_width
from .look import AMBER, MUTED, RULE, SEQUENTIAL, clear, page_axis, page_layout, page_note
from .paper import FAINT, SIMULATED, five_numbers

SYMBOLS = {"dot": "circle", "ring": "circle-open", "square": "square", "diamond": "diamond-open"}
SCALE = 1.55  # pixels of a page per point of paper
WIDE, PHONE_WIDE = 800, 346  # pixels of a figure's width that heights of square panels are made for
CELL_TEXT = 11.0  # pixels of the numbers in cells, less where cells are small
CHARACTER = 0.0095  # width of a character as a share of a page's figure


class Stage:
    """One panel's place in a Plotly figure: its axes' names, and where its marks are collected."""

    def __init__(self, index: int, panel: Panel, width: float, alone: bool):
        """width: about how many pixels the panel has across; alone: whether no panel stands right of it."""
        self.suffix = "" if index == 0 else str(index + 1)
        self.panel, self.width, self.alone = panel, width, alone
        self.data: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []
        self.notes: list[dict[str, Any]] = []

    def trace(self, kind: str, **more: Any) -> None:
        axes = {"xaxis": f"x{self.suffix}", "yaxis": f"y{self.suffix}"}
        self.data.append({"type": kind, **axes, "showlegend": False, **more})

    def note(self, text: str, x: float, y: float, **more: Any) -> None:
        where = {"xref": f"x{self.suffix}", "yref": f"y{self.suffix}"}
        self.notes.append(page_note(text.replace("\n", "<br>"), x, y, **{**where, **more}))


def live(chart: Chart, *, simulated: bool = False) -> dict[str, Any]:
    """The chart as {"data", "layout"}, plain JSON data. Its ground is clear, so that light and dark shine through."""
    rows = [list(row) for row in chart.rows]
    gap = _between(rows)
    most = max(map(len, rows))
    widths = [_shares(row, gap, most) for row in rows]
    alone = all(len(row) == 1 for row in rows)  # words beside rules then have room right of the field
    left, right = _left(rows) if chart.for_a_phone else 8, _right(rows) if alone else 12
    room = PHONE_WIDE - left - right if chart.for_a_phone else WIDE
    heights = [max(_pixels(panel, share * room) for panel, share in zip(row, shares)) for row, shares in zip(rows, widths)]
    tops = [18 + 22 * max(_lines(p.title) for p in row) + 20 * max(_lines(p.subtitle) for p in row) for row in rows]
    below = [_below(row) for row in rows]
    key_room = 6 * bool(chart.keys) + 18 * len(chart.key_lines)
    total = sum(heights) + sum(tops) + sum(below) + key_room
    foot = 28 if simulated else 8
    layout = page_layout(height=round(total + foot), margin={"l": left, "r": right, "t": 4, "b": foot})
    outdent = left - 8  # on a phone titles begin at the left edge
    data, shapes, notes = [], [], _keys(chart, outdent)
    y, index = float(key_room), 0
    for row, shares, height, top, bottom in zip(rows, widths, heights, tops, below):
        x = 0.0
        domain = [1 - (y + top + height) / total, 1 - (y + top) / total]
        for panel, share in zip(row, shares):
            stage = Stage(index, panel, share * room, alone)
            beside = share * _words_beside(panel)
            _set_axes(layout, stage, [x, x + share - beside], domain, fixed=chart.for_a_phone, first=x == 0.0)
            for mark in panel.marks:
                _place(mark, stage)
            _titles(stage, x, domain[1], outdent)
            data, shapes, notes = data + stage.data, shapes + stage.shapes, notes + stage.notes
            x += share + gap
            index += 1
        y += top + height + bottom
    if simulated:
        note = page_note(f"<i>{SIMULATED}</i>", 1, 0, xanchor="right", yanchor="top", yshift=-6)
        notes.append({**note, "font": {"size": 11, "color": AMBER}})
    layout.update(shapes=shapes, annotations=notes)
    return {"data": data, "layout": layout}


def _between(rows: list[list[Panel]]) -> float:
    """Room between panels beside each other, names of the right one's axis included, as a share of the width."""
    names = [name for row in rows for panel in row[1:] if panel.y.shown for name in panel.y.labels]
    return 0.03 + CHARACTER * max((len(line) for name in names for line in name.split("\n")), default=2)


def _shares(row: list[Panel], gap: float, most: int) -> list[float]:
    """Widths of a row's panels; a row that is not full leaves room at its end."""
    whole = (1 - gap * (most - 1)) * len(row) / most
    weight = sum(panel.weight for panel in row)
    return [whole * panel.weight / weight for panel in row]


def _left(rows: list[list[Panel]]) -> int:
    """Room left of the fields for what stands at their ticks."""
    names = [name for row in rows for panel in row if panel.y.shown for name in panel.y.labels]
    return round(14 + max((text_width(name, 12) for name in names), default=0))


def _right(rows: list[list[Panel]]) -> int:
    """Room right of the fields for the words beside rules."""
    labels = [mark.label for row in rows for panel in row for mark in panel.marks if isinstance(mark, Rule) and not mark.upright]
    return round(12 + max((text_width(label, 11) for label in labels), default=0))


def _pixels(panel: Panel, width: float) -> float:
    if panel.square:
        return width * (panel.y.high - panel.y.low) / (panel.x.high - panel.x.low)
    return panel.height * SCALE


def _below(row: list[Panel]) -> float:
    lines = max((name.count("\n") + 1 for p in row if p.x.shown for name in p.x.labels), default=0)
    turned = max((7 * len(name) for p in row if p.x.turned for name in p.x.labels), default=0)
    return 14 + max(17 * lines, turned) + max((5 + 17 * _lines(p.x.title) for p in row if p.x.title), default=0)


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _words_beside(panel: Panel) -> float:
    longest = sum(max(len(text) for _, text, _ in entries) for _, entries in panel.columns)
    return min(0.5, 0.01 * longest + 0.03) if panel.columns else 0.0


def _keys(chart: Chart, outdent: int) -> list[dict[str, Any]]:
    signs = {"dot": "●", "ring": "○", "square": "■", "diamond": "◇"}
    def line(keys) -> str:
        return "   ".join(f'<span style="color:{key.colour}">{signs[key.symbol]}</span> {key.text}' for key in keys)

    text = "<br>".join(map(line, chart.key_lines))
    place = {"xanchor": "left", "yanchor": "top", "align": "left", "xshift": -outdent}
    return [page_note(text, 0, 1, **place, font={"size": 12})] if text else []


def _set_axes(layout: dict[str, Any], stage: Stage, across: list[float], up: list[float], *, fixed: bool, first: bool) -> None:
    """fixed: the margins have the room that names need already."""
    panel, suffix = stage.panel, stage.suffix
    layout[f"xaxis{suffix}"] = _axis(panel.x, domain=across, anchor=f"y{suffix}")
    layout[f"yaxis{suffix}"] = _axis(panel.y, domain=up, anchor=f"x{suffix}", automargin=not fixed and (first or panel.y.shown))


def _axis(axis: Axis, **more: Any) -> dict[str, Any]:
    bounds = [axis.high, axis.low] if axis.downwards else [axis.low, axis.high]
    names = [name.replace("\n", "<br>") for name in axis.labels] if axis.shown else []
    return page_axis(
        range=bounds,
        tickvals=list(axis.places) if axis.shown else [],
        ticktext=names,
        ticks="outside" if axis.line and axis.shown else "",
        showline=axis.line,
        showgrid=axis.grid,
        gridcolor=RULE,
        tickangle=-90 if axis.turned else 0,
        tickfont={"size": 11 if axis.small else 12},
        title={"text": axis.title.replace("\n", "<br>"), "font": {"size": 12}, "standoff": 8},
        **more,
    )


def _titles(stage: Stage, x: float, y: float, outdent: int) -> None:
    panel, lines = stage.panel, _lines(stage.panel.subtitle)
    paper = {"xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom", "align": "left", "xshift": -outdent}
    if panel.subtitle:
        stage.note(panel.subtitle, x, y, **paper, yshift=4, font={"size": 12, "color": panel.subtitle_colour})
    if panel.title:
        title = panel.title.replace("\n", "<br>")
        stage.note(f"<b>{title}</b>", x, y, **paper, yshift=6 + 18 * lines)
    place = 1.0
    for heading, entries in reversed(panel.columns):
        for value, text, colour in entries:
            stage.note(text, place, value, xref="paper", xanchor="right", font={"size": 11, "color": colour})
        if heading:
            stage.note(heading, place, y, **{**paper, "xanchor": "right"}, font={"size": 11, "color": MUTED})
        place -= 0.03 + CHARACTER * max(len(text) for _, text, _ in entries)


@singledispatch
def _place(mark: object, stage: Stage) -> None:
    raise TypeError(f"A mark of a chart was needed; {type(mark).__name__} was found.")


@_place.register
def _(mark: Points, stage: Stage) -> None:
    size = mark.size * SCALE
    look = {"color": mark.colour, "size": size, "symbol": SYMBOLS[mark.symbol], "opacity": mark.opacity}
    told = {"text": list(mark.names), "hovertemplate": "%{text}<extra></extra>"} if mark.names else {"hoverinfo": "x+y"}
    if mark.symbol in ("ring", "diamond"):
        look["line"] = {"width": 1.5, "color": mark.colour}
    stage.trace("scatter", mode="markers", x=list(mark.x), y=list(mark.y), marker=look, **told)


@_place.register
def _(mark: Span, stage: Stage) -> None:
    along, across = [], []
    for at, low, high in zip(mark.at, mark.low, mark.high):
        along += [low, high, None]
        across += [at, at, None]
    x, y = (across, along) if mark.upright else (along, across)
    line = {"color": mark.colour, "width": mark.width * SCALE}
    stage.trace("scatter", mode="lines", x=x, y=y, line=line, hoverinfo="skip")


@_place.register
def _(mark: Line, stage: Stage) -> None:
    line = {"color": mark.colour, "width": mark.width * SCALE, "dash": "dash" if mark.dash else "solid"}
    told = (
        {"hovertemplate": f"{mark.name}<br>%{{x:.3g}}, %{{y:.3g}}<extra></extra>"}
        if mark.name
        else {"hoverinfo": "skip"}
    )
    stage.trace("scatter", mode="lines", x=list(mark.x), y=list(mark.y), line=line, **told)


@_place.register
def _(mark: Band, stage: Stage) -> None:
    x = [*mark.x, *reversed(mark.x)]
    y = [*mark.high, *reversed(mark.low)]
    colour = mark.colour if mark.opacity == 1 else clear(mark.colour, mark.opacity)
    told = {"hoveron": "fills", "hoverinfo": "text", "text": mark.name} if mark.name else {"hoverinfo": "skip"}
    stage.trace("scatter", mode="lines", x=x, y=y, fill="toself", fillcolor=colour, line={"width": 0}, **told)


@_place.register
def _(mark: Rule, stage: Stage) -> None:
    x, y = f"x{stage.suffix}", f"y{stage.suffix}"
    line = {"color": mark.colour, "width": mark.width * SCALE, "dash": "dash" if mark.dash else "solid"}
    ends = {"x0": mark.value, "x1": mark.value, "y0": 0, "y1": 1} if mark.upright else {}
    ends = ends or {"x0": 0, "x1": 1, "y0": mark.value, "y1": mark.value}
    refs = {"xref": x, "yref": f"{y} domain"} if mark.upright else {"xref": f"{x} domain", "yref": y}
    stage.shapes.append({"type": "line", **refs, **ends, "line": line})
    font = {"size": 11, "color": mark.colour}
    if mark.label and mark.upright:
        stage.note(mark.label, mark.value, 1, yref=f"{y} domain", yanchor="bottom", font=font)
    elif mark.label:
        place = mark.value if mark.label_at is None else mark.label_at
        where = {"xanchor": "left", "xshift": 4, "align": "left"} if stage.alone else {"xanchor": "right", "yanchor": "bottom"}
        stage.note(mark.label.replace(" ", "\u00a0"), 1, place, xref=f"{x} domain", **where, font=font)


@_place.register
def _(mark: Box, stage: Stage) -> None:
    low, q1, middle, q3, high = five_numbers(mark.values)
    place = {"x": [mark.at]} if mark.upright else {"y": [mark.at], "orientation": "h"}
    stage.trace(
        "box", **place, lowerfence=[low], q1=[q1], median=[middle], q3=[q3], upperfence=[high], hoverinfo="skip",
        width=mark.width, line={"color": mark.colour, "width": 1.4}, fillcolor=clear(mark.colour, FAINT),
    )  # fmt: skip


@_place.register
def _(mark: Cells, stage: Stage) -> None:
    last = len(mark.columns) - 1
    middles = [j + 0.5 + (mark.gap if j == last else 0) for j in range(last + 1)]
    stage.trace(
        "heatmap",
        x=middles,
        y=[i + 0.5 for i in range(len(mark.rows))],
        z=[list(row) for row in mark.values],
        zmin=0,
        zmax=100,
        colorscale=[[i / (len(SEQUENTIAL) - 1), colour] for i, colour in enumerate(SEQUENTIAL)],
        showscale=False,
        customdata=[
            [[truth, answer, words] for answer, words in zip(mark.columns, row)]
            for truth, row in zip(mark.rows, mark.told)
        ],
        xgap=1,
        ygap=1,
        hoverongaps=False,
        hovertemplate=(
            "truth %{customdata[0]}, answer %{customdata[1]}<br>%{z:.1f} % of the row"
            " (%{customdata[2]})<extra></extra>"
        ),
    )
    told = [(i, j, text) for i, row in enumerate(mark.texts) for j, text in enumerate(row) if text]
    cell = 0.77 * stage.width / (stage.panel.x.high - stage.panel.x.low)
    sizes = {text: min(CELL_TEXT, cell / text_width(text, 1)) for text in {text for *_, text in told}}
    common = min((size for text, size in sizes.items() if text != "100"), default=CELL_TEXT)
    # Plotly's own inks for a heatmap's words are too faint on its middle colours.
    stage.trace(
        "scatter", mode="text", x=[middles[j] for _, j, _ in told], y=[i + 0.5 for i, *_ in told], hoverinfo="skip",
        text=[f"<b>{text}</b>" if i == j else text for i, j, text in told],
        textfont={"size": [min(common, sizes[text]) for *_, text in told], "color": [mark.inks[i][j] for i, j, _ in told]},
    )  # fmt: skip


@_place.register
def _(mark: Note, stage: Stage) -> None:
    anchor = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
    rise = {"middle": "middle", "above": "bottom", "below": "top"}[mark.rise]
    text = f"<b>{mark.text}</b>" if mark.bold else mark.text
    stage.note(text, mark.x, mark.y, xanchor=anchor, yanchor=rise, font={"size": 11, "color": mark.colour})
