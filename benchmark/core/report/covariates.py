"""Readers' own statements in the report: does accuracy go with years in practice, do choices differ, who beats the most experienced?"""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import ahead, both_intervals, interval, number, on_view, p_value, plural, readable

from . import html
from .further import BOTH, Column, Part, parts_of

Record = dict[str, Any]
ASKED = (Column("Asked", "covariate"), Column("Readers", "group", "group"), Column("View", "view"))
PARTS = (
    Part(
        "reader_covariates",
        "Does accuracy go with it?",
        "A number: change of accuracy per so many of it; two choices: the first minus the second. Readers, where not named: all,"
        " within their groups. p adjusted for the false discovery rate over the table.",
        (*ASKED, Column("First", "first", "words"), Column("Second", "second", "words"), Column("Per", "per", "words"),
         Column("n", "readers"), *BOTH[:5], Column("p adjusted", "p_adjusted", "p"), Column("Why not", "why", "words")),
    ),
    Part(
        "reader_covariates_levels",
        "How accurate are the readers of every answer?",
        "Choices, and the thirds of readers with most and with least of a number. Intervals respect that readers and images come again.",
        (*ASKED, Column("Level", "level", "words"), Column("From", "from_value", "words"), Column("To", "to_value", "words"),
         Column("n", "readers"), Column("Correct", "accuracy", "percent"), Column("Interval", "ci", "interval")),
    ),
    Part(
        "reader_covariates_networks",
        "How does the network stand beside them?",
        "Network minus the readers of the level, on their own images.",
        (Column("Network", "model"), *ASKED, Column("Level", "level", "words"), Column("n", "readers"), *BOTH[:5],
         Column("p adjusted", "p_adjusted", "p")),
    ),
)  # fmt: skip


NOTHING_COMPARED = (
    "This cannot be told here: in no group of readers did two answers to the same question come from at least five readers each, and no"
    " number was asked."
)


def covariates(results: Results, drawings: dict[str, str]) -> list[str]:
    """A sentence per number and group, the figure, and the tables; nothing where readers were asked nothing."""
    records = results.records("reader_covariates")
    if not records:
        return []
    parts = [
        html.paragraph(
            "Readers answered questions about themselves before they read. Numbers and choices are used, free text never; choices of fewer"
            " than five readers are merged or left out, and nothing is told of fewer than five. All of this is exploratory: nobody was"
            " allotted to experience, and whoever has more of it differs in other ways too."
        ),
        html.bullets(covariate_answers(results)),
        drawings.get("reader-covariates", ""),
    ]
    return [*parts, *parts_of(results, PARTS)]


def covariate_sentences(results: Results) -> list[str]:
    """A sentence per number that readers stated, group and view."""
    records = results.records("reader_covariates")
    return [_sentence(record) for record in records if record["kind"] == "number" and record["group"] is not None]


def covariate_answers(results: Results) -> list[str]:
    """Every number's sentence, then choices that were compared; that nothing could be compared is an answer, too."""
    choices = [
        f"{readable(r['covariate']).capitalize()}{on_view(r['view'])}, {plural(r['group'])}:"
        f" {ahead(readable(r['first']), readable(r['second']), r['difference'], verb='were')} {both_intervals(r)}."
        for r in results.records("reader_covariates", kind="choice") if r["group"] is not None and r["difference"] is not None
    ]  # fmt: skip
    said = [*covariate_sentences(results), *choices]
    return said or ([NOTHING_COMPARED] if results.records("reader_covariates") else [])


def _sentence(record: Record) -> str:
    who = f"{plural(record['group'])}{on_view(record['view'])}, {readable(record['covariate'])}"
    who = who[:1].upper() + who[1:]
    if record["difference"] is None:
        return f"{who}: not estimable ({record['why']})."
    per = f"per {record['per']} more" if record["per"] != 1 else "per one more"
    told = f"{who}: accuracy changes by {number(100 * record['difference'], 1)} points {per}"
    if record["p"] is None:
        return f"{told}; its spread is not known ({record['why']})."
    return (
        f"{told} ({interval(record['ci_low'], record['ci_high'])}; {p_value(record['p'])}) for new readers and images,"
        f" {interval(record['these_images_ci_low'], record['these_images_ci_high'])} for these images;"
        f" {record['readers']} readers, {record['readers_without']} without an answer."
    )
