"""Every file that a study gives away: its rows, and what each of its columns means."""

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby

from django.utils import timezone

from imagebank.models import Study
from imagebank.tables import csv_text
from surveys.coordination.seat_grid import live_cells
from surveys.core.in_sight import Happening, in_sight
from surveys.exports.tables import readings_csv
from surveys.models import Answer, BlockSitting, Seat, ServedPicture, SurveyResponse, ViewingEvent
from surveys.services import cells_frame, ratings_frame, reader_answers_frame, readings_frame
from surveys.services.recruiting.funnel import funnel_rows
from surveys.services.setting_up.demographics import analysed_questions, is_analysed, is_only_verified
from surveys.services.setting_up.design import design_text

NOBODY = "No address and no name of a reader is in any of these files; readers are known by their codes."
SIMULATED = "true where a simulated reader, not a person, stands behind the row"


@dataclass(frozen=True)
class ExportFile:
    """One file: what it holds in a sentence, its columns with their meaning, and the rows of a study."""

    name: str
    title: str
    about: str
    columns: dict[str, str]
    rows: Callable[[Study], Iterable[Iterable]]

    def text(self, study: Study) -> str:
        return csv_text(self.columns, self.rows(study))


READINGS = {
    "reader": "code of the reader",
    "group": "code of the reader's group",
    "kind": "human or model (a network, whose one answer to an item is repeated for every survey that holds it: count it once)",
    "survey": "code of the survey",
    "view": "view that the block shows",
    "block": "position of the block in the survey, from 1",
    "position": "position of the item in the block, from 1",
    "item": "code of the item",
    "truth": "class of reference",
    "answer": "class chosen last before the block was sealed; empty: not answered",
    "confidence": "confidence given, from 0 to 1; empty where it was not asked",
    "rt_ms": "milliseconds from the painted image to the choice, by the browser's monotonic clock",
    "answered_at": "receipt of the answer, by the server's clock, ISO 8601",
    "left_window": "how often the reader left the window while the item was open; empty for imported readings",
    "completed_at": "when the sitting was finished with enough answers; empty: it is not complete",
    "seat": "survey and group that the reader sits for; empty for networks and imported readings",
    "simulated": SIMULATED,
    "analysed": "true for the first complete sitting of a seat, and for networks",
    "assistant": "network whose output was in sight for the second answer; empty: none was",
    "assistant_answer": "class that this network answered; empty: none, or it abstained",
    "assisted_answer": "class chosen last with that output in sight, or as control without any; empty: none",
    "assisted_rt_ms": "milliseconds from the second question in sight to that choice, by the browser's monotonic clock",
    "asked_again": "yes: a second answer was asked for, without any output (control) where assistant is empty; empty: none was",
}
SOMETIMES = {
    "showing": "1, or 2 where the item came a second time in its block: how far readers agree with themselves; no comparison "
    "uses its answer",
    "anchor": "yes: every survey shows the item, so that readers of different surveys can be compared on it; it weighs as much as an "
    "average other item of its class",
}
SITTING = {
    "response": "opaque name of the sitting",
    "reader": READINGS["reader"],
    "group": READINGS["group"],
    "survey": READINGS["survey"],
    "simulated": SIMULATED,
}
PLACE = {
    "block": READINGS["block"],
    "view": READINGS["view"],
    "position": READINGS["position"],
    "survey_item": "opaque name under which the reader's browser knew the item",
    "item": READINGS["item"],
}
ANSWERS = SITTING | PLACE | {
    "sequence": "order of receipt within the sitting, from 1",
    "question": "code of the question; empty: the study's one question, answered by a class",
    "chosen": "class chosen; empty: a choice was taken back, or the question is answered by a value",
    "value": "answer to a question with a code, as JSON; empty: it was taken back, or a class is the answer",
    "standing": "true for the last answer to this question about this item: the one that counts",
    "event_id": "UUID made by the reader's browser; the same save twice is one row",
    "rt_ms": READINGS["rt_ms"],
    "client_ms": "the browser's monotonic clock at the choice, in milliseconds",
    "chosen_at": "the browser's wall clock at the choice, ISO 8601",
    "received_at": READINGS["answered_at"],
    "waited_ms": "milliseconds that the reader's browser kept the answer before the sending that arrived; long where there was no line",
    "hash_version": "what the hash is over: 2 everything that decides which answer counts, 1 (earlier rows) not `waited_ms`",
    "entry_sha256": "seals this row and the one before it; `python -m surveys.core verify-answers` recomputes it",
}  # fmt: skip
RATINGS = {
    "rater": "code of the rater",
    "group": "code of the rater's group",
    "item": "code of the stimulus",
    "condition": "what the stimulus stands for, as its publisher named it",
    "truth": "single: real or generated; pair: side of the generated image as shown; strip: forward or reversed as shown",
    "question": "code of the question",
    "value": "the standing answer, lists as JSON; empty: not answered",
    "confidence": "0 to 100, where it is part of the answer",
    "position": "page of the stimulus in its block, from 1",
    "repeat_of": "position of the first showing, where the page is a repeat",
    "rt_ms": READINGS["rt_ms"],
    "simulated": SIMULATED,
    "question_kind": "kind of the question",
    "stimulus_kind": "single, pair, strip or grid",
    "role": "rated, or catch: its answer is obvious",
    "label": "class that the stimulus is stated to show",
    "presented": "codes of the items in the order shown",
    "survey": READINGS["survey"],
    "block": READINGS["block"],
    "answered_at": READINGS["answered_at"],
    "completed_at": READINGS["completed_at"],
    "analysed": READINGS["analysed"],
}
CELLS = {
    "rater": RATINGS["rater"],
    "group": RATINGS["group"],
    "item": "code of the grid",
    "question": RATINGS["question"],
    "cell": "number of the cell, from 1, row by row",
    "row": "its row, from 1",
    "column": "its column, from 1",
    "marked": "yes: the rater marked it; no: answered without marking it; empty: not answered",
    "row_class": "class of the picture that gave the row its colour",
    "row_seed": "seed of that picture",
    "column_class": "class of the picture that gave the column its shape",
    "column_seed": "seed of that picture",
    **{name: RATINGS[name] for name in ("condition", "position", "repeat_of", "simulated", "survey", "answered_at",
                                        "completed_at", "analysed")},
}  # fmt: skip
VIEWING = SITTING | PLACE | {
    "kind": "shown (decoded and painted), zoomed, hidden (window left), visible (came back), blurred (another window got "
    "the focus), focused (it came back), screen, masked (covered), "
    "output (a network's, handed out), control (asked again without any), late (an answer that is not counted), failed",
    "event_id": "UUID made by the reader's browser",
    "client_ms": "the browser's monotonic clock, in milliseconds",
    "received_at": "receipt by the server's clock, ISO 8601",
    "detail": "JSON: which window told it, size of the picture or window, pixel ratio, zoom, why an image did not load, or the late answer and why: "
    "overtaken (by a later one from another device), closed (a later question was answered), sealed",
}  # fmt: skip
TIMES = SITTING | PLACE | {
    "shown": "how often it was painted on a screen",
    "in_sight_ms": "milliseconds for which it stood on the screen of an open window; empty: no clock told (a page without script)",
    "away_ms": "milliseconds for which its window was left meanwhile, by the same clock",
    "largest_zoom": "largest enlargement, 1 being the whole image in its field; empty: not zoomed",
    "failed": "tries to load it that failed",
}
SITTINGS = SITTING | {
    "analysed": READINGS["analysed"],
    "started_at": "pressed Start, ISO 8601",
    "consented_at": "agreed to the consent text",
    "described_at": "answered the questions about the reader",
    "instructed_at": "read the instructions",
    "practised_at": "saw the practice image",
    "finished_at": "sealed the last block",
    "completed_at": READINGS["completed_at"],
    "block": READINGS["block"],
    "view": READINGS["view"],
    "opened_at": "opened the block",
    "sealed_at": "sealed the block",
    "seal_sha256": "last entry of the answer log when the block was sealed",
}  # fmt: skip
SEATS = {
    "survey": READINGS["survey"],
    "group": READINGS["group"],
    "state": "free, reserved (invited), started, complete or replaced",
    "reader": "code of the reader who holds or held the seat",
    "simulated": SIMULATED,
    "changed_at": "last change of state, ISO 8601",
    "answered": "questions with a standing answer (live seats only)",
    "questions": "questions of the survey (live seats only)",
    "link_expires_at": "until when a link leads to the seat; empty: none does",
}
PICTURES = {
    "view": "view of the blocks, or kind of stimulus, that show it",
    "item": "code of the item",
    "image_view": "view of the item that the picture is",
    "part": "left, top, right, bottom in pixels where a part of it is shown; empty: the whole",
    "network_pixel_sha256": "SHA-256 of width, height and RGB pixels of the whole picture as the image bank keeps it: what networks read",
    "network_width": "its width in pixels",
    "network_height": "its height in pixels",
    "chain": "how the file that readers get was made of it",
    "encoder": "name and version of what encoded it",
    "reader_width": "width of what readers get, in pixels",
    "reader_height": "height of what readers get, in pixels",
    "reader_pixel_sha256": "SHA-256 of width, height and RGB pixels that a reader's browser shows",
    "reader_file_sha256": "SHA-256 of the file, before it is filled up to the length of all others of its block",
    "reader_file_bytes": "its length",
    "made_at": "when it was made, ISO 8601; every reader since then got this one",
}
RECRUITMENT = {
    "group": READINGS["group"],
    "stage": "contacted, agreed, started, completed, analysed; simulated readers apart",
    "reason": "empty: people who reached the stage; otherwise why some of them did not reach the next one",
    "readers": "number of people",
}
DICTIONARY = {"file": "name of the file", "column": "its column", "meaning": "what stands in it, with its unit"}


def _iso(moment) -> str:
    return moment.isoformat() if moment else ""


def _sitting(response: SurveyResponse) -> tuple:
    return (response.public_id, response.reader.code, response.group.code, response.survey.code, response.simulated)


def _place(survey_item) -> tuple:
    if survey_item is None:
        return ("", "", "", "", "")
    block = survey_item.block
    return (block.position, block.view, survey_item.position, survey_item.public_id, survey_item.item.code)


WITH_PLACE = (
    "survey_response__reader", "survey_response__group", "survey_response__survey", "survey_item__block",
    "survey_item__item",
)  # fmt: skip


def _answers(study: Study):
    standing = set(Answer.objects.of_study(study).standing().values_list("pk", flat=True))
    rows = Answer.objects.of_study(study).select_related("chosen", *WITH_PLACE)
    for row in rows.order_by("survey_response", "sequence").iterator(chunk_size=2000):
        given = (
            row.question,
            row.chosen.code if row.chosen else "",
            "" if row.value is None else json.dumps(row.value),
        )
        yield (
            *_sitting(row.survey_response), *_place(row.survey_item), row.sequence, *given, row.pk in standing,
            str(row.event_id), row.rt_ms, row.client_ms, _iso(row.chosen_at), _iso(row.received_at), row.waited_ms,
            row.hash_version, row.entry_sha256,
        )  # fmt: skip


def _ratings(study: Study):
    return ratings_frame(study=study).astype(object).itertuples(index=False, name=None)


def _cells(study: Study):
    return cells_frame(study=study).astype(object).itertuples(index=False, name=None)


def _viewing(study: Study):
    rows = ViewingEvent.objects.filter(survey_response__survey__survey_set__study=study).select_related(*WITH_PLACE)
    for row in rows.order_by("survey_response", "pk").iterator(chunk_size=2000):
        yield (
            *_sitting(row.survey_response), *_place(row.survey_item), row.kind, str(row.event_id), row.client_ms,
            _iso(row.received_at), json.dumps(row.detail),
        )  # fmt: skip


def _viewing_times(study: Study):
    rows = ViewingEvent.objects.filter(survey_response__survey__survey_set__study=study).select_related(*WITH_PLACE)
    rows = rows.order_by("survey_response", "survey_response_id", "pk").iterator(chunk_size=2000)  # two may have begun at the same moment
    for _response, events in groupby(rows, key=lambda row: row.survey_response_id):
        events = list(events)
        places = {row.survey_item.public_id: row for row in events if row.survey_item}
        happened = (
            Happening(row.kind, row.survey_item.public_id if row.survey_item else "", row.client_ms, row.detail) for row in events
        )
        for name, sight in in_sight(happened).items():
            row = places[name]
            yield (
                *_sitting(row.survey_response), *_place(row.survey_item), sight.shown, _whole(sight.in_sight_ms),
                _whole(sight.away_ms), sight.largest_zoom, sight.failed,
            )  # fmt: skip


def _whole(number: float | None) -> int | None:
    return None if number is None else round(number)


def _sittings(study: Study):
    rows = BlockSitting.objects.filter(survey_response__survey__survey_set__study=study)
    for row in rows.select_related(
        "block", "survey_response__reader", "survey_response__group", "survey_response__survey"
    ):
        response = row.survey_response
        stamps = (response.started_at, response.consented_at, response.described_at, response.instructed_at,
                  response.practised_at, response.finished_at, response.completed_at)  # fmt: skip
        yield (
            *_sitting(response), response.analysed, *map(_iso, stamps), row.block.position, row.block.view,
            _iso(row.opened_at), _iso(row.sealed_at), row.seal_sha256,
        )  # fmt: skip


def _seats(study: Study):
    live = {cell.seat.pk: cell for cell in live_cells(study)}
    rows = Seat.objects.of_study(study).select_related("survey", "group", "reader")
    for row in rows.order_by("survey__number", "group__position", "pk"):
        cell = live.get(row.pk)
        progress = (cell.answered, cell.questions, _iso(cell.expires_at)) if cell else ("", "", "")
        reader = row.reader
        yield (
            row.survey.code, row.group.code, row.state, reader.code if reader else "",
            bool(reader and reader.simulated), _iso(row.changed_at), *progress,
        )  # fmt: skip


def _pictures(study: Study):
    for row in ServedPicture.objects.filter(study=study).select_related("image__item"):
        image = row.image
        yield (
            row.view, image.item.code, image.view, row.part, image.pixel_sha256, image.width, image.height, row.chain,
            row.encoder, row.width, row.height, row.pixel_sha256, row.sha256, row.bytes, _iso(row.made_at),
        )  # fmt: skip


def demographic_columns(study: Study) -> dict[str, str]:
    protocol = getattr(study, "protocol", None)
    questions = protocol.demographic_questions if protocol else []
    return SITTING | {question["code"]: f"{question['prompt']} ({_use(question)})" for question in questions}


def _use(question: dict) -> str:
    if is_analysed(question):
        return "in readers.csv too, for the analysis"
    return "asked to check who takes part, never analysed" if is_only_verified(question) else "free text, never analysed"


def _demographics(study: Study):
    asked = list(demographic_columns(study))[len(SITTING) :]
    rows = SurveyResponse.objects.of_study(study).exclude(described_at=None).select_related("reader", "group", "survey")
    for row in rows:
        yield (*_sitting(row), *(row.demographics.get(code) for code in asked))


def _reader_answers(study: Study):
    return reader_answers_frame(study=study).itertuples(index=False, name=None)


def export_files(study: Study) -> list[ExportFile]:
    """The files of `study`, the data dictionary last."""
    files = [
        ExportFile("answers.csv", "Answer log", "Every choice and every change of mind, sealed in a chain of hashes.",
                   ANSWERS, _answers),
        ExportFile("viewing.csv", "Viewing record", "What the readers' screens did: painted, zoomed, left, came back.",
                   VIEWING, _viewing),
        ExportFile("viewing-times.csv", "Viewing times", "How long each image was in sight of each reader, and how far it was enlarged.",
                   TIMES, _viewing_times),
        ExportFile("sittings.csv", "Sittings", "When each reader took each step, and the seal of each block.",
                   SITTINGS, _sittings),
        ExportFile("demographics.csv", "About the readers", "All answers to the questions about the reader, those that are not analysed too.",
                   demographic_columns(study), _demographics),
        ExportFile("pictures.csv", "Pictures as shown", "What networks read and what readers saw of each picture, by hash.",
                   PICTURES, _pictures),
        ExportFile("seats.csv", "Seats", "Every seat, the replaced ones included.", SEATS, _seats),
        ExportFile("recruitment.csv", "Recruitment", "From the first contact to the analysed sitting, per group.",
                   RECRUITMENT, lambda study: [row.values() for row in funnel_rows(study)]),
    ]  # fmt: skip
    analysed = {question["code"]: question["prompt"] for question in analysed_questions(study)}
    if analysed:
        about = "Numbers and choices that readers stated about themselves, as the analysis takes them; one row per reader."
        files.insert(4, ExportFile("readers.csv", "Readers, for the analysis", about, {"reader": READINGS["reader"]} | analysed,
                                   _reader_answers))  # fmt: skip
    protocol = getattr(study, "protocol", None)
    if protocol is not None and protocol.stimuli:
        files.insert(0, ExportFile("ratings.csv", "Ratings", "One row per rater, page and question, what was shown beside it.",
                                   RATINGS, _ratings))  # fmt: skip
        if "grid" in protocol.stimuli:
            files.insert(1, ExportFile("cells.csv", "Cells of grids", "One row per rater, grid, question and cell.",
                                       CELLS, _cells))  # fmt: skip
    return [*files, ExportFile("data-dictionary.csv", "Data dictionary", "What every column of every file means.",
                               DICTIONARY, lambda study: _dictionary(study, files))]  # fmt: skip


def _dictionary(study: Study, files: list[ExportFile]):
    there = readings_frame(study=study).columns
    named = [
        ("readings.csv", READINGS | {name: meaning for name, meaning in SOMETIMES.items() if name in there}),
        *((file.name, file.columns) for file in files),
        ("data-dictionary.csv", DICTIONARY),
    ]
    return [(name, column, meaning) for name, columns in named for column, meaning in columns.items()]


def export_bundle(study: Study) -> bytes:
    """A ZIP of every file with a README and the SHA-256 of each."""
    texts = {"readings.csv": readings_csv(study)}
    texts |= {file.name: file.text(study) for file in export_files(study)}
    survey_set = study.survey_sets.first()
    if survey_set:
        texts["certificate.json"] = json.dumps(survey_set.certificate, indent=1, ensure_ascii=False)
        texts["design.json"] = design_text(survey_set)
    texts["README.txt"] = _read_me(study)
    sums = [f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(texts.items())]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(texts.items()):
            archive.writestr(name, text)
        archive.writestr("SHA256SUMS", "".join(sums))
    return buffer.getvalue()


def _read_me(study: Study) -> str:
    simulated = SurveyResponse.objects.of_study(study).filter(simulated=True).count()
    marked = f"{simulated} sittings are simulated; the column simulated marks their rows.\n" if simulated else ""
    nature = f"The images are {study.nature}.\n" if study.nature else ""
    drawn = study.survey_sets.first()
    seed = f"Surveys drawn from seed {drawn.seed} (design.json, SHA-256 of the design {drawn.design_sha256}).\n" if drawn else ""
    versions = ", ".join(f"{name} {version(name)}" for name in ("Django", "pandas", "numpy"))
    return (
        f"{study.title} ({study.slug})\nExported {timezone.now():%Y-%m-%d %H:%M} UTC with Python {platform.python_version()}, {versions}.\n"
        f"{nature}{seed}{marked}{NOBODY}\n"
        "data-dictionary.csv says what every column means. `sha256sum -c SHA256SUMS` checks the files; "
        "`python -m surveys.core verify-answers answers.csv` checks the answer log.\n"
        "Text that a spreadsheet would run as a formula starts with an apostrophe.\n"
    )
