"""Kinds of images in the report: how accurate people and networks are on each, and whether the network's lead holds on all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import named_model, number, on_view, percent, plural, readable

from . import html
from .further import TESTED, WHO, Column, Part, parts_of

Record = dict[str, Any]
KIND = (Column("Attribute", "attribute", "text"), Column("Kind", "kind_of_image", "words"))
PARTS = (
    Part(
        "subgroups",
        "How accurate are people and networks on each kind of image?",
        "Difference: from the other images of the same class, for new images (and, of people, new readers). p adjusted for the false discovery rate"
        " over the table.",
        (Column("Readers", "group", "group"), Column("Network", "reader", "words"), Column("View", "view"), *KIND, Column("Items", "items"),
         Column("Correct", "accuracy", "percent"), *TESTED, Column("p adjusted", "p_adjusted", "p"), Column("Why not", "why", "words")),
    ),
    Part(
        "subgroup_differences",
        "Is the network ahead on every kind of image?",
        "Network minus readers on the images of the kind, for new images and new readers.",
        (*WHO, *KIND, Column("Items", "items"), *TESTED, Column("p adjusted", "p_adjusted", "p")),
    ),
)  # fmt: skip
INTRODUCTION = (
    "What is known of the images beside their class: kinds of fewer than five images are merged or left out, and a number with many values is"
    " cut into thirds of the images. Nobody chose which images are of which kind, and a kind may go with how hard its images are for other"
    " reasons. A difference that is not shown is not shown to be absent. All of this is exploratory."
)


def subgroups(results: Results) -> list[str]:
    """The sentences and tables; nothing where nothing is known of the images."""
    if not results.records("subgroups"):
        return []
    return [html.paragraph(INTRODUCTION), html.bullets(list(subgroup_sentences(results))), *parts_of(results, PARTS)]


def subgroup_sentences(results: Results) -> Iterator[str]:
    """Per attribute and view: from where to where each one's accuracy goes, then each network's lead."""
    alpha = f"{results['plan']['alpha']:g}"
    for (attribute, view, who), records in _sets(results.records("subgroups"), _who):
        low, high = _ends(records, "accuracy")
        known = [r for r in records if r["p_adjusted"] is not None]
        differ = sum(r["p_adjusted"] < results["plan"]["alpha"] for r in known)
        shown = f"of {len(known)} kinds {differ or 'none'} {'are' if differ > 1 else 'is'} shown to differ from the other images of the same class"
        test = f"; {shown} ({alpha} level, adjusted)" if known else ""
        yield (
            f"{readable(attribute).capitalize()}{on_view(view)}: {who} right {percent(low['accuracy'])} ({low['kind_of_image']}) to"
            f" {percent(high['accuracy'])} ({high['kind_of_image']}) of the time{test}."
        )
    for (attribute, view, who), records in _sets(results.records("subgroup_differences"), _lead):
        known = [r for r in records if r["difference"] is not None]
        low, high = _ends(known, "difference")
        yield (
            f"{readable(attribute).capitalize()}{on_view(view)}: {who} goes from {number(100 * low['difference'], 1)} points"
            f" ({low['kind_of_image']}) to {number(100 * high['difference'], 1)} ({high['kind_of_image']})."
        )


def _sets(records: list[Record], who) -> Iterator[tuple[tuple, list[Record]]]:
    def key(record: Record) -> tuple:
        return record["attribute"], record["view"], who(record)

    return ((name, list(own)) for name, own in groupby(records, key))


def _ends(records: list[Record], field: str) -> tuple[Record, Record]:
    return min(records, key=lambda r: r[field]), max(records, key=lambda r: r[field])


def _who(record: Record) -> str:
    return f"{named_model(record['reader'])} was" if record["kind"] == "model" else f"{plural(record['group'])} were"


def _lead(record: Record) -> str:
    return f"the lead of {named_model(record['model'])} over {plural(record['group'])}"
