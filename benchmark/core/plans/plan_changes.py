"""What differs between two analysis plans, field by field and in words: planned, and done."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from benchmark.core.wording import readable

NAMES = {
    "title": "title",
    "alpha": "significance level",
    "confidence_level": "confidence level of intervals",
    "data.missing": "missing answers",
    "data.analysed": "sittings that are analysed",
    "data.completion_threshold": "share of answers that makes a sitting complete",
    "data.completion_comparison": "comparison with that share",
    "data.classes": "classes",
    "primary.contrasts": "primary contrast",
    "primary.unit": "unit of the paired test",
    "primary.test": "primary test",
    "primary.multiplicity": "adjustment for multiplicity",
    "primary.estimand": "estimand of the primary family",
    "primary.new_images": "analysis for new images",
    "equivalence.margin": "equivalence margin",
    "bootstrap.draws": "bootstrap draws",
    "seeds.bootstrap": "seed of the bootstrap",
    "seeds.permutation": "seed of permutations",
    "mixed_models.run": "mixed models",
    "response_times.shortest_ms": "shortest response time that counts (ms)",
    "response_times.longest_ms": "longest response time that counts (ms)",
    "sensitivity": "sensitivity analysis",
    "secondary": "secondary analysis",
    "hypotheses": "hypothesis",
    "registration": "registration",
}
NOT_DECLARED = "not declared"


@dataclass(frozen=True)
class PlanChange:
    """One field of a plan in two versions; None where a version does not declare it."""

    field: str
    before: Any
    after: Any

    @property
    def name(self) -> str:
        return NAMES.get(self.field, readable(self.field.replace(".", " ")))

    @property
    def planned(self) -> str:
        return in_words(self.before)

    @property
    def done(self) -> str:
        return in_words(self.after)


def plan_changes(before: str, after: str) -> list[PlanChange]:
    """Every field that differs between two plans as TOML, in the order of the files; comments and layout do not count.

    Entries of a list that is in both are compared one by one: what was dropped, and what was added.
    """
    old, new = dict(_fields(tomllib.loads(before))), dict(_fields(tomllib.loads(after)))
    found: list[PlanChange] = []
    for name in dict.fromkeys([*old, *new]):
        first, second = old.get(name), new.get(name)
        if first == second:
            continue
        if isinstance(first or [], list) and isinstance(second or [], list):
            found += [PlanChange(name, entry, None) for entry in first or [] if entry not in (second or [])]
            found += [PlanChange(name, None, entry) for entry in second or [] if entry not in (first or [])]
        else:
            found.append(PlanChange(name, first, second))
    return found


def in_words(value: Any) -> str:
    """A value of a plan as a report prints it."""
    if value is None:
        return NOT_DECLARED
    if isinstance(value, dict) and ({"model", "group"} <= set(value) or {"assistant", "group"} <= set(value)):
        view = f", {readable(value['view'])}" if value.get("view") else ""
        margin = f", margin {value['margin']:g}" if value.get("margin") is not None else ""
        if "assistant" in value:
            against = "a second look alone" if value.get("against") else "alone"
            return f"{readable(value['group'])} with the output of {readable(value['assistant'])} against {against}{view}{margin}"
        return f"{readable(value['model'])} against {readable(value['group'])}{view}{margin}"
    if isinstance(value, dict):
        return ", ".join(f"{readable(key)}: {in_words(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(in_words, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fields(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _fields(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
