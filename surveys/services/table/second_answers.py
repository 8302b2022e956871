"""Second answers, given with a network's output in sight or as control, as columns of the long table beside the first."""

from collections.abc import Mapping

from imagebank.models import Study
from surveys.models import Answer, Assistance, ShownOutput, SurveyItem, ViewingEvent
from surveys.questions import ASSISTED, questions_of

from ..sitting.assistance import ASKED_AGAIN

# Whose output was in sight, what it answered, the answer given then, how long that took, and whether one was asked for:
# where one was and no output was in sight, the reading is of the control arm.
COLUMNS = ("assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms", "asked_again")
NONE = ("", "", "", None, "")
YES, NO = ("1", "true", "yes"), ("", "0", "false", "no")
LONGEST_NAME = 80


def second_answers(study: Study) -> dict[tuple[int, int], tuple]:
    """Values of COLUMNS by (sitting, survey item), where an output, or none as control, was handed out."""
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
    seen = ViewingEvent.objects.filter(survey_response__survey__survey_set__study=study, kind__in=ASKED_AGAIN)
    shown = {pk: (item, view) for pk, item, view in SurveyItem.objects.filter(
        block__survey__survey_set__study=study).values_list("pk", "item", "block__view")}  # fmt: skip
    beside = {item: (assistance.network, network.get(where, "")) for item, where in shown.items()}
    return {
        (sitting, item): (
            *(beside[item] if kind == ViewingEvent.Kind.OUTPUT else NONE[:2]),
            *given.get((sitting, item), ("", None)),
            "yes",
        )
        for sitting, item, kind in seen.order_by().values_list("survey_response", "survey_item", "kind")
    }


def faults_of_second_answer(raw: Mapping[str, str], classes: Mapping, said: dict[tuple, str]) -> list[str]:
    """What is wrong with these columns of an imported row. said: what each assistant answered to each image in the rows before."""
    asked = raw.get("asked_again", "").lower()
    filled = [name for name in COLUMNS[:-1] if raw.get(name)] + (["asked_again"] if asked not in NO else [])
    if raw.get("kind") == "model":
        return [f"{name} stands at a network, which reads alone" for name in filled]
    wrong = []
    if raw.get("assistant_answer") and not raw.get("assistant"):
        wrong.append("assistant_answer stands without an assistant")
    if raw.get("assisted_rt_ms") and not (raw.get("assistant") or raw.get("assisted_answer") or asked in YES):
        wrong.append("assisted_rt_ms stands without an assistant and without an assisted_answer")
    if asked not in (*YES, *NO):
        wrong.append(f"asked_again is {asked!r}, expected yes or nothing")
    if asked in NO[1:] and filled:
        wrong.append(f"{filled[0]} stands where asked_again is {asked}")
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
    if not (raw.get("assistant") or raw.get("assisted_answer") or raw.get("asked_again", "").lower() in YES):
        return {}
    return {name: raw.get(name, "") for name in COLUMNS[:3]} | {"assisted_rt_ms": rt_ms}


def columns_of(kept: Mapping) -> tuple:
    """What is kept of an imported row; who was asked again has something kept."""
    return (*(kept.get(name, default) for name, default in zip(COLUMNS[:-1], NONE)), "yes" if kept else "")
