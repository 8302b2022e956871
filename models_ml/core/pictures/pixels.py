"""From a file of unknown origin to upright RGB pixels of one size, and back from there to the picture's own pixels.

Shapes: image_HWC uint8. Decoding is by Pillow alone: a bomb, a truncated or a mislabelled file is one clear sentence.
"""

import warnings
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from models_ml.core.errors import CoreError

MAX_PIXELS = 120_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
LETTERBOX_GREY = 127
ORIENTATION, TURNED = 0x0112, (5, 6, 7, 8)  # of EXIF: its tag, and what exchanges width and height


@dataclass(frozen=True)
class Placement:
    """Where a picture of ``height x width`` lies in the square: its box there, in pixels of the square."""

    height: int
    width: int
    top: int
    left: int
    box_height: int
    box_width: int


def decode(path: Path | str, *, least_px: int = 0) -> Image.Image:
    """Read a picture upright (EXIF) in RGB. least_px: a JPEG may be read at a coarser scale, no side below this.

    Transparent parts become white, 16-bit greys keep their upper byte. Raises CoreError for anything that is not a whole picture of a known format.
    """
    path = Path(path)
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # another library of this process may have set it; a damaged file must fail
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise CoreError(
                        f"{path.name} has {image.width} x {image.height} pixels; at most {MAX_PIXELS:,} are read."
                    )
                if least_px and image.format == "JPEG":
                    image.draft("RGB", (least_px, least_px))
                upright = ImageOps.exif_transpose(image)
                if upright.mode.startswith("I"):  # 16-bit greys, of which Pillow would make 255 whatever is above
                    upright = upright.point(lambda value: value * (1 / 256)).convert("L")
                if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
                    upright = upright.convert("RGBA")
                    white = Image.new("RGBA", upright.size, "white")
                    upright = Image.alpha_composite(white, upright)
                return upright.convert("RGB")
    except CoreError:
        raise
    except FileNotFoundError:
        raise CoreError(f"There is no picture at {path}.") from None
    except (UnidentifiedImageError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise CoreError(f"{path.name} is not a picture that can be read ({', '.join(FORMATS)}): {error}.") from error
    except (OSError, SyntaxError, ValueError, IndexError) as error:
        raise CoreError(f"{path.name} is damaged and cannot be decoded: {error}.") from error


def place(height: int, width: int, size_px: int, fit: str) -> Placement:
    """Where a picture comes to lie: over the whole square (stretch) or centred with its own aspect (letterbox)."""
    if fit == "stretch":
        return Placement(height, width, 0, 0, size_px, size_px)
    scale = size_px / max(height, width)
    box_height, box_width = max(1, round(height * scale)), max(1, round(width * scale))
    return Placement(height, width, (size_px - box_height) // 2, (size_px - box_width) // 2, box_height, box_width)


def resize_bilinear(image_HWC: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear at pixel centres without antialiasing, rounded: what OpenCV's INTER_LINEAR computes, to a grey level."""

    def axis(n_in: int, n_out: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        where = np.clip((np.arange(n_out) + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
        low = np.floor(where).astype(int)
        return low, np.minimum(low + 1, n_in - 1), (where - low).astype(np.float32)

    y0, y1, fy = axis(image_HWC.shape[0], height)
    x0, x1, fx = axis(image_HWC.shape[1], width)
    rows = image_HWC.astype(np.float32)
    rows = rows[y0] + (rows[y1] - rows[y0]) * fy[:, None, None]
    out = rows[:, x0] + (rows[:, x1] - rows[:, x0]) * fx[None, :, None]
    return np.rint(out).astype(np.uint8)


def to_square(image: Image.Image, size_px: int, *, fit: str, resample: str) -> tuple[np.ndarray, Placement]:
    """The picture as uint8 (size_px, size_px, 3) and where it lies in it; a letterbox is filled with middle grey."""
    where = place(image.height, image.width, size_px, fit)
    if resample == "bilinear":
        box = resize_bilinear(np.asarray(image), where.box_height, where.box_width)
    else:
        box = np.asarray(image.resize((where.box_width, where.box_height), Image.Resampling.BILINEAR))
    square = np.full((size_px, size_px, 3), LETTERBOX_GREY, dtype=np.uint8)
    square[where.top : where.top + where.box_height, where.left : where.left + where.box_width] = box
    return square, where


def load_square(path: Path | str, size_px: int, *, fit: str, resample: str) -> tuple[np.ndarray, Placement]:
    """``decode`` and ``to_square`` in one, which is what networks see: a large JPEG is decoded at a coarser scale unless resampling
    is plain. The placement is that of the whole picture."""
    image = decode(path, least_px=2 * size_px if resample == "antialias" else 0)
    square, where = to_square(image, size_px, fit=fit, resample=resample)
    with Image.open(path, formats=FORMATS) as whole:
        if whole.format == "JPEG":
            width, height = whole.size[::-1] if whole.getexif().get(ORIENTATION) in TURNED else whole.size
            where = replace(where, height=height, width=width)
    return square, where


def onto_picture(map_HW: np.ndarray, where: Placement, *, keep_sum: bool = True) -> np.ndarray:
    """Bring a map on the square back onto the picture's own pixels: float32 (height, width).

    keep_sum: the total inside the picture stays what it was in the box, so that a map of attributions still adds up.
    """
    box = map_HW[where.top : where.top + where.box_height, where.left : where.left + where.box_width]
    image = Image.fromarray(np.ascontiguousarray(box, dtype=np.float32), mode="F")
    out = np.asarray(image.resize((where.width, where.height), Image.Resampling.BILINEAR), dtype=np.float32)
    if not keep_sum:
        return out
    return out * np.float32(box.size / out.size)
