"""The questions about the reader: their kinds, what they are asked for, what counts as an answer, and the answers that an analysis may take."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from imagebank.models import Study
from surveys.models import SurveyResponse

if TYPE_CHECKING:
    import pandas

ANALYSIS, VERIFICATION = "analysis", "verification only"
PURPOSES = (ANALYSIS, VERIFICATION)
KINDS = ("choice", "integer", "text")
COLUMNS = ("response", "reader", "group", "kind", "survey", "simulated")  # stand beside the answers in tables


def check_questions_about_readers(questions: object) -> list[dict]:
    """The rows of a file's demographic_questions, once every one of them can be asked; all that is wrong in one ValidationError."""
    if not isinstance(questions, list) or not all(isinstance(row, dict) for row in questions):
        raise ValidationError("demographic_questions must be tables, each under [[demographic_questions]].")
    faults, codes = [], [row.get("code") for row in questions]
    for number, row in enumerate(questions, start=1):
        named = f"The question about the reader {row['code']!r}" if row.get("code") else f"Question {number} about the reader"
        if absent := [name for name in ("code", "prompt") if not row.get(name)]:
            faults.append(f"{named} lacks {', '.join(absent)}; add it.")
        if row.get("kind", "text") not in KINDS:
            faults.append(f"{named} is of the kind {row['kind']!r}; there are {', '.join(KINDS)}.")
        if row.get("kind") == "choice" and len(row.get("choices", ())) < 2:
            faults.append(f"{named} needs two choices or more; it has {len(row.get('choices', ()))}.")
        if row.get("purpose", ANALYSIS) not in PURPOSES:
            faults.append(f'{named} has the purpose {row["purpose"]!r}; it must be "{ANALYSIS}" or "{VERIFICATION}".')
        if row.get("code") in COLUMNS:
            faults.append(f"{named} needs another code: tables of the answers have a column of this name already.")
    faults += [f"Two questions about the reader have the code {code!r}." for code in sorted({c for c in codes if c and codes.count(c) > 1})]
    if faults:
        raise ValidationError(faults)
    return questions


def is_only_verified(question: Mapping) -> bool:
    """Whether readers are asked this to check who takes part, and for nothing else."""
    return question.get("purpose", ANALYSIS) == VERIFICATION


def is_analysed(question: Mapping) -> bool:
    """Whether an analysis may take the answers: numbers and choices that are asked for it.

    Free text never is, whatever it is asked for: a place or an employer may point to a person.
    """
    return question.get("kind") in ("integer", "choice") and not is_only_verified(question)


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
    """Questions about the reader whose answers an analysis may take, in the order in which they are asked."""
    protocol = getattr(study, "protocol", None)
    return [row for row in (protocol.demographic_questions if protocol else []) if is_analysed(row)]


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
