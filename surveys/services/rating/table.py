"""The table of a rating study: every question about every stimulus, asked of every rater."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from imagebank.models import Study
from surveys.models import Answer, Stimulus, StimulusFrame, SurveyItem, SurveyResponse
from surveys.questions import Question, asked_about, questions_of

from ..sitting.pictures import Part, jpeg_bytes, served_pictures

if TYPE_CHECKING:
    import pandas

COLUMNS = (
    "rater", "group", "item", "condition", "truth", "question", "value", "confidence", "position", "repeat_of", "rt_ms",
    "simulated", "question_kind", "stimulus_kind", "role", "label", "presented", "survey", "block", "answered_at",
    "completed_at", "analysed",
)  # fmt: skip


def ratings_frame(*, study: Study, analysed_only: bool = False) -> "pandas.DataFrame":
    """Every rating of `study`, one row per rater, page and question, in the order of the ratings.csv contract.

    item: code of the stimulus. truth: of a single image its origin, real or generated; of a pair the side on which the
    generated image stood, left or right; of a strip the way it was shown, forward or reversed; of a grid "generated". value:
    the standing answer as text, lists as JSON, empty where there is none. confidence: 0 to 100 where it is part of the answer.
    repeat_of: position of the first showing, for a page that is a repeat. presented: codes of the items in the order shown.
    Truth is among the columns: callers check who asks.
    """
    import pandas

    protocol = getattr(study, "protocol", None)
    responses = SurveyResponse.objects.of_study(study).select_related("reader__group", "survey")
    if protocol is None or not protocol.stimuli:
        return pandas.DataFrame([], columns=list(COLUMNS))
    if analysed_only:
        responses = responses.analysed()
    questions = questions_of(protocol)
    pages = _pages(study)
    standing: dict[tuple, Answer] = {}
    for answer in Answer.objects.of_study(study).standing().given():
        standing[answer.survey_response_id, answer.survey_item_id, answer.question] = answer
    rows = []
    for response in responses.order_by("reader__group__position", "survey__number", "started_at"):
        for page in pages.get(response.survey_id, ()):
            for question in asked_about(questions, page.survey_item):
                answer = standing.get((response.pk, page.survey_item.pk, question.code))
                rows.append(_row(response, page, question, answer))
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def pictures_as_shown(study: Study) -> Iterator[tuple[str, bytes]]:
    """Every rated single image by its code, as the JPEG that raters saw; of a study without loss, as a JPEG of it."""
    frames = list(
        StimulusFrame.objects.filter(
            stimulus__study=study, stimulus__kind=Stimulus.Kind.SINGLE, stimulus__role=Stimulus.Role.RATED
        ).select_related("stimulus").order_by("stimulus__code")
    )  # fmt: skip
    parts = [Part(frame.image_id, tuple(frame.box)) for frame in frames]
    rows = served_pictures(study=study, view=Stimulus.Kind.SINGLE, parts=parts)
    for frame, part in zip(frames, parts, strict=True):
        yield frame.stimulus.code, jpeg_bytes(rows[part])


class _Page:
    """A survey item with what the table says about it in every row."""

    def __init__(self, survey_item: SurveyItem, frames: list[StimulusFrame], first: int | None):
        stimulus = survey_item.stimulus
        shown = [frames[place - 1] for place in survey_item.order] or frames
        self.survey_item, self.stimulus, self.repeat_of = survey_item, stimulus, first
        self.presented = " ".join(frame.image.item.code for frame in shown)
        turned = survey_item.order != sorted(survey_item.order)
        self.truth = {
            "single": shown[0].origin,
            "pair": "left" if shown[0].origin == StimulusFrame.Origin.GENERATED else "right",
            "strip": "reversed" if turned else "forward",
            "grid": shown[0].origin,
        }[stimulus.kind]


def _pages(study: Study) -> dict[int, list[_Page]]:
    frames: dict[int, list[StimulusFrame]] = {}
    rows = StimulusFrame.objects.filter(stimulus__study=study).select_related("image__item").order_by("position")
    for frame in rows:
        frames.setdefault(frame.stimulus_id, []).append(frame)
    pages: dict[int, list[_Page]] = {}
    items = SurveyItem.objects.filter(block__survey__survey_set__study=study, stimulus__isnull=False)
    items = items.select_related("block", "stimulus__label", "repeat_of")
    for item in items.order_by("block__survey__number", "block__position", "position"):
        first = item.repeat_of.position if item.repeat_of else None
        pages.setdefault(item.block.survey_id, []).append(_Page(item, frames[item.stimulus_id], first))
    return pages


def _row(response: SurveyResponse, page: _Page, question: Question, answer: Answer | None) -> tuple:
    value, confidence = value_and_confidence(question, answer.value if answer else None)
    stimulus, survey_item = page.stimulus, page.survey_item
    return (
        response.reader.code, response.reader.group.code, stimulus.code, stimulus.condition, page.truth, question.code,
        value, confidence, survey_item.position, page.repeat_of, answer.rt_ms if answer else None, response.simulated,
        question.kind, stimulus.kind, stimulus.role, stimulus.label.code if stimulus.label else "", page.presented,
        response.survey.code, survey_item.block.position, _iso(answer.received_at if answer else None),
        _iso(response.completed_at), response.analysed,
    )  # fmt: skip


def value_and_confidence(question: Question, value) -> tuple[str, int | None]:
    """An answer as the table's text, and the confidence given with it."""
    if value is None:
        return "", None
    if question.kind == "real_or_generated":
        return value["answer"], value["confidence"]
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False), None
    return str(value), None


def _iso(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""


ANALYSIS_COLUMNS = (
    "evaluator", "image", "question", "answer", "kind", "truth", "set", "group", "simulated", "label", "shown",
    "confidence", "parts", "rt_ms", "showing",
)  # fmt: skip
_SCALES = ("scale", "plausibility", "confidence")
_TURNED = {"left": "right", "right": "left", "forward": "reversed", "reversed": "forward"}
NONE = "none"


def analysis_frame(ratings: "pandas.DataFrame") -> "pandas.DataFrame":
    """The table that `python -m benchmark.core ratings` reads, made from `ratings_frame`.

    showing: empty for the first showing of a rated stimulus, "again" for a repeat, "catch" for an obvious one, of which only what has
    a right answer is kept. Answers about sides and directions are turned to those of the stimulus, so that one
    stimulus has one truth for all raters: the generated image of a pair stands right, a strip advances forward. A class is right
    when it is the stated one. What can be marked in a stimulus becomes one row per mark, yes or no: every artefact, every
    answer of a choice, and every cell of a grid, which is an image of its own. Places and comments are left out.
    """
    import pandas

    rated, first = ratings["role"] == "rated", ratings["repeat_of"].isna()
    marks = _marks_seen(ratings[rated & first])
    caught = ~rated & ratings["question_kind"].isin(("real_or_generated", "pair"))
    rows = [
        (*row, showing)
        for showing, kept in (("", rated & first), ("again", rated & ~first), ("catch", caught))
        for rating in ratings[kept].itertuples(index=False)
        for row in _analysed(rating, marks)
    ]
    return pandas.DataFrame(rows, columns=list(ANALYSIS_COLUMNS))


def _marks_seen(ratings: "pandas.DataFrame") -> dict[str, list[str]]:
    """Every answer that some rater gave to each question with choices; the others did not give it."""
    seen: dict[str, set[str]] = {}
    for rating in ratings.itertuples(index=False):
        if rating.question_kind in ("several", "choice") and rating.value:
            chosen = json.loads(rating.value) if rating.question_kind == "several" else [rating.value]
            seen.setdefault(rating.question, set()).update(chosen)
    return {question: sorted(codes) for question, codes in seen.items()}


def _analysed(rating, marks: dict[str, list[str]]) -> Iterator[tuple]:
    kind, answer, truth = rating.question_kind, rating.value, rating.truth
    if kind == "real_or_generated":
        yield _analysis_row(rating, answer, "reality", truth)
    elif kind in ("pair", "direction"):
        upright = "right" if kind == "pair" else "forward"
        answer = answer if truth == upright else _TURNED.get(answer, answer)
        yield _analysis_row(rating, answer, "choice", upright)
    elif kind == "class" and rating.label:
        yield _analysis_row(rating, answer, "class", rating.label)
    elif kind in _SCALES:
        yield _analysis_row(rating, answer, "scale", "")
    elif kind == "frame":
        yield _analysis_row(rating, _upright_frame(rating), "frame", "")
    elif kind in ("several", "choice"):
        given = (json.loads(answer) if kind == "several" else [answer]) if answer else None
        for code in marks.get(rating.question, ()):
            yield _analysis_row(rating, _yes(given, code), "mark", "", question=f"{rating.question}: {code}")
    elif kind == "cells":
        given = json.loads(answer) if answer else None
        for cell in range(1, _parts(rating) + 1):
            yield _analysis_row(rating, _yes(given, cell), "mark", "", image=f"{rating.item} cell {cell}")


def _yes(given: list | None, one) -> str:
    """ "yes" or "no", and "" where the question was not answered."""
    return "" if given is None else "yes" if one in given else "no"


def _parts(rating) -> int:
    return len(rating.presented.split(" "))


def _upright_frame(rating) -> str:
    """The first implausible frame by its place in the strip, whichever way the strip was shown."""
    if rating.truth != "reversed" or rating.value in ("", "0"):
        return rating.value
    return str(_parts(rating) + 1 - int(rating.value))


def _analysis_row(rating, answer: str, kind: str, truth: str, *, question: str = "", image: str = "") -> tuple:
    shown = "" if rating.stimulus_kind == "single" and rating.truth == "real" else rating.condition
    return (
        rating.rater, image or rating.item, question or rating.question, answer, kind, truth, shown, rating.group,
        rating.simulated, rating.label, rating.stimulus_kind, rating.confidence if kind == "reality" else None,
        _parts(rating), rating.rt_ms if kind in ("reality", "choice") else None,
    )  # fmt: skip
