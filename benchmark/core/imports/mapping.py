"""map.toml: which column of an export is the reader, the group, and the answer to which item and view.

Columns are named one by one (`[[answer]]`) or by a pattern with {item}, {view}, {survey}, {position} or
{showing} (1, or 2 where an item came a second time) in it. The second answer, with a network's output in sight, and what
the network said stand in columns beside the first one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Self

from benchmark.core.errors import InputError, Problem
from benchmark.core.untrusted_toml import parse_toml

SCHEMA = "import-map/1"
SOURCES = ("qualtrics", "redcap", "wide", "long")
SHOWN = ("all", "answered", "survey")
PLACES = ("item", "view", "survey", "position", "showing")
# What stands beside an answer where the reader answered again: the columns of readings.csv, the time also in seconds.
SECOND = ("assistant", "assistant_answer", "assisted_answer", "assisted_rt_s", "assisted_rt_ms", "asked_again")
KNOWN = {
    "": {
        "schema",
        "source",
        "reader",
        "sitting",
        "answers",
        "answer",
        "pattern",
        "views",
        "items",
        "long",
        "assisted",
        "simulated",
    },
    "reader": {"id", "group", "group_is", "groups"},
    "sitting": {"survey", "survey_is", "view", "completed_at", "time_format", "keep", "shown"},
    "answers": {"labels", "no_answer"},
    "pattern": {"answer", "confidence", "rt_s", "rt_ms", *SECOND},
    "long": {
        "item", "view", "answer", "truth", "position", "showing", "confidence", "rt_s", "rt_ms", "answered_at", "kind", *SECOND
    },
    "assisted": {"assistant_is", "answers"},
}  # fmt: skip
ANSWER_FIELDS = {"column", "item", "view", "survey", "position", "block", "showing", "confidence", "rt_s", "rt_ms", *SECOND}


@dataclass(frozen=True)
class SecondAnswer:
    """The columns of a second answer and of the network's output that was in sight; empty where there is none."""

    assistant: str = ""
    assistant_answer: str = ""
    assisted_answer: str = ""
    asked_again: str = ""
    rt: str = ""
    rt_scale: float = 1.0  # from the column's unit to milliseconds

    @classmethod
    def of(cls, columns: Mapping[str, str]) -> Self:
        """From the names of columns by what they hold, as in SECOND."""
        rt_ms, rt_s = columns.get("assisted_rt_ms", ""), columns.get("assisted_rt_s", "")
        names = (columns.get(name, "") for name in ("assistant", "assistant_answer", "assisted_answer", "asked_again"))
        return cls(*names, rt_ms or rt_s, 1.0 if rt_ms else 1000.0)

    def named(self) -> list[str]:
        return [self.assistant, self.assistant_answer, self.assisted_answer, self.asked_again, self.rt]


@dataclass(frozen=True)
class AnswerColumn:
    """One column that holds answers, what was asked there, and the columns of its confidence and its time."""

    column: str
    item: str
    view: str = ""
    survey: str = ""
    position: str = ""
    block: str = ""
    showing: str = ""  # "2" where the item came a second time
    confidence: str = ""
    rt: str = ""
    rt_scale: float = 1.0  # from the column's unit to milliseconds
    second: SecondAnswer = SecondAnswer()


@dataclass(frozen=True)
class ImportMap:
    """A checked map.toml. keep: column -> the values of rows that count; the others are left out and counted. view: the
    column that says which view a whole row is of, as REDCap's events do. assistant_is: the network whose output was in sight
    of every second answer; assistant_answers: what it said, by item or by "item/view"."""

    source: str
    reader: str
    group: str = ""
    group_is: str = ""
    groups: dict[str, str] = field(default_factory=dict)
    survey: str = ""
    survey_is: str = ""
    view: str = ""
    completed_at: str = ""
    time_format: str = ""
    keep: dict[str, tuple[str, ...]] = field(default_factory=dict)
    shown: str = "all"
    labels: dict[str, str] = field(default_factory=dict)
    no_answer: tuple[str, ...] = ()
    answers: tuple[AnswerColumn, ...] = ()
    pattern: dict[str, str] = field(default_factory=dict)
    views: dict[str, str] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    long: dict[str, str] = field(default_factory=dict)
    assistant_is: str = ""
    assistant_answers: dict[str, str] = field(default_factory=dict)
    simulated: bool = False

    def columns(self, header: list[str]) -> list[AnswerColumn]:
        """The answer columns of an export with this header: those named, then those that the pattern finds."""
        found = list(self.answers)
        if "answer" in self.pattern:
            expression = _expression(self.pattern["answer"], self.views)
            beside = [_expression(text, self.views) for key, text in self.pattern.items() if key != "answer"]
            said = {self.reader, self.group, self.survey, self.view, self.completed_at, *self.keep}
            names = [name for name in header if name not in said and not any(other.fullmatch(name) for other in beside)]
            found += [self._matched(match, header) for name in names if (match := expression.fullmatch(name))]
        return found

    def _matched(self, match: re.Match[str], header: list[str]) -> AnswerColumn:
        places = match.groupdict()

        def beside(key: str) -> str:
            name = self.pattern.get(key, "")
            for place, value in places.items():
                name = name.replace(f"{{{place}}}", value)
            return name if name in header else ""

        item, view = places["item"], places.get("view", "")
        rt_s, rt_ms = beside("rt_s"), beside("rt_ms")
        return AnswerColumn(
            match.string,
            self.items.get(item, item),
            self.views.get(view, view),
            places.get("survey", ""),
            places.get("position", ""),
            "",
            places.get("showing", ""),
            beside("confidence"),
            rt_ms or rt_s,
            1.0 if rt_ms else 1000.0,
            SecondAnswer.of({name: beside(name) for name in SECOND}),
        )


def _expression(pattern: str, views: dict[str, str]) -> re.Pattern[str]:
    """A pattern as a regular expression; where the map lists views, {view} is one of them; {showing} is 1 or 2."""

    def place(name: str) -> str:
        known = {"view": "|".join(map(re.escape, views)), "showing": "[12]"}.get(name, "")
        return f"(?P<{name}>{known or '.+?'})"

    parts = re.split(r"\{(\w+)\}", pattern)
    return re.compile("".join(place(part) if index % 2 else re.escape(part) for index, part in enumerate(parts)))


def read_map(path: str | PathLike) -> ImportMap:
    """Read map.toml. Raises InputError that names every field which is missing, unknown or not as expected."""
    name = Path(path).name
    try:
        data = parse_toml(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"A readable map was needed; {name} could not be read ({error}).") from error
    problems = list(_problems(data))
    if problems:
        raise InputError(f"{name} cannot be used as a map; nothing was imported.", problems)
    reader, sitting, answers = data["reader"], data.get("sitting", {}), data.get("answers", {})
    return ImportMap(
        source=data["source"],
        reader=reader["id"],
        group=reader.get("group", ""),
        group_is=reader.get("group_is", ""),
        groups=_texts(reader.get("groups", {})),
        survey=sitting.get("survey", ""),
        survey_is=sitting.get("survey_is", ""),
        view=sitting.get("view", ""),
        completed_at=sitting.get("completed_at", ""),
        time_format=sitting.get("time_format", ""),
        keep={column: tuple(map(str, values)) for column, values in sitting.get("keep", {}).items()},
        shown=sitting.get("shown", "all"),
        labels=_texts(answers.get("labels", {})),
        no_answer=tuple(map(str, answers.get("no_answer", ()))),
        answers=tuple(_answer(entry) for entry in data.get("answer", [])),
        pattern=_texts(data.get("pattern", {})),
        views=_texts(data.get("views", {})),
        items=_texts(data.get("items", {})),
        long=_texts(data.get("long", {})),
        assistant_is=str(data.get("assisted", {}).get("assistant_is", "")),
        assistant_answers=_texts(data.get("assisted", {}).get("answers", {})),
        simulated=bool(data.get("simulated", False)),
    )


def _texts(table: dict[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in table.items()}


def _answer(entry: dict[str, Any]) -> AnswerColumn:
    texts = _texts(entry)
    names = ("column", "item", "view", "survey", "position", "block", "showing", "confidence")
    rt = texts.get("rt_ms") or texts.get("rt_s", "")
    scale = 1.0 if "rt_ms" in texts else 1000.0
    return AnswerColumn(*(texts.get(name, "") for name in names), rt, scale, SecondAnswer.of(texts))


def _problems(data: dict[str, Any]):
    for section, known in KNOWN.items():
        table = data if section == "" else data.get(section, {})
        if not isinstance(table, dict):
            yield Problem(None, section, "a table was expected.")
            return
        for key in table:
            if key not in known:
                yield Problem(
                    None, f"{section}.{key}".lstrip("."), f"is not known; known are {', '.join(sorted(known))}."
                )
    if data.get("schema") != SCHEMA:
        yield Problem(None, "schema", f'"{SCHEMA}" was expected, {data.get("schema")!r} was found.')
    if data.get("source") not in SOURCES:
        yield Problem(None, "source", f"{', '.join(SOURCES)} was expected, {data.get('source')!r} was found.")
    reader = data.get("reader", {})
    if not reader.get("id"):
        yield Problem(None, "reader.id", "the column that names the reader is needed.")
    if not reader.get("group") and not reader.get("group_is"):
        yield Problem(None, "reader.group", "the column of the group, or group_is with one name for all, is needed.")
    if data.get("sitting", {}).get("shown", "all") not in SHOWN:
        yield Problem(None, "sitting.shown", f"{' or '.join(SHOWN)} was expected.")
    yield from _answer_problems(data)
    yield from _second_problems(data)


def _second_problems(data: dict[str, Any]):
    """A second answer says nothing without the network that was in sight and what it answered."""
    long = data.get("source") == "long"
    tables = {"long": data.get("long", {})} if long else {"pattern": data.get("pattern", {})}
    tables |= {} if long else {f"answer {number}": entry for number, entry in enumerate(data.get("answer", []), 1)}
    assisted = data.get("assisted", {})
    for name, table in tables.items():
        if not table.get("assisted_answer"):
            continue
        if not table.get("assistant") and not assisted.get("assistant_is"):
            yield Problem(None, f"{name}.assistant", "the column that names the network in sight, or assistant_is under [assisted], is needed.")
        if not table.get("assistant_answer") and not assisted.get("answers"):
            yield Problem(None, f"{name}.assistant_answer", "the column of the network's answer, or a table [assisted.answers], is needed.")


def _answer_problems(data: dict[str, Any]):
    if data.get("source") == "long":
        for key in ("item", "answer"):
            if not data.get("long", {}).get(key):
                yield Problem(None, f"long.{key}", "the column is needed for a long table.")
        return
    pattern = str(data.get("pattern", {}).get("answer", ""))
    if not data.get("answer") and not pattern:
        yield Problem(None, "answer", "[[answer]] entries or [pattern] answer are needed to find the answers.")
    places = re.findall(r"\{(\w+)\}", pattern)
    if pattern and "item" not in places:
        yield Problem(None, "pattern.answer", 'a pattern with {item} in it was expected, for example "{view}_{item}".')
    for place in places:
        if place not in PLACES or places.count(place) > 1:
            yield Problem(None, "pattern.answer", f"{{{place}}} is not one of {', '.join(PLACES)}, once each.")
    for number, entry in enumerate(data.get("answer", []), 1):
        for key in sorted({"column", "item"} - set(entry)):
            yield Problem(None, f"answer {number}", f"{key} is needed.")
        for key in sorted(set(entry) - ANSWER_FIELDS):
            yield Problem(
                None, f"answer {number}", f"{key} is not known; known are {', '.join(sorted(ANSWER_FIELDS))}."
            )
