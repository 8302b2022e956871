"""What comes out of an image file, and which files are refused."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from imagebank.services.decoding import RefusedImage, decode_image, decode_mask
from imagebank.services.jpeg import strip_jpeg

from .factories import blocks, encoded, jpeg_bytes

FILES = Path(__file__).parent / "files"


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def with_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRET-CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    return exif


def test_a_jpeg_keeps_its_exact_pixels_and_loses_its_metadata():
    data = jpeg_bytes(3, exif=with_exif(1), comment=b"SECRET-COMMENT")
    assert b"SECRET-CAMERA" in data
    assert b"SECRET-COMMENT" in data
    decoded = decode_image(data, name="a.jpg")
    assert decoded.clean.suffix == ".jpg"
    assert b"SECRET" not in decoded.clean.data
    assert np.array_equal(pixels_of(decoded.clean.data), pixels_of(data))
    assert not Image.open(io.BytesIO(decoded.clean.data)).getexif()


@pytest.mark.parametrize("orientation", range(2, 9))
def test_turned_pictures_come_out_upright_by_the_exif_rules(orientation):
    """Reference: the eight turns of the EXIF standard written out with numpy."""
    upright_of = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a),
    }
    data = jpeg_bytes(5, exif=with_exif(orientation))
    decoded = decode_image(data, name="a.jpg")
    assert np.array_equal(pixels_of(decoded.clean.data), upright_of[orientation](pixels_of(data)))
    assert b"SECRET" not in decoded.clean.data


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("WEBP", "a.webp"), ("JPEG", "a.JPEG")])
def test_formats_decode_to_their_own_pixels(kind, name):
    data = encoded(blocks(1), kind)
    assert np.array_equal(pixels_of(decode_image(data, name=name).clean.data), pixels_of(data))


def test_heic_decodes_like_the_png_of_the_same_picture():
    """Lossy, so within a few grey levels. Files: tests/imagebank/files/README.md."""
    data = (FILES / "gradient.heif").read_bytes()
    decoded = decode_image(data, name="gradient.heic")
    png = pixels_of((FILES / "gradient.png").read_bytes()).astype(int)
    assert np.abs(pixels_of(decoded.clean.data) - png).mean() < 3
    with pytest.raises(RefusedImage, match="cut short"):
        decode_image(data[:-20], name="gradient.heic")


def test_progressive_and_grey_jpegs_keep_their_pixels():
    for data in (jpeg_bytes(2, progressive=True), encoded(blocks(2).convert("L"), "JPEG")):
        assert np.array_equal(pixels_of(decode_image(data, name="a.jpg").clean.data), pixels_of(data))


def test_transparent_parts_become_white_and_16_bit_greys_keep_their_range():
    see_through = Image.new("RGBA", (4, 4), (10, 20, 30, 0))
    assert (pixels_of(decode_image(encoded(see_through, "PNG"), name="a.png").clean.data) == 255).all()
    grey = Image.fromarray(np.array([[0, 0x8000, 0xFFFF]], dtype=np.uint16))
    values = pixels_of(decode_image(encoded(grey, "PNG"), name="a.png").clean.data)[0, :, 0]
    assert values.tolist() == [0, 128, 255]


def test_the_same_file_gives_the_same_bytes_and_small_pictures_are_never_enlarged():
    first, second = (decode_image(jpeg_bytes(1), name="a.jpg") for _ in range(2))
    assert first == second
    assert [(made.name, made.width, made.height) for made in first.renditions] == [
        ("reading", 48, 36),
        ("thumbnail", 48, 36),
    ]


def test_large_pictures_get_a_reading_copy_of_1600_and_a_thumbnail_of_320():
    decoded = decode_image(jpeg_bytes(1, size=(2000, 1000)), name="a.jpg")
    assert [(made.width, made.height) for made in decoded.renditions] == [(1600, 800), (320, 160)]


def test_identical_pixels_share_a_hash_whatever_the_file_and_others_do_not():
    picture = blocks(7)
    png = decode_image(encoded(picture, "PNG"), name="a.png")
    webp = decode_image(encoded(picture, "WEBP", lossless=True), name="a.webp")
    assert png.pixel_sha256 == webp.pixel_sha256
    assert png.original_sha256 != webp.original_sha256
    transposed = Image.fromarray(np.asarray(picture).reshape(48, 36, 3))
    assert decode_image(encoded(transposed, "PNG"), name="a.png").pixel_sha256 != png.pixel_sha256


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (jpeg_bytes(1), "a.png", r"labelled PNG but its content is JPEG. Rename it to a\.jpg"),
        (jpeg_bytes(1), "a.exe", "must end in one of"),
        (b"", "a.jpg", "is empty"),
        (b"<svg onload=alert(1)>", "a.png", "not a readable"),
        (encoded(blocks(1), "GIF"), "a.png", "not a readable"),
        (jpeg_bytes(1)[:-2], "a.jpg", "cut short"),
        (encoded(blocks(1), "PNG")[:-12], "a.png", "cut short"),
        (encoded(blocks(1), "PNG")[:900], "a.png", "cut short"),
        (encoded(blocks(1), "WEBP")[:-40], "a.webp", "not a readable"),
        (encoded(blocks(1), "WEBP", save_all=True, append_images=[blocks(2)]), "a.webp", "animated"),
        (encoded(blocks(1), "PNG", save_all=True, append_images=[blocks(2)]), "a.png", "animated"),
    ],
)
def test_refused_files_say_why(data, name, says):
    with pytest.raises(RefusedImage, match=says):
        decode_image(data, name=name)


def test_a_decompression_bomb_is_refused_before_a_pixel_is_decoded(monkeypatch):
    bomb = encoded(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(bomb) < 100_000
    monkeypatch.setattr(Image.Image, "load", lambda *a: pytest.fail("decoded a bomb"))
    with pytest.raises(RefusedImage, match="more than|at most"):
        decode_image(bomb, name="a.png")


def test_limits_of_bytes_and_pixels_are_exact():
    data = jpeg_bytes(1)
    decode_image(data, name="a.jpg", max_bytes=len(data), max_pixels=48 * 36)
    with pytest.raises(RefusedImage, match="bytes"):
        decode_image(data, name="a.jpg", max_bytes=len(data) - 1)
    with pytest.raises(RefusedImage, match="pixels"):
        decode_image(data, name="a.jpg", max_pixels=48 * 36 - 1)


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 1500), at=st.integers(0, 1500), byte=st.integers(0, 255))
def test_damaged_files_are_decoded_or_refused_and_never_crash(cut, at, byte):
    data = bytearray(jpeg_bytes(1))
    data[at % len(data)] = byte
    with contextlib.suppress(RefusedImage):  # any other exception fails the test
        decoded = decode_image(bytes(data[: len(data) - cut % len(data)]), name="a.jpg")
        assert pixels_of(decoded.clean.data).shape == (decoded.height, decoded.width, 3)


def test_a_phone_picture_with_a_hidden_second_picture_gives_the_first_alone():
    hidden = jpeg_bytes(9)
    data = jpeg_bytes(1) + hidden
    stripped = strip_jpeg(data)
    assert hidden[-200:] not in stripped
    assert np.array_equal(pixels_of(stripped), pixels_of(jpeg_bytes(1)))


def test_a_mask_must_have_the_size_of_its_picture():
    mask = Image.new("L", (48, 36), 255)
    assert decode_mask(encoded(mask, "PNG"), name="m.png", size=(48, 36)).width == 48
    with pytest.raises(RefusedImage, match="48 x 36"):
        decode_mask(encoded(mask, "PNG"), name="m.png", size=(36, 48))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_library_that_forgives_truncation_changes_nothing(kind, monkeypatch):
    """WeasyPrint sets this for the whole process when it is imported."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = encoded(blocks(1), kind)
    middle = len(data) // 2
    damaged = data[:middle] + data[middle + 30 :]
    for broken in (data[:middle], damaged) if kind == "PNG" else (data[:middle],):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        with pytest.raises(RefusedImage):
            decode_image(broken, name=f"a.{kind.lower()}".replace("jpeg", "jpg"))
