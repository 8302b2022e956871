"""What lies in a folder or ZIP: pictures, masks, and tables about them. A table's rows are tied to pictures by whichever of
its columns names files; folders and file names are a table, too."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from imagebank.core.spreadsheets import TableError
from imagebank.services.decoding import SUFFIX_FORMATS
from imagebank.services.manifest import MAX_ROWS, open_table
from imagebank.services.sources import FolderSource, UnreadableFile, ZipSource

FOLDERS = "folders and file names"
FOLDER, FILE_NAME = "folder", "file name"
BEFORE_MARK, AFTER_MARK = "file name before its last _ or -", "file name after its last _ or -"
MOST_TABLES = 20
MOST_CELLS = 8_000_000  # of all tables together, which are held whole: 200,000 rows of 40 columns
DEEPEST_FOLDER = 6
TABLES = (".csv", ".tsv", ".xlsx")
SHEETS = (".xls", ".ods", ".numbers")
ROWS_TRIED = 1_000  # of a table, to see which columns name pictures at all
TOLD_EVERY = 5_000  # rows
MASK_FOLDERS = {"mask", "masks", "segmentation", "segmentations", "groundtruth"}
MASK_ENDINGS = ("_segmentation", "_mask", "-mask", "_seg")


class Row:
    """One row of a table, asked like a dict for its columns. Rows share their columns' places: of 200,000 rows with 40 columns
    dicts would be most of what is held."""

    __slots__ = ("_cells", "_places")

    def __init__(self, places: dict[str, int], cells: tuple[str, ...]):
        self._places, self._cells = places, cells

    def __getitem__(self, column: str) -> str:
        return self._cells[self._places[column]]

    def get(self, column: str, otherwise: str = "") -> str:
        place = self._places.get(column)
        return otherwise if place is None else self._cells[place]


@dataclass(frozen=True)
class PictureTable:
    """Rows about pictures. Every row has its own columns and those that its file's path tells (`folder 1`, `file name` ...).

    own: the columns of a CSV file, none for the table of folders and file names; columns: these and those of the path.
    rows: those with a picture; an empty cell is an empty string. paths: the pictures, in the same order. path_column: which of its own names
    the files. lost: how many rows name no picture that is there. several: a cell, of a table without rows, that more than one
    picture could be meant by.
    """

    name: str
    own: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    paths: tuple[str, ...]
    path_column: str = ""
    lost: int = 0
    several: str = ""
    _counted: dict[str, Counter] = field(default_factory=dict, repr=False, compare=False)

    def values(self, column: str) -> Counter:
        """How often each value stands in a column; counted once, since every role asks for every column."""
        if column not in self._counted:
            self._counted[column] = Counter(row.get(column, "") for row in self.rows)
        return self._counted[column]


@dataclass(frozen=True)
class Found:
    """All that a source holds. masks: the mask of a picture, by the picture's path. unread: why tables were not read, and what
    was guessed of those that were."""

    pictures: tuple[str, ...]
    masks: dict[str, str]
    tables: tuple[PictureTable, ...]
    unread: tuple[str, ...] = ()

    def table(self, name: str) -> PictureTable:
        """The table of that name, or the first one."""
        return next((table for table in self.tables if table.name == name), self.tables[0])


def look_into(source: FolderSource | ZipSource, tell: Callable[[str], None] = lambda words: None) -> Found:
    """List a source. One without any picture raises ValidationError. tell: called now and then with what is being done; what
    it raises ends the look."""
    tell("listing the files")
    if locked := source.encrypted():
        raise ValidationError(f"{source.name} has {locked:,} encrypted {'file' if locked == 1 else 'files'}. Make the ZIP without a password.")
    names = source.names()
    images = [name for name in names if ending_of(name) in SUFFIX_FORMATS]
    masks = _masks(images)
    are_masks = set(masks.values())
    pictures = [name for name in images if name not in are_masks]
    if not pictures:
        kinds = ", ".join(sorted({ending_of(name) or "no ending" for name in names})[:6]) or "nothing"
        raise ValidationError(
            f"{source.name} has no picture: needed are files that end in {', '.join(SUFFIX_FORMATS)}; found {kinds}. "
            "Save others (TIFF, GIF, DICOM) as PNG, and unpack ZIPs within the ZIP."
        )
    tables, unread = _tables(source, [name for name in names if ending_of(name) in TABLES], pictures, tell)
    tell("reading folders and file names")
    return Found(tuple(pictures), masks, (*tables, _folder_table(pictures)), (*unread, *_left_lying(names)))


def _left_lying(names: Sequence[str]) -> list[str]:
    """In a sentence each, the files that are neither pictures nor tables: nobody should look for them in vain."""
    endings = Counter(ending_of(name) or "no ending" for name in names)
    sheets = sum(endings.pop(ending, 0) for ending in SHEETS)
    others = {ending: count for ending, count in endings.most_common() if ending not in (*SUFFIX_FORMATS, *TABLES)}
    told = []
    if sheets:
        told.append(f"{sheets:,} spreadsheet{' is' if sheets == 1 else 's are'} not read. Save as XLSX or CSV UTF-8, and upload again.")
    if others:
        kinds = ", ".join(f"{count:,} {ending}" for ending, count in list(others.items())[:6])
        told.append(f"Not read as pictures: {kinds}. Read are JPEG, PNG, WebP and HEIC; save others (TIFF, GIF, DICOM) as PNG.")
    return told


def ending_of(path: str) -> str:
    """What a file's name ends in, with its dot, in small letters."""
    stem, dot, ending = path.rpartition("/")[2].rpartition(".")
    return f".{ending.lower()}" if stem and dot else ""


def stem_of(path: str) -> str:
    """A file's name without its ending."""
    name = path.rpartition("/")[2]
    stem, _, _ = name.rpartition(".")
    return stem or name


def told_by_path(path: str) -> dict[str, str]:
    """What a path alone says: its folders from the top, its name without the ending, and the parts of that name."""
    folders, stem = path.split("/")[:-1], stem_of(path)
    told = {f"{FOLDER} {depth}": folder for depth, folder in enumerate(folders[:DEEPEST_FOLDER], 1)}
    mark = max(stem.rfind("_"), stem.rfind("-"))
    before, after = (stem[:mark], stem[mark + 1 :]) if mark > 0 else (stem, "")
    return told | {FILE_NAME: stem, BEFORE_MARK: before, AFTER_MARK: after}


def _masks(images: Sequence[str]) -> dict[str, str]:
    """Each picture's mask: in a folder of masks or with a mask's ending, and named like one picture alone."""
    marked: dict[str, list[str]] = {}
    for name in images:
        stem = stem_of(name).lower()
        ending = next((ending for ending in MASK_ENDINGS if stem.endswith(ending)), "")
        if ending or not MASK_FOLDERS.isdisjoint(name.lower().split("/")[:-1]):
            marked.setdefault(stem.removesuffix(ending), []).append(name)
    every = {name for names in marked.values() for name in names}
    pictures: dict[str, list[str]] = {}
    for name in images:
        if name not in every:
            pictures.setdefault(stem_of(name).lower(), []).append(name)
    return {
        pictures[stem][0]: names[0]
        for stem, names in marked.items()
        if len(names) == 1 and len(pictures.get(stem, ())) == 1
    }


def _folder_table(pictures: Sequence[str]) -> PictureTable:
    told = [told_by_path(path) for path in pictures]
    columns = _columns_of(told)
    return PictureTable(FOLDERS, (), columns, _rows(columns, told), tuple(pictures))


def _rows(columns: Sequence[str], told: Iterable[dict[str, str]]) -> tuple[Row, ...]:
    """Rows of the cells told; equal cells are held once."""
    places, held = {column: place for place, column in enumerate(columns)}, {}
    return tuple(Row(places, tuple(held.setdefault(cell, cell) for cell in (each.get(column, "") for column in columns))) for each in told)


def _columns_of(rows: Iterable[dict[str, str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(column for row in rows for column in row))


def _tables(
    source, names: Sequence[str], pictures: Sequence[str], tell: Callable[[str], None]
) -> tuple[list[PictureTable], tuple[str, ...]]:
    """The tables that name pictures, those that name most first; why others were left, and what was guessed."""
    index = _PictureNames(pictures) if names else None
    tables, unread = [], []
    room = MOST_CELLS
    for name in names[:MOST_TABLES]:
        try:
            table, guessed = _read_table(name, source.table_bytes(name), index, room, tell)
        except (ValidationError, UnreadableFile) as refusal:
            unread.append(" ".join(getattr(refusal, "messages", [str(refusal)])))
            continue
        if table.rows:
            tables.append(table)
            unread += guessed
            room -= len(table.rows) * len(table.own)
        elif table.several:
            unread.append(f"{name} names pictures only as several of them are called ({table.several}). Write their paths there, with folders.")
        else:
            unread.append(f"{name} names no picture that is here.")
    return sorted(tables, key=lambda table: -len(table.rows)), tuple(unread)


def _read_table(
    name: str, data: bytes, index: "_PictureNames", room: int, tell: Callable[[str], None]
) -> tuple[PictureTable, tuple[str, ...]]:
    """The table, and what was guessed of it. room: how many cells may be held of it; more raise ValidationError."""
    named, rows, guessed = _cells_of(name, data, room, tell)
    tell(f"{name}: finding the pictures that it names")
    column, found = _naming_column(rows, len(named), index)
    tied = [place for place, path in enumerate(found) if path is not None]
    told = [told_by_path(found[place]) for place in tied]
    extra = tuple(each for each in _columns_of(told) if each not in named)
    places = {each: place for place, each in enumerate((*named, *extra))}
    whole, held = [], {}
    for place, says in zip(tied, told):
        more = (held.setdefault(cell, cell) for cell in (says.get(each, "") for each in extra))
        whole.append(Row(places, (*rows[place], *more)))
    paths = tuple(found[place] for place in tied)
    path_column = named[column] if named else ""
    several = "" if tied else next((cell for row in rows[:ROWS_TRIED] for cell in row if index.means_several(cell)), "")
    table = PictureTable(name, tuple(named), (*named, *extra), tuple(whole), paths, path_column, len(rows) - len(tied), several)
    return table, guessed


def _cells_of(
    name: str, data: bytes, room: int, tell: Callable[[str], None]
) -> tuple[list[str], list[tuple[str, ...]], tuple[str, ...]]:
    """A table's named columns, their cells row by row (equal cells are held once), and what was guessed of it."""
    table, _ = open_table(data, name)
    places = [(place, column) for place, column in enumerate(table.header) if column]
    rows, held = [], {}
    try:
        for _, cells in table:
            if len(rows) >= MAX_ROWS:
                raise ValidationError(f"{name} has more than {MAX_ROWS:,} rows. Split it into several.")
            if len(rows) * len(places) >= room:
                raise ValidationError(
                    f"{name} was not read: the tables beside the pictures have more than {MOST_CELLS:,} cells together. "
                    "Leave out columns or tables that nobody needs here."
                )
            given = (cells[place] if place < len(cells) else "" for place, _ in places)
            rows.append(tuple(held.setdefault(cell, cell) for cell in given))
            if len(rows) % TOLD_EVERY == 0:
                tell(f"{name}: {len(rows):,} rows read")
    except TableError as error:
        raise ValidationError(str(error)) from error
    return [column for _, column in places], rows, table.notes


def _naming_column(rows: Sequence[tuple[str, ...]], width: int, index: "_PictureNames") -> tuple[int, list[str | None]]:
    """The place of the column that names most pictures, and the picture of every row. Where some columns name pictures in
    the first rows, the others are not asked further."""
    tried = rows[:ROWS_TRIED]
    hopeful = [place for place in range(width) if any(index.find(row[place]) for row in tried)]
    best, found = 0, []
    for place in hopeful or range(width):
        named = [index.find(row[place]) for row in rows]
        if not found or sum(path is not None for path in named) > sum(path is not None for path in found):
            best, found = place, named
    return best, found


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
        key = self._key(cell)
        return self._names.get(key) or self._names.get(key.rsplit("/", 1)[-1])

    def means_several(self, cell: str) -> bool:
        return self._key(cell).rsplit("/", 1)[-1] in self._names and self.find(cell) is None

    @staticmethod
    def _key(cell: str) -> str:
        return _folded(cell.strip().replace("\\", "/").removeprefix("./"))

    @staticmethod
    def _of_path(path: str) -> str:
        return _folded(path)

    @staticmethod
    def _of_name(path: str) -> str:
        return _folded(path.rpartition("/")[2])

    @staticmethod
    def _of_stem(path: str) -> str:
        return _folded(stem_of(path))


def _folded(name: str) -> str:
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name).casefold()
