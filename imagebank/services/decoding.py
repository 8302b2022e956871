"""From a stranger's file to upright RGB pixels without metadata, and the deterministic web copies made from them.

Nothing here touches the database; Pillow and numpy do the work and release the interpreter lock while they do, so that
threads decode in parallel."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.conf import settings
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from .jpeg import BrokenJpeg, strip_jpeg

SUFFIX_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WebP", ".heic": "HEIC", ".heif": "HEIC",
}  # fmt: skip
FORMAT_SUFFIXES = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp", "HEIC": ".heic"}
# How Pillow calls what we accept. MPO is what many phones write: a JPEG with a second, hidden picture behind it.
PILLOW_FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC"}
READING_SIDE_PX = 1600
THUMBNAIL_SIDE_PX = 320
PNG_BEGINNING = b"\x89PNG\r\n\x1a\n"
ORIENTATION_TAG = 0x0112


class RefusedImage(ValueError):
    """A file that is not taken in; the message says why and what to do."""


@dataclass(frozen=True)
class EncodedPicture:
    """Bytes of a picture without metadata. `suffix` is ".jpg" or ".png"."""

    name: str
    suffix: str
    data: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class DecodedImage:
    """What an accepted file contains.

    clean: the picture without metadata, upright, with exactly the decoded pixels (no second lossy encoding).
    renditions: "reading" (long side at most 1600 px; the clean file itself where it is small enough) and "thumbnail"
    (at most 320 px). Same input, same bytes.
    pixel_sha256: of width, height and upright 8-bit sRGB pixels. perceptual_hash: 64-bit DCT hash, hexadecimal.
    """

    format: str
    width: int
    height: int
    original_sha256: str
    pixel_sha256: str
    perceptual_hash: str
    clean: EncodedPicture
    renditions: tuple[EncodedPicture, ...]


def decode_image(
    data: bytes, *, name: str, max_bytes: int | None = None, max_pixels: int | None = None
) -> DecodedImage:
    """Check and decode one JPEG, PNG, WebP or HEIC file and make everything that is stored of it.

    name: the file's name; its ending must agree with the content. Limits default to settings.IMAGE_MAX_BYTES and
    IMAGE_MAX_PIXELS. Transparent parts become white, colours are converted to sRGB, 16-bit greys to 8 bits.
    Raises RefusedImage for a file that is too large, cut short, mislabelled, animated, or no picture at all.
    """
    opened, kind = _open_checked(data, name=name, max_bytes=max_bytes, max_pixels=max_pixels)
    clean_jpeg = _lossless_jpeg(data, opened, name) if kind == "JPEG" else None
    pixels = _upright_rgb(opened, name)
    if clean_jpeg is not None:
        clean = EncodedPicture("clean", ".jpg", clean_jpeg, *pixels.size)
    else:
        clean = EncodedPicture("clean", ".png", _png_bytes(pixels), *pixels.size)
    return DecodedImage(
        format=kind,
        width=pixels.width,
        height=pixels.height,
        original_sha256=hashlib.sha256(data).hexdigest(),
        pixel_sha256=pixel_sha256(pixels),
        perceptual_hash=perceptual_hash(pixels),
        clean=clean,
        renditions=(_reading_rendition(pixels, clean), _jpeg_rendition(pixels, "thumbnail", THUMBNAIL_SIDE_PX, 85)),
    )


def decode_mask(data: bytes, *, name: str, size: tuple[int, int]) -> EncodedPicture:
    """Check and decode a lesion mask: one grey channel, lossless, of the (width, height) of its upright picture."""
    opened, _ = _open_checked(data, name=name)
    if _must_change_pixels_orientation(opened):
        opened = ImageOps.exif_transpose(opened)
    try:
        _be_strict()
        mask = opened.convert("L")
    except Exception as error:  # a hostile file can make a decoder fail in any way
        raise RefusedImage(f"{name} cannot be decoded ({_reason(error)}); export the mask again.") from error
    if mask.size != size:
        raise RefusedImage(
            f"The mask {name} must have the size of its picture, {size[0]} x {size[1]} px; "
            f"it has {mask.width} x {mask.height}."
        )
    return EncodedPicture("mask", ".png", _png_bytes(mask), *mask.size)


def pixel_sha256(pixels: Image.Image) -> str:
    """SHA-256 over width, height (big-endian 32-bit) and the RGB bytes, row by row."""
    digest = hashlib.sha256(struct.pack(">II", *pixels.size))
    digest.update(pixels.tobytes())
    return digest.hexdigest()


def perceptual_hash(pixels: Image.Image) -> str:
    """64-bit hash of the low DCT frequencies of the grey picture (imagehash.phash), 16 hexadecimal digits."""
    import imagehash

    return str(imagehash.phash(pixels))


def _open_checked(data: bytes, *, name: str, max_bytes: int | None = None, max_pixels: int | None = None):
    """Open without decoding any pixel, after every check that needs no pixel. Returns (Pillow image, format)."""
    max_bytes = max_bytes or settings.IMAGE_MAX_BYTES
    max_pixels = max_pixels or settings.IMAGE_MAX_PIXELS
    expected = SUFFIX_FORMATS.get(PurePosixPath(name).suffix.lower())
    if expected is None:
        raise RefusedImage(f"{name} must end in one of {', '.join(SUFFIX_FORMATS)}.")
    if not data:
        raise RefusedImage(f"{name} is empty.")
    if len(data) > max_bytes:
        raise RefusedImage(f"{name} has {len(data):,} bytes; at most {max_bytes:,} are accepted. Make it smaller.")
    _register_heic()
    _be_strict()
    try:
        opened = Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "WEBP", "HEIF"])
    except Image.DecompressionBombError as error:
        raise RefusedImage(f"{name} has more than {max_pixels:,} pixels. Make it smaller.") from error
    except Exception as error:  # a hostile file can make a parser fail in any way
        raise RefusedImage(f"{name} is not a readable JPEG, PNG, WebP or HEIC picture ({_reason(error)}).") from error
    kind = PILLOW_FORMATS[opened.format]
    if kind != expected:
        right = str(PurePosixPath(name).with_suffix(FORMAT_SUFFIXES[kind]))
        raise RefusedImage(f"{name} is labelled {expected} but its content is {kind}. Rename it to {right}.")
    if opened.width * opened.height > max_pixels:
        raise RefusedImage(
            f"{name} has {opened.width} x {opened.height} = {opened.width * opened.height:,} pixels; "
            f"at most {max_pixels:,} are accepted. Make it smaller."
        )
    if getattr(opened, "is_animated", False) and kind in ("PNG", "WebP"):
        raise RefusedImage(f"{name} is animated ({opened.n_frames} frames). Save one frame as a picture of its own.")
    _refuse_cut_short(data, kind, name)
    return opened, kind


def _refuse_cut_short(data: bytes, kind: str, name: str) -> None:
    """Refuse what decoders would fill up with grey: a damaged or endless PNG, a file shorter than it says it is."""
    if kind == "PNG":
        _refuse_damaged_png(data, name)
    cut_webp = kind == "WebP" and struct.unpack("<I", data[4:8])[0] + 8 > len(data)
    if cut_webp or (kind == "HEIC" and _boxes_end(data) > len(data)):
        raise RefusedImage(f"{name} is cut short: its end is missing. Copy it again from its source.")


def _refuse_damaged_png(data: bytes, name: str) -> None:
    """Every chunk up to the last must be there and agree with its checksum; Pillow leaves those of the pixels out."""
    at = len(PNG_BEGINNING)
    while True:
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            raise RefusedImage(f"{name} is cut short: its end is missing. Copy it again from its source.")
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            raise RefusedImage(f"{name} is damaged (a checksum is wrong). Copy it again from its source.")
        if kind == b"IEND":
            return
        at = end


def _boxes_end(data: bytes) -> int:
    """Where the top-level boxes of a HEIC file (ISO 14496-12: 32-bit size, name, 64-bit size if the first is 1) end."""
    at = 0
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if size == 1:
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        if size < 8:  # 0: to the end of the file
            return len(data)
        at += size
    return at


def _lossless_jpeg(data: bytes, opened: Image.Image, name: str) -> bytes | None:
    """The same JPEG without its metadata, or None where the pixels themselves must change (turned, other colours)."""
    try:
        stripped = strip_jpeg(data)
    except BrokenJpeg as error:
        raise RefusedImage(f"{name} is cut short or damaged ({error}). Copy it again from its source.") from error
    plain = opened.mode in ("RGB", "L") and not opened.info.get("icc_profile")
    return stripped if plain and not _must_change_pixels_orientation(opened) else None


def _must_change_pixels_orientation(opened: Image.Image) -> bool:
    try:
        return opened.getexif().get(ORIENTATION_TAG, 1) in range(2, 9)
    except Exception:  # damaged EXIF says nothing about how the picture stands
        return False


def _upright_rgb(opened: Image.Image, name: str) -> Image.Image:
    """All pixels, turned upright, as 8-bit sRGB without any metadata."""
    try:
        turned = _must_change_pixels_orientation(opened)
        profile = opened.info.get("icc_profile")
        _be_strict()
        opened.load()
        upright = ImageOps.exif_transpose(opened) if turned else opened
        flat = _eight_bit_on_white(_to_srgb(upright, profile))
        return Image.frombytes("RGB", flat.size, flat.tobytes())
    except Exception as error:  # a hostile file can make a decoder fail in any way
        raise RefusedImage(
            f"{name} is cut short or damaged ({_reason(error)}). Copy it again from its source."
        ) from error


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours as a browser would show them. A profile that cannot be read is ignored, as browsers do."""
    if not profile or picture.mode not in ("RGB", "CMYK"):
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return picture


def _eight_bit_on_white(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16-bit greys: keep the upper byte instead of clipping at 255
        return picture.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return picture.convert("RGB")


def _reading_rendition(pixels: Image.Image, clean: EncodedPicture) -> EncodedPicture:
    """A copy for the bank's own pages and checks: the clean file where it is small enough. Readers get surveys.services.pictures."""
    if max(pixels.size) <= READING_SIDE_PX:
        return EncodedPicture("reading", clean.suffix, clean.data, clean.width, clean.height)
    return _jpeg_rendition(pixels, "reading", READING_SIDE_PX, 92)


def _jpeg_rendition(pixels: Image.Image, name: str, side_px: int, quality: int) -> EncodedPicture:
    copy = pixels.copy()
    copy.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    copy.save(buffer, "JPEG", quality=quality, subsampling=0)
    return EncodedPicture(name, ".jpg", buffer.getvalue(), *copy.size)


def _png_bytes(pixels: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()


def _be_strict() -> None:
    """Fail on what is missing instead of filling it up with grey; other libraries of this process may want the latter."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False


def _register_heic() -> None:
    if "HEIF" not in Image.OPEN:
        import pi_heif

        Image.init()  # Pillow loads its own WebP reader only on request
        pi_heif.register_heif_opener(thumbnails=False)


def _reason(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "unknown content"
    return " ".join(str(error).split())[:120] or type(error).__name__
