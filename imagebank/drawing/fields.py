"""Windows on a scene, and the smooth fields and textures that are looked at through them.

A scene is drawn once in *scene pixels* and looked at through windows: the whole scene for the panoramic picture, a
small square at a higher magnification for a focused one. Slowly varying quantities (distance to the skin's edge, light,
streak phase) live on a coarse grid and are interpolated; outlines are vectors. Both therefore look the same, only
sharper, in a crop. Axes: arrays are (rows, columns); points are (x, y) in scene pixels.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

GRID_STEP_PX = 4
TILE_TEXELS = 1024


@dataclass(frozen=True)
class Window:
    """A rectangle of the scene, `x, y, width, height` in scene pixels, shown at `out_width` x `out_height` pixels."""

    x: float
    y: float
    width: float
    height: float
    out_width: int
    out_height: int

    @property
    def zoom(self) -> float:
        """Output pixels per scene pixel."""
        return self.out_width / self.width

    @property
    def shape(self) -> tuple[int, int]:
        return self.out_height, self.out_width

    def rows(self, first: int, end: int) -> "Window":
        """The part of the window that shows output rows `first` to `end`."""
        per_row = self.height / self.out_height
        return Window(
            self.x, self.y + first * per_row, self.width, (end - first) * per_row, self.out_width, end - first
        )

    def place(self, points_xy: np.ndarray, supersample: int = 1) -> np.ndarray:
        """Scene points (n, 2) in output pixels, times `supersample`."""
        return (points_xy - (self.x, self.y)) * (
            self.out_width / self.width * supersample,
            self.out_height / self.height * supersample,
        )


def generator(*key: object) -> np.random.Generator:
    """A random generator that depends on the key's text alone, on every machine and in every process."""
    digest = hashlib.blake2b("/".join(str(part) for part in key).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def smoothstep(low: float, high: float, values: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high`, an S between."""
    ramp = np.clip((values - low) / (high - low), 0.0, 1.0)
    return ramp * ramp * (3.0 - 2.0 * ramp)


def smooth_maximum(first: np.ndarray, second: np.ndarray, width: float) -> np.ndarray:
    """The larger of two fields, rounded off where they differ by less than `width`."""
    overlap = np.maximum(width - np.abs(first - second), 0.0) / width
    return np.maximum(first, second) + overlap * overlap * (width * 0.25)


def see(field: np.ndarray, window: Window, step_px: float = GRID_STEP_PX) -> np.ndarray:
    """A grid field (rows, columns; one value per `step_px` square of the scene) seen through a window, bicubic."""
    rows, columns = field.shape
    left, top = window.x / step_px, window.y / step_px
    box = (
        left,
        top,
        min(left + window.width / step_px, columns),
        min(top + window.height / step_px, rows),
    )
    image = Image.fromarray(np.ascontiguousarray(field, dtype=np.float32))
    return np.asarray(image.resize((window.out_width, window.out_height), Image.Resampling.BICUBIC, box=box))


def value_noise(rng: np.random.Generator, shape: tuple[int, int], cells: tuple[float, float]) -> np.ndarray:
    """Smooth noise of about unit variance on a grid `shape`, its lumps `cells` grid steps high and wide."""
    rows = max(3, round(shape[0] / cells[0]) + 2)
    columns = max(3, round(shape[1] / cells[1]) + 2)
    lattice = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
    return 1.5 * np.asarray(lattice.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))


def fractal_noise(rng: np.random.Generator, shape: tuple[int, int], cell: float, octaves: int = 3) -> np.ndarray:
    """Value noise at `cell` grid steps and at its halves, each half as strong; about unit variance."""
    layers = [value_noise(rng, shape, (cell / 2**k, cell / 2**k)) / 2**k for k in range(octaves)]
    return sum(layers) / np.sqrt(sum(0.25**k for k in range(octaves)))


@lru_cache(maxsize=4)
def _tiles(kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A texture that repeats without a seam, unit variance, at half, one and two scene pixels per texel."""
    rng = generator("texture", kind)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE_TEXELS, TILE_TEXELS)))
    ky = np.fft.fftfreq(TILE_TEXELS)[:, None]
    kx = np.fft.rfftfreq(TILE_TEXELS)[None, :]
    radius, angle = np.hypot(kx, ky) + 1e-6, np.arctan2(ky, kx)
    if kind == "skin":  # two families of fine furrows that cross, pores between, and a softer unevenness
        furrows = sum(np.exp(-(np.sin(angle - a) ** 2) / 0.05) for a in (0.95, -0.75))
        gain = np.exp(-(((radius - 0.085) / 0.045) ** 2)) * (0.25 + furrows) + 0.02 / (radius + 0.012)
    elif kind == "cloth":  # threads along and across
        threads = np.exp(-((kx - 0.20) ** 2 + ky**2 / 0.5) / 0.002) + np.exp(
            -((np.abs(ky) - 0.20) ** 2 + kx**2 / 0.5) / 0.002
        )
        gain = threads + 0.004 / (radius + 0.01)
    else:  # "grain": what a sensor adds
        gain = np.exp(-((radius / 0.42) ** 4))
    texture = np.fft.irfft2(spectrum * gain, s=(TILE_TEXELS, TILE_TEXELS))
    levels = [texture / texture.std()]
    for _ in range(2):
        finer = levels[-1]
        levels.append((finer[::2, ::2] + finer[1::2, ::2] + finer[::2, 1::2] + finer[1::2, 1::2]) / 4)
    return tuple(level.astype(np.float32) for level in levels)


def texture(kind: str, window: Window, offset: tuple[int, int]) -> np.ndarray:
    """The texture `kind` ("skin", "cloth" or "grain") through a window; `offset` in scene pixels moves it."""
    levels = _tiles(kind)
    level = 0 if window.zoom > 1.5 else 1 if window.zoom > 0.75 else 2
    per_px = 2.0 / 2**level
    left, top = (window.x + offset[0]) * per_px, (window.y + offset[1]) * per_px
    width, height = window.width * per_px, window.height * per_px
    x0, y0 = int(np.floor(left)), int(np.floor(top))
    patch = _piece(levels[level], y0, x0, (int(np.ceil(height)) + 2, int(np.ceil(width)) + 2))
    if abs(width - window.out_width) + abs(height - window.out_height) < 1e-6 and left == x0 and top == y0:
        return patch[: window.out_height, : window.out_width]
    box = (left - x0, top - y0, left - x0 + width, top - y0 + height)
    image = Image.fromarray(patch)
    return np.asarray(image.resize((window.out_width, window.out_height), Image.Resampling.BILINEAR, box=box))


def _piece(tile: np.ndarray, top: int, left: int, shape: tuple[int, int]) -> np.ndarray:
    """Rows and columns of a tile that repeats for ever."""
    rows, columns = (np.arange(first, first + count) % side for first, count, side in zip((top, left), shape, tile.shape))
    if rows[0] <= rows[-1] and columns[0] <= columns[-1] and shape[0] <= tile.shape[0] and shape[1] <= tile.shape[1]:
        return tile[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return tile[rows][:, columns]
