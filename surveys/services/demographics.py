"""The questions about the reader: their kinds, and what counts as an answer."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


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
