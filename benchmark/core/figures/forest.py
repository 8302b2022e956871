"""Forest plot of both estimands: each comparison's difference for these images and for new images, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import bare_p, interval, number, p_value, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Rule, Span, folded, round_ticks
from .look import INK, MUTED, colours

THESE, NEW = "these images, new readers", "new images, new readers"
STEP = 1.0


def forest_rows(results: Results) -> list[dict[str, Any]]:
    """One row per comparison and question; difference and bounds in points (None where not estimable)."""
    found = []
    for these, new in zip(results["paired"], results["new_images"]):
        for question, record, difference in (
            (THESE, these, these["mean_difference"]),
            (NEW, new, new["difference"]),
        ):
            found.append(
                {
                    "model": these["model"],
                    "group": these["group"],
                    "view": these["view"],
                    "question": question,
                    "difference": None if difference is None else 100 * difference,
                    "ci_low": None if record["ci_low"] is None else 100 * record["ci_low"],
                    "ci_high": None if record["ci_high"] is None else 100 * record["ci_high"],
                    "p": record["p"],
                }
            )
    return found


def _label(row: dict[str, Any]) -> str:
    view = f", {readable(row['view'])}" if row["view"] else ""
    return f"{readable(row['model'])} – {plural(row['group'])}{view}"


def estimate(row: dict[str, Any]) -> str:
    """A difference with its interval, in points."""
    return f"{number(row['difference'], 1)} ({interval(row['ci_low'], row['ci_high'], 1, 1)})"


@dataclass(frozen=True)
class Rows:
    """How a forest plot's rows look. per_name: how many rows stand beside each name, `between` steps from the next ones.

    told: what a row is, in words; look: its colour and symbol; strong: whether its numbers are set in full ink.
    """

    per_name: int
    between: float
    name: Callable[[dict[str, Any]], str]
    told: Callable[[dict[str, Any]], str]
    look: Callable[[dict[str, Any]], tuple[str, str]]
    strong: Callable[[dict[str, Any]], bool]


def forest_panel(results: Results, found: list[dict[str, Any]], rows: Rows, *, axis: str, heading: str) -> Panel:
    """Differences with their intervals, one below another around zero; estimates (under `heading`) and p as columns beside."""
    places = [STEP * index + rows.between * (index // rows.per_name) for index in range(len(found))]
    marks: list[Any] = [Rule(0, MUTED, upright=True)]
    for place, row in zip(places, found):
        colour, symbol = rows.look(row)
        if row["ci_low"] is not None:
            marks.append(Span([place], [row["ci_low"]], [row["ci_high"]], colour, 1.3))
        if row["difference"] is not None:
            told = f"{rows.told(row)}: {estimate(row)}, {p_value(row['p'])}"
            marks.append(Points([row["difference"]], [place], colour, symbol, 5.6, [told]))
    known = [row[k] for row in found for k in ("ci_low", "ci_high", "difference") if row[k] is not None] + [0.0]
    room = max(max(known) - min(known), 10)
    low, high = min(known) - 0.05 * room, max(known) + 0.05 * room
    inks = [INK if rows.strong(row) else MUTED for row in found]
    level = f"{100 * results['plan']['confidence']:g} %"
    return Panel(
        Axis(low, high, axis, ticks=round_ticks(low, high, 6), grid=True),
        Axis(
            -0.8,
            places[-1] + 0.8,
            ticks=tuple(y + STEP * (rows.per_name - 1) / 2 for y in places[:: rows.per_name]),
            names=tuple(map(rows.name, found[:: rows.per_name])),
            line=False,
            downwards=True,
        ),
        marks,
        height=15.0 * (places[-1] + 1.6),
        columns=(
            (f"{heading} ({level} interval)", [(y, estimate(row), ink) for y, row, ink in zip(places, found, inks)]),
            ("p", [(y, bare_p(row["p"]), ink) for y, row, ink in zip(places, found, inks)]),
        ),
    )


def forest_chart(results: Results) -> Chart:
    """Filled squares for these images, open circles for new images; estimates and p set as columns beside."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    key = "model" if len(results["design"]["models"]) > 1 else "group"
    rows = Rows(
        per_name=2,
        between=0.55,
        name=lambda row: folded(_label(row), 44),
        told=lambda row: f"{_label(row)}, {row['question']}",
        look=lambda row: (palette[row[key]], "square" if row["question"] == THESE else "ring"),
        strong=lambda row: row["question"] == THESE,
    )
    panel = forest_panel(
        results, forest_rows(results), rows, axis="Accuracy, network minus readers (points)", heading="Difference"
    )
    return Chart([[panel]], keys=(Key(THESE, INK, "square"), Key(NEW, INK, "ring")))


def forest_words(results: Results) -> str:
    parts = [f"{_label(row)}, {row['question']}: {estimate(row)}" for row in forest_rows(results)]
    return "Forest plot of differences in accuracy, in points. " + "; ".join(parts) + "."
