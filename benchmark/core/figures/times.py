"""Response times: quartiles per group and view, and the medians of right and of wrong answers."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import number, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Span, folded
from .look import INK, colours


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
