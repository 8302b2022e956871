"""A first reading of a table of pictures, for a person to correct: columns are known by what stands in them, and by their
names only where that leaves several."""

from collections.abc import Mapping
from dataclasses import replace

from django.core.exceptions import ValidationError

from .found import AFTER_MARK, BEFORE_MARK, FILE_NAME, FOLDER, FOLDERS, Found, PictureTable, Row
from .reading import CLASS_AND_NAME, WHOLE_PATH, Reading, Words, meant_by, plain

MOST_VALUES = 60  # more different values than these are no classes, and nobody would sort them by hand
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "val", "valid", "validation", "dev"), "train"),
    **dict.fromkeys(("test", "testing", "holdout", "heldout"), "test"),
}
CLASS_NAMES = ("class", "diagnosis", "diagnostic", "dx", "label", "target", "condition", "category")
GROUP_NAMES = ("group", "patientid", "patient", "subjectid", "subject", "personid", "photograph", "caseid", "lesionid")
ITEM_NAMES = ("item", "itemid", "imgid", "imageid", "isicid", "imagename", "image", "id")


def guess(found: Found, words: Words, table: str = "") -> Reading:
    """A reading of the table named, or else of the one that says most about classes."""
    candidates = [found.table(table)] if table else found.tables
    return max((_guess_table(each, words) for each in candidates), key=lambda reading: sum(map(bool, reading.classes.values())))


def with_values(reading: Reading, table: PictureTable, words: Words) -> Reading:
    """`reading` with a meaning guessed for every value of its columns that has none yet."""

    def filled(role: str, known: dict[str, str], meaning) -> dict[str, str]:
        column = reading.columns.get(role)
        values = table.values(column) if column else {}
        few = [value for value in values if value][: MOST_VALUES + 1]
        return {value: known.get(value, meaning(value)) for value in sorted(few)}

    return replace(
        reading,
        classes=filled("class", reading.classes, lambda value: meant_by(value, words.classes)),
        views=filled("view", reading.views, lambda value: meant_by(value, words.views)),
        splits=filled("split", reading.splits, lambda value: _split_meant(reading.columns["split"], value)),
    )


def changed(
    reading: Reading, table: PictureTable, words: Words, *, columns: Mapping[str, str], classes: Mapping[str, str], views: Mapping[str, str],
    splits: Mapping[str, str] | None = None, view: str | None = None,
) -> Reading:  # fmt: skip
    """`reading` with what somebody said in its place: columns of roles, what values stand for, the view of all pictures.
    A column that the table does not have raises ValidationError."""
    for column in columns.values():
        if column and column not in (*table.columns, CLASS_AND_NAME, WHOLE_PATH):
            raise ValidationError(f'{table.name} has no column "{column}". Found: {", ".join(table.columns)}.')
    taken = {role: column for role, column in {**reading.columns, **columns}.items() if column}
    if view is not None:
        taken.pop("view", None)
    told = Reading(table.name, taken, dict(classes), dict(views), dict(splits or {}), reading.view if view is None else view)
    return with_values(told, table, words)


def _guess_table(table: PictureTable, words: Words) -> Reading:
    columns = {}
    view = words.views[0][0] if len(words.views) == 1 else ""
    if found := _class_column(table, words):
        columns["class"] = found
    if not view and (found := _best(table, lambda value: meant_by(value, words.views), least=1.0)):
        columns["view"] = found
    if found := _split_column(table):
        columns["split"] = found
    if found := _named(table, ("fold",), lambda value: value.isascii() and value.isdigit()):
        columns["fold"] = found
    if found := _named(table, GROUP_NAMES):
        columns["group"] = found
    reading = with_values(Reading(table.name, columns, view=view), table, words)
    return replace(reading, columns=columns | {"item": _item_column(table, reading)})


def _best(table: PictureTable, meaning, least: float) -> str:
    """The column of which the largest share of rows, at least `least`, has a meaning."""
    shares = {}
    for column in table.columns:
        values = table.values(column)
        if len(values) <= MOST_VALUES and column != table.path_column:
            shares[column] = sum(count for value, count in values.items() if meaning(value)) / len(table.rows)
    best = max(shares, key=shares.get, default="")
    return best if best and shares[best] >= max(least, 1e-9) else ""


def _class_column(table: PictureTable, words: Words) -> str:
    by_value = _best(table, lambda value: meant_by(value, words.classes), least=0.0)
    if by_value:
        return by_value
    few = {column for column in table.columns if 1 < len(table.values(column)) <= MOST_VALUES}
    named = next((column for name in CLASS_NAMES for column in table.columns if plain(column) == name), "")
    if named in few:
        return named
    folders = [column for column in table.columns if column.startswith(FOLDER) and column in few]
    return folders[-1] if table.name == FOLDERS and folders else ""


def _split_meant(column: str, value: str) -> str:
    """Train, test or neither; a column named after the test set says it by yes and no."""
    if plain(column) in ("istest", "test"):
        return {"1": "test", "true": "test", "yes": "test", "0": "train", "false": "train", "no": "train"}.get(plain(value), "")
    return SPLIT_WORDS.get(plain(value), "")


def _split_column(table: PictureTable) -> str:
    for column in table.columns:
        values = [value for value in table.values(column) if value]
        if values and len(values) <= MOST_VALUES and all(_split_meant(column, value) for value in values):
            return column
    return ""


def _named(table: PictureTable, names, fits=bool) -> str:
    """The first column of one of those names whose cells fit where they are not empty."""
    for name in names:
        for column in table.columns:
            values = [value for value in table.values(column) if value] if plain(column) == name else []
            if values and all(map(fits, values)):
                return column
    return ""


def _item_column(table: PictureTable, reading: Reading) -> str:
    """The plainest name that tells every picture of a view from all others of that view."""
    named = [column for name in ITEM_NAMES for column in table.columns if plain(column) == name]
    ways = [*named, FILE_NAME, CLASS_AND_NAME, WHOLE_PATH]
    if reading.columns.get("view") == AFTER_MARK:
        ways.insert(len(named), BEFORE_MARK)
    return next(way for way in ways if way == WHOLE_PATH or _tells_apart(table, reading, way))


def _tells_apart(table: PictureTable, reading: Reading, way: str) -> bool:
    view = reading.columns.get("view", "")
    seen = {(item_code(row, path, reading, way), row.get(view, "")) for row, path in zip(table.rows, table.paths)}
    return len(seen) == len(table.rows) and all(item for item, _ in seen)


def item_code(row: Row, path: str, reading: Reading, way: str) -> str:
    """What names a row's item under one way of naming."""
    if way == WHOLE_PATH:
        return path
    if way == CLASS_AND_NAME:
        shown = row.get(reading.columns.get("class", ""), "")
        stem = row[BEFORE_MARK if reading.columns.get("view") == AFTER_MARK else FILE_NAME]
        return f"{shown}-{stem}"
    return row.get(way, "")
