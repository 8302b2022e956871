"""The manifest that a reading of a table gives, and what it leaves out."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError

from imagebank.services.manifest import OPTIONAL, REQUIRED, ParsedManifest, read_manifest

from .found import FILE_NAME, TOLD_EVERY, Found, PictureTable, Row
from .guessing import MOST_VALUES, item_code
from .reading import Reading, Words

NAME = "The drafted manifest"
COLUMNS = (*REQUIRED, *OPTIONAL[: OPTIONAL.index("mask") + 1])


@dataclass(frozen=True)
class Draft:
    """A manifest, checked as an import checks it.

    text: the CSV. parsed: its good rows, without their further columns, and the problems of the others. counts: class -> view -> good pictures.
    left_out: (value of the class or view column, pictures) that nothing of the study stands for. unnamed: pictures
    that the table does not name. lost: rows of the table that name no picture.
    """

    text: str
    parsed: ParsedManifest
    counts: dict[str, Counter]
    left_out: tuple[tuple[str, int], ...]
    unnamed: int
    lost: int


def compose(found: Found, reading: Reading, words: Words, tell: Callable[[str], None] = lambda words: None) -> Draft:
    """Write the manifest of `reading`. One that says too little for any row raises ValidationError. tell: as in `look_into`."""
    table = found.table(reading.table)
    _require_enough(table, reading, words)
    left_out: Counter = Counter()
    further = further_columns(table, reading) if reading.keep else ()
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\n")
    writer.writerow([*COLUMNS, *further])
    for number, (row, path) in enumerate(zip(table.rows, table.paths), 1):
        missing, cells = _cells(row, path, reading)
        if missing is None:
            writer.writerow([*cells, found.masks.get(path, ""), *(row[column] for column in further)])
        else:
            left_out[missing] += 1
        if number % TOLD_EVERY == 0:
            tell(f"writing the manifest: {number:,} rows")
    text = held.getvalue()
    held.close()
    tell("checking the manifest")
    parsed = read_manifest(
        text.encode(), name=NAME, classes=[code for code, _ in words.classes], views=[code for code, _ in words.views],
        further=False,
    )  # fmt: skip
    counts: dict[str, Counter] = {code: Counter() for code, _ in words.classes}
    for good in parsed.rows:
        counts[good.diagnosis][good.view] += 1
    unnamed = len(set(found.pictures) - set(table.paths))
    return Draft(text, parsed, counts, tuple(left_out.most_common()), unnamed, table.lost)


def _require_enough(table: PictureTable, reading: Reading, words: Words) -> None:
    if not words.classes:
        raise ValidationError("This study has no classes yet, so no picture can be of one. Give it classes (in its study.toml), then import.")
    for role in ("class", "view"):
        column = reading.columns.get(role)
        if column and len([value for value in table.values(column) if value]) > MOST_VALUES:
            raise ValidationError(
                f"{role.capitalize()} needs a column with at most {MOST_VALUES} different values; "
                f'"{column}" has {len(table.values(column)):,}. Choose another column.'
            )
    if not reading.columns.get("class"):
        raise ValidationError("The class of each picture is needed, and no column says it yet. Choose one.")
    if not any(reading.classes.values()):
        raise ValidationError(
            f'No value of "{reading.columns["class"]}" stands for a class of the study yet. '
            f"Say for each which class it is: {', '.join(code for code, _ in words.classes)}."
        )
    if not reading.columns.get("view") and not reading.view:
        raise ValidationError(
            f"The view of each picture is needed, and no column says it yet. Choose a column, or one view for all: "
            f"{', '.join(code for code, _ in words.views)}."
        )


def _cells(row: Row, path: str, reading: Reading) -> tuple[str | None, tuple[str, ...]]:
    """A row's cells under COLUMNS, but for its mask; or, as the first of both, the value for which it is left out."""
    columns = reading.columns
    shown = row.get(columns["class"])
    diagnosis = reading.classes.get(shown)
    view_shown = row.get(columns.get("view", ""))
    view = reading.views.get(view_shown) if columns.get("view") else reading.view
    if not diagnosis or not view:
        return (shown if not diagnosis else view_shown) or "nothing", ()
    split = reading.splits.get(row.get(columns.get("split", "")), "")
    fold = row.get(columns.get("fold", "")) if split != "test" else ""
    item = item_code(row, path, reading, columns.get("item", FILE_NAME))
    return None, (item, diagnosis, view, path, split, fold, row.get(columns.get("group", "")))


def further_columns(table: PictureTable, reading: Reading) -> tuple[str, ...]:
    """Columns of the table that nothing above has taken: they go with the pictures where the reading keeps them."""
    told = {*REQUIRED, "split", "fold", "group", "mask", table.path_column, *reading.columns.values()}
    return tuple(column for column in table.own if column not in told)
