"""Pictures as a reader gets them: pixels and nothing else."""

import io

from django.http import Http404, HttpResponse
from PIL import Image, ImageOps

from imagebank.models import ItemImage, Rendition
from surveys.models import SurveyItem

TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}


def survey_item_image(survey_item: SurveyItem) -> HttpResponse:
    """The picture of a survey item in its block's view, without metadata, file name or validators."""
    image = ItemImage.objects.filter(item=survey_item.item_id, view=survey_item.block.view).first()
    if image is None:
        raise Http404
    data, content_type = reading_bytes(image)
    response = HttpResponse(data, content_type=content_type)
    response["Content-Disposition"] = "inline"
    response["Cache-Control"] = "no-store"
    return response


def reading_bytes(image: ItemImage) -> tuple[bytes, str]:
    """Bytes and media type of the web copy made for reading, or of a fresh JPEG of the pixels while there is none."""
    rendition = Rendition.objects.filter(image=image, name="reading").first()
    if rendition is not None:
        with rendition.file.open("rb") as file:
            data = file.read()
        content_type = next((kind for start, kind in TYPES.items() if data.startswith(start)), None)
        if content_type:
            return data, content_type
    with image.file.open("rb") as file, Image.open(file) as picture:
        pixels = ImageOps.exif_transpose(picture).convert("RGB")
    # A new picture of the bare pixels: what the file carried beside them stays behind.
    bare = Image.frombytes("RGB", pixels.size, pixels.tobytes())
    buffer = io.BytesIO()
    bare.save(buffer, "JPEG", quality=92)
    return buffer.getvalue(), "image/jpeg"
