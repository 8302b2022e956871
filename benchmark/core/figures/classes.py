"""Class by class: the accuracy of every group and network, and the networks' difference from each group."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import number, on_view, percent, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Rule, Span, folded
from .look import MUTED, RED, RULE, colours, view_title


def who(record: dict[str, Any]) -> str:
    return readable(record["reader"]) if record["kind"] == "model" else plural(record["group"])


def between(names: list[str]) -> list[Any]:
    """Faint rules that part the rows, so that intervals of two classes are not taken for one's."""
    return [Rule(place + 0.5, RULE, width=0.5) for place in range(len(names) - 1)]


def classes_chart(results: Results) -> Chart:
    """One panel per view, one row per class; groups and networks offset within the row."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = [r for r in results["class_accuracy"] if r["accuracy"] is not None]
    sides = list(dict.fromkeys((r["kind"], r["reader"] or r["group"], who(r)) for r in records))
    names = list(dict.fromkeys(r["class"] for r in records))
    row = []
    for index, view in enumerate(results["design"]["views"]):
        marks: list[Any] = between(names)
        for place, (kind, side, _) in enumerate(sides):
            own = [r for r in records if (r["kind"], r["reader"] or r["group"], r["view"]) == (kind, side, view)]
            marks += _side(own, names, palette[side], (place - (len(sides) - 1) / 2) * 0.6 / max(len(sides), 2))
        across = Axis(-2, 102, "Correct (%)", (0, 25, 50, 75, 100), grid=True)
        labels = tuple(folded(readable(name), 18, 2) for name in names)
        down = Axis(
            -0.6, len(names) - 0.4, ticks=tuple(range(len(names))), names=labels, shown=index == 0, line=False,
            downwards=True,
        )  # fmt: skip
        height = len(names) * max(17.0, 7.0 * len(sides))
        row.append(Panel(across, down, marks, view_title(view), height=height))
    keys = tuple(
        Key(folded(name, 40, 1), palette[side], "square" if kind == "model" else "dot") for kind, side, name in sides
    )
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
        where = on_view(view)
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


def class_differences_chart(results: Results) -> Chart:
    """One row of panels per network, one panel per view: network minus each group, class by class."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = [r for r in results["class_differences"] if r["difference"] is not None]
    names = list(dict.fromkeys(r["class"] for r in records))
    known = [100 * r[key] for r in records for key in ("difference", "ci_low", "ci_high") if r[key] is not None]
    room = 0.05 * max(max(known) - min(known), 10)
    low, high = min([*known, 0.0]) - room, max([*known, 0.0]) + room
    rows = []
    for model in dict.fromkeys(r["model"] for r in records):
        own = [r for r in records if r["model"] == model]
        views = list(dict.fromkeys(r["view"] for r in own))
        panels = [[r for r in own if r["view"] == view] for view in views]
        rows.append([_differences(panel, names, (low, high), palette, first=k == 0) for k, panel in enumerate(panels)])
    groups = dict.fromkeys(r["group"] for r in records)
    keys = tuple(Key(folded(plural(group), 40, 1), palette[group]) for group in groups)
    return Chart(rows, width=504.0 if len(rows[0]) > 1 else 340.0, keys=keys)


def _differences(
    records: list[dict[str, Any]],
    names: list[str],
    bounds: tuple[float, float],
    palette: dict[str, str],
    *,
    first: bool,
) -> Panel:
    groups = list(dict.fromkeys(r["group"] for r in records))
    marks: list[Any] = [*between(names), Rule(0, RED, upright=True, width=1.0)]
    for place, group in enumerate(groups):
        offset = (place - (len(groups) - 1) / 2) * 0.5 / max(len(groups), 2)
        own = [r for r in records if r["group"] == group]
        bounded = [r for r in own if r["ci_low"] is not None]
        at = [names.index(r["class"]) + offset for r in bounded]
        low, high = ([100 * r[key] for r in bounded] for key in ("ci_low", "ci_high"))
        marks.append(Span(at, low, high, palette[group], 1.0))
        told = [f"{readable(r['class'])}, {plural(group)}: {number(100 * r['difference'], 1)} points" for r in own]
        places = [names.index(r["class"]) + offset for r in own]
        marks.append(Points([100 * r["difference"] for r in own], places, palette[group], "dot", 4.2, told))
    labels = tuple(folded(readable(name), 18, 2) for name in names)
    down = Axis(
        -0.6, len(names) - 0.4, ticks=tuple(range(len(names))), names=labels, shown=first, line=False, downwards=True
    )
    title = ", ".join(
        part for part in (readable(records[0]["model"]).capitalize(), readable(records[0]["view"])) if part
    )
    across = Axis(*bounds, "Network minus readers (points)", grid=True)
    return Panel(across, down, marks, title, "red line: no difference", MUTED, height=len(names) * max(17.0, 7.0 * len(groups)))


def class_differences_words(results: Results) -> str:
    parts = []
    for model, group, view in dict.fromkeys((r["model"], r["group"], r["view"]) for r in results["class_differences"]):
        own = results.records("class_differences", model=model, group=group, view=view)
        clear = [r for r in own if r["ci_low"] is not None and (r["ci_low"] > 0 or r["ci_high"] < 0)]
        where = on_view(view)
        told = ", ".join(f"{readable(r['class'])} {number(100 * r['difference'], 1)} points" for r in clear) or "none"
        parts.append(f"{readable(model)} against {plural(group)}{where}: intervals without zero for {told}")
    return "Network minus readers, class by class. " + "; ".join(parts) + "."
