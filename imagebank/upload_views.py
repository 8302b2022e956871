"""Where the page of the import sends a large ZIP, piece by piece."""

from django.core import signing
from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from imagebank.permissions import Role, only_to_change, require_role
from imagebank.services.arriving import PIECE_BYTES, WrongPlace, add_piece, begin_arrival, received_of
from imagebank.services.uploads import KEPT_S, forget_upload

SALT = "a-zip-in-pieces"
GONE = "The part that was sent is no longer there. Upload it from the beginning."


def arrival_of(request: HttpRequest, token: str) -> dict:
    """What a token says: `kept`, `name`, `size`. One that is not this person's in this study, or too old, raises ValidationError."""
    try:
        told = signing.loads(token, salt=SALT, max_age=KEPT_S)
    except signing.BadSignature:
        told = {}
    if (told.get("study"), told.get("user")) != (request.study.pk, request.user.pk):
        raise ValidationError(GONE)
    return told


@require_POST
@require_role(Role.COORDINATOR)
@only_to_change
def bank_piece(request: HttpRequest, slug: str) -> JsonResponse:
    """Without a token: make place for `name` of `size` bytes. With one: add `piece` at `offset`, or forget it all, or say how far
    it is. A piece that does not begin where the file ends is answered 409 with where that is."""
    sent = request.POST
    try:
        if "token" not in sent:
            return _begun(request, sent.get("name", "")[:120], _whole_number(sent.get("size", "")))
        told = arrival_of(request, sent["token"])
        if "forget" in sent:
            forget_upload(told["kept"])
            return JsonResponse({"received": 0})
        if "piece" not in request.FILES:
            return JsonResponse({"received": received_of(told["kept"]), "piece": PIECE_BYTES})
        offset = _whole_number(sent.get("offset", ""))
        received = add_piece(kept=told["kept"], size=told["size"], offset=offset, piece=request.FILES["piece"])
        return JsonResponse({"received": received})
    except WrongPlace as place:
        return JsonResponse({"received": place.received}, status=409)
    except ValidationError as refusal:
        return JsonResponse({"message": " ".join(refusal.messages)}, status=400)


def _begun(request: HttpRequest, name: str, size: int) -> JsonResponse:
    if not name.lower().endswith(".zip"):
        raise ValidationError(f"Choose a ZIP file; {name or 'what was sent'} is none.")
    kept = begin_arrival(name=name, size=size)
    told = {"study": request.study.pk, "user": request.user.pk, "kept": kept, "name": name, "size": size}
    return JsonResponse({"token": signing.dumps(told, salt=SALT), "received": 0, "piece": PIECE_BYTES})


def _whole_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ValidationError(f'A number of bytes was needed, "{text[:20]}" was found.')
    return int(text)
