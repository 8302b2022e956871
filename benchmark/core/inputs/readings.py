"""The long table: one row per reader, item, view and showing, human or model, with truth and answer.

Everything that the analysis knows about who read what comes through here, so that people and networks are scored by
the same code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import IO

import numpy as np
import pandas as pd

from benchmark.core.errors import Problem
from benchmark.core.inputs.anchors import ANCHOR, anchor_problems, anchors_of
from benchmark.core.inputs.assisted import ASSISTED, ASSISTED_NUMBERS, asked_again, assisted_problems, is_assisted
from benchmark.core.inputs.long_table import read_text_table, rejected
from benchmark.core.inputs.showings import SHOWING, showing_problems, split_showings

REQUIRED = ("reader", "group", "item", "truth", "answer")
OPTIONAL = (
    "kind", "survey", "view", "block", "position", "confidence", "rt_ms", "answered_at", "completed_at", "left_window",
    *ASSISTED,
)  # fmt: skip
NUMBERS = ("position", "confidence", "rt_ms", "left_window", *ASSISTED_NUMBERS)
KINDS = ("human", "model")
NOT_SIMULATED = ("", "0", "false", "no", "n", "f", "none", "nan")
NO_ANSWER = "no answer"


@dataclass(frozen=True)
class Readings:
    """Checked readings.

    frame: columns REQUIRED + OPTIONAL (text; "" where a value is absent; NUMBERS float with NaN),
    `simulated` (bool), `anchor` where the table has it, then any extra columns as they came. source and sha256 say where the table came from.
    second: the same columns of second showings, which the frame has none of.
    """

    frame: pd.DataFrame
    source: str
    sha256: str
    extra_columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    second: pd.DataFrame = field(default_factory=pd.DataFrame)
    rows: int = 0  # of the table as it came, a network's repeated ones included

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, *, source: str = "a table in memory") -> Readings:
        """Check a DataFrame with the columns of readings.csv; problems name the row, the header counting as line 1."""
        missing = [column for column in REQUIRED if column not in frame.columns]
        if missing:
            raise rejected(source, [Problem(None, column, "is needed and missing.") for column in missing])
        text = frame.reset_index(drop=True).map(_as_text)
        if text.empty:
            raise rejected(source, [Problem(None, None, "at least one reading was needed, none was found.")])
        digest = hashlib.sha256(text.to_csv(index=False, lineterminator="\n").encode()).hexdigest()
        return _checked(text, range(2, len(text) + 2), source, digest)

    @cached_property
    def is_simulated(self) -> bool:
        """Whether any reading came from a simulated reader or a drawn image."""
        return bool(self.frame["simulated"].any())

    @cached_property
    def anchors(self) -> frozenset[str]:
        """Items that every survey shows, as the table marks them."""
        return anchors_of(self.frame)

    @cached_property
    def is_assisted(self) -> bool:
        """Whether any reader was asked again, with a network's output in sight or without."""
        return is_assisted(self.frame)

    @cached_property
    def views(self) -> tuple[str, ...]:
        """Views in reading order: by block where blocks are numbered, else by name."""
        order = self.frame.assign(_block=pd.to_numeric(self.frame["block"], errors="coerce").fillna(np.inf))
        first = order.groupby("view", sort=True)["_block"].min()
        return tuple(sorted(first.index, key=lambda view: (first[view], view)))

    @cached_property
    def human_groups(self) -> tuple[str, ...]:
        return self._names("human", "group")

    @cached_property
    def models(self) -> tuple[str, ...]:
        return self._names("model", "reader")

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Every class that is the truth of an item or that somebody answered, sorted."""
        named = set(self.frame["truth"]) | set(self.frame["answer"])
        return tuple(sorted(named - {""}))

    def with_frame(self, frame: pd.DataFrame) -> Readings:
        """The same source with other rows (a subset of the readings, or readings added)."""
        return replace(self, frame=frame.reset_index(drop=True))

    def _names(self, kind: str, column: str) -> tuple[str, ...]:
        return tuple(sorted(self.frame.loc[self.frame["kind"] == kind, column].unique()))


def read_readings(source: str | PathLike | IO) -> Readings:
    """Read readings.csv (path or open file). Raises InputError listing every bad row with its line and column."""
    table = read_text_table(source, REQUIRED, numbers=NUMBERS)
    return _checked(table.frame, table.lines, table.name, table.sha256)


def _as_text(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _checked(text: pd.DataFrame, lines: Sequence[int], source: str, sha256: str) -> Readings:
    lines = np.asarray(lines)
    frame = pd.DataFrame({column: text[column].astype(str) for column in REQUIRED})
    for column in OPTIONAL:
        frame[column] = text[column].astype(str) if column in text else ""
    frame["kind"] = frame["kind"].str.lower().replace("", "human")
    frame[SHOWING] = text[SHOWING].astype(str) if SHOWING in text else ""
    if ANCHOR in text:
        frame[ANCHOR] = text[ANCHOR].astype(str).str.lower()
    extra = tuple(column for column in text.columns if column not in (*REQUIRED, *OPTIONAL, SHOWING, ANCHOR))
    problems = [*_empty_cells(frame, lines), *_bad_values(frame, lines), *_contradictions(frame, lines)]
    problems += [*assisted_problems(frame, lines), *showing_problems(frame, lines)]
    problems += anchor_problems(frame, lines) if ANCHOR in frame else []
    first, second = split_showings(frame)
    if not problems:
        problems = _repeated(frame[first].reset_index(drop=True), lines[first])
    if problems:
        raise rejected(source, problems)
    frame["asked_again"] = asked_again(frame)
    for column in NUMBERS:
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    simulated = text["simulated"].astype(str).str.lower() if "simulated" in text else pd.Series("", index=text.index)
    frame["simulated"] = ~simulated.isin(NOT_SIMULATED)
    for column in extra:
        if column != "simulated":
            frame[column] = text[column]
    frame = frame.drop(columns=SHOWING)
    again = frame[second].reset_index(drop=True)
    return Readings(_one_row_per_model_answer(frame[first]), source, sha256, extra, second=again, rows=len(frame))


def _empty_cells(frame: pd.DataFrame, lines: np.ndarray) -> list[Problem]:
    return [
        Problem(int(line), column, "a value was needed, the cell is empty.")
        for column in ("reader", "group", "item", "truth")
        for line in lines[(frame[column] == "").to_numpy()]
    ]


def _bad_values(frame: pd.DataFrame, lines: np.ndarray) -> list[Problem]:
    problems = [
        Problem(int(lines[row]), "kind", f'"human" or "model" was expected, "{frame["kind"].iloc[row]}" was found.')
        for row in np.flatnonzero(~frame["kind"].isin(KINDS))
    ]
    for column, lowest in (("position", 0), ("confidence", None), ("rt_ms", 0), ("left_window", 0), ("assisted_rt_ms", 0)):
        number = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
        bad = (frame[column] != "").to_numpy() & ~np.isfinite(number)
        if lowest is not None:
            bad |= number < lowest
        expected = "a number" if lowest is None else f"a number of at least {lowest}"
        problems += [
            Problem(int(lines[row]), column, f'{expected} was expected, "{cell}" was found.{_with_point(cell)}')
            for row, cell in zip(np.flatnonzero(bad), frame[column][bad])
        ]
    for column in ("answered_at", "completed_at"):
        distinct = pd.Series(frame[column].unique())
        unreadable = set(
            distinct[(distinct != "") & pd.to_datetime(distinct, errors="coerce", utc=True, format="ISO8601").isna()]
        )
        problems += [
            Problem(int(lines[row]), column, f'a time like 2026-11-23T09:30:00Z was expected, "{value}" was found.')
            for row, value in enumerate(frame[column])
            if value in unreadable
        ]
    return problems


def _with_point(cell: str) -> str:
    """What to write instead of a number with a decimal comma."""
    return f' Decimals need a point: "{cell.replace(",", ".")}".' if re.fullmatch(r"[-+]?\d+,\d+", cell) else ""


def _contradictions(frame: pd.DataFrame, lines: np.ndarray) -> list[Problem]:
    """An item with two truths, a reader of two groups or kinds: what most rows say sets the standard, else the first."""
    problems = []
    for owner, column, what in (
        ("item", "truth", "item"),
        ("reader", "group", "reader"),
        ("reader", "kind", "reader"),
    ):
        said = (frame[column] != "") & (frame[owner] != "") & ((column != "kind") | frame["kind"].isin(KINDS))
        told = frame.loc[said, [owner, column]].assign(line=lines[said.to_numpy()])
        differs = told[column] != told.groupby(owner, sort=False)[column].transform("first")
        several = told[told[owner].isin(set(told.loc[differs, owner]))] if differs.any() else told[:0]
        for name, rows in several.groupby(owner, sort=False):
            usual = rows[column].value_counts(sort=False).idxmax()
            first = rows.loc[rows[column] == usual, "line"].iloc[0]
            problems += [
                Problem(
                    int(line),
                    column,
                    f'{what} "{name}" has {column} "{usual}" {"above" if first < line else "below"} and "{value}" here.',
                )
                for value, line in zip(rows[column], rows["line"])
                if value != usual
            ]
    return problems


def _repeated(frame: pd.DataFrame, lines: np.ndarray) -> list[Problem]:
    """A person's second row for one item, view and survey; a network's second and different answer to one image."""
    human = frame["kind"] == "human"
    key = ["reader", "survey", "item", "view"]
    twice = (human & frame[human].duplicated(key).reindex(frame.index, fill_value=False)).to_numpy()
    problems = [
        Problem(
            int(lines[row]),
            "item",
            f'reader "{frame["reader"].iloc[row]}" already has a reading of item "{frame["item"].iloc[row]}" in this'
            " survey and view.",
        )
        for row in np.flatnonzero(twice)
    ]
    model = frame[~human]
    first = model.groupby(["reader", "item", "view"], sort=False)["answer"].transform("first")
    problems += [
        Problem(
            int(lines[row]),
            "answer",
            f'model "{model.at[row, "reader"]}" answered item "{model.at[row, "item"]}" with "{first[row]}" above and'
            f' "{model.at[row, "answer"]}" here; one answer per image was expected.',
        )
        for row in model.index[first != model["answer"]]
    ]
    return problems


def _one_row_per_model_answer(frame: pd.DataFrame) -> pd.DataFrame:
    """A network reads an image once, however many surveys show it; its repeated rows would feign information."""
    repeated = (frame["kind"] == "model") & frame.duplicated(["kind", "reader", "item", "view"])
    return frame[~repeated].reset_index(drop=True)
