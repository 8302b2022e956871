"""The independent check in R that goes with every analysis: its program, and the rules of the plan that it reads."""

from __future__ import annotations

from importlib import resources
from typing import Any

from benchmark.core.results import Results

PARTS = ("readings_head.R", "beside.R", "readings_rows.R", "formulas.R", "gains.R", "drawn.R", "order.R", "readings.R")
RATING_PARTS = ("ratings_head.R", "beside.R", "ratings_rows.R", "formulas.R", "ratings.R")
NAME = "check.R"
COVERS = (
    "computes from the raw answers, in base R and without this program, which rows count, accuracies, both tests of every"
    " comparison and of every gain with a network's output, adjusted p values, networks, groups and views against one another,"
    " confusion matrices, agreement and the order of views, and prints each number beside the one in the tables. Bootstrap intervals and"
    " max-T of the comparisons are drawn again and must agree within the error of the draws; mixed models are not covered. The program's head"
    " lists all that is, and all that is not."
)
COVERS_RATINGS = (
    "computes from the raw answers, in base R and without this program, which rows count, the error with both components, d' and"
    " criterion, equivalence to chance, every rater, mean ratings by condition and class, choices in pairs, strips, marks and cells of"
    " grids, agreement of raters with each other and with themselves, and every image, and prints each number beside the one in the"
    " tables. Intervals drawn at random are held against R's own draws. Mixed models are not covered; the program's head lists all"
    " that is, and all that is not."
)
RULES = ("declared", "missing", "confidence", "alpha", "multiplicity", "unit", "margin", "bootstrap_draws")
SITTINGS = {
    "completion_threshold": "threshold", "completion_comparison": "comparison", "first_complete_per_seat": "first_per_seat",
}  # fmt: skip


RATING_RULES = ("declared", "confidence", "alpha", "margin", "draws")


def check_program(parts: tuple[str, ...] = PARTS) -> str:
    """The text of check.R, one file that needs no other and is the same for every study; RATING_PARTS: for rating studies."""
    return "".join(resources.files(__package__).joinpath(name).read_text(encoding="utf-8") for name in parts)


def rating_plan_records(results: Results) -> list[dict[str, Any]]:
    """tables/plan.csv of a rating study: one row per rule that decides the numbers."""
    return [{"rule": name, "setting": results["plan"][name]} for name in RATING_RULES]


def plan_records(results: Results) -> list[dict[str, Any]]:
    """tables/plan.csv: one row per rule that decides the numbers, then one per planned contrast."""
    plan = results["plan"]
    completion = plan["completion"] or {}
    none = dict.fromkeys(("model", "group", "view", "margin"))
    rows = [{"rule": name, "setting": plan[name], **none} for name in RULES]
    rows += [{"rule": name, "setting": completion.get(key), **none} for name, key in SITTINGS.items()]
    return rows + [
        {"rule": "contrast", "setting": _kind(contrast), **{key: contrast[key] for key in none}}
        for contrast in plan["contrasts"]
    ]


def _kind(contrast: dict[str, Any]) -> str:
    if not contrast["assisted"]:
        return "network"
    return "gain beyond a second look" if contrast["control"] else "gain"
