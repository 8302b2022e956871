"""Names of runs and ensembles: they become parts of addresses and of folders."""

import re

from django.core.exceptions import ValidationError

LONGEST = 60


def require_name(name: str) -> None:
    """ValidationError with one sentence unless `name` can stand in an address."""
    if not re.fullmatch(rf"[-a-zA-Z0-9_]{{1,{LONGEST}}}", name):
        raise ValidationError(
            f"A name needs 1 to {LONGEST} letters, digits, hyphens or underscores; found {name[: LONGEST + 20]!r}."
        )
