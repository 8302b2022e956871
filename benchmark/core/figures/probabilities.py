"""How far a network's probabilities can be believed: reliability with its null band, and risk against coverage."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import binom

from ..results import Results
from ..wording import number, on_view, percent, readable
from .chart import Axis, Band, Chart, Key, Line, Note, Panel, Points
from .look import MUTED, RULE, colours, tint, view_title

BINNING = "ece_10_equal_mass"
PER_ROW = 3
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def reliability_rows(results: Results) -> list[dict[str, Any]]:
    """The bins of equal mass, each with the range that a perfectly calibrated network would show 95 times in 100."""
    found = []
    for record in results.records("reliability", binning=BINNING):
        n, p = record["count"], min(max(record["confidence"], 0.0), 1.0)
        found.append({**record, "perfect_low": binom.ppf(0.025, n, p) / n, "perfect_high": binom.ppf(0.975, n, p) / n})
    return found


def reliability_chart(results: Results) -> Chart:
    """One panel per network and view: share correct against stated probability, over the band of perfect calibration."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    panels = []
    for record in results["calibration"]:
        keys = {"model": record["model"], "view": record["view"]}
        bins = [row for row in reliability_rows(results) if {k: row[k] for k in keys} == keys]
        panels.append(_reliability_panel(record, bins, palette[record["model"]], first=len(panels) % PER_ROW == 0))
    rows = [panels[start : start + PER_ROW] for start in range(0, len(panels), PER_ROW)]
    keys = (Key("network", MUTED), Key("95 % of perfectly calibrated networks", tint(MUTED, 0.3), "square"))
    return Chart(rows, width=504.0 if len(panels) > 2 else 60 + 200.0 * len(panels), keys=keys)


def _reliability_panel(record: dict[str, Any], bins: list[dict[str, Any]], colour: str, *, first: bool) -> Panel:
    x = [row["confidence"] for row in bins]
    y = [row["accuracy"] for row in bins]
    told = [
        f"{row['count']} items, stated {percent(row['confidence'])}, correct {percent(row['accuracy'])}" for row in bins
    ]
    marks = [
        Band(x, [row["perfect_low"] for row in bins], [row["perfect_high"] for row in bins], RULE),
        Line([0, 1], [0, 1], MUTED, 0.8, (3, 2)),
        Line(x, y, colour, 1.1),
        Points(x, y, colour, size=4.6, names=told),
        *(Note(row["confidence"], 0.015, str(row["count"]), MUTED, size=5.5, rise="above") for row in _spaced(bins)),
    ]
    ece, mean, high = (record[k] for k in (BINNING, f"{BINNING}_perfect_mean", f"{BINNING}_perfect_p95"))
    subtitle = f"ECE {number(ece, 3)}; perfect {number(mean, 3)},\n95th percentile {number(high, 3)}"
    title = f"{readable(record['model']).capitalize()}, {readable(record['view'])}".strip(", ")
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


def reliability_words(results: Results) -> str:
    parts = [
        f"{readable(r['model'])}{on_view(r['view'])}: expected calibration error"
        f" {number(r[BINNING], 3)}, where a perfectly calibrated network would show {number(r[f'{BINNING}_perfect_mean'], 3)}"
        for r in results["calibration"]
    ]
    return "Reliability diagram. " + "; ".join(parts) + "."


def risk_chart(results: Results) -> Chart:
    """One panel per view: the share of wrong answers among the items on which each network is most sure."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    records = results["risk_coverage"]
    views = list(dict.fromkeys(record["view"] for record in records))
    highest = max(max(record["risk"] for record in records) * 105, 10.0)
    row = []
    for index, view in enumerate(views):
        marks: list[Any] = []
        for model in dict.fromkeys(r["model"] for r in records if r["view"] == view):
            own = [r for r in records if (r["view"], r["model"]) == (view, model)]
            x, y = np.array([[100 * r["coverage"], 100 * r["risk"]] for r in own]).T.tolist()
            marks.append(Line(x, y, palette[model], 1.3, name=readable(model)))
            marks.append(Note(x[-1], y[-1], readable(model), palette[model], "end", rise="above"))
        across = Axis(0, 100, "Items answered, surest first (%)", (0, 20, 40, 60, 80, 100))
        up = Axis(0, highest, "Wrong among them (%)" if index == 0 else "", shown=index == 0)
        row.append(Panel(across, up, marks, view_title(view), height=150))
    return Chart([row], width=60 + 222.0 * min(len(row), 2))


def risk_words(results: Results) -> str:
    parts = [
        f"{readable(r['model'])}{on_view(r['view'])}: area {number(r['aurc'], 3)},"
        f" {percent(r['accuracy_at_80'])} correct on the surest 80 % of the items"
        for r in results.records("calibration")
    ]
    return "Risk against coverage. " + "; ".join(parts) + "."
