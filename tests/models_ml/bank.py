"""Drawn pictures for the tests of the networks' pages: small, quick to learn, with masks and groups."""

import csv
import hashlib
import shutil
from pathlib import Path

import numpy as np
from django.conf import settings
from PIL import Image

from imagebank.models import DiagnosisClass, Item, ItemImage, Study, Truth
from tests.models_ml.core.drawn import draw, write_rows

CLASSES = ("HMI", "IP", "MA")
VIEWS = ("focused", "panoramic")


def write_manifest(folder: Path, *, train: int = 6, test: int = 2, side: int = 48) -> Path:
    rng, rows = np.random.default_rng(0), []
    (folder / "images").mkdir(parents=True)
    for label, name in enumerate(CLASSES):
        for k in range(train + test):
            code = f"{name}-{k}"
            for view in VIEWS:
                pixels, mask = draw(label, rng, side)
                row = {
                    "item": code, "class": name, "view": view, "path": f"images/{view}-{code}.png",
                    "split": "train" if k < train else "test", "group": code,
                    "mask": f"images/{view}-{code}-mask.png", "skin_tone": str(1 + k % 3),
                }  # fmt: skip
                Image.fromarray(pixels).save(folder / row["path"])
                Image.fromarray(mask.astype(np.uint8) * 255).save(folder / row["mask"])
                rows.append(row)
    write_rows(folder / "manifest.csv", rows)
    return folder / "manifest.csv"


def store_study(manifest: Path) -> Study:
    """The study of a manifest's pictures as rows and files, without decoding them."""
    study = Study.objects.create(
        slug="spots", title="Spots", nature="drawn, not photographs",
        views=[{"code": view, "label": view} for view in VIEWS],
    )  # fmt: skip
    shutil.copytree(manifest.parent / "images", Path(settings.MEDIA_ROOT) / "images")
    classes = {
        code: DiagnosisClass.objects.create(study=study, code=code, name=code, position=position)
        for position, code in enumerate(CLASSES, start=1)
    }
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    items = {}
    for row in rows:
        if row["item"] not in items:
            item = items[row["item"]] = Item.objects.create(
                study=study, code=row["item"], split=row["split"], group=row["group"],
                attributes={"skin_tone": row["skin_tone"]},
            )  # fmt: skip
            Truth.objects.create(item=item, diagnosis=classes[row["class"]])
    ItemImage.objects.bulk_create(
        ItemImage(
            item=items[row["item"]], view=row["view"], file=row["path"], mask=row["mask"], width=48, height=48,
            original_sha256=hashlib.sha256(row["path"].encode()).hexdigest(),
            pixel_sha256=hashlib.sha256(row["path"].encode()).hexdigest(),
        )
        for row in rows
    )  # fmt: skip
    return study
