"""The background queue of the reading page: answers and viewing events, in order, each acknowledged by its UUID."""

import json
import math
import re
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Max
from django.http import HttpRequest, JsonResponse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from imagebank.models import DiagnosisClass
from surveys.models import Answer, SurveyItem, SurveyResponse, ViewingEvent
from surveys.reading.access import seated
from surveys.services import record_answer, record_viewing_event
from surveys.services.sitting.late import TOO_LATE, Untold, keep_late_answer

FOR_THE_SERVER = (ViewingEvent.Kind.OUTPUT, ViewingEvent.Kind.CONTROL, ViewingEvent.Kind.LATE)
UNSTORABLE = re.compile("[\\x00\\ud800-\\udfff]")
MOST_EVENTS, MOST_BYTES, LONGEST_CODE = 50, 100_000, 40


@require_POST
@seated
def events(request: HttpRequest, token: str, survey_response: SurveyResponse) -> JsonResponse:
    """Take `{"events": [...]}`; answer `{"saved": [ids], "refused": [{"id", "why", "code"}], "last": number}`.

    Events are recorded in the order they come. A refused one will never be taken, so the browser may forget it; what
    is in neither list is to be sent again. last: how many answers the sitting has now, told after an answer and to a window
    that was come back to, so that it notices what was answered on another device.
    """
    if len(request.body) > MOST_BYTES:
        return JsonResponse({"error": f"At most {MOST_BYTES} bytes at a time."}, status=413)
    try:
        batch = _storable(json.loads(request.body)["events"])
        if not isinstance(batch, list) or len(batch) > MOST_EVENTS:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        return JsonResponse({"error": f"Send a list of at most {MOST_EVENTS} events."}, status=400)
    items = _items(survey_response, batch)
    saved, refused, last = [], [], 0
    for event in batch:
        name = event.get("id") if isinstance(event, dict) else None
        try:
            recorded = _record(survey_response, event, items)
            saved.append(name)
            last = recorded.sequence if isinstance(recorded, Answer) else last
        except ValidationError as error:
            refused.append({"id": name, "why": error.messages[0], "code": getattr(error, "code", None) or ""})
    told = {"last": last or _last(survey_response)} if any(_asks_for_last(event) for event in batch) else {}
    return JsonResponse({"saved": saved, "refused": refused, **told})


def _storable(value):
    """What came, as every database keeps it: PostgreSQL takes no NUL, no half of a letter, such as a cut-off emoji, and no number
    that is none; one event that can never be stored would hold up all that wait behind it."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_storable(one) for one in value]
    if isinstance(value, dict):
        return {_storable(name): _storable(one) for name, one in value.items()}
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _asks_for_last(event) -> bool:
    return isinstance(event, dict) and event.get("type") in ("answer", ViewingEvent.Kind.VISIBLE)


def _last(survey_response: SurveyResponse) -> int:
    return Answer.objects.filter(survey_response=survey_response).order_by().aggregate(last=Max("sequence"))["last"] or 0


def _items(survey_response: SurveyResponse, batch: list) -> dict[str, SurveyItem]:
    """The named survey items that lie in a block this reader has opened; of others nothing is said."""
    names = {event["item"] for event in batch if isinstance(event, dict) and isinstance(event.get("item"), str)}
    rows = SurveyItem.objects.filter(
        public_id__in=names,
        block__survey=survey_response.survey_id,
        block__sittings__survey_response=survey_response,
    )
    return {row.public_id: row for row in rows.select_related("block", "stimulus").order_by()}


def _record(survey_response: SurveyResponse, event: dict, items: dict[str, SurveyItem]) -> Answer | ViewingEvent:
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
        return _record_answer(survey_response, survey_item, event, event_id=event_id, client_ms=client_ms)
    if event.get("type") in FOR_THE_SERVER:
        raise ValidationError("What was handed out beside a second answer, and what came too late, is for the server to say.")
    return record_viewing_event(
        survey_response=survey_response,
        kind=str(event.get("type"))[:20],
        event_id=event_id,
        survey_item=survey_item,
        client_ms=client_ms,
        detail=event.get("detail"),
    )


def _record_answer(survey_response: SurveyResponse, survey_item: SurveyItem, event: dict, **shared) -> Answer:
    """Record an answer; one that is refused because it came too late is kept beside the answers."""
    question, rt_ms, waited_ms = (
        str(event.get("question") or "")[:LONGEST_CODE], _milliseconds(event.get("rt_ms")), _milliseconds(event.get("waited_ms")),
    )  # fmt: skip
    try:
        return record_answer(
            survey_response=survey_response,
            survey_item=survey_item,
            chosen=_chosen(survey_response, event.get("chosen")),
            question=question,
            value=event.get("value"),
            rt_ms=None if rt_ms is None else round(rt_ms),
            chosen_at=_moment(event.get("at")),
            after=_after(event["after"]) if "after" in event else Untold,
            waited_ms=None if waited_ms is None else round(waited_ms),
            **shared,
        )
    except ValidationError as error:
        if getattr(error, "code", None) in TOO_LATE:
            answered = {name: event.get(name) for name in ("chosen", "value", "at", "waited_ms")}
            keep_late_answer(
                survey_response=survey_response, survey_item=survey_item, why=error.code, question=question, **answered, **shared
            )
        raise


def _after(known) -> int | UUID | None:
    """The last answer that the browser knew of: the number of one from the server, the UUID of one of its own."""
    if known is None or isinstance(known, int) and not isinstance(known, bool):
        return known
    return _uuid(known)


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
