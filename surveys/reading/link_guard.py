"""Readers' links are kept out of caches, referrers and guessing hands. config.link_free keeps them out of logs."""

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from surveys.services.recruiting.invitations import token_sha256

GUESSES, WINDOW_S, KNOWN_S = 20, 600, 24 * 3600
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class LinkHeaders:
    """Middleware: every answer below /r/, errors and redirects included, is stored nowhere and tells no address."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request: HttpRequest):
        response = self.get_response(request)
        if request.path_info.startswith("/r/"):
            for name, value in HEADERS.items():
                response[name] = value
            response._has_been_logged = True  # Django would log the address of every refusal, and with it the link
        return response


def may_try(request: HttpRequest, token: str) -> bool:
    """Whether this visitor may try `token`: after too many unknown ones from one address, only links known to work.

    Links that were opened within a day go on working, so that nobody shuts a whole hospital out by guessing beside it.
    """
    return cache.get(_guesses(request), 0) < GUESSES or bool(cache.get(_known(token)))


def note_unknown(request: HttpRequest) -> None:
    """Count a token that nobody was given."""
    key = _guesses(request)
    cache.add(key, 0, WINDOW_S)
    try:
        cache.incr(key)
    except ValueError:  # it ran out between the two lines
        cache.set(key, 1, WINDOW_S)


def note_known(token: str) -> None:
    """Remember that a link works."""
    key = _known(token)
    if not cache.get(key):
        cache.set(key, 1, KNOWN_S)


def _guesses(request: HttpRequest) -> str:
    try:
        address = get_adapter().get_client_ip(request)
    except PermissionDenied:
        address = "unknown"
    return f"guesses:{address}"


def _known(token: str) -> str:
    return f"link:{token_sha256(token)}"
