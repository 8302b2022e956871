"""Questions as data of the protocol: their kinds, their words, and how a preset's tables become them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction

from django.core.exceptions import ValidationError
from django.core.validators import validate_slug

# The study's main question, answered by a class; it has no code, and its answers are the readings.
DIAGNOSIS = "diagnosis"
# The same question once more, with a network's output in sight.
ASSISTED = "assisted"
KINDS = {
    DIAGNOSIS: "one of the study's classes; a reading",
    "class": "one of the study's classes, or that one cannot tell",
    ASSISTED: "one of the study's classes once more, a network's output in sight",
    "choice": "one of the choices",
    "real_or_generated": "real or generated, with confidence from 0 to 100",
    "confidence": "confidence in the answer before, from 0 to 100",
    "scale": "a step of a scale from 1 to `points`",
    "plausibility": "a step of a scale: how plausible the picture is for its stated label",
    "several": "any number of the choices, or none of them",
    "region": "points and boxes marked on the image",
    "comment": "a few words",
    "pair": "left, right, or not sure",
    "direction": "from the first frame to the last, the other way, or cannot tell",
    "frame": "the number of a frame, 0 for none of them",
    "cells": "the cells of a grid by their number, none of them included",
}
# Kinds that need a stimulus of a certain make.
ONLY_FOR = {"pair": ("pair",), "direction": ("strip",), "frame": ("strip",), "cells": ("grid",), "region": ("single",)}
FIXED_CHOICES = {
    "real_or_generated": (("real", "Real"), ("generated", "Generated")),
    "pair": (("left", "Left"), ("right", "Right"), ("not_sure", "Not sure")),
    "direction": (("forward", "First to last"), ("reversed", "Last to first"), ("cannot_tell", "Cannot tell")),
}
CANNOT_TELL = "cannot_tell"
POINTS = (2, 11)
# What of a network's output the kind "assisted" can show.
OUTPUT = ("answer", "probabilities", "map")
MOST_CONTROL = 0.9


@dataclass(frozen=True)
class Question:
    """One question. `step`: questions of one step stand together; a later step comes after the earlier one is answered.

    blocks: codes of the blocks that ask it; empty means all. choices: (code, words). low and high name the ends of a
    scale; `none` names the answer "none of them". Placeholder {label} in the prompt: the stated class. shows: what of a
    network's output is in sight at the kind "assisted"; control: the share of items about which it is asked without any.
    """

    code: str
    kind: str
    prompt: str
    step: int = 1
    blocks: tuple[str, ...] = ()
    required: bool = True
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    low: str = ""
    high: str = ""
    points: int = 7
    none: str = ""
    most: int = 10
    max_length: int = 1000
    shows: tuple[str, ...] = OUTPUT
    control: float = 0

    def is_asked_in(self, block: str) -> bool:
        return not self.blocks or block in self.blocks

    @property
    def needs_label(self) -> bool:
        return self.kind == "plausibility"


def parse_questions(rows: Sequence[Mapping], *, blocks: Sequence[str], stimuli: Mapping) -> list[Question]:
    """The questions of a preset's [[questions]] tables; every fault is named in one ValidationError."""
    faults, questions = [], []
    for number, row in enumerate(rows, start=1):
        name = f"Question {number} ({row.get('code') or row.get('kind')})"
        try:
            questions.append(_question(row, blocks, stimuli))
        except ValidationError as error:
            faults += [f"{name}: {message}" for message in error.messages]
    codes = [question.code for question in questions]
    faults += [f"Two questions have the code {code!r}." for code in sorted({c for c in codes if codes.count(c) > 1})]
    faults += _faults_of_assistance(questions, blocks)
    if faults:
        raise ValidationError(faults)
    return questions


def _question(row: Mapping, blocks: Sequence[str], stimuli: Mapping) -> Question:
    known = {field.name for field in fields(Question)}
    unknown = sorted(set(row) - known)
    if unknown:
        raise ValidationError(f"unknown entries {', '.join(unknown)}; known are {', '.join(sorted(known))}.")
    kind = row.get("kind")
    if kind not in KINDS:
        raise ValidationError(f"kind must be one of {', '.join(KINDS)}; it is {kind!r}.")
    if not row.get("prompt"):
        raise ValidationError("a prompt is needed; add the words that readers see.")
    code = "" if kind == DIAGNOSIS else str(row.get("code", ""))
    if kind != DIAGNOSIS:
        validate_slug(code)
    if not isinstance(row.get("step", 1), int) or row.get("step", 1) < 1:
        raise ValidationError(f"step must be a whole number from 1; it is {row['step']!r}.")
    if not POINTS[0] <= row.get("points", 7) <= POINTS[1]:
        raise ValidationError(f"a scale has {POINTS[0]} to {POINTS[1]} points; it has {row['points']}.")
    asked_in = tuple(row.get("blocks", ()))
    strange = sorted(set(asked_in) - set(blocks))
    if strange:
        raise ValidationError(f"there is no block {', '.join(strange)}; there are {', '.join(blocks)}.")
    _check_stimulus(kind, asked_in or tuple(blocks), stimuli)
    choices = _choices(kind, row.get("choices", ()))
    shows = _shows(row.get("shows", OUTPUT))
    _check_control(row.get("control", 0), kind)
    values = {name: row[name] for name in known & set(row)}
    return Question(**values | {"code": code, "blocks": asked_in, "choices": choices, "shows": shows})


def _shows(parts: Sequence[str]) -> tuple[str, ...]:
    strange = sorted(set(parts) - set(OUTPUT))
    if strange or not parts:
        raise ValidationError(f"shows names some of {', '.join(OUTPUT)}; found {', '.join(strange) or 'none of them'}.")
    return tuple(part for part in OUTPUT if part in parts)


def _check_control(share: object, kind: str) -> None:
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    if not is_number or not 0 <= share <= MOST_CONTROL or 100 % Fraction(str(share)).denominator:
        raise ValidationError(f"control is a share from 0 to {MOST_CONTROL} in whole per cent, e.g. 0.25; it is {share!r}.")
    if share and kind != ASSISTED:
        raise ValidationError(f'control belongs to the kind "{ASSISTED}": the share of items that are asked about without an output.')


def _faults_of_assistance(questions: Sequence[Question], blocks: Sequence[str]) -> list[str]:
    """Whoever answers with a network's output in sight has answered alone before, and does so once per image."""
    faults = []
    for block in blocks:
        asked = [question for question in questions if question.is_asked_in(block)]
        assisted = [question for question in asked if question.kind == ASSISTED]
        alone = [question.step for question in asked if question.kind == DIAGNOSIS and question.required]
        if len(assisted) > 1:
            faults.append(f"The block {block} asks {len(assisted)} questions of the kind assisted; ask one.")
        if assisted and not (alone and min(alone) < assisted[0].step):
            faults.append(
                f"The question {assisted[0].code!r} is answered with a network's output in sight: in the block {block} a "
                "required question of the kind diagnosis must come at an earlier step."
            )
    return faults


def _check_stimulus(kind: str, asked_in: Sequence[str], stimuli: Mapping) -> None:
    if kind in (DIAGNOSIS, ASSISTED) and stimuli:
        raise ValidationError(f'a rating study asks for a class with the kind "class"; "{kind}" belongs to readings.')
    fitting = ONLY_FOR.get(kind)
    wrong = [block for block in asked_in if fitting and (block if block in stimuli else "single") not in fitting]
    if wrong:
        raise ValidationError(
            f"the kind {kind} can be asked about a {fitting[0]} alone, not in the block {', '.join(wrong)}; name its blocks."
        )


def _choices(kind: str, choices: Sequence[Mapping]) -> tuple[tuple[str, str], ...]:
    """Choices as (code, words); kinds with fixed answers may rename them, not add any."""
    given = {str(row["code"]): str(row["label"]) for row in choices}
    if kind in FIXED_CHOICES:
        fixed = dict(FIXED_CHOICES[kind])
        strange = sorted(set(given) - set(fixed))
        if strange:
            raise ValidationError(f"the answers of {kind} are {', '.join(fixed)}; found {', '.join(strange)}.")
        return tuple((code, given.get(code, words)) for code, words in fixed.items())
    if kind in ("choice", "several") and len(given) < (2 if kind == "choice" else 1):
        raise ValidationError("choices are needed, each with a code and a label.")
    return tuple(given.items())
