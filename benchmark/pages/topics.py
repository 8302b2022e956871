"""The sections of results.json in words: which page shows which, with what columns, and how a number is printed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from benchmark.core.wording import bare_p, interval, number, plural, readable

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a printed table. `kind` says how the value is printed; `high` names the upper bound of an interval.

    place: "under": on a page it stands in the cell of the column before it, below its value; a file keeps it a column.
    """

    key: str
    label: str
    kind: str = "words"
    high: str = ""
    place: str = ""

    @property
    def is_number(self) -> bool:
        return self.kind not in ("words", "who", "group", "group or all", "verdict", "exact", "binning")

    def text(self, record: Record) -> str:
        if self.kind == "who":
            return readable(record.get("reader")) if record.get("kind") == "model" else plural(record.get("group"))
        value = record.get(self.key)
        if self.high and self.key not in record:  # a quantity that this record's kind does not have
            return "–"
        if self.high:
            decimals, scale = {"interval": (2, 1), "fine interval": (3, 1)}.get(self.kind, (1, 100))
            return interval(value, record.get(self.high), decimals, scale)
        return PRINTED[self.kind](value)

    def rank(self, record: Record) -> Any:
        """What sorting goes by: the exact value, never its rounded print."""
        value = record.get(self.key)
        return self.text(record) if value is None or isinstance(value, list | dict) else value


def _verdict(value: bool | None) -> str:
    return "–" if value is None else "yes" if value else "no"


def _binning(name: str | None) -> str:
    """ "ece_10_equal_mass" -> "10 of equal count"."""
    bins, _, how = str(name or "").removeprefix("ece_").partition("_")
    return f"{bins} of equal {'count' if how == 'equal_mass' else 'width'}" if how else "–"


def _scaled(factor: float, decimals: int):
    return lambda value: number(None if value is None else factor * value, decimals)


PRINTED = {
    "words": lambda value: readable(str(value)) if value not in (None, "") else "–",
    "exact": lambda value: str(value) if value not in (None, "") else "–",
    "group or all": lambda value: plural(value) or "all",
    "group": lambda value: plural(value) or "–",
    "verdict": _verdict,
    "count": lambda value: "–" if value is None else f"{value:,}",
    "percent": _scaled(100, 1),
    "share": _scaled(1, 1),
    "points": _scaled(100, 1),
    "number": _scaled(1, 2),
    "fine": _scaled(1, 3),
    "seconds": lambda value: number(value, 1 if value is None or value >= 2 else 2),
    "binning": _binning,
    "p": bare_p,
}


@dataclass(frozen=True)
class Section:
    """One table of the results: its name in results.json, a title and a sentence in words, and its columns.

    none: what it means that the analysis has no records of it.
    """

    name: str
    title: str
    about: str
    columns: tuple[Column, ...]
    none: str = "the data or the plan hold nothing for it"


@dataclass(frozen=True)
class Topic:
    """One page of the results: the question that it answers, and its sections."""

    slug: str
    label: str
    question: str
    lead: str
    sections: tuple[Section, ...]
    figures: tuple[str, ...] = field(default=())


def _column(text: str) -> Column:
    return Column(*(part.strip() for part in text.split("|")))


def _read_topics(name: str) -> tuple[Topic, ...]:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tuple(_topic(**table) for table in tomllib.loads(text)["topics"])


def _topic(*, sections: list[dict], figures: list[str], **words: str) -> Topic:
    found = [
        Section(**{**table, "columns": tuple(_column(column) for column in table["columns"])}) for table in sections
    ]
    return Topic(**words, sections=tuple(found), figures=tuple(figures))


TOPICS = _read_topics("topics.toml")
RATING_TOPICS = _read_topics("rating_topics.toml")
WHY = Column("why", "Why not", "exact")
ITEM_FIGURES = ("difficulty",)
# Shown where they belong by pages of their own, or records of how the analysis was run rather than results.
PLACED = frozenset(
    ("paired", "paired_units", "new_images", "confusion", "items", "inputs", "sittings")
    + tuple(section.name for topic in TOPICS for section in topic.sections)
)
RATINGS_PLACED = frozenset(
    ("hype", "pictures", "inputs") + tuple(section.name for topic in RATING_TOPICS for section in topic.sections)
)
HYPE = Section(
    "hype",
    "Error, sensitivity and criterion",
    "Per condition: all wrong judgments, both components, d' and criterion, below each its interval for new raters and new images.",
    tuple(
        _column(text)
        for text in (
            "set | Condition | words", "evaluators | Raters | count", "images | Images | count",
            "judgments | Judgments | count", "error | Wrong (%) | percent", "ci_low | Interval (%) | percent | ci_high | under",
            "fakes_called_real | Generated called real (%) | percent",
            "fakes_called_real_ci_low | Interval (%) | percent | fakes_called_real_ci_high | under",
            "reals_called_fake | Real called generated (%) | percent",
            "reals_called_fake_ci_low | Interval (%) | percent | reals_called_fake_ci_high | under", "dprime | d' | number",
            "dprime_ci_low | Interval | interval | dprime_ci_high | under", "criterion | Criterion | number",
            "criterion_ci_low | Interval | interval | criterion_ci_high | under", "p_chance | p against guessing | p",
            "p_equivalent_to_chance | p of equivalence | p | | under", "equivalent_to_chance | Equivalent to guessing | verdict",
        )
    ),
)  # fmt: skip
PICTURES = Section("pictures", "Every single image", "Those most often called generated first.", (
    Column("image", "Image", "exact"), Column("truth", "Is", "words"), Column("set", "Condition", "words"),
    Column("class", "Class", "exact"), Column("judgments", "Judgments", "count"),
    Column("share_called_generated", "Called generated (%)", "percent"),
    Column("ci_low", "Interval (%)", "percent", "ci_high"), Column("mean_confidence", "Mean confidence", "share"),
))  # fmt: skip
ITEM_COLUMNS = (
    Column("item", "Item", "exact"),
    Column("view", "View"),
    Column("truth", "Truth", "exact"),
    Column("readings", "Readings", "count"),
    Column("correct", "Right", "count"),
    Column("share_correct", "Right (%)", "percent"),
    Column("ci_low", "Interval (%)", "percent", "ci_high"),
    Column("taken_for", "Most often taken for", "exact"),
    Column("taken_for_times", "that often", "count"),
    Column("networks_correct", "Networks that had it right", "exact"),
)


def guessed_columns(records: list[Record]) -> tuple[Column, ...]:
    """Columns of a section that this page has no words for, from the values themselves."""
    names = dict.fromkeys(key for record in records for key in record if key != "why")
    return tuple(Column(name, readable(name).capitalize(), _guess(name, records)) for name in names)


def _guess(name: str, records: list[Record]) -> str:
    values = [record[name] for record in records if record.get(name) is not None]
    if values and all(isinstance(value, bool) for value in values):
        return "verdict"
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "count"
    if values and all(isinstance(value, int | float) for value in values):
        return "p" if name == "p" or name.startswith("p_") else "fine"
    return "exact"
