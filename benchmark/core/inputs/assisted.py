"""The columns of an assisted reading: what a network's output said, and what the reader answered with it in sight.

A reader answers an image alone (`answer`); that answer is closed; then a network's output is shown, and the reader
answers the same image again. Where a reader was asked again and no output was shown, the reading is of the control arm.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.core.errors import Problem

ASSISTED = ("assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms", "asked_again")
YES, NO = ("yes", "1", "true"), ("", "no", "0", "false")
ASSISTED_NUMBERS = ("assisted_rt_ms",)


def is_assisted(frame: pd.DataFrame) -> bool:
    """Whether any reader of checked readings was asked for a second answer."""
    return bool((frame["asked_again"] != "").any())


def asked_again(frame: pd.DataFrame) -> pd.Series:
    """ "yes" where a second answer was asked for, as the column says or an assistant or a second answer shows; else ""."""
    asked = frame["asked_again"].str.lower().isin(YES) | (frame["assistant"] != "") | (frame["assisted_answer"] != "")
    return asked.map({True: "yes", False: ""})


def of_control(frame: pd.DataFrame) -> pd.Series:
    """Which of checked readings are of the control arm: a second answer was asked for, and no output was in sight."""
    return (frame["asked_again"] != "") & (frame["assistant"] == "")


def assisted_problems(frame: pd.DataFrame, lines: np.ndarray) -> Iterator[Problem]:
    """What is wrong in these columns: the network's answer or a time without its cause, a network with one, an assistant
    with two answers."""
    named, second = frame["assistant"] != "", frame["assisted_answer"] != ""
    if not (frame[list(ASSISTED)] != "").to_numpy().any():
        return
    model, asked = frame["kind"] == "model", frame["asked_again"].str.lower()
    for column in ASSISTED:
        filled = frame[column] != "" if column != "asked_again" else ~asked.isin(NO)
        for row in np.flatnonzero(filled & model):
            yield Problem(int(lines[row]), column, "a network reads alone, so an empty cell was expected.")
    for column, known, what in (
        ("assistant_answer", named, "no assistant: name the network that was in sight"),
        ("assisted_rt_ms", named | second | asked.isin(YES), "neither an assistant nor an assisted_answer: name what it is the time of"),
    ):
        for row in np.flatnonzero((frame[column] != "") & ~known & ~model):
            yield Problem(int(lines[row]), column, f'"{frame[column].iloc[row]}" was found, but {what}.')
    for row in np.flatnonzero(~asked.isin((*YES, *NO))):
        yield Problem(int(lines[row]), "asked_again", f'"yes" or nothing was expected, "{asked.iloc[row]}" was found.')
    for row in np.flatnonzero(asked.isin(NO[1:]) & (named | second) & ~model):
        yield Problem(int(lines[row]), "asked_again", f'"{asked.iloc[row]}" was found beside a second answer: leave it empty.')
    yield from _two_answers(frame[named & ~model], pd.Series(lines, index=frame.index))


def _two_answers(shown: pd.DataFrame, line: pd.Series) -> Iterator[Problem]:
    """An assistant that answered one image in two ways: what most rows say sets the standard, else the first."""
    key = ["assistant", "item", "view"]
    ways = shown.groupby(key, sort=False)["assistant_answer"].transform("nunique")
    several = shown[ways > 1]
    for (assistant, item, _), rows in several.groupby(key, sort=False):
        usual = rows["assistant_answer"].value_counts(sort=False).idxmax()
        for index, found in rows["assistant_answer"].items():
            if found != usual:
                yield Problem(
                    int(line[index]),
                    "assistant_answer",
                    f'assistant "{assistant}" answered item "{item}" with {_told(usual)} elsewhere and {_told(found)} here;'
                    " one answer per image was expected.",
                )


def _told(answer: str) -> str:
    return f'"{answer}"' if answer else "nothing"
