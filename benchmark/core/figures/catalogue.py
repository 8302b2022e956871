"""All figures of an analysis by name: each with its title, caption, words for those who cannot see it, and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import on_view

from . import (
    anchors,
    assistance,
    classes,
    confusions,
    control,
    covariates,
    differences,
    difficulty,
    flow,
    forest,
    normality,
    probabilities,
    readers,
    times,
    within_reader,
)
from .chart import Chart
from .drawing import Drawing
from .live import live
from .narrow import narrow
from .paper import draw as draw_on_paper

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class FigureEntry:
    """One figure. name: file name without ending; words: text alternative; draw: for paper; page: a Plotly dictionary;
    data: the rows behind every mark, exact; draw_narrow, page_narrow: the same marks in the width of a phone."""

    name: str
    title: str
    caption: str
    words: str
    draw: Callable[[], Drawing]
    page: Callable[[], dict[str, Any]]
    data: Callable[[], Rows]
    draw_narrow: Callable[[], Drawing]
    page_narrow: Callable[[], dict[str, Any]]


def figures_of(results: Results) -> list[FigureEntry]:
    """The figures that these results can fill, in the order of the report."""
    return list(_found(results))


def _found(results: Results) -> Iterator[FigureEntry]:
    if results["design"]["groups"]:
        yield _flow(results)
    if results["paired"]:
        yield from _comparisons(results)
    if results.records("assistance"):
        yield from _assistance(results)
    for letter, view in zip("bcdefgh", results["design"]["views"]):
        yield entry_of(
            results,
            f"figure-2{letter}",
            f"Confusion matrices{on_view(view)}",
            "Rows: truth; columns: answer; each row in per cent of its readings. A missing answer has its own column.",
            confusions.confusion_words(results, view),
            partial(confusions.confusion_chart, results, view),
            lambda view=view: confusions.confusion_data(results, view),
            small=partial(confusions.small_chart, results, view),
        )
    if results.records("reader_accuracy", kind="human"):
        yield entry_of(
            results,
            "readers",
            "Every reader",
            "Every reader's accuracy with its interval (Wilson, over items), sorted within groups. Lines: the networks.",
            readers.readers_words(results),
            partial(readers.readers_chart, results),
            lambda: results.records("reader_accuracy", kind="human"),
        )
    yield from _description(results)
    if anchors.anchor_rows(results):
        yield _anchors(results)
    if any(record["same"] is not None for record in results.records("within_reader")):
        yield _within_reader(results)
    if covariates.covariate_rows(results):
        yield _covariates(results)
    yield from _probabilities(results)


def entry_of(
    results: Results,
    name: str,
    title: str,
    caption: str,
    words: str,
    chart: Callable[[], Chart],
    data: Callable[[], Rows],
    *,
    small: Callable[[], Chart] | None = None,
) -> FigureEntry:
    """The entry of a chart. small: the chart that a phone's form begins from, where it is another one."""
    small = small or chart
    simulated = results.is_simulated
    note = "Simulated. " if simulated else ""
    on_paper = partial(draw_on_paper, title=title, description=note + words, simulated=simulated)
    return FigureEntry(
        name,
        title,
        note + caption,
        note + words,
        lambda: on_paper(chart()),
        lambda: live(chart(), simulated=simulated),
        data,
        cache(lambda: on_paper(narrow(small()))),
        lambda: live(narrow(small()), simulated=simulated),
    )


def _flow(results: Results) -> FigureEntry:
    title, note = "Recruitment flow", "Simulated. " if results.is_simulated else ""
    words = note + flow.flow_words(results)
    caption = f"{note}From contact to analysis, per group of readers. A number that nobody recorded says so."
    return FigureEntry(
        "flow",
        title,
        caption,
        words,
        lambda: flow.draw_flow(results, title=title, description=words),
        lambda: flow.flow_page(results),
        lambda: flow.flow_rows(results),
        cache(lambda: flow.draw_flow(results, title=title, description=words, across=1)),
        lambda: flow.flow_page(results, across=1),
    )


def _comparisons(results: Results) -> Iterator[FigureEntry]:
    unit = results["paired"][0]["unit"]
    yield entry_of(
        results,
        "figure-2a",
        "Network against readers",
        f"Difference in accuracy between network and readers, one point per {unit}. Boxes: quartiles and median; whiskers:"
        f" 1.5 box lengths; diamond: mean; red line: the network's own accuracy. p: two-sided paired t-test over {unit}s,"
        " which holds for these images.",
        differences.differences_words(results),
        partial(differences.differences_chart, results),
        lambda: differences.differences_data(results),
        small=partial(differences.sideways_chart, results),
    )
    yield entry_of(
        results,
        "forest",
        "Both questions",
        "The same differences with their intervals for both questions. Squares: these images, new readers. Circles: new"
        " images and new readers.",
        forest.forest_words(results),
        partial(forest.forest_chart, results),
        lambda: forest.forest_rows(results),
    )
    if normality.plots(results):
        yield entry_of(
            results,
            "normal-plot",
            "Are the differences normal?",
            f"Each {unit}'s difference, sorted, over what a normal sample of their number would show; on the line if they were exactly"
            " normal. W, p: Shapiro and Wilk's test. This describes: no test was chosen by it.",
            normality.normality_words(results),
            partial(normality.normality_chart, results),
            lambda: normality.normality_rows(results),
        )


def _assistance(results: Results) -> Iterator[FigureEntry]:
    yield entry_of(
        results,
        "assistance",
        "Readers alone and with the network's output",
        "One line per reader, from the first answers to the second. Diamonds: all readings, with intervals that respect readers"
        " and items. Line across: the network on the same readings. The gain stands with its interval for new images.",
        assistance.assistance_words(results),
        partial(assistance.assistance_chart, results),
        lambda: [*results["assistance"], *results["assistance_readers"]],
    )
    if results.records("assistance_difference"):
        yield entry_of(
            results,
            "assistance-control",
            "What the output adds to a second look",
            "Gains from the first to the second answer, for new images and new readers: with the network's output in sight, in a"
            " second look alone, and their difference, each with its interval.",
            control.control_words(results),
            partial(control.control_chart, results),
            lambda: control.control_rows(results),
        )
    yield entry_of(
        results,
        "assistance-changes",
        "What became of the answers",
        "Right and wrong answers before the network's output was in sight and after, apart by whether the network was right on"
        " that image. Numbers on the ribbons: readings.",
        assistance.changes_words(results),
        partial(assistance.changes_chart, results),
        lambda: assistance.changes_rows(results),
    )


def _anchors(results: Results) -> FigureEntry:
    return entry_of(
        results,
        "anchors",
        "Readers on the anchors and on their other images",
        "One dot per reader: right answers on the images that every survey shows, across, and on the reader's other images, up. On the line"
        " both are the same. Readers with the same two values stand side by side.",
        anchors.anchor_words(results),
        partial(anchors.anchor_chart, results),
        lambda: anchors.anchor_rows(results),
    )


def _within_reader(results: Results) -> FigureEntry:
    return entry_of(
        results,
        "within-reader",
        "One reader beside two",
        "Share of pairs of answers to the same image that are the same: one reader's at both showings (diamond), and two readers'"
        " at the first (circle), with intervals that respect readers and images.",
        within_reader.within_words(results),
        partial(within_reader.within_chart, results),
        lambda: within_reader.within_rows(results),
    )


def _covariates(results: Results) -> FigureEntry:
    return entry_of(
        results,
        "reader-covariates",
        "Accuracy against what readers stated",
        "One dot per reader; per group the least-squares line through them and its band, for these images. Level lines: the networks.",
        covariates.covariate_words(results),
        partial(covariates.covariate_chart, results),
        lambda: covariates.covariate_rows(results),
    )


def _description(results: Results) -> Iterator[FigureEntry]:
    if results.records("class_accuracy"):
        yield entry_of(
            results,
            "classes",
            "Accuracy by class",
            "Share of readings that named the class correctly, with intervals that respect readers and items. Circles:"
            " readers; squares: networks.",
            classes.classes_words(results),
            partial(classes.classes_chart, results),
            lambda: results.records("class_accuracy"),
        )
    if any(r["difference"] is not None for r in results.records("class_differences")):
        yield entry_of(
            results,
            "class-differences",
            "Differences by class",
            "Network minus readers in each class, with intervals for new images and new readers.",
            classes.class_differences_words(results),
            partial(classes.class_differences_chart, results),
            lambda: results.records("class_differences"),
        )
    if results.records("items"):
        yield entry_of(
            results,
            "difficulty",
            "Difficulty of the images",
            "Every image by the share of people who named it correctly, hardest first, and whether the networks did.",
            difficulty.difficulty_words(results),
            partial(difficulty.difficulty_chart, results),
            lambda: difficulty.difficulty_rows(results),
        )
    if difficulty.has_scale(results):
        yield entry_of(
            results,
            "wright-map",
            "Wright map",
            "Readers and images on one logit scale: a reader names an image at the same height correctly half of the time."
            " Lines: the networks.",
            difficulty.wright_words(results),
            partial(difficulty.wright_chart, results),
            lambda: difficulty.wright_rows(results),
        )
    if results.records("times"):
        yield entry_of(
            results,
            "times",
            "Response times",
            "Bars: from the lower to the upper quartile of the seconds per answer; diamond: median; dots and rings:"
            " medians of right and of wrong answers.",
            times.times_words(results),
            partial(times.times_chart, results),
            lambda: results.records("times"),
        )
    if any(record["ci_low"] is not None for record in results.records("speed_accuracy")):
        yield entry_of(
            results,
            "speed-accuracy",
            "Fast answers and slow ones",
            "Share correct over the time of each reader's own answers in fifths from fast to slow, with intervals for new images and new readers.",
            times.speed_words(results),
            partial(times.speed_chart, results),
            lambda: results.records("speed_accuracy"),
        )


def _probabilities(results: Results) -> Iterator[FigureEntry]:
    if results.records("calibration") and results.records("reliability", binning=probabilities.BINNING):
        yield entry_of(
            results,
            "reliability",
            "Reliability of the networks' probabilities",
            "Share correct against the stated probability, in 10 groups of equally many images; small numbers: images. Grey:"
            " where 95 of 100 perfectly calibrated networks would lie. ECE: expected calibration error.",
            probabilities.reliability_words(results),
            partial(probabilities.reliability_chart, results),
            lambda: probabilities.reliability_rows(results),
        )
    if results.records("risk_coverage"):
        yield entry_of(
            results,
            "risk-coverage",
            "Risk against coverage",
            "Share of wrong answers among the items on which a network is most sure, from the surest on.",
            probabilities.risk_words(results),
            partial(probabilities.risk_chart, results),
            lambda: results.records("risk_coverage"),
        )
    if results.records("reader_reliability"):
        yield entry_of(
            results,
            "reader-reliability",
            "Reliability of the readers' confidence",
            "Share correct against the confidence stated, in 10 groups of equal width; small numbers: answers. Grey:"
            " where 95 of 100 perfectly calibrated groups of as many answers would lie. ECE: expected calibration"
            " error.",
            probabilities.reliability_words(results, probabilities.READERS),
            partial(probabilities.reliability_chart, results, probabilities.READERS),
            lambda: probabilities.reliability_rows(results, probabilities.READERS),
        )
    if results.records("reader_risk_coverage"):
        yield entry_of(
            results,
            "reader-risk-coverage",
            "Risk against coverage, readers",
            "Share of wrong answers among those of which the readers of a group were most sure, from the surest on.",
            probabilities.risk_words(results, probabilities.READERS),
            partial(probabilities.risk_chart, results, probabilities.READERS),
            lambda: results.records("reader_risk_coverage"),
        )
