"""What changed between the plan that was registered before the first answer and the plan that was used."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

from .plan import Plan

CHANGED = "plan changed after the first answer"


def plan_changes(registered: Plan, used: Plan) -> list[dict[str, Any]]:
    """One record {kind, what} per field that differs, in the order of the two files; comments do not count."""
    before, after = dict(_fields(tomllib.loads(registered.text))), dict(_fields(tomllib.loads(used.text)))
    return [
        {"kind": CHANGED, "what": f"{name}: {_words(before.get(name))} became {_words(after.get(name))}"}
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _fields(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _words(value: Any) -> str:
    if value is None:
        return "not declared"
    if isinstance(value, list):
        return "[" + ", ".join(map(_words, value)) + "]"
    if isinstance(value, dict):
        return " ".join(f"{key} {_words(part)}" for key, part in value.items())
    return str(value)
