"""Which protocols were handed out: the day and the hashes of their parts, in the study's log of deeds, for good."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from benchmark.core.report.protocol.facts import PARTS, SHORT
from imagebank.models import Study, TrailEntry
from imagebank.services.trail import note_deed

HANDED_OUT = "protocol handed out: "
PART = re.compile(rf"(\w+) ([0-9a-f]{{{SHORT}}})")


@dataclass(frozen=True)
class HandedOut:
    """One protocol that left the house; changed: the parts that have changed since then."""

    at: datetime
    by: str
    changed: list[str]


def note_handed_out(*, study: Study, hashes: Mapping[str, str], user=None) -> TrailEntry:
    """Note that a protocol with these parts (`fingerprints`) was given away; on the same day the same one is noted once."""
    deed = HANDED_OUT + ", ".join(f"{part} {hashes[part][:SHORT]}" for part in PARTS)
    last = _entries(study).first()
    if last is not None and last.deed == deed and timezone.localdate(last.at) == timezone.localdate():
        return last
    return note_deed(study=study, deed=deed, user=user)


def handed_out(*, study: Study, hashes: Mapping[str, str]) -> list[HandedOut]:
    """Every protocol that was handed out, the newest first, held against the parts as they are now."""
    found = []
    for entry in _entries(study):
        noted = dict(PART.findall(entry.deed))
        changed = [part for part in PARTS if noted.get(part) != hashes[part][:SHORT]]
        found.append(HandedOut(entry.at, entry.by_name, changed))
    return found


def _entries(study: Study):
    return study.trail.filter(deed__startswith=HANDED_OUT)
