"""Which pictures there are: reads ``manifest.csv`` (house contract) and the founding study's authors' ISIC-shaped CSV.

Contract: ``item, class, view, path`` and optionally ``split, fold, group, mask, source`` and ``region_<name>`` (masks of
a sticker, a watermark, clothing ...); paths are relative to the file. Authors: ``image_name, filepath, diagnosis,
tfrecord`` and optionally ``is_test, patient_id``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from models_ml.core.errors import CoreError, complain
from models_ml.core.files import plain_text, read_csv, sha256_json, write_csv

CONTRACT_COLUMNS = ("item", "class", "view", "path")
REGION = "region_"
AUTHOR_COLUMNS = ("image_name", "filepath", "diagnosis", "tfrecord")
# Three of fifteen record numbers per fold, as the authors map them.
FOLD_OF_RECORD = {8: 0, 5: 0, 11: 0, 7: 1, 0: 1, 6: 1, 10: 2, 12: 2, 13: 2, 9: 3, 1: 3, 3: 3, 14: 4, 2: 4, 4: 4}


@dataclass(frozen=True)
class Item:
    """One picture. ``fold`` is None when none was recorded; ``label`` is empty when the class is unknown."""

    id: str
    path: Path
    label: str
    view: str = ""
    split: str = "train"
    fold: int | None = None
    group: str = ""
    mask: Path | None = None
    source: str = ""
    tone: str = ""  # skin tone group where the data have it
    regions: tuple[tuple[str, Path], ...] = ()  # masks of further parts by name: sticker, watermark, clothing ...
    line: int = 0  # of the manifest, for messages


@dataclass(frozen=True)
class LabelSpace:
    """All classes in the order of the network's outputs, and which of them are the study's own."""

    names: tuple[str, ...]
    own: tuple[str, ...]

    def __post_init__(self):
        if len(set(self.names)) != len(self.names) or len(self.names) < 2:
            raise CoreError(f"At least two different classes are needed; found {', '.join(self.names) or 'none'}.")
        if strangers := sorted(set(self.own) - set(self.names)):
            raise CoreError(f"Own class {strangers[0]!r} is not among the classes {', '.join(self.names)}.")

    @classmethod
    def of(cls, labels: Iterable[str], auxiliary: Sequence[str] = ()) -> "LabelSpace":
        """Classes in case-sensitive alphabetical order (as the authors'); those in ``auxiliary`` are not own."""
        names = tuple(sorted(set(labels) - {""}))
        return cls(names, tuple(name for name in names if name not in set(auxiliary)))

    def index(self, label: str) -> int:
        return self._index[label]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self.names)}

    @property
    def own_indices(self) -> tuple[int, ...]:
        return tuple(self._index[name] for name in self.own)


@dataclass(frozen=True)
class Manifest:
    """Pictures in file order, of one view or of several."""

    items: tuple[Item, ...]
    source: str = ""
    recorded_folds: bool = field(default=False)

    def __len__(self) -> int:
        return len(self.items)

    def keep(self, wanted: Callable[[Item], bool]) -> "Manifest":
        return replace(self, items=tuple(item for item in self.items if wanted(item)))

    def of_view(self, view: str) -> "Manifest":
        """The pictures of one view; with ``view`` empty, all of them, which must then be of one view."""
        views = sorted({item.view for item in self.items})
        if not view and len(views) > 1:
            raise CoreError(f"{self.source} has the views {', '.join(views)}; say which one with --view.")
        if view and view not in views:
            raise CoreError(f"{self.source} has no pictures of view {view!r}; it has {', '.join(views) or 'none'}.")
        return self.keep(lambda item: item.view == view) if view else self

    @property
    def train(self) -> "Manifest":
        return self.keep(lambda item: item.split == "train")

    @property
    def test(self) -> "Manifest":
        return self.keep(lambda item: item.split == "test")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of what training depends on; paths may move, names, classes, splits and folds may not."""
        return sha256_json([(i.id, i.label, i.view, i.split, i.fold, i.group) for i in self.items])

    def write(self, path: Path | str) -> None:
        """Write in the contract's form. What lies in the file's own folder is named from there, so that both can be moved together;
        other paths stay absolute."""
        folder = Path(path).parent.absolute()
        regions = sorted({name for item in self.items for name, _ in item.regions})
        header = (*CONTRACT_COLUMNS, "split", "fold", "group", "mask", "source", "skin_tone")
        header += tuple(f"{REGION}{name}" for name in regions)
        rows = (
            (i.id, i.label, i.view, _from(folder, i.path), i.split, "" if i.fold is None else i.fold, i.group,
             _from(folder, i.mask), i.source, i.tone, *(_from(folder, dict(i.regions).get(name)) for name in regions))
            for i in self.items
        )  # fmt: skip
        write_csv(path, header, rows)


def _from(folder: Path, path: Path | None) -> str:
    if path is None:
        return ""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def read_manifest(path: Path | str, *, view: str | None = None, check_files: bool = True) -> Manifest:
    """Read either shape; all bad rows are reported at once, each with its line.

    view: keep this view alone (None: all). check_files: every picture must exist.
    """
    path = Path(path)
    header, rows = read_csv(path, "A manifest in CSV (UTF-8) was")
    parse = _row_parser(header, path)
    items, problems = [], []
    for line, cells in rows:
        row = {key: plain_text(value) for key, value in cells.items() if key}
        try:
            items.append(parse(row, line, path.parent))
        except CoreError as error:
            problems.append(f"line {line}: {error}")
    problems += _duplicates(items)
    if view is not None:
        items = [item for item in items if item.view == view] if view else items
    if check_files:
        problems += [f"line {i.line}, item {i.id!r}: there is no picture at {i.path}" for i in items if not i.path.is_file()]
        masks = [(i, mask) for i in items for mask in (i.mask, *(path for _, path in i.regions)) if mask]
        problems += [f"line {i.line}, item {i.id!r}: there is no mask at {mask}" for i, mask in masks if not mask.is_file()]
    complain(f"{path} cannot be used; nothing was read. Correct these rows:", problems)
    if not items:
        raise CoreError(f"{path} has no rows{f' of view {view!r}' if view else ''}.")
    return Manifest(tuple(items), source=str(path), recorded_folds=any(i.fold is not None for i in items))


def _row_parser(header: Sequence[str], path: Path) -> Callable[[dict[str, str], int, Path], Item]:
    if set(CONTRACT_COLUMNS) <= set(header):
        return _contract_row
    if set(AUTHOR_COLUMNS) <= set(header):
        return _authors_row
    raise CoreError(
        f"{path} needs the columns {', '.join(CONTRACT_COLUMNS)} (or the authors' {', '.join(AUTHOR_COLUMNS)}); "
        f"it has {', '.join(header) or 'none'}."
    )


def _located(folder: Path, text: str) -> Path:
    return (folder / text).absolute()


def _contract_row(row: dict[str, str], line: int, folder: Path) -> Item:
    for column in ("item", "path"):
        if not row[column]:
            raise CoreError(f"{column} is empty")
    split = row.get("split", "") or "train"
    if split not in ("train", "test"):
        raise CoreError(f"split must be train or test; it is {split!r}")
    if split == "train" and not row["class"]:
        raise CoreError("a training picture needs a class")
    fold = _fold(row.get("fold", ""))
    if split == "test" and fold is not None:
        raise CoreError(f"a test picture belongs to no fold; it has fold {fold}")
    return Item(
        id=row["item"], path=_located(folder, row["path"]), label=row["class"], view=row["view"], split=split,
        fold=fold, group=row.get("group", ""), mask=_located(folder, row["mask"]) if row.get("mask") else None,
        source=row.get("source", ""), tone=row.get("skin_tone") or row.get("fitzpatrick", ""), line=line,
        regions=tuple(
            (column.removeprefix(REGION), _located(folder, value))
            for column, value in row.items() if column.startswith(REGION) and value
        ),
    )  # fmt: skip


def _fold(text: str) -> int | None:
    if not text:
        return None
    try:
        fold = int(float(text))
    except (ValueError, OverflowError):
        raise CoreError(f"fold must be a whole number from 0; it is {text!r}") from None
    if fold < 0:
        raise CoreError(f"fold must be a whole number from 0; it is {text!r}")
    return fold


def _authors_row(row: dict[str, str], line: int, folder: Path) -> Item:
    """Their rule: is_test 1 is the test split; otherwise the fold is that of ``tfrecord`` modulo 15."""
    if not row["image_name"] or not row["diagnosis"]:
        raise CoreError("image_name and diagnosis must not be empty")
    try:
        record = int(float(row["tfrecord"]))
    except (ValueError, OverflowError):
        raise CoreError(f"tfrecord must be a whole number; it is {row['tfrecord']!r}") from None
    test = row.get("is_test", "") in ("1", "1.0", "True")
    patient = row.get("patient_id", "")
    return Item(
        id=row["image_name"], path=_located(folder, row["filepath"]), label=row["diagnosis"],
        split="test" if test else "train", fold=None if test else FOLD_OF_RECORD[record % 15],
        group="" if patient in ("", "-1", "-1.0") else patient, line=line,
    )  # fmt: skip


def _duplicates(items: Iterable[Item]) -> list[str]:
    first: dict[tuple[str, str], int] = {}
    problems = []
    for item in items:
        key = (item.id, item.view)
        if key in first:
            problems.append(
                f"line {item.line}: item {item.id!r} of view {item.view!r} stands already in line {first[key]}"
            )
        first.setdefault(key, item.line)
    return problems
