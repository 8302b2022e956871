"""Forest plot of both estimands: each comparison's difference for these images and for new images, with intervals."""

from __future__ import annotations

from typing import Any

from ..results import Results
from ..wording import interval, number, p_value, plural, readable
from .look import INK, MUTED, RULE, colours, new_figure, page_axis, page_layout, paper_style

THESE, NEW = "these images, new readers", "new images, new readers"


def rows(results: Results) -> list[dict[str, Any]]:
    """One row per comparison and question: label, difference and bounds in points (None where not estimable)."""
    found = []
    for these, new in zip(results["paired"], results["new_images"]):
        view = f", {readable(these['view'])}" if these["view"] else ""
        label = f"{readable(these['model'])} – {plural(these['group'])}{view}"
        pairs = ((THESE, these, these["mean_difference"]), (NEW, new, new["difference"]))
        for question, record, difference in pairs:
            bounds = [None if record[key] is None else 100 * record[key] for key in ("ci_low", "ci_high")]
            found.append(
                {
                    "label": label,
                    "question": question,
                    "difference": 100 * difference,
                    "low": bounds[0],
                    "high": bounds[1],
                    "p": record["p"],
                    "group": these["group"],
                    "model": these["model"],
                    "text": (
                        f"{number(100 * difference, 1)} ({interval(record['ci_low'], record['ci_high'])}),"
                        f" {p_value(record['p'])}"
                    ),
                }
            )
    return found


def draw_forest(results: Results) -> Any:
    """The forest plot as a matplotlib figure: filled squares for these images, open circles for new images."""
    found = rows(results)
    palette = colours(results["design"]["groups"], results["design"]["models"])
    many_models = len(results["design"]["models"]) > 1
    with paper_style():
        figure = new_figure(7.0, 0.55 + 0.27 * len(found))
        ax = figure.subplots()
        ax.axvline(0, color=MUTED, linewidth=0.8)
        for index, row in enumerate(found):
            y = index + 0.35 * (index // 2)
            colour = palette[row["model"] if many_models else row["group"]]
            these = row["question"] == THESE
            if row["low"] is not None:
                ax.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.3)
            ax.plot(
                row["difference"],
                y,
                marker="s" if these else "o",
                markersize=5,
                color=colour,
                markerfacecolor=colour if these else "white",
            )
            place = ax.get_yaxis_transform()
            if these:
                ax.text(-0.02, y + 0.5, row["label"], transform=place, ha="right", va="center", fontsize=7.5)
            ax.text(
                1.02,
                y,
                row["text"],
                transform=place,
                ha="left",
                va="center",
                fontsize=7,
                color=INK if these else MUTED,
            )
        ax.set_ylim(len(found) - 1 + 0.35 * (len(found) // 2), -0.8)
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.grid(axis="x", color=RULE, linewidth=0.5)
        ax.set_axisbelow(True)
        ax.set_xlabel("Accuracy, network minus readers (points)   ■ these images   ○ new images")
    return figure


def forest_figure(results: Results) -> dict[str, Any]:
    """The forest plot as a Plotly figure dictionary."""
    found = rows(results)
    palette = colours(results["design"]["groups"], results["design"]["models"])
    many_models = len(results["design"]["models"]) > 1
    data = []
    for question, symbol in ((THESE, "square"), (NEW, "circle-open")):
        for row in (r for r in found if r["question"] == question):
            colour = palette[row["model"] if many_models else row["group"]]
            error = None
            if row["low"] is not None:
                error = {
                    "type": "data",
                    "symmetric": False,
                    "array": [row["high"] - row["difference"]],
                    "color": colour,
                    "arrayminus": [row["difference"] - row["low"]],
                    "thickness": 1.6,
                    "width": 4,
                }
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": [row["difference"]],
                    "y": [f"{row['label']}<br>{question}"],
                    "marker": {"symbol": symbol, "size": 10, "color": colour, "line": {"width": 2, "color": colour}},
                    "name": question,
                    "text": [row["text"]],
                    "hovertemplate": "%{text}<extra>" + question + "</extra>",
                    **({"error_x": error} if error else {}),
                }
            )
    order = [f"{row['label']}<br>{row['question']}" for row in found]
    layout = page_layout(height=110 + 44 * len(found))
    layout["xaxis"] = page_axis(
        title={"text": "Accuracy, network minus readers (points)"}, zeroline=True, zerolinecolor=MUTED
    )
    layout["yaxis"] = page_axis(
        categoryorder="array", categoryarray=order[::-1], automargin=True, ticks="", showline=False
    )
    return {"data": data, "layout": layout}
