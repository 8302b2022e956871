"""Which images are hardest: how hard all are, and the hardest of each view with their pictures, where they may be shown."""

from __future__ import annotations

from typing import Any

from benchmark.core.inputs.pictures import Pictures
from benchmark.core.results import Results
from benchmark.core.sections.standing import hardest as hardest_of
from benchmark.core.wording import interval, number, on_view, percent, readable

from . import html
from .secondary import item_response_sentences

Record = dict[str, Any]
HEADER = ["Item", "Truth", "Readings", "Correct by people (%)", "Interval (%)", "Most often taken for", "Difficulty (logits)",
          "Networks that were right"]  # fmt: skip
THEIRS = "The pictures belong to their makers: share this report as their licences allow."


def hardest(results: Results, figures: dict[str, str], pictures: Pictures) -> list[str]:
    """The images that most people named wrongly, what they were taken for, and the networks that had them right."""
    if not results.records("items"):
        return []
    logits = {(r["item"], r["view"]): r["difficulty"] for r in results.records("rasch_items")}
    parts = [html.bullets(list(item_response_sentences(results))), figures.get("difficulty", ""), figures.get("wright-map", "")]
    if pictures.files:
        parts.append(html.paragraph(THEIRS, "muted"))
    for view in dict.fromkeys(record["view"] for record in results["items"]):
        records = hardest_of(results["items"], view)
        credits = {pictures.credit(record["item"], view) for record in records}
        shown = [_card(record, pictures, credited=len(credits) > 1) for record in records] if pictures.files else []
        rows = [_row(record, logits.get((record["item"], view))) for record in records]
        parts.append(html.heading(3, f"The hardest for people{on_view(view)}"))
        if shown:
            parts.append(html.gallery(shown))
            parts += [html.paragraph(f"Pictures: {credit}.", "muted") for credit in credits if credit and len(credits) == 1]
        parts.append(html.table("", HEADER, rows))
    return parts


def _row(record: Record, difficulty: float | None) -> list[str]:
    return [
        record["item"], readable(record["truth"]), str(record["readings"]), percent(record["share_correct"]).removesuffix(" %"),
        interval(record["ci_low"], record["ci_high"]), _taken_for(record) or "–", number(difficulty),
        record["networks_correct"] or "none",
    ]  # fmt: skip


def _card(record: Record, pictures: Pictures, *, credited: bool) -> str:
    mistake, credit = _taken_for(record), pictures.credit(record["item"], record["view"])
    lines = [
        f"{record['item']}, {readable(record['truth'])}",
        f"{record['correct']} of {record['readings']} people right",
        *([f"taken for {mistake}"] if mistake else []),
        f"right: {record['networks_correct']}" if record["networks_correct"] else "no network right",
        *([credit] if credit and credited else []),
    ]
    words = f"Item {record['item']}{on_view(record['view'])}: {readable(record['truth'])}"
    return html.picture_card(lines, pictures.small(record["item"], record["view"]), words)


def _taken_for(record: Record) -> str:
    mistake = record.get("taken_for")
    return f"{readable(mistake)} ({record['taken_for_times']})" if mistake else ""
