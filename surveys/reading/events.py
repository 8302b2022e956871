"""The background queue of the reading page: answers and viewing events, in order, each acknowledged by its UUID."""

import json
import math
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from imagebank.models import DiagnosisClass
from surveys.models import SurveyItem, SurveyResponse, ViewingEvent
from surveys.reading.access import seated
from surveys.services import record_answer, record_viewing_event

MOST_EVENTS, MOST_BYTES, LONGEST_CODE = 50, 100_000, 40


@require_POST
@seated
def events(request: HttpRequest, token: str, survey_response: SurveyResponse) -> JsonResponse:
    """Take `{"events": [...]}`; answer `{"saved": [ids], "refused": [{"id", "why", "code"}]}`.

    Events are recorded in the order they come. A refused one will never be taken, so the browser may forget it; what
    is in neither list is to be sent again.
    """
    if len(request.body) > MOST_BYTES:
        return JsonResponse({"error": f"At most {MOST_BYTES} bytes at a time."}, status=413)
    try:
        batch = json.loads(request.body)["events"]
        if not isinstance(batch, list) or len(batch) > MOST_EVENTS:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        return JsonResponse({"error": f"Send a list of at most {MOST_EVENTS} events."}, status=400)
    items = _items(survey_response, batch)
    saved, refused = [], []
    for event in batch:
        name = event.get("id") if isinstance(event, dict) else None
        try:
            _record(survey_response, event, items)
            saved.append(name)
        except ValidationError as error:
            refused.append({"id": name, "why": error.messages[0], "code": getattr(error, "code", None) or ""})
    return JsonResponse({"saved": saved, "refused": refused})


def _items(survey_response: SurveyResponse, batch: list) -> dict[str, SurveyItem]:
    """The named survey items that lie in a block this reader has opened; of others nothing is said."""
    names = {event["item"] for event in batch if isinstance(event, dict) and isinstance(event.get("item"), str)}
    rows = SurveyItem.objects.filter(
        public_id__in=names,
        block__survey=survey_response.survey_id,
        block__sittings__survey_response=survey_response,
    )
    return {row.public_id: row for row in rows.select_related("block", "stimulus").order_by()}


def _record(survey_response: SurveyResponse, event: dict, items: dict[str, SurveyItem]) -> None:
    if not isinstance(event, dict):
        raise ValidationError("An event is an object.")
    event_id = _uuid(event.get("id"))
    item = event.get("item")
    survey_item = items.get(item) if isinstance(item, str) else None
    if item is not None and survey_item is None:
        raise ValidationError(_("This image is not open for answers."))
    client_ms = _milliseconds(event.get("client_ms"))
    if event.get("type") == "answer":
        if survey_item is None:
            raise ValidationError("An answer names its image.")
        rt_ms = _milliseconds(event.get("rt_ms"))
        record_answer(
            survey_response=survey_response,
            survey_item=survey_item,
            chosen=_chosen(survey_response, event.get("chosen")),
            question=str(event.get("question") or "")[:LONGEST_CODE],
            value=event.get("value"),
            event_id=event_id,
            rt_ms=None if rt_ms is None else round(rt_ms),
            client_ms=client_ms,
            chosen_at=_moment(event.get("at")),
        )
    elif event.get("type") in (ViewingEvent.Kind.OUTPUT, ViewingEvent.Kind.CONTROL):
        raise ValidationError("What was handed out beside a second answer is for the server to say.")
    else:
        record_viewing_event(
            survey_response=survey_response,
            kind=str(event.get("type"))[:20],
            event_id=event_id,
            survey_item=survey_item,
            client_ms=client_ms,
            detail=event.get("detail"),
        )


def _uuid(text) -> UUID:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError):
        raise ValidationError("An event needs a UUID.") from None


def _milliseconds(value) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1e12 else None


def _moment(text) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except (ValueError, TypeError):
        return None
    return moment if moment and moment.tzinfo else None


def _chosen(survey_response: SurveyResponse, code):
    if code is None:
        return None
    try:
        return survey_response.reader.study.classes.get(code=str(code))
    except DiagnosisClass.DoesNotExist:
        raise ValidationError(_("This choice does not belong to the study.")) from None
