"""How long work tells its caller how far it is.

A caller who wants to stop raises an exception from the function it passed.
"""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # what is being done, how much is done, out of how much


def silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
