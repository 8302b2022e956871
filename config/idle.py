"""Automatic sign-off: the computer of a ward is everybody's, and who runs a study sees truth, names and e-mail addresses.

Readers have no session (their link is all they need), and programs send a token, so neither is concerned.
"""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from rest_framework.permissions import SAFE_METHODS

USED_AT = "used_at"
NOTED_EVERY = 60  # seconds; not every click needs a write


class SignOffWhenIdle:
    """Middleware: signs a person off whose pages nobody used for IDLE_MINUTES, unless she chose to stay signed in.

    A part of a page that renews itself (a job's progress, the seats) goes on without anybody there, so it is no use of the page.
    """

    def __init__(self, get_response: Callable):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not settings.IDLE_MINUTES or not request.user.is_authenticated or stays_signed_in(request):
            return self.get_response(request)
        now = int(time.time())
        used_at = request.session.get(USED_AT)
        if used_at is not None and now - used_at > settings.IDLE_MINUTES * 60:
            return self.signed_off(request)
        if used_at is None or (now - used_at >= NOTED_EVERY and not renews_itself(request)):
            request.session[USED_AT] = now
        return self.get_response(request)

    def signed_off(self, request: HttpRequest) -> HttpResponse:
        """She goes on as a stranger, who may read by a link all the same; a form that strangers may not send leads back to its page."""
        logout(request)
        messages.info(request, f"You were signed out, since nobody used this site here for {settings.IDLE_MINUTES} minutes.")
        if renews_itself(request):
            return HttpResponse(headers={"HX-Refresh": "true"})
        answer = self.get_response(request)
        if request.method not in SAFE_METHODS and answer.headers.get("Location", "").startswith(resolve_url(settings.LOGIN_URL)):
            return redirect_to_login(request.headers.get("Referer") or "/")
        return answer


def stays_signed_in(request: HttpRequest) -> bool:
    """She ticked "Stay signed in on this device": her session alone was given an age of its own."""
    return bool(request.session.get("_session_expiry"))


def renews_itself(request: HttpRequest) -> bool:
    """A part of a page asks for itself: htmx names the same element as the cause and as the place of the answer."""
    return bool(request.htmx and request.htmx.trigger and request.htmx.trigger == request.htmx.target)
