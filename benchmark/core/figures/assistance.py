"""Assisted reading: every reader alone and with the network's output, and what became of right and wrong answers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.core.results import Results
from benchmark.core.wording import interval, number, percent, plural, readable

from .chart import Axis, Band, Chart, Key, Line, Note, Panel, Points, Rule, Span, apart, folded
from .look import INK, MUTED, RED, TEAL, colours

Record = dict[str, Any]
KEYS = ("assistant", "group", "view")
PER_ROW = 2
BAR = 0.05  # width of the bars on both sides of the flow, as a share of the panel
# What the network was on a reading: its heading, and its situations by whether the reader was right before.
NETWORK = {
    "right": ("network right", {True: ("both right",), False: ("reader wrong, network right",)}),
    "wrong": (
        "network wrong",
        {True: ("reader right, network wrong",), False: ("both wrong, same answer", "both wrong, different answers")},
    ),
    "abstained": (
        "network abstained",
        {True: ("reader right, network abstained",), False: ("reader wrong, network abstained",)},
    ),
}


def _named(results: Results, record: Record) -> str:
    """Readers and view of a gain, and the network where there are several."""
    name = plural(record["group"])
    several = len({other["assistant"] for other in results["assistance"]}) > 1
    parts = (name[:1].upper() + name[1:], readable(record["view"]), readable(record["assistant"]) if several else "")
    return ", ".join(part for part in parts if part)


def _panels(results: Results) -> list[list[Record]]:
    """The gains in rows of two: the panels of one network and view stand beside each other, one per group."""
    records = sorted(results["assistance"], key=lambda r: (r["assistant"], _view_place(results, r), r["group"]))
    rows: list[list[Record]] = []
    for record in records:
        own = rows and rows[-1][0]["assistant"] == record["assistant"] and rows[-1][0]["view"] == record["view"]
        if own and len(rows[-1]) < PER_ROW:
            rows[-1].append(record)
        else:
            rows.append([record])
    return rows


def _view_place(results: Results, record: Record) -> int:
    views = results["design"]["views"]
    return views.index(record["view"]) if record["view"] in views else len(views)


def assistance_chart(results: Results) -> Chart:
    """A slope per reader from alone to assisted; diamonds: all readings, with their intervals; the network's level."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    rows = _panels(results)
    charts = [[_slopes(results, record, palette, first=k == 0) for k, record in enumerate(row)] for row in rows]
    keys = (Key("each reader", MUTED), Key("all readings, with interval", INK, "diamond"))
    return Chart(charts, width=504.0 if max(map(len, rows)) > 1 else 300.0, keys=keys)


def _slopes(results: Results, record: Record, palette: dict[str, str], *, first: bool) -> Panel:
    colour = palette.get(record["group"], INK)
    marks: list[Any] = []
    if record["accuracy_network"] is not None:
        level = 100 * record["accuracy_network"]
        said = f"{folded(readable(record['assistant']), 16, 1)} {number(level, 1)} %"
        marks.append(Rule(level, palette.get(record["assistant"], TEAL), width=1.2, label=said))
    for reader in results.records("assistance_readers", **{key: record[key] for key in KEYS}):
        sides = [100 * reader["accuracy_alone"], 100 * reader["accuracy_assisted"]]
        told = [
            f"{reader['reader']}: {number(share, 1)} % {when} ({reader['readings']} readings)"
            for share, when in zip(sides, ("alone", "with the network's output"))
        ]
        marks.append(Line([0, 1], sides, colour, 0.6))
        marks.append(Points([0, 1], sides, colour, "dot", 3.2, told, 0.8))
    for place, side in ((-0.16, "alone"), (1.16, "assisted")):
        low, high = record[f"accuracy_{side}_ci_low"], record[f"accuracy_{side}_ci_high"]
        marks.append(Span([place], [100 * low], [100 * high], INK, 1.2, upright=True))
        share = 100 * record[f"accuracy_{side}"]
        marks.append(Points([place], [share], INK, "diamond", 5.4, [f"{number(share, 1)} % of all readings"]))
    gain = f"{'+' if round(1000 * record['difference']) > 0 else ''}{number(100 * record['difference'], 1)} points"
    across = Axis(-0.4, 1.4, ticks=(0, 1), names=("alone", "with the network's\noutput in sight"), line=False)
    up = Axis(0, 100, "Correct (%)" if first else "", shown=first, grid=False)
    subtitle = f"{gain} ({interval(record['ci_low'], record['ci_high'])}, new images)"
    return Panel(across, up, marks, folded(_named(results, record), 40, 2), subtitle, MUTED, height=170)


def assistance_words(results: Results) -> str:
    parts = []
    for record in results["assistance"]:
        own = results.records("assistance_readers", **{key: record[key] for key in KEYS})
        better = sum(reader["difference"] > 0 for reader in own)
        parts.append(
            f"{_named(results, record)}: {percent(record['accuracy_alone'])} alone, {percent(record['accuracy_assisted'])} with the"
            f" output of {readable(record['assistant'])}, itself {percent(record['accuracy_network'])}; {better} of"
            f" {len(own)} readers better"
        )
    return "Every reader's accuracy alone and with the network's output in sight. " + "; ".join(parts) + "."


def changes_rows(results: Results) -> list[Record]:
    """One row per network right, wrong or silent, right or wrong before, and right or wrong after: readings, and their
    share of those before, exact."""
    found = []
    for record in results["assistance"]:
        keys = {key: record[key] for key in KEYS}
        changes = {r["situation"]: r for r in results.records("assistance_changes", **keys)}
        for network, (_, sides) in NETWORK.items():
            own = {before: [changes[name] for name in names if name in changes] for before, names in sides.items()}
            total = sum(r["readings"] for records in own.values() for r in records)
            for before, records in own.items():
                for after in (True, False):
                    count = sum(r["right_after"] if after else r["readings"] - r["right_after"] for r in records)
                    if total:
                        words = {"before": _right(before), "after": _right(after), "readings": count}
                        found.append({**keys, "network": network, **words, "share": count / total})
    return found


def _right(is_right: bool) -> str:
    return "right" if is_right else "wrong"


def changes_chart(results: Results) -> Chart:
    """A row per group and view, a panel per network right or wrong: answers flow from right and wrong before to after."""
    rows = changes_rows(results)
    panels = []
    for record in (record for row in _panels(results) for record in row):
        own = [r for r in rows if all(r[key] == record[key] for key in KEYS)]
        shown = [name for name in NETWORK if any(r["network"] == name for r in own)]
        panels.append([_flow(results, record, [r for r in own if r["network"] == name], name, k == 0) for k, name in enumerate(shown)])
    keys = (Key("wrong, then right", TEAL, "square"), Key("right, then wrong", RED, "square"), Key("as before", MUTED, "square"))
    return Chart(panels, keys=keys)


def _flow(results: Results, record: Record, rows: list[Record], network: str, first: bool) -> Panel:
    share = {(r["before"], r["after"]): 100 * r["share"] for r in rows}
    count = {(r["before"], r["after"]): r["readings"] for r in rows}
    pairs = [("right", "right"), ("right", "wrong"), ("wrong", "right"), ("wrong", "wrong")]
    marks: list[Any] = []
    # From the top down: right before, then wrong; right after, then wrong.
    left, right, top = {}, {}, 100.0
    for pair in pairs:
        left[pair], top = top, top - share[pair]
    top = 100.0
    for pair in sorted(pairs, key=lambda pair: pair[1]):
        right[pair], top = top, top - share[pair]
    for pair in pairs:
        if not count[pair]:
            continue
        colour, opacity = (MUTED, 0.22) if pair[0] == pair[1] else (TEAL if pair[1] == "right" else RED, 0.5)
        marks.append(_ribbon(left[pair], right[pair], share[pair], colour, opacity, f"{pair[0]}, then {pair[1]}: {count[pair]}"))
    moved = [pair for pair in pairs if pair[0] != pair[1] and count[pair]]
    for pair, place in zip(moved, apart([left[pair] - share[pair] / 2 for pair in moved], 11)):
        marks.append(Note(BAR + 0.03, place, f"{count[pair]} now {pair[1]}", INK, "start", bold=True, size=7.0))
    for side, x in ((0, 0.0), (1, 1 - BAR)):
        height = sum(value for pair, value in share.items() if pair[side] == "right")
        for low, high, colour, said in ((100 - height, 100, TEAL, "right"), (0, 100 - height, MUTED, "wrong")):
            if high - low > 0:
                marks.append(Band([x, x + BAR], [low, low], [high, high], colour))
                place, anchor = (-0.03, "end") if side == 0 else (1.03, "start")
                marks.append(Note(place, (low + high) / 2, f"{said}\n{number(high - low, 0)} %", INK, anchor, size=7.0))
    total = sum(count.values())
    heading = NETWORK[network][0]
    title = folded(_named(results, record), 40, 2) if first else " "
    across = Axis(-0.32, 1.32, ticks=(BAR / 2, 1 - BAR / 2), names=("before", "after"), line=False)
    subtitle = f"{heading}: {total} readings"
    return Panel(across, Axis(-3, 103, shown=False, line=False), marks, title, subtitle, MUTED, height=120)


def _ribbon(left: float, right: float, share: float, colour: str, opacity: float, name: str) -> Band:
    """A ribbon of one width from its place on the left bar to its place on the right one."""
    t = np.linspace(0, 1, 25)
    ease = 3 * t**2 - 2 * t**3
    high = left + (right - left) * ease
    x = BAR + (1 - 2 * BAR) * t
    return Band(x.tolist(), (high - share).tolist(), high.tolist(), colour, name, opacity)


def changes_words(results: Results) -> str:
    parts = []
    for record in results["assistance"]:
        own = {r["situation"]: r for r in results.records("assistance_changes", **{key: record[key] for key in KEYS})}
        helped, harmed = own["reader wrong, network right"], own["reader right, network wrong"]
        parts.append(
            f"{_named(results, record)}: of {helped['readings']} wrong answers where {readable(record['assistant'])} was right,"
            f" {helped['right_after']} were right afterwards; of {harmed['readings']} right answers where it was wrong,"
            f" {harmed['readings'] - harmed['right_after']} were wrong afterwards"
        )
    return "What became of right and wrong answers once the network's output was in sight. " + "; ".join(parts) + "."
