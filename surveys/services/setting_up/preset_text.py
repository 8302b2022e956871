"""A study written back as the study.toml that sets up the same study again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import tomli_w

from imagebank.models import Study
from surveys.models import StudyProtocol
from surveys.questions import questions_of
from surveys.questions.asking import OF_CLASSES
from surveys.questions.definition import DIAGNOSIS, FIXED_CHOICES, Question

from .protocol import ORDERS, SCHEMA, TEXTS

QUESTION_DEFAULTS = {field.name: field.default for field in Question.__dataclass_fields__.values()}


@contextmanager
def preset_file(text: bytes) -> Iterator[Path]:
    """The text of a study.toml as a file, for as long as it is read."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "study.toml"
        path.write_bytes(text)
        yield path


def preset_of(study: Study) -> dict:
    """The tables of the study.toml that would set up `study` as it stands now."""
    protocol = StudyProtocol.objects.filter(study=study).first()
    about = {"slug": study.slug, "title": study.title, "summary": study.summary, "nature": study.nature}
    about |= {"citation": study.citation}
    if protocol:
        about |= {"question": protocol.question}
    about = {name: value for name, value in about.items() if value}
    if protocol:
        about |= {"language": protocol.language, "allow_blank": protocol.allow_blank, "zoom": protocol.zoom_allowed}
    preset = {"schema": SCHEMA, "study": about, "classes": _classes(study), "views": list(study.views)}
    return preset | (_rules(study, protocol) if protocol else {})


def _classes(study: Study) -> list[dict]:
    rows = study.classes.order_by("position").values_list("code", "name", "description", "names")
    return [
        {"code": code, "name": name} | ({"sign": sign} if sign else {}) | ({"names": names} if names else {})
        for code, name, sign, names in rows
    ]


def _rules(study: Study, protocol: StudyProtocol) -> dict:
    orders = {stored: written for written, stored in ORDERS.items()}
    order = protocol.view_order_design
    texts = {name: getattr(protocol, field) for name, field in TEXTS.items()}
    rules = {
        "reader_groups": [_group(group) for group in study.reader_groups.order_by("position")],
        "survey_set": {
            "per_class": protocol.per_class,
            "sets": protocol.sets,
            "block_order": list(protocol.view_order),
            "view_order_design": orders.get(order, order),
            **({"repeats": float(protocol.repeats)} if protocol.repeats else {}),
            **({"anchors": protocol.common} if protocol.common else {}),
        },
        "completion": {
            "threshold": float(protocol.completion_threshold),
            "comparison": ">" if protocol.strictly_more else ">=",
        },
        "invitations": {"days": protocol.invitation_days},
        "contacts": {"kept_days": protocol.contacts_kept_days} if protocol.contacts_kept_days else {},
        "afterwards": _afterwards(protocol),
        "pictures": dict(protocol.pictures),
        "questions": [_question(question) for question in questions_of(protocol)] if protocol.questions else [],
        "demographic_questions": list(protocol.demographic_questions),
        "stimuli": dict(protocol.stimuli),
        "texts": {name: text for name, text in texts.items() if text},
    }
    if protocol.stimuli:
        del rules["survey_set"]["block_order"]
    return {name: table for name, table in rules.items() if table}


def _afterwards(protocol: StudyProtocol) -> dict:
    said = {"debrief": protocol.debrief_offered, "certificate_issuer": protocol.certificate_issuer}
    return {name: value for name, value in said.items() if value}


def _group(group) -> dict:
    row = {name: getattr(group, name) for name in ("code", "singular", "plural", "prefix", "kind", "colour_role")}
    return {name: value for name, value in row.items() if value}


def _question(question: Question) -> dict:
    row = {
        name: list(value) if isinstance(value, tuple) else value
        for name in QUESTION_DEFAULTS
        if (value := getattr(question, name)) != QUESTION_DEFAULTS[name] and name != "choices"
    }
    if question.kind not in (DIAGNOSIS, *OF_CLASSES) and question.choices not in ((), FIXED_CHOICES.get(question.kind)):
        row["choices"] = [{"code": code, "label": label} for code, label in question.choices]
    return {name: value for name, value in row.items() if value != ""}


def toml_text(document: dict) -> str:
    """`document` as the text of a study.toml; long words keep their paragraphs."""
    return tomli_w.dumps(document, multiline_strings=True)
