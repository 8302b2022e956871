"""Where an analysis departs from its plan: what was planned, and what was done, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.core.inputs.scoring import Scored
from benchmark.core.plans.plan import Plan
from benchmark.core.plans.plan_changes import plan_changes
from benchmark.core.sections.sensitivity import TESTS
from benchmark.core.wording import named_model, on_view, plural, readable

Record = dict[str, Any]
KNOWN_TESTS = (*TESTS, "exact McNemar over items", "paired t-test over surveys")


def deviations_section(
    scored: Scored, plan: Plan, content: Mapping[str, Any], registered: Plan | None = None
) -> list[Record]:
    """Where this analysis departs from its plan: what was planned, and what was done.

    registered: the plan as it stood before the first answer; every field that it had otherwise is a deviation.
    """
    if not plan.declared:
        return []
    changed = [*plan_deviations(plan, content["plan"]["stamped_sha256"], registered)]
    return [*changed, *(deviation(*found) for found in _deviations(scored, plan, content))]


def deviation(kind: str, what: str, planned: str, done: str) -> Record:
    return {"kind": kind, "what": what, "planned": planned, "done": done}


def plan_deviations(plan: Plan, stamped_sha256: str | None, registered: Plan | None) -> Iterator[Record]:
    """Every field in which the plan that was used differs from the one stamped before the first answer."""
    kind = "plan changed after its stamp"
    if registered is not None and registered.text:
        changes = plan_changes(registered.text, plan.text)
        yield from (deviation(kind, change.name, change.planned, change.done) for change in changes)
        if not changes and registered.sha256 != plan.sha256:
            yield deviation(kind, "comments or layout of the file", "as stamped", "changed; no field differs")
    elif stamped_sha256 and stamped_sha256 != plan.sha256:
        told = (f"SHA-256 {sha256[:12]}" for sha256 in (stamped_sha256, plan.sha256))
        yield deviation(kind, "the plan as a whole; its stamped text was not given", *told)


def _deviations(scored: Scored, plan: Plan, content: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    paired, new_images = content["paired"], content["new_images"]
    gains, differences = content.get("assistance", []), content.get("assistance_difference", [])
    for c in plan.primary:
        found = (differences if c.control else gains) if c.assisted else paired
        if not any(c.names(r["assistant" if c.assisted else "model"], r["group"], r["view"]) for r in found):
            words = (_difference_words if c.control else _gain_words) if c.assisted else _contrast_words
            name = words(c.model, c.group, c.view)
            yield "planned but not possible", name, "primary contrast", "no readings to compare"
    for these, new in zip(paired, new_images):
        name = _contrast_words(these["model"], these["group"], these["view"])
        if plan.primary and these["family"] == "exploratory":
            yield "not planned, exploratory", name, "not planned", "compared, marked exploratory"
            continue
        if plan.estimand != "new images" and these["p"] is None:
            yield "planned but not estimable", f"{name}, these images", "test and interval", str(these["why"])
        if plan.estimand != "these images" and new["p"] is None:
            yield "planned but not estimable", f"{name}, new images", "test and interval", str(new["why"])
        if plan.unit and plan.unit != these["unit"]:
            yield "other unit than planned", name, f"paired over {plan.unit}s", f"paired over {these['unit']}s"
    named = [*((_gain_words, gain) for gain in gains), *((_difference_words, record) for record in differences)]
    for words, gain in named:
        name = words(gain["assistant"], gain["group"], gain["view"])
        if plan.primary and gain["family"] == "exploratory":
            yield "not planned, exploratory", name, "not planned", "compared, marked exploratory"
        elif plan.primary and None in (gain["p"], gain["these_images_p"]):
            yield "planned but not estimable", name, "test and interval", str(gain["why"])
    for extra in (*plan.secondary, *plan.sensitivity):
        if extra.test and extra.test not in KNOWN_TESTS:
            yield "planned but not run", extra.name, extra.test, "not run: this version does not know the test"
    for name in sorted(set(plan.classes) - set(scored.readings.classes)):
        yield "planned class without items", readable(name), "a class of the study", "no item has it"
    if plan.classes:
        for name in sorted(set(scored.readings.classes) - set(plan.classes)):
            yield "class that was not planned", readable(name), "not planned", "analysed"


def _gain_words(model: str, group: str, view: str | None) -> str:
    return f"{plural(group)} with the output of {named_model(model)} against the same readers alone{on_view(view)}"


def _difference_words(model: str, group: str, view: str | None) -> str:
    return f"{plural(group)} with the output of {named_model(model)} against a second look alone{on_view(view)}"


def _contrast_words(model: str, group: str, view: str | None) -> str:
    return f"{named_model(model)} against {plural(group)}{on_view(view)}"
