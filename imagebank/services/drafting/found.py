"""What lies in a folder or ZIP: pictures, masks, and tables about them. A table's rows are tied to pictures by whichever of
its columns names files; folders and file names are a table, too."""

import csv
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from django.core.exceptions import ValidationError

from imagebank.services.decoding import SUFFIX_FORMATS
from imagebank.services.manifest import MAX_ROWS, open_table
from imagebank.services.sources import FolderSource, UnreadableFile, ZipSource

FOLDERS = "folders and file names"
FOLDER, FILE_NAME = "folder", "file name"
BEFORE_MARK, AFTER_MARK = "file name before its last _ or -", "file name after its last _ or -"
MOST_TABLES = 20
MOST_CELLS = 8_000_000  # of all tables together, which are held whole: 200,000 rows of 40 columns
DEEPEST_FOLDER = 6
MASK_FOLDERS = {"mask", "masks", "segmentation", "segmentations", "groundtruth"}
MASK_ENDINGS = ("_segmentation", "_mask", "-mask", "_seg")


@dataclass(frozen=True)
class PictureTable:
    """Rows about pictures. Every row has its own columns and those that its file's path tells (`folder 1`, `file name` ...).

    own: the columns of a CSV file, none for the table of folders and file names; columns: these and those of the path.
    rows: one dict per row with a picture; paths: the pictures, in the same order. path_column: which of its own names
    the files. lost: how many rows name no picture that is there.
    """

    name: str
    own: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    paths: tuple[str, ...]
    path_column: str = ""
    lost: int = 0
    _counted: dict[str, Counter] = field(default_factory=dict, repr=False, compare=False)

    def values(self, column: str) -> Counter:
        """How often each value stands in a column; counted once, since every role asks for every column."""
        if column not in self._counted:
            self._counted[column] = Counter(row.get(column, "") for row in self.rows)
        return self._counted[column]


@dataclass(frozen=True)
class Found:
    """All that a source holds. masks: the mask of a picture, by the picture's path. unread: why tables were not read."""

    pictures: tuple[str, ...]
    masks: dict[str, str]
    tables: tuple[PictureTable, ...]
    unread: tuple[str, ...] = ()

    def table(self, name: str) -> PictureTable:
        """The table of that name, or the first one."""
        return next((table for table in self.tables if table.name == name), self.tables[0])


def look_into(source: FolderSource | ZipSource) -> Found:
    """List a source. One without any picture raises ValidationError."""
    names = source.names()
    images = [name for name in names if PurePosixPath(name).suffix.lower() in SUFFIX_FORMATS]
    masks = _masks(images)
    pictures = [name for name in images if name not in set(masks.values())]
    if not pictures:
        kinds = ", ".join(sorted({PurePosixPath(name).suffix.lower() or "no ending" for name in names})[:6]) or "nothing"
        raise ValidationError(
            f"{source.name} has no picture: needed are files that end in {', '.join(SUFFIX_FORMATS)}; found {kinds}."
        )
    tables, unread = _tables(source, [name for name in names if name.lower().endswith(".csv")], pictures)
    return Found(tuple(pictures), masks, (*tables, _folder_table(pictures)), unread)


def told_by_path(path: str) -> dict[str, str]:
    """What a path alone says: its folders from the top, its name without the ending, and the parts of that name."""
    folders, stem = PurePosixPath(path).parts[:-1], PurePosixPath(path).stem
    told = {f"{FOLDER} {depth}": folder for depth, folder in enumerate(folders[:DEEPEST_FOLDER], 1)}
    mark = max(stem.rfind("_"), stem.rfind("-"))
    before, after = (stem[:mark], stem[mark + 1 :]) if mark > 0 else (stem, "")
    return told | {FILE_NAME: stem, BEFORE_MARK: before, AFTER_MARK: after}


def _masks(images: Sequence[str]) -> dict[str, str]:
    """Each picture's mask: in a folder of masks or with a mask's ending, and named like one picture alone."""
    marked: dict[str, list[str]] = {}
    for name in images:
        path = PurePosixPath(name)
        stem = path.stem.lower()
        ending = next((ending for ending in MASK_ENDINGS if stem.endswith(ending)), "")
        if ending or MASK_FOLDERS & {part.lower() for part in path.parts[:-1]}:
            marked.setdefault(stem.removesuffix(ending), []).append(name)
    every = {name for names in marked.values() for name in names}
    pictures: dict[str, list[str]] = {}
    for name in images:
        if name not in every:
            pictures.setdefault(PurePosixPath(name).stem.lower(), []).append(name)
    return {
        pictures[stem][0]: names[0]
        for stem, names in marked.items()
        if len(names) == 1 and len(pictures.get(stem, ())) == 1
    }


def _folder_table(pictures: Sequence[str]) -> PictureTable:
    rows = tuple(told_by_path(path) for path in pictures)
    return PictureTable(FOLDERS, (), _columns_of(rows), rows, tuple(pictures))


def _columns_of(rows: Iterable[dict[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for row in rows for column in row))


def _tables(source, names: Sequence[str], pictures: Sequence[str]) -> tuple[list[PictureTable], tuple[str, ...]]:
    """The CSV files that name pictures, those that name most first, and why others were left."""
    index = _PictureNames(pictures)
    tables, unread = [], []
    room = MOST_CELLS
    for name in names[:MOST_TABLES]:
        try:
            table = _read_table(name, source.table_bytes(name), index, room)
        except (ValidationError, UnreadableFile) as refusal:
            unread.append(" ".join(getattr(refusal, "messages", [str(refusal)])))
            continue
        if table.rows:
            tables.append(table)
            room -= len(table.rows) * len(table.own)
        else:
            unread.append(f"{name} names no picture that is here.")
    return sorted(tables, key=lambda table: -len(table.rows)), tuple(unread)


def _read_table(name: str, data: bytes, index: "_PictureNames", room: int) -> PictureTable:
    """room: how many cells may be held of it; more raise ValidationError."""
    reader, _ = open_table(data, name)
    named = [column for column in reader.fieldnames if column]
    rows = []
    try:
        for cells in reader:
            if len(rows) >= MAX_ROWS:
                raise ValidationError(f"{name} has more than {MAX_ROWS:,} rows. Split it into several.")
            if len(rows) * len(named) >= room:
                raise ValidationError(
                    f"{name} was not read: the tables beside the pictures have more than {MOST_CELLS:,} cells together. "
                    "Leave out columns or tables that nobody needs here."
                )
            rows.append({column: (cells.get(column) or "").strip() for column in named})
    except csv.Error as error:
        raise ValidationError(f"{name}, line {reader.line_num}, cannot be read as CSV ({error}).") from error
    named_by = {cell: index.find(cell) for cell in {cell for row in rows for cell in row.values()}}
    found = {column: [named_by[row[column]] for row in rows] for column in named}
    column = max(named, key=lambda column: sum(path is not None for path in found[column]), default="")
    tied = [(row, path) for row, path in zip(rows, found.get(column, ())) if path is not None]
    whole = tuple(told_by_path(path) | row for row, path in tied)
    columns = (*named, *(extra for extra in _columns_of(whole) if extra not in named))
    return PictureTable(name, tuple(named), columns, whole, tuple(path for _, path in tied), column, len(rows) - len(tied))


class _PictureNames:
    """Finds the one picture that a cell names: by its path, by its file name, or by that name without its ending."""

    def __init__(self, pictures: Sequence[str]):
        self._names: dict[str, str | None] = {}
        for keys_of in (self._of_path, self._of_name, self._of_stem):
            level: dict[str, str | None] = {}
            for path in pictures:
                key = keys_of(path)
                level[key] = path if key not in level else None  # two of the same name: neither is meant
            self._names = level | self._names

    def find(self, cell: str) -> str | None:
        key = _folded(cell.strip().replace("\\", "/").removeprefix("./"))
        return self._names.get(key) or self._names.get(key.rsplit("/", 1)[-1])

    @staticmethod
    def _of_path(path: str) -> str:
        return _folded(path)

    @staticmethod
    def _of_name(path: str) -> str:
        return _folded(PurePosixPath(path).name)

    @staticmethod
    def _of_stem(path: str) -> str:
        return _folded(PurePosixPath(path).stem)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
