"""Every reader on the anchors, which all read, beside the reader's other images, which few did."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, plural

from .chart import Axis, Chart, Key, Line, Panel, Points
from .look import MUTED, colours, view_title

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
    panels = []
    for view in dict.fromkeys(row["view"] for row in rows):
        marks: list[Any] = [Line([0, 100], [0, 100], MUTED, 0.8, (3, 3))]
        for group in results["design"]["groups"]:
            own = [row for row in rows if (row["view"], row["group"]) == (view, group)]
            told = [f"{r['reader']}: anchors {number(r['anchors'], 1)} %, other images {number(r['others'], 1)} %" for r in own]
            if own:
                marks.append(Points([r["anchors"] for r in own], [r["others"] for r in own], palette[group], "dot", 5.0, told, 0.75))
        panels.append(
            Panel(
                Axis(-3, 103, "Anchors correct (%)", SHARES, grid=True), Axis(-3, 103, "Other images correct (%)", SHARES, grid=True), marks,
                view_title(view), height=190,
            )
        )  # fmt: skip
    return Chart([panels], keys=tuple(Key(plural(group), palette[group]) for group in results["design"]["groups"]))


def anchor_words(results: Results) -> str:
    told = [
        f"{plural(r['group'])}{on_view(r['view'])}: correlation {number(r['correlation'])} ({interval(r['ci_low'], r['ci_high'], 2, 1)})"
        for r in results.records("anchor_standing")
        if r["correlation"] is not None
    ]
    return "Accuracy of every reader on the anchors and on the reader's other images. " + ("; ".join(told) + "." if told else "")
