"""The certificate of a design, computed from its surveys alone."""

from collections.abc import Mapping

from .certificate import Certificate, Property, balance
from .design import Design
from .promises import check_promises


def certify(design: Design, items: Mapping[str, str]) -> Certificate:
    """Every property of `design` over `items` (item code -> class).

    Whatever certificate the design carries is not looked at. The balances are counted only when every promise holds,
    because they are defined for whole designs.
    """
    promises = check_promises(design, items)
    if all(entry.holds for entry in promises):
        from .balances import count_balances

        return Certificate((*promises, *count_balances(design, items)))
    return Certificate((*promises, _uncounted()))


def _uncounted() -> Property:
    return balance(
        "balance",
        "How evenly items meet and how evenly positions are shared out.",
        reached=None,
        best=None,
        limit=None,
        detail="Not counted, because a promise is broken.",
    )
