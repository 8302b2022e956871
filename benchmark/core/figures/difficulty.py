"""How hard each image is: the share of people who named it correctly, and the Wright map of readers and images."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.core.results import Results
from benchmark.core.wording import number, on_view, percent, plural, readable

from .chart import Axis, Chart, Key, Panel, Points, Rule, apart, folded
from .look import MUTED, RED, TEAL, colours, view_title

VERDICTS = ("every network right", "some networks right", "no network right")
LOOKS = {VERDICTS[0]: (TEAL, "dot"), VERDICTS[1]: (MUTED, "dot"), VERDICTS[2]: (RED, "ring")}


def difficulty_rows(results: Results) -> list[dict[str, Any]]:
    """Items of each view from the hardest to the easiest, with the share of networks that were right."""
    found = []
    for view in results["design"]["views"]:
        networks = {r["reader"] for r in results.records("accuracy", kind="model", view=view)}
        records = sorted(results.records("items", view=view), key=lambda r: (r["share_correct"], r["item"]))
        for rank, record in enumerate(records, 1):
            right = len(networks & set((record["networks_correct"] or "").split()))
            found.append({"rank": rank, **record, "networks": len(networks), "networks_right": right})
    return found


def _verdict(row: dict[str, Any]) -> str:
    if row["networks_right"] == row["networks"]:
        return VERDICTS[0]
    return VERDICTS[1] if row["networks_right"] else VERDICTS[2]


def difficulty_chart(results: Results) -> Chart:
    """One panel per view: items in order of difficulty for people; filled where the networks were right."""
    rows = difficulty_rows(results)
    panels, seen = [], set()
    for view in dict.fromkeys(row["view"] for row in rows):
        own = [row for row in rows if row["view"] == view]
        marks: list[Any] = []
        for verdict in VERDICTS:
            chosen = [row for row in own if row["networks"] and _verdict(row) == verdict]
            if chosen:
                seen.add(verdict)
                marks.append(_points(chosen, *LOOKS[verdict]))
        alone = [row for row in own if not row["networks"]]
        if alone:
            marks.append(_points(alone, MUTED, "dot"))
        across = Axis(0, len(own) + 1, f"Images, hardest for people first (n = {len(own)})", ())
        panels.append(
            [Panel(across, Axis(-3, 103, "People correct (%)", (0, 50, 100)), marks, view_title(view), height=95)]
        )
    keys = tuple(Key(verdict, *LOOKS[verdict]) for verdict in VERDICTS if verdict in seen)
    return Chart(panels, keys=keys)


def _points(rows: list[dict[str, Any]], colour: str, symbol: str) -> Points:
    told = [
        f"{r['item']} ({readable(r['truth'])}): {r['correct']} of {r['readings']} people correct; networks correct:"
        f" {r['networks_correct'] or 'none'}"
        for r in rows
    ]
    return Points([r["rank"] for r in rows], [100 * r["share_correct"] for r in rows], colour, symbol, 3.4, told)


def difficulty_words(results: Results) -> str:
    parts = []
    rows = difficulty_rows(results)
    for view in dict.fromkeys(row["view"] for row in rows):
        own = [row for row in rows if row["view"] == view]
        never, always = (sum(row["share_correct"] == share for row in own) for share in (0, 1))
        where = f" ({readable(view)})" if view else ""
        middle = percent(float(np.median([row["share_correct"] for row in own])))
        parts.append(
            f"of {len(own)} images{where}, {never} were named correctly by nobody, {always} by everybody; median {middle}"
        )
    return "Difficulty of the images. " + "; ".join(parts) + "."


def has_scale(results: Results) -> bool:
    """Whether readers and images were placed on one scale in some view."""
    return any(r["ability"] is not None for r in results.records("rasch_readers")) and any(
        r["difficulty"] is not None for r in results.records("rasch_items")
    )


def wright_rows(results: Results) -> list[dict[str, Any]]:
    """Readers, networks and images on the one logit scale."""
    people = [{"side": "reader", **record} for record in results.records("rasch_readers")]
    images = [{"side": "image", **record} for record in results.records("rasch_items")]
    return people + images


def wright_chart(results: Results) -> Chart:
    """Per view: readers left, images right of the logit scale, both as stacked points; networks as lines."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    row = []
    views = list(dict.fromkeys(r["view"] for r in results["rasch_items"] if r["difficulty"] is not None))
    values = [r["ability"] for r in results["rasch_readers"] if r["ability"] is not None]
    values += [r["difficulty"] for r in results["rasch_items"] if r["difficulty"] is not None]
    low, high = min(values) - 0.4, max(values) + 0.4
    for index, view in enumerate(views):
        marks: list[Any] = [Rule(0, MUTED, upright=True)]
        networks = [r for r in results.records("rasch_readers", view=view, kind="model") if r["ability"] is not None]
        for record, place in zip(networks, apart([r["ability"] for r in networks], (high - low) / 22)):
            label = readable(record["reader"])
            marks.append(Rule(record["ability"], palette[record["reader"]], width=1.2, label=label, label_at=place))
        people = [r for r in results.records("rasch_readers", view=view) if r["kind"] != "model"]
        for group in dict.fromkeys(r["group"] for r in people):
            own = [r for r in people if r["group"] == group and r["ability"] is not None]
            marks.append(_stack([r["ability"] for r in own], [r["reader"] for r in own], palette[group], -1, low, high))
        images = [r for r in results.records("rasch_items", view=view) if r["difficulty"] is not None]
        marks.append(_stack([r["difficulty"] for r in images], [r["item"] for r in images], MUTED, 1, low, high))
        widest = max(max(map(abs, mark.x)) for mark in marks if isinstance(mark, Points)) + 1
        across = Axis(-widest, widest, ticks=(-widest / 2, widest / 2), names=("readers", "images"), line=False)
        up = Axis(low, high, "Ability and difficulty (logits)" if index == 0 else "")
        row.append(Panel(across, up, marks, view_title(view), height=240))
    keys = tuple(Key(folded(plural(group), 34, 1), palette[group]) for group in results["design"]["groups"])
    return Chart([row], width=60 + 222.0 * min(len(row), 2), keys=(*keys, Key("images", MUTED)))


def _stack(values: list[float], names: list[str], colour: str, side: int, low: float, high: float) -> Points:
    """Points beside the scale, stacked outwards where several fall on the same step of it."""
    step = (high - low) / 48
    taken: dict[int, int] = {}
    x, y = [], []
    for value in values:
        place = round((value - low) / step)
        taken[place] = taken.get(place, 0) + 1
        x.append(side * taken[place])
        y.append(low + place * step)
    told = [f"{name}: {number(value)} logits" for name, value in zip(names, values)]
    return Points(x, y, colour, size=3.2, names=told)


def wright_words(results: Results) -> str:
    parts = [
        f"{readable(r['reader'])}{on_view(r['view'])} at {number(r['ability'])}"
        for r in results.records("rasch_readers", kind="model")
        if r["ability"] is not None
    ]
    return "Wright map: ability of readers and difficulty of images on one scale. " + "; ".join(parts) + "."
