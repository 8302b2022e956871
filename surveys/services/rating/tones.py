"""Skin tones of images that are to be matched: as recorded, else the recorded tone that looks most like the picture."""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageOps

from imagebank.models import ItemImage

RECORDED = ("skin_tone", "fitzpatrick")
SIDE_PX = 96
MOST_MEASURED = 200


def recorded_tone(image: ItemImage) -> str:
    """The tone that the bank records for the item; "" where it says nothing."""
    return next((str(image.item.attributes[name]) for name in RECORDED if image.item.attributes.get(name)), "")


def measured_angle_deg(image: ItemImage) -> float | None:
    """The typology angle of an image's pixels, from a small copy."""
    from surveys.core.skin_tone import typology_angle_deg

    with image.file.open("rb") as file, Image.open(file) as picture:
        picture.draft("RGB", (SIDE_PX, SIDE_PX))
        small = ImageOps.exif_transpose(picture).convert("RGB")
    small.thumbnail((SIDE_PX, SIDE_PX))
    return typology_angle_deg(np.asarray(small))


def tones_of(images: Sequence[ItemImage], *, known: Iterable[ItemImage] = ()) -> dict[int, str]:
    """A tone for every image, by primary key; "" where it is neither recorded nor measurable.

    Images without a recorded tone get the one whose pictures look most alike, learnt from `known` and from those of `images`
    that have one. Where no tone is recorded at all, every image gets its class of measured tones, 1 very light to 6 dark.
    """
    from surveys.core.skin_tone import nearest_tone, tone_class, typical_angles

    found = {image.pk: recorded_tone(image) for image in images}
    unnamed = [image for image in images if not found[image.pk]]
    if not unnamed:
        return found
    measured = {image.pk: measured_angle_deg(image) for image in unnamed}
    examples = [image for image in _spread([*known, *images]) if recorded_tone(image)][:MOST_MEASURED]
    seen = [(recorded_tone(image), measured_angle_deg(image)) for image in examples]
    seen = [(tone, angle) for tone, angle in seen if angle is not None]
    typical = typical_angles([tone for tone, _ in seen], [angle for _, angle in seen])
    for key, angle in measured.items():
        if angle is not None:
            found[key] = nearest_tone(angle, typical) if typical else str(tone_class(angle))
    return found


def _spread(images: Sequence[ItemImage]) -> list[ItemImage]:
    """Every image once, in an order that mixes studies and classes and is always the same."""
    return sorted({image.pk: image for image in images}.values(), key=lambda image: image.pixel_sha256)
