"""predictions.csv: class probabilities, one row per network member (or ensemble) and image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import IO

import numpy as np
import pandas as pd

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.long_table import read_text_table, rejected
from benchmark.core.inputs.readings import NUMBERS, Readings

REQUIRED = ("model", "member", "item", "view", "truth")
PREFIX = "p_"
ENSEMBLE = "ensemble"
SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Predictions:
    """Checked predictions. frame: REQUIRED columns as text, p_<class> as float, extra columns as they came.

    lines: the line of the file for each row of `frame`, where it was read from one.
    """

    frame: pd.DataFrame
    classes: tuple[str, ...]
    source: str
    sha256: str
    lines: Sequence[int] = ()

    def final(self, model: str, view: str) -> pd.DataFrame:
        """The rows that stand for the model: its ensemble's, or its only member's. Empty where there are neither."""
        rows = self.frame[(self.frame["model"] == model) & (self.frame["view"] == view)]
        members = set(rows["member"])
        if ENSEMBLE in members:
            return rows[rows["member"] == ENSEMBLE]
        return rows if len(members) == 1 else rows.iloc[:0]

    def probabilities(self, rows: pd.DataFrame) -> np.ndarray:
        """Class probabilities of `rows`, shape (rows, classes), in the order of `classes`."""
        return rows[[PREFIX + name for name in self.classes]].to_numpy(dtype=float)

    def model_views(self) -> list[tuple[str, str]]:
        """Every (model, view) with predictions, sorted."""
        return sorted(set(zip(self.frame["model"], self.frame["view"])))


def read_predictions(source: str | PathLike | IO) -> Predictions:
    """Read predictions.csv. Raises InputError listing every bad row with its line and column."""
    table = read_text_table(source, REQUIRED, by_program=True)
    text, lines = table.frame, np.asarray(table.lines)
    classes = tuple(column[len(PREFIX) :] for column in text.columns if column.startswith(PREFIX))
    if len(classes) < 2:
        raise InputError(f"{table.name} needs one column p_<class> per class; {len(classes)} found.")
    problems = [
        Problem(int(line), column, "a value was needed, the cell is empty.")
        for column in ("model", "member", "item", "truth")
        for line in lines[(text[column] == "").to_numpy()]
    ]
    problems += [
        Problem(
            int(lines[row]),
            "truth",
            f'one of {", ".join(classes)} was expected, "{text["truth"].iloc[row]}" was found.',
        )
        for row in np.flatnonzero(~text["truth"].isin(classes) & (text["truth"] != ""))
    ]
    frame = text.copy()
    for name in classes:
        column = PREFIX + name
        frame[column] = pd.to_numeric(text[column], errors="coerce").astype(float)
        bad = ~frame[column].between(0, 1).to_numpy()
        problems += [
            Problem(int(lines[row]), column, f'a probability was expected, "{text[column].iloc[row]}" was found.')
            for row in np.flatnonzero(bad)
        ]
    total = frame[[PREFIX + name for name in classes]].sum(axis=1, skipna=False).to_numpy()
    problems += [
        Problem(int(lines[row]), None, f"the probabilities must sum to 1; they sum to {total[row]:.4f}.")
        for row in np.flatnonzero(np.abs(total - 1) > SUM_TOLERANCE)
    ]
    problems += [
        Problem(int(lines[row]), "item", "this member already has a row for this item and view.")
        for row in np.flatnonzero(frame.duplicated(["model", "member", "item", "view"]))
    ]
    if problems:
        raise rejected(table.name, problems)
    return Predictions(frame, classes, table.name, table.sha256, table.lines)


def check_against(predictions: Predictions, readings: Readings) -> None:
    """Refuse predictions whose truth contradicts the readings' truth for the same item."""
    truth = readings.frame.drop_duplicates("item").set_index("item")["truth"]
    rows = predictions.frame.drop_duplicates("item")
    known = rows["item"].map(truth)
    differs = rows[known.notna() & (known != rows["truth"])]
    if len(differs):
        raise rejected(
            predictions.source,
            [
                Problem(
                    int(predictions.lines[row]) if len(predictions.lines) else None,
                    "truth",
                    f'item "{item}" has truth "{truth[item]}" in the readings and "{here}" here.',
                )
                for row, item, here in zip(differs.index, differs["item"], differs["truth"])
            ],
        )


def _check_names(predictions: Predictions, readings: Readings) -> None:
    """Refuse a network that is called as a person is: their answers could not be told apart."""
    people = set(readings.frame.loc[readings.frame["kind"] == "human", "reader"])
    rows = predictions.frame.drop_duplicates("model")
    shared = rows[rows["model"].isin(people)]
    if len(shared):
        raise rejected(
            predictions.source,
            [
                Problem(
                    int(predictions.lines[row]) if len(predictions.lines) else None,
                    "model",
                    f'"{name}" is a person in the readings; name the network otherwise.',
                )
                for row, name in zip(shared.index, shared["model"])
            ],
        )


def add_model_readings(readings: Readings, predictions: Predictions) -> Readings:
    """Readings with the most probable class of every model that has predictions but no readings of its own.

    Ties go to the first of the classes in column order, as numpy's argmax does. The group is the model's name.
    """
    check_against(predictions, readings)
    _check_names(predictions, readings)
    present = readings.frame.loc[readings.frame["kind"] == "model", ["reader", "view"]]
    known = set(zip(present["reader"], present["view"]))
    names = np.array(predictions.classes, dtype=object)
    added = []
    for model, view in predictions.model_views():
        rows = predictions.final(model, view)
        if (model, view) in known or rows.empty:
            continue
        answers = names[predictions.probabilities(rows).argmax(axis=1)]
        added.append(
            pd.DataFrame(
                {
                    "reader": model, "group": model, "kind": "model", "view": view,
                    "item": rows["item"].to_numpy(), "truth": rows["truth"].to_numpy(), "answer": answers,
                    "confidence": predictions.probabilities(rows).max(axis=1), "simulated": False,
                }
            )
        )  # fmt: skip
    if not added:
        return readings
    frame = pd.concat([readings.frame, *added], ignore_index=True)
    text = [column for column in frame.columns if column not in (*NUMBERS, "simulated")]
    frame[text] = frame[text].fillna("")
    return readings.with_frame(frame)
