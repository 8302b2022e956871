"""The tables of a paper as one Word document, rounded and in words, with the same bytes for the same results."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from benchmark.core.output.tables import paper_tables, without_dates
from benchmark.core.results import Results

FIXED = datetime(1980, 1, 1, tzinfo=UTC)
RULES = ("w:top", "w:bottom")


def as_docx(results: Results) -> bytes:
    """One heading and table per paper table; three rules and no grid, header row repeated on every page."""
    from docx import Document
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    document = Document()
    document.styles["Normal"].font.name, document.styles["Normal"].font.size = "Arial", Pt(9)
    properties = document.core_properties
    properties.created = properties.modified = FIXED
    properties.author, properties.title = "", results["title"] or "Tables"
    if results.is_simulated:
        document.add_paragraph().add_run("Simulated: these numbers say nothing about people or diseases.").bold = True
    for number, (caption, header, rows) in enumerate((t for t in paper_tables(results).values() if t[2]), 1):
        document.add_paragraph().add_run(f"Table {number}. {caption}").bold = True
        table = document.add_table(rows=1, cols=len(header))
        numeric = [i > 0 and any(any(ch.isdigit() for ch in row[i]) for row in rows) for i in range(len(header))]
        for line in (header, *rows):
            cells = table.rows[0].cells if line is header else table.add_row().cells
            for cell, text, right in zip(cells, line, numeric):
                paragraph = cell.paragraphs[0]
                run = paragraph.add_run(text)
                run.font.size, run.bold = Pt(8), line is header
                paragraph.paragraph_format.space_after = Pt(1)
                if right:
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        rule(table)
        document.add_paragraph()
    out = io.BytesIO()
    document.save(out)
    return without_dates(out.getvalue())


def rule(table) -> None:
    """Rules above and below the table and under its header, as booktabs draws them; the header repeats."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    def borders(tag: str, names: tuple[str, ...]):
        found = OxmlElement(tag)
        for name in names:
            line = OxmlElement(name)
            for key, value in (("w:val", "single"), ("w:sz", "6"), ("w:color", "20282A")):
                line.set(qn(key), value)
            found.append(line)
        return found

    table._tbl.tblPr.append(borders("w:tblBorders", RULES))
    for cell in table.rows[0].cells:
        cell._tc.get_or_add_tcPr().append(borders("w:tcBorders", ("w:bottom",)))
    repeat = OxmlElement("w:tblHeader")
    repeat.set(qn("w:val"), "true")
    table.rows[0]._tr.get_or_add_trPr().append(repeat)
