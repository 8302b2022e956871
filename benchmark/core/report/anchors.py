"""Anchors in the report: all readers on the images that every survey shows."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, on_view, percent, plural

from . import html
from .further import Column, Part, parts_of

WHO = (Column("Readers", "group", "group"), Column("View", "view"))
PARTS = (
    Part(
        "anchors",
        "Do all readers agree on them?",
        "Coefficients as in the section on agreement, of every reader with every other; the interval of Fleiss' kappa is for new images of"
        " the kind. Correct: on the anchors, and on the same readers' other images.",
        (*WHO, Column("n", "readers"), Column("Kappa", "fleiss_kappa", "number"), Column("Interval", "fleiss_kappa", "kappa interval"),
         Column("Alpha", "krippendorff_alpha", "number"), Column("AC1", "gwet_ac1", "number"), Column("Same", "percent_agreement", "percent"),
         Column("Correct", "accuracy", "percent"), Column("Others", "accuracy_others", "percent")),
    ),
    Part(
        "anchor_standing",
        "Do readers stand on the anchors as on their other images?",
        "Correlation over readers of accuracy on anchors and on other images, with its interval; few images make it small even where readers"
        " stand alike. Places: how many per cent of the others the difficulty of her own images moves a reader past, on average.",
        (*WHO, Column("n", "readers"), Column("Correlation", "correlation", "number"), Column("Interval", "ci", "plain interval"),
         Column("Of ranks", "rank_correlation", "number"), Column("SD of readers", "sd_reader", "points"),
         Column("Places", "places_moved", "tenth")),
    ),
    Part(
        "anchor_groups",
        "Do groups differ where all read the same?",
        "First minus second group on the anchors, for new readers and new images of the kind.",
        (Column("First", "first", "group"), Column("Second", "second", "group"), Column("View", "view"), Column("Difference", "difference", "points"),
         Column("Interval", "ci", "interval"), Column("p", "p", "p"), Column("p adjusted", "p_adjusted", "p")),
    ),
    Part(
        "anchor_drift",
        "Did readers change over the weeks of the study?",
        "Later half of the readers, by when they finished, minus the earlier half; on other images the two halves read different ones.",
        (*WHO, Column("Images", "images", "words"), Column("Later", "readers_first"), Column("Earlier", "readers_second"),
         Column("Difference", "difference", "points"), Column("Interval", "these_images", "these images"), Column("p", "these_images_p", "p")),
    ),
    Part(
        "anchor_readers",
        "Every reader",
        "Above others: accuracy minus that of the group's other readers on the same images. Place: per cent of the group's other readers"
        " whom the reader is above, on the anchors, on the whole survey, and by how far above others.",
        (WHO[0], Column("Reader", "reader", "words"), WHO[1], Column("Anchors", "accuracy", "percent"),
         Column("Others", "accuracy_others", "percent"), Column("Above others", "above_others", "points"),
         Column("Agrees", "agrees_with_others", "percent"), Column("Place, anchors", "percentile", "whole"),
         Column("Place, survey", "percentile_whole", "whole"), Column("Place, net", "percentile_net", "whole")),
    ),
)  # fmt: skip


def anchors(results: Results, drawings: dict[str, str]) -> list[str]:
    """What anchors are and weigh, a sentence per group and view, the figure, and the tables; nothing where there are none."""
    records = results.records("anchors")
    if not records:
        return []
    share = max(record["readings_share"] for record in records)
    parts = [
        html.paragraph(
            f"Every survey showed the same {max(record['items'] for record in records)} images, the anchors, among its own: they are up to"
            f" {percent(share, 0)} of a group's readings. Everywhere else in this report an anchor weighs as much as an average other image of"
            " its class, so that accuracies and differences are those over all images."
        ),
        html.bullets(anchor_sentences(results)),
        drawings.get("anchors", ""),
    ]
    return [*parts, *parts_of(results, PARTS)]


def anchor_sentences(results: Results) -> list[str]:
    return [_sentence(record) for record in results.records("anchors")]


def _sentence(record: dict[str, Any]) -> str:
    who = f"{plural(record['group'])}{on_view(record['view'])}"
    return (
        f"{who[:1].upper()}{who[1:]} named the anchors correctly in {percent(record['accuracy'])}"
        f" ({interval(record['accuracy_ci_low'], record['accuracy_ci_high'])}) and their other images in {percent(record['accuracy_others'])};"
        f" two of them gave the same answer to an anchor in {percent(record['percent_agreement'])}, Fleiss' kappa"
        f" {number(record['fleiss_kappa'])}."
    )
