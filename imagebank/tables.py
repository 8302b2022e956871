"""Tables that leave the house: CSV that a spreadsheet cannot mistake for formulas, lists of the API as CSV, Markdown."""

import csv
import io
from collections.abc import Iterable, Sequence

from rest_framework.renderers import BaseRenderer

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\n")


def spreadsheet_safe(value) -> str:
    """The text of a cell; text that a spreadsheet would run as a formula starts with an apostrophe. None is empty.

    Line ends become line feeds: a bare carriage return would end the row, and let a formula begin the next one.
    """
    if value is None or value != value:
        return ""
    if isinstance(value, bool | int | float):
        return str(value)
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def csv_text(header: Iterable[str], rows: Iterable[Iterable]) -> str:
    """UTF-8 text of a CSV file with escaped cells."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([spreadsheet_safe(value) for value in row] for row in rows)
    return buffer.getvalue()


def markdown_table(heading: Sequence[str], rows: Iterable[Iterable]) -> str:
    """A table in Markdown; whole numbers with their thousands parted."""
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    lines += ["| " + " | ".join(_markdown_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _markdown_cell(value) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", "\\|").replace("\n", " ")


class CsvRenderer(BaseRenderer):
    """`Accept: text/csv` or `?format=csv`: the rows of one page, a header first; no rows, no header.

    How many there are in all is said by the JSON form. Text that a spreadsheet would run as a formula is put behind an
    apostrophe.
    """

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data, accepted_media_type=None, renderer_context=None) -> str:
        rows = data.get("results", data.get("errors", [data])) if isinstance(data, dict) else data or []
        return csv_text(rows[0], ([as_text(value) for value in row.values()] for row in rows)) if rows else ""


def as_text(value):
    """A list becomes one cell."""
    return "; ".join(str(part) for part in value) if isinstance(value, list | tuple) else value
