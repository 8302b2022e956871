"""What surrounds the skin: clothing that hides part of it, and the background behind it."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from .body import SCENE_PX, Body, grid_xy
from .fields import GRID_STEP_PX, Window, fractal_noise, see, smoothstep, texture, value_noise


@dataclass(frozen=True)
class Garment:
    """One piece of clothing on the body's grid. inside_px: distance inside its hem; folds: light on its folds."""

    inside_px: np.ndarray
    folds: np.ndarray
    colour: np.ndarray
    second_colour: np.ndarray
    pattern: str
    repeat_px: float
    thickness_px: float


def draw_garments(body: Body, palette: dict, rng: np.random.Generator, hide: tuple[float, float]) -> list[Garment]:
    """The clothing that goes with a body part; `hide` is the range of the share of the part it may cover."""
    hems = _HEMS[body.part](body, rng, rng.uniform(*hide))
    return [_garment(body, hem, palette, rng) for hem in hems]


def _hem(body: Body, rng: np.random.Generator, at: float, sag: float, below: bool) -> np.ndarray:
    """Distance inside a piece whose hem runs across the body at a share of the picture's height."""
    _, y = grid_xy()
    wave = value_noise(rng, body.shape, (200, 60 / GRID_STEP_PX)) * 2.0
    line = at * SCENE_PX[1] + sag * (1 - np.clip(body.across, -1.2, 1.2) ** 2) + wave
    return (y - line) if below else (line - y)


def _below_waist(body: Body, rng: np.random.Generator, at: float, sag: float) -> np.ndarray:
    """Trousers or a skirt: below a hem, on the trunk, the arms hang in front of it."""
    hem = _hem(body, rng, at, sag, below=True)
    return np.minimum(np.minimum(hem, -body.limbs_px), body.trunk_px + rng.uniform(4, 12))


def _back_hems(body: Body, rng: np.random.Generator, hide: float) -> list[np.ndarray]:
    hems = [_below_waist(body, rng, 0.93 - 0.22 * hide, rng.uniform(-6, 22))]
    choice = rng.random()
    if choice < 0.2:  # a gown open at the back
        opening = rng.uniform(0.6, 0.9) - 0.3 * hide
        fall = (np.abs(body.across) - opening - 0.08 * np.sin(body.along_px / 90)) * 150
        hems.append(np.maximum(np.minimum(fall, 40), body.limbs_px + 3))
    elif choice < 0.45:  # a shirt lifted to the shoulders
        hems.append(_hem(body, rng, 0.24 + 0.12 * hide, rng.uniform(-20, 20), below=False))
    return hems


def _abdomen_hems(body: Body, rng: np.random.Generator, hide: float) -> list[np.ndarray]:
    trousers = _below_waist(body, rng, 0.90 - 0.18 * hide, rng.uniform(0, 40))
    shirt = _hem(body, rng, 0.08 + 0.18 * hide, rng.uniform(-34, 12), below=False)
    return [trousers, shirt]


def _shoulder_hems(body: Body, rng: np.random.Generator, hide: float) -> list[np.ndarray]:
    """A towel or a strapless top; or a vest with straps over the shoulders."""
    top = _hem(body, rng, 0.92 - 0.24 * hide, rng.uniform(0, 70), below=True)
    if rng.random() < 0.45:
        return [top]
    strap = rng.uniform(15, 26) - np.abs(
        np.abs(body.across * body.volumes[0].half_width(body.share)) - rng.uniform(135, 165)
    )
    return [np.maximum(top, np.minimum(strap, top + 600))]


def _limb_hems(body: Body, rng: np.random.Generator, hide: float) -> list[np.ndarray]:
    upper = (0.06 + 0.22 * hide) * 900 - body.along_px + 8 * body.across**2
    hems = [upper + value_noise(rng, body.shape, (200, 20)) * 2]
    if body.part == "leg" and rng.random() < 0.4:
        hems.append(body.along_px - (0.90 - 0.1 * hide) * 900)
    return hems


_HEMS = {
    "back": _back_hems,
    "abdomen": _abdomen_hems,
    "neck and chest": _shoulder_hems,
    "arm": _limb_hems,
    "leg": _limb_hems,
}


def _garment(body: Body, inside_px: np.ndarray, palette: dict, rng: np.random.Generator) -> Garment:
    fabrics = np.array(palette["fabrics"], dtype=float) / 255
    first, second = fabrics[rng.choice(len(fabrics), 2, replace=False)]
    x, y = grid_xy()
    slant = rng.uniform(-0.6, 0.6)
    warp = fractal_noise(rng, body.shape, 220 / GRID_STEP_PX, 2) * 34
    folds = np.sin((x + slant * y + warp) / rng.uniform(13, 26)) * 0.06 + fractal_noise(rng, body.shape, 34, 3) * 0.07
    hem = -0.16 * np.exp(-(((inside_px - 11) / 2.2) ** 2)) + 0.05 * np.exp(-(((inside_px - 4) / 4) ** 2))
    return Garment(
        inside_px=inside_px.astype(np.float32),
        folds=(1 + folds + hem).astype(np.float32),
        colour=first,
        second_colour=second,
        pattern=str(rng.choice(["plain", "plain", "stripes", "hoops", "dots", "checks"])),
        repeat_px=rng.uniform(9, 26),
        thickness_px=rng.uniform(4, 9),
    )


def dress(picture: np.ndarray, garment: Garment, body: Body, light: np.ndarray, window: Window, offset) -> np.ndarray:
    """Paint a garment over the picture (rows, columns, 3) in place, under the light (rows, columns); its opacity."""
    opacity = np.zeros(window.shape, dtype=np.float32)
    rows = _rows_with(garment, body, window)
    if rows is None:
        return opacity
    window = window.rows(*rows)
    band = slice(*rows)
    inside = np.minimum(see(garment.inside_px, window), see(body.edge_px, window) + garment.thickness_px)
    opacity[band] = np.clip(inside * window.zoom + 0.5, 0, 1)
    weave = see(garment.folds, window) + 0.035 * texture("cloth", window, offset)
    colour = garment.colour.astype(np.float32) * np.ones_like(weave)[..., None]
    if garment.pattern != "plain":
        colour += _pattern(garment, body, window)[..., None] * (garment.second_colour - garment.colour).astype(
            np.float32
        )
    colour *= (weave * (0.35 + 0.65 * light[band]))[..., None]
    picture[band] += (colour - picture[band]) * opacity[band][..., None]
    return opacity


def _rows_with(garment: Garment, body: Body, window: Window) -> tuple[int, int] | None:
    """First and last output row that the garment reaches in a window, None when it does not."""
    present = (np.minimum(garment.inside_px, body.edge_px + garment.thickness_px) > -GRID_STEP_PX * 2).any(axis=1)
    places = np.flatnonzero(present)
    if places.size == 0:
        return None
    first, last = ((edge * GRID_STEP_PX - window.y) * window.zoom for edge in (places[0] - 1, places[-1] + 2))
    top, bottom = max(0, int(first)), min(window.out_height, int(last) + 1)
    return (top, bottom) if bottom > top else None


def _pattern(garment: Garment, body: Body, window: Window) -> np.ndarray:
    """Share of the second colour, 0..1, in the garment's own coordinates."""
    turn = 2 * np.pi / garment.repeat_px
    if garment.pattern == "hoops":
        return smoothstep(0.1, 0.3, np.sin(see(body.along_px, window) * turn))
    across = np.sin(see(body.arc_px, window) * turn)
    if garment.pattern == "stripes":
        return smoothstep(0.2, 0.4, across)
    along = np.sin(see(body.along_px, window) * turn)
    if garment.pattern == "dots":
        return smoothstep(1.0, 1.15, across + along)
    return 0.4 * smoothstep(0.1, 0.3, across) + 0.4 * smoothstep(0.1, 0.3, along)


@dataclass(frozen=True)
class Background:
    """What lies behind the body: its colour, light and shadow on it (grid), and its grain."""

    colour: np.ndarray
    light: np.ndarray
    weave: float


def draw_background(body: Body, palette: dict, rng: np.random.Generator, light_xy: tuple[float, float]) -> Background:
    """A wall, a drape, a wrinkled sheet, a table of planks or a dark room, with the body's shadow on it."""
    kinds = ["wall", "drape", "sheet", "planks", "dark", "tiles"]
    kind = str(rng.choice(kinds, p=[0.32, 0.2, 0.2, 0.08, 0.12, 0.08]))
    name = {"drape": "drapes", "sheet": "sheets", "planks": "woods", "dark": "darks"}.get(kind, "walls")
    choices = np.array(palette[name], dtype=float) / 255
    base = choices[rng.integers(len(choices))]
    x, y = grid_xy()
    value = 1 + 0.10 * rng.uniform(-1, 1) * (x - 320) / 320 + 0.10 * rng.uniform(-1, 1) * (y - 400) / 400
    if kind == "drape":
        warp = fractal_noise(rng, body.shape, 60, 2) * 30
        value = (
            value
            + 0.10 * np.sin((x + 0.2 * y + warp) / rng.uniform(16, 40))
            + 0.04 * fractal_noise(rng, body.shape, 40)
        )
    elif kind == "sheet":
        for angle in rng.uniform(0, np.pi, 3):
            warp = fractal_noise(rng, body.shape, 70, 2) * 60
            crease = np.sin((x * np.cos(angle) + y * np.sin(angle) + warp) / rng.uniform(24, 60))
            value = value + 0.045 * crease * np.abs(crease) * smoothstep(
                -0.8, 1.2, fractal_noise(rng, body.shape, 60, 1)
            )
    elif kind == "planks":
        board = 70.0
        grain = value_noise(rng, body.shape, (40, 1.6)) * 0.04 + value_noise(rng, body.shape, (90, 5)) * 0.05
        value = value + grain - 0.35 * np.exp(-((((x % board) - board / 2) / 2.5) ** 2))
    elif kind == "tiles":
        side = rng.uniform(80, 150)
        joints = np.exp(-((((x + 20) % side - side / 2) / 2.6) ** 2)) + np.exp(-(((y % side - side / 2) / 2.6) ** 2))
        value = value - 0.14 * np.minimum(joints, 1) + 0.02 * fractal_noise(rng, body.shape, 40)
    else:
        value = value + 0.025 * fractal_noise(rng, body.shape, 60, 2)
    distance = rng.uniform(3, 12)
    shadow = np.roll(
        (body.edge_px > 0).astype(np.float32), (round(distance), round(-light_xy[0] * distance)), axis=(0, 1)
    )
    value = value * (1 - rng.uniform(0.15, 0.5) * gaussian_filter(shadow, distance * 0.55))
    weave = {"drape": 0.03, "sheet": 0.025, "planks": 0.012}.get(kind, 0.008)
    return Background(base.astype(np.float32), value.astype(np.float32), weave)


def paint_background(background: Background, window: Window, offset: tuple[int, int]) -> np.ndarray:
    """The background's colour through a window (rows, columns, 3)."""
    light = see(background.light, window) * (1 + background.weave * texture("cloth", window, offset))
    return light[..., None] * background.colour
