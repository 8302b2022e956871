"""Auxiliary pictures from the ISIC archives' own CSV files; their labels are mapped by a table that can be changed.

Read as published: ISIC 2018/2019 ground truth (``image`` and one 0/1 column per class), ISIC 2020 / SIIM training file
(``image_name, patient_id, diagnosis``), and the re-split of either with ``tfrecord`` (-1: a known duplicate, left out).
"""

import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from models_ml.core.errors import CoreError, complain
from models_ml.core.files import read_csv, read_text
from models_ml.core.pictures.folds import relatives, stratified_folds
from models_ml.core.pictures.manifest import FOLD_OF_RECORD, Item, Manifest

AUXILIARY = "auxiliary"  # source of a picture that only helps training
LABEL_MAP = Path(__file__).with_name("isic_labels.toml")


def read_label_map(path: Path | str | None = None) -> dict[str, str]:
    """Published label to class; labels are compared without regard to case. An empty class leaves the picture out."""
    path = Path(path or LABEL_MAP)
    try:
        table = tomllib.loads(read_text(path, "A table of labels in TOML was"))["labels"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise CoreError(f"{path} must be TOML with a table [labels] of published label = class: {error}.") from error
    return {name.lower(): str(kind) for name, kind in table.items()}


def read_auxiliary(path: Path | str, images: Path | str, *, label_map: Mapping[str, str]) -> Manifest:
    """Training items of source ``auxiliary``; all rows with an unknown label or without a picture are reported."""
    path, images = Path(path), Path(images)
    name_column, rows = _rows(path)
    items, problems = [], []
    for line, row in rows:
        try:
            item = _item(row, line, row[name_column].strip(), images, label_map)
        except CoreError as error:
            problems.append(f"line {line}: {error}")
            continue
        items += [item] if item else []
    complain(f"{path} cannot be used; correct these rows, or the table of labels:", problems)
    return Manifest(tuple(items), source=str(path), recorded_folds=any(i.fold is not None for i in items))


def _rows(path: Path) -> tuple[str, list[tuple[int, dict[str, str]]]]:
    """The column that names the picture, and every row with its line."""
    header, rows = read_csv(path, "An ISIC file in CSV was")
    name_column = next((c for c in ("image_name", "image", "isic_id") if c in header), None)
    if name_column is None:
        raise CoreError(f"{path} needs a column image, image_name or isic_id; it has {', '.join(header) or 'none'}.")
    return name_column, rows


def published_labels(path: Path | str) -> dict[str, int]:
    """How often the file uses each label, known duplicates left out; rows without one label count under an empty one."""
    found: Counter[str] = Counter()
    for _, row in _rows(Path(path))[1]:
        try:
            if not _is_duplicate(row):
                found[published_label(row)] += 1
        except CoreError:
            found[""] += 1
    return dict(sorted(found.items()))


def _is_duplicate(row: Mapping[str, str]) -> bool:
    record = _record(row)
    return record is not None and record < 0


def _record(row: Mapping[str, str]) -> int | None:
    text = (row.get("tfrecord") or "").strip()
    try:
        return int(float(text)) if text else None
    except (ValueError, OverflowError):
        raise CoreError(f"tfrecord must be a whole number; it is {text!r}") from None


def _item(row: Mapping[str, str], line: int, name: str, images: Path, label_map: Mapping[str, str]) -> Item | None:
    if _is_duplicate(row):
        return None
    record = _record(row)
    label = published_label(row)
    if label.lower() not in label_map:
        raise CoreError(f"label {label!r} is not in the table of labels")
    kind = label_map[label.lower()]
    if not kind:
        return None
    found = next((p for suffix in (".jpg", ".jpeg", ".png") if (p := images / f"{name}{suffix}").is_file()), None)
    if found is None:
        raise CoreError(f"there is no picture {name}.jpg in {images}")
    fold = FOLD_OF_RECORD[record % 15] if record is not None else None
    patient = (row.get("patient_id") or row.get("lesion_id") or "").strip()
    group = "" if patient in ("", "-1") else f"isic:{patient}"
    return Item(id=name, path=found.absolute(), label=kind, fold=fold, group=group, source=AUXILIARY, line=line)


def published_label(row: Mapping[str, str]) -> str:
    """The text of ``diagnosis``, or the name of the one-hot column that is 1."""
    if (row.get("diagnosis") or "").strip():
        return row["diagnosis"].strip()
    marked = []
    for column, cell in row.items():
        try:
            if column and column.isupper() and float(cell) == 1:
                marked.append(column)
        except (TypeError, ValueError):
            continue
    if len(marked) != 1:
        raise CoreError(
            f"needs a diagnosis, or exactly one class column that is 1; found {', '.join(marked) or 'none'}"
        )
    return marked[0]


@dataclass(frozen=True)
class Joined:
    """A study's manifest with auxiliary pictures in its training split, and the classes that only they have."""

    manifest: Manifest
    auxiliary_classes: tuple[str, ...]


def join(manifest: Manifest, auxiliary: Sequence[Manifest], *, seed: int = 0) -> Joined:
    """Add auxiliary training pictures to a manifest of one view. A picture that stands in several files is taken once.

    Where all training pictures of the study have recorded folds, auxiliary ones that have none, or none of these, are
    spread over the same folds, patients kept whole; otherwise all folds are drawn together later.
    """
    (view,) = {item.view for item in manifest.items} if manifest.items else {""}
    own = manifest.train
    known = {item.id for item in manifest.items}
    extra: dict[str, Item] = {}
    for item in (item for part in auxiliary for item in part.items):
        if item.id in known:
            raise CoreError(f"Auxiliary picture {item.id!r} has the name of one of the study's items; rename one.")
        extra.setdefault(item.id, replace(item, view=view))
    present = sorted({item.fold for item in own.items if item.fold is not None})
    recorded = bool(present) and all(item.fold is not None for item in own.items)
    added = list(extra.values())
    placed = _spread(added, present, seed=seed) if recorded else [replace(item, fold=None) for item in added]
    classes = {item.label for item in placed} - {item.label for item in own.items}
    merged = replace(manifest, items=(*manifest.items, *placed), recorded_folds=recorded)
    return Joined(merged, tuple(sorted(classes)))


def _spread(added: list[Item], present: list[int], *, seed: int) -> list[Item]:
    if all(item.fold in present for item in added):
        return added
    families = relatives(len(added), [item.group for item in added])
    drawn = stratified_folds([item.label for item in added], families, folds=len(present), seed=seed)
    return [replace(item, fold=present[fold]) for item, fold in zip(added, drawn)]
