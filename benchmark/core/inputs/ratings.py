"""ratings.csv: what people said about pictures, real or generated: one row per evaluator, image, question and showing."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from typing import IO

import numpy as np
import pandas as pd

from benchmark.core.errors import Problem
from benchmark.core.inputs.long_table import read_text_table, rejected
from benchmark.core.inputs.readings import NOT_SIMULATED

REQUIRED = ("evaluator", "image", "question", "answer")
OPTIONAL = ("kind", "truth", "set", "group", "label", "shown", "confidence", "parts", "rt_ms", "showing")
REALITY, SCALE, CHOICE, CLASS, MARK, FRAME = KINDS = "reality", "scale", "choice", "class", "mark", "frame"
REAL, GENERATED = "real", "generated"
SINGLE = "single"
FIRST, AGAIN, CATCH = SHOWINGS = "", "again", "catch"
UNDECIDED = ("not_sure", "cannot_tell")  # answers to a choice between two sides that name none


@dataclass(frozen=True)
class Ratings:
    """Checked ratings. frame: REQUIRED + OPTIONAL as text, `value` (float; of scales and frames), `simulated` (bool).

    kind of a question: "reality" (is this image real or generated; truth says which it is), "scale" (a whole number),
    "choice" (two sides: truth and answer name one; an answer of UNDECIDED names none), "class" (truth is the stated
    class), "mark" (yes or no), "frame" (the first implausible frame of a strip, 0 for none). set: the generator or
    truncation a generated image came from; real images may leave it empty. label: the class that an image is stated to
    show. shown: single, pair, strip or grid. parts: how many frames or cells it has. rt_ms: from the painted image to the answer.
    Of two further showings the frame has none: `again`, the answers when an image came a second time, and `catches`, those about
    images with an obvious answer.
    """

    frame: pd.DataFrame
    source: str
    sha256: str
    again: pd.DataFrame
    catches: pd.DataFrame

    def of_kind(self, kind: str) -> list[tuple[str, pd.DataFrame]]:
        """Questions of a kind with their answered rows, sorted by name."""
        rows = self.frame[(self.frame["kind"] == kind) & (self.frame["answer"] != "")]
        return list(rows.groupby("question", sort=True))

    @property
    def is_simulated(self) -> bool:
        return bool(self.frame["simulated"].any())


def _of_showing(frame: pd.DataFrame, showing: str) -> pd.DataFrame:
    return frame[frame["showing"] == showing].reset_index(drop=True)


def read_ratings(source: str | PathLike | IO) -> Ratings:
    """Read ratings.csv. Raises InputError listing every bad row with its line and column.

    Without a column `kind`, a question is about reality when its truths are real and generated, a choice when it has
    other truths, and a scale when it has none.
    """
    table = read_text_table(source, REQUIRED, by_program=True)
    text, lines = table.frame, np.asarray(table.lines)
    frame = pd.DataFrame({column: text[column].astype(str) for column in REQUIRED})
    for column in OPTIONAL:
        frame[column] = text[column].astype(str) if column in text else ""
    frame["kind"] = frame["kind"].str.lower()
    inferred = frame.groupby("question")["truth"].transform(_kind_of)
    frame["kind"] = frame["kind"].where(frame["kind"] != "", inferred)
    reality = frame["kind"] == REALITY
    for column in ("truth", "answer"):
        frame.loc[reality, column] = frame.loc[reality, column].str.lower()
    frame["shown"] = frame["shown"].where(frame["shown"] != "", SINGLE)
    frame["value"] = pd.to_numeric(frame["answer"].where(frame["kind"].isin((SCALE, FRAME))), errors="coerce")
    for column in ("confidence", "rt_ms"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    problems = [*_problems(frame, lines)]
    if problems:
        raise rejected(table.name, problems)
    simulated = text["simulated"].astype(str).str.lower() if "simulated" in text else pd.Series("", index=text.index)
    frame["simulated"] = ~simulated.isin(NOT_SIMULATED)
    first, again, catches = (_of_showing(frame, showing) for showing in SHOWINGS)
    return Ratings(first, table.name, table.sha256, again, catches)


def _kind_of(truth: pd.Series) -> str:
    named = set(truth.str.lower()) - {""}
    return SCALE if not named else REALITY if named <= {REAL, GENERATED} else CHOICE


def _problems(frame: pd.DataFrame, lines: np.ndarray):
    for column in ("evaluator", "image", "question"):
        for line in lines[(frame[column] == "").to_numpy()]:
            yield Problem(int(line), column, "a value was needed, the cell is empty.")
    for row in np.flatnonzero(~frame["kind"].isin(KINDS)):
        found = frame["kind"].iloc[row]
        yield Problem(int(lines[row]), "kind", f'one of {", ".join(KINDS)} was expected, "{found}" was found.')
    reality, answered = frame["kind"] == REALITY, frame["answer"] != ""
    for column, checked in (("truth", reality), ("answer", reality & answered)):
        for row in np.flatnonzero(checked & ~frame[column].isin((REAL, GENERATED))):
            found = frame[column].iloc[row]
            yield Problem(int(lines[row]), column, f'"real" or "generated" was expected, "{found}" was found.')
    for row in np.flatnonzero(frame["kind"].isin((CHOICE, CLASS)) & (frame["truth"] == "")):
        yield Problem(int(lines[row]), "truth", "the right answer was needed, the cell is empty.")
    for row in np.flatnonzero((frame["kind"] == MARK) & answered & ~frame["answer"].isin(("yes", "no"))):
        found = frame["answer"].iloc[row]
        yield Problem(int(lines[row]), "answer", f'"yes" or "no" was expected, "{found}" was found.')
    whole = frame["value"].notna() & (frame["value"] % 1 == 0)
    for row in np.flatnonzero(frame["kind"].isin((SCALE, FRAME)) & answered & ~whole):
        found = frame["answer"].iloc[row]
        yield Problem(int(lines[row]), "answer", f'a whole number was expected, "{found}" was found.')
    for row in np.flatnonzero(~frame["showing"].isin(SHOWINGS)):
        found = frame["showing"].iloc[row]
        yield Problem(int(lines[row]), "showing", f'an empty cell, "again" or "catch" was expected, "{found}" was found.')
    key = ["evaluator", "image", "question", "showing"]
    for row in np.flatnonzero(frame.duplicated(key)):
        yield Problem(int(lines[row]), "image", "this evaluator already answered this question about this image.")
    for column, owner in (("truth", ["question", "image"]), ("set", ["image"]), ("label", ["image"])):
        first = frame.groupby(owner)[column].transform("first")
        for row in np.flatnonzero(first != frame[column]):
            yield Problem(
                int(lines[row]), column,
                f'image "{frame["image"].iloc[row]}" has {column} "{first.iloc[row]}" above and'
                f' "{frame[column].iloc[row]}" here.',
            )  # fmt: skip
