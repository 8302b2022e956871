"""Auxiliary pictures for runs started on the site: the ISIC archives' own files, their labels mapped by a study's table.

The operator puts each set into a folder of its own below AUXILIARY_PICTURES: the published CSV files, and the pictures
beside them or in a folder `images`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

from imagebank.models import Study
from models_ml.core import CoreError
from models_ml.core.pictures.isic import Joined, join, published_labels, read_auxiliary, read_label_map
from models_ml.core.pictures.manifest import Manifest
from models_ml.errors import core_errors
from models_ml.models import AuxiliaryLabels

CLASS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,49}")
LABEL_LENGTH, LABELS_AT_MOST = 200, 500


@dataclass(frozen=True)
class AuxiliarySet:
    """A folder on the server, and how often its files use each published label; `problem`: why it cannot be read."""

    name: str
    labels: dict[str, int]
    problem: str = ""

    @property
    def pictures(self) -> int:
        return sum(self.labels.values())


@dataclass(frozen=True)
class LabelRow:
    """A published label, the class that it stands for (empty: left out; None: not in the table), how often it occurs."""

    label: str
    kind: str | None
    pictures: int


def auxiliary_folder() -> Path:
    return Path(settings.AUXILIARY_PICTURES)


def set_names() -> list[str]:
    folder = auxiliary_folder()
    return sorted(path.parent.name for path in {p.parent: p for p in folder.glob("*/*.csv")}.values())


def auxiliary_sets() -> list[AuxiliarySet]:
    return [_counted(name) for name in set_names()]


def _counted(name: str) -> AuxiliarySet:
    found: Counter[str] = Counter()
    try:
        for path in _files(name):
            found.update(published_labels(path))
    except CoreError as error:
        return AuxiliarySet(name, {}, str(error))
    return AuxiliarySet(name, dict(found))


def _files(name: str) -> list[Path]:
    return sorted((auxiliary_folder() / name).glob("*.csv"))


def label_table(study: Study) -> dict[str, str]:
    """Published label to class: the study's own table, or, while nobody changed it, the one that is shipped."""
    changed = AuxiliaryLabels.objects.filter(study=study).first()
    return changed.labels if changed else read_label_map()


def label_rows(study: Study, sets: Sequence[AuxiliarySet]) -> list[LabelRow]:
    """Every label of the table and of the sets, most frequent first; labels are compared without regard to case."""
    table = label_table(study)
    counts: Counter[str] = Counter()
    for one in sets:
        counts.update({label.lower(): n for label, n in one.labels.items() if label})
    rows = [LabelRow(label, table.get(label), counts[label]) for label in {*table, *counts}]
    return sorted(rows, key=lambda row: (row.kind is not None, -row.pictures, row.label))


def change_label_table(*, study: Study, labels: Mapping[str, str], user=None) -> dict[str, str]:
    """Keep the study's table whole; runs that were started before keep the classes that they were started with."""
    table = {str(label).strip().lower(): str(kind).strip() for label, kind in labels.items()}
    if len(table) > LABELS_AT_MOST:
        raise ValidationError(f"The table may hold {LABELS_AT_MOST} labels; it has {len(table)}.")
    problems = [
        f"The class {kind!r} of label {label!r} must be letters, digits, hyphens, dots and underscores, at most 50; or "
        "empty, which leaves such pictures out."
        for label, kind in table.items() if kind and not CLASS_NAME.fullmatch(kind)
    ]  # fmt: skip
    problems += [
        f"A label needs 1 to {LABEL_LENGTH} printable characters; {label[:30]!r} does not have them."
        for label in table if not label or len(label) > LABEL_LENGTH or not label.isprintable()
    ]  # fmt: skip
    if problems:
        raise ValidationError(problems)
    AuxiliaryLabels.objects.update_or_create(study=study, defaults={"labels": table, "changed_by": user})
    return table


def restore_label_table(*, study: Study) -> dict[str, str]:
    AuxiliaryLabels.objects.filter(study=study).delete()
    return label_table(study)


def with_auxiliary(study: Study, manifest: Manifest, names: Sequence[str], *, seed: int) -> Joined:
    """The study's manifest with the pictures of these sets; a set, label or picture that is missing is one sentence."""
    known = set_names()
    if strangers := sorted(set(names) - set(known)):
        raise ValidationError(
            f"There is no set of auxiliary pictures {strangers[0]!r} in {auxiliary_folder()}; there are: "
            f"{', '.join(known) or 'none'}."
        )
    table = label_table(study)
    with core_errors():
        parts = [
            read_auxiliary(path, _pictures(name), label_map=table)
            for name in dict.fromkeys(names)
            for path in _files(name)
        ]
        return join(manifest, parts, seed=seed)


def _pictures(name: str) -> Path:
    folder = auxiliary_folder() / name
    return folder / "images" if (folder / "images").is_dir() else folder
