"""Blaschko's lines as the level sets of a stream function on the body's own coordinates.

Over the spine they run together into a V, on the flank they swing as an S, on a limb they run lengthwise, and here and
there they curl into a whorl (Blaschko 1901; Happle's descriptions of the lines; the formulas are ours).
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from .body import Body
from .fields import GRID_STEP_PX, fractal_noise, generator, smoothstep

# Entries of a band table per streak spacing: fine enough that no step shows in a crop.
BAND_ENTRIES = 256


@dataclass(frozen=True)
class Whorl:
    """A place (surface coordinates, scene pixels) about which the lines are wound up."""

    arc_px: float
    along_px: float
    radius_px: float
    twist: float


def _wind(arc: np.ndarray, along: np.ndarray, whorls: list[Whorl]) -> tuple[np.ndarray, np.ndarray]:
    """Surface coordinates turned about each whorl's middle, the more the nearer."""
    for whorl in whorls:
        dx, dy = arc - whorl.arc_px, along - whorl.along_px
        angle = whorl.twist * np.exp(-(dx * dx + dy * dy) / whorl.radius_px**2)
        cos, sin = np.cos(angle), np.sin(angle)
        arc, along = whorl.arc_px + cos * dx - sin * dy, whorl.along_px + sin * dx + cos * dy
    return arc, along


def stream(body: Body, whorls: list[Whorl], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two grid fields in scene pixels: the position across the lines, and the one along them."""
    unit = body.unit
    arc, along = _wind(body.arc_px, body.along_px, whorls)
    steep, swing = rng.uniform(60, 120) * unit, rng.uniform(14, 30) * unit
    turn_px, phase = rng.uniform(190, 280) * unit, rng.uniform(0, 2 * np.pi)
    front = -0.45 if body.part != "back" else 1.0
    side = np.sqrt(arc**2 + (7 * unit) ** 2)
    trunk = along - front * steep * np.exp(-side / (70 * unit)) - swing * np.sin(2 * np.pi * side / turn_px + phase)
    limb = arc * 1.05 + swing * 0.9 * np.sin(2 * np.pi * along / (turn_px * 1.9) + phase)
    is_midline = midline_of(body)
    unevenness = fractal_noise(rng, body.shape, 120 / GRID_STEP_PX, 2) * 9 * unit
    return np.where(is_midline, trunk, limb) + unevenness, np.where(is_midline, arc, along)


def midline_of(body: Body) -> np.ndarray:
    """Where the volume in front carries the body's midline (grid, bool)."""
    return np.array([volume.midline for volume in body.volumes])[body.index]


@dataclass(frozen=True)
class Streaks:
    """Streaks along the lines: where `band(phase) + breaks` exceeds the local threshold.

    phase and breaks are grid fields, band a table with BAND_ENTRIES entries per spacing, threshold a grid field
    (lower: more streaks), softness the width of the edge in band units.
    """

    phase: np.ndarray
    breaks: np.ndarray
    threshold: np.ndarray
    band: np.ndarray
    softness: float


def draw_streaks(body: Body, options: dict, key: tuple) -> Streaks:
    """Streaks on one or both sides of a body part. Options: spacing_px, length_px, cover,
    one_sided, whorls, softness, raggedness."""
    rng = generator(*key, "streaks")
    unit = body.unit
    spacing = rng.uniform(*options["spacing_px"]) * unit
    whorls = [_somewhere(body, rng, unit) for _ in range(rng.integers(*options["whorls"], endpoint=True))]
    across, along = stream(body, whorls, rng)
    phase = across / spacing + 40
    lengths = along / (rng.uniform(*options["length_px"]) * unit) + 40
    # Breaks come from noise on (phase, length): streaks end and begin, each for itself.
    places = [phase * 0.9, lengths]
    breaks = map_coordinates(rng.standard_normal((64, 64)), places, order=3, mode="grid-wrap") * 1.1
    breaks = breaks + options["raggedness"] * fractal_noise(rng, body.shape, 15 * unit / GRID_STEP_PX, 2)
    region = fractal_noise(rng, body.shape, 300 * unit / GRID_STEP_PX, 2) * 0.45
    if rng.random() < options["one_sided"]:
        sign = rng.choice([-1, 1])
        region = region - 3.0 * np.where(midline_of(body), smoothstep(0, 6 * unit, sign * body.arc_px), 0.0)
    cover = rng.uniform(*options["cover"])
    cells = rng.standard_normal(256)
    positions = np.linspace(0, 256, 256 * BAND_ENTRIES, endpoint=False)
    low = np.floor(positions).astype(int)
    blend = smoothstep(0, 1, positions - low)
    band = (cells[low] * (1 - blend) + cells[(low + 1) % 256] * blend).astype(np.float32)
    threshold = np.full(body.shape, 2.0 - 2.4 * cover) - region
    return Streaks(phase, breaks, threshold, band, options["softness"])


def _somewhere(body: Body, rng: np.random.Generator, unit: float) -> Whorl:
    rows, columns = np.nonzero((body.edge_px > 30) & (np.abs(body.across) < 0.75))
    pick = rng.integers(len(rows))
    return Whorl(
        float(body.arc_px[rows[pick], columns[pick]]),
        float(body.along_px[rows[pick], columns[pick]]),
        rng.uniform(45, 85) * unit,
        rng.choice([-1, 1]) * rng.uniform(2.2, 4.2),
    )
