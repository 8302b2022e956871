"""The control arm: the gain with a network's output, the gain of a second look alone, and their difference."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import bare_p, interval, number, p_value, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Rule, Span, folded, round_ticks
from .look import INK, MUTED, colours

Record = dict[str, Any]
WITH, WITHOUT, DIFFERENCE = "with the output", "second look alone", "difference"
STEP, BETWEEN = 1.0, 0.7
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


def _estimate(row: Record) -> str:
    return f"{number(row['difference'], 1)} ({interval(row['ci_low'], row['ci_high'], 1, 1)})"


def control_chart(results: Results) -> Chart:
    """Dots: both gains. Diamond: what the output adds. Estimates and p set as columns beside."""
    rows = control_rows(results)
    palette = colours(results["design"]["groups"], results["design"]["models"])
    places = [STEP * index + BETWEEN * (index // 3) for index in range(len(rows))]
    marks: list[Any] = [Rule(0, MUTED, upright=True)]
    for place, row in zip(places, rows):
        colour = INK if row["what"] == DIFFERENCE else palette.get(row["group"], INK)
        if row["ci_low"] is not None:
            marks.append(Span([place], [row["ci_low"]], [row["ci_high"]], colour, 1.3))
        if row["difference"] is not None:
            told = f"{_named(results, row)}, {row['what']}: {_estimate(row)}, {p_value(row['p'])}"
            marks.append(Points([row["difference"]], [place], colour, SYMBOLS[row["what"]], 5.6, [told]))
    known = [row[k] for row in rows for k in ("ci_low", "ci_high", "difference") if row[k] is not None] + [0.0]
    room = max(max(known) - min(known), 10)
    low, high = min(known) - 0.05 * room, max(known) + 0.05 * room
    inks = [INK if row["what"] == DIFFERENCE else MUTED for row in rows]
    level = f"{100 * results['plan']['confidence']:g} %"
    columns = (
        (f"Points ({level} interval)", [(y, _estimate(row), ink) for y, row, ink in zip(places, rows, inks)]),
        ("p", [(y, bare_p(row["p"]), ink) for y, row, ink in zip(places, rows, inks)]),
    )
    names = tuple(folded(_named(results, row), 26, 3) for row in rows[::3])
    panel = Panel(
        Axis(low, high, "Gain in accuracy, second answer minus first (points)", ticks=round_ticks(low, high, 6), grid=True),
        Axis(-0.8, places[-1] + 0.8, ticks=tuple(y + STEP for y in places[::3]), names=names, line=False, downwards=True),
        marks,
        height=15.0 * (places[-1] + 1.6),
        columns=columns,
    )
    keys = (Key(WITH, INK, "dot"), Key(WITHOUT, INK, "ring"), Key("difference: what the output adds", INK, "diamond"))
    return Chart([[panel]], keys=keys)


def control_words(results: Results) -> str:
    parts = [f"{_named(results, row)}, {row['what']}: {_estimate(row)}" for row in control_rows(results)]
    return "Gains in accuracy from the first to the second answer, in points. " + "; ".join(parts) + "."
