"""The document for Word: real headings, lists and tables, every blank highlighted, to be finished by people."""

from __future__ import annotations

import io
from collections.abc import Callable

from benchmark.core.output.tables import without_dates
from benchmark.core.output.word import FIXED, rule

from .document import BLANK, UNFIT, Document, Paragraph, Part, Picture, Points, Quotation, Subtitle, Table

TEXT_WIDTH_CM, PICTURE_DPI = 16.0, 200


def as_docx(document: Document) -> bytes:
    """The same bytes for the same document."""
    import docx
    from docx.shared import Cm, Pt

    made = docx.Document()
    for name, size in (("Normal", 10), ("Heading 1", 15), ("Heading 2", 12), ("Title", 20)):
        made.styles[name].font.name, made.styles[name].font.size = "Arial", Pt(size)
    section = made.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm((21 - TEXT_WIDTH_CM) / 2)
    properties = made.core_properties
    properties.created = properties.modified = FIXED
    properties.author, properties.title = "", _fit(document.title)[:255]
    _number_pages(section.footer.paragraphs[0])
    made.add_paragraph(_fit(document.title), style="Title")
    _write(made.add_paragraph(), document.subtitle)
    for mark in document.marks:
        made.add_paragraph().add_run(_fit(f"Note: {mark}")).bold = True
    if document.blanks:
        told = f"{len(document.blanks)} place{'' if len(document.blanks) == 1 else 's'} to be written by you, highlighted below."
        made.add_paragraph(told)
    for number, chapter in enumerate(document.chapters, start=1):
        line = made.add_paragraph(_fit(f"{number}. {chapter.title}"))
        line.paragraph_format.space_after = Pt(0)
    for number, chapter in enumerate(document.chapters, start=1):
        made.add_heading(_fit(f"{number}. {chapter.title}"), level=1)
        for part in chapter.parts:
            _add(made, part)
    out = io.BytesIO()
    made.save(out)
    return without_dates(out.getvalue())


def _add(made, part: Part) -> None:
    match part:
        case Paragraph(words):
            _write(made.add_paragraph(), words)
        case Points(lines):
            for line in lines:
                _write(made.add_paragraph(style="List Bullet"), line)
        case Subtitle(words):
            made.add_heading(_fit(words), level=2)
        case Table():
            _add_table(made, part)
        case Quotation():
            _add_quotation(made, part)
        case Picture():
            _add_picture(made, part)


def _write(paragraph, words: str, each: Callable | None = None) -> None:
    """Write words, its blanks highlighted; each: what else is done to every run."""
    from docx.enum.text import WD_COLOR_INDEX

    words, place = _fit(words), 0
    pieces = []
    for found in BLANK.finditer(words):
        pieces += [(words[place : found.start()], False), (found[0], True)]
        place = found.end()
    for text, marked in [*pieces, (words[place:], False)]:
        if not text:
            continue
        run = paragraph.add_run(text)
        if marked:
            run.font.highlight_color = WD_COLOR_INDEX.YELLOW
        if each:
            each(run)


def _fit(words: object) -> str:
    return UNFIT.sub("", str(words))


def _add_table(made, part: Table) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    def small(run) -> None:
        run.font.size = Pt(8.5)

    if part.caption:
        made.add_paragraph().add_run(_fit(part.caption)).bold = True
    table = made.add_table(rows=1, cols=len(part.header))
    for line in (part.header, *part.rows):
        cells = table.rows[0].cells if line is part.header else table.add_row().cells
        for place, (cell, text) in enumerate(zip(cells, line, strict=True)):
            paragraph = cell.paragraphs[0]
            _write(paragraph, text, small)
            paragraph.paragraph_format.space_after = Pt(1)
            if line is part.header:
                for run in paragraph.runs:
                    run.bold = True
            if part.short and place:
                paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    rule(table)
    made.add_paragraph()


def _add_quotation(made, part: Quotation) -> None:
    """Each paragraph set in, marked with its language, so that Word checks its spelling in that one."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Cm

    def in_its_language(run) -> None:
        language = OxmlElement("w:lang")
        language.set(qn("w:val"), _fit(part.language))
        run._r.get_or_add_rPr().append(language)

    where = made.add_paragraph()
    where.add_run(_fit(part.where)).bold = True
    where.paragraph_format.keep_with_next = True
    for text in part.words.replace("\r\n", "\n").split("\n\n"):
        if text.strip():
            paragraph = made.add_paragraph(style="Quote")
            paragraph.paragraph_format.left_indent = Cm(0.8)
            in_its_language(paragraph.add_run(_fit(text.strip("\n"))))


def _add_picture(made, part: Picture) -> None:
    from docx.shared import Cm

    width = min(TEXT_WIDTH_CM, part.drawing.width / 72 * 2.54)
    png = io.BytesIO(part.drawing.as_png(dpi=PICTURE_DPI))
    shape = made.add_picture(png, width=Cm(width))
    shape._inline.docPr.set("descr", _fit(part.drawing.description))
    made.add_paragraph().add_run(_fit(part.caption)).italic = True


def _number_pages(paragraph) -> None:
    """A footer with the page's number."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    paragraph._p.append(field)
