"""The orders in which the views of a survey may be shown."""

from collections.abc import Sequence
from itertools import permutations


def balanced_orders(views: Sequence[str]) -> list[tuple[str, ...]]:
    """The orders among which counterbalanced surveys are shared out.

    All orders of up to three views; the rotations and their reversals of more.
    """
    if len(views) <= 3:
        return list(permutations(views))
    rotations = [(*views[i:], *views[:i]) for i in range(len(views))]
    return rotations + [rotation[::-1] for rotation in rotations]


def permitted_orders(views: Sequence[str], view_order: str) -> list[tuple[str, ...]] | None:
    """The orders that a survey may show under this rule; None when every order is permitted."""
    if view_order == "fixed":
        return [tuple(views)]
    return balanced_orders(views) if view_order == "counterbalanced" else None
