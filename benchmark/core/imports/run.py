"""From an export and its map to readings: every bad cell is told with its line and column, and then nothing is imported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.anchors import ANCHOR, YES
from benchmark.core.inputs.assisted import ASSISTED
from benchmark.core.inputs.long_table import read_text_table, rejected, with_points
from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.showings import FIRST, SECOND, SHOWING

from .mapping import AnswerColumn, ImportMap, SecondAnswer, read_map
from .sheets import Sheet, read_sheet, redcap_labels

COLUMNS = (
    "reader", "group", "kind", "survey", "block", "position", "item", "view", "truth", "answer", "confidence", "rt_ms",
    "answered_at", "completed_at", "simulated", SHOWING, *ASSISTED,
)  # fmt: skip


TIMES = ("rt_ms", "rt_s", "assisted_rt_ms", "assisted_rt_s")


@dataclass(frozen=True)
class Imported:
    """The readings as a frame with the columns of readings.csv, and sentences about what was left out."""

    frame: pd.DataFrame
    notes: tuple[str, ...]

    def readings(self, source: str) -> Readings:
        return Readings.from_frame(self.frame, source=source)


def import_readings(
    source: str | PathLike,
    mapping: str | PathLike,
    *,
    truth: str | PathLike | None = None,
    design: str | PathLike | None = None,
    dictionary: str | PathLike | None = None,
) -> Imported:
    """Read an export by its map.

    truth: items.csv or manifest.csv with the columns item and class; not needed where a long table has a truth column.
    design: design.json, which says what each survey showed and where. dictionary: REDCap's, for the labels of codes.
    """
    chart = read_map(mapping)
    sheet = _with_points(chart, read_sheet(source, chart.source, _required(chart)))
    task = _Import(chart, sheet, _truths(truth), _shown_by(design), redcap_labels(dictionary) if dictionary else {})
    rows = task.long() if chart.source == "long" else task.wide()
    if task.problems:
        raise rejected(sheet.name, task.problems)
    if not rows:
        raise InputError(f"{sheet.name} holds no reading that its map can find; nothing was imported.")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    if anchors := _anchors_in(design):
        frame[ANCHOR] = frame["item"].isin(anchors).map({True: YES, False: ""})
    unused = [] if (frame[SHOWING] == SECOND).any() else [SHOWING]
    unused += [] if frame[list(ASSISTED)].ne("").to_numpy().any() else ASSISTED
    return Imported(frame.drop(columns=unused), tuple(task.notes()))


def _required(chart: ImportMap) -> list[str]:
    named = [chart.reader, chart.group, chart.survey, chart.view, chart.completed_at, *chart.keep]
    if chart.source == "long":
        named += list(chart.long.values())
    named += [name for a in chart.answers for name in (a.column, a.confidence, a.rt, *a.second.named())]
    return list(dict.fromkeys(name for name in named if name))


def _with_points(chart: ImportMap, sheet: Sheet) -> Sheet:
    """The sheet with decimal commas made points where the map says that numbers stand: one sign over all columns of a kind."""
    if chart.source == "long":
        kinds = [{chart.long.get("confidence", "")}, {chart.long.get(key, "") for key in TIMES}]
    else:
        columns = chart.columns(sheet.header)
        kinds = [{each.confidence for each in columns}, {name for each in columns for name in (each.rt, each.second.rt)}]
    for kind in kinds:
        numeric = [name for name in sheet.header if name and name in kind]
        cells = [row[name] for name in numeric for row in sheet.rows]
        points = iter(with_points(cells, sheet.name, numeric[0]) if numeric else ())
        for name in numeric:
            for row in sheet.rows:
                row[name] = next(points)
    return sheet


def _truths(source: str | PathLike | None) -> dict[str, str]:
    if source is None:
        return {}
    table = read_text_table(source, ("item", "class"))
    found: dict[str, str] = {}
    problems = []
    for line, item, name in zip(table.lines, table.frame["item"], table.frame["class"]):
        if found.setdefault(item, name) != name:
            problems.append(Problem(line, "class", f'item "{item}" is "{found[item]}" above and "{name}" here.'))
    if problems:
        raise rejected(table.name, problems)
    return found


def _shown_by(design: str | PathLike | None) -> dict[str, list[tuple[str, str, str, str, str]]]:
    """survey -> its (item, view, block, position, showing) in reading order; the first survey may be called "1", "S1" or "S01"."""
    if design is None:
        return {}
    try:
        surveys = json.loads(Path(design).read_text(encoding="utf-8"))["surveys"]
        return {
            name: [
                (str(item), str(block["view"]), str(number), str(place), showing)
                for number, block in enumerate(survey["blocks"], 1)
                for place, (item, showing) in enumerate(_pages(block), 1)
            ]
            for survey in surveys
            for name in _names_of(survey["survey"])
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"A design.json with surveys was needed; {Path(design).name} holds none.") from error


def _anchors_in(design: str | PathLike | None) -> frozenset[str]:
    """Items that every survey of a design shows; the file was read before."""
    table = json.loads(Path(design).read_text(encoding="utf-8")).get("anchors", {}) if design else {}
    return frozenset(table.get("items", ()))


def _pages(block: dict[str, Any]) -> list[tuple[str, str]]:
    """(item, showing) of every page of a block; its `repeats` say on which page an item comes a second time."""
    pages = [(item, FIRST) for item in block["items"]]
    for again in block.get("repeats", ()):
        pages.insert(again["page"] - 1, (again["item"], SECOND))
    return pages


def _names_of(survey: Any) -> set[str]:
    name = str(survey)
    return {name, f"S{name}", f"S{name:0>2}"} if name.isdigit() else {name}


class _Import:
    """One import: collects rows, and every problem on the way."""

    def __init__(self, chart: ImportMap, sheet: Sheet, truths: dict, shown: dict, labels: dict):
        self.chart, self.sheet, self.truths, self.shown, self.field_labels = chart, sheet, truths, shown, labels
        self.problems: list[Problem] = []
        self.folded = {item.lower(): item for item in truths}
        self.classes = set(truths.values()) | set(chart.labels.values())
        self.left_out: dict[str, int] = {}
        self.companions: list[str] = []

    def notes(self) -> Iterator[str]:
        yield from self.sheet.notes
        for column, count in self.left_out.items():
            wanted = " or ".join(self.chart.keep[column])
            yield f'{count} row{"s" if count != 1 else ""} left out, whose "{column}" is not {wanted}.'
        if self.companions:
            count = f"{len(self.companions)} columns" if len(self.companions) > 1 else "one column"
            yield f'{count} beside the answers left out, such as "{self.companions[0]}"; the map does not ask for more.'
        if self.chart.source != "long" and self.chart.shown == "answered":
            yield "only answered cells were read: what a reader was shown and left blank is not counted as missing."

    def kept(self) -> Iterator[tuple[int, dict[str, str]]]:
        for line, row in zip(self.sheet.lines, self.sheet.rows):
            failed = next((c for c, values in self.chart.keep.items() if row[c] not in values), None)
            if failed is None:
                yield line, row
            else:
                self.left_out[failed] = self.left_out.get(failed, 0) + 1

    def tell(self, line: int, column: str, message: str) -> None:
        self.problems.append(Problem(line, column, message))

    def wide(self) -> list[dict[str, Any]]:
        """A row per reader (or several that complete one another) with a column per answer."""
        columns = self._known_columns()
        if not columns and not self.problems:
            self.tell(1, self.chart.pattern.get("answer", ""), "no column has a name like this pattern.")
        found: dict[tuple, dict[str, Any]] = {}
        answered: dict[tuple, int] = {}
        for line, row in self.kept():
            sitting = self._sitting(line, row)
            for column in self._columns_shown(columns, sitting):
                answer = self._answer(line, column.column, row[column.column])
                if not answer and self.chart.shown == "answered":
                    continue
                key = (sitting["reader"], sitting["survey"], column.item, column.view, column.showing)
                if key in answered and answer:
                    self.tell(line, column.column, f'reader "{key[0]}" already answered this on line {answered[key]}.')
                elif answer or key not in found:
                    found[key] = {**sitting, **self._reading(line, row, column), "answer": answer}
                if answer:
                    answered.setdefault(key, line)
        return list(found.values())

    def _known_columns(self) -> list[AnswerColumn]:
        """Answer columns whose item has a truth; the names of items may differ in case, as REDCap's do.

        A column that is called like a known one and then goes on (Qualtrics writes four times beside every timed question)
        is no answer; it is left out and counted.
        """
        known = []
        for column in self.chart.columns(self.sheet.header):
            item = column.item if column.item in self.truths else self.folded.get(column.item.lower())
            if item is not None:
                known.append(AnswerColumn(**{**vars(column), "item": item}))
            elif self._goes_on(column.item.lower()):
                self.companions.append(column.column)
            else:
                self.tell(1, column.column, f'item "{column.item}" has no class in the table of truths.')
        return known

    def _goes_on(self, name: str) -> bool:
        return any(not mark.isalnum() and name[:end] in self.folded for end, mark in enumerate(name))

    def _columns_shown(self, columns: list[AnswerColumn], sitting: dict[str, Any]) -> list[AnswerColumn]:
        """The columns of what a row's reader was shown; where the row is of one view, columns without one are of it."""
        survey, view = sitting["survey"], sitting["view"]
        if view:
            columns = [AnswerColumn(**{**vars(c), "view": view}) for c in columns if c.view in ("", view)]
        if self.shown:
            by_place = {(c.item, c.view, c.showing or FIRST): c for c in columns}
            return [
                AnswerColumn(**{**vars(by_place[item, view, showing]), "block": block, "position": position})
                for item, view, block, position, showing in self.shown.get(survey, ())
                if (item, view, showing) in by_place
            ]
        if self.chart.shown == "survey":
            return [c for c in columns if c.survey == survey]
        return columns

    def _sitting(self, line: int, row: dict[str, str]) -> dict[str, Any]:
        chart = self.chart
        reader = row[chart.reader]
        if not reader:
            self.tell(line, chart.reader, "a reader's name was needed, the cell is empty.")
        group = row[chart.group] if chart.group else chart.group_is
        if chart.group and chart.groups and group not in chart.groups:
            self.tell(line, chart.group, f'{" or ".join(chart.groups)} was expected, "{group}" was found.')
        elif not group:
            self.tell(line, chart.group, "a group was needed, the cell is empty.")
        survey = row[chart.survey] if chart.survey else chart.survey_is
        if self.shown and survey not in self.shown:
            self.tell(line, chart.survey, f'a survey of the design was expected, "{survey}" was found.')
        view = row[chart.view] if chart.view else ""
        if chart.view and chart.views and view not in chart.views:
            self.tell(line, chart.view, f'{" or ".join(chart.views)} was expected, "{view}" was found.')
        done = self._time(line, chart.completed_at, row[chart.completed_at]) if chart.completed_at else ""
        return {
            "reader": reader,
            "group": chart.groups.get(group, group),
            "kind": "human",
            "survey": survey,
            "view": chart.views.get(view, view),
            "completed_at": done,
            "simulated": "yes" if chart.simulated else "",
        }

    def _reading(self, line: int, row: dict[str, str], column: AnswerColumn) -> dict[str, Any]:
        return {
            "item": column.item,
            "view": column.view,
            "block": column.block,
            "position": column.position,
            SHOWING: column.showing,
            "truth": self.truths[column.item],
            "confidence": self._number(line, column.confidence, row, 1.0),
            "rt_ms": self._number(line, column.rt, row, column.rt_scale),
            "answered_at": "",
            **self._second(line, row, column.second, column.item, column.view),
        }

    def _second(self, line: int, row: dict[str, str], names: SecondAnswer, item: str, view: str) -> dict[str, Any]:
        """The reading's second answer and the output that was in sight; nothing where the map names no second answers."""
        if not names.assisted_answer:
            return dict.fromkeys(ASSISTED, "")
        chart = self.chart
        assistant = row[names.assistant] if names.assistant else chart.assistant_is
        if names.assistant_answer:
            said = self._answer(line, names.assistant_answer, row[names.assistant_answer])
        else:
            said = chart.assistant_answers.get(f"{item}/{view}", chart.assistant_answers.get(item, ""))
        return {
            "assistant": assistant,
            "assistant_answer": said if assistant else "",
            "assisted_answer": self._answer(line, names.assisted_answer, row[names.assisted_answer]),
            "assisted_rt_ms": self._number(line, names.rt, row, names.rt_scale),
            "asked_again": row[names.asked_again] if names.asked_again else "",
        }

    def _answer(self, line: int, column: str, value: str) -> str:
        if value == "" or value in self.chart.no_answer:
            return ""
        code = value
        if value[-2:] == ".0" and value[:-2].isdigit() and value not in {*self.chart.labels, *self.classes}:
            code = value[:-2]  # it passed through a program that takes columns for decimal numbers
        label = self.chart.labels.get(code, self.field_labels.get(column, {}).get(code.lower(), code))
        label = self.chart.labels.get(label, label)
        if label in self.classes:
            return label
        self.tell(
            line,
            column,
            f'one of {", ".join(sorted(self.classes))} or a code of the map was expected, "{value}" was found.',
        )
        return ""

    def _number(self, line: int, column: str, row: dict[str, str], scale: float) -> float | str:
        text = row.get(column, "") if column else ""
        if not text:
            return ""
        try:
            return round(float(text) * scale, 6)
        except ValueError:
            self.tell(line, column, f'a number was expected, "{text}" was found.')
            return ""

    def _time(self, line: int, column: str, text: str) -> str:
        """As ISO 8601 in UTC; a time without a zone is taken as UTC."""
        if not text:
            return ""
        try:
            form = self.chart.time_format
            when = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007
        except ValueError:
            expected = self.chart.time_format or "2026-11-23 09:30:00"
            self.tell(line, column, f'a time like {expected} was expected, "{text}" was found.')
            return ""
        return (when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z")

    def long(self) -> list[dict[str, Any]]:
        """One row per reading, under other column names."""
        names, rows, seen = self.chart.long, [], {}
        if not self.classes:
            self.classes = {row[names["truth"]] for row in self.sheet.rows} if "truth" in names else set()
        for line, row in self.kept():
            sitting = self._sitting(line, row)
            item = row[names["item"]]
            truth = row[names["truth"]] if "truth" in names else self.truths.get(item, "")
            if not truth:
                self.tell(line, names.get("truth", names["item"]), f'item "{item}" has no class.')
                continue
            view = row[names["view"]] if "view" in names else ""
            view = self.chart.views.get(view, view)
            showing = row[names["showing"]] if "showing" in names else ""
            key = (sitting["reader"], sitting["survey"], item, view, showing or FIRST)
            if key in seen:
                self.tell(line, names["item"], f'reader "{key[0]}" already has this reading on line {seen[key]}.')
            seen.setdefault(key, line)
            rt, scale = (names.get("rt_ms", ""), 1.0) if "rt_ms" in names else (names.get("rt_s", ""), 1000.0)
            when = names.get("answered_at")
            rows.append(
                {
                    **sitting,
                    "kind": row[names["kind"]] if "kind" in names else "human",
                    "item": item,
                    "view": view,
                    "block": "",
                    "position": row[names["position"]] if "position" in names else "",
                    SHOWING: showing,
                    "truth": truth,
                    "answer": self._answer(line, names["answer"], row[names["answer"]]),
                    "confidence": self._number(line, names.get("confidence", ""), row, 1.0),
                    "rt_ms": self._number(line, rt, row, scale),
                    "answered_at": self._time(line, when, row[when]) if when else "",
                    **self._second(line, row, SecondAnswer.of(names), item, view),
                }
            )
        return rows
