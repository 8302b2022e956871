"""What is said where something failed that no page expects: to people on a page, to programs by the API."""

import sqlite3
import sys
from dataclasses import dataclass

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.templatetags.static import static

from config.health import check_migrations
from imagebank.jobs import DISK_FULL
from imagebank.services.storing import StoreAway
from surveys.reading.failing import failed_reading_page

TOO_LARGE = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
POSTGRES_DISK_FULL = "53100"
AWAY_S = 30  # after which it is worth to ask again


@dataclass(frozen=True)
class Trouble:
    """What failed, as far as somebody can do something about it."""

    status: int
    title: str
    heading: str
    words: str


UNEXPECTED = Trouble(
    500,
    "Something went wrong",
    "Something went wrong on our side",
    "Nothing that was shown as saved is lost. Wait a moment, then load the page again. If it stays so, tell an administrator when it "
    "happened and what you were doing.",
)
NO_ROOM = Trouble(
    507,
    "The disk is full",
    "The disk of this site is full",
    "What you sent just now was not stored; everything that was shown as saved before is whole. Tell an administrator to make room, then "
    "send it again.",
)
STORE_AWAY = Trouble(
    503,
    "The store of pictures is away",
    "The store of pictures does not answer",
    "Nothing that was shown as saved is lost. Try again in a minute; if it stays so, tell an administrator.",
)
SITE_AWAY = Trouble(
    503,
    "This site is away for a moment",
    "This site is away for a moment",
    "Its database does not answer, or is being brought up to a new version. Nothing that was shown as saved is lost. Try again in a "
    "minute; if it stays so, tell an administrator.",
)


def trouble_of(failure: BaseException | None) -> Trouble:
    """What an exception means to whoever met it."""
    if isinstance(failure, StoreAway):
        return STORE_AWAY
    if isinstance(failure, OSError) and failure.errno in DISK_FULL:
        return NO_ROOM
    return _of_the_database(failure) if isinstance(failure, DatabaseError | InterfaceError) else UNEXPECTED


def _of_the_database(failure: Exception) -> Trouble:
    """A full disk, a database that is away or locked, tables that wait for their migration; else a fault of ours."""
    code, state = (getattr(failure.__cause__, name, None) for name in ("sqlite_errorcode", "sqlstate"))
    if code == sqlite3.SQLITE_FULL or state == POSTGRES_DISK_FULL:
        return NO_ROOM
    # SQLite calls operational, too, what it does not understand: a missing table, and any mistake in SQL.
    if isinstance(failure, OperationalError | InterfaceError) and code != sqlite3.SQLITE_ERROR:
        return SITE_AWAY
    try:
        return SITE_AWAY if check_migrations() == "pending" else UNEXPECTED
    except DatabaseError:
        return UNEXPECTED


def server_error(request: HttpRequest) -> HttpResponse:
    """Something failed that no page expects. What takes an administrator, or a minute, is said in words; readers are told in theirs."""
    trouble = trouble_of(sys.exc_info()[1])  # Django asks for this page while it handles the exception
    answer = request.path_info.startswith("/r/") and failed_reading_page(request, away=trouble is SITE_AWAY)
    answer = answer or HttpResponse(get_template("500.html").render({"trouble": trouble, "look": _look()}))
    answer.status_code = trouble.status
    if trouble.status == SITE_AWAY.status:
        answer["Retry-After"] = str(AWAY_S)
    return answer


def _look() -> dict[str, str]:
    """Addresses of style sheets and theme; none where even they cannot be found, since this page must never fail."""
    names = {"bootstrap": "vendor/bootstrap.min.css", "own": "diptych.css", "theme": "theme.js"}
    try:
        return {name: static(f"diptych/{path}") for name, path in names.items()}
    except ValueError:  # the list of collected files is missing or does not name one
        return {}


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What cannot be understood, or is more than one request may bring."""
    too_large = isinstance(exception, TOO_LARGE)
    return render(request, "413.html" if too_large else "400.html", status=413 if too_large else 400)
