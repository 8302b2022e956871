"""Who may see a reading page: the token in the address is the whole credential, on any device, without a session."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt

from surveys.reading.link_guard import WINDOW_S, may_try, note_known, note_unknown
from surveys.reading.places import place_of
from surveys.services import InvitationClosed, open_invitation

CLOSED = {
    "unknown": (404, "This link is not known", "Please check that it was copied whole, to its last letter."),
    "revoked": (410, "This link has been closed", "The people who run the study closed it. Nothing you saved is lost."),
    "withdrawn": (410, "You have withdrawn", "Your answers are deleted, as you asked. Thank you for the time you gave."),
    "expired": (410, "This link has expired", "It worked for a limited time. Nothing you saved is lost."),
}
TOO_MANY = {
    "title": "Please wait a little",
    "words": "Too many links that do not exist were tried from your network. Try again in ten minutes; nothing is lost.",
}
NOT_HERE = {"title": "There is nothing here", "words": "Your link still works: open it again to go on."}


def invited(view: Callable) -> Callable:
    """Give `view(request, token, ...)` the link's invitation as `request.invitation`, or answer that it is closed.

    The pages are exempt from the CSRF cookie because they use no cookie at all: a request that knows the address is
    authorised by the address, and a page elsewhere cannot know it. `LinkHeaders` keeps every answer out of caches.
    """

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, token: str, **kwargs) -> HttpResponse:
        if not may_try(request, token):
            response = render(request, "surveys/closed.html", TOO_MANY, status=429)
            response["Retry-After"] = str(WINDOW_S)
            return response
        try:
            request.invitation = open_invitation(token)
        except InvitationClosed as closed:
            if closed.reason == "unknown":
                note_unknown(request)
            status, title, words = CLOSED[closed.reason]
            return render(request, "surveys/closed.html", {"title": title, "words": words}, status=status)
        note_known(token)
        try:
            return view(request, token, **kwargs)
        except Http404:
            return render(request, "surveys/closed.html", NOT_HERE, status=404)

    return wrapper


def seated(view: Callable) -> Callable:
    """Like `invited`, with the reader's response as the third argument; who has not started goes to the first page."""

    @invited
    @wraps(view)
    def wrapper(request: HttpRequest, token: str, **kwargs) -> HttpResponse:
        survey_response = getattr(request.invitation, "response", None)
        if survey_response is None:
            return redirect("surveys:landing", token=token)
        # It came with the invitation; to ask for it again would cost every save a query.
        survey_response.reader = request.invitation.reader
        return view(request, token, survey_response, **kwargs)

    return wrapper


def at_place(name: str) -> Callable:
    """Like `seated`, for the page of one place; whoever is somewhere else is sent there."""

    def decorate(view: Callable) -> Callable:
        @seated
        @wraps(view)
        def wrapper(request: HttpRequest, token: str, survey_response, **kwargs) -> HttpResponse:
            place = place_of(survey_response)
            wanted = kwargs.get("position")
            if place.name != name or (wanted is not None and place.block.position != wanted):
                return redirect(place.address(token))
            if place.block is not None and wanted is not None:
                kwargs = {"block": place.block}
            return view(request, token, survey_response, **kwargs)

        return wrapper

    return decorate
