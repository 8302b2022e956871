"""Questions as a reading page shows them, and answers as its plain form sends them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from django.http import QueryDict
from django.utils.translation import gettext as _

from surveys.questions import ASSISTED, Question
from surveys.questions.definition import CANNOT_TELL, FIXED_CHOICES
from surveys.services.setting_up.default_words import in_readers_language

# Which partial template shows a kind.
LAYOUTS = {
    "diagnosis": "diagnosis",
    "class": "options",
    "assisted": "assisted",
    "choice": "options",
    "real_or_generated": "options",
    "pair": "options",
    "direction": "options",
    "frame": "numbers",
    "scale": "scale",
    "plausibility": "scale",
    "confidence": "slider",
    "several": "several",
    "cells": "cells",
    "region": "region",
    "comment": "comment",
}
KEYS = 9
ROW_OF_THREE = ("pair", "direction", "choice", "real_or_generated")


def steps_of(questions: Sequence[Question], item: Mapping | None) -> list[list[Question]]:
    """The questions about an item, step by step."""
    asked = [question for question in questions if not question.needs_label or (item and item.get("label"))]
    return [list(step) for _, step in groupby(asked, key=lambda question: question.step)]


def current_step(questions: Sequence[Question], item: Mapping | None, wanted: str | None) -> int:
    """The step to show: the first with an open question, or the last; an earlier one when it is asked for."""
    steps = steps_of(questions, item)
    if not steps:
        return 1
    given = {**item["answers"], "": item.get("chosen")} if item else {}
    still_open = [step[0].step for step in steps
                  if any(question.required and given.get(question.code) is None for question in step)]  # fmt: skip
    furthest = still_open[0] if still_open else steps[-1][0].step
    if wanted and wanted.isdecimal() and int(wanted[:4]) in [step[0].step for step in steps]:
        return max(min(int(wanted), furthest), _first_open_step(questions, item))
    return furthest


def asked_context(questions: Sequence[Question], *, frames: int, current: Mapping | None) -> list[dict]:
    """Steps for the template: number, and the questions with layout, options and what stands of the current item."""
    label = (current or {}).get("label", "")
    given = {**current["answers"], "": current.get("chosen")} if current else {}
    steps = [list(step) for _, step in groupby(map(_as_read, questions), key=lambda question: question.step)]
    return [
        {
            "number": step[0].step,
            "questions": [
                {
                    "question": question,
                    "first": position == 0,
                    "layout": f"surveys/asked/{LAYOUTS[question.kind]}.html",
                    "prompt": question.prompt.replace("{label}", label),
                    "applies": bool(label) or not question.needs_label,
                    "options": (options := _options(question, frames, current)),
                    "value": given.get(question.code),
                    "short": question.kind in ROW_OF_THREE and all(len(option["words"]) <= 14 for option in options),
                }
                for position, question in enumerate(step)
            ],
        }
        for step in steps
    ]


def _as_read(question: Question) -> Question:
    words = {name: in_readers_language(getattr(question, name)) for name in ("prompt", "hint", "low", "high")}
    return replace(question, **words)


def _first_open_step(questions: Sequence[Question], item: Mapping | None) -> int:
    """Questions of earlier steps than this are closed, because the network's output about the item was seen; else 0."""
    if not item or not item.get("output"):
        return 0
    return next((question.step for question in questions if question.kind == ASSISTED), 0)


def _options(question: Question, frames: int, current: Mapping | None) -> list[dict]:
    if question.kind in ("scale", "plausibility"):
        rows = [(str(point), str(point)) for point in range(1, question.points + 1)]
    elif question.kind == "frame":
        rows = [(str(place), str(place)) for place in range(1, frames + 1)]
        rows += [("0", question.none or _("None"))]
    elif question.kind == "cells":
        rows = [(str(place), str(place)) for place in range(1, frames + 1)]
    else:
        usual = dict(FIXED_CHOICES.get(question.kind, ()))  # in the reader's language, unless the study has words of its own
        rows = [(code, _(words) if usual.get(code) == words else words) for code, words in question.choices]
        if question.kind == "class" and question.none:
            rows.append((CANNOT_TELL, question.none))
    output = (current or {}).get("output") if question.kind == ASSISTED else None
    shares = (output or {}).get("shares", {})
    return [
        {
            "value": value,
            "words": words,
            "key": str(number) if number <= KEYS else "",
            "share": shares.get(value),
            "by_network": bool(output) and output["answer"] == value,
        }
        for number, (value, words) in enumerate(rows, start=1)
    ]


def client_questions(questions: Sequence[Question]) -> list[dict]:
    """What the page's script needs to know of each question."""
    return [
        {
            "code": question.code,
            "kind": question.kind,
            "step": question.step,
            "required": question.required,
            "labelled": question.needs_label,
            "prompt": question.prompt,
            "most": question.most,
        }
        for question in questions
    ]


def value_from_form(question: Question, post: QueryDict):
    """The answer in a plain form's fields, unchecked; None where the form says nothing."""
    name = f"q-{question.code}"
    text = post.get(name, "").strip()
    if question.kind == "real_or_generated":
        confidence = _whole(post.get(f"{name}-confidence", ""))
        return {"answer": text, "confidence": confidence} if text and confidence is not None else None
    if question.kind in ("scale", "plausibility", "frame", "confidence"):
        return _whole(text)
    if question.kind in ("several", "cells"):
        chosen = post.getlist(name)
        if question.kind == "cells":
            chosen = [_whole(cell) for cell in chosen]
        return chosen or ([] if f"{name}-none" in post else None)
    if question.kind == "region":
        return None
    return text or None


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 6 else None
