"""Rows that the tests of a module share, because making them takes longer than any of these tests."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def rows_of_a_module(django_db_blocker) -> Iterator[None]:
    """What is made inside stands until the module's last test, each of which changes it in a transaction of its own, rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)
