"""The questions about the reader: their kinds, what counts as an answer, and the answers that an analysis may take."""

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from imagebank.models import Study
from surveys.models import SurveyResponse

if TYPE_CHECKING:
    import pandas


def clean_demographics(questions: list[dict], raw: dict) -> dict:
    """Return the answers to `questions` by code, typed; a question left open is None.

    questions: dicts with code, prompt, kind (choice, integer, text), required and the limits of the kind. Every wrong
    answer is reported at once, by code, in one ValidationError. What was not asked is dropped.
    """
    answers, errors = {}, {}
    for question in questions:
        code = question["code"]
        try:
            answers[code] = _clean(question, str(raw.get(code) if raw.get(code) is not None else "").strip())
        except ValidationError as error:
            errors[code] = error.messages
    if errors:
        raise ValidationError(errors)
    return answers


def analysed_questions(study: Study) -> list[dict]:
    """Questions about the reader whose answers an analysis may take: numbers and choices, unless they are for another purpose.

    Free text never is: a place or an employer may point to a person. `purpose` is what the study's file says, analysis where it
    says nothing.
    """
    protocol = getattr(study, "protocol", None)
    asked = protocol.demographic_questions if protocol else []
    return [row for row in asked if row.get("kind") in ("integer", "choice") and row.get("purpose", "analysis") == "analysis"]


def reader_answers_frame(*, study: Study) -> "pandas.DataFrame":
    """The readers.csv of `study`: one row per reader who answered them, `reader` and one column per analysed question.

    Analysed sittings go first; a later one fills in what an earlier one left open; a question without an answer is an empty cell.
    """
    import pandas

    codes = [question["code"] for question in analysed_questions(study)]
    rows: dict[str, dict] = {}
    sittings = SurveyResponse.objects.of_study(study).filter(reader__kind="human").exclude(described_at=None)
    for code, given in sittings.order_by("reader__code", "-analysed", "started_at").values_list("reader__code", "demographics"):
        own = rows.setdefault(code, dict.fromkeys(codes, ""))
        own |= {name: given[name] for name in codes if own[name] == "" and given.get(name) is not None}
    return pandas.DataFrame([{"reader": code} | own for code, own in rows.items()], columns=["reader", *codes], dtype=object)


def _clean(question: dict, text: str) -> str | int | None:
    if not text:
        if question.get("required"):
            raise ValidationError(_("Please answer this question."))
        return None
    kind = question.get("kind", "text")
    if kind == "choice":
        if text not in question["choices"]:
            raise ValidationError(_("Please choose one of the answers."))
        return text
    if kind == "integer":
        low, high = question.get("minimum", 0), question.get("maximum", 10**6)
        if not text.isdecimal() or len(text) > 9 or not low <= int(text) <= high:
            raise ValidationError(_("Please enter a whole number from %(low)s to %(high)s.") % {"low": low, "high": high})
        return int(text)
    longest = question.get("max_length", 200)
    if len(text) > longest:
        raise ValidationError(_("Please use at most %(count)s characters.") % {"count": longest})
    return text
