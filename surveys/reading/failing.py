"""What a reader is told where a page failed, without asking the database for anything."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from surveys.languages import language_of_browser

AWAY = (
    _("This site is away for a moment"),
    _("Everything that was shown as saved is kept. Load this page again in a minute: you go on where you were."),
)
FAILED = (
    _("Something went wrong on our side"),
    _("Everything that was shown as saved is kept. Load this page again: you go on where you were."),
)


def failed_reading_page(request: HttpRequest, *, away: bool) -> HttpResponse | None:
    """The page in the language that the browser asks for; None where even its style sheet cannot be found."""
    title, words = AWAY if away else FAILED
    try:
        with override(language_of_browser(request)):
            return render(request, "surveys/closed.html", {"title": title, "words": words})
    except ValueError:  # the list of collected files is missing or does not name one
        return None
