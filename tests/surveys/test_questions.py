"""Kinds of questions: what is an answer, in which order they may be answered, and how the history keeps them."""

import json
from dataclasses import replace
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.translation import override

from surveys.models import Answer
from surveys.questions import Question, Shown, clean_value, parse_questions
from surveys.reading.asking import asked_context
from surveys.services import (
    answer_log_fault,
    create_survey_set,
    invite,
    load_protocol,
    readings_frame,
    record_answer,
    seal_block,
)
from tests.surveys.rating_study import make_rating_study, opened, rater_opened
from tests.surveys.sitting import answer
from tests.surveys.study import PRESET, group, make_study, survey

CLASSIFICATION_WITH_CONFIDENCE = PRESET + """
[[questions]]
code = "sure"
kind = "confidence"
prompt = "How sure are you?"
required = false
"""
CHOICES = (("a", "A"), ("b", "B"))


def question(kind, **values):
    return Question(code="q", kind=kind, prompt="?", **values)


@pytest.mark.parametrize(
    ("asked", "value", "kept"),
    [
        (question("choice", choices=CHOICES), "b", "b"),
        (question("class", choices=CHOICES, none="Cannot tell"), "cannot_tell", "cannot_tell"),
        (question("confidence"), 0, 0),
        (question("scale"), 7, 7),
        (question("frame"), 0, 0),
        (question("several", choices=CHOICES), ["b", "a", "b"], ["a", "b"]),
        (question("several", choices=CHOICES), [], []),
        (question("cells"), [4, 1, 4], [1, 4]),
        (question("region"), [{"x": 0.123456, "y": 1}], [{"x": 0.1235, "y": 1.0}]),
        (question("region"), [{"x": 0, "y": 0, "w": 1, "h": 0.5}], [{"h": 0.5, "w": 1.0, "x": 0.0, "y": 0.0}]),
        (question("comment"), "  odd\nborder ", "odd\nborder"),
        (
            question("real_or_generated", choices=(("real", "R"), ("generated", "G"))),
            {"answer": "real", "confidence": 100},
            {"answer": "real", "confidence": 100},
        ),
    ],
)
def test_an_answer_is_kept_as_a_typed_value(asked, value, kept):
    assert clean_value(asked, value, Shown(frames=4)) == kept


@pytest.mark.parametrize(
    ("asked", "value"),
    [
        (question("choice", choices=CHOICES), "c"),
        (question("choice", choices=CHOICES), ["a"]),
        (question("class", choices=CHOICES), "cannot_tell"),
        (question("confidence"), 101),
        (question("confidence"), True),
        (question("scale"), 0),
        (question("scale"), 3.5),
        (question("scale"), "3"),
        (question("frame"), 5),
        (question("several", choices=CHOICES), "a"),
        (question("several", choices=CHOICES), ["z"]),
        (question("cells"), [0]),
        (question("cells"), [5]),
        (question("region"), [{"x": 0.5}]),
        (question("region"), [{"x": float("nan"), "y": 0}]),
        (question("region"), [{"x": 0.9, "y": 0, "w": 0.2, "h": 0.1}]),
        (question("region"), [{"x": 0.1, "y": 0, "w": 0, "h": 0.1}]),
        (question("region", most=1), [{"x": 0, "y": 0}, {"x": 1, "y": 1}]),
        (question("comment", max_length=3), "long"),
        (question("comment"), " "),
        (question("comment"), "\ud800"),
        (question("comment"), "a\x00b"),
        (question("real_or_generated", choices=(("real", "R"),)), {"answer": "real"}),
        (question("real_or_generated", choices=(("real", "R"),)), {"answer": "real", "confidence": None}),
        (question("real_or_generated", choices=(("real", "R"),)), "real"),
    ],
)
def test_what_is_no_answer_is_refused(asked, value):
    with pytest.raises(ValidationError):
        clean_value(asked, value, Shown(frames=4))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "dance", "prompt": "?", "code": "a"}, "kind must be one of"),
        ({"kind": "scale", "code": "a"}, "prompt is needed"),
        ({"kind": "scale", "prompt": "?", "code": "a b"}, "slug"),
        ({"kind": "scale", "prompt": "?", "code": "a", "points": 40}, "2 to 11 points"),
        ({"kind": "choice", "prompt": "?", "code": "a"}, "choices are needed"),
        ({"kind": "pair", "prompt": "?", "code": "a", "blocks": ["single"]}, "about a pair alone"),
        ({"kind": "scale", "prompt": "?", "code": "a", "blocks": ["panorama"]}, "no block panorama"),
        ({"kind": "scale", "prompt": "?", "code": "a", "step": 0}, "whole number from 1"),
        ({"kind": "scale", "prompt": "?", "code": "a", "colour": "red"}, "unknown entries colour"),
        ({"kind": "diagnosis", "prompt": "?"}, 'with the kind "class"'),
    ],
)
def test_a_preset_with_a_wrong_question_says_which_and_why(row, words):
    with pytest.raises(ValidationError, match=words):
        parse_questions([row], blocks=["single", "pair"], stimuli={"single": {}, "pair": {}})


def say(response, item, code, value, **values):
    return record_answer(
        survey_response=response, survey_item=item, question=code, value=value, event_id=values.pop("event_id", uuid4()),
        **values,
    )  # fmt: skip


REAL = {"answer": "real", "confidence": 70}


@pytest.mark.django_db
def test_realism_comes_before_diagnosis_and_is_closed_by_it():
    response, items = rater_opened(make_rating_study(kinds=["single"]))
    item = next(item for item in items if item.stimulus.label_id)
    with pytest.raises(ValidationError, match="still open"):
        say(response, item, "condition", "ZQA")
    say(response, item, "origin", REAL)
    say(response, item, "origin", REAL | {"confidence": 20})
    say(response, item, "realism", 3)
    with pytest.raises(ValidationError, match="this one is closed"):
        say(response, item, "origin", REAL)
    say(response, item, "condition", "cannot_tell")
    with pytest.raises(ValidationError, match="no item|not asked|one of"):
        say(response, item, "condition", "nothing")
    standing = {answer.question: answer.value for answer in Answer.objects.standing()}
    assert standing == {"origin": REAL | {"confidence": 20}, "realism": 3, "condition": "cannot_tell"}
    assert Answer.objects.count() == 4, "the history keeps the first answer too"


@pytest.mark.django_db
def test_the_same_event_twice_is_one_answer_and_a_changed_value_breaks_the_chain():
    response, items = rater_opened(make_rating_study(kinds=["single"]))
    event = uuid4()
    first = say(response, items[0], "origin", REAL, event_id=event)
    assert say(response, items[0], "origin", REAL, event_id=event) == first
    say(response, items[0], "realism", 5)
    assert answer_log_fault(response) is None
    changed = json.dumps(REAL | {"confidence": 71})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE surveys_answer SET value = %s WHERE id = %s", [changed, first.pk])
    assert "Entry 1" in answer_log_fault(response)


@pytest.mark.django_db
def test_a_stated_class_is_asked_about_only_where_there_is_one():
    response, items = rater_opened(make_rating_study(kinds=["single"]))
    unlabelled = next(item for item in items if item.stimulus.label_id is None)
    for code, value in (("origin", REAL), ("realism", 3), ("condition", "ZQA")):
        say(response, unlabelled, code, value)
    with pytest.raises(ValidationError, match="not asked about this image"):
        say(response, unlabelled, "plausibility", 3)


@pytest.mark.django_db
def test_a_classification_study_may_ask_for_confidence_which_its_readings_carry(tmp_path):
    study = make_study()
    preset = tmp_path / "study.toml"
    preset.write_text(CLASSIFICATION_WITH_CONFIDENCE)
    load_protocol(study=study, path=preset)
    create_survey_set(study=study, seed=7)
    _, raw = invite(survey=survey(study), group=group(study))
    response, items = opened(raw, {})
    for item in items:
        answer(response, item)
        if item.position < 3:
            say(response, item, "sure", 80)
    seal_block(survey_response=response, block=items[0].block)
    frame = readings_frame(study=study)
    first = frame[frame["block"] == 1].set_index("position")
    assert first.loc[1, "confidence"] == 0.8
    assert first["confidence"].notna().sum() == 2
    assert list(first["answer"]) == ["ZQA"] * 6


def test_our_own_words_of_a_question_are_read_in_the_readers_language_however_old_the_study_is():
    """They are kept as they were sealed; words that a study wrote itself stay."""
    sure = question("confidence", step=2, low="guessed", high="certain")
    for prompt, read in (("How sure are you?", "Wie sicher sind Sie?"), ("How sure, doctor?", "How sure, doctor?")):
        with override("de"):
            [step] = asked_context([replace(sure, prompt=prompt)], frames=1, current=None)
        [asked] = step["questions"]
        assert (asked["prompt"], asked["question"].low, asked["question"].high) == (read, "geraten", "sicher")
    [step] = asked_context([replace(sure, prompt="How sure are you?")], frames=1, current=None)
    assert step["questions"][0]["prompt"] == "How sure are you?"
