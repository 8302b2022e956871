"""Every reader on the anchors, which all read, beside the reader's other images, which few did."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, plural

from .chart import Axis, Chart, Key, Line, Panel, Points
from .look import MUTED, colours, view_title

APART, WIDEST = 2.6, 11.0  # per cent between dots that fall together, and over which such dots spread at most
SHARES = (0, 25, 50, 75, 100)


def anchor_rows(results: Results) -> list[dict[str, Any]]:
    """Readers with other images than anchors: both accuracies in per cent."""
    return [
        {
            "reader": r["reader"], "group": r["group"], "view": r["view"], "anchors": 100 * r["accuracy"],
            "others": 100 * r["accuracy_others"],
        }
        for r in results.records("anchor_readers")
        if r["accuracy_others"] is not None
    ]  # fmt: skip


def anchor_chart(results: Results) -> Chart:
    """One panel per view, side by side: on the line a reader is as good on both."""
    rows, palette = anchor_rows(results), colours(results["design"]["groups"], results["design"]["models"])
    panels, beside = [], _side_by_side(rows)
    for view in dict.fromkeys(row["view"] for row in rows):
        marks: list[Any] = [Line([0, 100], [0, 100], MUTED, 0.8, (3, 3))]
        for group in results["design"]["groups"]:
            own = [row for row in rows if (row["view"], row["group"]) == (view, group)]
            told = [f"{r['reader']}: anchors {number(r['anchors'], 1)} %, other images {number(r['others'], 1)} %" for r in own]
            if own:
                across = [r["anchors"] + beside[r["reader"], r["view"]] for r in own]
                marks.append(Points(across, [r["others"] for r in own], palette[group], "dot", 4.4, told, 0.85))
        panels.append(
            Panel(
                Axis(-3, 103, "Anchors correct (%)", SHARES, grid=True), Axis(-3, 103, "Other images correct (%)", SHARES, grid=True), marks,
                view_title(view), height=190,
            )
        )  # fmt: skip
    return Chart([panels], keys=tuple(Key(plural(group), palette[group]) for group in results["design"]["groups"]))


def _side_by_side(rows: list[dict[str, Any]]) -> dict[tuple[str, str | None], float]:
    """By how much each dot moves sideways so that readers with the same two accuracies are all seen."""
    together: dict[tuple, list] = {}
    for row in rows:
        together.setdefault((row["view"], row["anchors"], row["others"]), []).append(row)
    step = min(APART, *(WIDEST / len(own) for own in together.values())) if together else 0
    return {(r["reader"], r["view"]): step * (k - (len(own) - 1) / 2) for own in together.values() for k, r in enumerate(own)}


def anchor_words(results: Results) -> str:
    told = [
        f"{plural(r['group'])}{on_view(r['view'])}: correlation {number(r['correlation'])} ({interval(r['ci_low'], r['ci_high'], 2, 1)})"
        for r in results.records("anchor_standing")
        if r["correlation"] is not None
    ]
    return "Accuracy of every reader on the anchors and on the reader's other images. " + ("; ".join(told) + "." if told else "")
