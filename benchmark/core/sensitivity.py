"""Sensitivity analyses that run by themselves: blanks the other way, other tests; and what departs from the plan."""

from __future__ import annotations

from typing import Any

from .comparisons import new_images_section, paired_sections
from .plan import Plan
from .scoring import Scored

Record = dict[str, Any]
TESTS = {"wilcoxon": "wilcoxon_p", "sign-flip": "sign_flip_p"}


def sensitivity_section(scored: Scored, plan: Plan, paired: list[Record], new_images: list[Record]) -> list[Record]:
    """Each planned sensitivity analysis beside the main one: does the verdict stand?"""
    records = []
    for extra in plan.sensitivity:
        if extra.missing and extra.missing != scored.missing:
            other = Scored(scored.readings, extra.missing, scored.class_order)
            again, _ = paired_sections(other, plan)
            new_again = new_images_section(other, plan, again)
            records += _beside(extra.name, "these images", paired, again, "mean_difference", "p", plan.alpha)
            records += _beside(extra.name, "new images", new_images, new_again, "difference", "p", plan.alpha)
        elif extra.test in TESTS:
            records += _beside(
                extra.name, "these images", paired, paired, "mean_difference", TESTS[extra.test], plan.alpha
            )
    return records


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


def deviations_section(scored: Scored, plan: Plan, paired: list[Record]) -> list[Record]:
    """Where this analysis departs from its plan: planned contrasts without readings, contrasts that were not
    planned."""
    if not plan.declared:
        return []
    present = {(r["model"], r["group"], r["view"]) for r in paired}
    found = [
        {"kind": "planned but not possible", "what": f"{c.model} against {c.group}{_on(c.view)}"}
        for c in plan.primary
        if not any((c.model, c.group) == key[:2] and c.view in (None, key[2]) for key in present)
    ]
    found += [
        {"kind": "not planned, exploratory", "what": f"{r['model']} against {r['group']}{_on(r['view'])}"}
        for r in paired
        if plan.primary and r["family"] == "exploratory"
    ]
    missing = set(plan.classes) - set(scored.readings.classes) if plan.classes else set()
    return found + [{"kind": "planned class without items", "what": name} for name in sorted(missing)]


def _on(view: str | None) -> str:
    return f" on {view}" if view else ""
