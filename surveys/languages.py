"""The languages in which readers are addressed. A study's own texts may be in any; the words of the pages are in these."""

from contextlib import AbstractContextManager

from django.conf.locale import LANG_INFO
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import override

from surveys.models import StudyProtocol

# Every language whose words stand whole in surveys/locale.
TRANSLATED = {"en": "English", "de": "Deutsch"}


def clean_language(code: str) -> str:
    """`code` where it names a language, such as "de" or "pt-br"; otherwise ValidationError."""
    if code not in LANG_INFO or "name_local" not in LANG_INFO[code]:
        raise ValidationError(f'study.language is the code of a language, such as "en" or "de"; it is {code!r}.')
    return code


def language_of_words(protocol: StudyProtocol | None) -> str:
    """The language of the pages' own words: the study's where they are translated into it, else English."""
    return translated(protocol.language if protocol else "en")


def translated(asked: str) -> str:
    """The language `asked`, or that of which it is a kind ("de-ch": "de"), where the words stand in it; else English."""
    return next((code for code in (asked, asked.partition("-")[0]) if code in TRANSLATED), "en")


def own_language(protocol: StudyProtocol) -> str:
    """The attribute of what is written in the study's own language, where the words around it are in another one."""
    if protocol.language == language_of_words(protocol):
        return ""
    return format_html(' lang="{}"', protocol.language)


def language_of_browser(request: HttpRequest) -> str:
    """The first language that the browser asks for and the words are translated into, for pages that belong to no study."""
    asked = [row.partition(";")[0].strip().lower() for row in request.headers.get("Accept-Language", "").split(",")]
    return next((translated(code) for code in asked if code.partition("-")[0] in TRANSLATED), "en")


def words_of(protocol: StudyProtocol | None) -> AbstractContextManager:
    """Within it, the pages' own words, numbers and dates are in the language in which the study addresses its readers."""
    return override(language_of_words(protocol))
