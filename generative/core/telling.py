"""How long work says how far it is: a function of what is being done, how much of it is done, and of how much."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str, int, int], None]


def untold(what: str, done: int, total: int) -> None:
    """For work that nobody follows."""
