"""Caterpillar of readers: everybody's accuracy with interval, sorted, and the networks' accuracy as lines."""

from __future__ import annotations

from typing import Any

from ..results import Results
from ..wording import percent, plural, readable
from .look import MUTED, colours, new_figure, page_axis, page_layout, page_note, paper_style


def readers(results: Results, view: str | None) -> list[dict[str, Any]]:
    """Human readers of a view, grouped, each group sorted by accuracy (ties by name)."""
    found = results.records("reader_accuracy", kind="human", view=view)
    return sorted(found, key=lambda r: (r["group"], r["accuracy"], r["reader"]))


def draw_caterpillar(results: Results) -> Any:
    """All readers of every view, one panel per view, as a matplotlib figure."""
    views = results["design"]["views"]
    palette = colours(results["design"]["groups"], results["design"]["models"])
    with paper_style():
        figure = new_figure(7.0, 0.7 + 2.0 * len(views))
        for ax, view in zip(figure.subplots(len(views), 1, squeeze=False)[:, 0], views):
            _draw_view(ax, results, view, palette)
    return figure


def _draw_view(ax: Any, results: Results, view: str | None, palette: dict[str, str]) -> None:
    found = readers(results, view)
    for x, record in enumerate(found):
        colour = palette[record["group"]]
        ax.plot([x, x], [100 * record["ci_low"], 100 * record["ci_high"]], color=colour, linewidth=0.9, alpha=0.55)
        ax.plot(x, 100 * record["accuracy"], marker="o", markersize=3.2, color=colour)
    for record in results.records("accuracy", kind="model", view=view):
        colour = palette[record["reader"]]
        ax.axhline(100 * record["accuracy"], color=colour, linewidth=1.2)
        ax.annotate(
            f"{readable(record['reader'])} {percent(record['accuracy'])}",
            (1.01, 100 * record["accuracy"]),
            xycoords=("axes fraction", "data"),
            color=colour,
            fontsize=7,
            va="center",
        )
    for group in dict.fromkeys(record["group"] for record in found):
        places = [x for x, record in enumerate(found) if record["group"] == group]
        ax.text(
            sum(places) / len(places),
            0.0,
            plural(group),
            ha="center",
            va="bottom",
            fontsize=7.5,
            color=palette[group],
            transform=ax.get_xaxis_transform(),
        )
    ax.set_ylim(0, 103)
    ax.set_xlim(-1, len(found))
    ax.set_xticks([])
    ax.spines["bottom"].set_color(MUTED)
    ax.set_ylabel("Correct (%)")
    ax.set_title(f"{readable(view).capitalize()} images" if view else "", pad=6)


def caterpillar_figure(results: Results, view: str | None) -> dict[str, Any]:
    """Readers of one view as a Plotly figure dictionary."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    found = readers(results, view)
    data = []
    for group in dict.fromkeys(record["group"] for record in found):
        own = [(x, record) for x, record in enumerate(found) if record["group"] == group]
        y = [100 * record["accuracy"] for _, record in own]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": plural(group),
                "x": [x for x, _ in own],
                "y": y,
                "text": [record["reader"] for _, record in own],
                "marker": {"color": palette[group], "size": 7},
                "hovertemplate": "%{text}: %{y:.1f} % correct<extra></extra>",
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "color": palette[group],
                    "thickness": 1,
                    "width": 0,
                    "array": [100 * r["ci_high"] - 100 * r["accuracy"] for _, r in own],
                    "arrayminus": [100 * r["accuracy"] - 100 * r["ci_low"] for _, r in own],
                },
            }
        )
    shapes, notes = [], []
    for record in results.records("accuracy", kind="model", view=view):
        y, colour = 100 * record["accuracy"], palette[record["reader"]]
        shapes.append(
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": y,
                "y1": y,
                "line": {"color": colour, "width": 2},
            }
        )
        label = f"{readable(record['reader'])} {percent(record['accuracy'])}"
        notes.append(
            page_note(label, 1, y, yref="y", xanchor="right", yanchor="bottom", font={"color": colour, "size": 11})
        )
    layout = page_layout(height=360, shapes=shapes, annotations=notes)
    layout["legend"], layout["showlegend"] = {"orientation": "h", "y": -0.08}, True
    layout["xaxis"] = page_axis(showticklabels=False, ticks="", title={"text": ""})
    layout["yaxis"] = page_axis(range=[0, 103], title={"text": "Correct (%)"})
    return {"data": data, "layout": layout}
