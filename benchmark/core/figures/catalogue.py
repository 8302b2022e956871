"""All figures of an analysis by name: how to draw each for paper and for a page, with its caption."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..results import Results
from ..wording import readable
from .confusions import confusion_figure, draw_confusions
from .differences import draw_figure_2a, figure_2a
from .forest import draw_forest, forest_figure
from .look import mark_page_simulated, mark_simulated
from .readers import caterpillar_figure, draw_caterpillar


@dataclass(frozen=True)
class FigureEntry:
    """name: file name without ending; draw: matplotlib figure; page: Plotly figure dictionary."""

    name: str
    caption: str
    draw: Callable[[], Any]
    page: Callable[[], dict[str, Any]]


def figures_of(results: Results) -> list[FigureEntry]:
    """The figures that these results can fill, in the order of the report."""
    found = []
    if results["paired"]:
        unit = results["paired"][0]["unit"]
        found.append(
            FigureEntry(
                "figure-2a",
                f"Difference in accuracy between network and readers, one point per {unit}. Boxes: quartiles and"
                " median; diamond: mean; red line: the network's own accuracy. p: two-sided paired t-test over"
                f" {unit}s, which holds for these images.",
                lambda: draw_figure_2a(results),
                lambda: figure_2a(results),
            )
        )
        found.append(
            FigureEntry(
                "forest",
                "The same differences with their intervals for both questions. Squares: these images, new readers. "
                "Circles: new images and new readers.",
                lambda: draw_forest(results),
                lambda: forest_figure(results),
            )
        )
    for letter, view in zip("bcdefgh", results["design"]["views"]):
        title = f" on {readable(view)} images" if view else ""
        found.append(
            FigureEntry(
                f"figure-2{letter}",
                f"Confusion matrices{title}: rows truth, columns answer, each row in per cent of its readings; "
                "a missing answer has its own column.",
                lambda view=view: draw_confusions(results, view),
                lambda view=view: confusion_figure(results, view),
            )
        )
    if results.records("reader_accuracy", kind="human"):
        found.append(
            FigureEntry(
                "readers",
                "Every reader's accuracy with its interval (Wilson, over items), sorted within groups; lines: the"
                " networks.",
                lambda: draw_caterpillar(results),
                lambda: caterpillar_figure(results, results["design"]["views"][0]),
            )
        )
    return [_marked(entry) for entry in found] if results.is_simulated else found


def _marked(entry: FigureEntry) -> FigureEntry:
    """The entry with every drawing of it marked as simulated."""

    def draw() -> Any:
        figure = entry.draw()
        mark_simulated(figure)
        return figure

    return replace(
        entry, caption=f"Simulated. {entry.caption}", draw=draw, page=lambda: mark_page_simulated(entry.page())
    )
