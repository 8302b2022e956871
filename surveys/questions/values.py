"""What counts as an answer to each kind of question. Checked on the server, whatever a browser sends."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from .definition import CANNOT_TELL, Question

SMALLEST_BOX = 0.005


@dataclass(frozen=True)
class Shown:
    """What an answer can refer to: how many frames are shown."""

    frames: int = 1


def clean_value(question: Question, value, shown: Shown):
    """The typed value of an answer, ready to be stored; what is none raises ValidationError with one sentence."""
    return _KINDS[question.kind](question, value, shown)


def _one_of(question: Question, value, shown: Shown) -> str:
    codes = [code for code, _ in question.choices]
    if not isinstance(value, str) or value not in codes:
        raise ValidationError(f"The answer to {question.code!r} is one of {', '.join(codes)}.")
    return value


def _class(question: Question, value, shown: Shown) -> str:
    if question.none and value == CANNOT_TELL:
        return CANNOT_TELL
    return _one_of(question, value, shown)


def _whole(value, low: int, high: int, question: Question) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValidationError(f"The answer to {question.code!r} is a whole number from {low} to {high}.")
    return value


def _real_or_generated(question: Question, value, shown: Shown) -> dict:
    if not isinstance(value, dict) or set(value) != {"answer", "confidence"}:
        raise ValidationError(f"The answer to {question.code!r} is real or generated together with a confidence.")
    return {
        "answer": _one_of(question, value["answer"], shown),
        "confidence": _whole(value["confidence"], 0, 100, question),
    }


def _confidence(question: Question, value, shown: Shown) -> int:
    return _whole(value, 0, 100, question)


def _scale(question: Question, value, shown: Shown) -> int:
    return _whole(value, 1, question.points, question)


def _frame(question: Question, value, shown: Shown) -> int:
    return _whole(value, 0, shown.frames, question)


def _list(question: Question, value) -> list:
    if not isinstance(value, list):
        raise ValidationError(f"The answer to {question.code!r} is a list.")
    return value


def _several(question: Question, value, shown: Shown) -> list[str]:
    given = {_one_of(question, code, shown) for code in _list(question, value)}
    return [code for code, _ in question.choices if code in given]


def _cells(question: Question, value, shown: Shown) -> list[int]:
    return sorted({_whole(cell, 1, shown.frames, question) for cell in _list(question, value)})


def _region(question: Question, value, shown: Shown) -> list[dict]:
    """Points {"x", "y"} and boxes {"x", "y", "w", "h"}, in shares of the image's width and height from its top left."""
    marks = _list(question, value)
    if len(marks) > question.most:
        raise ValidationError(f"At most {question.most} places can be marked; there are {len(marks)}.")
    return [_mark(question, mark) for mark in marks]


def _mark(question: Question, mark) -> dict:
    if not isinstance(mark, dict) or set(mark) not in ({"x", "y"}, {"x", "y", "w", "h"}):
        raise ValidationError(f"A mark of {question.code!r} is a point (x, y) or a box (x, y, w, h).")
    numbers = {name: _share(question, mark[name]) for name in sorted(mark)}
    if "w" in numbers and (
        min(numbers["w"], numbers["h"]) < SMALLEST_BOX
        or numbers["x"] + numbers["w"] > 1.0001
        or numbers["y"] + numbers["h"] > 1.0001
    ):
        raise ValidationError(f"A box of {question.code!r} lies inside the image and has a width and a height.")
    return numbers


def _share(question: Question, value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or not 0 <= value <= 1:
        raise ValidationError(f"The places of {question.code!r} are shares of the image from 0 to 1.")
    return round(float(value), 4)


def _comment(question: Question, value, shown: Shown) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValidationError(f"The answer to {question.code!r} is text.")
    text = value.strip()
    if len(text) > question.max_length:
        raise ValidationError(f"Please use at most {question.max_length} characters; there are {len(text)}.")
    if any(not (char.isprintable() or char in "\n\t") for char in text):
        raise ValidationError("Please use plain text.")
    return text


_KINDS: dict[str, Callable] = {
    "class": _class,
    "assisted": _one_of,
    "choice": _one_of,
    "real_or_generated": _real_or_generated,
    "confidence": _confidence,
    "scale": _scale,
    "plausibility": _scale,
    "several": _several,
    "region": _region,
    "comment": _comment,
    "pair": _one_of,
    "direction": _one_of,
    "frame": _frame,
    "cells": _cells,
}
