"""Tables as people have them: CSV of any country's spreadsheet, or a workbook in XLSX. The one reader of the house for them.

What programs write for one another is CSV in UTF-8 with commas; it is read here, too, and stays as it is (`is_plain`). What is
guessed is told in a sentence (`notes`), and what has two meanings is refused in one (`TableError`).
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from .workbooks import TableError, is_workbook, rows_of_workbook

__all__ = ["MAX_COLUMNS", "Line", "Spreadsheet", "TableError", "TornRow", "decimal_points", "open_spreadsheet", "plain_csv"]

MAX_COLUMNS = 2_000
LONGEST_LINE = 4 * 2**20  # characters: a row of millions of cells is no person's
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
LOOKED_AT = 256 * 1024  # characters in which the header ends
INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"  # marks that copying from other programs leaves at the edges of cells
UNMARKED_UTF16 = 0.3  # share of NULs among the first bytes from which a text is UTF-16 without its mark
SEVERAL_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")  # one letter in UTF-8
# What the letters of Mac Roman become in Windows-1252, and the other way round: capitals inside words, signs between letters.
NOT_WINDOWS = re.compile(r"(?<=[a-zß-öø-ÿ])[ŠŽŒŸ]|(?<=[^\W\d_])[ŠŽŒŸ†‡ˆ‰…§¿¾•™](?=[a-zß-öø-ÿ])")
NOT_MAC = re.compile(r"(?<=[a-z])[À-ÖØ-ÞŒŸ]|(?<=[^\W\d_])[‡·‚„‰¿¡†…‹›«»](?=[^\W\d_])|[ƒﬁﬂı√∆÷◊⁄ˆ˜¯˘˙˚¸˝˛ˇ∂∑∏π∫Ω¬\uf8ff]")
WESTERN = {"cp1252": "Windows-1252, as Excel saves CSV in Western Europe", "mac_roman": "Mac Roman, as Excel on a Mac saves CSV"}
QUOTED = re.compile(r'"(?:[^"]|"")*"?')
SEP = re.compile(r'"?sep=(.)"?[ ;,\t]*\r?\n?', re.IGNORECASE)  # Excel's own first line
NUMBER = re.compile(r"[+-]?(\d*)([.,]?)(\d*)([eE][+-]?\d+)?")


class TornRow(TableError):
    """One row cannot be read; rows below it may be. `line`: where it begins."""

    def __init__(self, line: int, message: str):
        self.line = line
        super().__init__(message)


class Line(NamedTuple):
    """A row: where it begins in the file (its first line is 1), and its cells without blanks around them."""

    number: int
    cells: list[str]


class Spreadsheet:
    """An opened table, read row by row, once; rows without any content are passed over.

    header: the columns' names; empty columns at the right are gone. is_plain: CSV in UTF-8 with commas, as programs write it.
    notes: sentences about what was guessed. A row of another length than the header comes as it is, except that empty cells
    beyond the header are cut off. Iterating raises TornRow, after which the next row may be asked for.
    """

    def __init__(self, name: str, header: Line, rows: Iterator[Line], *, is_plain: bool, fills: bool, notes: Sequence[str]):
        self.name, self.is_plain, self.notes = name, is_plain, tuple(notes)
        self.header, self.header_line = _without_empty_end(header.cells), header.number
        self._rows, self._fills = rows, fills
        if len(self.header) > MAX_COLUMNS:
            raise TableError(
                f"{name} has {len(self.header):,} columns; at most {MAX_COLUMNS:,} are read. Leave out those that nobody needs here."
            )
        if repeated := sorted(column for column, times in Counter(self.header).items() if times > 1 and column):
            raise TableError(f"{name} names the column {', '.join(repeated[:5])} more than once; each name may occur once. Rename one.")

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        width = len(self.header)
        while True:
            number, cells = next(self._rows)
            if not any(cells):
                continue
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            elif self._fills and len(cells) < width:
                cells = [*cells, *[""] * (width - len(cells))]
            return Line(number, cells)


def open_spreadsheet(data: bytes, name: str) -> Spreadsheet:
    """Open the bytes of a CSV (commas, semicolons or tabs; UTF-8, UTF-16 with its mark, Windows-1252, Mac Roman) or of an XLSX file.

    A formula counts by the result that it was saved with. Raises TableError where the bytes are no such table, two separators
    fit alike, or the header is too wide or names a column twice.
    """
    if is_workbook(data):
        rows, notes = rows_of_workbook(data, name, most_columns=MAX_COLUMNS + 1)
        lines = (Line(number, [_clean(cell) for cell in cells]) for number, cells in rows)
        return Spreadsheet(name, _first(lines), lines, is_plain=False, fills=True, notes=notes)
    encoding, head, notes = _encoding_of(data, name)
    note = SEP.match(head)
    separator = note[1] if note else _separator_of(head, name)
    if separator not in SEPARATORS:
        raise TableError(f'{name} begins with "sep={separator}"; needed are commas, semicolons or tabs. Save it with one of these.')
    lines = _CsvLines(io.TextIOWrapper(io.BytesIO(data), encoding, newline=""), separator, name, skip=1 if note else 0)
    is_plain = encoding == "utf-8-sig" and separator == "," and not note
    return Spreadsheet(name, _first(lines), lines, is_plain=is_plain, fills=False, notes=notes)


def plain_csv(table: Spreadsheet, cell: Callable[[str], str] = str) -> str:
    """The rows of an opened table as CSV with commas; `cell` is asked for every cell."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([cell(column) for column in table.header])
    writer.writerows([cell(text) for text in line.cells] for line in table)
    return out.getvalue()


def decimal_points(cells: Sequence[str], *, name: str, column: str) -> list[str]:
    """A column of numbers with its decimal commas made points; any other column, and one with a point anywhere, as it is.

    Raises TableError where the commas may as well stand between thousands (1,234).
    """
    found = [NUMBER.fullmatch(cell) for cell in cells]
    if any(match is None or match[2] == "." for match in found):
        return list(cells)
    commas = [match for match in found if match[2] == ","]
    if not commas:
        return list(cells)
    if all(len(match[3]) == 3 and match[1].strip("0") and len(match[1]) <= 3 for match in commas):
        whole = commas[0][0]
        raise TableError(
            f'{name} has "{whole}" in the column {column}, which may mean {whole.replace(",", ".")} or {whole.replace(",", "")}. '
            "Write its numbers with a decimal point, and nothing between thousands."
        )
    return [cell.replace(",", ".") for cell in cells]


def _first(lines: Iterator[Line]) -> Line:
    try:
        return next((line for line in lines if any(line.cells)), Line(1, []))
    except TornRow as error:
        raise TableError(str(error)) from error


def _clean(cell: str) -> str:
    return cell.strip().strip(INVISIBLE).strip()


def _without_empty_end(cells: list[str]) -> list[str]:
    last = max((place for place, cell in enumerate(cells, 1) if cell), default=0)
    return cells[:last]


class _CsvLines:
    """Rows of a CSV. After a row that cannot be read the next one may be asked for."""

    def __init__(self, file: io.TextIOBase, separator: str, name: str, skip: int):
        self._name, self._skipped = name, skip
        for _ in range(skip):
            file.readline()
        self._reader = csv.reader(self._bounded(file), delimiter=separator, strict=True)

    def _bounded(self, file: io.TextIOBase) -> Iterator[str]:
        while line := file.readline(LONGEST_LINE + 1):
            if len(line) > LONGEST_LINE:
                raise TableError(f"{self._name} has a row of more than {LONGEST_LINE:,} characters; it is no table of a person's.")
            yield line

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        number = self._reader.line_num + self._skipped + 1
        try:
            return Line(number, [_clean(cell) for cell in next(self._reader)])
        except csv.Error as error:
            why = str(error)
            if "end of data" in why:
                why = f"a quotation mark opened in the row that begins at line {number} is never closed"
            raise TornRow(number, f"{self._name} is not a well-formed CSV at line {self._reader.line_num + self._skipped}: {why}.") from error


def _encoding_of(data: bytes, name: str) -> tuple[str, str, tuple[str, ...]]:
    """The encoding, the first characters, and what was guessed."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) and len(data) % 4 == 0:
        raise TableError(f"{name} is text in UTF-32. Save it as CSV UTF-8.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", _decoded(data, "utf-16", name)[:LOOKED_AT], ()
    start = data[:4096]
    if start.count(0) > UNMARKED_UTF16 * len(start):
        raise TableError(f"{name} is no text in UTF-8; it may be UTF-16 without its mark, or no table at all. Save it as CSV UTF-8.")
    try:
        return "utf-8-sig", data.decode("utf-8-sig")[:LOOKED_AT], ()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
    if data.startswith(codecs.BOM_UTF8) or SEVERAL_BYTES.search(data):
        raise TableError(
            f"{name} is UTF-8, but line {line} holds a byte that is not: it was cut off, or put together from files saved differently. "
            "Save it whole as CSV UTF-8."
        )
    encoding = "mac_roman" if _is_mac(data) else "cp1252"
    text = _decoded(data, encoding, name)
    strange = dict.fromkeys(re.findall(r"\w*[^\W\x00-\x7f]\w*", text[: 16 * LOOKED_AT]))
    shown = ", ".join(f'"{word[:40]}"' for word in list(strange)[:3])
    note = (
        f"{name} is not UTF-8 and was read as {WESTERN[encoding]}. "
        f"{f'Look at its letters: {shown}. ' if strange else ''}Where letters are wrong, save it as CSV UTF-8 and send it again."
    )
    return encoding, text[:LOOKED_AT], (note,)


def _is_mac(data: bytes) -> bool:
    """Whether bytes that are not UTF-8 are Mac Roman: as Windows-1252 they are none or have letters where no word has them, and as
    Mac Roman they have not. Where both can be, as for \\x9a alone (a Czech letter, a German one), it is not."""
    try:
        if not NOT_WINDOWS.search(data.decode("cp1252")):
            return False
    except UnicodeDecodeError:
        pass
    return not NOT_MAC.search(data.decode("mac_roman"))


def _decoded(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = "should be UTF-16, as its first bytes say" if encoding == "utf-16" else "is neither UTF-8 nor Windows-1252"
        raise TableError(f"{name} {why}; line {line} holds bytes that are not. Save it as CSV UTF-8.") from error


def _separator_of(head: str, name: str) -> str:
    header = QUOTED.sub("", head.lstrip()).replace("\r", "\n").split("\n", 1)[0]
    (best, times), (second, others), _ = sorted(((mark, header.count(mark)) for mark in SEPARATORS), key=lambda pair: -pair[1])
    if times and times == others:
        raise TableError(
            f"{name} has as many {SEPARATORS[best]} as {SEPARATORS[second]} in its header, and either may part its columns. "
            "Put the names of columns that contain one into quotation marks."
        )
    return best
