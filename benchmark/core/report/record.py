"""The study's record in the report, field by field, and the size that was planned and reached. What nobody wrote is named as missing."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from benchmark.core.facts import FIELDS
from benchmark.core.results import Results
from benchmark.core.wording import NOT_ESTIMABLE, number, on_view, plural, points, readable

from . import html
from .checklists import NOT_RECORDED

Record = dict[str, Any]


@cache
def record_words() -> dict[str, Any]:
    return tomllib.loads(resources.files("benchmark.core").joinpath("record_fields.toml").read_text(encoding="utf-8"))


def recorded(results: Results) -> list[str]:
    """One folded table per part of the record, with every field that a report may be asked for."""
    study = results.get("study") or {}
    parts = [html.paragraph("Every field that a report of such a study is asked for, as the study's record or its data hold it.", "muted")]
    for section, fields in FIELDS.items():
        words, told = record_words()[section], study.get(section, {})
        rows = [[words[field][0], told.get(field) or NOT_RECORDED] for field in fields]
        known = sum(bool(told.get(field)) for field in fields)
        title = f"{words['title_of_section']}: {known} of {len(fields)} recorded"
        parts.append(html.unfold(title, html.table("", ["What", "As recorded"], rows, wrap=True)))
    return parts


QUESTIONS = {
    "both": "Declared question: these images and new images, side by side.",
    "these images": "Declared question: these images, read by other readers.",
    "new images": "Declared question: other images, read by other readers.",
}


def declared(results: Results) -> list[str]:
    """What the plan declares beyond its rules: question, hypotheses, margin, registration, which sitting counts."""
    plan, study = results["plan"], (results.get("study") or {}).get("study", {})
    rule = plan["completion"]
    which = "no sitting is left out" if rule is None else (
        f"a sitting counts where {rule['comparison']} {100 * rule['threshold']:g} % of its answers were given"
        + ("; of several in one seat, the first complete one" if rule["first_per_seat"] else "; all of several in one seat")
    )  # fmt: skip
    margin = f"{points(plan['margin'])}" if plan["margin"] is not None else "none declared"
    return [
        QUESTIONS[plan["estimand"]],
        f"Hypotheses: {' '.join(plan['hypotheses']) or NOT_RECORDED}{'.' if not plan['hypotheses'] else ''}",
        f"Margin of equivalence or non-inferiority: {margin}.",
        f"Registration: {plan['registration'] or study.get('registration') or NOT_RECORDED}.",
        f"Sittings: {which}.",
        *named_beside_the_contrasts(results),
    ]


def named_beside_the_contrasts(results: Results) -> list[str]:
    """Which analyses a declared plan names beside its contrasts, by kind, and that no other was planned."""
    if not results["plan"]["declared"]:
        return []
    named = {kind: results["plan"].get(kind, []) for kind in ("secondary", "sensitivity")}
    told = [f"{kind.capitalize()} analyses in the plan: {'; '.join(map(_extra, extras))}." for kind, extras in named.items() if extras]
    return [*told, "Every analysis that is none of these is exploratory: nobody asked for it before the answers."]


def _extra(extra: dict) -> str:
    """ "accuracy by class (p adjusted: bh)"."""
    more = [readable(extra["test"])] if extra["test"] else []
    more += [f"p adjusted: {extra['multiplicity']}"] if extra["multiplicity"] != "none" else []
    return extra["name"] + (f" ({', '.join(more)})" if more else "")


def size(results: Results) -> list[str]:
    """The size as it was planned, and what was reached: units, spread and half-width of the interval of every comparison."""
    planned = ((results.get("study") or {}).get("sample_size") or {}).get("planned") or NOT_RECORDED
    rows = [
        [
            f"{readable(these['model'])} against {plural(these['group'])}{on_view(these['view'])}",
            f"{these['n']} {these['unit']}s, {new['readers']} readers, {new['items']} images",
            _points(these["sd"]),
            _half(these),
            " / ".join(_points(new[f"sd_{part}"]) for part in ("reader", "item", "residual")),
            _half(new),
        ]
        for these, new in zip(results["paired"], results["new_images"])
    ]
    header = ["Comparison", "Reached", "SD of differences (points)", "Half-width, these images (points)",
              "SD of readers / images / residual (points)", "Half-width, new images (points)"]  # fmt: skip
    table = html.table("Size that was reached, and how precise it made the answers.", header, rows, wrap=True) if rows else ""
    return [html.paragraph(f"Planned size: {planned}"), table]


def _points(value: float | None) -> str:
    return NOT_ESTIMABLE if value is None else number(100 * value, 1)


def _half(record: Record) -> str:
    return NOT_ESTIMABLE if record["ci_low"] is None else number(50 * (record["ci_high"] - record["ci_low"]), 1)
