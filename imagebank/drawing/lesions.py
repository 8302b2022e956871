"""What a condition puts on the skin: layers of outlines or streaks, drawn from the recipe's signatures.

A layer changes the amount of melanin (`melanin`, in steps of the skin scale: + darker, - paler) and of blood (`blood`,
+ redder) where it lies. Kinds of layer: streaks, patches, spots, leaves, rings, plaques, bumps. The recipe combines
them into signatures; this module knows no condition.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from . import shapes
from .blaschko import BAND_ENTRIES, Streaks, draw_streaks
from .body import Body
from .fields import GRID_STEP_PX, Window, generator, see, smoothstep


@dataclass(frozen=True)
class Layer:
    """One kind of change of the skin.

    outlines: (polygon in scene pixels, strength 0..1), painted in order; or streaks. softness_px: width of the edge;
    grain: how uneven the inside is; raised: height that light and shadow show; marked: part of the lesion mask.
    """

    melanin: float
    blood: float
    outlines: tuple[tuple[np.ndarray, float], ...] = ()
    streaks: Streaks | None = None
    softness_px: float = 1.5
    grain: float = 0.2
    raised: float = 0.0
    marked: bool = True


def strength(layer: Layer, window: Window, skin_texture: np.ndarray) -> np.ndarray:
    """How much of the layer there is at each output pixel, 0..1; the skin's texture roughens its edge."""
    if layer.streaks is not None:
        return _streak_strength(layer.streaks, window, skin_texture)
    return _outline_strength(layer, window)


def _outline_strength(layer: Layer, window: Window) -> np.ndarray:
    """Outlines filled, anti-aliased and softened; only the part of the window that they reach is worked on."""
    amount = np.zeros(window.shape, dtype=np.float32)
    polygons = [(window.place(outline), value) for outline, value in layer.outlines]
    blur = layer.softness_px * window.zoom
    margin = 3 * blur + 2
    low = np.min([polygon.min(axis=0) for polygon, _ in polygons], axis=0) - margin
    high = np.max([polygon.max(axis=0) for polygon, _ in polygons], axis=0) + margin
    left, top = np.clip(np.floor(low), 0, (window.out_width, window.out_height)).astype(int)
    right, bottom = np.clip(np.ceil(high), 0, (window.out_width, window.out_height)).astype(int)
    if right <= left or bottom <= top:
        return amount
    supersample = 2 if window.zoom > 0.6 else 4
    canvas = Image.new("L", ((right - left) * supersample, (bottom - top) * supersample), 0)
    draw = ImageDraw.Draw(canvas)
    for polygon, value in polygons:
        draw.polygon(((polygon - (left, top)) * supersample).ravel().tolist(), fill=round(255 * value))
    canvas = canvas.reduce(supersample)
    if blur > 0.3:
        canvas = canvas.filter(ImageFilter.GaussianBlur(blur))
    amount[top:bottom, left:right] = np.asarray(canvas, dtype=np.float32) * (1 / 255)
    return amount


def _streak_strength(streaks: Streaks, window: Window, skin_texture: np.ndarray) -> np.ndarray:
    phase = see(streaks.phase, window)
    cells = (phase * BAND_ENTRIES).astype(np.int32) % streaks.band.size
    level = streaks.band[cells] + see(streaks.breaks - streaks.threshold, window)
    level = level + 0.04 * skin_texture
    return smoothstep(-streaks.softness, streaks.softness, level)


class Painter:
    """Draws layers on one body. `free` (grid) says where skin can be seen; `key` seeds everything."""

    def __init__(self, body: Body, free: np.ndarray, key: tuple):
        self.body, self.free, self.key = body, free, key
        self.taken: list[tuple[np.ndarray, float]] = []
        self._free_squares: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def paint(self, signature: dict) -> list[Layer]:
        """The layers of one signature, those with a `probability` only when the draw falls so."""
        layers = []
        for number, part in enumerate(signature["layers"]):
            rng = generator(*self.key, "layer", number)
            if rng.random() < part.get("probability", 1.0):
                layers.extend(getattr(self, f"_{part['kind']}")(part, rng, number))
        return layers

    def place(self, rng: np.random.Generator, centred: float = 0.85, apart_px: float = 0.0, cluster=None):
        """A visible place on the skin; None when thirty draws find none far enough from what is there.

        centred: how near to the volume's edge it may be; apart_px: room that it keeps free about itself (0: none);
        cluster: (scene point, radius) to stay within.
        """
        if centred not in self._free_squares:
            self._free_squares[centred] = np.nonzero(self.free & (np.abs(self.body.across) < centred))
        rows, columns = self._free_squares[centred]
        if rows.size == 0:
            return None
        for _ in range(30):
            pick = rng.integers(rows.size)
            row, column = rows[pick], columns[pick]
            spot = np.array([column + 0.5, row + 0.5]) * GRID_STEP_PX
            if cluster is not None and np.hypot(*(spot - cluster[0])) > cluster[1] * rng.uniform(0.3, 1.0):
                continue
            if all(np.hypot(*(spot - other)) > apart_px + reach for other, reach in self.taken if apart_px):
                if apart_px:
                    self.taken.append((spot, apart_px))
                body = self.body
                return (
                    body.volumes[body.index[row, column]],
                    float(body.share[row, column]),
                    float(body.across[row, column]),
                    spot,
                )
        return None

    def _layer(self, part: dict, rng: np.random.Generator, outlines: list, **more) -> list[Layer]:
        if not outlines:
            return []
        return [
            Layer(
                melanin=rng.uniform(*part.get("melanin", (0.0, 0.0))),
                blood=rng.uniform(*part.get("blood", (0.0, 0.0))),
                outlines=tuple(outlines),
                softness_px=rng.uniform(*part.get("softness_px", (0.8, 2.0))),
                grain=part.get("grain", 0.2),
                raised=part.get("raised", 0.0),
                marked=part.get("marked", True),
                **more,
            )
        ]

    def _streaks(self, part: dict, rng: np.random.Generator, number: int) -> list[Layer]:
        streaks = draw_streaks(self.body, part, (*self.key, number))
        return [
            Layer(
                melanin=rng.uniform(*part["melanin"]),
                blood=rng.uniform(*part.get("blood", (0.0, 0.0))),
                streaks=streaks,
                grain=part.get("grain", 0.2),
            )
        ]

    def _patches(self, part: dict, rng: np.random.Generator, number: int) -> list[Layer]:
        """Patches of one pigment; with `midline`, a large patch on the trunk stops at the body's middle."""
        outlines = []
        low, high = part["radius_px"]
        lobes = part.get("lobes", (1, 1))
        for _ in range(rng.integers(*part["count"], endpoint=True)):
            radius = np.exp(rng.uniform(np.log(low), np.log(high))) * self.body.unit
            place = self.place(rng, apart_px=radius * part.get("apart", 0.9))
            if place is None:
                continue
            volume, share, across, _ = place
            amount = rng.uniform(*part.get("strength", (0.75, 1.0)))
            side = np.sign(across) if volume.midline and rng.random() < part.get("midline", 0.0) else 0.0
            arc = float(volume.half_width(np.array(share))) * np.arcsin(np.clip(across, -0.98, 0.98))
            for lobe in range(rng.integers(*lobes, endpoint=True)):
                size = radius if lobe == 0 else radius * rng.uniform(0.45, 0.8)
                outline = shapes.blob(rng, size, rng.uniform(*part["roughness"]), rng.uniform(*part["elongation"]),
                                      180 if size > 40 else 72)  # fmt: skip
                if lobe:
                    angle = rng.uniform(0, 2 * np.pi)
                    outline = outline + radius * rng.uniform(0.5, 0.95) * np.array([np.cos(angle), np.sin(angle)])
                if side:
                    offsets = side * np.maximum(side * (arc + outline[:, 0]), 0) - arc
                    outline = np.stack([offsets, outline[:, 1]], axis=1)
                outlines.append((volume.project(share, across, outline), amount))
        return self._layer(part, rng, outlines)

    def _spots(self, part: dict, rng: np.random.Generator, number: int) -> list[Layer]:
        """Many small spots, evenly strewn or, with `cluster_px`, about one place."""
        outlines, cluster = [], None
        if "cluster_px" in part:
            middle = self.place(rng)
            if middle is None:
                return []
            cluster = (middle[3], rng.uniform(*part["cluster_px"]) * self.body.unit)
        low, high = part["radius_px"]
        count = round(np.exp(rng.uniform(*np.log(part["count"]))))
        for _ in range(count):
            place = self.place(rng, centred=0.95, cluster=cluster)
            if place is None:
                continue
            radius = low + (high - low) * rng.beta(1.3, 3.2)
            outline = shapes.spot(rng, radius * self.body.unit)
            outlines.append(
                (place[0].project(place[1], place[2], outline), rng.uniform(*part.get("strength", (0.6, 1.0))))
            )
        return self._layer(part, rng, outlines)

    def _leaves(self, part: dict, rng: np.random.Generator, number: int) -> list[Layer]:
        """Ash-leaf patches, lengthwise on limbs and slanting away from the midline on the trunk."""
        outlines = []
        for _ in range(rng.integers(*part["count"], endpoint=True)):
            length = np.exp(rng.uniform(*np.log(part["length_px"]))) * self.body.unit
            place = self.place(rng, apart_px=length * 0.42)
            if place is None:
                continue
            volume, share, across, _ = place
            slant = np.sign(across) * rng.uniform(0.2, 1.3) if volume.midline else rng.normal(0, 0.25)
            outline = shapes.turn(
                shapes.leaf(rng, length, rng.uniform(*part["slimness"])), slant + rng.choice([0, np.pi])
            )
            outlines.append((volume.project(share, across, outline), rng.uniform(*part.get("strength", (0.75, 1.0)))))
        return self._layer(part, rng, outlines)

    def _rings(self, part: dict, rng: np.random.Generator, number: int) -> list[Layer]:
        """Rings: a red rim, clearing inside, sometimes a red middle (as in erythema migrans)."""
        outlines = []
        for _ in range(rng.integers(*part["count"], endpoint=True)):
            radius = np.exp(rng.uniform(*np.log(part["radius_px"]))) * self.body.unit
            place = self.place(rng, centred=0.75, apart_px=radius)
            if place is None:
                continue
            outer = shapes.blob(rng, radius, part.get("roughness", 0.06), rng.uniform(1.0, 1.3), 90)
            rim = rng.uniform(*part["rim"])
            scales = [(1.0, 1.0), (1 - rim, rng.uniform(*part["clearing"]))]
            if rng.random() < part.get("bullseye", 0.0):
                scales.append((rng.uniform(0.16, 0.34), rng.uniform(0.6, 1.0)))
            outlines += [(place[0].project(place[1], place[2], outer * scale), amount) for scale, amount in scales]
        return self._layer(part, rng, outlines)

    def _plaques(self, part: dict, rng: np.random.Generator, number: int) -> list[Layer]:
        """Raised lobulated plaques (as hemangiomas)."""
        outlines = []
        for _ in range(rng.integers(*part["count"], endpoint=True)):
            radius = np.exp(rng.uniform(*np.log(part["radius_px"]))) * self.body.unit
            place = self.place(rng, apart_px=radius)
            if place is None:
                continue
            amount = rng.uniform(0.8, 1.0)
            for outline in shapes.lobed(rng, radius, rng.integers(3, 9)):
                outlines.append((place[0].project(place[1], place[2], outline), amount * rng.uniform(0.82, 1.0)))
        return self._layer(part, rng, outlines)

    _bumps = _spots
