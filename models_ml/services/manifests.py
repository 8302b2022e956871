"""The study's pictures as a manifest: for training here, and as a package for a GPU box that has no database."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.core.exceptions import ValidationError

from imagebank.models import Item, ItemImage, Study
from imagebank.services.storing import local_file
from imagebank.services.working import working_folder
from models_ml.core.attribution.run import file_name
from models_ml.core.files import write_text
from models_ml.core.pictures.manifest import Item as Picture
from models_ml.core.pictures.manifest import Manifest

TONES = ("skin_tone", "fitzpatrick")
HOW_TO = """{title}: pictures and their classes, for training on a machine without the study's database.
{notice}
    python -m models_ml.core doctor
    python -m models_ml.core train manifest.csv --view {view} --preset modern --out run-{view}
    python -m models_ml.core predict run-{view} manifest.csv --split test --out run-{view}/predictions.csv

The same command continues a run that was cancelled or killed. Bring the folder run-{view} back with
    manage.py import_run {slug} run-{view} --name NAME
or as a ZIP on the page "Networks" of the study.
"""


@dataclass(frozen=True)
class Exported:
    """What a package holds."""

    path: Path
    pictures: int
    masks: int


def study_manifest(study: Study, *, views: list[str] | None = None, items: list[str] | None = None) -> Manifest:
    """Every picture in use that belongs to a split, with its class, ordered by item and view; paths are the store's.

    views: these alone (None: all). items: these item codes alone; a missing one raises ValidationError.
    """
    pictures = ItemImage.objects.filter(item__study=study, item__excluded_at=None).exclude(item__split="")
    if views is not None:
        pictures = pictures.filter(view__in=views)
    if items is not None:
        pictures = pictures.filter(item__code__in=items)
    rows = tuple(
        _picture(image) for image in pictures.select_related("item__truth__diagnosis").order_by("item", "view")
    )
    if items is not None and (missing := sorted(set(items) - {row.id for row in rows})):
        raise ValidationError(
            f"{len(missing)} of the items asked for have no picture in use (first: {missing[0]}); {study.title} has "
            f"{len(rows)} of them."
        )
    if not rows:
        raise ValidationError(f"{study.title} has no pictures in a split; import some first.")
    folds = any(row.fold is not None for row in rows)
    return Manifest(rows, source=f"the image bank of {study.slug}", recorded_folds=folds)


def _picture(image: ItemImage) -> Picture:
    item = image.item
    if item.split == Item.Split.TRAIN and not hasattr(item, "truth"):
        raise ValidationError(f"Training item {item.code} has no reference class; give it one or exclude it.")
    return Picture(
        id=item.code, path=local_file(image.file), label=item.truth.diagnosis.code if hasattr(item, "truth") else "",
        view=image.view, split=item.split, fold=item.fold, group=item.group,
        mask=local_file(image.mask) if image.mask else None, tone=tone_of(item),
    )  # fmt: skip


def tone_of(item: Item) -> str:
    """The item's skin tone as it was imported; empty where none was."""
    return next((str(item.attributes[key]) for key in TONES if item.attributes.get(key)), "")


def export_manifest(
    *, study: Study, out: Path, views: list[str] | None = None, progress: Callable[[int, int], None] | None = None
) -> Exported:
    """Write manifest.csv, pictures and masks to `out`: a folder, or one ZIP when `out` ends in .zip.

    It holds reference classes and says nothing about readers or where pictures come from. A view that the study does
    not have, or a picture whose file is gone, raises ValidationError; a package that was there before stays then.
    """
    unknown = sorted(set(views or []) - set(study.view_codes()))
    if unknown:
        raise ValidationError(f"{study.slug} has no view {unknown[0]!r}; it has {', '.join(study.view_codes())}.")
    manifest = study_manifest(study, views=views)
    gone = [picture.id for picture in manifest.items if not picture.path.is_file()]
    if gone:
        raise ValidationError(
            f"{len(gone)} pictures are missing from the store (first: item {gone[0]}); restore the media folder or "
            "exclude these items."
        )
    with _package(out) as folder:
        for number, picture in enumerate(manifest.items, start=1):
            _copy(picture.path, folder / _place(picture, "images", picture.path))
            if picture.mask:
                _copy(picture.mask, folder / _place(picture, "masks", picture.mask))
            if progress:
                progress(number, len(manifest))
        inside = tuple(
            replace(
                picture, path=_place(picture, "images", picture.path),
                mask=_place(picture, "masks", picture.mask) if picture.mask else None,
            )
            for picture in manifest.items
        )  # fmt: skip
        replace(manifest, items=inside).write(folder / "manifest.csv")
        notice = f"These pictures are {study.nature}.\n" if study.nature else ""
        view = (views or study.view_codes())[0]
        write_text(folder / "README.txt", HOW_TO.format(title=study.title, notice=notice, view=view, slug=study.slug))
    return Exported(out, len(manifest), sum(picture.mask is not None for picture in manifest.items))


def _place(picture: Picture, kind: str, file: Path) -> Path:
    return Path(kind) / picture.view / f"{file_name(picture.id)}{file.suffix}"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


@contextmanager
def _package(out: Path) -> Iterator[Path]:
    """A folder to fill; when all went well it becomes `out`, as a folder or as a ZIP (stored: pictures do not shrink)."""
    out = Path(out)
    if out.is_dir() and not (out / "manifest.csv").is_file() and any(out.iterdir()):
        raise ValidationError(f"{out} is a folder with other things in it; name a new one, or a .zip file.")
    out.parent.mkdir(parents=True, exist_ok=True)
    with working_folder(out.parent, ".export-") as work:
        folder = work / "package"
        folder.mkdir()
        yield folder
        if out.suffix == ".zip":
            part = work / out.name
            with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
                for path in sorted(folder.rglob("*")):
                    if path.is_file():
                        archive.write(path, path.relative_to(folder))
            part.replace(out)
        else:
            if out.is_dir():
                shutil.rmtree(out)
            folder.rename(out)
