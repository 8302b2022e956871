"""The core's sentences as Django's ValidationError, so that every door shows them the same way."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError

from models_ml.core import CoreError


@contextmanager
def core_errors() -> Iterator[None]:
    try:
        yield
    except CoreError as error:
        raise ValidationError(str(error)) from error
