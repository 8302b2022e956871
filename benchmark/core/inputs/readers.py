"""readers.csv: what readers said about themselves, one row per reader and one column per question, numbers and choices."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.long_table import TextTable, read_text_table, rejected, with_points

BESIDE = ("reader", "group", "kind", "survey", "response", "simulated")  # columns that are no question
FEWEST = 5  # readers: no choice of fewer is told by itself
NUMBER, CHOICE = "number", "choice"
OTHERS = "other choices"


@dataclass(frozen=True)
class Covariate:
    """One question about readers, or one attribute of items. values: by code, floats of a number, text of a choice; the unanswered are absent."""

    name: str
    kind: str
    values: pd.Series


@dataclass(frozen=True)
class ReaderAnswers:
    """The questions of one readers.csv in the order of its columns; source and sha256 say where it came from."""

    covariates: tuple[Covariate, ...]
    source: str
    sha256: str
    rows: int


def read_reader_answers(source: str | PathLike | io.IOBase) -> ReaderAnswers:
    """Read readers.csv: `reader` once each, and one column per question; an empty cell: not answered.

    A column of numbers alone is a number, any other a choice. Raises InputError for a reader without a code or named twice,
    and for a table without a question.
    """
    found, table = read_covariates(source, "reader", a="a", asked="question", beside=BESIDE)
    return ReaderAnswers(found, table.name, table.sha256, len(table.frame))


def read_covariates(
    source: str | PathLike | io.IOBase, whose: str, *, a: str, asked: str, beside: Sequence[str]
) -> tuple[tuple[Covariate, ...], TextTable]:
    """The columns of a table of one row per code, `whose` names that column; values by code. beside: columns that are none.

    a, asked: words of the sentences. Raises InputError for a row without a code, a code named twice and a table of no column more.
    """
    table = read_text_table(source, (whose,))
    code, lines = table.frame[whose], table.lines
    problems = [
        Problem(int(lines[row]), whose, f"the code of {a} {whose} was expected, an empty cell was found.") for row in np.flatnonzero(code == "")
    ]
    problems += [
        Problem(int(lines[row]), whose, f'{whose} "{code.iloc[row]}" has a row above; one row per {whose} was expected.')
        for row in np.flatnonzero((code != "") & code.duplicated())
    ]
    if problems:
        raise rejected(table.name, problems)
    columns = [column for column in table.frame.columns if column not in beside]
    if not columns:
        raise InputError(f"{table.name} needs one column per {asked} beside {whose}; it has {', '.join(table.frame.columns)}.")
    by_code = table.frame.set_index(whose)
    return tuple(covariate_of(by_code[column], table.name) for column in columns), table


def covariate_of(cells: pd.Series, name: str) -> Covariate:
    given = cells[cells != ""]
    points = pd.Series(with_points(given.tolist(), name, str(cells.name)), index=given.index, dtype=object)
    numbers = pd.to_numeric(points, errors="coerce")
    if points.str.fullmatch(r"[+-]?\d*[.,]?\d+").all() and numbers.isna().any():
        raise InputError(f'{name} has points and commas in the numbers of the column {cells.name}; needed is one sign for decimals.')
    if len(given) and np.isfinite(numbers).all():
        return Covariate(str(cells.name), NUMBER, numbers.astype(float))
    return Covariate(str(cells.name), CHOICE, given)


def told_choices(choices: pd.Series, fewest: int = FEWEST) -> tuple[pd.Series, int]:
    """Choices by reader, and how many readers' choices are left out so that no choice of fewer than `fewest` is told.

    Rare choices are merged into OTHERS; where these are too few together as well, their readers are left out.
    """
    often = choices.map(choices.value_counts())
    merged = choices.where(often >= fewest, OTHERS)
    if 0 < (merged == OTHERS).sum() < fewest:
        kept = merged[merged != OTHERS]
        return kept, len(merged) - len(kept)
    return merged, 0
