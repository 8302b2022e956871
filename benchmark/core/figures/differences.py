"""Figure 2A: per-survey differences in accuracy, network minus readers, as box plots with every survey a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.core.results import Results
from benchmark.core.wording import number, p_value, percent, plural, readable

from .chart import Axis, Box, Chart, Note, Panel, Points, Rule, folded
from .look import INK, RED, colours, view_title

BESIDE = 3  # boxes per view up to which the views stand side by side


@dataclass(frozen=True)
class Sample:
    """One box: a network against a group on a view; differences in points, one per unit, in unit order."""

    model: str
    group: str
    view: str | None
    unit: str
    names: tuple[str, ...]
    values: np.ndarray
    mean: float
    p: float | None
    model_accuracy: float

    @property
    def summary(self) -> str:
        sign = "+" if self.mean > 0 else ""
        return f"mean {sign}{number(self.mean, 1)} points"


def samples(results: Results) -> list[Sample]:
    """Every box of the figure, in the order of the `paired` section."""
    found = []
    for record in results["paired"]:
        keys = {key: record[key] for key in ("model", "group", "view")}
        units = results.records("paired_units", **keys)
        accuracy = results.records("accuracy", kind="model", reader=record["model"], view=record["view"])[0]["accuracy"]
        values = 100 * np.array([unit["difference"] for unit in units])
        names = tuple(unit["name"] for unit in units)
        mean = 100 * record["mean_difference"]
        found.append(Sample(*keys.values(), record["unit"], names, values, mean, record["p"], accuracy))
    return found


def swarm(values: np.ndarray, width: float) -> np.ndarray:
    """Sideways places of points so that equal values stand side by side around the middle; no randomness."""
    places = np.zeros(len(values))
    for value in np.unique(np.round(values, 6)):
        same = np.flatnonzero(np.abs(values - value) < 1e-6)
        step = min(0.075, width / max(len(same), 1))
        places[same] = (np.arange(len(same)) - (len(same) - 1) / 2) * step
    return places


def _tick(sample: Sample, many_models: bool) -> str:
    name = plural(sample.group)
    if many_models:
        return f"{folded(readable(sample.model), 18)}\n{folded(f'vs {name}', 18)}"
    return folded(name[:1].upper() + name[1:], 16)


def _baseline(panel: list[Sample]) -> str:
    models = {sample.model: sample.model_accuracy for sample in panel}
    if len(models) == 1:
        model, accuracy = next(iter(models.items()))
        return f"red line: {readable(model)}, {percent(accuracy)} correct"
    return "red line: the network itself"


def _limits(found: list[Sample]) -> tuple[float, float]:
    lowest = min(min(sample.values.min() for sample in found), 0)
    highest = max(max(sample.values.max() for sample in found), 0)
    room = max(highest - lowest, 20)
    return float(lowest - 0.06 * room), float(highest + 0.20 * room)


def sideways_chart(results: Results) -> Chart:
    """Figure 2A for a narrow page: the boxes lie, one below another, their words in a column."""
    found = samples(results)
    views = list(dict.fromkeys(sample.view for sample in found))
    palette = colours(results["design"]["groups"], results["design"]["models"])
    many_models = len({sample.model for sample in found}) > 1
    low, high = _limits(found)
    rows = []
    for view in views:
        panel = [sample for sample in found if sample.view == view]
        marks: list[Any] = [Rule(0, RED, upright=True, width=1.1)]
        for y, sample in enumerate(panel):
            marks += _box_marks(y, sample, palette[sample.model] if many_models else palette[sample.group], upright=False)
        words = [(y, f"{sample.summary}, {p_value(sample.p)}", INK) for y, sample in enumerate(panel)]
        names = tuple(_tick(sample, many_models).replace("\n", " ") for sample in panel)
        down = Axis(-0.5, len(panel) - 0.5, ticks=tuple(range(len(panel))), names=names, line=False, downwards=True)
        across = Axis(low, high, f"Accuracy, network minus readers (points; one point per {panel[0].unit})")
        place = {"height": 46.0 * len(panel), "columns": (("", words),)}
        rows.append([Panel(across, down, marks, view_title(view), _baseline(panel), RED, **place)])
    return Chart(rows)


def differences_chart(results: Results) -> Chart:
    """Figure 2A. The red zero line is the network's own accuracy, printed beside it per view."""
    found = samples(results)
    views = list(dict.fromkeys(sample.view for sample in found))
    panels = [[sample for sample in found if sample.view == view] for view in views]
    palette = colours(results["design"]["groups"], results["design"]["models"])
    many_models = len({sample.model for sample in found}) > 1
    low, high = _limits(found)
    stacked = max(map(len, panels)) > BESIDE
    title = f"Accuracy, network minus readers\n(percentage points; one point per {found[0].unit})"
    drawn = []
    for index, (view, panel) in enumerate(zip(views, panels)):
        marks: list[Any] = [Rule(0, RED, width=1.1)]
        for x, sample in enumerate(panel):
            marks += _box_marks(x, sample, palette[sample.model] if many_models else palette[sample.group])
            marks.append(Note(x, high, f"{sample.summary}\n{p_value(sample.p)}", rise="below"))
        names = tuple(_tick(sample, many_models) for sample in panel)
        across = Axis(-0.62, len(panel) - 0.38, ticks=tuple(range(len(panel))), names=names, line=False)
        first = index == 0 or stacked
        up = Axis(low, high, title=title if first else "", shown=first, line=first)
        place = {"height": 190 if stacked else 215, "weight": len(panel)}
        drawn.append(Panel(across, up, marks, view_title(view), _baseline(panel), RED, **place))
    rows = [[panel] for panel in drawn] if stacked else [drawn]
    boxes = len(panels[0]) if stacked else len(found)
    return Chart(rows, width=min(504.0, 70 + 98.0 * boxes))


def _box_marks(place: int, sample: Sample, colour: str, *, upright: bool = True) -> list[Any]:
    beside, values = (place + swarm(sample.values, 0.46)).tolist(), sample.values.tolist()
    points, middle = ((beside, values), ([place], [sample.mean])) if upright else ((values, beside), ([sample.mean], [place]))
    told = [f"{sample.unit} {name}: {number(value, 1)} points" for name, value in zip(sample.names, sample.values)]
    return [
        Box(place, values, colour, upright=upright),
        Points(*points, colour, size=3.4, names=told, opacity=0.85),
        Points(*middle, INK, "diamond", 5.2, [f"{sample.summary}, {p_value(sample.p)}"]),
    ]


def differences_data(results: Results) -> list[dict[str, Any]]:
    """Every point of the figure: one row per network, group, view and unit, exact."""
    return [dict(record) for record in results["paired_units"]]


def differences_words(results: Results) -> str:
    """What the figure shows, for those who cannot see it."""
    parts = [
        f"{readable(s.model)} against {plural(s.group)}{f', {readable(s.view)}' if s.view else ''}:"
        f" {s.summary} over {len(s.values)} {s.unit}s, from {number(s.values.min(), 1)} to {number(s.values.max(), 1)}"
        for s in samples(results)
    ]
    return "Box plots of the difference in accuracy. " + "; ".join(parts) + "."
