"""Read manifest.csv, or the ISIC-shaped CSV of the founding study's authors, and check every row of it at once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from django.core.exceptions import ValidationError

from imagebank.core.spreadsheets import Spreadsheet, TableError, TornRow, open_spreadsheet

from .sources import FolderSource, UnreadableFile, ZipSource, safe_relative

REQUIRED = ("item", "class", "view", "path")
TEXT_LIMITS = {
    "item": 120, "group": 120, "path": 300, "mask": 300,
    "source_url": 500, "licence": 120, "permission": 300, "attribution": 500, "nature": 60,
}  # fmt: skip
OPTIONAL = ("split", "fold", "group", "mask", "source_url", "licence", "permission", "attribution", "nature")
SPLITS = ("", "train", "test")
WORDS = ("class", "view", "split", "diagnosis")  # a blank in them may be one that does not break; a path's is as it is
HIGHEST_FOLD = 99
MAX_ROWS = 200_000

ISIC_COLUMNS = {"image_name", "diagnosis", "tfrecord", "is_test"}
ISIC_OTHER = "EverythingElse"
# The published fold rule: tfrecord modulo 15, looked up in these sets; the test set is told by is_test alone.
ISIC_FOLDS = {
    remainder: fold
    for fold, remainders in enumerate([(8, 5, 11), (7, 0, 6), (10, 12, 13), (9, 1, 3), (14, 2, 4)])
    for remainder in remainders
}
ISIC_UNKNOWN = {"", "-1", "nan", "NaN", "unknown", "0"}


@dataclass(frozen=True)
class RowProblem:
    """Why one row is not taken in. `line` counts from 1, the header being line 1."""

    line: int
    message: str


@dataclass(frozen=True)
class ManifestRow:
    """One picture as the manifest describes it."""

    line: int
    item: str
    diagnosis: str
    view: str
    path: str
    split: str = ""
    fold: int | None = None
    group: str = ""
    mask: str = ""
    source_url: str = ""
    licence: str = ""
    permission: str = ""
    attribution: str = ""
    nature: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    published_folds: bool = False  # kept as they are, even where they tear a group apart

    @property
    def placement(self) -> tuple[str, int | None]:
        return self.split, self.fold

    @property
    def placement_words(self) -> str:
        """The split and fold as a person would say them."""
        fold = "" if self.fold is None else f" fold {self.fold}"
        return (self.split or "no split") + fold


@dataclass(frozen=True)
class ParsedManifest:
    """Rows in the order of the file that passed every check, the problems of all others, and what was guessed of the file."""

    rows: tuple[ManifestRow, ...]
    problems: tuple[RowProblem, ...]
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> int:
        return len(self.rows) + len({problem.line for problem in self.problems})


class BadRow(ValueError):
    """Raised while one row is read; becomes a RowProblem."""


def read_manifest(
    data: bytes, *, name: str, classes: Sequence[str], views: Sequence[str], view: str | None = None, further: bool = True
) -> ParsedManifest:
    """Parse and check a whole manifest.

    classes, views: codes that the study knows. view: which view an ISIC-shaped file shows; when None it is told from
    `name` (e.g. "train_focused.csv"). Bad rows come back as problems; an item of which one row is bad is left out
    whole, so that nothing is half imported. further: whether rows hold their further columns, which are most of a long
    manifest and are never checked. Raises ValidationError when the file as a whole cannot be read.
    """
    table, columns = open_table(data, name)
    if columns >= ISIC_COLUMNS and not columns >= set(REQUIRED):
        shown = _isic_view(name, views, view)
        parse = _isic_parser(columns, shown)
    elif missing := [column for column in REQUIRED if column not in columns]:
        raise ValidationError(
            f"{name} needs the columns {', '.join(REQUIRED)}; {', '.join(missing)} is missing. Found: "
            f"{', '.join(sorted(columns)) or 'none'}."
        )
    else:
        parse = _parse_row
    rows, problems = _read_rows(table, name, parse, set(classes), list(views), further)
    problems += _repeated(rows) + _disagreeing_items(rows) + _straddling_groups(rows)
    problems = _one_per_line(problems)
    return replace(_without_broken_items(rows, problems), notes=table.notes)


def says_what_a_manifest_must(source: FolderSource | ZipSource) -> bool:
    """Whether a source has a manifest with the columns of one: ours, or the founding study's. One that is no table raises
    ValidationError, one that cannot be read UnreadableFile."""
    if not source.has_manifest:
        return False
    return _is_complete(open_table(source.manifest_bytes(), source.name)[1])


def require_manifest(data: bytes, name: str) -> None:
    """Raise ValidationError unless `data` is a table with the columns of a manifest."""
    columns = open_table(data, name)[1]
    if not _is_complete(columns):
        raise ValidationError(f"{name} needs the columns {', '.join(REQUIRED)}. Found: {', '.join(sorted(columns)) or 'none'}.")


def _is_complete(columns: set[str]) -> bool:
    return columns >= set(REQUIRED) or columns >= ISIC_COLUMNS


def open_table(data: bytes, name: str) -> tuple[Spreadsheet, set[str]]:
    """A table's rows and its columns, however a spreadsheet saved it. What is no table raises ValidationError."""
    try:
        table = open_spreadsheet(data, name)
    except TableError as error:
        raise ValidationError(str(error)) from error
    return table, set(table.header)


def _read_rows(table: Spreadsheet, name: str, parse: Callable, classes: set[str], views: list[str], further: bool):
    rows: list[ManifestRow] = []
    problems: list[RowProblem] = []
    while True:
        try:
            line = next(table, None)
        except TornRow as error:
            problems.append(RowProblem(error.line, str(error)))
            continue
        except TableError as error:
            raise ValidationError(str(error)) from error
        if line is None:
            return rows, problems
        if len(rows) + len(problems) >= MAX_ROWS:
            raise ValidationError(f"{name} has more than {MAX_ROWS:,} rows. Import it in parts.")
        try:
            row = parse(line.number, _cells_by_column(table.header, line.cells))
            _check_row(row, classes, views)
        except (BadRow, UnreadableFile) as error:
            problems.append(RowProblem(line.number, str(error)))
        else:
            rows.append(row if further else replace(row, attributes={}))


def _cells_by_column(columns: list[str], cells: list[str]) -> dict[str, str]:
    if len(cells) > len(columns):
        raise BadRow("The row has more cells than the header. Put cells that contain the separator in quotation marks.")
    if len(cells) < len(columns):
        raise BadRow("The row has fewer cells than the header.")
    return {column: " ".join(cell.split("\xa0")) if column in WORDS else cell for column, cell in zip(columns, cells)}


def _parse_row(line: int, cells: dict[str, str]) -> ManifestRow:
    known = {column: cells.pop(column) for column in OPTIONAL if column in cells}
    item, diagnosis, view, path = (cells.pop(column) for column in REQUIRED)
    fold = known.pop("fold", "")
    if fold and not (fold.isascii() and fold.isdigit() and len(fold) < 10 and int(fold) <= HIGHEST_FOLD):
        raise BadRow(f'fold must be empty or a whole number from 0 to {HIGHEST_FOLD}, not "{fold:.20}".')
    attributes = {column: value for column, value in cells.items() if column and value}
    return ManifestRow(
        line, item, diagnosis, view, path, fold=int(fold) if fold else None, attributes=attributes, **known
    )


def _isic_view(name: str, views: Sequence[str], view: str | None) -> str:
    found = [view] if view else [code for code in views if code.lower() in name.lower()]
    if len(found) != 1 or found[0] not in views:
        raise ValidationError(
            f"{name} has the authors' columns, which do not say the view. Name it: one of {', '.join(views)}."
        )
    return found[0]


def _isic_parser(columns: set[str], view: str) -> Callable[[int, dict[str, str]], ManifestRow]:
    path_column = "filepath" if "filepath" in columns else "image_name"

    def parse(line: int, cells: dict[str, str]) -> ManifestRow:
        item, diagnosis = cells["image_name"], cells["diagnosis"]
        path = cells[path_column] or item
        patient = cells.get("patient_id", "")
        split, fold = _isic_placement(cells)
        attributes = {
            column: value
            for column, value in cells.items()
            if value and column not in ("image_name", "diagnosis", "filepath", "is_test", "patient_id")
        }
        return ManifestRow(
            line, item, "Other" if diagnosis == ISIC_OTHER else diagnosis, view,
            path if "." in path.rsplit("/", 1)[-1] else f"{path}.jpg",
            split=split, fold=fold, group="" if patient in ISIC_UNKNOWN else patient, attributes=attributes,
            published_folds=True,
        )  # fmt: skip

    return parse


def _isic_placement(cells: dict[str, str]) -> tuple[str, int | None]:
    if cells["is_test"] not in ("0", "1", "0.0", "1.0"):
        raise BadRow(f'is_test must be 0 or 1, not "{cells["is_test"]}".')
    if cells["is_test"].startswith("1"):
        return "test", None
    try:
        record = int(float(cells["tfrecord"]))
    except (ValueError, OverflowError) as error:
        raise BadRow(f'tfrecord must be a whole number, not "{cells["tfrecord"]}".') from error
    if record < 0:  # the authors mark rows that belong to no fold so
        raise BadRow(f"tfrecord must not be negative in a training row; found {record}.")
    return "train", ISIC_FOLDS[record % 15]


def _check_row(row: ManifestRow, classes: set[str], views: list[str]) -> None:
    for column in ("item", "path"):
        if not getattr(row, column):
            raise BadRow(f"{column} is empty.")
    for column, limit in TEXT_LIMITS.items():
        value = getattr(row, column)
        if len(value) > limit:
            raise BadRow(f"{column} has {len(value)} characters; at most {limit} fit.")
        if "\x00" in value:
            raise BadRow(f"{column} contains a zero character.")
    if row.diagnosis not in classes:
        raise BadRow(f'class must be one of {", ".join(sorted(classes))}, not "{row.diagnosis}".')
    if row.view not in views:
        raise BadRow(f'view must be one of {", ".join(views)}, not "{row.view}".')
    if row.split not in SPLITS:
        raise BadRow(f'split must be train, test or empty, not "{row.split}".')
    if row.split == "test" and row.fold is not None:
        raise BadRow(f"A test item has no fold; found fold {row.fold}. Leave it empty.")
    for path in filter(None, (row.path, row.mask)):
        safe_relative(path)


def _repeated(rows: Sequence[ManifestRow]) -> list[RowProblem]:
    first: dict[tuple[str, str], int] = {}
    return [
        RowProblem(row.line, f"{row.item} already has its {row.view} picture in line {before}.")
        for row in rows
        if (before := first.setdefault((row.item, row.view), row.line)) != row.line
    ]


def _disagreeing_items(rows: Sequence[ManifestRow]) -> list[RowProblem]:
    first: dict[str, ManifestRow] = {}
    problems = []
    for row in rows:
        other = first.setdefault(row.item, row)
        for word, column in (("class", "diagnosis"), ("split", "split"), ("fold", "fold"), ("group", "group")):
            ours, theirs = getattr(row, column), getattr(other, column)
            if ours != theirs:
                problems.append(
                    RowProblem(row.line, f'{row.item} has {word} "{ours}" here and "{theirs}" in line {other.line}.')
                )
                break
    return problems


def _straddling_groups(rows: Sequence[ManifestRow]) -> list[RowProblem]:
    members: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in rows:
        if row.group and not row.published_folds:
            members[row.group].append(row)
    problems = []
    for group, rows_of_group in members.items():
        other = next((row for row in rows_of_group if row.placement != rows_of_group[0].placement), None)
        if other is not None:
            first = rows_of_group[0]
            words = (
                f'Group "{group}" must stay in one split and fold; line {first.line} has {first.placement_words}, '
                f"line {other.line} {other.placement_words}."
            )
            problems += [RowProblem(row.line, words) for row in rows_of_group]
    return problems


def _one_per_line(problems: Sequence[RowProblem]) -> list[RowProblem]:
    first: dict[int, RowProblem] = {}
    for problem in problems:
        first.setdefault(problem.line, problem)
    return [first[line] for line in sorted(first)]


def _without_broken_items(rows: Sequence[ManifestRow], problems: list[RowProblem]) -> ParsedManifest:
    bad_lines = {problem.line for problem in problems}
    broken = {row.item: row.line for row in rows if row.line in bad_lines}
    fellows = [
        RowProblem(row.line, f"Left out with line {broken[row.item]}: an item comes in whole or not at all.")
        for row in rows
        if row.item in broken and row.line not in bad_lines
    ]
    good = tuple(row for row in rows if row.item not in broken)
    return ParsedManifest(good, tuple(sorted([*problems, *fellows], key=lambda problem: problem.line)))
