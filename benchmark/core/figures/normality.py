"""Normal plots of the paired differences: do they look as the paired t-test takes them to be? Descriptive, never a gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from benchmark.core.results import Results
from benchmark.core.wording import number, on_view, p_value, plural, readable

from .chart import Axis, Chart, Line, Panel, Points, folded
from .look import MUTED, colours

PANELS, BESIDE = 8, 2  # at most so many plots, so many in a row


@dataclass(frozen=True)
class NormalPlot:
    """One comparison's differences in points, sorted, over what a normal sample of their number would show on average."""

    record: dict[str, Any]
    names: tuple[str, ...]
    expected: np.ndarray
    values: np.ndarray

    @property
    def who(self) -> str:
        record = self.record
        who = f"{readable(record['model'])} against {plural(record['group'])}{on_view(record['view'])}"
        return who[:1].upper() + who[1:]


def plots(results: Results) -> list[NormalPlot]:
    """Of the comparisons whose normality was tested, the planned ones first; Blom's normal scores, (i - 3/8) / (n + 1/4)."""
    tested = [record for record in results["paired"] if record.get("shapiro_w") is not None]
    found = []
    for record in sorted(tested, key=lambda r: r.get("family") == "exploratory")[:PANELS]:
        units = results.records("paired_units", **{key: record[key] for key in ("model", "group", "view")})
        units.sort(key=lambda unit: unit["difference"])
        expected = special.ndtri((np.arange(1, len(units) + 1) - 0.375) / (len(units) + 0.25))
        values = 100 * np.array([unit["difference"] for unit in units])
        found.append(NormalPlot(record, tuple(unit["name"] for unit in units), expected, values))
    return found


def normality_chart(results: Results) -> Chart:
    """A panel per comparison; the line is where points of exactly normal differences would lie."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    panels = [_panel(plot, palette[plot.record["group"]]) for plot in plots(results)]
    return Chart([panels[start : start + BESIDE] for start in range(0, len(panels), BESIDE)])


def _panel(plot: NormalPlot, colour: str) -> Panel:
    mean, sd = 100 * plot.record["mean_difference"], 100 * plot.record["sd"]
    reach = float(np.abs(plot.expected).max()) + 0.25
    ends = np.array([-reach, reach])
    line = mean + sd * ends
    low, high = min(plot.values.min(), line[0]), max(plot.values.max(), line[1])
    room = 0.05 * (high - low)
    told = [f"{name}: {number(value, 1)} points" for name, value in zip(plot.names, plot.values)]
    marks = [Line(list(ends), list(line), MUTED, 0.9), Points(list(plot.expected), list(plot.values), colour, names=told)]
    across = Axis(-reach, reach, "Expected of a normal sample (SD)")
    upwards = Axis(float(low - room), float(high + room), "Difference (points)")
    tested = f"W = {number(plot.record['shapiro_w'], 3)}, {p_value(plot.record['shapiro_p'])}"
    return Panel(across, upwards, marks, folded(plot.who, 40, 2), tested, height=150)


def normality_words(results: Results) -> str:
    told = [
        f"{plot.who}: Shapiro-Wilk W = {number(plot.record['shapiro_w'], 3)}, {p_value(plot.record['shapiro_p'])}"
        for plot in plots(results)
    ]
    return "Sorted differences over their expectation in a normal sample. " + "; ".join(told) + "."


def normality_rows(results: Results) -> list[dict[str, Any]]:
    return [
        {**{key: plot.record[key] for key in ("model", "group", "view")}, "name": name, "expected": float(score), "difference": float(value) / 100}
        for plot in plots(results)
        for name, score, value in zip(plot.names, plot.expected, plot.values)
    ]
