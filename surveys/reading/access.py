"""Who may see a reading page: the token in the address is the whole credential, on any device, without a session."""

from collections.abc import Callable
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django.views.decorators.csrf import csrf_exempt

from surveys.languages import language_of_browser, language_of_words
from surveys.models import SurveyResponse
from surveys.reading.link_guard import WINDOW_S, may_try, note_known, note_unknown
from surveys.reading.places import place_of
from surveys.services import InvitationClosed, open_invitation

CLOSED = {
    "unknown": (404, _("This link is not known"), _("Please check that it was copied whole, to its last letter.")),
    "revoked": (
        410, _("This link has been closed"), _("The people who run the study closed it. Nothing you saved is lost."),
    ),
    "withdrawn": (
        410, _("You have withdrawn"), _("Your answers are deleted, as you asked. Thank you for the time you gave."),
    ),
    "full": (410, _("This study takes no new readers"), _("Recruitment has ended. Thank you for your willingness.")),
    "ended": (410, _("Reading has ended"), _("This study takes no more answers. Everything you saved is kept. Thank you.")),
    "expired": (410, _("This link has expired"), _("It worked for a limited time. Nothing you saved is lost.")),
}
TOO_MANY = {
    "title": _("Please wait a little"),
    "words": _("Too many links that do not exist were tried from your network. Try again in ten minutes; nothing is lost."),
}
NOT_HERE = {"title": _("There is nothing here"), "words": _("Your link still works: open it again to go on.")}


def invited(view: Callable) -> Callable:
    """Give `view(request, token, ...)` the link's invitation as `request.invitation`, or answer that it is closed.

    The pages are exempt from the CSRF cookie because they use no cookie at all: a request that knows the address is
    authorised by the address, and a page elsewhere cannot know it. `LinkHeaders` keeps every answer out of caches.
    """

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, token: str, **kwargs) -> HttpResponse:
        if not may_try(request, token):
            response = _closed(request, 429, language_of_browser(request), **TOO_MANY)
            response["Retry-After"] = str(WINDOW_S)
            return response
        try:
            request.invitation = open_invitation(token)
        except InvitationClosed as closed:
            if closed.reason == "unknown":
                note_unknown(request)
            status, title, words = CLOSED[closed.reason]
            language = language_of_words(closed.protocol) if closed.protocol else language_of_browser(request)
            return _closed(request, status, language, title=title, words=words)
        note_known(token)
        language = language_of_words(request.invitation.reader.study.protocol)
        try:
            with override(language):
                return view(request, token, **kwargs)
        except Http404:
            return _closed(request, 404, language, **NOT_HERE)
        except SurveyResponse.DoesNotExist:  # its reader withdrew while this page was on its way
            status, title, words = CLOSED["withdrawn"]
            return _closed(request, status, language, title=title, words=words)

    return wrapper


def _closed(request: HttpRequest, status: int, language: str, **context) -> HttpResponse:
    with override(language):
        return render(request, "surveys/closed.html", context, status=status)


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
