"""One error body for the whole API: a service's ValidationError becomes a 400 like a serializer's own."""

from django.core.exceptions import ValidationError
from django.db import DataError
from drf_standardized_errors.handler import ExceptionHandler, exception_handler
from rest_framework import exceptions

from config.failures import AWAY_S, SITE_AWAY, TOO_LARGE, UNEXPECTED, trouble_of


class Failed(exceptions.APIException):
    """Something that no view expects and that a program can wait out, or its administrator mend."""

    @classmethod
    def of(cls, failure: Exception) -> Exception:
        """The failure in words, or as it came where nothing can be said of it."""
        if isinstance(failure, TOO_LARGE):
            return cls._with(413, "This is more than one request may bring. Send less at a time.")
        trouble = trouble_of(failure)
        return failure if trouble is UNEXPECTED else cls._with(trouble.status, f"{trouble.heading}. {trouble.words}")

    @classmethod
    def _with(cls, status: int, detail: str) -> "Failed":
        failed = cls(detail)
        failed.status_code, failed.wait = status, AWAY_S if status == SITE_AWAY.status else None
        return failed


class ServiceErrors(ExceptionHandler):
    """Translate what services raise into what the API answers."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, ValidationError):
            return exceptions.ValidationError(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        if isinstance(exc, DataError) and "NUL" in str(exc):  # PostgreSQL takes none in text; SQLite finds nothing by it
            return exceptions.ValidationError("Text was needed; a NUL character was found in it. Leave it out.")
        known = super().convert_known_exceptions(exc)
        return known if isinstance(known, exceptions.APIException) else Failed.of(known)


def api_error(exc: Exception, context: dict):
    """Answer an exception of an API view in the standard form.

    Named in REST_FRAMEWORK; DRF_STANDARDIZED_ERRORS names the class above, which does the translating.
    """
    return exception_handler(exc, context)
