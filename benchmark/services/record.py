"""The study's record: what only people know about a study, kept with it, and told by its protocol and its reports."""

import tempfile
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import tomli_w
from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction

from benchmark.core.errors import InputError
from benchmark.core.facts import FIELDS, SCHEMA, read_facts
from benchmark.models import StudyRecord
from imagebank.models import Study
from imagebank.services.archive import require_changeable
from imagebank.services.trail import note_deed

LONGEST_TEXT = 5_000
LARGEST_FILE = 1_000_000
WORDS = Path(__file__).resolve().parents[1] / "core" / "record_fields.toml"


@cache
def field_words() -> dict[str, dict]:
    """By section its title and, by field, (label, what it asks)."""
    sections = tomllib.loads(WORDS.read_text(encoding="utf-8"))
    return {
        name: {"title": fields.pop("title_of_section"), "fields": {field: tuple(words) for field, words in fields.items()}}
        for name, fields in sections.items()
    }


def stored_record(study: Study) -> dict[str, dict[str, str]]:
    """The texts that people gave, by section and field; nothing is empty."""
    kept = StudyRecord.objects.filter(study=study).first()
    return kept.texts if kept else {}


def with_record(known: Mapping[str, Mapping], record: Mapping[str, Mapping]) -> dict[str, dict]:
    """What the site knows by itself, with what people said in its place."""
    return {section: {**known.get(section, {}), **record.get(section, {})} for section in dict.fromkeys([*known, *record])}


def store_record(*, study: Study, texts: Mapping[str, Mapping[str, str]], user=None) -> StudyRecord:
    """Keep `texts` as the study's whole record; empty ones are left out. The trail names the fields that changed.

    Unknown fields, texts of more than LONGEST_TEXT characters, and an archived study raise ValidationError.
    """
    require_changeable(study)
    cleaned = _cleaned(texts)
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        record, _ = StudyRecord.objects.get_or_create(study=study)
        names = _changed(record.texts, cleaned)
        if names:
            record.texts, record.changed_by = cleaned, user
            record.save()
            note_deed(study=study, deed=f"changed the study's record: {', '.join(names)}", user=user)
    return record


def taken_from_file(file: File) -> dict[str, dict[str, str]]:
    """The texts of a facts.toml or .json; counts of recruitment, which the site keeps itself, are left."""
    if file.size > LARGEST_FILE:
        raise ValidationError(f"A study's record has at most {LARGEST_FILE:,} bytes; {file.name} has {file.size:,}.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("facts.json" if file.name.lower().endswith(".json") else "facts.toml")
        path.write_bytes(file.read())
        try:
            facts = read_facts(path)
        except InputError as error:
            raise ValidationError([error.summary, *map(str, error.problems)]) from error
    return {section: table for section, table in facts.items() if section in FIELDS}


def record_file(study: Study) -> str:
    """The record as facts.toml, which `analyse --study` and `taken_from_file` read."""
    return tomli_w.dumps({"schema": SCHEMA} | stored_record(study))


def _cleaned(texts: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    cleaned: dict[str, dict[str, str]] = {}
    for section, fields in texts.items():
        for field, text in fields.items():
            if field not in FIELDS.get(section, ()):
                raise ValidationError(f"{section}.{field} is no field of a study's record.")
            text = text.replace("\r\n", "\n").strip()
            if len(text) > LONGEST_TEXT or "\x00" in text:
                label = field_words()[section]["fields"][field][0]
                raise ValidationError(f"{label} takes at most {LONGEST_TEXT:,} characters of text; found {len(text):,}.")
            if text:
                cleaned.setdefault(section, {})[field] = text
    return cleaned


def _changed(before: Mapping, after: Mapping) -> list[str]:
    return [
        f"{section}.{field}" for section, fields in FIELDS.items() for field in fields
        if before.get(section, {}).get(field) != after.get(section, {}).get(field)
    ]  # fmt: skip
