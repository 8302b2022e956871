"""What a person is shown of a draft, and what they send back. It is small however much lies in the archive, so that a worker
can keep it in a file for the page."""

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from django.core.exceptions import ValidationError

from imagebank.services.sources import FolderSource, ZipSource, open_source

from .composing import Draft, compose, further_columns
from .found import Found, PictureTable, look_into
from .guessing import MOST_VALUES, changed, guess, with_values
from .reading import CLASS_AND_NAME, ROLES, WHOLE_PATH, Reading, Words

ROWS_SHOWN, PROBLEMS_SHOWN = 6, 20
MAPS = {"class": "classes", "view": "views", "split": "splits"}  # role -> where a reading keeps what its values stand for
SPLITS = (("train", "train"), ("test", "test"))
QUICK_FILES, QUICK_TABLE_BYTES = 2_000, 2**20  # tests/performance/draft_look.py: half a second for such an archive


@dataclass(frozen=True)
class Shown:
    """columns, further: of the table that is read, and those of them that nothing has taken. values: role -> value ->
    pictures, for the columns whose values a person says the meaning of. refusal: why nothing could be drafted; then
    nothing below it is known. rows: good ones; first: the first of them; counts, left_out, unnamed, lost: see Draft."""

    reading: Reading
    pictures: int
    masks: int
    tables: list[str]
    columns: list[str]
    further: list[str]
    values: dict[str, dict[str, int]]
    unread: list[str]
    refusal: str = ""
    rows: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    left_out: list[tuple[str, int]] = field(default_factory=list)
    unnamed: int = 0
    lost: int = 0
    problem_count: int = 0
    problems: list[dict] = field(default_factory=list)
    first: list[dict] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Shown":
        stored = json.loads(text)
        return cls(**stored | {"reading": Reading(**stored["reading"])})


def show(
    source: FolderSource | ZipSource, words: Words, sent: Mapping[str, str] | None = None, asked: Mapping | None = None,
    tell: Callable[[str], None] = lambda said: None,
) -> tuple[Shown, str]:  # fmt: skip
    """What a draft of `source` shows, and its manifest: read as guessed, as a page was sent back, or as a program asked. An
    archive without any picture and words that fit nothing raise ValidationError; a reading that says too little gives its
    reason and an empty manifest."""
    found = look_into(source, tell)
    tell("telling what the columns are")
    reading = reading_of(sent, found, words) if sent else reading_asked(asked or {}, found, words)
    table = found.table(reading.table)
    shown = Shown(
        reading, len(found.pictures), len(found.masks), [each.name for each in found.tables], list(table.columns),
        list(further_columns(table, reading)), _values(reading, table), list(found.unread),
    )  # fmt: skip
    try:
        draft = compose(found, reading, words, tell)
    except ValidationError as refusal:
        return replace(shown, refusal=" ".join(refusal.messages)), ""
    return _with_draft(shown, draft), draft.text


def _values(reading: Reading, table: PictureTable) -> dict[str, dict[str, int]]:
    few = {role: known for role in MAPS if 0 < len(known := getattr(reading, MAPS[role])) <= MOST_VALUES}
    return {role: {value: table.values(reading.columns[role])[value] for value in known} for role, known in few.items()}


def _with_draft(shown: Shown, draft: Draft) -> Shown:
    problems = draft.parsed.problems
    return replace(
        shown, rows=len(draft.parsed.rows), counts={code: dict(cells) for code, cells in draft.counts.items()},
        left_out=list(draft.left_out), unnamed=draft.unnamed, lost=draft.lost, problem_count=len(problems),
        problems=[asdict(problem) for problem in problems[:PROBLEMS_SHOWN]],
        first=[
            {"item": row.item, "diagnosis": row.diagnosis, "view": row.view, "placement": row.placement_words, "group": row.group,
             "path": row.path}
            for row in draft.parsed.rows[:ROWS_SHOWN]
        ],
    )  # fmt: skip


def reading_of(sent: Mapping[str, str], found: Found, words: Words) -> Reading:
    """The reading that a sent page says. Values of a column chosen anew are guessed again."""
    table = found.table(sent.get("table", ""))
    if table.name != sent.get("shown_table"):
        return guess(found, words, table.name)
    columns, view = {}, ""
    for name, chosen in sent.items():
        role = name.removeprefix("column_")
        if role == "view" and chosen.startswith("=") and chosen[1:] in dict(words.views):
            view = chosen[1:]
        elif role != name and (chosen in table.columns or (role == "item" and chosen in (CLASS_AND_NAME, WHOLE_PATH))):
            columns[role] = chosen
    reading = with_values(Reading(table.name, columns, view=view), table, words)
    for role, codes in (("class", words.classes), ("view", words.views), ("split", SPLITS)):
        if columns.get(role) and columns[role] == sent.get(f"shown_{role}"):
            values = getattr(reading, MAPS[role])
            given = {value: sent.get(f"{role}_{number}", "") for number, value in enumerate(values)}
            reading = replace(reading, **{MAPS[role]: {v: code if code in dict(codes) else "" for v, code in given.items()}})
    return replace(reading, keep=bool(sent.get("keep")) or not further_columns(table, reading))


def reading_asked(asked: Mapping, found: Found, words: Words) -> Reading:
    """The guess, with what a program asked for in its place: `table`, `columns`, `classes`, `views`, `splits`, `view`,
    `keep`, each of them optional. What the archive or the study does not have raises ValidationError."""
    table = asked.get("table", "")
    if table and table not in [each.name for each in found.tables]:
        raise ValidationError(f'There is no table "{table}". Found: {", ".join(each.name for each in found.tables)}.')
    if strange := sorted(set(asked.get("columns", ())) - set(ROLES)):
        raise ValidationError(f'Columns are named for {", ".join(ROLES)}; found "{strange[0]}".')
    for name, codes in (("classes", words.classes), ("views", words.views), ("splits", SPLITS)):
        for value, code in asked.get(name, {}).items():
            if code and code not in dict(codes):
                raise ValidationError(f'"{value}" can stand for {", ".join(dict(codes))}, or for nothing; found "{code}".')
    if asked.get("view") is not None and asked["view"] not in dict(words.views):
        raise ValidationError(f'The view of all pictures is one of {", ".join(dict(words.views))}; found "{asked["view"]}".')
    reading = guess(found, words, table)
    named = {name: asked.get(name, {}) for name in ("columns", "classes", "views", "splits")}
    told = changed(reading, found.table(reading.table), words, **named, view=asked.get("view"))
    return replace(told, keep=asked.get("keep", True))


def is_quick(path: Path, name: str) -> bool:
    """Whether a ZIP is small enough to be looked at while a person waits for the page. What is no ZIP raises ValidationError.

    How many files it has is told by its last bytes: of a large one even the list of files takes seconds to read.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16 - 22))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if 0 <= at <= len(end) - 22 and struct.unpack_from("<H", end, at + 10)[0] > QUICK_FILES:
        return False
    with open_source(path, name=name) as source:
        return source.bytes_of_tables() <= QUICK_TABLE_BYTES
