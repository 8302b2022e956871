"""The last chapter: items of the guidelines, and where this protocol answers each."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib import resources

from .document import Chapter, Paragraph, Part, Table
from .facts import Given

OPEN, UNFIT = "to be written by you", "does not fit a reading study"


@cache
def guidelines() -> dict[str, dict]:
    return tomllib.loads(resources.files(__package__).joinpath("items.toml").read_text(encoding="utf-8"))


def checklists(given: Given, chapters: Sequence[Chapter]) -> list[Part]:
    """One table per guideline that fits the study; chapters: those before, in order."""
    numbers = {chapter.anchor: (number, chapter.title) for number, chapter in enumerate(chapters, start=1)}
    parts: list[Part] = [
        Paragraph(
            "Items by their numbers, in short words of our own. The guidelines were written for trials and for reports: for each item the chapter"
            " is named that answers it here, or that it is still open. Complete the official forms for a submission."
        )
    ]
    for guideline in guidelines().values():
        if not _fits(given, guideline.get("needs")):
            continue
        rows = []
        for number, other, topic, anchor, fields in guideline["items"]:
            rows.append([number, *([other] if _has_two(guideline) else []), topic, _answer(given, numbers[anchor], fields)])
        header = ["Item", *(["2013"] if _has_two(guideline) else []), "Topic", "Answered in"]
        parts.append(Table(guideline["title"], header, rows))
    return parts


def _has_two(guideline: dict) -> bool:
    return any(other for _, other, *_ in guideline["items"])


def _fits(given: Given, needs: str | None) -> bool:
    assisted = given["surveys"]["control"] is not None
    fits = {"network": bool(given["networks"]) or assisted, "assistance": assisted, "diagnosis": not given.is_rating}
    return fits.get(needs or "", True)


def _answer(given: Given, chapter: tuple[int, str], fields: Sequence[str]) -> str:
    where = f"{chapter[0]}. {chapter[1]}"
    if "none" in fields:
        return UNFIT
    open_fields = [name for name in fields if not _is_told(given, name)]
    return f"{OPEN}, in {where}" if open_fields else where


def _is_told(given: Given, name: str) -> bool:
    if name == "person":
        return False
    if name == "plan":
        return given.plan is not None
    if name == "study.registration" and given.plan and given.plan.registration:
        return True
    return bool(given.recorded(name))
