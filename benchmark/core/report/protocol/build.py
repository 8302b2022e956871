"""The whole protocol from its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from benchmark.core.errors import InputError

from . import data, material, opening, reading
from .analysis import outcomes
from .checklists import checklists
from .document import Chapter, Document, Part
from .facts import SCHEMA, Given
from .networks import networks
from .size import sample_size

CHAPTERS: tuple[tuple[str, str, Callable[[Given], list[Part]]], ...] = (
    ("administration", "Administrative information", opening.administration),
    ("summary", "Summary", opening.summary),
    ("aim", "Background and aim", opening.aim),
    ("design", "Design", opening.design),
    ("material", "Images", material.images),
    ("surveys", "Assembly of the surveys", material.surveys),
    ("readers", "Readers", reading.readers),
    ("procedure", "What a reader meets", reading.procedure),
    ("networks", "Networks", networks),
    ("outcomes", "Outcomes and analysis plan", outcomes),
    ("size", "Size of the study", sample_size),
    ("protection", "Data protection", data.protection),
    ("processing", "Record of processing", data.processing),
    ("sharing", "Data sharing and publication", data.sharing),
    ("ethics", "Ethics and safety", data.ethics),
    ("amendments", "Amendments and deviations", data.amendments),
)
OF_RATINGS = {
    "material": "Stimuli", "surveys": "Assembly of the sittings", "readers": "Raters", "procedure": "What a rater meets",
}  # fmt: skip


def build_protocol(facts: Mapping[str, Any]) -> Document:
    """The protocol as a document. Facts of another schema raise InputError."""
    if facts.get("schema") != SCHEMA:
        raise InputError(f'Facts of the schema "{SCHEMA}" were needed; "{facts.get("schema")}" was found.')
    given = Given.of(facts)
    names = OF_RATINGS if given.is_rating else {}
    chapters = [Chapter(anchor, names.get(anchor, title), write(given)) for anchor, title, write in CHAPTERS]
    chapters.append(Chapter("checklists", "Where each guideline is answered", checklists(given, chapters)))
    study = given["study"]
    subtitle = f"Study protocol, {given['written_on']}"
    return Document(study["title"], subtitle, chapters, list(_marks(given)))


def _marks(given: Given) -> Iterator[str]:
    """What must be known before anything is believed."""
    study = given["study"]
    if study["rehearsal_of"]:
        yield f"This is the rehearsal of {study['rehearsal_of']}, read by simulated readers. It is no study of people."
    if study["simulated"]:
        yield f"{study['simulated']} reader{'' if study['simulated'] == 1 else 's'} of this study are simulated, not people."
    if study["answers"]:
        yield (
            f"People had given {study['answers']:,} answers when this was written: what it says was not fixed before them"
            " unless a hash or a date says so."
        )
