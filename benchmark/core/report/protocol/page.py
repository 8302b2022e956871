"""The document as one HTML page without scripts, in the look and with the print rules of the report."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from html import escape

from benchmark.core.report import html
from benchmark.core.report.page import Section, whole_page

from .document import BLANK, Chapter, Document, Paragraph, Part, Picture, Points, Quotation, Subtitle, Table

MARKED = """
mark { background: var(--amber-ground); color: var(--amber); padding: 0 .15em; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
blockquote { margin: .75rem 0 1.25rem; padding: .25rem 0 .25rem 1.1rem; border-left: 3px solid var(--rule); max-width: 72ch; }
blockquote p { margin: .5rem 0; white-space: pre-line; overflow-wrap: anywhere; }
p.where { margin: 1.25rem 0 0; font-weight: 600; }
h1 { overflow-wrap: anywhere; }
.contents ol { list-style: none; padding: 0; }
figure.flow svg { width: 100%; min-width: 0; max-width: 30rem; }
th, tbody th, td { white-space: normal; } td.n { white-space: nowrap; }
table:not(.words) tbody th { min-width: 9rem; max-width: 22rem; }
@media print { mark { background: #fdf3dc; color: #7a4d00; } blockquote { break-inside: auto; } p.where { break-after: avoid; } }
"""


def as_html(document: Document, *, printed: bool = False) -> str:
    """The whole page; printed: for the tagged PDF."""
    first = [html.heading(1, document.title), html.paragraph(document.subtitle, "lead")]
    first += [html.notice("Note", mark) for mark in document.marks]
    first.append(_finish(document))
    sections = [
        Section(chapter.anchor, f"{number}. {chapter.title}", chapter_html(chapter, printed=printed))
        for number, chapter in enumerate(document.chapters, start=1)
    ]
    return whole_page(document.title, first, sections, printed=printed, more_css=MARKED)


def chapter_html(chapter: Chapter, *, printed: bool = False) -> str:
    return _marked("\n".join(_part(part, printed) for part in chapter.parts))


def _finish(document: Document) -> str:
    """How many blanks there are, and in which chapters."""
    if not document.blanks:
        return ""
    where = ", ".join(str(n) for n, chapter in enumerate(document.chapters, start=1) if chapter.blanks)
    count = len(document.blanks)
    told = f"{count} place{'' if count == 1 else 's'} to be written by you, marked like "
    return f"<p>{html.text(told)}<mark>this</mark>{html.text(f', in chapters {where}. Word lets you finish them.')}</p>"


def _part(part: Part, printed: bool) -> str:
    match part:
        case Paragraph(words):
            return html.paragraph(words)
        case Points(lines):
            return html.bullets(list(lines))
        case Subtitle(words):
            return html.heading(3, words)
        case Table(caption, header, rows, short):
            return html.table(caption, header, rows, wrap=not short)
        case Quotation():
            return _quotation(part)
        case Picture():
            return _picture(part, printed)


def _quotation(part: Quotation) -> str:
    paragraphs = "".join(f"<p>{html.text(text)}</p>" for text in _paragraphs(part.words))
    language = escape(part.language, quote=True)
    return f'<p class="where">{html.text(part.where)}</p><blockquote lang="{language}">{paragraphs}</blockquote>'


def _paragraphs(words: str) -> Iterable[str]:
    return (text.strip("\n") for text in words.replace("\r\n", "\n").split("\n\n") if text.strip())


def _picture(part: Picture, printed: bool) -> str:
    """Inline, its ink following the theme; printed: as a picture, which a tagged PDF carries with its words."""
    svg = part.drawing.as_svg().decode()
    if printed:
        label = escape(part.drawing.description, quote=True)
        drawn = f'<img alt="{label}" src="data:image/svg+xml;base64,{b64encode(svg.encode()).decode("ascii")}">'
    else:
        drawn = html.themed(svg, part.drawing.description)
    return f'<figure class="flow">{drawn}<figcaption>{html.text(part.caption)}</figcaption></figure>'


def _marked(content: str) -> str:
    """Blanks marked; they hold no angle bracket, since every text is escaped before."""
    return BLANK.sub(lambda found: f"<mark>{found[0]}</mark>", content)
