"""Which questions a study asks about which survey item, and which of them are still open."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields, replace

from django.db.models import Max

from imagebank.models import Study
from surveys.models import Answer, StudyProtocol, SurveyItem, SurveyResponse

from .definition import ASSISTED, DIAGNOSIS, OUTPUT, Question

_FIELDS = {field.name for field in fields(Question)}
OF_CLASSES = ("class", ASSISTED)


def questions_of(protocol: StudyProtocol) -> list[Question]:
    """The protocol's questions in order. Without any there is the one that every reading study asks."""
    if not protocol.questions:
        return [Question(code="", kind=DIAGNOSIS, prompt=protocol.question)]
    questions = [_restored(row) for row in protocol.questions]
    if any(question.kind in OF_CLASSES for question in questions):
        classes = tuple(protocol.study.classes.order_by("position").values_list("code", "name"))
        questions = [replace(q, choices=classes) if q.kind in OF_CLASSES else q for q in questions]
    return sorted(questions, key=lambda question: question.step)


def _restored(row: dict) -> Question:
    values = {name: value for name, value in row.items() if name in _FIELDS}
    values["blocks"] = tuple(values.get("blocks", ()))
    values["shows"] = tuple(values.get("shows", OUTPUT))
    values["choices"] = tuple((code, words) for code, words in values.get("choices", ()))
    return Question(**values)


def asked_about(questions: Iterable[Question], survey_item: SurveyItem) -> list[Question]:
    """The questions about one survey item: those of its block, and about a stated label only where there is one."""
    labelled = survey_item.stimulus is not None and survey_item.stimulus.label_id is not None
    return [
        question
        for question in questions
        if question.is_asked_in(survey_item.block.view) and (labelled or not question.needs_label)
    ]


def required_codes(questions: Iterable[Question], survey_item: SurveyItem) -> set[str]:
    return {question.code for question in asked_about(questions, survey_item) if question.required}


def required_counts(study: Study) -> Counter:
    """How many answers a whole sitting of each survey needs, by the survey's primary key."""
    protocol = StudyProtocol.objects.filter(study=study).select_related("study").first()
    if protocol is None:
        return Counter()
    questions = questions_of(protocol)
    rows = SurveyItem.objects.counted().filter(block__survey__survey_set__study=study).select_related("block", "stimulus")
    counts: Counter = Counter()
    for survey_item in rows:
        counts[survey_item.block.survey_id] += len(required_codes(questions, survey_item))
    return counts


def standing_by_item(survey_response: SurveyResponse, **narrowed) -> dict[int, dict[str, object]]:
    """Standing answers of a response: by survey item, then by question; a class stands as its code."""
    rows = Answer.objects.standing().given().filter(survey_response=survey_response, **narrowed)
    standing: dict[int, dict[str, object]] = {}
    for item, question, code, value in rows.values_list("survey_item", "question", "chosen__code", "value"):
        standing.setdefault(item, {})[question] = value if question else code
    return standing


def latest_answers(survey_response: SurveyResponse) -> dict[int, int]:
    """The sequence of the last answer about each survey item, taken back or not, by the item's primary key."""
    rows = Answer.objects.filter(survey_response=survey_response).order_by().values("survey_item")
    return dict(rows.annotate(last=Max("sequence")).values_list("survey_item", "last"))


def open_questions(survey_response: SurveyResponse, survey_items: Iterable[SurveyItem]) -> dict[int, set[str]]:
    """Codes of the required questions without a standing answer, by the survey item's primary key.

    survey_items: with their block and stimulus loaded.
    """
    protocol = survey_response.survey.survey_set.study.protocol
    questions = questions_of(protocol)
    standing = standing_by_item(survey_response)
    return {
        item.pk: required_codes(questions, item) - set(standing.get(item.pk, {}))
        for item in survey_items
    }  # fmt: skip
