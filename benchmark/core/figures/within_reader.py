"""Agreement of readers with themselves beside that of different readers on the same images."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Span, folded
from .look import INK, MUTED, colours

WITHIN, BETWEEN = "one reader, both showings", "two readers"
SIDES = ((WITHIN, "same", "diamond", 0.0), (BETWEEN, "between_same", "ring", 0.42))


def within_rows(results: Results) -> list[dict[str, Any]]:
    """One row per group, view and side, in per cent of pairs that agree; None where a side cannot be estimated."""
    return [
        {
            "group": record["group"], "view": record["view"], "pair": side, "agreement": _percent(record[key]),
            "ci_low": _percent(record[f"{key}_ci_low"]), "ci_high": _percent(record[f"{key}_ci_high"]),
        }
        for record in results.records("within_reader")
        for side, key, *_ in SIDES
    ]  # fmt: skip


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _label(row: dict[str, Any]) -> str:
    return f"{plural(row['group'])}, {readable(row['view'])}".strip(", ")


def _told(row: dict[str, Any]) -> str:
    return f"{number(row['agreement'], 1)} ({interval(row['ci_low'], row['ci_high'], 1, 1)})"


def within_chart(results: Results) -> Chart:
    """Per group and view a filled mark for one reader and an open one for two, with their intervals."""
    rows = [row for row in within_rows(results) if row["agreement"] is not None]
    labels = list(dict.fromkeys(_label(row) for row in within_rows(results)))
    look = {side: (symbol, rise) for side, _, symbol, rise in SIDES}
    palette = colours(results["design"]["groups"], results["design"]["models"])
    marks: list[Any] = []
    words = []
    for row in rows:
        symbol, rise = look[row["pair"]]
        place = labels.index(_label(row)) + rise - 0.2
        colour = palette[row["group"]]
        if row["ci_low"] is not None:
            marks.append(Span([place], [row["ci_low"]], [row["ci_high"]], colour, 1.3))
        marks.append(Points([row["agreement"]], [place], colour, symbol, 5.6, [f"{_label(row)}, {row['pair']}: {_told(row)}"]))
        words.append((place, _told(row), INK if row["pair"] == WITHIN else MUTED))
    level = f"{100 * results['plan']['confidence']:g} %"
    panel = Panel(
        Axis(0, 100, "Pairs of answers that are the same (%)", ticks=(0, 20, 40, 60, 80, 100), grid=True),
        Axis(
            -0.7, len(labels) - 0.3, ticks=tuple(range(len(labels))), names=tuple(folded(label, 30, 2) for label in labels), line=False,
            downwards=True,
        ),  # fmt: skip
        marks,
        height=34.0 * len(labels) + 10,
        columns=((f"Same ({level} interval)", words),),
    )
    return Chart([[panel]], keys=(Key(WITHIN, INK, "diamond"), Key(BETWEEN, INK, "ring")))


def within_words(results: Results) -> str:
    parts = [f"{_label(row)}, {row['pair']}: {_told(row)}" for row in within_rows(results) if row["agreement"] is not None]
    return "Per cent of pairs of answers to the same image that are the same. " + "; ".join(parts) + "."
