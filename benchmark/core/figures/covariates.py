"""Every reader's accuracy against a number of the reader's own, such as years in practice, with the line through a group's readers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.core.methods.distributions import t_quantile
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, percent, plural, readable

from .chart import Axis, Band, Chart, Key, Line, Panel, Points, Rule, folded
from .look import colours, view_title

Record = dict[str, Any]
STEPS = 41  # points of a line's band


def covariate_rows(results: Results) -> list[Record]:
    """One row per reader, view and number that readers stated; accuracy in per cent."""
    return [record | {"accuracy": 100 * record["accuracy"]} for record in results.records("reader_covariates_readers")]


def covariate_chart(results: Results) -> Chart:
    """A row of panels per number, one panel per view: dots for readers, a line and band per group, a level line per network."""
    rows = covariate_rows(results)
    palette = colours(results["design"]["groups"], results["design"]["models"])
    names = list(dict.fromkeys(row["covariate"] for row in rows))
    views = [view for view in results["design"]["views"] if any(row["view"] == view for row in rows)]
    shown = [group for group in results["design"]["groups"] if any(row["group"] == group for row in rows)]
    keys = [Key(plural(group), palette[group]) for group in shown]
    keys += [Key(folded(readable(name), 40, 1), palette[name], "square") for name in results["design"]["models"]]
    return Chart([[_panel(results, rows, name, view, palette) for view in views] for name in names], keys=tuple(keys))


def _panel(results: Results, rows: list[Record], name: str, view: str | None, palette: dict[str, str]) -> Panel:
    own = [row for row in rows if (row["covariate"], row["view"]) == (name, view)]
    marks: list[Any] = []
    for record in results.records("accuracy", kind="model", view=view):
        if record["accuracy"] is not None:
            marks.append(Rule(100 * record["accuracy"], palette[record["reader"]], width=1.2))
    for group in dict.fromkeys(row["group"] for row in own):
        here = [row for row in own if row["group"] == group]
        lines = results.records("reader_covariates", covariate=name, group=group, view=view)
        marks += [mark for line in lines for mark in _line(line, here, palette[group], results["plan"]["confidence"])]
        told = [f"{readable(name)} {number(r['stated'], 0)}: {number(r['accuracy'], 1)} % correct" for r in here]
        marks.append(Points([r["stated"] for r in here], [r["accuracy"] for r in here], palette[group], "dot", 4.4, told, 0.85))
    values = [row["stated"] for row in own] or [0.0, 1.0]
    margin = 0.04 * ((max(values) - min(values)) or 1)
    across = Axis(min(values) - margin, max(values) + margin, readable(name).capitalize(), grid=True)
    return Panel(across, Axis(0, 100, "Correct (%)", grid=True), marks, view_title(view), height=170)


def _line(record: Record, rows: list[Record], colour: str, confidence: float) -> list[Any]:
    """The line over the readers' span and the band that holds it at the plan's confidence, place by place; none without a slope."""
    if record["these_images_se"] is None or record["mean_value"] is None:
        return []
    values = [row["stated"] for row in rows]
    x = np.linspace(min(values), max(values), STEPS)
    away = (x - record["mean_value"]) / record["per"]
    height = record["mean_accuracy"] + record["these_images_difference"] * away
    half = t_quantile(0.5 + confidence / 2, record["these_images_df"]) * np.hypot(record["mean_accuracy_se"], record["these_images_se"] * away)
    low, high = (np.clip(100 * edge, 0, 100).tolist() for edge in (height - half, height + half))
    band = Band(x.tolist(), low, high, colour, f"{100 * confidence:g} % band of the line, {plural(record['group'])}", 0.15)
    return [band, Line(x.tolist(), np.clip(100 * height, 0, 100).tolist(), colour)]


def covariate_words(results: Results) -> str:
    told = []
    for record in results.records("reader_covariates", kind="number"):
        if record["group"] is not None and record["these_images_difference"] is not None:
            told.append(
                f"{plural(record['group'])}{on_view(record['view'])}: {number(100 * record['these_images_difference'], 1)} points per"
                f" {record['per']} of {readable(record['covariate'])}"
                f" ({interval(record['these_images_ci_low'], record['these_images_ci_high'])})"
            )
    networks = [
        f"{readable(r['reader'])}{on_view(r['view'])}: {percent(r['accuracy'])}"
        for r in results.records("accuracy", kind="model")
        if r["accuracy"] is not None
    ]
    return "Accuracy of every reader against what the reader stated. " + "; ".join([*told, *networks]) + "."
