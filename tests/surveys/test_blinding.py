"""What a reader's browser receives besides the picture itself is the same for every picture, so that it tells nothing."""

import hashlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmark.services.study_record import reading_record
from imagebank.models import Item, ItemImage, Study
from imagebank.services.decoding import pixel_sha256
from surveys.core.uniform import Chain, common_length, encode, filled
from surveys.exports.files import export_files
from surveys.models import ServedPicture, SurveyItem
from surveys.services import create_rating_study, load_protocol, prepare_study, single
from surveys.services.setting_up.preset_text import preset_of
from surveys.services.sitting.pictures import bare_pixels, chain_of, clean_pictures, picture_for_reader, stored_bytes
from surveys.tasks import prepare_everywhere
from tests.surveys.rating_study import PRESET, RATERS, make_generated, make_rating_study, real_images
from tests.surveys.study import make_study, make_surveyed_study
from tests.surveys.test_rating import RatingSitting
from tests.surveys.test_rating import begin as begin_rating
from tests.surveys.test_reading_pages import Sitting, to_first_block

FOUNDING = Path(__file__).resolve().parents[2] / "fixtures" / "founding" / "study.toml"


def replace_picture(image: ItemImage, pixels: np.ndarray, format: str, **options) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    image.file.save(f"{image.pk}.{format.lower()}", ContentFile(buffer.getvalue()), save=False)
    image.height, image.width = pixels.shape[:2]
    image.save()


def noisy(seed: int, height: int, width: int, strength: int) -> np.ndarray:
    return (120 + np.random.default_rng(seed).integers(0, strength + 1, (height, width, 3))).astype("uint8")


def visible(response) -> tuple:
    """All that a browser's network tab, a saved file's properties and its first bytes tell, besides the pixels."""
    data = response.content
    picture = Image.open(io.BytesIO(data))
    picture.load()
    marks = {name: value for name, value in picture.info.items() if name != "comment"}
    headers = {name: value for name, value in response.headers.items() if name not in ("Date", "Server")}
    return (
        response.status_code, tuple(headers.items()), len(data), picture.format, picture.mode, max(picture.size),
        sorted(marks.items()), getattr(picture, "quantization", None), getattr(picture, "layer", None), data[:20],
    )  # fmt: skip


def addresses(sitting, position: int) -> dict[str, str]:
    return {item["id"]: item["image"] for item in sitting.page_data(position)["items"]}


def area_under_curve(scores, positive) -> float:
    scores, positive = np.asarray(scores, dtype=float), np.asarray(positive, dtype=bool)
    above = scores[positive][:, None] - scores[~positive][None, :]
    return float(np.mean((above > 0) + 0.5 * (above == 0)))


@pytest.mark.django_db
def test_real_and_generated_pictures_differ_in_nothing_but_their_pixels(client):
    """Generated ones are smooth, small PNGs, real ones rough JPEGs of a camera: their lengths alone would part them."""
    bank = make_study("bank")
    real = real_images(bank)
    made = [make_generated(bank, f"made-{number:02d}", 20 * number) for number in range(10)]
    for number, image in enumerate(real):
        exif = Image.Exif()
        exif[0x010F] = "Camera"
        replace_picture(image, noisy(number, 64 + 8 * number, 96, 90), "JPEG", quality=60 + number, exif=exif)
    for number, image in enumerate(made):
        replace_picture(image, noisy(number, 48, 48, 6), "PNG")
    study = Study.objects.create(slug="rated", title="Real or generated?")
    stimuli = [single(image, "real", condition="real", label="ZQA") for image in real[:10]]
    stimuli += [single(image, "generated", condition="random sample", label="ZQA") for image in made]
    stimuli += [single(real[10], "real", role="practice"), single(real[11], "real", role="practice")]
    create_rating_study(study=study, preset=PRESET, stimuli=stimuli, raters=RATERS, seed=11)

    sitting = RatingSitting(client, study)
    begin_rating(sitting)
    generated = dict(SurveyItem.objects.values_list("public_id", "stimulus__frames__origin"))
    made_before = set(ServedPicture.objects.values_list("pk", flat=True))
    answers = {name: sitting.check(client.get(address)) for name, address in addresses(sitting, 1).items()}
    origins = [generated[name] for name in answers]
    assert {"real", "generated"} == set(origins)
    assert set(ServedPicture.objects.values_list("pk", flat=True)) == made_before, "none is made while a reader waits for it"
    assert len({str(visible(response)) for response in answers.values()}) == 1

    sizes = dict(
        ServedPicture.objects.filter(view="single").values_list("image__stimulus_frames__origin", "bytes").distinct()
    )
    assert set(sizes) == {"real", "generated"}
    rows = ServedPicture.objects.filter(view="single").values_list("bytes", "image__stimulus_frames__origin")
    before = area_under_curve([row[0] for row in rows], [row[1] == "real" for row in rows])
    after = area_under_curve(
        [len(answer.content) for answer in answers.values()], [origin == "real" for origin in origins]
    )
    assert before > 0.95, "the probe sees what there is to see"
    assert after == 0.5, "and cannot tell any more"
    assert len({hashlib.sha256(answer.content).digest() for answer in answers.values()}) == len(answers), (
        "repeats included"
    )


@pytest.mark.django_db
def test_a_png_among_jpegs_and_small_among_large_ones_cannot_be_told(client):
    study = make_surveyed_study()
    for number, image in enumerate(ItemImage.objects.order_by("pk")):
        size = (40, 60) if number % 3 else (160, 240)
        replace_picture(image, noisy(number, *size, 10 * (number % 9)), *(("PNG",) if number % 2 else ("JPEG",)))
    sitting = Sitting(client, study)
    to_first_block(sitting)
    answers = [sitting.check(client.get(address)) for address in addresses(sitting, 1).values()]
    assert len({str(visible(response)) for response in answers}) == 1
    assert Image.open(io.BytesIO(answers[0].content)).size == (240, 160), (
        "small ones are brought to the length of the largest"
    )


@pytest.mark.django_db
def test_a_study_without_loss_serves_every_pixel_as_it_is(client):
    study = make_surveyed_study(pictures={"format": "png"})
    sitting = Sitting(client, study)
    to_first_block(sitting)
    for name, address in addresses(sitting, 1).items():
        response = sitting.check(client.get(address))
        assert response["Content-Type"] == "image/png"
        image = ItemImage.objects.get(item__survey_items__public_id=name, view="focused")
        assert pixel_sha256(Image.open(io.BytesIO(response.content)).convert("RGB")) == pixel_sha256(bare_pixels(image))


@pytest.mark.django_db
def test_a_rating_study_without_loss_serves_png_of_one_size_and_length(client):
    study = make_rating_study(kinds=["single"])
    study.protocol.pictures = {"format": "png"}
    study.protocol.save()
    sitting = RatingSitting(client, study)
    begin_rating(sitting)
    answers = [sitting.check(client.get(address)) for address in addresses(sitting, 1).values()]
    assert len({str(visible(response)) for response in answers}) == 1
    assert answers[0]["Content-Type"] == "image/png"
    chains = set(ServedPicture.objects.values_list("chain", flat=True))
    assert chains == {"RGB without metadata, middle at 32 x 32 px (Lanczos), JPEG quality 85 4:2:0, PNG"}


@pytest.mark.django_db
def test_a_study_file_says_how_pictures_are_served_and_a_change_makes_them_anew(tmp_path):
    words = (FOUNDING.read_text() + '\n[pictures]\nformat = "jpeg"\nquality = 80\nside_px = 300\n').replace('"en"', '"de"')
    preset = tmp_path / "study.toml"
    preset.write_text(words)
    study = Study.objects.create(slug="founding-study", title="T")
    protocol = load_protocol(study=study, path=preset)
    assert (protocol.pictures, protocol.language) == ({"format": "jpeg", "quality": 80, "side_px": 300}, "de")
    assert preset_of(study)["pictures"] == protocol.pictures
    item = Item.objects.create(study=study, code="one")
    image = ItemImage.objects.create(
        item=item, view="focused", width=9, height=9, original_sha256="a", pixel_sha256="b", file="none.jpg"
    )
    ServedPicture.objects.create(study=study, view="focused", image=image, file="x.jpg", bytes=1, width=1, height=1)
    preset.write_text(words.replace("quality = 80", "quality = 95"))
    load_protocol(study=study, path=preset)
    assert not ServedPicture.objects.exists()
    preset.write_text(words.replace("quality = 80", "quality = 8"))
    with pytest.raises(ValidationError, match="quality is a whole number from 50 to 100"):
        load_protocol(study=study, path=preset)


@pytest.mark.django_db
def test_what_readers_saw_is_written_down_and_made_again_byte_for_byte(client):
    study = make_surveyed_study()
    assert prepare_study(study=study) == 8
    rows = list(ServedPicture.objects.select_related("image"))
    assert len(rows) == ItemImage.objects.count()
    for row in rows:
        again = encode(bare_pixels(row.image), chain_of(study, row.view))
        assert hashlib.sha256(again).hexdigest() == row.sha256 == hashlib.sha256(stored_bytes(row)).hexdigest()
        assert row.chain == "RGB without metadata, longer side 48 px (Lanczos), JPEG quality 92 4:4:4"
    prepare_everywhere()
    assert [row.pk for row in ServedPicture.objects.all()] == [row.pk for row in rows], "made once"
    display = reading_record(study)["reading"]["display"]
    assert "Served as focused, panoramic: RGB without metadata, longer side 48 px (Lanczos), JPEG quality 92 4:4:4;" in display
    table = next(file for file in export_files(study) if file.name == "pictures.csv").text(study)
    assert table.count("\n") == len(rows) + 1
    assert all(row.sha256 in table and row.image.pixel_sha256 in table for row in rows)


@pytest.mark.django_db
def test_the_practice_pictures_are_alike_too(client):
    sitting = RatingSitting(client, make_rating_study(kinds=["single"]))
    for name, data in (("landing", {}), ("consent", {}), ("about", {"specialty": "Dermatology"}), ("instructions", {})):
        sitting.post(name, data)
    body = sitting.get("practice").content.decode()
    data = json.loads(re.search(r'id="block-data"[^>]*>(.*?)</script>', body).group(1))
    for item in data["items"]:
        assert sitting.check(client.get(item["image"])).status_code == 200


@pytest.mark.django_db
def test_a_picture_asked_for_before_anything_was_prepared_is_made_with_all_of_its_block():
    study = make_surveyed_study()
    block = study.survey_sets.get().surveys.first().blocks.first()
    from surveys.services.sitting.pictures import parts_of_block

    parts = parts_of_block(study, block)
    data, kind = picture_for_reader(study=study, view=block.view, parts=parts, part=parts[0], salt="x")
    assert (kind, len(parts)) == ("image/jpeg", 6)
    assert ServedPicture.objects.count() == 6
    assert len(data) == common_length([row.bytes for row in ServedPicture.objects.all()])


@settings(max_examples=40)
@given(st.one_of(st.integers(32, 200), st.integers(65_500, 140_000)), st.sampled_from(["JPEG", "PNG"]))
def test_a_filled_file_has_its_length_and_the_same_pixels(missing, kind):
    pixels = Image.fromarray(noisy(3, 9, 13, 80))
    data = encode(pixels, Chain("png", ()) if kind == "PNG" else Chain())
    longer = filled(data, len(data) + missing, "salt")
    assert len(longer) == len(data) + missing
    picture = Image.open(io.BytesIO(longer))
    assert picture.format == kind
    assert picture.tobytes() == Image.open(io.BytesIO(data)).tobytes()
    assert longer != filled(data, len(longer), "pepper")


@pytest.mark.parametrize(
    "table", [{"format": "gif"}, {"quality": 20}, {"quality": True}, {"side_px": "wide"}, {"sharpness": 3}]
)
def test_rules_for_pictures_that_cannot_be_are_refused_in_a_sentence(table):
    with pytest.raises(ValidationError, match="pictures"):
        clean_pictures(table)
