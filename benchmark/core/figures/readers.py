"""Caterpillar of readers: everybody's accuracy with interval, sorted, and the networks' accuracy as lines."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import number, on_view, percent, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Rule, Span, apart, folded
from .look import colours, view_title

LABELLED = 2  # so many networks' names can stand beside their lines without striking through one another


def readers(results: Results, view: str | None) -> list[dict[str, Any]]:
    """Human readers of a view, grouped, each group sorted by accuracy (ties by name)."""
    found = results.records("reader_accuracy", kind="human", view=view)
    return sorted(found, key=lambda r: (r["group"], r["accuracy"] or 0.0, r["reader"]))


def readers_chart(results: Results) -> Chart:
    """All readers of every view, one panel per view; many networks are told in a key, few beside their lines."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    networks = list(dict.fromkeys(r["reader"] for r in results.records("accuracy", kind="model")))
    few = len(networks) <= LABELLED
    keys = () if few else tuple(Key(folded(readable(name), 40, 1), palette[name], "square") for name in networks)
    return Chart([[_panel(results, view, palette, labelled=few)] for view in results["design"]["views"]], keys=keys)


def _panel(results: Results, view: str | None, palette: dict[str, str], *, labelled: bool) -> Panel:
    found = [r for r in readers(results, view) if r["accuracy"] is not None]
    marks: list[Any] = []
    networks = [r for r in results.records("accuracy", kind="model", view=view) if r["accuracy"] is not None]
    heights = apart([100 * r["accuracy"] for r in networks], 7.0)
    for record, height in zip(networks, heights):
        label = f"{readable(record['reader'])} {percent(record['accuracy'])}" if labelled else ""
        marks.append(Rule(100 * record["accuracy"], palette[record["reader"]], width=1.2, label=label, label_at=height))
    middles, names, start = [], [], 0
    groups = list(dict.fromkeys(record["group"] for record in found))
    for index, group in enumerate(groups):
        own = [r for r in found if r["group"] == group]
        places = [start + index + k for k in range(len(own))]
        shares = [100 * r["accuracy"] for r in own]
        told = [
            f"{r['reader']}: {number(100 * r['accuracy'], 1)} % correct ({r['correct']} of {r['readings']})"
            for r in own
        ]
        low, high = [100 * r["ci_low"] for r in own], [100 * r["ci_high"] for r in own]
        marks.append(Span(places, low, high, palette[group], 0.9, upright=True))
        marks.append(Points(places, shares, palette[group], size=3.6, names=told))
        middles.append((places[0] + places[-1]) / 2)
        names.append(folded(f"{plural(group)} (n\u00a0=\u00a0{len(own)})", 90 // len(groups)))
        start += len(own)
    across = Axis(-1, max(start + len(groups) - 1, 1), ticks=tuple(middles), names=tuple(names), line=False)
    return Panel(across, Axis(0, 100, "Correct (%)"), marks, view_title(view), height=118)


def readers_words(results: Results) -> str:
    parts = []
    for view in results["design"]["views"]:
        where = on_view(view)
        for group in dict.fromkeys(r["group"] for r in readers(results, view)):
            shares = [
                r["accuracy"] for r in readers(results, view) if r["group"] == group and r["accuracy"] is not None
            ]
            if shares:
                parts.append(f"{len(shares)} {plural(group)}{where}: {percent(min(shares))} to {percent(max(shares))}")
    return "Accuracy of every reader, sorted. " + "; ".join(parts) + "."
