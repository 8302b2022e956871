"""Exports as sheets of text: one row per line of data, with the line on which it stands in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.long_table import control_characters, opened, read_bytes, read_text_table, rejected
from imagebank.core.spreadsheets import TableError

QUALTRICS_HEADERS = 3


@dataclass(frozen=True)
class Sheet:
    """header: column names; rows: one dict per row; lines: where each row begins in the file; notes: what was guessed of it."""

    name: str
    header: list[str]
    rows: list[dict[str, str]]
    lines: Sequence[int]
    notes: tuple[str, ...] = ()


def read_sheet(source: str | PathLike, kind: str, required: Sequence[str]) -> Sheet:
    """Read an export of the given kind. Raises InputError when columns are missing or it is not of that kind."""
    if kind == "qualtrics":
        return _qualtrics(source, required)
    if kind == "redcap":
        return _redcap(source, required)
    table = read_text_table(source, required)
    return Sheet(table.name, list(table.frame.columns), table.frame.to_dict("records"), list(table.lines), table.notes)


def _qualtrics(source: str | PathLike, required: Sequence[str]) -> Sheet:
    """A table with three header rows: column names, the questions' words, and {"ImportId": ...}."""
    name, content = read_bytes(source)
    table = opened(name, content)
    header = table.header
    try:
        found = list(table)
    except TableError as error:
        raise InputError(str(error)) from error
    words = QUALTRICS_HEADERS - 1
    if len(found) < words or not any("ImportId" in cell for cell in found[words - 1].cells):
        raise InputError(
            f'{name} needs the three header rows of a Qualtrics export, the third with "ImportId"; they were not found.'
            " Export the data as CSV without removing lines."
        )
    missing = [column for column in required if column not in header]
    if missing:
        raise InputError(f"{name} needs the columns {', '.join(missing)}; it has {', '.join(header)}.")
    rows, lines, problems = [], [], []
    for line, cells in found[words:]:
        if len(cells) == len(header):
            rows.append(dict(zip(header, cells)))
            lines.append(line)
        else:
            problems.append(Problem(line, None, f"{len(header)} fields were expected, {len(cells)} were found."))
    problems += control_characters(header, [list(row.values()) for row in rows], lines)
    if problems:
        raise rejected(name, problems)
    if not rows:
        raise InputError(f"{name} has its three header rows but no response below them.")
    return Sheet(name, header, rows, lines, table.notes)


TICK = "___"  # REDCap: field___code, one column per box
TICKED = ("1", "Checked")


def _redcap(source: str | PathLike, required: Sequence[str]) -> Sheet:
    """A CSV of records, raw or with labels. The boxes of a checkbox field become one column, named like the field, that
    holds the code of the box ticked, or all of them; the boxes' own columns stay beside it for a map that names them."""
    table = read_text_table(source, ())
    columns, rows = list(table.frame.columns), table.frame.to_dict("records")
    boxes: dict[str, list[str]] = {}
    for column in columns:
        field, mark, _ = column.partition(TICK)
        if mark:
            boxes.setdefault(field, []).append(column)
    for row in rows:
        for field, names in boxes.items():
            row[field] = " and ".join(name.partition(TICK)[2] for name in names if row[name] in TICKED)
    header = [column for column in columns if TICK not in column] + list(boxes)
    missing = [column for column in required if column not in header and column not in columns]
    if missing:
        raise InputError(f"{table.name} needs the columns {', '.join(missing)}; it has {', '.join(columns)}.")
    return Sheet(table.name, header, rows, list(table.lines), table.notes)


def redcap_labels(source: str | PathLike) -> dict[str, dict[str, str]]:
    """Choices of a REDCap data dictionary: field -> code -> label, from "1, HMI | 2, IP"."""
    field, choices = "Variable / Field Name", "Choices, Calculations, OR Slider Labels"
    table = read_text_table(source, (field, choices))
    found: dict[str, dict[str, str]] = {}
    for name, text in zip(table.frame[field], table.frame[choices]):
        pairs = [part.split(",", 1) for part in text.split("|") if "," in part]
        if pairs:
            found[name] = {code.strip().lower(): label.strip() for code, label in pairs}
    return found
