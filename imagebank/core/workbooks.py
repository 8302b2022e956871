"""The first sheet of an XLSX workbook as rows of text. Nothing in it is run: formulas count by the results saved with them."""

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time

MOST_UNPACKED = 24 * 2**20  # bytes of XML: some 200,000 cells, seconds of a processor. What is larger comes as CSV
MOST_MEMBERS = 2_000
MOST_ROWS = 1_048_576  # of any sheet
OLD_OR_LOCKED = b"\xd0\xcf\x11\xe0"  # how .xls begins, and every workbook with a password
LOCAL_FILE = b"PK\x03\x04"
UNSAVED_RESULT = re.compile(  # a formula without a value, unless its value is an empty text
    rb'<c(?![^<>]*\st="str")[^<>]*>\s*(?:<f[^<>]*>[^<]*</f>|<f[^<>]*/>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
ROW_NUMBER = re.compile(rb'<row[^<>]*?\sr="(\d+)"')
AS_CSV = "Save the sheet as CSV UTF-8"


class TableError(ValueError):
    """A file is no table that can be read, or can be read in two ways; the message is one sentence for who sent it."""


def is_workbook(data: bytes) -> bool:
    """Whether bytes are those of a spreadsheet program rather than text."""
    return data.startswith((LOCAL_FILE, OLD_OR_LOCKED))


def rows_of_workbook(data: bytes, name: str, *, most_columns: int) -> tuple[list[tuple[int, list[str]]], tuple[str, ...]]:
    """(number, cells) of every row of the first sheet that holds anything, and what a person should know of the choice.

    Dates become ISO 8601. Cells beyond most_columns are not looked at. Raises TableError where the file is no XLSX, is too large
    unpacked, or holds formulas without results.
    """
    if data.startswith(OLD_OR_LOCKED):
        raise TableError(f"{name} is a workbook with a password or of Excel before 2007. {AS_CSV} or as XLSX without a password.")
    _check_members(data, name)
    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        filled = [sheet for sheet in sheets if any(any(cells) for _, cells in _rows(sheet, most_columns))]
        rows = list(_rows(filled[0], most_columns)) if filled else []
    except Exception as error:  # openpyxl raises whatever a damaged part makes it stumble over
        raise TableError(f"{name} is a workbook that cannot be read ({type(error).__name__}). {AS_CSV}.") from error
    if len(filled) < 2:
        return rows, ()
    return rows, (f'{name} has {len(filled)} sheets; the first, "{filled[0].title}", was read.',)


def _check_members(data: bytes, name: str) -> None:
    """Refuse what is no XLSX, or would unpack to more than may be, or declares entities; read no member further than it says."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            members = {info.filename for info in infos}
            if "xl/workbook.xml" not in members:
                kind = "an OpenDocument sheet" if "mimetype" in members else "a ZIP, but no workbook in XLSX"
                raise TableError(f"{name} is {kind}. {AS_CSV} or as XLSX.")
            xml = [info for info in infos if info.filename.lower().endswith((".xml", ".rels", ".vml"))]
            if len(infos) > MOST_MEMBERS or sum(info.file_size for info in xml) > MOST_UNPACKED:
                raise TableError(f"{name} unpacks to more than {MOST_UNPACKED // 2**20} MiB; such a table is read as CSV only. {AS_CSV}.")
            for info in xml:
                _check_part(archive.read(info), info.filename, name)
    except TableError:
        raise
    except Exception as error:  # zlib and others raise errors of their own for damaged data
        raise TableError(f"{name} is a damaged workbook or archive ({type(error).__name__}). {AS_CSV}.") from error


def _check_part(part: bytes, member: str, name: str) -> None:
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part or b"\0" in part:
        raise TableError(f"{name} declares entities, which no spreadsheet program does. {AS_CSV}.")
    if member.startswith("xl/worksheets/"):
        if UNSAVED_RESULT.search(part):
            raise TableError(f"{name} holds formulas without results. Open it in a spreadsheet program, save it, and send it again.")
        if any(int(number[:9]) > MOST_ROWS for number in ROW_NUMBER.findall(part)):
            raise TableError(f"{name} numbers a row beyond {MOST_ROWS:,}. {AS_CSV}.")


def _rows(sheet, most_columns: int) -> Iterator[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if any(cell is not None for cell in cells):
            yield number, [_text(cell) for cell in cells[:most_columns]]


def _text(value) -> str:
    """A cell as CSV would hold it: whole numbers without a point, dates as ISO 8601."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)
