"""Sensitivity analyses that run by themselves: blanks the other way, other tests; and what departs from the plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .comparisons import new_images_section, paired_sections
from .plan import Extra, Plan
from .scoring import Scored

Record = dict[str, Any]
TESTS = {"wilcoxon": "wilcoxon_p", "sign-flip": "sign_flip_p"}


def sensitivity_section(scored: Scored, plan: Plan, paired: list[Record], new_images: list[Record]) -> list[Record]:
    """Each planned sensitivity analysis beside the main one: does the verdict stand?

    Missing answers the other way (wrong or excluded) run whether planned or not, when answers are missing; so do the
    comparisons without readings in which the reader left the window, when there are such readings.
    """
    records = []
    for extra in _with_the_other_rule(scored, plan):
        if extra.missing and extra.missing != scored.missing:
            other = Scored(scored.readings, extra.missing, scored.class_order)
            records += _again(extra.name, other, plan, paired, new_images)
        elif extra.test in TESTS:
            records += _beside(
                extra.name, "these images", paired, paired, "mean_difference", TESTS[extra.test], plan.alpha
            )
    frame = scored.readings.frame
    away = (frame["kind"] == "human") & (frame["left_window"] > 0)
    if away.any():
        stayed = Scored(scored.readings.with_frame(frame[~away]), scored.missing, scored.class_order)
        name = f"without the {int(away.sum())} readings in which the window was left"
        records += _again(name, stayed, plan, paired, new_images)
    return records


def _again(
    name: str, other: Scored, plan: Plan, paired: list[Record], new_images: list[Record]
) -> list[Record]:
    again, _ = paired_sections(other, plan)
    new_again = new_images_section(other, plan, again)
    return [
        *_beside(name, "these images", paired, again, "mean_difference", "p", plan.alpha),
        *_beside(name, "new images", new_images, new_again, "difference", "p", plan.alpha),
    ]


def _with_the_other_rule(scored: Scored, plan: Plan) -> tuple[Extra, ...]:
    other = "excluded" if scored.missing == "incorrect" else "incorrect"
    planned = any(extra.missing == other for extra in plan.sensitivity)
    blank = (scored.readings.frame["answer"] == "").any()
    names = {"excluded": "blanks excluded", "incorrect": "blanks counted as wrong"}
    return plan.sensitivity if planned or not blank else (*plan.sensitivity, Extra(names[other], missing=other))


def _beside(
    name: str, estimand: str, main: list[Record], again: list[Record], estimate: str, p: str, alpha: float
) -> list[Record]:
    keyed = {(r["model"], r["group"], r["view"]): r for r in again}
    records = []
    for record in main:
        other = keyed.get((record["model"], record["group"], record["view"]))
        if other is None:
            continue
        verdicts = None if record["p"] is None or other[p] is None else (record["p"] < alpha) == (other[p] < alpha)
        records.append(
            {
                "analysis": name,
                "estimand": estimand,
                "model": record["model"],
                "group": record["group"],
                "view": record["view"],
                "difference_main": record[estimate],
                "difference": other[estimate],
                "p_main": record["p"],
                "p": other[p],
                "same_verdict": verdicts,
                "why": other["why"] or record["why"],
            }
        )
    return records


KNOWN_TESTS = (*TESTS, "exact McNemar over items", "paired t-test over surveys")


def deviations_section(scored: Scored, plan: Plan, content: Mapping[str, Any]) -> list[Record]:
    """Where this analysis departs from its plan, found by comparing the plan with what was analysed."""
    return [{"kind": kind, "what": what} for kind, what in _deviations(scored, plan, content)] if plan.declared else []


def _deviations(scored: Scored, plan: Plan, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    stamped, paired, new_images = content["plan"]["stamped_sha256"], content["paired"], content["new_images"]
    if stamped and stamped != plan.sha256:
        yield "plan changed after its stamp", f"stamped {stamped[:12]}, analysed under {plan.sha256[:12]}"
    for c in plan.primary:
        if not any((c.model, c.group) == (r["model"], r["group"]) and c.view in (None, r["view"]) for r in paired):
            yield "planned but not possible", f"{c.model} against {c.group}{_on(c.view)}"
    for these, new in zip(paired, new_images):
        name = f"{these['model']} against {these['group']}{_on(these['view'])}"
        if plan.primary and these["family"] == "exploratory":
            yield "not planned, exploratory", name
            continue
        if plan.estimand != "new images" and these["p"] is None:
            yield "planned but not estimable", f"{name}, these images: {these['why']}"
        if plan.estimand != "these images" and new["p"] is None:
            yield "planned but not estimable", f"{name}, new images: {new['why']}"
        if plan.unit and plan.unit != these["unit"]:
            yield "other unit than planned", f"{name}: {these['unit']} instead of {plan.unit}"
    for extra in (*plan.secondary, *plan.sensitivity):
        if extra.test and extra.test not in KNOWN_TESTS:
            yield "planned but not run", f"{extra.name}: the test {extra.test} is not one that this version knows"
    for name in sorted(set(plan.classes) - set(scored.readings.classes)):
        yield "planned class without items", name
    if plan.classes:
        for name in sorted(set(scored.readings.classes) - set(plan.classes)):
            yield "class that was not planned", name


def _on(view: str | None) -> str:
    return f" on {view}" if view else ""
