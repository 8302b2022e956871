"""Where the page of the import sends a large ZIP, piece by piece."""

from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from imagebank.permissions import Role, only_to_change, require_role
from imagebank.services.arriving import (
    GONE,
    PIECE_BYTES,
    Arrival,
    WrongPlace,
    add_piece,
    arrival_of,
    begin_arrival,
    received_of,
)
from imagebank.services.uploads import forget_upload


def arrival_here(request: HttpRequest, token: str) -> Arrival:
    """What a token names. One that is not this person's in this study, or too old, raises ValidationError."""
    arrival = arrival_of(token, user=request.user)
    if arrival.study != request.study.pk:
        raise ValidationError(GONE)
    return arrival


@require_POST
@require_role(Role.COORDINATOR)
@only_to_change
def bank_piece(request: HttpRequest, slug: str) -> JsonResponse:
    """Without a token: make place for `name` of `size` bytes. With one: add `piece` at `offset`, or forget it all, or say how far
    it is. A piece that does not begin where the file ends is answered 409 with where that is."""
    sent = request.POST
    try:
        if "token" not in sent:
            size = _whole_number(sent.get("size", ""))
            begun = begin_arrival(study=request.study, user=request.user, name=sent.get("name", "")[:120], size=size)
            return JsonResponse({"token": begun.token, "received": 0, "piece": PIECE_BYTES})
        arrival = arrival_here(request, sent["token"])
        if "forget" in sent:
            forget_upload(arrival.kept)
            return JsonResponse({"received": 0})
        if "piece" not in request.FILES:
            return JsonResponse({"received": received_of(arrival), "piece": PIECE_BYTES})
        offset = _whole_number(sent.get("offset", ""))
        return JsonResponse({"received": add_piece(arrival=arrival, offset=offset, piece=request.FILES["piece"])})
    except WrongPlace as place:
        return JsonResponse({"received": place.received}, status=409)
    except ValidationError as refusal:
        return JsonResponse({"message": " ".join(refusal.messages)}, status=400)


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValidationError(f'A number of bytes was needed, "{text[:20]}" was found.')
    return int(text)
