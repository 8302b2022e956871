"""A small rating study: real and generated pictures of a bank, singles, pairs, a strip and a grid, two groups of seats."""

import hashlib
import io
from pathlib import Path

from django.core.files.base import ContentFile
from PIL import Image

from imagebank.models import Item, ItemImage, Study, Truth
from surveys.models import SurveyItem
from surveys.services import (
    create_rating_study,
    grid,
    invite,
    open_block,
    open_invitation,
    pair,
    record_consent,
    record_demographics,
    record_instructions_read,
    record_practice,
    single,
    start_response,
    strip,
)
from tests.surveys.study import make_study, survey

PRESET = Path(__file__).resolve().parents[2] / "fixtures" / "realism" / "study.toml"
RATERS = 6


def make_generated(study: Study, code: str, shade: int, size: int = 40) -> ItemImage:
    """A picture as a generator's adapter publishes it: an item of its own with one image."""
    item = Item.objects.create(study=study, code=code)
    Truth.objects.create(item=item, diagnosis=study.classes.get(code="ZQA"))
    buffer = io.BytesIO()
    Image.new("RGB", (size, size), (shade % 256, 90, 120)).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue() + code.encode()).hexdigest()
    image = ItemImage(
        item=item, view="generated", width=size, height=size, original_sha256=digest, pixel_sha256=digest
    )  # fmt: skip
    image.file.save(f"secret-{code}.png", ContentFile(buffer.getvalue()), save=True)
    return image


def real_images(study: Study) -> list[ItemImage]:
    return list(ItemImage.objects.filter(item__study=study, view="focused").select_related("item").order_by("item__code"))


def make_stimuli(study: Study) -> list:
    real = real_images(study)
    made = [make_generated(study, f"made-{number:02d}", 20 * number) for number in range(16)]
    stimuli = [single(image, "real", condition="real", label="ZQA") for image in real[:4]]
    stimuli += [single(image, "generated", condition="random sample", label="ZQB") for image in made[:3]]
    stimuli += [single(made[3], "generated", condition="curated")]
    stimuli += [single(made[4], "generated", role="catch"), single(real[4], "real", role="practice")]
    stimuli += [pair(real[5 + n], made[5 + n], condition="random sample") for n in range(2)]
    stimuli += [strip("strip-1", made[7:12], condition="morph")]
    stimuli += [grid("grid-1", made[12:16], columns=2, condition="style mix")]
    return stimuli


def make_rating_study(slug: str = "rated", kinds=("single", "pair", "strip", "grid"), preset=PRESET) -> Study:
    """A study whose images come from another one, as a publisher of generated images would make it."""
    bank = make_study(f"{slug}-bank")
    study = Study.objects.create(slug=slug, title="Real or generated?", nature="drawn, not photographs")
    stimuli = [spec for spec in make_stimuli(bank) if spec.kind in kinds]
    create_rating_study(study=study, preset=preset, stimuli=stimuli, raters=RATERS, seed=12)
    return study


def opened(raw: str, demographics: dict, position: int = 1):
    """The response of a link, led into a block, and the items of that block."""
    response = start_response(invitation=open_invitation(raw))
    record_consent(survey_response=response)
    record_demographics(survey_response=response, answers=demographics)
    record_instructions_read(survey_response=response)
    response = record_practice(survey_response=response)
    block = response.survey.blocks.get(position=position)
    open_block(survey_response=response, block=block)
    return response, list(SurveyItem.objects.filter(block=block).select_related("block", "stimulus").order_by("position"))


def rater_opened(study: Study):
    """The first rater in the first block."""
    _, raw = invite(seat=survey(study).seats.get())
    return opened(raw, {"specialty": "Dermatology"})
