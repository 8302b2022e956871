"""Guessing the columns of second answers: what readers said with a network's output in sight, and what the network had said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# A column is about the second answer by one of these words, unless another says that it is about the first.
AGAIN = {"again", "second", "2nd", "assisted", "aided", "after", "post", "revised", "final"}
FIRST = {"alone", "first", "1st", "before", "pre", "initial", "unaided", "unassisted", "without", "no"}
NETWORK = {"ai", "ki", "network", "net", "classifier", "algorithm", "machine", "cnn", "advice", "suggestion", "suggested"}
TIMES, SURENESS = {"time", "rt", "submit", "duration", "click", "ms", "s", "sec", "seconds", "timing"}, ("conf", "certain", "sure")
ANSWERS = ("assisted_answer", "assistant_answer")
UNUSED = "unused"
UNNAMED = "network"


def second_answer_kind(name: str, views: Sequence[str] = ()) -> str:
    """Which field of a second answer a column or a pattern of columns holds, by its words; "" for none.

    UNUSED: something about the second answer that readings.csv has no column for.
    """
    if name.lower() in ("assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms", "assisted_rt_s", "asked_again"):
        return name.lower()
    words = set(re.split(r"[^a-z0-9]+", name.lower().replace("{item}", " "))) - {view.lower() for view in views}
    if words & FIRST:
        return ""
    if {"asked", "again"} <= words:
        return "asked_again"
    if "assistant" in words:
        return "assistant_answer" if words & {"answer", "said", "class"} else "assistant"
    network = words & NETWORK
    if words & AGAIN or ("with" in words and network):
        if any(sure in word for word in words for sure in SURENESS):
            return UNUSED
        return ("assisted_rt_ms" if "ms" in words else "assisted_rt_s") if words & TIMES else "assisted_answer"
    if not network or words & TIMES:
        return ""
    return UNUSED if any(sure in word for word in words for sure in SURENESS) else "assistant_answer"


def second_answer_shapes(shapes: Sequence[str], views: Sequence[str]) -> dict[str, str]:
    """Pattern of columns -> field, where some patterns hold second answers and others are left for the first ones."""
    found = {shape: kind for shape in shapes if (kind := second_answer_kind(shape, views))}
    return found if "assisted_answer" in found.values() and len(found) < len(shapes) else {}


def told_of(known: Mapping[str, str]) -> str:
    """What was taken for what, in a sentence to be checked."""
    return "Check the second answers: " + ", ".join(f"{kind} is {column}" for kind, column in known.items()) + "."


def assisted_tables(columns: Mapping[str, str], notes: list[str]) -> list[str]:
    """Lines of the map that say once what no column says; nothing without second answers."""
    if "assisted_answer" not in columns:
        return []
    lines = []
    if "assistant" not in columns:
        lines += ["", "[assisted]", f'assistant_is = "{UNNAMED}"']
        notes.append(f'No column names the network in sight; it is called "{UNNAMED}". Change assisted.assistant_is.')
    if "assistant_answer" not in columns:
        lines += ["", "[assisted.answers]", '# "an item" = "the code of the class that the network said", a line for each']
        notes.append("No column holds what the network said. Write it under [assisted.answers], or delete the line assisted_answer.")
    return lines
