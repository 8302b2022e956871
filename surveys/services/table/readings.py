"""The long table: readings out of a study, and readings of a finished study in."""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.utils.dateparse import parse_datetime
from django.utils.text import slugify

from imagebank.core.spreadsheets import TableError, decimal_points, open_spreadsheet
from imagebank.models import DiagnosisClass, Item, Study, Truth
from imagebank.services.archive import require_changeable
from imagebank.services.trail import note_deed
from surveys.models import Answer, ImportedReading, Reader, ReaderGroup, SurveyItem, SurveyResponse, ViewingEvent
from surveys.questions import questions_of

from ..setting_up.design import anchors_of
from . import second_answers

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "reader", "group", "kind", "survey", "view", "block", "position", "item", "truth", "answer", "confidence",
    "rt_ms", "answered_at", "left_window", "completed_at", "seat", "simulated", "analysed", *second_answers.COLUMNS,
)  # fmt: skip
SHOWING = "showing"  # a column only of studies that show items again
ANCHOR = "anchor"  # only of studies with items that every survey shows
REQUIRED = ("reader", "group", "item", "truth", "answer")
MEASURES = ("confidence", "rt_ms", "assisted_rt_ms")
LARGEST_FILE = 200 * 2**20
NAMES, LONGEST_NAME = ("reader", "group", "survey", "block"), second_answers.LONGEST_NAME
YES, NO = "yes", "no"
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def readings_frame(*, study: Study, analysed_only: bool = False) -> "pandas.DataFrame":
    """Every reading of `study`, one row per reader, item, view and showing, in the order of the readings.csv contract.

    Every question of a started survey is a row; `answer` is empty where none stands. `completed_at` is empty for a
    sitting that is not complete. Where items come again a last column, `showing`, is 2 at their second showings; where there are
    anchors, `anchor` says yes at them.
    With `analysed_only` only the first complete sitting per seat, and networks. Truth is among the columns: callers check who asks.
    """
    import pandas

    rows = _response_rows(study, analysed_only) + _imported_rows(study)
    frame = pandas.DataFrame(rows, columns=[*COLUMNS, SHOWING, ANCHOR])
    unused = [name for name, said in ((SHOWING, 2), (ANCHOR, YES)) if not (frame[name] == said).any()]
    return frame.drop(columns=unused)


def _response_rows(study: Study, analysed_only: bool) -> list[tuple]:
    responses = SurveyResponse.objects.of_study(study).select_related("reader__group", "survey", "seat")
    if analysed_only:
        responses = responses.analysed()
    truth = dict(Truth.objects.filter(item__study=study).values_list("item", "diagnosis__code"))
    items: dict[int, list] = {}
    questions = SurveyItem.objects.filter(block__survey__survey_set__study=study, stimulus=None)
    questions = questions.select_related("block", "item")
    for survey_item in questions.order_by("block__survey__number", "block__position", "position"):
        items.setdefault(survey_item.block.survey_id, []).append(survey_item)
    standing: dict[tuple[int, int], tuple] = {}
    answers = Answer.objects.of_study(study).standing().diagnoses()
    confidence = _confidences(study)
    for response, item, chosen, rt_ms, received in answers.values_list(
        "survey_response", "survey_item", "chosen__code", "rt_ms", "received_at"
    ):
        standing[response, item] = (chosen or "", confidence.get((response, item)), rt_ms, _iso(received))
    left, assisted, anchors = _windows_left(study), second_answers.second_answers(study), anchors_of(study)
    rows = []
    for response in responses.order_by("reader__group__position", "survey__number", "started_at"):
        reader, seat = response.reader, response.seat
        label = f"{response.survey.code}-{reader.group.code}" if seat else ""
        for row in items.get(response.survey_id, ()):
            if row.repeat_of_id and reader.kind == Reader.Kind.MODEL:
                continue  # a network reads every image once
            asked = (row.block.view, row.block.position, row.position, row.item.code, truth.get(row.item_id, ""))
            given = standing.get((response.pk, row.pk), ("", None, None, ""))
            rows.append(
                (reader.code, reader.group.code, reader.kind, response.survey.code, *asked, *given)
                + (left.get((response.pk, row.pk), 0), _iso(response.completed_at), label, response.simulated, response.analysed)
                + assisted.get((response.pk, row.pk), second_answers.NONE)
                + (2 if row.repeat_of_id else 1, YES if row.item.code in anchors else "")
            )
    return rows


def _windows_left(study: Study) -> dict[tuple[int, int], int]:
    """How often each reader left the window while an item was open."""
    events = ViewingEvent.objects.filter(survey_response__survey__survey_set__study=study, kind=ViewingEvent.Kind.HIDDEN)
    counted = events.exclude(survey_item=None).values_list("survey_response", "survey_item")
    return {(response, item): count for response, item, count in counted.annotate(Count("pk"))}


def _confidences(study: Study) -> dict[tuple[int, int], float]:
    """Standing answers to the question of confidence, from 0 to 1, where the study asks it."""
    protocol = getattr(study, "protocol", None)
    codes = [question.code for question in questions_of(protocol) if question.kind == "confidence"] if protocol else []
    if not codes:
        return {}
    answers = Answer.objects.of_study(study).standing().given().filter(question=codes[0])
    rows = answers.values_list("survey_response", "survey_item", "value")
    return {(response, item): value / 100 for response, item, value in rows}


def _imported_rows(study: Study) -> list[tuple]:
    truth = dict(Truth.objects.filter(item__study=study).values_list("item", "diagnosis__code"))
    imported = ImportedReading.objects.filter(reader__study=study).select_related("reader__group", "item", "chosen")
    return [
        (
            row.reader.code, row.reader.group.code, row.reader.kind, row.survey, row.view, row.block, row.position,
            row.item.code, truth.get(row.item_id, ""), row.chosen.code if row.chosen else "", row.confidence,
            row.rt_ms, _iso(row.answered_at), None, _iso(row.completed_at), "", row.reader.simulated, True,
            *second_answers.columns_of(row.second_answer), row.showing, YES if row.anchor else "",
        )
        for row in imported.order_by("reader__group__position", "reader__code", "pk")
    ]  # fmt: skip


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


@dataclass(frozen=True)
class ReadingsImport:
    """What an import of readings brought: new rows, and rows that were there already."""

    created: int
    unchanged: int


def import_readings(*, study: Study, path: str | Path, user=None, trial: bool = False) -> ReadingsImport:
    """Take the readings.csv of a finished study in; the same file again changes nothing. `trial`: only say what it would do.

    Items and classes must be the study's own and `truth` must agree with the item's reference class. Readers and groups
    are made as they come; readers whose rows say `simulated` are marked so. Every bad row is reported by its line in one
    ValidationError, and then nothing is imported.
    """
    require_changeable(study)
    path = Path(path)
    if path.stat().st_size > LARGEST_FILE:
        raise ValidationError(f"{path.name} is larger than {LARGEST_FILE // 2**20} MiB; split it.")
    data = path.read_bytes()
    try:
        parsed = _parse(_rows_of(data, path.name), study)
    except TableError as error:
        raise ValidationError(str(error)) from error
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        done = _store(study, parsed, hashlib.sha256(data).hexdigest())
        if trial:
            transaction.set_rollback(True)
        elif done.created:
            note_deed(study=study, deed=f"{done.created} readings imported from a file", user=user)
    return done


@dataclass(frozen=True)
class _Row:
    reader: str
    group: str
    kind: str
    item: Item
    chosen: DiagnosisClass | None
    simulated: bool
    values: dict


def _rows_of(data: bytes, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Every row by its line, decimal commas made points; read twice, so that a long table is held once, as its bytes. A missing
    column, and rows of another length than the header, raise ValidationError, these together."""
    table = open_spreadsheet(data, name)
    if missing := [column for column in REQUIRED if column not in table.header]:
        raise ValidationError(f"{name} needs the columns {', '.join(REQUIRED)}; it lacks {', '.join(missing)}.")
    places = {column: table.header.index(column) for column in MEASURES if column in table.header}
    measured: dict[str, list[str]] = {column: [] for column in places}
    wrong = []
    for line, cells in table:
        if len(cells) != len(table.header):
            wrong.append(f"Line {line}: {len(table.header)} cells were expected, {len(cells)} were found.")
            continue
        for column, place in places.items():
            measured[column].append(cells[place])
    if wrong:
        raise ValidationError(wrong)
    points = {column: iter(decimal_points(cells, name=name, column=column)) for column, cells in measured.items()}
    for line, cells in open_spreadsheet(data, name):
        yield line, dict(zip(table.header, cells)) | {column: next(found) for column, found in points.items()}


def _parse(table: Iterable[tuple[int, dict[str, str]]], study: Study) -> list[_Row]:
    items = {item.code: item for item in Item.objects.filter(study=study)}
    classes = {row.code: row for row in DiagnosisClass.objects.filter(study=study)}
    truth = dict(Truth.objects.filter(item__study=study).values_list("item__code", "diagnosis__code"))
    rows, errors = [], []
    seen: dict[tuple, int] = {}
    said: dict[tuple, str] = {}
    belongs: dict[str, tuple] = {}
    for line, raw in table:
        wrong = _faults(raw, study, items, classes, truth, said)
        key = (*(raw.get(name, "") for name in ("reader", "item", "view", "survey")), raw.get(SHOWING) or "1")
        if key in seen:
            of_it = "" if key[-1] == "1" else ", second showings both"
            wrong.append(f"the same reader, item, view and survey as line {seen[key]}{of_it}")
        seen.setdefault(key, line)
        whose = (raw["group"], raw.get("kind") or "human", is_said(raw.get("simulated", "")))
        if belongs.setdefault(raw["reader"], whose) != whose:
            before = belongs[raw["reader"]]
            said = f"of group {before[0]}, kind {before[1]}, {'simulated' if before[2] else 'not simulated'}"
            wrong.append(f"reader {raw['reader']} was {said} in an earlier row")
        if wrong:
            errors.append(f"Line {line}: {'; '.join(wrong)}.")
            continue
        rows.append(_row(raw, items, classes))
    errors += [
        f"Line {line}: a second showing of {key[1]} to {key[0]}, of which the file has no first."
        for key, line in seen.items()
        if key[-1] == "2" and (*key[:-1], "1") not in seen
    ]
    if errors:
        raise ValidationError(errors)
    if not rows:
        raise ValidationError("The file has a header but no readings.")
    return rows


def _faults(raw: dict, study: Study, items: dict, classes: dict, truth: dict, said: dict) -> list[str]:
    wrong = [f"{name} is empty" for name in ("reader", "group") if not raw[name]]
    wrong += [f"{name} is longer than {LONGEST_NAME} characters" for name in NAMES if len(raw.get(name, "")) > LONGEST_NAME]
    wrong += [f"{name} holds a control character" for name in NAMES if CONTROL.search(raw.get(name, ""))]
    if raw["item"] not in items:
        wrong.append(f"the study has no item {raw['item']!r}")
    elif truth.get(raw["item"]) != raw["truth"]:
        wrong.append(f"truth is {raw['truth']!r}, the item's reference class is {truth.get(raw['item'])!r}")
    if raw["answer"] and raw["answer"] not in classes:
        wrong.append(f"answer {raw['answer']!r} is none of {', '.join(classes)}")
    if raw.get("kind", "") not in ("", *Reader.Kind.values):
        wrong.append(f"kind is {raw['kind']!r}, expected human or model")
    if raw.get("view") and raw["view"] not in study.view_codes():
        wrong.append(f"view {raw['view']!r} is none of {', '.join(study.view_codes())}")
    wrong += second_answers.faults_of_second_answer(raw, classes, said)
    for name in MEASURES:
        if raw.get(name) and _number(raw[name]) is None:
            wrong.append(f"{name} is {raw[name]!r}, expected a number")
    if raw.get("position") and not (raw["position"].isdecimal() and len(raw["position"]) < 10):
        wrong.append(f"position is {raw['position']!r}, expected a whole number")
    if raw.get(SHOWING, "") not in ("", "1", "2"):
        wrong.append(f"showing is {raw[SHOWING]!r}, expected 1 or 2")
    elif raw.get(SHOWING) == "2" and raw.get("kind") == Reader.Kind.MODEL:
        wrong.append("showing is 2 at a network, which reads every image once")
    elif raw.get(SHOWING) == "2" and raw.get("assistant"):
        wrong.append("showing is 2 beside an assistant, where nothing is shown again")
    if raw.get(ANCHOR, "") not in ("", YES, NO):
        wrong.append(f"anchor is {raw[ANCHOR]!r}, expected yes, no or nothing")
    for name in ("answered_at", "completed_at"):
        if raw.get(name) and _moment(raw[name]) is None:
            wrong.append(f"{name} is {raw[name]!r}, expected ISO 8601 with an offset, e.g. 2026-03-01T09:30:00+00:00")
    return wrong


def is_said(text: str) -> bool:
    """Whether a cell says yes, as our own exports and other programs write it."""
    return text.lower() in ("1", "true", "yes")


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and moment.tzinfo else None


def _row(raw: dict, items: dict, classes: dict) -> _Row:
    values = {
        "view": raw.get("view", ""),
        "survey": raw.get("survey", ""),
        "block": raw.get("block", ""),
        "position": int(raw["position"]) if raw.get("position") else None,
        SHOWING: int(raw.get(SHOWING) or 1),
        ANCHOR: raw.get(ANCHOR) == YES,
        "confidence": _number(raw.get("confidence", "")),
        "rt_ms": _number(raw.get("rt_ms", "")),
        "second_answer": second_answers.imported_second_answer(raw, _number(raw.get("assisted_rt_ms", ""))),
        "answered_at": _moment(raw.get("answered_at", "")),
        "completed_at": _moment(raw.get("completed_at", "")),
    }
    kind = raw.get("kind") or Reader.Kind.HUMAN
    simulated = is_said(raw.get("simulated", "")) and kind == Reader.Kind.HUMAN
    return _Row(raw["reader"], raw["group"], kind, items[raw["item"]], classes.get(raw["answer"]), simulated, values)


def _store(study: Study, rows: list[_Row], source_sha256: str) -> ReadingsImport:
    readers = {}
    for row in rows:
        if row.reader not in readers:
            readers[row.reader] = _reader(study, row)
    kept = {
        (row.reader_id, row.item_id, row.view, row.survey, row.showing): row
        for row in ImportedReading.objects.filter(reader__study=study)
    }
    new, errors = [], []
    for row in rows:
        reading = ImportedReading(
            reader=readers[row.reader], item=row.item, chosen=row.chosen, source_sha256=source_sha256, **row.values
        )
        known = kept.get((reading.reader_id, reading.item_id, reading.view, reading.survey, reading.showing))
        if known is None:
            new.append(reading)
        elif (known.chosen_id, known.second_answer) != (reading.chosen_id, reading.second_answer):
            errors.append(f"{row.reader} on {row.item} ({reading.view}) was imported before with another answer.")
    if errors:
        raise ValidationError(errors)
    ImportedReading.objects.bulk_create(new, batch_size=1000)
    return ReadingsImport(created=len(new), unchanged=len(rows) - len(new))


def _reader(study: Study, row: _Row) -> Reader:
    group = _group(study, row)
    reader = Reader.objects.filter(study=study, code=row.reader).select_related("group").first()
    if reader is None:
        reader = Reader(study=study, group=group, kind=row.kind, code=row.reader, simulated=row.simulated)
        reader.full_clean()
        reader.save()
    elif (reader.group_id, reader.kind, reader.simulated) != (group.pk, row.kind, row.simulated):
        marked = "simulated" if reader.simulated else "not simulated"
        raise ValidationError(
            f"{row.reader} is already a reader of the group {reader.group.code}, kind {reader.kind}, {marked}; "
            f"the file has group {row.group}, kind {row.kind}, {'simulated' if row.simulated else 'not simulated'}."
        )
    return reader


def _group(study: Study, row: _Row) -> ReaderGroup:
    """The group that a row names by its code or its words; made when there is none, with a code that addresses take."""
    code = slugify(row.group)[:60] or "readers"
    named = Q(code=row.group) | Q(singular__iexact=row.group) | Q(plural__iexact=row.group) | Q(code=code)
    known = study.reader_groups.filter(named, kind=row.kind).first()
    if known is not None:
        return known
    if study.reader_groups.filter(code=code).exists():
        raise ValidationError(f"The group {row.group} is of another kind here; {row.reader} is said to be {row.kind}.")
    taken = set(study.reader_groups.values_list("prefix", flat=True))
    position = study.reader_groups.count() + 1
    prefix = next(f"I{number}" for number in range(position, position + len(taken) + 1) if f"I{number}" not in taken)
    return ReaderGroup.objects.create(
        study=study, code=code, singular=row.group, plural=row.group, kind=row.kind, prefix=prefix, position=position
    )
