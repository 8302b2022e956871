"""The viewing record: what a reader's screen did, and the answers that came too late to count."""

import json
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from surveys.models import SurveyItem, SurveyResponse, ViewingEvent

from .hold import hold_sitting

LARGEST_DETAIL = 500


def record_viewing_event(
    *,
    survey_response: SurveyResponse,
    kind: str,
    event_id: UUID,
    survey_item: SurveyItem | None = None,
    client_ms: float | None = None,
    detail: dict | None = None,
) -> ViewingEvent:
    """Record what the reader's screen did; the same event again returns the row already kept.

    Unknown kinds, large details, and items whose block was never opened raise ValidationError. Events of a sealed
    block that were still on their way are taken.
    """
    if kind not in ViewingEvent.Kind.values:
        raise ValidationError(f"There is no viewing event of the kind {kind!r}.")
    detail = detail or {}
    if not isinstance(detail, dict) or len(json.dumps(detail)) > LARGEST_DETAIL:
        raise ValidationError(f"The details of a viewing event take at most {LARGEST_DETAIL} characters.")
    event = ViewingEvent(
        survey_response=survey_response, survey_item=survey_item, kind=kind, event_id=event_id, client_ms=client_ms, detail=detail
    )
    return keep_event(event, opened=None if survey_item is None else survey_item.block_id)


def keep_event(event: ViewingEvent, opened: int | None = None) -> ViewingEvent:
    """Save a row of the viewing record; the same event again returns the row already kept. opened: as `hold_sitting` has it."""
    try:
        with transaction.atomic():
            hold_sitting(event.survey_response, opened)
            event.save(force_insert=True)
    except IntegrityError:  # the same event came twice: at once, or its acknowledgement was lost on the way
        known = _known_event(event.survey_response, event.event_id)
        if known is None:
            raise
        return known
    return event


def _known_event(survey_response: SurveyResponse, event_id: UUID) -> ViewingEvent | None:
    known = ViewingEvent.objects.filter(event_id=event_id).order_by().first()
    if known is not None and known.survey_response_id != survey_response.pk:
        raise ValidationError("This event identifier was used for another event.")
    return known
