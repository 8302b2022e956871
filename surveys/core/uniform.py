"""Pictures of one part of a study as files that nothing but the picture itself tells apart: one format, one encoder, one
quality, one rule for the size, no metadata, and one number of bytes."""

import hashlib
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

FORMATS = {"jpeg": "image/jpeg", "png": "image/png"}
PNG_LEVEL = 4
# The last chunk of a PNG has 12 bytes; a private one may stand before it. Comments of a JPEG stand behind its JFIF header.
PNG_END, CHUNK_HEAD, SPARE = 12, 12, 32
JFIF, COMMENT, LONGEST_COMMENT, COMMENT_HEAD = b"\xff\xe0", b"\xff\xfe", 65535, 4
STEP = 256


@dataclass(frozen=True)
class Chain:
    """How a decoded picture becomes the file that a browser gets.

    size: width and height to which the middle of the picture is brought; long_side: length in pixels of the longer side,
    of small pictures as of large ones; neither: the pixels stay as they are. qualities: of JPEG, one after another, the
    last of which is served. fine_colour: colour is kept at every pixel (4:4:4) instead of every other (4:2:0).
    """

    format: str = "jpeg"
    qualities: tuple[int, ...] = (92,)
    size: tuple[int, int] | None = None
    long_side: int | None = None
    fine_colour: bool = True

    @property
    def media_type(self) -> str:
        return FORMATS[self.format]

    def words(self) -> str:
        """The chain in a line, as it is written beside the hashes."""
        steps = ["RGB without metadata"]
        if self.size:
            steps.append(f"middle at {self.size[0]} x {self.size[1]} px (Lanczos)")
        elif self.long_side:
            steps.append(f"longer side {self.long_side} px (Lanczos)")
        colour = "4:4:4" if self.fine_colour else "4:2:0"
        before = self.qualities if self.format == "png" else self.qualities[:-1]
        steps += [f"JPEG quality {quality} {colour}" for quality in before]
        steps.append("PNG" if self.format == "png" else f"JPEG quality {self.qualities[-1]} {colour}")
        return ", ".join(steps)


def encode(pixels: "Image.Image", chain: Chain) -> bytes:
    """The file of RGB `pixels` after `chain`: the same pixels, the same bytes, with one version of the encoder."""
    from PIL import Image, ImageOps

    if chain.size:
        pixels = ImageOps.fit(pixels, chain.size, Image.Resampling.LANCZOS)
    elif chain.long_side and max(pixels.size) != chain.long_side:
        scale = chain.long_side / max(pixels.size)
        size = tuple(max(1, round(side * scale)) for side in pixels.size)
        pixels = pixels.resize(size, Image.Resampling.LANCZOS)
    before = chain.qualities if chain.format == "png" else chain.qualities[:-1]
    for quality in before:
        with Image.open(io.BytesIO(_jpeg(pixels, quality, chain.fine_colour))) as again:
            pixels = again.convert("RGB")
    if chain.format == "jpeg":
        return _jpeg(pixels, chain.qualities[-1], chain.fine_colour)
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", compress_level=PNG_LEVEL)
    return buffer.getvalue()


def _jpeg(pixels: "Image.Image", quality: int, fine_colour: bool) -> bytes:
    buffer = io.BytesIO()
    pixels.save(buffer, "JPEG", quality=quality, subsampling=0 if fine_colour else 2)
    return buffer.getvalue()


def encoder() -> str:
    """Name and version of what encodes: together with the chain it fixes the bytes."""
    import PIL
    from PIL import features

    return f"Pillow {PIL.__version__}, libjpeg {features.version('jpg')}, zlib {features.version('zlib')}"


def common_length(lengths: Sequence[int]) -> int:
    """Bytes that all of these files are given: a little more than the largest has, a multiple of 256."""
    return -(-(max(lengths) + SPARE) // STEP) * STEP


def filled(data: bytes, length: int, salt: str) -> bytes:
    """`data` with as many bytes beside the picture that it has `length`; every decoder passes over them.

    They look like chance, so that no compression on the way gives the picture's own length away, and depend on `salt`, so
    that the same picture shown twice is not the same file.
    """
    missing = length - len(data)
    if missing < SPARE:
        raise ValueError(f"A file of {len(data)} bytes needs {SPARE} more at least to be filled; asked for {missing}.")
    noise = hashlib.shake_256(salt.encode()).digest(missing)
    if data.startswith(b"\x89PNG"):
        body = b"fiLl" + noise[: missing - CHUNK_HEAD]
        chunk = (missing - CHUNK_HEAD).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
        return data[:-PNG_END] + chunk + data[-PNG_END:]
    start = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == JFIF else 2
    return data[:start] + b"".join(_comments(missing, noise)) + data[start:]


def _comments(missing: int, noise: bytes):
    """JPEG comments of `missing` bytes in all; none is left with less room than its head takes."""
    while missing:
        most = LONGEST_COMMENT + len(COMMENT)
        whole = missing if missing <= most else min(most, missing - COMMENT_HEAD)
        inside = whole - COMMENT_HEAD
        yield COMMENT + (inside + 2).to_bytes(2, "big") + noise[:inside]
        noise, missing = noise[inside:], missing - whole
