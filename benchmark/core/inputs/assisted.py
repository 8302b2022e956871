"""The columns of an assisted reading: what a network's output said, and what the reader answered with it in sight.

A reader answers an image alone (`answer`); that answer is closed; then a network's output is shown, and the reader
answers the same image again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from benchmark.core.errors import Problem

ASSISTED = ("assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms")
ASSISTED_NUMBERS = ("assisted_rt_ms",)


def is_assisted(frame: pd.DataFrame) -> bool:
    """Whether any reading of checked readings had a network's output in sight."""
    return bool((frame["assistant"] != "").any())


def assisted_problems(frame: pd.DataFrame, lines: np.ndarray) -> Iterator[Problem]:
    """What is wrong in these columns: a value without an assistant, a network with one, an assistant with two answers."""
    named = frame["assistant"] != ""
    if not (frame[list(ASSISTED)] != "").to_numpy().any():
        return
    model = frame["kind"] == "model"
    for column in ASSISTED:
        filled = frame[column] != ""
        for row in np.flatnonzero(filled & model):
            yield Problem(int(lines[row]), column, "a network reads alone, so an empty cell was expected.")
        if column != "assistant":
            for row in np.flatnonzero(filled & ~named & ~model):
                said = f'"{frame[column].iloc[row]}" was found, but no assistant: name the network that was in sight.'
                yield Problem(int(lines[row]), column, said)
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
