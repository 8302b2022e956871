"""The control arm: the gain with a network's output, the gain of a second look alone, and their difference."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import plural, readable

from .chart import Chart, Key, folded
from .forest import Rows, estimate, forest_panel
from .look import INK, colours

Record = dict[str, Any]
WITH, WITHOUT, DIFFERENCE = "with the output", "second look alone", "difference"
SYMBOLS = {WITH: "dot", WITHOUT: "ring", DIFFERENCE: "diamond"}


def control_rows(results: Results) -> list[Record]:
    """Three rows per network, group and view: both gains and their difference, in points, for new images."""
    found = []
    for record in results["assistance_difference"]:
        keys = {key: record[key] for key in ("group", "view")}
        (seen,) = results.records("assistance", assistant=record["assistant"], **keys)
        (alone,) = results.records("assistance_control", **keys)
        for what, one in ((WITH, seen), (WITHOUT, alone), (DIFFERENCE, record)):
            bounds = {
                end: None if one[end] is None else 100 * one[end]
                for end in ("difference", "ci_low", "ci_high")
            }  # fmt: skip
            found.append({"assistant": record["assistant"], **keys, "what": what, **bounds, "p": one["p"]})
    return found


def _named(results: Results, row: Record) -> str:
    several = len({record["assistant"] for record in results["assistance_difference"]}) > 1
    name = plural(row["group"])
    parts = (name[:1].upper() + name[1:], readable(row["view"]), readable(row["assistant"]) if several else "")
    return ", ".join(part for part in parts if part)


def control_chart(results: Results) -> Chart:
    """Dots: both gains. Diamond: what the output adds. Estimates and p set as columns beside."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    rows = Rows(
        per_name=3,
        between=0.7,
        name=lambda row: folded(_named(results, row), 26, 3),
        told=lambda row: f"{_named(results, row)}, {row['what']}",
        look=lambda row: (INK if row["what"] == DIFFERENCE else palette.get(row["group"], INK), SYMBOLS[row["what"]]),
        strong=lambda row: row["what"] == DIFFERENCE,
    )
    panel = forest_panel(
        results, control_rows(results), rows, axis="Gain in accuracy, second answer minus first (points)", heading="Points"
    )
    keys = (Key(WITH, INK, "dot"), Key(WITHOUT, INK, "ring"), Key("difference: what the output adds", INK, "diamond"))
    return Chart([[panel]], keys=keys)


def control_words(results: Results) -> str:
    parts = [f"{_named(results, row)}, {row['what']}: {estimate(row)}" for row in control_rows(results)]
    return "Gains in accuracy from the first to the second answer, in points. " + "; ".join(parts) + "."
