"""What a design promises and how near it comes to what arithmetic permits, as data and as a readable table."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .shape import DesignError

PROMISE = "promise"
BALANCE = "balance"
SHOWN = 20  # sentences about one property; the rest are counted

Value = int | float | None


@dataclass(frozen=True)
class Property:
    """One property of a design.

    kind: a promise must hold exactly; a balance should come near its best. reached, best, limit: numbers of the same
    kind, where `best` is what no design of this shape can beat and the property holds up to `limit`. A number that
    cannot be given is None, and `detail` says why. problems: sentences that name survey and item, for a broken
    property.
    """

    name: str
    kind: str
    meaning: str
    reached: Value
    best: Value
    limit: Value
    holds: bool
    detail: str = ""
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        data = {
            "name": self.name,
            "kind": self.kind,
            "meaning": self.meaning,
            "reached": self.reached,
            "best": self.best,
            "limit": self.limit,
            "holds": self.holds,
            "detail": self.detail,
        }
        if self.problems:
            data["problems"] = list(self.problems)
        return data


@dataclass(frozen=True)
class Certificate:
    """The properties of a design, the promises first."""

    properties: tuple[Property, ...]

    @property
    def promises_hold(self) -> bool:
        """Whether every promise holds; a balance that misses its limit breaks no promise."""
        return bool(self.properties) and all(p.holds for p in self.properties if p.kind == PROMISE)

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the promises, one sentence each."""
        return tuple(text for p in self.properties if p.kind == PROMISE for text in p.problems)

    def __getitem__(self, name: str) -> Property:
        for entry in self.properties:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The form stored in design.json."""
        return {"promises_hold": self.promises_hold, "properties": [entry.to_dict() for entry in self.properties]}

    @classmethod
    def from_dict(cls, data: Any) -> "Certificate":
        """The certificate of a design.json; DesignError when it is not one."""
        if not isinstance(data, dict) or not isinstance(data.get("properties"), list):
            raise DesignError('"certificate" should be an object with a list of "properties".')
        return cls(tuple(_property(entry, number) for number, entry in enumerate(data["properties"], start=1)))

    def to_text(self, width: int = 118) -> str:
        """The certificate as a table for a terminal or a file of plain text."""
        lines = []
        for kind, title in ((PROMISE, "Promises"), (BALANCE, "Balance")):
            lines += [title, _row("", "reached", "best possible", "limit")]
            for entry in (p for p in self.properties if p.kind == kind):
                mark = "holds" if entry.holds else ("BROKEN" if kind == PROMISE else "misses its limit")
                lines.append(_row(f"  {entry.name}: {mark}", *map(_number, (entry.reached, entry.best, entry.limit))))
                for text in (entry.meaning, entry.detail, *entry.problems):
                    lines += textwrap.wrap(text, width, initial_indent="      ", subsequent_indent="      ")
            lines.append("")
        verdict = "Every promise holds." if self.promises_hold else "A promise is broken."
        return "\n".join([*lines, verdict])


def promise(name: str, meaning: str, problems: Iterable[str], detail: str = "") -> Property:
    """A promise with the sentences about its breaches; it holds when there are none."""
    found = list(problems)
    shown = found[:SHOWN]
    if len(found) > SHOWN:
        shown.append(f"... and {len(found) - SHOWN} more of this kind.")
    return Property(
        name=name,
        kind=PROMISE,
        meaning=meaning,
        reached=len(found),
        best=0,
        limit=0,
        holds=not found,
        detail=detail,
        problems=tuple(shown),
    )


def balance(name: str, meaning: str, *, reached: Value, best: Value, limit: Value, detail: str = "") -> Property:
    """A balance; it holds when `reached` is no larger than `limit`, and when nothing can be said."""
    holds = reached is None or limit is None or reached <= limit
    return Property(name, BALANCE, meaning, reached, best, limit, holds, detail)


def _property(data: Any, number: int) -> Property:
    where = f"property {number} of the certificate"
    if not isinstance(data, dict):
        raise DesignError(f"{where.capitalize()} should be an object.")
    for key, kinds in (("name", str), ("kind", str), ("meaning", str), ("detail", str), ("holds", bool)):
        if not isinstance(data.get(key), kinds):
            raise DesignError(f'"{key}" is missing or of the wrong kind in {where}.')
    for key in ("reached", "best", "limit"):
        if key not in data or isinstance(data[key], bool) or not isinstance(data[key], int | float | None):
            raise DesignError(f'"{key}" in {where} should be a number or null.')
    problems = data.get("problems", [])
    if not isinstance(problems, list) or not all(isinstance(text, str) for text in problems):
        raise DesignError(f'"problems" in {where} should be a list of sentences.')
    return Property(
        data["name"],
        data["kind"],
        data["meaning"],
        data["reached"],
        data["best"],
        data["limit"],
        data["holds"],
        data["detail"],
        tuple(problems),
    )


def _row(name: str, *cells: str) -> str:
    return f"{name:<62}" + "".join(f"{cell:>16}" for cell in cells)


def _number(value: Value) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else f"{value:,}"
