"""A study's real pictures as a folder that the core reads: what a generator is trained on and audited against."""

import csv
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from imagebank.models import DiagnosisClass, ItemImage, Study
from imagebank.services.storing import local_file

COLUMNS = ("item", "class", "view", "path", "split", "group")


@dataclass(frozen=True)
class StudyPictures:
    """Where the manifest lies, what it holds, and a hash over item, class, split and pixels of every row."""

    manifest: Path
    train: int
    held_out: int
    sha256: str


def real_pictures(study: Study, view: str) -> QuerySet[ItemImage]:
    """Pictures of a view with a reference class that were not generated, in a fixed order."""
    return (
        ItemImage.objects.filter(item__study=study, view=view, item__excluded_at=None, item__truth__isnull=False)
        .exclude(item__attributes__has_key="generated")
        .select_related("item__truth__diagnosis")
        .order_by("item__code")
    )


def write_study_pictures(*, study: Study, view: str, folder: Path) -> StudyPictures:
    """Write `folder`/manifest.csv and the pictures beside it (as links where the disk allows). Test items are held out,
    all others train. Raises ValidationError when the study has no such pictures."""
    images = list(real_pictures(study, view))
    if not images:
        raise ValidationError(
            f'{study.title} has no pictures of the view "{view}" with a reference class. Import pictures first, or '
            f"choose another view: {', '.join(study.view_codes())}."
        )
    store = folder / "pictures"
    store.mkdir(parents=True, exist_ok=True)
    digest, counts = hashlib.sha256(), {"train": 0, "test": 0}
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for image in images:
            item, split = image.item, "test" if image.item.split == "test" else "train"
            name = f"pictures/{image.pixel_sha256}{Path(image.file.name).suffix}"
            _place(local_file(image.file), folder / name)
            row = [item.code, item.truth.diagnosis.code, view, name, split, item.group or item.code]
            writer.writerow(row)
            digest.update("\n".join([*row, image.pixel_sha256]).encode())
            counts[split] += 1
    return StudyPictures(folder / "manifest.csv", counts["train"], counts["test"], digest.hexdigest())


def _place(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        os.link(source, target)
    except FileNotFoundError as error:
        raise ValidationError("A picture's file is missing from the store; look after the media folder.") from error
    except OSError:
        shutil.copyfile(source, target)


def class_called(study: Study, name: str) -> DiagnosisClass | None:
    """The study's class of that code or name, whatever the case; None for a network's class that the study lacks."""
    wanted = name.strip().casefold()
    for diagnosis in study.classes.all():
        if wanted in (diagnosis.code.casefold(), diagnosis.name.casefold()):
            return diagnosis
    return None


def class_names(study: Study, names: list[str]) -> dict[str, str]:
    """What to show for each of a network's class names: the study's own name where it has that class."""
    known = {row.code.casefold(): row.name for row in study.classes.all()}
    return {name: known.get(name.casefold(), name) for name in names}
