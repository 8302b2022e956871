"""A first map.toml for an export, guessed from its header and its cells, to be looked at and changed by a person."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from benchmark.core.errors import InputError
from benchmark.core.inputs.long_table import opened
from benchmark.core.inputs.readings import REQUIRED
from imagebank.core.spreadsheets import TableError

from .draft_second import ANSWERS, UNUSED, assisted_tables, second_answer_kind, second_answer_shapes, told_of
from .mapping import SECOND
from .sheets import QUALTRICS_HEADERS, TICK

LOOKED_AT = 200  # rows of data from which cells are guessed
READER = ("responseid", "record_id", "reader", "participant", "respondent", "subject", "rater", "user", "id")
GROUP = ("group", "specialty", "speciality", "profession", "role", "q1")
DONE = ("enddate", "completed_at", "submitdate", "timestamp", "date")
LONG_ITEM, LONG_ANSWER = ("item", "case", "image", "stimulus"), ("answer", "response", "diagnosis", "rating", "choice")
BESIDE = {"confidence": ("conf", "certain", "sure"), "rt_s": ("time", "submit", "duration", "click", "rt")}


@dataclass(frozen=True)
class Draft:
    """`kind`: readings (needs no map) or one of the map's sources; `text`: the map; `notes`: what a person should check."""

    kind: str
    text: str
    notes: tuple[str, ...]
    columns: tuple[str, ...]


def draft_map(
    content: bytes,
    *,
    items: Sequence[str],
    views: Sequence[str],
    classes: Mapping[str, str],
    groups: Mapping[str, Sequence[str]],
) -> Draft:
    """classes: code -> name. groups: code -> the words by which a cell may mean it. Raises InputError for no table."""
    notes: list[str] = []
    rows = _rows(content, notes)
    header = rows[0]
    folded = [name.lower() for name in header]
    if set(REQUIRED) <= set(folded):
        return Draft("readings", "", tuple(notes), tuple(header))
    kind = _kind(rows, folded)
    body = rows[QUALTRICS_HEADERS:] if kind == "qualtrics" else rows[1:]
    cells = {name: [row[at] for row in body if at < len(row) and row[at]] for at, name in enumerate(header)}
    found = _long(header, notes) if kind == "long" else _wide(header, cells, items, views, notes)
    answers = found.pop("cells")
    lines = ['schema = "import-map/1"', f'source = "{kind}"', "", *_reader(header, cells, groups, notes)]
    lines += _sitting(header, folded, kind, cells)
    lines += _labels([cell for name in answers for cell in cells.get(name, [])], classes, notes)
    for table, entries in found.items():
        lines += ["", f"[{table}]", *(f"{_key(key)} = {_text(value)}" for key, value in entries.items())]
    lines += assisted_tables(found.get("long") or found.get("pattern", {}), notes)
    return Draft(kind, "\n".join(lines) + "\n", tuple(notes), tuple(header))


def _rows(content: bytes, notes: list[str]) -> list[list[str]]:
    table = opened("The file", content)
    notes += table.notes
    try:
        found = [table.header, *(line.cells for line in islice(table, LOOKED_AT))]
    except TableError as error:
        raise InputError(str(error)) from error
    if len(found) < 2:
        raise InputError("A header and at least one row below it were needed; the file has fewer.")
    if len(found[0]) < 2:
        raise InputError("Columns parted by commas, semicolons or tabs were needed; the first row has one cell. Save the sheet as CSV.")
    return found


def _kind(rows: list[list[str]], folded: list[str]) -> str:
    if len(rows) >= QUALTRICS_HEADERS and any("ImportId" in cell for cell in rows[2]):
        return "qualtrics"
    if "record_id" in folded or any(TICK in name for name in folded):
        return "redcap"
    return "long" if set(LONG_ITEM) & set(folded) and set(LONG_ANSWER) & set(folded) else "wide"


def _first(header: Sequence[str], wanted: Sequence[str]) -> str:
    """The column called like the earliest of `wanted`; else one whose name begins or ends like it; else none."""
    folded = {name.lower(): name for name in reversed(header)}
    for word in wanted:
        if word in folded:
            return folded[word]
    parted = {name: re.split(r"[^a-z0-9]+", name.lower()) for name in header}
    return next((name for word in wanted for name in header if word in parted[name]), "")


def _reader(header: Sequence[str], cells: Mapping, groups: Mapping, notes: list[str]) -> list[str]:
    name = _first(header, READER)
    if not name:
        name = header[0]
        notes.append(f'No column is called like a reader; "{name}" is taken. Change reader.id if it is another one.')
    lines = ["[reader]", f"id = {_text(name)}"]
    column = _first([other for other in header if other != name], GROUP)
    if not column:
        only = next(iter(groups), "readers")
        notes.append(f'No column says who belongs to which group; everybody is taken as "{only}".')
        return [*lines, f"group_is = {_text(only)}"]
    lines.append(f"group = {_text(column)}")
    words = {word.lower(): code for code, said in groups.items() for word in (code, *said)}
    values = sorted(set(cells.get(column, [])))[:20]
    known = {value: words[value.lower()] for value in values if value.lower() in words and value != words[value.lower()]}
    strange = [value for value in values if value.lower() not in words]
    if strange and groups:
        notes.append(f'{column}: "{strange[0]}" is no group of this study. Say in reader.groups which it is, or a new one is made.')
    if known:
        both = known | {value: value for value in values if value not in known}
        lines.append(f"groups = {{ {', '.join(f'{_text(key)} = {_text(code)}' for key, code in both.items())} }}")
    return lines


def _sitting(header: Sequence[str], folded: Sequence[str], kind: str, cells: Mapping) -> list[str]:
    lines = []
    done = _first(header, DONE) if kind in ("qualtrics", "wide") else ""
    if done and all(re.match(r"\d{4}-\d\d-\d\d", cell) for cell in cells.get(done, [])):
        lines.append(f"completed_at = {_text(done)}")
    if "survey" in folded:
        lines.append(f"survey = {_text(header[folded.index('survey')])}")
    if kind == "qualtrics" and "finished" in folded:
        name = header[folded.index("finished")]
        finished = [value for value in ("True", "1") if value in cells.get(name, [])]
        if finished:
            lines.append(f"keep = {{ {_key(name)} = {json.dumps(finished)} }}")
    return ["", "[sitting]", *lines] if lines else []


def _long(header: Sequence[str], notes: list[str]) -> dict:
    second = {kind: name for name in reversed(header) if (kind := second_answer_kind(name))}
    if "assisted_answer" not in second:
        second = {}  # what a network said is of no use without the answer given beside it
    answer = _first([name for name in header if name not in second.values()], LONG_ANSWER)
    table = {"item": _first(header, LONG_ITEM), "answer": answer}
    for name in ("truth", "view", "position", "showing", "confidence", "rt_ms", "answered_at", "kind"):
        if column := next((other for other in header if other.lower() == name), ""):
            table[name] = column
    known = {kind: second[kind] for kind in SECOND if kind in second}
    notes += [told_of(known)] if known else []
    return {"cells": [answer, *(known[kind] for kind in ANSWERS if kind in known)], "long": table | known}


def _wide(header: Sequence[str], cells: Mapping, items: Sequence[str], views: Sequence[str], notes: list[str]) -> dict:
    """The patterns in which columns are named after items; the commonest is the answer's, its companions stand beside it."""
    folded = {item.lower(): item for item in items}
    shapes: dict[str, list[str]] = {}
    for name in header:
        place = _place_of_item(name, folded)
        if place:
            shapes.setdefault(f"{name[: place[0]]}{{item}}{name[place[1] :]}", []).append(name)
    if not shapes:
        notes.append("No column is named after an item of this study; say under [[answer]] which column is which item.")
        return {"cells": [], "pattern": {"answer": "{item}"}}
    second = second_answer_shapes(list(shapes), views)
    beside = {
        shape: kind for shape in shapes if shape not in second for kind, words in BESIDE.items() if any(w in shape.lower() for w in words)
    }
    answers = [shape for shape in shapes if shape not in beside and shape not in second] or list(shapes)
    beside |= {shape: kind for shape, kind in second.items() if kind in SECOND}
    table, named = {}, {}
    if len(answers) > 1:
        tokens, frame = _one_place(answers)
        if frame:
            named = {token: _view_of(token, views) for token in tokens}
            notes.append("Check [views]: " + ", ".join(f'"{token}" is taken as {view}' for token, view in named.items()) + ".")
            for shape, kind in beside.items():
                for token in tokens:
                    if token and token in shape:
                        table.setdefault(kind, shape.replace(token, "{view}", 1))
            answers_shape = frame
        else:
            counted = Counter({shape: len(shapes[shape]) for shape in answers})
            answers_shape = counted.most_common(1)[0][0]
            notes.append(f"Columns are named in {len(answers)} ways; only {answers_shape} is read as an answer.")
    else:
        answers_shape = answers[0]
        for shape, kind in beside.items():
            table.setdefault(kind, shape)
        if len(views) == 1:
            notes.append(f"The columns name no view; there is only {views[0]}.")
    if known := {kind: shape for kind, shape in table.items() if kind in SECOND}:
        notes.append(told_of(known))
    if unused := [shape for shape, kind in second.items() if kind == UNUSED]:
        notes.append(f"{', '.join(unused)}: left out; of a second answer only the class and its time come in.")
    said = [shape for shape in shapes if shape in answers or second.get(shape) in ANSWERS]
    found = {"cells": [name for shape in said for name in shapes[shape]], "pattern": {"answer": answers_shape} | table}
    return found | ({"views": named} if named else {})


def _place_of_item(name: str, folded: Mapping[str, str]) -> tuple[int, int] | None:
    """Where the longest item code stands in a column's name, between ends or signs."""
    lower = name.lower()
    edges = [0, *(match.end() for match in re.finditer(r"[^a-z0-9]", lower))]
    ends = [*(match.start() for match in re.finditer(r"[^a-z0-9]", lower)), len(lower)]
    found = [(start, end) for start in edges for end in ends if end > start and lower[start:end] in folded]
    return max(found, key=lambda place: place[1] - place[0], default=None)


def _one_place(shapes: Sequence[str]) -> tuple[list[str], str]:
    """The words at the one place in which the patterns differ, and the pattern with {view} there; ([], "") otherwise."""
    parts = [re.split(r"([^A-Za-z0-9{}]+)", shape) for shape in shapes]
    if len({len(part) for part in parts}) > 1:
        return [], ""
    differing = [at for at in range(len(parts[0])) if len({part[at] for part in parts}) > 1]
    if len(differing) != 1 or any("item" in part[differing[0]] for part in parts):
        return [], ""
    at = differing[0]
    return [part[at] for part in parts], "".join(["{view}" if place == at else text for place, text in enumerate(parts[0])])


def _view_of(token: str, views: Sequence[str]) -> str:
    folded = token.lower()
    return next((view for view in views if view.lower().startswith(folded) or folded.startswith(view.lower())), token)


def _labels(seen: Sequence[str], classes: Mapping[str, str], notes: list[str]) -> list[str]:
    """What the cells say, as classes: by name as it stands there, by number in the order of the classes, to be checked."""
    values = list(dict.fromkeys(seen))
    by_name = {name.lower(): code for code, name in classes.items()} | {code.lower(): code for code in classes}
    labels = {value: by_name[value.lower()] for value in values if value not in classes and value.lower() in by_name}
    rest = [value for value in values if value not in classes and value not in labels]
    numbers = sorted({int(value.removesuffix(".0")) for value in rest if re.fullmatch(r"\d{1,3}(\.0)?", value)})
    if numbers and numbers[0] >= 1 and numbers[-1] <= len(classes):
        labels |= {str(number): code for number, code in enumerate(classes, start=1)}
        notes.append("Answers are numbers: they are taken in the order of this study's classes. Check answers.labels.")
    strange = [value for value in rest if not re.fullmatch(r"\d{1,3}(\.0)?", value)]
    if strange:
        notes.append(f'"{strange[0][:60]}" is no class of this study. Say in answers.labels, or in no_answer, what it means.')
    return ["", "[answers]", "labels = { " + ", ".join(f"{_text(k)} = {_text(v)}" for k, v in labels.items()) + " }"] if labels else []


def _text(value: str) -> str:
    """A basic TOML string; JSON writes the same one."""
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)
