"""Sensitivity analyses that run by themselves: blanks the other way, and other tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.plans.plan import Extra, Plan
from benchmark.core.sections.comparisons import new_images_section, paired_sections

Record = dict[str, Any]
TESTS = {"wilcoxon": "wilcoxon_p", "sign-flip": "sign_flip_p"}


def sensitivity_section(scored: Scored, plan: Plan, paired: list[Record], new_images: list[Record]) -> list[Record]:
    """Each planned sensitivity analysis beside the main one: does the verdict stand?

    Missing answers the other way (wrong or excluded) run whether planned or not, when answers are missing; so do the
    comparisons without the readings in which the reader left the window, and without the whole sittings in which that
    happened at any time, when there are such readings.
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
    for name, left_out in _window_left(scored.readings.frame):
        stayed = scored.readings.with_frame(scored.readings.frame[~left_out])
        records += _again(name, Scored(stayed, scored.missing, scored.class_order), plan, paired, new_images)
    return records


def _window_left(frame: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Readings in which the window was left, then every reading of a sitting in which it was; each with its name."""
    away = (frame["kind"] == "human") & (frame["left_window"] > 0)
    if not away.any():
        return
    yield f"without the {int(away.sum())} readings in which the window was left", away
    sitting = [frame["reader"], frame["survey"]]
    whole = away.groupby(sitting).transform("any")
    if (whole | (frame["kind"] != "human")).all():
        return
    count = int(away.groupby(sitting).any().sum())
    sittings = "one sitting" if count == 1 else f"{count} sittings"
    yield f"without the {sittings} in which the window was left at any time", whole


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
                "why": _reason(other, p) or _reason(record, "p"),
            }
        )
    return records


def _reason(record: Record, p: str) -> str | None:
    """Why the record has no such p; the first reason is the main test's, the others are of numbers not shown here."""
    if record[p] is not None or not record["why"]:
        return None
    return str(record["why"]).partition("; ")[0] if p == "p" else record["why"]
