"""Accuracy by class: every group and network side by side, with intervals."""

from __future__ import annotations

from typing import Any

from ..results import Results
from ..wording import number, percent, plural, readable
from .chart import Axis, Chart, Key, Panel, Points, Span
from .look import colours, view_title


def who(record: dict[str, Any]) -> str:
    return readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])


def classes_chart(results: Results) -> Chart:
    """One panel per view, one row per class; groups and networks offset within the row."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = [r for r in results["class_accuracy"] if r["accuracy"] is not None]
    sides = list(dict.fromkeys((r["kind"], r["reader"] or r["group"], who(r)) for r in records))
    names = list(dict.fromkeys(r["class"] for r in records))
    row = []
    for index, view in enumerate(results["design"]["views"]):
        marks: list[Any] = []
        for place, (kind, side, _) in enumerate(sides):
            own = [r for r in records if (r["kind"], r["reader"] or r["group"], r["view"]) == (kind, side, view)]
            marks += _side(own, names, palette[side], (place - (len(sides) - 1) / 2) * 0.7 / max(len(sides), 2))
        across = Axis(0, 100, "Correct (%)", (0, 25, 50, 75, 100), grid=True)
        labels = tuple(readable(name) for name in names)
        down = Axis(
            -0.6, len(names) - 0.4, ticks=tuple(range(len(names))), names=labels, shown=index == 0, line=False,
            downwards=True,
        )  # fmt: skip
        height = len(names) * max(16.0, 6.0 * len(sides))
        row.append(Panel(across, down, marks, view_title(view), height=height))
    keys = tuple(Key(name, palette[side], "square" if kind == "model" else "dot") for kind, side, name in sides)
    return Chart([row], width=504.0 if len(row) > 1 else 340.0, keys=keys)


def _side(records: list[dict[str, Any]], names: list[str], colour: str, offset: float) -> list[Any]:
    places = [names.index(r["class"]) + offset for r in records]
    shares = [100 * r["accuracy"] for r in records]
    told = [
        f"{who(r)}, {readable(r['class'])}: {percent(r['accuracy'])} ({r['correct']} of {r['readings']})"
        for r in records
    ]
    low = [100 * r["ci_low"] if r["ci_low"] is not None else share for r, share in zip(records, shares)]
    high = [100 * r["ci_high"] if r["ci_high"] is not None else share for r, share in zip(records, shares)]
    symbol = "square" if records and records[0]["kind"] == "model" else "dot"
    return [Span(places, low, high, colour, 1.0), Points(shares, places, colour, symbol, 4.4, told)]


def classes_words(results: Results) -> str:
    parts = []
    for view in results["design"]["views"]:
        where = f" on {readable(view)} images" if view else ""
        sides: dict[str, list[dict[str, Any]]] = {}
        for record in results.records("class_accuracy", view=view):
            if record["accuracy"] is not None:
                sides.setdefault(who(record), []).append(record)
        for name, records in sides.items():
            low, high = (pick(records, key=lambda r: r["accuracy"]) for pick in (min, max))
            parts.append(
                f"{name}{where}: lowest {readable(low['class'])} ({number(100 * low['accuracy'], 1)} %),"
                f" highest {readable(high['class'])} ({number(100 * high['accuracy'], 1)} %)"
            )
    return "Accuracy by class. " + "; ".join(parts) + "."
