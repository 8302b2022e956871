"""Pictures of the hardest items beside a comparison, small, with what their licences ask to be said."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from imagebank.models import ItemImage, Study
from imagebank.tables import csv_text

SMALL = "thumbnail"


def images_sha256(study: Study) -> str:
    """SHA-256 of which picture every item of the study has: another picture is another comparison."""
    rows = ItemImage.objects.filter(item__study=study).values_list("item__code", "view", "pixel_sha256")
    told = "".join(f"{item} {view} {sha256}\n" for item, view, sha256 in rows.order_by("item__code", "view"))
    return hashlib.sha256(told.encode()).hexdigest()


def write_hardest_pictures(study: Study, results: Mapping, folder: Path) -> None:
    """Write the small copies of the hardest items of every view into `folder`, and pictures.csv beside them.

    Whoever may see results may see pictures, and results name truth: the roles are the same. Nothing is written where no
    item has a picture.
    """
    from benchmark.core.inputs.pictures import COLUMNS, LIST
    from benchmark.core.sections.standing import hardest

    views = dict.fromkeys(record["view"] for record in results["items"])
    wanted = [(record["item"], view or "") for view in views for record in hardest(results["items"], view)]
    images = ItemImage.objects.filter(item__study=study, item__code__in={item for item, _ in wanted})
    found = {(image.item.code, image.view): image for image in images.select_related("item", "provenance")}
    rows = []
    for number, key in enumerate(wanted, 1):
        image = found.get(key)
        small = image and image.renditions.filter(name=SMALL).first()
        if small is None or not small.file.storage.exists(small.file.name):
            continue
        name = f"{number:03d}{Path(small.file.name).suffix}"
        folder.mkdir(exist_ok=True)
        with small.file.open("rb") as file:
            (folder / name).write_bytes(file.read())
        rows.append((*key, name, _credit(image)))
    if rows:
        (folder / LIST).write_text(csv_text(COLUMNS, rows), encoding="utf-8", newline="")


def _credit(image: ItemImage) -> str:
    """Whose picture it is, under which licence, and what it is when it is no photograph."""
    told = getattr(image, "provenance", None)
    return "; ".join(text for text in (told.attribution, told.licence, told.nature) if text) if told else ""
