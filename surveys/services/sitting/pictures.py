"""The files that readers get to see: made alike for all pictures of a kind of block, kept, and served at one length."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db.models import Max
from PIL import Image, ImageOps

from imagebank.models import ItemImage, Study
from imagebank.services.decoding import pixel_sha256
from imagebank.services.storing import store_bytes
from surveys.core.uniform import FORMATS, Chain, common_length, encode, encoder, filled
from surveys.models import Block, ServedPicture, Stimulus, StimulusFrame, Survey

QUALITY, SIDE_PX = 92, 1600
QUALITIES, SIDES_PX = (50, 100), (64, 8192)
SUFFIXES = {"jpeg": ".jpg", "png": ".png"}


@dataclass(frozen=True)
class Part:
    """An image, or the part of it within `box` (left, top, right, bottom in pixels)."""

    image_id: int
    box: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        return ",".join(map(str, self.box))


def clean_pictures(table: dict) -> dict:
    """The table `pictures` of a preset: format, quality, side_px. What it cannot be raises ValidationError."""
    unknown = sorted(set(table) - {"format", "quality", "side_px"})
    if unknown:
        raise ValidationError(
            f"The table pictures knows format, quality and side_px; the preset names {', '.join(unknown)}."
        )
    if table.get("format", "jpeg") not in FORMATS:
        raise ValidationError(f"pictures.format is one of {', '.join(FORMATS)}; it is {table['format']!r}.")
    for name, (low, high) in {"quality": QUALITIES, "side_px": SIDES_PX}.items():
        value = table.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValidationError(f"pictures.{name} is a whole number from {low} to {high}; it is {value!r}.")
    return dict(table)


def chain_of(study: Study, view: str) -> Chain:
    """What every picture of the study's blocks `view` goes through before a reader gets it.

    A kind of stimulus: to the size and through the JPEG qualities that the protocol says. A view of a reading study: to the
    longer side of its largest picture, or `side_px` where that is less; with format "png" and no side_px the pixels stay.
    """
    wanted = study.protocol.pictures
    shown = study.protocol.stimuli.get(view)
    lossless = wanted.get("format") == "png"
    last = wanted.get("quality", QUALITY)
    if shown:
        qualities = tuple(shown.get("jpeg_quality") or [last])
        if lossless:
            return Chain("png", qualities[:-1], size=(shown["width"], shown["height"]), fine_colour=False)
        return Chain(qualities=qualities, size=(shown["width"], shown["height"]), fine_colour=False)
    if lossless and "side_px" not in wanted:
        return Chain("png", ())
    drawn = ItemImage.objects.filter(view=view, item__survey_items__block__survey__survey_set__study=study)
    largest = drawn.order_by().aggregate(width=Max("width"), height=Max("height"))
    side = min(wanted.get("side_px", SIDE_PX), max(largest["width"] or SIDE_PX, largest["height"] or SIDE_PX))
    return Chain("png", (), long_side=side) if lossless else Chain(qualities=(last,), long_side=side)


def parts_of_block(study: Study, block: Block) -> list[Part]:
    """Everything that the pages of a block of `study` show."""
    if study.protocol.stimuli:
        return parts_of_stimuli(Stimulus.objects.filter(survey_items__block=block).distinct())
    images = ItemImage.objects.filter(view=block.view, item__survey_items__block=block)
    return [Part(pk) for pk in images.order_by().values_list("pk", flat=True).distinct()]


def parts_of_stimuli(stimuli: Iterable[Stimulus]) -> list[Part]:
    """Every frame of the stimuli, and the sources beside their grids."""
    parts: dict[Part, None] = {}
    frames = StimulusFrame.objects.filter(stimulus__in=stimuli).order_by("stimulus", "position")
    for image, box in frames.values_list("image", "box"):
        parts[Part(image, tuple(box))] = None
    for stimulus in stimuli:
        if stimulus.kind == Stimulus.Kind.GRID:
            heads = stimulus.heads()
            for box in (*heads.rows, *heads.columns):
                parts[Part(heads.image.pk, box)] = None
    return list(parts)


def served_pictures(*, study: Study, view: str, parts: Sequence[Part]) -> dict[Part, ServedPicture]:
    """The stored files of `parts`; those that are not there yet are made first, and stay."""
    found = _stored(study, view, parts)
    missing = [part for part in parts if part not in found]
    if not missing:
        return found
    chain, made_with = chain_of(study, view), encoder()
    images = ItemImage.objects.in_bulk([part.image_id for part in missing])
    for part in missing:
        _make(study, view, part, images[part.image_id], chain, made_with)
    return _stored(study, view, parts)


def _stored(study: Study, view: str, parts: Sequence[Part]) -> dict[Part, ServedPicture]:
    wanted = {(part.image_id, part.name): part for part in parts}
    rows = ServedPicture.objects.filter(study=study, view=view, image__in={part.image_id for part in parts}).order_by()
    rows = rows.only("image_id", "part", "file", "bytes")  # asked for with every picture that is served
    return {wanted[key]: row for row in rows if (key := (row.image_id, row.part)) in wanted}


def _make(study: Study, view: str, part: Part, image: ItemImage, chain: Chain, made_with: str) -> None:
    data = encode(bare_pixels(image, part.box), chain)
    with Image.open(io.BytesIO(data)) as shown:
        pixels = shown.convert("RGB")
    made = {
        "file": store_bytes(folder="served", suffix=SUFFIXES[chain.format], data=data),
        "bytes": len(data),
        "width": pixels.width,
        "height": pixels.height,
        "sha256": hashlib.sha256(data).hexdigest(),
        "pixel_sha256": pixel_sha256(pixels),
        "chain": chain.words(),
        "encoder": made_with,
    }
    # Two requests may make the same file at once; one row stays, and both files are the same.
    ServedPicture.objects.get_or_create(study=study, view=view, image=image, part=part.name, defaults=made)


def bare_pixels(image: ItemImage, box: Sequence[int] = ()) -> Image.Image:
    """The upright RGB pixels of an image, or of its part `box`: what the file carried beside them stays behind."""
    with image.file.open("rb") as file, Image.open(file) as picture:
        pixels = ImageOps.exif_transpose(picture).convert("RGB")
    pixels = Image.frombytes("RGB", pixels.size, pixels.tobytes())
    return pixels.crop(tuple(box)) if box else pixels


def stored_bytes(row: ServedPicture) -> bytes:
    with row.file.open("rb") as file:
        return file.read()


def jpeg_bytes(row: ServedPicture) -> bytes:
    """The stored file where it is a JPEG, else a JPEG of its pixels."""
    data = stored_bytes(row)
    if row.file.name.endswith(SUFFIXES["jpeg"]):
        return data
    with Image.open(io.BytesIO(data)) as picture:
        return encode(picture.convert("RGB"), Chain(qualities=(QUALITY,)))


def picture_for_reader(*, study: Study, view: str, parts: Sequence[Part], part: Part, salt: str) -> tuple[bytes, str]:
    """The file of `part` at the length that all of `parts` are given, and its media type. salt: where it is shown."""
    rows = served_pictures(study=study, view=view, parts=parts)
    data = filled(stored_bytes(rows[part]), common_length([row.bytes for row in rows.values()]), salt)
    return data, next(FORMATS[name] for name, suffix in SUFFIXES.items() if rows[part].file.name.endswith(suffix))


def prepare_block(*, study: Study, block: Block) -> None:
    """Make what the block's pages show, so that no picture takes longer to come than another."""
    served_pictures(study=study, view=block.view, parts=parts_of_block(study, block))


def prepare_study(*, study: Study, progress=lambda done, total: None) -> int:
    """Make the pictures of every survey of `study`, so that no reader waits for them; returns how many blocks there are."""
    blocks = list(
        Block.objects.filter(survey__in=Survey.objects.filter(survey_set__study=study)).order_by("view", "survey")
    )
    for done, block in enumerate(blocks):
        progress(done, len(blocks))
        prepare_block(study=study, block=block)
    progress(len(blocks), len(blocks))
    return len(blocks)
