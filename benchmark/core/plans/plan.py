"""The analysis plan: what was decided before the first answer, read from analysis.toml and stamped with its hash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.completion import CompletionRule
from benchmark.core.methods.multiplicity import METHODS
from benchmark.core.untrusted_toml import parse_toml

SCHEMA = "analysis-plan/1"
MISSING = ("incorrect", "excluded")
FIRST_COMPLETE = "first complete per seat"
ALL_COMPLETE = "all complete"
ALL_SITTINGS = "all"
MAX_T = "max-t"
CONTROL = "control"  # what an assisted reading can be planned against: a second look without any output
MULTIPLICITY = (*METHODS, MAX_T, "none")
ESTIMANDS = ("both", "these images", "new images")


@dataclass(frozen=True)
class Contrast:
    """One planned comparison: this model against this reader group on this view (view None: the only one).

    assisted: instead, the group's readers with this model's output in sight against the same readers alone; with control,
    that gain against the gain of a second look without any output.
    """

    model: str
    group: str
    view: str | None = None
    margin: float | None = None  # of equivalence or non-inferiority, on the scale of accuracy
    assisted: bool = False
    control: bool = False

    def names(self, model: str, group: str, view: str | None) -> bool:
        """Whether it plans the comparison with these names; assisted or not is another question."""
        return (self.model, self.group) == (model, group) and self.view in (None, view)


@dataclass(frozen=True)
class Extra:
    """A secondary or sensitivity analysis as the plan names it."""

    name: str
    test: str | None = None
    missing: str | None = None
    multiplicity: str = "none"


@dataclass(frozen=True)
class Plan:
    """An analysis plan. The default declares nothing: every contrast is exploratory and all sittings are analysed.

    completion: None, or the rule that raw sittings must pass. primary: the contrasts whose p-values are adjusted
    together by `multiplicity` (one of MULTIPLICITY; "max-t": by the largest t of the shared bootstrap draws); when empty,
    all model-against-group contrasts form the family. margin: default
    equivalence margin. estimand: the question that the primary family answers. mixed_models: "auto" fits them where
    they take about a second each, "always" or "never". shortest_ms, longest_ms: response times outside are left out.
    text: the plan as written, whose SHA-256 is its stamp.
    """

    title: str = ""
    alpha: float = 0.05
    confidence: float = 0.95
    missing: str = "incorrect"
    classes: tuple[str, ...] = ()
    completion: CompletionRule | None = None
    primary: tuple[Contrast, ...] = ()
    multiplicity: str = "holm"
    margin: float | None = None
    secondary: tuple[Extra, ...] = ()
    sensitivity: tuple[Extra, ...] = (Extra("blanks excluded", missing="excluded"),)
    bootstrap_draws: int = 2000
    bootstrap_seed: int | None = None
    hypotheses: tuple[str, ...] = ()
    estimand: str = "both"
    registration: str = ""
    unit: str | None = None
    mixed_models: str = "auto"
    shortest_ms: float = 0.0
    longest_ms: float = 86_400_000.0
    declared: bool = False
    text: str = ""

    @property
    def sha256(self) -> str:
        """Stamp of the plan: the SHA-256 of the file, or of the fields when the plan was made in code."""
        content = self.text or json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @classmethod
    def from_toml(cls, source: str | PathLike | None = None, *, text: str | None = None) -> Plan:
        """Read analysis.toml from a path or its text. Raises InputError naming every field that is not understood."""
        if text is None:
            try:
                text = Path(source).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"A readable UTF-8 analysis plan was needed; {source} could not be read.") from error
        try:
            data = parse_toml(text)
        except ValueError as error:
            raise InputError(f"The analysis plan is not well-formed TOML: {error}.") from error
        return _Parser(data).plan(text)


KNOWN = {
    "": {
        "schema",
        "title",
        "alpha",
        "confidence_level",
        "sides",
        "data",
        "primary",
        "sensitivity",
        "secondary",
        "description",
        "seeds",
        "equivalence",
        "bootstrap",
        "hypotheses",
        "registration",
        "mixed_models",
        "response_times",
    },
    "data": {"completion_threshold", "completion_comparison", "analysed", "missing", "classes"},
    "primary": {"unit", "test", "multiplicity", "new_images", "contrasts", "estimand"},
    "equivalence": {"margin"},
    "bootstrap": {"draws"},
    "seeds": {"bootstrap", "permutation"},
    "mixed_models": {"run"},
    "response_times": {"shortest_ms", "longest_ms"},
    "description": {"confusion_matrices", "no_answer_column", "agreement", "interval_method"},
}


class _Parser:
    """Collects every problem of a plan before refusing it."""

    def __init__(self, data: dict[str, Any]):
        self.data = data
        self.problems: list[Problem] = []

    def plan(self, text: str) -> Plan:
        for section, known in KNOWN.items():
            table = self.data if section == "" else self.data.get(section, {})
            if not isinstance(table, dict):
                self.problems.append(Problem(None, section, "a table was expected."))
                self.data[section] = {}
                continue
            self.problems += [
                Problem(None, f"{section}.{key}".lstrip("."), "is not a field of a plan.")
                for key in table
                if key not in known
            ]
        self._choice("", "schema", (SCHEMA,), SCHEMA)
        self._choice("", "sides", (2,), 2)
        confidence = self._number("", "confidence_level", 0.95, 0.5, 0.9999)
        primary = self.data.get("primary", {})
        plan = Plan(
            title=str(self.data.get("title", "")),
            alpha=self._number("", "alpha", 0.05, 1e-6, 0.5),
            confidence=confidence,
            missing=self._choice("data", "missing", MISSING, "incorrect"),
            classes=tuple(str(name) for name in self.data.get("data", {}).get("classes", ())),
            completion=self._completion(),
            primary=tuple(c for c in map(self._contrast, primary.get("contrasts", [])) if c),
            multiplicity=self._choice("primary", "multiplicity", MULTIPLICITY, "holm"),
            margin=self._number("equivalence", "margin", None, 1e-6, 1),
            secondary=tuple(self._extra("secondary")),
            sensitivity=tuple(self._extra("sensitivity")) or Plan.sensitivity,
            bootstrap_draws=int(self._number("bootstrap", "draws", 2000, 100, 1_000_000)),
            bootstrap_seed=self.data.get("seeds", {}).get("bootstrap"),
            hypotheses=self._texts("hypotheses"),
            estimand=self._choice("primary", "estimand", ESTIMANDS, "both"),
            unit=self._choice("primary", "unit", (None, "survey", "reader"), None),
            registration=str(self.data.get("registration", "")),
            mixed_models=self._choice("mixed_models", "run", ("auto", "always", "never"), "auto"),
            shortest_ms=self._number("response_times", "shortest_ms", Plan.shortest_ms, 0, 86_400_000),
            longest_ms=self._number("response_times", "longest_ms", Plan.longest_ms, 1, 86_400_000),
            declared=True,
            text=text,
        )
        if self.problems:
            raise InputError("The analysis plan cannot be used; nothing was analysed.", self.problems)
        return plan

    def _choice(self, section: str, key: str, allowed: tuple, default: Any) -> Any:
        value = (self.data if section == "" else self.data.get(section, {})).get(key, default)
        if value not in allowed:
            options = " or ".join(repr(option) for option in allowed)
            self.problems.append(
                Problem(None, f"{section}.{key}".lstrip("."), f"{options} was expected, {value!r} was found.")
            )
            return default
        return value

    def _number(self, section: str, key: str, default: float | None, low: float, high: float) -> float | None:
        value = (self.data if section == "" else self.data.get(section, {})).get(key, default)
        if value is default:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.problems.append(
                Problem(
                    None,
                    f"{section}.{key}".lstrip("."),
                    f"a number from {low} to {high} was expected, {value!r} was found.",
                )
            )
            return default
        return value

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            self.problems.append(Problem(None, key, f"a list of sentences was expected, {value!r} was found."))
            return ()
        return tuple(value)

    def _completion(self) -> CompletionRule | None:
        analysed = self._choice("data", "analysed", (FIRST_COMPLETE, ALL_COMPLETE, ALL_SITTINGS), ALL_SITTINGS)
        threshold = self._number("data", "completion_threshold", None, 0, 1)
        comparison = self._choice("data", "completion_comparison", (">", ">="), ">")
        if analysed == ALL_SITTINGS and threshold is None:
            return None
        return CompletionRule(0.95 if threshold is None else threshold, comparison, analysed == FIRST_COMPLETE)

    def _contrast(self, entry: dict) -> Contrast | None:
        who = "assistant" if entry.get("assistant") else "model"
        missing = [key for key in (who, "group") if not entry.get(key)]
        unknown = [key for key in entry if key not in (who, "group", "view", "margin", "against")]
        against = entry.get("against")
        if missing or unknown or against not in (None, CONTROL) or (against and who == "model"):
            self.problems.append(
                Problem(
                    None,
                    "primary.contrasts",
                    f"each needs model (or assistant: readers with its output against the same readers alone) and group, and may"
                    f' name view and margin, and beside an assistant against = "{CONTROL}"; found {entry}.',
                )
            )
            return None
        if who == "assistant" and self.data["primary"].get("multiplicity") == MAX_T:
            self.problems.append(
                Problem(
                    None,
                    "primary.multiplicity",
                    f'"{MAX_T}" adjusts comparisons of networks with readers only; name another, such as "holm", to plan an'
                    " assisted reading.",
                )
            )
        view, margin = entry.get("view") or None, entry.get("margin")
        return Contrast(
            str(entry[who]), str(entry["group"]), view, margin, assisted=who == "assistant", control=against == CONTROL
        )

    def _extra(self, section: str) -> list[Extra]:
        found = []
        for entry in self.data.get(section, []):
            if not entry.get("name") or entry.get("missing", "incorrect") not in MISSING:
                self.problems.append(
                    Problem(None, section, f"each needs a name, and missing is incorrect or excluded; found {entry}.")
                )
                continue
            found.append(
                Extra(entry["name"], entry.get("test"), entry.get("missing"), entry.get("multiplicity", "none"))
            )
        return found
