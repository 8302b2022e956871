"""One error body for the whole API: a service's ValidationError becomes a 400 like a serializer's own."""

from django.core.exceptions import ValidationError
from django.db import DataError
from drf_standardized_errors.handler import ExceptionHandler, exception_handler
from rest_framework import exceptions


class ServiceErrors(ExceptionHandler):
    """Translate what services raise into what the API answers."""

    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, ValidationError):
            return exceptions.ValidationError(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        if isinstance(exc, DataError) and "NUL" in str(exc):  # PostgreSQL takes none in text; SQLite finds nothing by it
            return exceptions.ValidationError("Text was needed; a NUL character was found in it. Leave it out.")
        return super().convert_known_exceptions(exc)


def api_error(exc: Exception, context: dict):
    """Answer an exception of an API view in the standard form.

    Named in REST_FRAMEWORK; DRF_STANDARDIZED_ERRORS names the class above, which does the translating.
    """
    return exception_handler(exc, context)
