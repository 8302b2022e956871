"""Answers that come late: kept on one device without a line while another device went on. The later choice counts, none is lost."""

import json
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from surveys.models import SurveyItem, SurveyResponse, ViewingEvent

from .viewing import keep_event

# Why an answer is not taken that would have been in time.
TOO_LATE = ("overtaken", "closed", "sealed")
LARGEST_LATE = 5000


class Untold:
    """A door that does not say what its reader's device knew of: what it brings is the latest."""


def moment_of(received_at: datetime, waited_ms: int | None) -> datetime:
    """When an answer was chosen, by the server's clock: a device's own may be wrong by years."""
    return received_at - timedelta(milliseconds=waited_ms or 0)


def require_not_overtaken(latest, *, question: str, after: int | UUID | None, chosen: datetime) -> None:
    """Raise ValidationError when another device answered about an item later, unknown to the one that answers now.

    latest: the sitting's last answer about the item, or None. after: the last one that this device knew of, by its sequence or, one of
    its own, by its event; None: of none. chosen: by the server's clock. All questions about an item go together: how sure one is
    belongs to what was said.
    """
    if latest is None or after in (latest.sequence, latest.event_id):
        return
    if chosen < moment_of(latest.received_at, latest.waited_ms) or _belongs_to_another_late_one(latest.survey_response_id, question, after):
        raise ValidationError(_("You answered this image later on another device; that answer stands."), code="overtaken")


def _belongs_to_another_late_one(survey_response: int, question: str, after: int | UUID | None) -> bool:
    """Whether an answer followed, on its device, one to another question that did not count; to the same question it is a new choice."""
    if not isinstance(after, UUID):
        return False
    late = ViewingEvent.objects.filter(survey_response=survey_response, event_id=after, kind=ViewingEvent.Kind.LATE).order_by().first()
    return late is not None and late.detail.get("question", "") != question


def keep_late_answer(
    *, survey_response: SurveyResponse, survey_item: SurveyItem, event_id: UUID, why: str, client_ms: float | None, **answered
) -> None:
    """Keep an answer that does not count in the viewing record, with the reason; the same event again changes nothing."""
    detail = {"why": why, **{name: value for name, value in answered.items() if value is not None}}
    if len(json.dumps(detail)) > LARGEST_LATE:
        detail = {"why": why, "question": answered.get("question") or "", "too_long": True}
    keep_event(
        ViewingEvent(
            survey_response=survey_response, survey_item=survey_item, kind=ViewingEvent.Kind.LATE, event_id=event_id,
            client_ms=client_ms, detail=detail,
        )
    )  # fmt: skip
