"""Agreement within readers in the report: do they answer as before when an image comes again, and what does that bound?"""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, percent, plural

from . import html
from .further import Column, Part, parts_of

WHO = (Column("Readers", "group", "group"), Column("View", "view"))
PARTS = (
    Part(
        "within_reader",
        "One reader beside two",
        "Pairs of answers to the same image: one reader's at both showings, and two readers' at the first. Difference: one reader"
        " minus two, with its interval for new readers and new images. Kappa: Cohen's.",
        (*WHO, Column("Pairs", "pairs"), Column("Same", "same", "percent"), Column("Kappa", "cohen_kappa", "number"),
         Column("AC1", "gwet_ac1", "number"), Column("Two readers", "between_same", "percent"),
         Column("Difference", "difference", "points"),
         Column("Interval", "ci", "interval")),
    ),
    Part(
        "within_reader_changes",
        "What became of right and wrong answers, and does practice help?",
        "Lost: right, then wrong; gained: the other way round. Accuracy at the second showing minus that at the first, on the same images; time of"
        " the second answer over that of the first.",
        (*WHO, Column("Pairs", "pairs"), Column("Lost", "right_then_wrong"), Column("Gained", "wrong_then_right"),
         Column("First", "accuracy_first", "percent"), Column("Second", "accuracy_second", "percent"),
         Column("Difference", "difference", "points"), Column("Interval", "ci", "interval"), Column("p", "p", "p"),
         Column("Time", "time_ratio", "number")),
    ),
    Part(
        "within_reader_relation",
        "Do unsure, slow and far answers change more often?",
        "Chance that an answer which stayed was given with more confidence, took longer, or was given more pages before its second showing,"
        " than one that changed: 50 % where there is no relation; less for pages where readers remember.",
        (*WHO, Column("By", "measure", "words"), Column("Pairs", "pairs"), Column("Median, stayed", "of_same", "number"),
         Column("Median, changed", "of_changed", "number"), Column("Larger where it stayed", "auc_same_over_changed", "percent"),
         Column("Interval", "ci", "interval")),
    ),
    Part(
        "within_reader_classes",
        "Agreement with oneself by class",
        "Intervals respect that readers and images come again.",
        (*WHO, Column("Class", "class", "words"), Column("Pairs", "pairs"), Column("Same", "same", "percent"), Column("Interval", "ci", "interval")),
    ),
    Part(
        "within_reader_readers",
        "Every reader",
        "Over all views; a single reader's pairs are few. Lost: right, then wrong; gained: the other way round.",
        (WHO[0], Column("Reader", "reader", "words"), Column("Pairs", "pairs"), Column("Same", "same", "percent"),
         Column("Interval", "ci", "interval"), Column("Lost", "right_then_wrong"), Column("Gained", "wrong_then_right")),
    ),
)  # fmt: skip


def within_reader(results: Results, drawings: dict[str, str]) -> list[str]:
    """A sentence per group and view, the figure, and the tables; nothing where nothing came again."""
    records = results.records("within_reader")
    if not records:
        return []
    parts = [
        html.paragraph(
            "A share of the images came a second time in the same block, unannounced. Only first answers are compared anywhere else"
            " in this report. Readers who do not remember an image agree with one another at most as often as with themselves: their"
            " own agreement is the upper bound. Whoever remembers an image gives the same answer more often than that."
        ),
        html.bullets(within_reader_sentences(results)),
        drawings.get("within-reader", ""),
    ]
    return [*parts, *parts_of(results, PARTS)]


def within_reader_sentences(results: Results) -> list[str]:
    return [_sentence(record) for record in results.records("within_reader")]


def _sentence(record: dict[str, Any]) -> str:
    who = f"{plural(record['group'])}{on_view(record['view'])}"
    who = who[:1].upper() + who[1:]
    if record["same"] is None:
        return f"{who}: not estimable ({record['why']})."
    own = (
        f"{who} gave the same answer again in {percent(record['same'])} of {record['pairs']} pairs"
        f" ({interval(record['same_ci_low'], record['same_ci_high'])}; Cohen's kappa {number(record['cohen_kappa'])}, AC1"
        f" {number(record['gwet_ac1'])})"
    )
    if record["between_same"] is None:
        return f"{own}; how far they agree with one another on these images is not known ({record['why']})."
    return f"{own}; two of them gave the same answer to these images in {percent(record['between_same'])}."
