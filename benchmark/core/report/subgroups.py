"""Kinds of images in the report: how accurate people and networks are on each, and whether the network's lead holds on all."""

from __future__ import annotations

from collections.abc import Iterator
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
        "Network minus readers on the images of the kind, for new images and new readers. With fewer than some thirty images of a kind the interval"
        " is too narrow where the network is right on nearly all of them: at 10 to 20 images a lead that is not there is shown about three times as"
        " often as the level says.",
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
    """Per attribute and view: from where to where everybody's accuracy goes, and how many kinds differ; then the networks' leads."""
    alpha = results["plan"]["alpha"]
    for what, records in _by_attribute(results.records("subgroups")):
        ranges = [_range(who, own) for who, own in _each(records, _who)]
        known = [r for r in records if r["p_adjusted"] is not None]
        differ = [f"{_who(r)[0]} on {r['kind_of_image']}" for r in known if r["p_adjusted"] < alpha]
        held = f"shown to differ from the other images of the same class ({alpha:g} level, adjusted): {'; '.join(differ) or 'none'}"
        yield f"{what}: {', '.join(ranges)}" + (f"; {held}." if known else ".")
    for what, records in _by_attribute([r for r in results.records("subgroup_differences") if r["difference"] is not None]):
        yield f"{what}: " + ", ".join(_lead(model, group, own) for (model, group), own in _each(records, lambda r: (r["model"], r["group"]))) + "."


def _by_attribute(records: list[Record]) -> Iterator[tuple[str, list[Record]]]:
    """The records of each attribute and view, with its words: "Skin tone on focused images"."""
    for (attribute, view), own in _each(records, lambda r: (r["attribute"], r["view"])):
        yield f"{readable(attribute).capitalize()}{on_view(view)}", own


def _each(records: list[Record], key) -> Iterator[tuple[Any, list[Record]]]:
    """Records of one key together, by first appearance."""
    found: dict[Any, list[Record]] = {}
    for record in records:
        found.setdefault(key(record), []).append(record)
    return iter(found.items())


def _ends(records: list[Record], field: str) -> tuple[Record, Record]:
    return min(records, key=lambda r: r[field]), max(records, key=lambda r: r[field])


def _who(record: Record) -> tuple[str, str]:
    return (named_model(record["reader"]), "was") if record["kind"] == "model" else (plural(record["group"]), "were")


def _range(who: tuple[str, str], records: list[Record]) -> str:
    low, high = _ends(records, "accuracy")
    ends = f"{percent(low['accuracy'])} ({low['kind_of_image']}) to {percent(high['accuracy'])} ({high['kind_of_image']})"
    return f"{who[0]} {who[1]} right {ends} of the time"


def _lead(model: str, group: str, records: list[Record]) -> str:
    low, high = _ends(records, "difference")
    ends = [f"{number(100 * r['difference'], 1)} points ({r['kind_of_image']})" for r in (low, high)]
    return f"{named_model(model)} minus {plural(group)} from {ends[0]} to {ends[1]}"
