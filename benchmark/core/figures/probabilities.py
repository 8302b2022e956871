"""How far stated probabilities can be believed, networks' and readers': reliability with its null band, risk against coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import binom

from benchmark.core.results import Results
from benchmark.core.wording import number, on_view, percent, plural, readable

from .chart import Axis, Band, Chart, Key, Line, Note, Panel, Points, apart
from .look import MUTED, RULE, colours, tint, view_title

BINNING = "ece_10_equal_mass"
PER_ROW = 3
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Side:
    """Whose probabilities they are: the field that names them, their sections of the results, and what one is of."""

    who: str
    bins: str
    summary: str
    curve: str
    error: str
    unit: str
    one: str

    def name(self, record: dict[str, Any]) -> str:
        return readable(record["model"]) if self.who == "model" else plural(record["group"])


NETWORKS = Side("model", "reliability", "calibration", "risk_coverage", BINNING, "items", "network")
READERS = Side("group", "reader_reliability", "reader_calibration", "reader_risk_coverage", "ece", "answers", "group of readers")


def reliability_rows(results: Results, side: Side = NETWORKS) -> list[dict[str, Any]]:
    """The bins (a network's of equal mass), each with the range that perfect calibration would show 95 times in 100."""
    found = []
    for record in results.records(side.bins, **({"binning": BINNING} if side is NETWORKS else {})):
        n, p = record["count"], min(max(record["confidence"], 0.0), 1.0)
        found.append({**record, "perfect_low": binom.ppf(0.025, n, p) / n, "perfect_high": binom.ppf(0.975, n, p) / n})
    return found


def reliability_chart(results: Results, side: Side = NETWORKS) -> Chart:
    """One panel per network or group and view: share correct against stated probability, over the band of perfect
    calibration."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    panels, every = [], reliability_rows(results, side)
    for record in results[side.summary]:
        bins = [row for row in every if (row[side.who], row["view"]) == (record[side.who], record["view"])]
        if bins:
            first = len(panels) % PER_ROW == 0
            panels.append(_reliability_panel(record, bins, palette[record[side.who]], side, first=first))
    rows = [panels[start : start + PER_ROW] for start in range(0, len(panels), PER_ROW)]
    keys = (Key(side.one, MUTED), Key("95 % of those perfectly calibrated", tint(MUTED, 0.3), "square"))
    return Chart(rows, width=504.0 if len(panels) > 2 else 60 + 200.0 * len(panels), keys=keys)


def _reliability_panel(
    record: dict[str, Any], bins: list[dict[str, Any]], colour: str, side: Side, *, first: bool
) -> Panel:
    x = [row["confidence"] for row in bins]
    y = [row["accuracy"] for row in bins]
    told = [
        f"{row['count']} {side.unit}, stated {percent(row['confidence'])}, correct {percent(row['accuracy'])}" for row in bins
    ]
    marks = [
        Band(x, [row["perfect_low"] for row in bins], [row["perfect_high"] for row in bins], RULE),
        Line([0, 1], [0, 1], MUTED, 0.8, (3, 2)),
        Line(x, y, colour, 1.1),
        Points(x, y, colour, size=4.6, names=told),
        *(Note(row["confidence"], 0.015, str(row["count"]), MUTED, size=5.5, rise="above") for row in _spaced(bins)),
    ]
    ece, mean, high = (record[f"{side.error}{end}"] for end in ("", "_perfect_mean", "_perfect_p95"))
    subtitle = f"ECE {number(ece, 3)}; if perfect, mean {number(mean, 3)},\n95 % below {number(high, 3)}"
    name = side.name(record)
    title = f"{name[:1].upper()}{name[1:]}, {readable(record['view'])}".strip(", ")
    names = tuple(number(100 * share, 0) for share in SHARES)
    across = Axis(0, 1.02, "Stated probability (%)", SHARES, names)
    up = Axis(0, 1.02, "Correct (%)" if first else "", SHARES, names)
    return Panel(across, up, marks, title, subtitle, square=True)


def _spaced(bins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bins whose counts can be printed without touching one another."""
    found: list[dict[str, Any]] = []
    for row in bins:
        if not found or row["confidence"] - found[-1]["confidence"] > 0.055:
            found.append(row)
    return found


def reliability_words(results: Results, side: Side = NETWORKS) -> str:
    parts = [
        f"{side.name(r)}{on_view(r['view'])}: expected calibration error {number(r[side.error], 3)}, where perfect"
        f" calibration would show {number(r[f'{side.error}_perfect_mean'], 3)}"
        for r in results[side.summary]
        if r[side.error] is not None
    ]
    return "Reliability diagram. " + "; ".join(parts) + "."


def risk_chart(results: Results, side: Side = NETWORKS) -> Chart:
    """One panel per view: the share of wrong answers among those of which each network or group is most sure."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = results[side.curve]
    views = list(dict.fromkeys(record["view"] for record in records))
    highest = max(max(record["risk"] for record in records) * 105, 10.0)
    row = []
    for index, view in enumerate(views):
        marks: list[Any] = []
        ends: list[tuple[float, str, str]] = []
        for who in dict.fromkeys(r[side.who] for r in records if r["view"] == view):
            own = [r for r in records if (r["view"], r[side.who]) == (view, who)]
            x, y = np.array([[100 * r["coverage"], 100 * r["risk"]] for r in own]).T.tolist()
            marks.append(Line(x, y, palette[who], 1.3, name=side.name(own[0])))
            ends.append((y[-1], side.name(own[0]), palette[who]))
        for place, (_, name, colour) in zip(apart([end for end, *_ in ends], highest / 16), ends):
            marks.append(Note(100, place, name, colour, "end", rise="above"))
        answered = "Items answered" if side is NETWORKS else "Answers"
        across = Axis(0, 100, f"{answered}, surest first (%)", (0, 20, 40, 60, 80, 100))
        up = Axis(0, highest, "Wrong among them (%)" if index == 0 else "", shown=index == 0)
        row.append(Panel(across, up, marks, view_title(view), height=150))
    return Chart([row], width=60 + 222.0 * min(len(row), 2))


def risk_words(results: Results, side: Side = NETWORKS) -> str:
    parts = [
        f"{side.name(r)}{on_view(r['view'])}: area {number(r['aurc'], 3)},"
        f" {percent(r['accuracy_at_80'])} correct on the surest 80 % of the {side.unit}"
        for r in results.records(side.summary)
    ]
    return "Risk against coverage. " + "; ".join(parts) + "."
