"""Second answers, given with a network's output in sight, as columns of the long table beside the first ones."""

from collections.abc import Mapping

from imagebank.models import Study
from surveys.models import Answer, Assistance, ShownOutput, SurveyItem, ViewingEvent
from surveys.questions import ASSISTED, questions_of

# Whose output was in sight, what it answered, the answer given then, and how long that took.
COLUMNS = ("assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms")
NONE = ("", "", "", None)
LONGEST_NAME = 80


def second_answers(study: Study) -> dict[tuple[int, int], tuple]:
    """Values of COLUMNS by (sitting, survey item), where the output was handed out; elsewhere nothing was in sight."""
    assistance = Assistance.objects.filter(study=study).first()
    if assistance is None:
        return {}
    codes = [question.code for question in questions_of(study.protocol) if question.kind == ASSISTED]
    outputs = ShownOutput.objects.filter(assistance=assistance).values_list("item", "view", "answer__code")
    network = {(item, view): answer or "" for item, view, answer in outputs}
    rows = Answer.objects.of_study(study).standing().given().filter(question__in=codes)
    given = {
        (sitting, item): (value, rt_ms)
        for sitting, item, value, rt_ms in rows.values_list("survey_response", "survey_item", "value", "rt_ms")
    }
    seen = ViewingEvent.objects.filter(survey_response__survey__survey_set__study=study, kind=ViewingEvent.Kind.OUTPUT)
    shown = {pk: (item, view) for pk, item, view in SurveyItem.objects.filter(
        block__survey__survey_set__study=study).values_list("pk", "item", "block__view")}  # fmt: skip
    return {
        (sitting, item): (assistance.network, network.get(shown[item], ""), *given.get((sitting, item), ("", None)))
        for sitting, item in seen.order_by().values_list("survey_response", "survey_item")
    }


def faults_of_second_answer(raw: Mapping[str, str], classes: Mapping, said: dict[tuple, str]) -> list[str]:
    """What is wrong with these columns of an imported row. said: what each assistant answered to each image in the rows before."""
    if raw.get("kind") == "model":
        return [f"{name} stands at a network, which reads alone" for name in COLUMNS if raw.get(name)]
    wrong = [f"{name} stands without an assistant" for name in COLUMNS[1:] if raw.get(name) and not raw.get("assistant")]
    wrong += [
        f"{name} {raw[name]!r} is none of {', '.join(classes)}"
        for name in ("assistant_answer", "assisted_answer")
        if raw.get(name) and raw[name] not in classes
    ]
    if len(raw.get("assistant", "")) > LONGEST_NAME:
        wrong.append(f"assistant is longer than {LONGEST_NAME} characters")
    if raw.get("assisted_rt_ms", "").startswith("-"):
        wrong.append(f"assisted_rt_ms is {raw['assisted_rt_ms']}, expected no time before the output")
    if raw.get("assistant"):
        image, answer = (raw["assistant"], raw.get("item"), raw.get("view")), raw.get("assistant_answer", "")
        if said.setdefault(image, answer) != answer:
            wrong.append(f"{image[0]} answered {answer or 'nothing'} here and {said[image] or 'nothing'} in an earlier row")
    return wrong


def imported_second_answer(raw: Mapping[str, str], rt_ms: float | None) -> dict:
    """The same columns as they are kept of an imported row; empty where nothing was in sight."""
    if not raw.get("assistant"):
        return {}
    return {name: raw.get(name, "") for name in COLUMNS[:-1]} | {"assisted_rt_ms": rt_ms}


def columns_of(kept: Mapping) -> tuple:
    return tuple(kept.get(name, default) for name, default in zip(COLUMNS, NONE))
