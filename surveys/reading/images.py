"""Pictures as a reader gets them: pixels and nothing else."""

import io
import re
from collections.abc import Sequence

from django.http import Http404, HttpResponse
from PIL import Image, ImageOps

from imagebank.models import ItemImage, Rendition
from surveys.models import Stimulus, SurveyItem

TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}
QUALITY = 92


def survey_item_image(survey_item: SurveyItem, place: str = "1") -> HttpResponse:
    """The picture of a survey item without metadata, file name or validators: the web copy made for reading, if any.

    It is the item's in the block's view, or of a stimulus the frame that is shown at `place`, counted from 1.
    """
    if survey_item.stimulus is not None:
        return stimulus_image(survey_item.stimulus, place, survey_item.order)
    shown = {"item": survey_item.item_id, "view": survey_item.block.view}
    made = Rendition.objects.filter(name="reading", **{f"image__{key}": value for key, value in shown.items()})
    found = _rendition_bytes(made.order_by().first())
    if found is None:
        image = ItemImage.objects.filter(**shown).order_by().first()
        if image is None:
            raise Http404
        # A new picture of the bare pixels: what the file carried beside them stays behind.
        found = _jpeg(_bare_pixels(image), QUALITY), "image/jpeg"
    return _picture(*found)


def stimulus_image(stimulus: Stimulus, place: str = "1", order: list[int] | None = None) -> HttpResponse:
    """One frame of a stimulus, at the size and through the JPEG qualities that all frames of its kind share.

    place: number of the frame as shown, or of a grid's source, such as "row2" or "column1".
    """
    shown_as = stimulus.study.protocol.stimuli[stimulus.kind]
    head = re.fullmatch("(row|column)([1-9][0-9]?)", place)
    if head:
        heads = stimulus.heads()
        boxes = heads.rows if head[1] == "row" else heads.columns
        if int(head[2]) > len(boxes):
            raise Http404
        return _picture(matched_bytes(heads.image, shown_as, boxes[int(head[2]) - 1]), "image/jpeg")
    frames = list(stimulus.frames.select_related("image"))
    shown = order or list(range(1, len(frames) + 1))
    if not place.isdecimal() or not 1 <= int(place[:4]) <= len(shown):
        raise Http404
    frame = frames[shown[int(place) - 1] - 1]
    return _picture(matched_bytes(frame.image, shown_as, frame.box), "image/jpeg")


def _picture(data: bytes, content_type: str) -> HttpResponse:
    response = HttpResponse(data, content_type=content_type)
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    return response


def _rendition_bytes(rendition: Rendition | None) -> tuple[bytes, str] | None:
    """Bytes and media type of a rendition; None without one, or for content that no browser is promised to show."""
    if rendition is None:
        return None
    with rendition.file.open("rb") as file:
        data = file.read()
    content_type = next((kind for start, kind in TYPES.items() if data.startswith(start)), None)
    return (data, content_type) if content_type else None


def matched_bytes(image: ItemImage, shown: dict, box: Sequence[int] = ()) -> bytes:
    """A JPEG of an image's middle, or of its part `box`, at the size of `shown`, after each of its `jpeg_quality` in turn.

    Real photographs went through a camera's JPEG and generated pictures did not. The first, lower quality puts the same
    traces on all; the order of steps is the same for every frame.
    """
    size = (shown["width"], shown["height"])
    whole = _bare_pixels(image)
    pixels = ImageOps.fit(whole.crop(tuple(box)) if box else whole, size, Image.Resampling.LANCZOS)
    *before, last = shown.get("jpeg_quality") or [QUALITY]
    for quality in before:
        with Image.open(io.BytesIO(_jpeg(pixels, quality))) as picture:
            pixels = picture.convert("RGB")
    return _jpeg(pixels, last)


def _bare_pixels(image: ItemImage) -> Image.Image:
    with image.file.open("rb") as file, Image.open(file) as picture:
        pixels = ImageOps.exif_transpose(picture).convert("RGB")
    return Image.frombytes("RGB", pixels.size, pixels.tobytes())


def _jpeg(pixels: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
