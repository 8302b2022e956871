"""Sections on time: how long readers looked, what it depends on, and whether slow answers are right more often."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.order import PER_ITEMS, mixed_terms

Record = dict[str, Any]


def time_section(scored: Scored, plan: Plan) -> list[Record]:
    """Response times per group and view: quartiles in seconds, and of right and wrong answers; declared limits hold."""
    records = []
    for found in scored.sets("human"):
        rows, left_out, away = timed(found.rows, plan)
        if rows.empty:
            continue
        seconds = rows["rt_ms"] / 1000
        low, middle, high = np.percentile(seconds, [25, 50, 75])
        right, wrong = seconds[rows["correct"]], seconds[~rows["correct"]]
        records.append(
            {
                **found.keys, "readings": len(rows), "outside_limits": left_out, "window_left": away, "lower_quartile_s": low,
                "median_s": middle, "upper_quartile_s": high,
                "median_right_s": float(right.median()) if len(right) else None,
                "median_wrong_s": float(wrong.median()) if len(wrong) else None,
                "why": None if len(right) and len(wrong) else "all answers were right, or all were wrong",
            }
        )  # fmt: skip
    return records


def timed(rows: pd.DataFrame, plan: Plan) -> tuple[pd.DataFrame, int, int]:
    """Answered readings whose time tells how long the picture was looked at: within the plan's limits, the window never
    left. Beside them, how many times lie outside the limits, and in how many more readings the window was left."""
    known = rows[rows["rt_ms"].notna() & (rows["rt_ms"] > 0) & (rows["answer"] != "")]
    inside = known["rt_ms"].between(plan.shortest_ms, plan.longest_ms)
    away = inside & (known["left_window"] > 0)
    return known[inside & ~away], int((~inside).sum()), int(away.sum())


FIFTHS = 5


def speed_accuracy_section(scored: Scored, plan: Plan) -> list[Record]:
    """Accuracy by speed: each reader's answers in fifths from fast to slow, so that slow readers are not the slow fifth."""
    records = []
    for found in scored.sets("human"):
        rows, *_ = timed(found.rows, plan)
        rank = rows.groupby("reader")["rt_ms"].rank(method="first")
        size = rows.groupby("reader")["rt_ms"].transform("size")
        enough = size >= FIFTHS
        fifth = np.ceil(rank * FIFTHS / size)[enough]
        for number, own in rows[enough].groupby(fifth, sort=True):
            ci = clustered_proportion(own["correct"], own["reader"], own["item"], own["truth"], confidence=plan.confidence)
            records.append(
                {
                    **found.keys, "fifth": int(number), "readings": len(own), "median_s": float(own["rt_ms"].median() / 1000),
                    "accuracy": float(own["correct"].mean()), "ci_low": ci.low, "ci_high": ci.high, "ci_method": ci.method,
                    "why": ci.why,
                }
            )  # fmt: skip
    return records


def time_model_section(scored: Scored, plan: Plan) -> list[Record]:
    """Log response time ~ right x view + position + (1|reader) + (1|item): each term as a ratio of times.

    The product is that of deviations from the means, so that the terms of right answers and of a view are averages over the
    other; its own ratio is that of right to wrong answers in a view, over the same in the first view.
    """
    records = []
    views = scored.readings.views
    for group in scored.readings.human_groups:
        sides = [scored.find("human", group, view) for view in views]
        rows, *_ = timed(pd.concat([side.rows for side in sides if side is not None]), plan)
        if rows.empty:
            continue
        terms = {}
        if rows["correct"].nunique() == 2:
            terms["right against wrong answers"] = rows["correct"].to_numpy(dtype=float)
        for view in views[1:]:
            here = (rows["view"] == view).to_numpy(dtype=float)
            if 0 < here.mean() < 1:
                terms[f"{view} against {views[0]}"] = here
                two = rows["view"].isin((view, views[0]))
                if len(rows[two].groupby(["view", "correct"])) == 4:
                    right = rows["correct"].to_numpy(dtype=float)
                    terms[f"right against wrong answers, {view} over {views[0]}"] = (right - right.mean()) * (here - here.mean())
        if rows["position"].notna().all() and rows["position"].nunique() > 1:
            terms[f"{PER_ITEMS} items later"] = rows["position"].to_numpy(dtype=float) / PER_ITEMS
        if not terms:
            continue
        for found in mixed_terms(rows, np.log(rows["rt_ms"].to_numpy(dtype=float)), terms, plan):
            ratio = {
                name: None if found[key] is None else float(np.exp(found[key]))
                for name, key in (("ratio", "difference"), ("ci_low", "ci_low"), ("ci_high", "ci_high"))
            }
            records.append({"group": group, "term": found["term"], "readings": len(rows), **ratio, "p": found["p"],
                            "df": found["df"], "why": found["why"]})  # fmt: skip
    return records
