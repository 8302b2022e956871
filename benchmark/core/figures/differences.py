"""Figure 2A: per-survey differences in accuracy, model minus readers, as box plots with every survey a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..results import Results
from ..wording import number, p_value, percent, plural, readable
from .look import INK, RED, colours, new_figure, page_axis, page_layout, page_note, paper_style, tint


@dataclass(frozen=True)
class Box:
    """One box: a model against a group on a view; differences in points, one per unit, in unit order."""

    model: str
    group: str
    view: str | None
    unit: str
    names: tuple[str, ...]
    values: np.ndarray
    mean: float
    p: float | None
    model_accuracy: float

    @property
    def summary(self) -> str:
        sign = "+" if self.mean > 0 else ""
        return f"mean {sign}{number(self.mean, 1)} points"


def boxes(results: Results) -> list[Box]:
    """Every box of the figure, in the order of the `paired` section."""
    found = []
    for record in results["paired"]:
        keys = {key: record[key] for key in ("model", "group", "view")}
        units = results.records("paired_units", **keys)
        accuracy = results.records("accuracy", kind="model", reader=record["model"], view=record["view"])[0]["accuracy"]
        values = 100 * np.array([unit["difference"] for unit in units])
        names = tuple(unit["name"] for unit in units)
        found.append(
            Box(*keys.values(), record["unit"], names, values, 100 * record["mean_difference"], record["p"], accuracy)
        )
    return found


def swarm(values: np.ndarray, width: float) -> np.ndarray:
    """Sideways places of points so that equal values stand side by side around the middle; no randomness."""
    places = np.zeros(len(values))
    for value in np.unique(np.round(values, 6)):
        same = np.flatnonzero(np.abs(values - value) < 1e-6)
        step = min(0.075, width / max(len(same), 1))
        places[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * step
    return places


def _panels(found: list[Box]) -> list[tuple[str | None, list[Box]]]:
    views = list(dict.fromkeys(box.view for box in found))
    return [(view, [box for box in found if box.view == view]) for view in views]


def _tick(box: Box, many_models: bool) -> str:
    name = plural(box.group).replace(" ", "\n") if len(plural(box.group)) > 14 else plural(box.group)
    return f"{readable(box.model)}\nvs {plural(box.group)}" if many_models else name[:1].upper() + name[1:]


def _baseline(panel: list[Box]) -> str:
    models = {box.model: box.model_accuracy for box in panel}
    if len(models) == 1:
        model, accuracy = next(iter(models.items()))
        return f"red line: {readable(model)}, {percent(accuracy)} correct"
    return "red line: the network itself"


def _limits(found: list[Box]) -> tuple[float, float]:
    lowest = min(min(box.values.min() for box in found), 0)
    highest = max(max(box.values.max() for box in found), 0)
    room = max(highest - lowest, 20)
    return lowest - 0.10 * room, highest + 0.24 * room


def _colours(results: Results) -> dict[str, str]:
    return colours(results["design"]["groups"], results["design"]["models"])


def draw_figure_2a(results: Results) -> Any:
    """Figure 2A as a matplotlib figure. The red zero line is the model's own accuracy, printed beside it per view."""
    found = boxes(results)
    panels, palette = _panels(found), _colours(results)
    many_models = len({box.model for box in found}) > 1
    low, high = _limits(found)
    widest = max(len(panel) for _, panel in panels)
    with paper_style():
        figure = new_figure(max(3.4, 0.9 + len(panels) * (0.55 + 0.82 * widest)), 3.7)
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (view, panel) in zip(axes, panels):
            _draw_panel(ax, panel, palette, many_models, high)
            title = f"{readable(view).capitalize()} images" if view else ""
            ax.set_title(title, pad=17)
            ax.text(0, 1.02, _baseline(panel), transform=ax.transAxes, color=RED, fontsize=7.5, va="bottom")
            ax.set_ylim(low, high)
        unit = found[0].unit
        axes[0].set_ylabel(f"Accuracy, network minus readers\n(percentage points; one point per {unit})")
        for ax in axes[1:]:
            ax.tick_params(axis="y", left=False)
            ax.spines["left"].set_visible(False)
    return figure


def _draw_panel(ax: Any, panel: list[Box], palette: dict[str, str], many_models: bool, top: float) -> None:
    ax.axhline(0, color=RED, linewidth=1.1, zorder=1)
    ax.set_xlim(-0.62, len(panel) - 0.38)
    for x, box in enumerate(panel):
        colour = palette[box.model] if many_models else palette[box.group]
        ax.boxplot(
            box.values,
            positions=[x],
            widths=0.5,
            showfliers=False,
            patch_artist=True,
            zorder=2,
            boxprops={"facecolor": tint(colour, 0.16), "edgecolor": colour, "linewidth": 0.9},
            medianprops={"color": colour, "linewidth": 1.8},
            capprops={"color": colour, "linewidth": 0.9},
            whiskerprops={"color": colour, "linewidth": 0.9},
        )
        ax.scatter(x + swarm(box.values, 0.46), box.values, s=9, color=colour, alpha=0.85, linewidths=0, zorder=3)
        ax.scatter([x], [box.mean], marker="D", s=20, facecolor="white", edgecolor=INK, linewidth=0.9, zorder=4)
        ax.text(x, top, f"{box.summary}\n{p_value(box.p)}", ha="center", va="top", fontsize=7, linespacing=1.35)
    ax.set_xticks(range(len(panel)), [_tick(box, many_models) for box in panel])
    ax.tick_params(axis="x", length=0)
    ax.spines["bottom"].set_visible(False)


def figure_2a(results: Results) -> dict[str, Any]:
    """Figure 2A as a Plotly figure dictionary (data, layout), ready for JSON."""
    found = boxes(results)
    panels, palette = _panels(found), _colours(results)
    many_models = len({box.model for box in found}) > 1
    low, high = _limits(found)
    gap = 0.05
    width = (1 - gap * (len(panels) - 1)) / len(panels)
    data, notes, shapes = [], [], []
    layout = page_layout(
        height=460, yaxis=page_axis(title={"text": "Accuracy, network minus readers (points)"}, range=[low, high])
    )
    for index, (view, panel) in enumerate(panels):
        axis = "x" if index == 0 else f"x{index + 1}"
        start = index * (width + gap)
        layout["xaxis" + axis[1:]] = page_axis(
            domain=[start, start + width],
            range=[-0.62, len(panel) - 0.38],
            tickvals=list(range(len(panel))),
            anchor="y",
            ticktext=[_tick(box, many_models).replace("\n", "<br>") for box in panel],
            ticks="",
            showline=False,
        )
        if view:
            notes.append(
                page_note(f"<b>{readable(view).capitalize()} images</b>", start, 1.08, xanchor="left", yanchor="bottom")
            )
        shapes.append(
            {
                "type": "line",
                "xref": axis,
                "yref": "y",
                "x0": -0.62,
                "x1": len(panel) - 0.38,
                "y0": 0,
                "y1": 0,
                "line": {"color": RED, "width": 1.5},
            }
        )
        notes.append(
            page_note(_baseline(panel), start, 1.02, xanchor="left", yanchor="bottom", font={"color": RED, "size": 12})
        )
        for x, box in enumerate(panel):
            colour = palette[box.model] if many_models else palette[box.group]
            data += _page_box(box, x, axis, colour)
            notes.append(
                page_note(
                    f"{box.summary}<br>{p_value(box.p)}",
                    x,
                    high,
                    xref=axis,
                    yref="y",
                    yanchor="top",
                    font={"size": 11},
                )
            )
    layout.update(annotations=notes, shapes=shapes)
    return {"data": data, "layout": layout}


def _page_box(box: Box, x: int, axis: str, colour: str) -> list[dict[str, Any]]:
    label = f"{readable(box.model)} against {plural(box.group)}"
    points = {
        "type": "scatter",
        "mode": "markers",
        "xaxis": axis,
        "x": (x + swarm(box.values, 0.46)).tolist(),
        "y": box.values.tolist(),
        "text": list(box.names),
        "name": label,
        "marker": {"color": colour, "size": 6, "opacity": 0.85},
        "hovertemplate": f"{box.unit} %{{text}}<br>%{{y:.1f}} points<extra>{label}</extra>",
    }
    shape = {
        "type": "box",
        "xaxis": axis,
        "x": [x] * len(box.values),
        "y": box.values.tolist(),
        "boxpoints": False,
        "width": 0.5,
        "name": label,
        "line": {"color": colour, "width": 1.3},
        "fillcolor": tint(colour, 0.16),
        "hoverinfo": "skip",
    }
    mean = {
        "type": "scatter",
        "mode": "markers",
        "xaxis": axis,
        "x": [x],
        "y": [box.mean],
        "name": "mean",
        "marker": {"symbol": "diamond", "size": 9, "color": "#ffffff", "line": {"color": INK, "width": 1.2}},
        "hovertemplate": f"{box.summary} points, {p_value(box.p)}<extra>{label}</extra>",
    }
    return [shape, points, mean]
