"""The recruitment flow: how many were contacted, agreed, completed and were analysed; what is unknown says so."""

from __future__ import annotations

from typing import Any

from benchmark.core.results import Results
from benchmark.core.wording import plural

from .chart import folded
from .drawing import Drawing, text_width
from .look import AMBER, INK, MUTED, colours, page_axis, page_layout, page_note
from .paper import SIMULATED

STEPS = (
    ("contacted", "Contacted"),
    ("agreed", "Agreed to take part"),
    ("started", "Started a survey"),
    ("complete", "Completed it"),
    ("analysed", "Analysed"),
)
UNKNOWN = "not recorded"
BOX_WIDTH, BOX_HEIGHT, STEP, SIDE = 118.0, 30.0, 50.0, 92.0


def flow_rows(results: Results) -> list[dict[str, Any]]:
    """One row per reader group and step: the number of people, or None where it is not recorded.

    Numbers come from the study's own record first, then from the sittings that the completion rule saw.
    """
    recruitment = (results.get("study") or {}).get("recruitment", {})
    found = []
    for group in results["design"]["groups"]:
        sittings = next(iter(results.records("flow", group=group)), {})
        readers = max((r["readers"] for r in results.records("accuracy", kind="human", group=group)), default=None)
        known = {
            "started": sittings.get("sittings"),
            "complete": sittings.get("complete"),
            "analysed": sittings.get("analysed", readers),
            **recruitment.get(group, {}),
        }
        counts = [known.get(key) for key, _ in STEPS]
        for index, (key, words) in enumerate(STEPS):
            later = next((n for n in counts[index + 1 :] if n is not None), None)
            left = counts[index] - later if counts[index] is not None and later is not None else None
            lost = _lost(index, counts, sittings) if left else None
            found.append(
                {"group": group, "step": key, "words": words, "people": counts[index], "lost_after": left, "lost": lost}
            )
    return found


def _head(group: str) -> str:
    name = plural(group)
    return folded(name[:1].upper() + name[1:], 30, 3)


def _text(people: int | None) -> str:
    return UNKNOWN if people is None else f"n = {people}"


def draw_flow(results: Results, *, title: str, description: str, across: int | None = None) -> Drawing:
    """The flow as a drawing: a column per group, a box per step, those lost beside the arrows.

    across: so many groups beside one another, the next ones below them; None: all.
    """
    palette = colours(results["design"]["groups"], results["design"]["models"])
    groups = results["design"]["groups"]
    rows = flow_rows(results)
    column = BOX_WIDTH + SIDE
    across = across or len(groups)
    head = 13 + 11 * max(_head(group).count("\n") + 1 for group in groups)
    deep = head + 6 + STEP * len(STEPS) - 6  # of the boxes of one group and the room below them
    drawing = Drawing(across * column + 10, deep * -(-len(groups) // across) + (12 if results.is_simulated else 0), title, description)
    for index, group in enumerate(groups):
        x, upper = 6 + index % across * column, index // across * deep
        top = upper + head
        drawing.words(x, upper + 14, _head(group), size=9, bold=True)
        own = [row for row in rows if row["group"] == group]
        for number, row in enumerate(own):
            y = top + number * STEP
            known = row["people"] is not None
            ground, edge = (palette[group], palette[group]) if known else (None, MUTED)
            drawing.rectangle(x, y, BOX_WIDTH, BOX_HEIGHT, fill=ground, stroke=edge, faint=0.12)
            drawing.words(x + BOX_WIDTH / 2, y + 12, row["words"], size=7.5, anchor="middle")
            ink = INK if known else MUTED
            drawing.words(
                x + BOX_WIDTH / 2, y + 23.5, _text(row["people"]), size=7.5, anchor="middle", bold=known, colour=ink
            )
            if number < len(own) - 1:
                _arrow(drawing, x + BOX_WIDTH / 2, y + BOX_HEIGHT, y + STEP)
                if row["lost_after"]:
                    middle = y + BOX_HEIGHT + (STEP - BOX_HEIGHT) / 2
                    drawing.line((x + BOX_WIDTH / 2, middle), (x + BOX_WIDTH / 2 + 14, middle), colour=MUTED)
                    words = f"{row['lost_after']} {row['lost']}"
                    drawing.words(x + BOX_WIDTH / 2 + 17, middle, words, size=6.8, colour=MUTED, middle=True)
    if results.is_simulated:
        drawing.words(drawing.width - 5, drawing.height - 4, SIMULATED, size=6.5, colour=AMBER, anchor="end")
    drawing.width = max(drawing.width, text_width(SIMULATED, 6.5) + 20)
    return drawing


def _lost(index: int, counts: list[int | None], sittings: dict[str, Any]) -> str:
    """What those did not do who were at step `index` and not at the next step whose number is known."""
    following = next(k for k in range(index + 1, len(counts)) if counts[k] is not None)
    unfinished, few = sittings.get("unfinished"), sittings.get("incomplete")
    if following == 3 and unfinished and few and unfinished + few == counts[index] - counts[following]:
        return f"did not complete:\n{unfinished} not finished, {few} too few answers"
    if following == 4 and sittings.get("extra") == counts[index] - counts[following]:
        return "not the first of the seat"
    return ("", "did not agree or answer", "did not start", "did not complete", "not analysed")[following]


def _arrow(drawing: Drawing, x: float, top: float, bottom: float) -> None:
    drawing.line((x, top), (x, bottom - 4), colour=MUTED, width=0.8)
    drawing.shape(((x - 2.6, bottom - 5), (x + 2.6, bottom - 5), (x, bottom)), fill=MUTED)


def flow_page(results: Results, *, across: int | None = None) -> dict[str, Any]:
    """The flow as a Plotly figure dictionary: boxes as shapes, words as notes. across: as in `draw_flow`."""
    palette = colours(results["design"]["groups"], results["design"]["models"])
    groups = results["design"]["groups"]
    across, deep = across or len(groups), len(STEPS) + 0.7
    shapes, notes = [], []
    for row in flow_rows(results):
        index, step = groups.index(row["group"]), [key for key, _ in STEPS].index(row["step"])
        x, top = index % across, -deep * (index // across)
        y, known = top - step, row["people"] is not None
        box = {"x0": x + 0.02, "x1": x + 0.56, "y0": y - 0.3, "y1": y + 0.3, "xref": "x", "yref": "y"}
        line = {"color": palette[row["group"]] if known else MUTED, "width": 1.2}
        shapes.append({"type": "rect", **box, "line": line, "fillcolor": "rgba(0,0,0,0)"})
        data = {"xref": "x", "yref": "y"}
        count = f"<b>{_text(row['people'])}</b>" if known else f'<span style="color:{MUTED}">{UNKNOWN}</span>'
        notes.append(
            page_note(f"{row['words']}<br>{count}", x + 0.29, y, **data, font={"size": 12})
        )
        if step == 0:
            head = "<b>" + _head(row["group"]).replace("\n", "<br>") + "</b>"
            notes.append(page_note(head, x + 0.02, top + 0.4, **data, xanchor="left", yanchor="bottom"))
        if step < len(STEPS) - 1:
            arrow = {"showarrow": True, "arrowhead": 2, "arrowcolor": MUTED, "ax": x + 0.29, "ay": y - 0.3}
            refs = {**data, "axref": "x", "ayref": "y"}
            notes.append({"text": "", "x": x + 0.29, "y": y - 0.7, **refs, **arrow})
            if row["lost_after"]:
                words = f"{row['lost_after']} {row['lost']}"
                font = {"size": 11, "color": MUTED}
                notes.append(page_note(words, x + 0.34, y - 0.5, **data, xanchor="left", font=font))
    stacks = -(-len(groups) // across)
    layout = page_layout(height=480 * stacks, shapes=shapes, annotations=notes, margin={"l": 4, "r": 4, "t": 8, "b": 8})
    hidden = {"ticks": "", "showline": False, "showticklabels": False}
    layout["xaxis"] = page_axis(range=[0, across], fixedrange=True, **hidden)
    layout["yaxis"] = page_axis(range=[0.75 - deep * stacks + 0.45, 0.75], fixedrange=True, **hidden)
    return {"data": [], "layout": layout}


def flow_words(results: Results) -> str:
    parts = []
    for group in results["design"]["groups"]:
        own = [row for row in flow_rows(results) if row["group"] == group]
        parts.append(f"{plural(group)}: " + ", ".join(f"{row['words'].lower()} {_text(row['people'])}" for row in own))
    return "Recruitment flow. " + "; ".join(parts) + "."
