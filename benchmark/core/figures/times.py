"""Response times: quartiles per group and view, medians of right and of wrong answers, and how accuracy goes with speed."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, percent, plural, readable

from .chart import Axis, Chart, Key, Line, Panel, Points, Span, folded
from .look import INK, colours, view_title


def _label(record: dict[str, Any]) -> str:
    return f"{plural(record['group'])}, {readable(record['view'])}".strip(", ")


def times_chart(results: Results) -> Chart:
    """One row per group and view: a bar from quartile to quartile, the median, and medians of right and wrong."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = results["times"]
    marks: list[Any] = []
    for y, record in enumerate(records):
        colour = palette[record["group"]]
        middle = [f"median {number(record['median_s'], 1)} s over {record['readings']} readings"]
        marks.append(Span([y], [record["lower_quartile_s"]], [record["upper_quartile_s"]], colour, 5))
        marks.append(Points([record["median_s"]], [y], INK, "diamond", 6, middle))
        for key, symbol, rise in (("median_right_s", "dot", -0.36), ("median_wrong_s", "ring", 0.36)):
            if record[key] is not None:
                told = [f"{key.split('_')[1]} answers: median {number(record[key], 1)} s"]
                marks.append(Points([record[key]], [y + rise], colour, symbol, 4.4, told))
    longest = max(record["upper_quartile_s"] for record in records)
    down = Axis(
        -0.7, len(records) - 0.3, ticks=tuple(range(len(records))), names=tuple(folded(_label(record), 30, 2) for record in records), line=False,
        downwards=True,
    )  # fmt: skip
    panel = Panel(Axis(0, 1.05 * longest, "Seconds per answer", grid=True), down, marks, height=26.0 * len(records))
    keys = (Key("median", INK, "diamond"), Key("median of right answers", INK), Key("of wrong answers", INK, "ring"))
    return Chart([[panel]], width=430.0, keys=keys)


def times_words(results: Results) -> str:
    parts = [
        f"{_label(r)}: median {number(r['median_s'], 1)} s, quartiles {number(r['lower_quartile_s'], 1)} and"
        f" {number(r['upper_quartile_s'], 1)} s"
        for r in results["times"]
    ]
    return "Response times. " + "; ".join(parts) + "."


def speed_chart(results: Results) -> Chart:
    """One panel per view: accuracy, with its interval, over the median seconds of each group's fifths from fast to slow answers."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = [r for r in results["speed_accuracy"] if r["ci_low"] is not None]
    longest = 1.08 * max(record["median_s"] for record in records)
    row = []
    for index, view in enumerate(dict.fromkeys(record["view"] for record in records)):
        marks: list[Any] = []
        for group in dict.fromkeys(r["group"] for r in records if r["view"] == view):
            own = [r for r in records if (r["view"], r["group"]) == (view, group)]
            x, y = [r["median_s"] for r in own], [100 * r["accuracy"] for r in own]
            told = [f"{plural(group)}, fifth {r['fifth']}: {number(r['median_s'], 1)} s, {_correct(r)}" for r in own]
            marks.append(Line(x, y, palette[group], 1.3, name=plural(group)))
            bounds = [[100 * r[end] for r in own] for end in ("ci_low", "ci_high")]
            marks.append(Span(x, *bounds, palette[group], 0.9, upright=True))
            marks.append(Points(x, y, palette[group], "dot", 4.4, told))
        up = Axis(0, 100, "Correct (%)" if index == 0 else "", (0, 20, 40, 60, 80, 100), shown=index == 0)
        row.append(Panel(Axis(0, longest, "Median seconds of the fifth"), up, marks, view_title(view), height=150))
    groups = dict.fromkeys(record["group"] for record in records)
    return Chart([row], width=60 + 222.0 * min(len(row), 2), keys=tuple(Key(plural(group), palette[group]) for group in groups))


def _correct(record: dict[str, Any]) -> str:
    return f"{percent(record['accuracy'])} correct ({interval(record['ci_low'], record['ci_high'])})"


def speed_words(results: Results) -> str:
    """The fastest and the slowest fifth of every group and view."""
    parts = []
    for where in dict.fromkeys((r["group"], r["view"]) for r in results["speed_accuracy"]):
        own = [r for r in results["speed_accuracy"] if (r["group"], r["view"]) == where]
        ends = [f"{_correct(r)} at {number(r['median_s'], 1)} s" for r in (own[0], own[-1])]
        parts.append(f"{plural(where[0])}{on_view(where[1])}: fastest fifth {ends[0]}, slowest {ends[1]}")
    return "Speed and accuracy. " + "; ".join(parts) + "."
