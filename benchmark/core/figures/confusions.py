"""Figures 2B and 2C: row-normalised confusion matrices, rows truth, columns answer and then "no answer"."""

from __future__ import annotations

from math import ceil
from typing import Any

from ..readings import NO_ANSWER
from ..results import Results
from ..wording import number, plural, readable
from .look import (
    CELL_INK,
    CELL_LIGHT,
    MUTED,
    SEQUENTIAL,
    cell_colour,
    new_figure,
    page_axis,
    page_layout,
    page_note,
    paper_style,
)

PANELS_PER_ROW = 3
GAP = 0.25  # between the classes and the "no answer" column, in cells


def panels(results: Results, view: str | None) -> list[dict[str, Any]]:
    """Confusion records of a view, people first, then networks, as the paper orders them."""
    found = results.records("confusion", view=view)
    return [r for r in found if r["kind"] == "human"] + [r for r in found if r["kind"] == "model"]


def _title(record: dict[str, Any]) -> str:
    name = readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])
    return name[:1].upper() + name[1:]


def _cell_text(share: float | None, many: bool) -> str:
    if share is None:
        return "–"
    return number(share, 0 if many or share in (0, 100) else 1)


def draw_confusions(results: Results, view: str | None) -> Any:
    """One matrix per group and network on a view, as a matplotlib figure; every cell holds its row per cent."""
    found = panels(results, view)
    n = len(found[0]["classes"])
    columns = min(PANELS_PER_ROW, len(found))
    rows = ceil(len(found) / columns)
    many = n > 8
    cell = 0.22 if many else 0.33
    with paper_style():
        figure = new_figure(columns * ((n + 1) * cell + 0.75) + 0.2, rows * (n * cell + 1.0))
        axes = figure.subplots(rows, columns, squeeze=False)
        for index, ax in enumerate(axes.flat):
            if index >= len(found):
                ax.set_axis_off()
                continue
            _draw_matrix(ax, found[index], many)
            if index % columns == 0:
                ax.set_ylabel("Truth")
            ax.set_title(_title(found[index]), pad=8)
    return figure


def _draw_matrix(ax: Any, record: dict[str, Any], many: bool) -> None:
    from matplotlib.patches import Rectangle

    classes = [readable(name) for name in record["classes"]]
    n = len(classes)
    size = 4.6 if many else 6.2
    for i, row in enumerate(record["row_percent"]):
        for j, share in enumerate(row):
            x = j + (GAP if j == n else 0)
            colour = cell_colour((share or 0) / 100)
            ax.add_patch(Rectangle((x, i), 1, 1, facecolor=colour, edgecolor="white", linewidth=0.7))
            faint = share is None or share == 0
            ink = MUTED if faint else (CELL_LIGHT if share > 52 else CELL_INK)
            ax.text(
                x + 0.5,
                i + 0.53,
                _cell_text(share, many),
                ha="center",
                va="center",
                fontsize=size,
                color=ink,
                alpha=0.75 if faint else 1,
                fontweight="bold" if i == j else "normal",
            )
    ax.set_xlim(0, n + 1 + GAP)
    ax.set_ylim(n, 0)
    ax.set_aspect("equal")
    ax.set_xticks(
        [j + 0.5 for j in range(n)] + [n + GAP + 0.5],
        [*classes, NO_ANSWER],
        rotation=90 if many or max(map(len, classes)) > 4 else 45,
        ha="center" if many or max(map(len, classes)) > 4 else "right",
        rotation_mode="anchor" if not many and max(map(len, classes)) <= 4 else "default",
    )
    ax.set_yticks([i + 0.5 for i in range(n)], classes)
    ax.tick_params(length=0, labelsize=6 if many else 7, pad=2)
    ax.set_xlabel("Answer", labelpad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)


def figure_2b(results: Results) -> dict[str, Any]:
    """Confusion matrices on the first view (focused, in the founding study) as a Plotly figure dictionary."""
    return confusion_figure(results, results["design"]["views"][0])


def figure_2c(results: Results) -> dict[str, Any] | None:
    """Confusion matrices on the second view (panoramic); None when the study has one view."""
    views = results["design"]["views"]
    return confusion_figure(results, views[1]) if len(views) > 1 else None


def confusion_figure(results: Results, view: str | None) -> dict[str, Any]:
    """Confusion matrices of a view as a Plotly figure dictionary: one heat map per group and network."""
    found = panels(results, view)
    n = len(found[0]["classes"])
    columns = min(PANELS_PER_ROW, len(found))
    rows = ceil(len(found) / columns)
    data, notes = [], []
    layout = page_layout(height=rows * (90 + max(24 * n, 220)) + 60)
    for index, record in enumerate(found):
        column, row = index % columns, index // columns
        suffix = "" if index == 0 else str(index + 1)
        x0, y1 = column / columns + (0.03 if column else 0), 1 - row / rows
        x1, y0 = (column + 1) / columns - 0.02, 1 - (row + 1) / rows + 0.16 / rows
        classes = [readable(name) for name in record["classes"]]
        data.append(_heat_map(record, classes, suffix, many=n > 8))
        layout[f"xaxis{suffix}"] = page_axis(
            domain=[x0, x1], anchor=f"y{suffix}", ticks="", showline=False, title={"text": "Answer"}
        )
        layout[f"yaxis{suffix}"] = page_axis(
            domain=[y0, y1 - 0.08 / rows],
            anchor=f"x{suffix}",
            autorange="reversed",
            ticks="",
            showline=False,
            title={"text": "Truth" if column == 0 else ""},
        )
        notes.append(page_note(f"<b>{_title(record)}</b>", x0, y1 - 0.07 / rows, xanchor="left", yanchor="bottom"))
    layout["annotations"] = notes
    return {"data": data, "layout": layout}


def _heat_map(record: dict[str, Any], classes: list[str], suffix: str, *, many: bool) -> dict[str, Any]:
    scale = [[i / (len(SEQUENTIAL) - 1), colour] for i, colour in enumerate(SEQUENTIAL)]
    return {
        "type": "heatmap",
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "x": [*classes, NO_ANSWER],
        "y": classes,
        "z": record["row_percent"],
        "customdata": record["counts"],
        "zmin": 0,
        "zmax": 100,
        "colorscale": scale,
        "showscale": False,
        "text": [[_cell_text(share, many) for share in row] for row in record["row_percent"]],
        "texttemplate": "%{text}",
        "textfont": {"size": 9 if many else 11},
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "truth %{y}, answer %{x}<br>%{z:.1f} % of the row (%{customdata} readings)<extra></extra>",
    }
