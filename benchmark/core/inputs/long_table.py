"""Reading CSV files whose every bad row must be reported with its line: shared by readings and predictions."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from benchmark.core.errors import InputError, Problem
from imagebank.core.spreadsheets import Spreadsheet, TableError, decimal_points, open_spreadsheet

TOLD_AT_MOST = 200  # problems listed by name before the rest is only counted


@dataclass(frozen=True)
class TextTable:
    """A table as text: `frame` (every cell a stripped str), `lines` (line of each row), `sha256` of the bytes.

    is_plain: it is CSV in UTF-8 with commas, which any program reads. notes: sentences about what was guessed of it.
    """

    name: str
    frame: pd.DataFrame
    lines: Sequence[int]
    sha256: str
    is_plain: bool = True
    notes: tuple[str, ...] = ()


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


def read_text_table(
    source: str | PathLike | io.IOBase, required: Sequence[str], *, numbers: Sequence[str] = (), by_program: bool = False
) -> TextTable:
    """Read a table with a header row, as a person's spreadsheet saved it; all rows of a wrong length are reported together.

    numbers: columns whose decimal commas become points. by_program: programs write such tables for one another, and what a
    spreadsheet has saved again, perhaps with rounded numbers, is refused. Raises InputError for what is no table, a missing
    or repeated column, and rows of another length.
    """
    name, content = read_bytes(source)
    table = opened(name, content, by_program=by_program)
    header, rows, lines, problems = _parse(table, required)
    problems += control_characters(header, rows, lines)
    if problems:
        raise rejected(name, problems)
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    for column in numbers:
        if column in frame:
            frame[column] = with_points(frame[column].tolist(), name, column)
    return TextTable(name, frame, lines, hashlib.sha256(content).hexdigest(), table.is_plain, table.notes)


def opened(name: str, content: bytes, *, by_program: bool = False) -> Spreadsheet:
    """The table in the bytes of a CSV or XLSX file, whose first row names its columns. by_program: as in `read_text_table`.
    Raises InputError."""
    try:
        table = open_spreadsheet(content, name)
    except TableError as error:
        raise InputError(str(error)) from error
    if not table.header:
        raise InputError(f"{name} is empty; a header row and at least one row were needed.")
    if by_program and not table.is_plain:
        raise InputError(
            f"{name} was saved by a spreadsheet, which may have rounded its numbers; needed is the file as the program wrote it, "
            "CSV in UTF-8 with commas."
        )
    return table


def with_points(cells: list[str], name: str, column: str) -> list[str]:
    """Cells of numbers with their decimal commas made points. Raises InputError where the commas have two meanings."""
    try:
        return decimal_points(cells, name=name, column=column)
    except TableError as error:
        raise InputError(str(error)) from error


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


def control_characters(header: list[str], rows: list[list[str]], lines: list[int]) -> list[Problem]:
    return [
        Problem(line, column, f"a text was expected, the control character {ord(found.group())} was found in it.")
        for row, line in zip(rows, lines)
        if CONTROL.search("".join(row))
        for column, cell in zip(header, row)
        if (found := CONTROL.search(cell))
    ]


def _check_header(name: str, header: list[str], required: Sequence[str]) -> None:
    missing = [column for column in required if column not in header]
    if not missing:
        return
    hint = ""
    if len(header) == 1 and "|" in header[0]:
        hint = " Its columns seem to be separated by bars; commas, semicolons or tabs are needed."
    elif {column.lower() for column in missing} <= {column.lower() for column in header}:
        hint = " Names of columns are written in small letters."
    raise InputError(
        f"{name} needs the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it has"
        f" {', '.join(header).expandtabs(1)}.{hint}"
    )


def _parse(table: Spreadsheet, required: Sequence[str]) -> tuple[list[str], list[list[str]], list[int], list[Problem]]:
    rows, lines, problems, header = [], [], [], table.header
    _check_header(table.name, header, required)
    try:
        for line, cells in table:
            if len(cells) == len(header):
                rows.append(cells)
                lines.append(line)
            else:
                problems.append(Problem(line, None, f"{len(header)} fields were expected, {len(cells)} were found."))
    except TableError as error:
        raise InputError(str(error)) from error
    if not rows and not problems:
        raise InputError(f"{table.name} has a header but no rows; at least one was needed.")
    return header, rows, lines, problems
