"""Answers: saved once per event, in order, as a history that seals itself."""

from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from imagebank.models import DiagnosisClass
from surveys.core.answer_log import entry_sha256
from surveys.models import Answer, BlockSitting, SurveyItem, SurveyResponse, ViewingEvent
from surveys.questions import ASSISTED, Question, Shown, asked_about, clean_value, questions_of, standing_by_item

from ..ending.closing import require_reading
from .assistance import handed_out
from .hold import hold_sitting
from .late import Untold, moment_of, require_not_overtaken

BEFORE = ("survey_response_id", "survey_item_id", "sequence", "event_id", "received_at", "waited_ms", "entry_sha256")
LONGEST_RT_MS = 24 * 3600 * 1000
LONGEST_WAIT_MS = 20 * LONGEST_RT_MS  # a column of whole milliseconds takes 24 days


def record_answer(
    *,
    survey_response: SurveyResponse,
    survey_item: SurveyItem,
    event_id: UUID,
    chosen: DiagnosisClass | None = None,
    question: str = "",
    value=None,
    rt_ms: int | None = None,
    client_ms: float | None = None,
    chosen_at: datetime | None = None,
    after: int | UUID | None | type[Untold] = Untold,
    waited_ms: int | None = None,
) -> Answer:
    """Record a reader's answer (None takes it back); the same event again returns the row already kept.

    The question without a code is answered by a class, `chosen`; every other one by `value`, of the question's kind.
    rt_ms: from the painted image to the choice; a value outside one day is kept as unknown. after, waited_ms: what the device
    knew of (`require_not_overtaken`), and how long it kept the answer. An item of another survey,
    of a block not open yet or sealed already, a class of another study, a question that is not asked here or not yet,
    a value that is no answer to it, and an answer that was overtaken raise ValidationError.
    """
    waited_ms = None if waited_ms is None else min(max(waited_ms, 0), LONGEST_WAIT_MS)
    with transaction.atomic():
        # What every choice of every reader waits for: the row is locked, and only what may have changed is asked anew.
        hold_sitting(survey_response)
        known = Answer.objects.filter(event_id=event_id).order_by().first()
        if known is not None:
            if (known.survey_response_id, known.survey_item_id) != (survey_response.pk, survey_item.pk):
                raise ValidationError("This event identifier was used for another answer.")
            return known
        require_reading(survey_response.reader.study)
        _require_open_block(survey_response, survey_item)
        if chosen is not None and chosen.study_id != survey_response.reader.study_id:
            raise ValidationError(_("This choice does not belong to the study."))
        now = timezone.now()
        last, latest = _before(survey_response, survey_item)
        if after is not Untold:
            require_not_overtaken(latest, question=question, after=after, chosen=moment_of(now, waited_ms))
        value = _checked_value(survey_response, survey_item, question, value)
        answer = Answer(
            survey_response=survey_response,
            survey_item=survey_item,
            chosen=None if question else chosen,
            question=question,
            value=value,
            event_id=event_id,
            sequence=last.sequence + 1 if last else 1,
            rt_ms=rt_ms if rt_ms is not None and 0 <= rt_ms <= LONGEST_RT_MS else None,
            client_ms=client_ms,
            chosen_at=chosen_at,
            received_at=now,
            waited_ms=waited_ms,
        )
        answer.entry_sha256 = sealed(answer, last.entry_sha256 if last else "")
        answer.save(force_insert=True)
        return answer


def _before(response: SurveyResponse, survey_item: SurveyItem) -> tuple:
    """The sitting's last answer and its last one about `survey_item`."""
    answers = Answer.objects.filter(survey_response=response).order_by("-sequence")
    answers = answers.values_list(*BEFORE, named=True)  # no rows to change: it takes half the time
    last = answers.first()
    if last is None or last.survey_item_id == survey_item.pk:
        return last, last
    return last, answers.filter(survey_item=survey_item).first()


def _require_open_block(response: SurveyResponse, survey_item: SurveyItem) -> None:
    sitting = BlockSitting.objects.filter(survey_response=response, block_id=survey_item.block_id)
    sealed_at = sitting.order_by().values_list("sealed_at").first()
    if sealed_at is None:
        raise ValidationError(_("This image is not open for answers yet."), code="not-open")
    if sealed_at != (None,):
        raise ValidationError(_("The answers of this block are sealed."), code="sealed")


def _checked_value(response: SurveyResponse, survey_item: SurveyItem, code: str, value):
    """The value as it is stored, once the question may be answered now."""
    protocol = response.reader.study.protocol
    if not protocol.questions:
        if code:
            raise ValidationError("This study asks one question, which has no code.")
        return None
    questions = asked_about(questions_of(protocol), survey_item)
    question = next((question for question in questions if question.code == code), None)
    if question is None:
        raise ValidationError(_("This question is not asked about this image."))
    _require_turn(response, survey_item, question, questions)
    if question.kind == ASSISTED and value is not None and not handed_out(response, survey_item=survey_item):
        raise ValidationError(_("The network's answer about this image was not shown yet."), code="too-early")
    if not code or value is None:
        return None
    frames = survey_item.stimulus.frames.count() if survey_item.stimulus_id else 1
    return clean_value(question, value, Shown(frames=frames))


def _require_turn(
    response: SurveyResponse, survey_item: SurveyItem, question: Question, questions: list[Question]
) -> None:
    """Steps are answered in order; an earlier one is closed once a later one is answered, or a network's output was seen."""
    if len({other.step for other in questions}) == 1:
        return
    given = standing_by_item(response, survey_item=survey_item).get(survey_item.pk, {})
    if any(other.required and other.step < question.step and other.code not in given for other in questions):
        raise ValidationError(_("A question before this one is still open."), code="too-early")
    if any(other.step > question.step and other.code in given for other in questions):
        raise ValidationError(_("A later question about this image has been answered; this one is closed."), code="closed")
    assisted = next((other.step for other in questions if other.kind == ASSISTED), 0)
    if question.step < assisted and (handed := handed_out(response, survey_item=survey_item)):
        if ViewingEvent.Kind.CONTROL in handed.values():
            raise ValidationError(_("You have been asked again about this image; this one is closed."), code="closed")
        raise ValidationError(_("You have seen the network's answer about this image; this one is closed."), code="closed")


def sealed(answer: Answer, previous: str) -> str:
    """Hash of an answer's content and of the entry before it."""
    return entry_sha256(
        previous,
        version=answer.hash_version,
        response=answer.survey_response.public_id,
        sequence=answer.sequence,
        survey_item=answer.survey_item.public_id,
        chosen=answer.chosen.code if answer.chosen else None,
        event_id=str(answer.event_id),
        rt_ms=answer.rt_ms,
        received_at=answer.received_at.isoformat(),
        waited_ms=answer.waited_ms,
        question=answer.question,
        value=answer.value,
    )


def answer_log_fault(survey_response: SurveyResponse) -> str | None:
    """Recompute a response's chain of hashes; None when it is whole, else a sentence naming the first broken entry."""
    previous, heads = "", {""}
    answers = survey_response.answers.select_related("survey_response", "survey_item", "chosen").order_by("sequence")
    for expected, answer in enumerate(answers, start=1):
        if answer.sequence != expected:
            return f"Entry {expected} of {survey_response} is missing."
        if answer.entry_sha256 != sealed(answer, previous):
            return f"Entry {expected} of {survey_response} was changed after it was recorded."
        previous = answer.entry_sha256
        heads.add(previous)
    for sitting in survey_response.block_sittings.exclude(sealed_at=None):
        if sitting.seal_sha256 not in heads:
            return f"The answers sealed with {sitting.block} are no longer all there."
    return None
