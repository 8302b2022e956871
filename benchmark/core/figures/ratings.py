"""The figures of a rating study: error against chance, raters, scales, classes, sides and strips, and every image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmark.core.inputs.ratings import GENERATED, REAL, SINGLE
from benchmark.core.methods.proportions import wilson
from benchmark.core.results import Results
from benchmark.core.wording import interval, number, percent, readable

from .catalogue import FigureEntry, entry_of
from .chart import Axis, Band, Chart, Key, Note, Panel, Points, Rule, Span, folded, round_ticks
from .look import FURTHER, INK, MUTED, OCHRE, PLUM, RULE, TEAL

Record = dict[str, Any]
CHANCE = "dashed line: guessing"
COMPONENTS = (("error", "", "all wrong"), ("fakes_called_real", "fakes_called_real_", "generated called real"),
              ("reals_called_fake", "reals_called_fake_", "real called generated"))  # fmt: skip
SIGNS = ("dot", "square", "diamond")
PER_ROW = 2


def set_colours(results: Results) -> dict[str, str]:
    """One colour per condition, those of single images first, the same on every figure; real images are grey."""
    free = iter((TEAL, OCHRE, PLUM, *FURTHER * 5))
    sections = ("class_reality", "hype", "pictures")  # pictures without a named set are called generated
    judged = [record["set"] for section in sections for record in results.records(section)]
    names = [name for name in dict.fromkeys([*sorted(judged), *results["design"]["sets"]]) if name not in (REAL, "all")]
    return {REAL: MUTED, "all": INK, **{name: next(free) for name in names}}


def rating_figures(results: Results) -> list[FigureEntry]:
    """The figures that these results can fill, in the order of the report."""
    return list(_found(results))


def _found(results: Results) -> Iterator[FigureEntry]:
    def entry(name: str, title: str, caption: str, chart: Callable, section: str) -> FigureEntry:
        rows = results.records(section)
        words = f"{title}. {_words(section, rows)}"
        return entry_of(results, name, title, caption, words, partial(chart, results), lambda: rows)

    if any(r["error"] is not None for r in results.records("hype")):
        yield entry(
            "error", "Error at telling real from generated",
            "Share of wrong judgments and its two components, with intervals for new raters and new images. Dashed line:"
            " guessing; grey band: errors that count as equivalent to guessing.", error_chart, "hype",
        )  # fmt: skip
    if results.records("evaluators"):
        yield entry(
            "raters", "Every rater",
            "Every rater's share of wrong judgments with its interval (Wilson, over images), sorted. Dashed line: guessing.",
            raters_chart, "evaluators",
        )  # fmt: skip
    if any(r["shown"] == SINGLE for r in results.records("scales")):
        yield entry(
            "scales", "Ratings of single images",
            "Mean rating per condition with its interval for new raters and new images; bar: from the lower to the upper"
            " quartile of the ratings.", partial(scales_chart, shown=SINGLE), "scales",
        )  # fmt: skip
    if results.records("class_scales"):
        yield entry(
            "class-scales", "Ratings by class",
            "Mean rating of the images of each stated class, per condition, with intervals where they can be estimated.",
            class_scales_chart, "class_scales",
        )  # fmt: skip
    if results.records("choices"):
        yield entry(
            "choices", "Choices between two sides",
            "Share of right choices with intervals for new raters and new images; an undecided answer counts half. Dashed"
            " line: guessing.", choices_chart, "choices",
        )  # fmt: skip
    if any(r["shown"] == "strip" for r in results.records("scales")):
        yield entry(
            "strips", "Ratings of strips",
            "Mean rating of morphs and of their controls, with intervals; bar: from the lower to the upper quartile.",
            partial(scales_chart, shown="strip"), "scales",
        )  # fmt: skip
    if results.records("pictures"):
        yield entry(
            "pictures", "Every single image",
            "Every image by the share of raters who called it generated. Rings: real images.", pictures_chart, "pictures",
        )  # fmt: skip


def _words(section: str, rows: list[Record]) -> str:
    told = {
        "hype": lambda r: f"{readable(r['set'])}: error {percent(r['error'])}",
        "evaluators": lambda r: f"{r['evaluator']}: {percent(r['error'])} wrong",
        "scales": lambda r: f"{readable(r['question'])}, {readable(r['set'])}: mean {number(r['mean'])}",
        "class_scales": lambda r: f"{readable(r['question'])}, {readable(r['class'])}, {readable(r['set'])}: {number(r['mean'])}",
        "choices": lambda r: f"{readable(r['question'])}, {readable(r['set'])}: {percent(r['right'])} right",
        "pictures": lambda r: f"{r['image']} ({r['truth']}): {r['called_generated']} of {r['judgments']} called it generated",
    }[section]
    return "; ".join(map(told, rows)) + "."


def error_chart(results: Results) -> Chart:
    palette, margin = set_colours(results), 100 * results["plan"]["margin"]
    records = [r for r in results["hype"] if r["error"] is not None]
    marks: list[Any] = []
    places, names, values = [], [], []
    for group, record in enumerate(records):
        for index, (key, prefix, words) in enumerate(COMPONENTS):
            y = 3.6 * group + index
            told = f"{percent(record[key])} ({interval(record[f'{prefix}ci_low'], record[f'{prefix}ci_high'])})"
            low, high = record[f"{prefix}ci_low"], record[f"{prefix}ci_high"]
            colour = palette.get(record["set"], INK)
            if low is not None:
                marks.append(Span([y], [100 * low], [100 * high], colour, 1.3))
            marks.append(Points([100 * record[key]], [y], colour, SIGNS[index], 5.6, [f"{words}: {told}"]))
            places.append(y)
            names.append(f"{_set_name(record['set'])}: {words}" if index == 0 else words)
            values.append((y, told, INK if index == 0 else MUTED))
    end = places[-1] + 0.7
    band = Band([50 - margin, 50 + margin], [-0.7, -0.7], [end, end], RULE)
    across = Axis(0, 100, "Share of judgments (%)", (0, 25, 50, 75, 100))
    down = Axis(-0.7, end, ticks=tuple(places), names=tuple(names), line=False, downwards=True)
    level = f"{100 * results['plan']['confidence']:g} % interval"
    rule = Rule(50, MUTED, upright=True, dash=(3, 2), width=1.0)
    columns = ((f"Share ({level})", values),)
    return Chart([[Panel(across, down, [band, rule, *marks], height=15.0 * len(places) + 12, columns=columns)]])


def raters_chart(results: Results) -> Chart:
    rows = sorted(results["evaluators"], key=lambda r: (r["question"], r["error"], r["evaluator"]))
    marks: list[Any] = [Rule(50, MUTED, dash=(3, 2), width=1.0)]
    for place, r in enumerate(rows):
        low, high = wilson(r["wrong"], r["judgments"], confidence=results["plan"]["confidence"])
        marks.append(Span([place], [100 * low], [100 * high], OCHRE, 1.0, upright=True))
        told = f"{r['evaluator']}: {percent(r['error'])} wrong ({r['wrong']} of {r['judgments']})"
        marks.append(Points([place], [100 * r["error"]], OCHRE, "dot", 4.6, [told]))
    few = len(rows) <= 30
    names = tuple(r["evaluator"] for r in rows)
    across = Axis(-1, len(rows), "Raters, by their error", tuple(range(len(rows))), names, shown=few, line=False,
                  turned=len(rows) > 12)  # fmt: skip
    return Chart([[Panel(across, Axis(0, 100, "Wrong (%)", (0, 25, 50, 75, 100)), marks, height=120)]])


def scales_chart(results: Results, *, shown: str) -> Chart:
    palette = set_colours(results)
    records = [r for r in results["scales"] if r["shown"] == shown]
    questions = list(dict.fromkeys(r["question"] for r in records))
    panels = []
    for question in questions:
        own = [r for r in records if r["question"] == question]
        marks: list[Any] = []
        for place, r in enumerate(own):
            colour = palette.get(r["set"], INK)
            marks.append(Span([place], [r["lower_quartile"]], [r["upper_quartile"]], RULE, 7.0))
            if r["ci_low"] is not None:
                marks.append(Span([place], [r["ci_low"]], [r["ci_high"]], colour, 1.4))
            told = f"{readable(r['set'])}: mean {number(r['mean'])} of {r['ratings']} ratings"
            marks.append(Points([r["mean"]], [place], colour, "dot", 5.4, [told]))
        low, high = _bounds(own)
        names = tuple(_set_name(r["set"]) for r in own)
        down = Axis(-0.7, len(own) - 0.3, ticks=tuple(range(len(own))), names=names, line=False, downwards=True)
        across = Axis(low, high, "Mean rating", round_ticks(low, high, 8), grid=True)
        panels.append(Panel(across, down, marks, _title(question), height=20.0 * len(own) + 14))
    rows = [panels[start : start + PER_ROW] for start in range(0, len(panels), PER_ROW)]
    return Chart(rows, width=504.0 if len(panels) > 1 else 330.0)


def _bounds(records: list[Record]) -> tuple[float, float]:
    """A scale from its first step to what the ratings and their intervals reach, at least seven steps."""
    known = [r[k] for r in records for k in ("ci_low", "ci_high", "mean", "upper_quartile") if r.get(k) is not None]
    return min(1.0, *known) - 0.2, max(7.0, *known) + 0.2


def class_scales_chart(results: Results) -> Chart:
    palette, records = set_colours(results), results["class_scales"]
    names = list(dict.fromkeys(r["class"] for r in records))
    sets = sorted({r["set"] for r in records}, key=lambda name: (name != REAL, name))
    panels = []
    for question in dict.fromkeys(r["question"] for r in records):
        marks: list[Any] = []
        for place, name in enumerate(sets):
            offset = (place - (len(sets) - 1) / 2) * 0.6 / max(len(sets), 2)
            own = [r for r in records if r["question"] == question and r["set"] == name]
            at = [names.index(r["class"]) + offset for r in own]
            bounded = [(y, r) for y, r in zip(at, own) if r["ci_low"] is not None]
            low, high = [r["ci_low"] for _, r in bounded], [r["ci_high"] for _, r in bounded]
            marks.append(Span([y for y, _ in bounded], low, high, palette[name], 1.0))
            told = [f"{readable(r['class'])}, {readable(name)}: {number(r['mean'])} ({r['images']} images)" for r in own]
            symbol = "ring" if name == REAL else "dot"
            marks.append(Points([r["mean"] for r in own], at, palette[name], symbol, 4.8, told))
        labels = tuple(folded(readable(name), 22, 2) for name in names)
        first = len(panels) % PER_ROW == 0
        down = Axis(-0.6, len(names) - 0.4, ticks=tuple(range(len(names))), names=labels, shown=first, line=False,
                    downwards=True)  # fmt: skip
        low, high = _bounds([r for r in records if r["question"] == question])
        across = Axis(low, high, "Mean rating", round_ticks(low, high, 8), grid=True)
        panels.append(Panel(across, down, marks, _title(question), height=22.0 * len(names)))
    rows = [panels[start : start + PER_ROW] for start in range(0, len(panels), PER_ROW)]
    keys = tuple(Key(_set_name(name), palette[name], "ring" if name == REAL else "dot") for name in sets)
    return Chart(rows, width=504.0 if len(panels) > 1 else 330.0, keys=keys)


def choices_chart(results: Results) -> Chart:
    palette, records = set_colours(results), results["choices"]
    marks: list[Any] = [Rule(50, MUTED, upright=True, dash=(3, 2), width=1.0)]
    values, names = [], []
    for place, r in enumerate(records):
        colour = palette.get(r["set"], INK)
        told = f"{percent(r['right'])} ({interval(r['ci_low'], r['ci_high'])})"
        if r["ci_low"] is not None:
            marks.append(Span([place], [100 * r["ci_low"]], [100 * r["ci_high"]], colour, 1.3))
        marks.append(Points([100 * r["right"]], [place], colour, "dot", 5.6, [f"{r['judgments']} choices: {told}"]))
        values.append((place, told, INK))
        what = "direction of the strip" if r["shown"] == "strip" else "which is generated"
        names.append(f"{_set_name(r['set'])}: {what}")
    across = Axis(0, 100, "Right (%)", (0, 25, 50, 75, 100))
    down = Axis(-0.7, len(records) - 0.3, ticks=tuple(range(len(records))), names=tuple(names), line=False, downwards=True)
    level = f"{100 * results['plan']['confidence']:g} % interval"
    panel = Panel(across, down, marks, height=16.0 * len(records) + 12, columns=((f"Right ({level})", values),))
    return Chart([[panel]])


def pictures_chart(results: Results) -> Chart:
    palette = set_colours(results)
    rows = sorted(results["pictures"], key=lambda r: (r["share_called_generated"], r["image"]))
    marks: list[Any] = [Rule(50, MUTED, dash=(3, 2), width=0.8)]
    sets = sorted({r["set"] for r in rows}, key=lambda name: (name != REAL, name))
    for name in sets:
        own = [(place, r) for place, r in enumerate(rows, 1) if r["set"] == name]
        told = [f"{r['image']} ({r['truth']}): {r['called_generated']} of {r['judgments']} called it generated" for _, r in own]
        shares = [100 * r["share_called_generated"] for _, r in own]
        symbol = "ring" if own[0][1]["truth"] != GENERATED else "dot"
        marks.append(Points([place for place, _ in own], shares, palette[name], symbol, 4.6, told))
    marks.append(Note(len(rows) + 0.5, 50, "half of the raters", MUTED, "end", rise="above"))
    across = Axis(0, len(rows) + 1, "Images, by the share of raters who called them generated")
    keys = tuple(Key(_set_name(name), palette[name], "ring" if name == REAL else "dot") for name in sets)
    return Chart([[Panel(across, Axis(-4, 104, "Called generated (%)", (0, 25, 50, 75, 100)), marks, height=130)]], keys=keys)


def _set_name(name: str) -> str:
    return {"all": "all generated"}.get(name, readable(name))


def _title(question: str) -> str:
    return readable(question).capitalize()
