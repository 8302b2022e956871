"""TOML that somebody sent: a short text can ask its parser for the square of its length in memory, or for endless nesting."""

from __future__ import annotations

import tomllib
from typing import Any

MOST_DOTS = 500  # in one line; a key of very many names is on one line, and no file of ours needs more than a few


def parse_toml(text: str) -> dict[str, Any]:
    """What a TOML text says. Raises ValueError, with the reason, for what is no TOML and for what nests without end."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            raise ValueError(f"line {number} has more than {MOST_DOTS} dots; break it into several")
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("it nests deeper than any such file needs to") from error
