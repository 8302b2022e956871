"""A document as data: chapters of paragraphs, tables, quotations and a drawing, the same for every format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmark.core.figures.drawing import Drawing

# Blanks stand in the text itself, so that every format marks the same ones.
BLANK = re.compile(r"\[To be written by you: [^\[\]]*\]")
# What no XML can hold, and so neither a drawing nor Word.
UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def blank(what: str) -> str:
    """What only a person knows, as the document shows it."""
    return f"[To be written by you: {what}]"


@dataclass(frozen=True)
class Paragraph:
    words: str


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Subtitle:
    words: str


@dataclass(frozen=True)
class Table:
    """Rows of words; short: all cells but the first of a row are numbers, or a word."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    short: bool = False


@dataclass(frozen=True)
class Quotation:
    """Words exactly as a reader gets them. language: their code; where: on what page they stand."""

    where: str
    words: str
    language: str


@dataclass(frozen=True)
class Picture:
    """A drawing; its description is what those hear who do not see it."""

    drawing: Drawing
    caption: str


Part = Paragraph | Points | Subtitle | Table | Quotation | Picture


@dataclass(frozen=True)
class Chapter:
    """One numbered chapter. `anchor` is how other chapters and the checklists name it."""

    anchor: str
    title: str
    parts: Sequence[Part]

    @property
    def blanks(self) -> list[str]:
        """Everything in it that a person still has to write, in order, each once."""
        return list(dict.fromkeys(blank for words in _words(self.parts) for blank in BLANK.findall(words)))


@dataclass(frozen=True)
class Document:
    """title and subtitle; marks: what a reader must know before believing anything, e.g. that readers are simulated."""

    title: str
    subtitle: str
    chapters: Sequence[Chapter]
    marks: Sequence[str] = field(default=())

    @property
    def blanks(self) -> list[str]:
        found = (blank for chapter in self.chapters for blank in chapter.blanks)
        return list(dict.fromkeys(found))

    def number(self, anchor: str) -> int | None:
        """The number of a chapter; None where the document has none of that name."""
        return next((n for n, chapter in enumerate(self.chapters, start=1) if chapter.anchor == anchor), None)


def _words(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        match part:
            case Paragraph(words) | Subtitle(words):
                yield words
            case Points(lines):
                yield from lines
            case Table(rows=rows):
                yield from (cell for row in rows for cell in row)
            case _:
                pass  # what readers get to see has no blanks of ours
