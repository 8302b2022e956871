"""Reading CSV files whose every bad row must be reported with its line: shared by readings and predictions."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError, Problem

TOLD_AT_MOST = 200  # problems listed by name before the rest is only counted


@dataclass(frozen=True)
class TextTable:
    """A CSV as text: `frame` (every cell a stripped str), `lines` (line of each row), `sha256` of the bytes."""

    name: str
    frame: pd.DataFrame
    lines: Sequence[int]
    sha256: str


def read_bytes(source: str | PathLike | io.IOBase) -> tuple[str, bytes]:
    """Name and content of a path or of an open text or binary file."""
    if hasattr(source, "read"):
        content = source.read()
        name = Path(str(getattr(source, "name", "the table"))).name
        return name, content.encode() if isinstance(content, str) else content
    path = Path(source)
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise InputError(f"A readable file was needed; {path} could not be read ({error.strerror}).") from error


def read_text_table(source: str | PathLike | io.IOBase, required: Sequence[str]) -> TextTable:
    """Parse a UTF-8 CSV with a header row; all rows of a wrong length are reported together.

    Raises InputError for bytes that are not UTF-8, a missing or repeated column, and rows of another length.
    """
    name, content = read_bytes(source)
    if content.startswith(b"PK\x03\x04"):
        raise InputError(f"{name} is a workbook or an archive, not a CSV; save the sheet as CSV in UTF-8.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{name} must be UTF-8; line {line} holds a byte that is not. Save it as UTF-8.") from error
    header, rows, lines, problems = _parse(name, text, required)
    if CONTROL.search(text):
        problems += control_characters(header, rows, lines)
    if problems:
        raise rejected(name, problems)
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    return TextTable(name, frame, lines, hashlib.sha256(content).hexdigest())


def rejected(name: str, problems: Sequence[Problem]) -> InputError:
    """The error that lists the problems of file `name`, in line order, long lists shortened."""
    ordered = sorted(problems, key=lambda problem: (problem.line or 0, problem.column or ""))
    shown = ordered[:TOLD_AT_MOST]
    more = len(ordered) - len(shown)
    if more:
        shown.append(Problem(None, None, f"and {more} more."))
    count = len(ordered)
    return InputError(f"{name} has {count} problem{'s' if count != 1 else ''}; nothing was read.", shown)


# What no workbook, XML or database takes in a text; tabs and line breaks may stay.
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def control_characters(header: list[str], rows: list[list[str]], lines: list[int]) -> list[Problem]:
    return [
        Problem(line, column, f"a text was expected, the control character {ord(found.group())} was found in it.")
        for row, line in zip(rows, lines)
        for column, cell in zip(header, row)
        if (found := CONTROL.search(cell))
    ]


def _check_header(name: str, header: list[str], required: Sequence[str]) -> None:
    missing = [column for column in required if column not in header]
    if not missing:
        return
    hint = ""
    if header[0].lower().startswith("sep="):
        hint = ' Its first line, "sep=", is a note to Excel; delete it.'
    separator = next((mark for mark in SEPARATORS if len(header) == 1 and mark in header[0]), None)
    if separator:
        hint = f" Its columns seem to be separated by {SEPARATORS[separator]}; commas are needed."
    elif {column.lower() for column in missing} <= {column.lower() for column in header}:
        hint = " Names of columns are written in small letters."
    raise InputError(
        f"{name} needs the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it has"
        f" {', '.join(header).expandtabs(1)}.{hint}"
    )


def _parse(name: str, text: str, required: Sequence[str]) -> tuple[list[str], list[list[str]], list[int], list[Problem]]:
    rows, lines, problems, start = [], [], [], 1
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        if not any(header):
            raise InputError(f"{name} is empty; a header row and at least one row were needed.")
        repeated = sorted({column for column in header if header.count(column) > 1})
        if repeated:
            raise InputError(f"{name} names the column {', '.join(repeated)} more than once; each name may occur once.")
        _check_header(name, header, required)
        start = reader.line_num + 1
        for row in reader:
            if row and any(cell.strip() for cell in row):
                if len(row) == len(header):
                    rows.append([cell.strip() for cell in row])
                    lines.append(start)
                else:
                    problems.append(Problem(start, None, f"{len(header)} fields were expected, {len(row)} were found."))
            start = reader.line_num + 1
    except csv.Error as error:
        why = str(error)
        if "end of data" in why:
            why = f"a quotation mark opened in the row that begins at line {start} is never closed"
        raise InputError(f"{name} is not a well-formed CSV at line {reader.line_num}: {why}.") from error
    if not rows and not problems:
        raise InputError(f"{name} has a header but no rows; at least one was needed.")
    return header, rows, lines, problems
