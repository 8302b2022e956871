"""Run the leakage check over a study's pictures and keep what it found."""

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
from django.db import transaction
from PIL import Image

from imagebank.leakage import LeakageParameters, Picture, find_leaks
from imagebank.models import ItemImage, LeakageFinding, LeakageReport, Study


def check_leakage(
    *,
    study: Study,
    parameters: LeakageParameters | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LeakageReport:
    """Compare all pictures of the study's included items and store a report with its findings.

    Thumbnails are compared where pixels are needed; bytes and pixels by the hashes of the originals. See
    imagebank.leakage for what is reported. progress: called with hundredths of the work done, and 100.
    """
    images = list(
        ItemImage.objects.filter(item__study=study, item__excluded_at=None)
        .select_related("item")
        .prefetch_related("renditions")
        .order_by("pk")
    )
    by_key = {image.pk: image for image in images}
    result = find_leaks(
        [_picture(image) for image in images],
        lambda picture: _pixels(by_key[picture.key], "thumbnail"),
        load_full=lambda picture: _pixels(by_key[picture.key], "reading"),
        views=study.view_codes(),
        parameters=parameters,
        progress=progress,
    )
    with transaction.atomic():
        report = LeakageReport.objects.create(
            study=study,
            images=len(images),
            pairs_compared=result.pairs_compared,
            parameters=asdict(result.parameters),
        )
        LeakageFinding.objects.bulk_create(
            LeakageFinding(
                report=report,
                kind=finding.kind,
                first_id=finding.first,
                second_id=finding.second,
                crosses_split=finding.crosses_split,
                crosses_fold=finding.crosses_fold,
                score=finding.score,
            )
            for finding in result.findings
        )
    return report


def _picture(image: ItemImage) -> Picture:
    item = image.item
    return Picture(
        key=image.pk,
        item=item.code,
        view=image.view,
        group=item.group,
        split=item.split,
        fold=item.fold,
        original_sha256=image.original_sha256,
        pixel_sha256=image.pixel_sha256,
        perceptual_hash=int(image.perceptual_hash, 16) if image.perceptual_hash else None,
    )


def _pixels(image: ItemImage, rendition: str) -> np.ndarray:
    """HWC uint8 of a rendition, or of the picture itself where it has none of that name.

    Several threads may read the same picture: each opens a file of its own, not the one that the row keeps open.
    """
    shown = next((made for made in image.renditions.all() if made.name == rendition), image)
    with shown.file.storage.open(shown.file.name, "rb") as file, Image.open(file) as picture:
        return np.asarray(picture.convert("RGB"))
