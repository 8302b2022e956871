"""Answers that were given elsewhere, in Qualtrics, REDCap or a table: kept, looked at, and brought in whole or not at all."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError

from benchmark.core.errors import InputError
from benchmark.core.imports import import_readings as read_export
from benchmark.core.imports.draft import Draft, draft_map
from imagebank.models import Study, Truth
from imagebank.services.archive import require_changeable
from imagebank.services.uploads import forget_uploads, keep_upload, kept_upload
from imagebank.tables import csv_text
from surveys.services import import_readings
from surveys.services.table.readings import ReadingsImport, is_said

LARGEST_EXPORT, LARGEST_MAP = 5 * 2**20, 512 * 1024
MOST_READINGS = 50_000  # about seven seconds of a processor, which a page may take
BY_COMMAND = "Bring it in by the command import_readings."
SHOWN_PROBLEMS = 200
KEPT_S, SUFFIX = 24 * 3600, ".export"


@dataclass(frozen=True)
class FoundReadings:
    """What an import brings, or would bring: how many of what, and what was left out."""

    readings: int
    answered: int
    items: int
    groups: tuple[tuple[str, int], ...]
    views: tuple[tuple[str, int], ...]
    simulated: int
    notes: tuple[str, ...]
    stored: ReadingsImport


@dataclass(frozen=True)
class ReceivedExport:
    """What an export brings, or brought, the map that it was read by (none: a readings.csv), and what was guessed in it."""

    found: FoundReadings
    map: str
    notes: tuple[str, ...]


def keep_export(upload) -> str:
    """Keep an uploaded export between looking at it and importing it, for a day at most; returns the name it is kept under."""
    if upload.size > LARGEST_EXPORT:
        raise ValidationError(
            f"An export may have {LARGEST_EXPORT // 2**20} MiB here; {upload.name[:80]} has {upload.size / 2**20:.1f}. "
            f"{BY_COMMAND}"
        )
    forget_uploads(suffix=SUFFIX, after_s=KEPT_S)
    return keep_upload(upload, suffix=SUFFIX)


def read_map(upload) -> str:
    """The words of an uploaded map. One that is too large, or no text, raises ValidationError."""
    if upload.size > LARGEST_MAP:
        raise ValidationError(f"A map may have {LARGEST_MAP // 1024} KiB; {upload.name[:80]} is larger.")
    try:
        return upload.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValidationError(f"{upload.name[:80]} must be UTF-8 text; byte {error.start} is not.") from error


def draft_for(*, study: Study, path: Path) -> Draft:
    """A first map for the export at `path`, from what is known of `study`. What is no table raises ValidationError."""
    try:
        return draft_map(
            path.read_bytes(),
            items=list(study.items.values_list("code", flat=True)),
            views=study.view_codes(),
            classes=dict(study.classes.order_by("position").values_list("code", "name")),
            groups={
                group.code: (group.singular, group.plural) for group in study.reader_groups.filter(kind="human")
            },
        )  # fmt: skip
    except InputError as error:
        raise ValidationError([error.summary, *map(str, error.problems)]) from error


def bring_in(*, study: Study, path: Path, map_text: str, user=None, trial: bool = False) -> FoundReadings:
    """Read the export at `path` by its map (none: it is a readings.csv) into `study`; with `trial` only say what it brings.

    All bad cells and rows are told at once, in one ValidationError, and then nothing has come in.
    """
    require_changeable(study)
    if not study.items.exists():
        raise ValidationError("The study has no items yet. Import its images first; the answers are about them.")
    if len(map_text) > LARGEST_MAP:
        raise ValidationError(f"A map may have {LARGEST_MAP // 1024} KiB; this one is larger.")
    with tempfile.TemporaryDirectory() as folder:
        frame, notes, source = _table(study, path, map_text, Path(folder))
        if len(frame) > MOST_READINGS:
            raise ValidationError(f"{MOST_READINGS:,} readings may come in here at once; the file has {len(frame):,}. {BY_COMMAND}")
        try:
            stored = import_readings(study=study, path=source, user=user, trial=trial)
        except ValidationError as refusal:
            raise (_by_reading(refusal, frame) if map_text.strip() else refusal) from refusal
    readers = frame.drop_duplicates("reader")
    views = frame["view"].value_counts(sort=False).items() if "view" in frame else ()
    return FoundReadings(
        readings=len(frame),
        answered=int((frame["answer"] != "").sum()),
        items=frame["item"].nunique(),
        groups=tuple((str(name), int(count)) for name, count in readers["group"].value_counts(sort=False).items()),
        views=tuple((str(name) or "no view", int(count)) for name, count in views),
        simulated=sum(is_said(str(cell)) for cell in readers.get("simulated", ())),
        notes=notes,
        stored=stored,
    )


def receive_export(*, study: Study, export, chart=None, user=None, trial: bool = False) -> ReceivedExport:
    """What a program sends in one request: the export and its map. Nothing of the upload is kept afterwards.

    Without a map one is drafted, but only a trial reads by it: somebody has to have looked at what was guessed.
    """
    require_changeable(study)
    words, notes = read_map(chart) if chart else "", ()
    path = kept_upload(keep_export(export))
    try:
        if not words.strip():
            draft = draft_for(study=study, path=path)
            words, notes = draft.text, draft.notes
            if words and not trial:
                raise ValidationError(
                    "This table needs a map.toml that says which column is what; none was sent. "
                    "Ask with trial=true, look at the map that comes back, and send it along."
                )
        found = bring_in(study=study, path=path, map_text=words, user=user, trial=trial)
    finally:
        path.unlink(missing_ok=True)
    return ReceivedExport(found, words, notes)


def first_problems(refusal: ValidationError) -> tuple[list[str], int]:
    """What is said of a refusal, at most SHOWN_PROBLEMS sentences, and how many more there are."""
    return refusal.messages[:SHOWN_PROBLEMS], max(0, len(refusal.messages) - SHOWN_PROBLEMS)


def _table(study: Study, path: Path, map_text: str, folder: Path):
    """The readings as a frame, notes about what was left out, and a readings.csv with them."""
    from benchmark.core.inputs.long_table import read_text_table
    from benchmark.core.inputs.readings import REQUIRED

    source = folder / "readings.csv"
    try:
        if not map_text.strip():
            source.write_bytes(path.read_bytes())
            table = read_text_table(source, REQUIRED)
            return table.frame, table.notes, source
        chart, truth, export = folder / "map.toml", folder / "items.csv", folder / "export.csv"
        chart.write_text(map_text, encoding="utf-8")
        export.write_bytes(path.read_bytes())
        rows = Truth.objects.filter(item__study=study).values_list("item__code", "diagnosis__code")
        truth.write_text(csv_text(("item", "class"), rows), encoding="utf-8")
        found = read_export(export, chart, truth=truth)
    except InputError as error:
        raise ValidationError([error.summary, *map(str, error.problems)]) from error
    found.frame.to_csv(source, index=False, lineterminator="\n")
    return found.frame.astype(str), found.notes, source


def _by_reading(refusal: ValidationError, frame) -> ValidationError:
    """A refusal that names lines of the table made by the map, in the words of the export: reader and item."""

    def said(match: re.Match) -> str:
        row = int(match[1]) - 2
        if not 0 <= row < len(frame):
            return match[0]
        return f"Reader {frame['reader'].iloc[row]}, item {frame['item'].iloc[row]}"

    return ValidationError([re.sub(r"^Line (\d+)", said, message) for message in refusal.messages])
