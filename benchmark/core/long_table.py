"""Reading CSV files whose every bad row must be reported with its line: shared by readings and predictions."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import pandas as pd

from .errors import InputError, Problem

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
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{name} must be UTF-8; line {line} holds a byte that is not. Save it as UTF-8.") from error
    header, rows, lines, problems = _parse(name, text)
    missing = [column for column in required if column not in header]
    if missing:
        raise InputError(
            f"{name} needs the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}; it has"
            f" {', '.join(header)}."
        )
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


def _parse(name: str, text: str) -> tuple[list[str], list[list[str]], list[int], list[Problem]]:
    rows, lines, problems = [], [], []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        if not any(header):
            raise InputError(f"{name} is empty; a header row and at least one row were needed.")
        repeated = sorted({column for column in header if header.count(column) > 1})
        if repeated:
            raise InputError(f"{name} names the column {', '.join(repeated)} more than once; each name may occur once.")
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
        raise InputError(f"{name} is not a well-formed CSV at line {reader.line_num} ({error}).") from error
    if not rows and not problems:
        raise InputError(f"{name} has a header but no rows; at least one was needed.")
    return header, rows, lines, problems
