"""The protocol as files: at once as a page and for Word, and in the background as PDF, since setting its pages takes a while."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError

from benchmark.core.report.protocol.facts import fingerprint, fingerprints
from benchmark.services.protocol_log import note_handed_out
from benchmark.services.starting import queue_once
from imagebank.models import Job, Study

from .facts import protocol_facts

if TYPE_CHECKING:
    from benchmark.core.report.protocol.document import Document

MAKE_PDF = "protocol-pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
KEPT_S = 60
KINDS = {"docx": WORD, "html": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Made:
    """A protocol with the facts that it was made of, as a document and as a file."""

    facts: dict
    document: Document
    content: bytes

    @property
    def sha256(self) -> str:
        return fingerprint(self.facts)


def made(study: Study, kind: str, *, record: Mapping | None = None, assumed: Mapping[str, float] | None = None, printed: bool = False) -> Made:
    """The protocol as `kind`, one of KINDS; printed: the page as the PDF has it."""
    from benchmark.core.report.protocol.build import build_protocol
    from benchmark.core.report.protocol.page import as_html
    from benchmark.core.report.protocol.word import as_docx

    facts = protocol_facts(study, record=record, assumed=assumed)
    document = build_protocol(facts)
    return Made(facts, document, as_docx(document) if kind == "docx" else as_html(document, printed=printed).encode())


def keep_for_frame(study: Study, found: Made) -> None:
    """Keep a page for the frame in which the browser asks for it next, so that its facts are gathered once."""
    cache.set(_kept(study, found.sha256), found.content, KEPT_S)


def kept_for_frame(study: Study, sha256: str) -> bytes | None:
    """The page kept a moment ago under the hash of its facts; None where it is gone, or another process keeps it."""
    return cache.get(_kept(study, sha256)) if re.fullmatch("[0-9a-f]{64}", sha256) else None


def _kept(study: Study, sha256: str) -> str:
    return f"protocol-{study.pk}-{sha256}"


def hand_out(study: Study, kind: str, *, record: Mapping | None = None, assumed: Mapping[str, float] | None = None, user=None) -> Made:
    """The same, noted in the study's log."""
    found = made(study, kind, record=record, assumed=assumed)
    note_handed_out(study=study, hashes=fingerprints(found.facts), user=user)
    return found


def can_print() -> bool:
    """Whether the library that sets the pages finds Pango."""
    if importlib.util.find_spec("weasyprint") is None:
        return False
    from ctypes.util import find_library

    return find_library("pangoft2-1.0") is not None


def start_pdf(*, study: Study, record: Mapping | None = None, assumed: Mapping[str, float] | None = None, user=None) -> Job:
    """Queue the protocol as PDF. Without Pango ValidationError says so."""
    if not can_print():
        raise ValidationError("A PDF needs Debian's libpango-1.0-0 and libpangoft2-1.0-0 on the server; take the Word file, or print the page.")
    payload = {"record": dict(record or {}), "assumed": dict(assumed or {})}
    return queue_once(study=study, kind=MAKE_PDF, title="Study protocol as PDF", payload=payload, user=user)


def make_pdf(*, study: Study, record: Mapping, assumed: Mapping[str, float]) -> dict:
    """Write the PDF into the study's folder; returns its name, its day, and the hashes of what it was made of."""
    from benchmark.core.files import write_atomically
    from benchmark.core.report.pdf import as_pdf

    found = made(study, "html", record=record, assumed=assumed, printed=True)
    name = f"{found.sha256[:16]}.pdf"
    write_atomically(pdf_folder(study) / name, as_pdf(found.content.decode()))
    return {"file": name, "written_on": found.facts["written_on"], "sha256": found.sha256, "parts": fingerprints(found.facts)}


def pdf_folder(study: Study) -> Path:
    return Path(settings.VAR_DIR) / "protocols" / study.slug


def pdf_of(job: Job) -> Path | None:
    """The file that a job wrote, where it is still there."""
    path = pdf_folder(job.study) / job.result["file"] if job.result.get("file") else None
    return path if path is not None and path.is_file() else None
