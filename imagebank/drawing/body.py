"""Body parts as a few rounded volumes: where skin is, how it curves towards the light, and where on it a point lies.

A volume is a bent tube: a straight axis, a bend, and half-widths that change along it. Its own coordinates are `along`
(scene pixels from its beginning) and `across` (-1 at the left edge, 1 at the right); `arc` is the length on the curved
surface from the axis, so that patterns narrow towards the edges as they do on a body.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import PchipInterpolator

from .fields import GRID_STEP_PX, smooth_maximum, smoothstep

SCENE_PX = (640, 800)
OUTSIDE_PX = -400.0


@dataclass(frozen=True)
class Pose:
    """How the body lies in the picture: magnified about the scene's middle, turned, moved, perhaps mirrored."""

    scale: float
    turn: float
    shift_xy: tuple[float, float]
    mirrored: bool

    def apply(self, points_xy: np.ndarray) -> np.ndarray:
        middle = np.array(SCENE_PX) / 2
        centred = (np.asarray(points_xy, dtype=float) - middle) * ((-1 if self.mirrored else 1), 1) * self.scale
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        return centred @ np.array([[cos, sin], [-sin, cos]]) + middle + self.shift_xy


@dataclass(frozen=True)
class Volume:
    """One bent tube. `knots` 0..1 along the axis carry the half-widths and the bend, in scene pixels.

    `squareness` 2 is a round cross-section, more is flatter; `lift` moves it towards the camera; `midline` says that
    its axis is the body's midline, over which Blaschko's lines meet.
    """

    name: str
    start: np.ndarray
    end: np.ndarray
    knots: tuple[float, ...]
    half_widths: tuple[float, ...]
    bends: tuple[float, ...] | None = None
    squareness: float = 2.2
    lift: float = 0.0
    depth: float = 0.7
    midline: bool = False
    capped: bool = False
    _curves: dict = field(default_factory=dict, compare=False, repr=False)

    @property
    def length(self) -> float:
        return float(np.hypot(*(self.end - self.start)))

    @property
    def axis(self) -> np.ndarray:
        return (self.end - self.start) / self.length

    @property
    def normal(self) -> np.ndarray:
        """Unit vector to the right of someone who looks along the axis with the picture's y axis downwards."""
        return np.array([self.axis[1], -self.axis[0]])

    def half_width(self, share: np.ndarray) -> np.ndarray:
        """Half-width at a share of the length; outside 0..1 that of the nearer end."""
        if "width" not in self._curves:
            self._curves["width"] = PchipInterpolator(self.knots, self.half_widths)
        width = self._curves["width"](np.clip(share, 0, 1))
        if self.capped:
            cap = self.half_widths[0] / self.length
            width = width * np.sqrt(np.clip(1 - np.clip((cap - share) / cap, 0, 1) ** 2, 0.02, 1))
        return width

    def bend(self, share: np.ndarray) -> np.ndarray:
        """Sideways displacement of the axis at a share of the length."""
        if self.bends is None:
            return np.zeros_like(share)
        if "bend" not in self._curves:
            self._curves["bend"] = PchipInterpolator(self.knots, self.bends)
        return self._curves["bend"](np.clip(share, 0, 1))

    def locate(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Share of the length, `across` (beyond +-1 outside) and half-width for scene points."""
        dx, dy = x - self.start[0], y - self.start[1]
        share = (dx * self.axis[0] + dy * self.axis[1]) / self.length
        lateral = dx * self.normal[0] + dy * self.normal[1] - self.bend(share)
        width = self.half_width(share)
        return share, lateral / width, width

    def project(self, share: float, across: float, offsets: np.ndarray) -> np.ndarray:
        """Scene points of surface offsets (n, 2: to the right on the surface, along the axis) around one place."""
        width = float(self.half_width(np.array(share)))
        arc = width * np.arcsin(np.clip(across, -0.98, 0.98))
        angle = np.clip((arc + offsets[:, 0]) / width, -np.pi / 2, np.pi / 2)
        shares = share + offsets[:, 1] / self.length
        lateral = width * np.sin(angle) + self.bend(shares)
        return self.start + np.outer(shares * self.length, self.axis) + np.outer(lateral, self.normal)


@dataclass(frozen=True)
class Body:
    """A posed body part and its fields on the scene's grid (rows, columns; one value per GRID_STEP_PX square).

    edge_px: distance inside the silhouette (negative outside); trunk_px, limbs_px: the same of the first volume and
    of those beside it; height: towards the camera; index: which volume is in
    front; share, across, arc_px, along_px: that volume's coordinates.
    """

    part: str
    volumes: tuple[Volume, ...]
    edge_px: np.ndarray
    trunk_px: np.ndarray
    limbs_px: np.ndarray
    height: np.ndarray
    index: np.ndarray
    share: np.ndarray
    across: np.ndarray
    arc_px: np.ndarray
    along_px: np.ndarray
    unit: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.edge_px.shape


def grid_xy() -> tuple[np.ndarray, np.ndarray]:
    """Scene coordinates of the grid's squares (their middles)."""
    columns = (np.arange(SCENE_PX[0] // GRID_STEP_PX) + 0.5) * GRID_STEP_PX
    rows = (np.arange(SCENE_PX[1] // GRID_STEP_PX) + 0.5) * GRID_STEP_PX
    return np.meshgrid(columns, rows)


Relief = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _bump(x: np.ndarray, y: np.ndarray, at: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    return np.exp(-(((x - at[0]) / size[0]) ** 2) - ((y - at[1]) / size[1]) ** 2)


def _back_relief(volume: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spine, the long muscles beside it, shoulder blades and ribs; x from the midline, y down the picture."""
    on_spine = smoothstep(90, 170, y) * (1 - smoothstep(650, 760, y))
    spine = -8 * np.exp(-((x / 16) ** 2)) * on_spine + 6 * np.exp(-(((np.abs(x) - 42) / 26) ** 2)) * on_spine
    beads = 0.45 * np.exp(-((x / 9) ** 2)) * np.sin(y / 6.5) * on_spine
    blades = 11 * _bump(np.abs(x), y, (86, 235), (44, 74)) - 7 * _bump(np.abs(x), y, (46, 270), (14, 70))
    ribs = 0.9 * np.sin((y - 0.55 * np.abs(x)) / 8.5) * _bump(np.abs(x), y, (118, 400), (45, 90))
    return np.where(volume == 0, spine + beads + blades + ribs, 0)


def _abdomen_relief(volume: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Costal arch, midline groove, belly and navel."""
    arch = 8 * (1 - smoothstep(-26, 26, y - (150 + 1.25 * np.abs(x)))) * smoothstep(-60, 60, y)
    groove = -4 * np.exp(-((x / 15) ** 2)) * smoothstep(140, 220, y) * (1 - smoothstep(430, 500, y))
    belly = 20 * _bump(x, y, (0, 470), (150, 150))
    navel = -26 * _bump(x, y, (0, 455), (9, 13)) + 5 * _bump(x, y, (0, 455), (22, 26))
    return np.where(volume == 0, arch + groove + belly + navel, 0)


def _shoulder_relief(volume: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Collar bones, the notch between them, and the cords of the neck."""
    bone_y = 318 - 0.22 * np.abs(x)
    bones = (
        9 * np.exp(-(((y - bone_y) / 13) ** 2)) * smoothstep(16, 42, np.abs(x)) * (1 - smoothstep(170, 230, np.abs(x)))
    )
    hollow = -9 * np.exp(-(((y - bone_y + 30) / 17) ** 2)) * _bump(np.abs(x), y, (78, 280), (52, 60))
    notch = -13 * _bump(x, y, (0, 326), (15, 17))
    cords = 8 * np.exp(-(((np.abs(x) - (12 + 0.26 * (318 - y))) / 14) ** 2)) * (1 - smoothstep(285, 325, y))
    return bones + hollow + notch + cords


def _leg_relief(volume: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kneecap and shin."""
    knee = 12 * _bump(x, y, (0, 370), (42, 46)) - 5 * _bump(np.abs(x), y, (58, 385), (17, 44))
    shin = 5 * np.exp(-(((x + 16) / 14) ** 2)) * smoothstep(440, 520, y)
    return np.where(volume == 0, knee + shin, 0)


def _arm_relief(volume: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The fold of the elbow and the muscles of the forearm."""
    fold = -6 * np.exp(-(((y - 400 + 0.16 * x) / 6) ** 2)) * (1 - smoothstep(48, 70, np.abs(x)))
    return fold + 7 * _bump(x, y, (-34, 505), (34, 100)) + 6 * _bump(x, y, (30, 240), (40, 120))


@dataclass(frozen=True)
class Part:
    """How one body part is built: volumes in an upright standard pose, its relief, and the size of lesions on it."""

    volumes: Callable[[np.random.Generator], list[dict]]
    relief: Relief
    unit: float


def _torso_arms(rng: np.random.Generator, girth: float, top: float, reach: float) -> list[dict]:
    out = rng.uniform(0.0, 38.0)
    knots, widths = (0, 0.24, 0.46, 0.6, 0.9, 1), (47, 45, 38, 40, 27, 27)
    return [
        {
            "name": f"{side} arm",
            "start": (320 + sign * reach * girth, top),
            "end": (320 + sign * (reach * girth + 46 + out), 1000),
            "knots": knots,
            "half_widths": widths,
            "lift": -26.0,
            "depth": 0.9,
            "capped": True,
        }
        for side, sign in (("left", -1), ("right", 1))
    ]


def _back(rng: np.random.Generator) -> list[dict]:
    girth, waist = rng.uniform(0.9, 1.1), rng.uniform(0.9, 1.12)
    torso = {
        "name": "back",
        "start": (320, -40),
        "end": (320, 860),
        "midline": True,
        "squareness": 2.7,
        "depth": 0.42,
        "knots": (0, 0.085, 0.15, 0.215, 0.28, 0.36, 0.50, 0.68, 0.84, 1.0),
        "half_widths": (
            56,
            60,
            112 * girth,
            172 * girth,
            186 * girth,
            170 * girth,
            156 * girth,
            134 * girth * waist,
            158 * girth * waist,
            170 * girth * waist,
        ),
    }
    return [torso, *_torso_arms(rng, girth, 138, 172)]


def _abdomen(rng: np.random.Generator) -> list[dict]:
    girth, waist = rng.uniform(0.9, 1.08), rng.uniform(0.86, 1.12)
    torso = {
        "name": "abdomen",
        "start": (320, -40),
        "end": (320, 860),
        "midline": True,
        "squareness": 2.5,
        "depth": 0.5,
        "knots": (0, 0.25, 0.5, 0.72, 1.0),
        "half_widths": tuple(girth * width for width in (205, 203, 178 * waist, 196 * waist, 214 * waist)),
    }
    if rng.random() < 0.5:
        return [torso]
    return [torso, *_torso_arms(rng, girth, -60, 214)]


def _shoulders(rng: np.random.Generator) -> list[dict]:
    girth = rng.uniform(0.94, 1.06)
    return [
        {
            "name": "neck and chest",
            "start": (320, -40),
            "end": (320, 860),
            "midline": True,
            "squareness": 2.6,
            "depth": 0.42,
            "knots": (0, 0.12, 0.21, 0.27, 0.32, 0.38, 0.45, 0.54, 1.0),
            "half_widths": (94, 86, 94, 124, 176 * girth, 248 * girth, 296 * girth, 318 * girth, 312 * girth),
        }
    ]


def _arm(rng: np.random.Generator) -> list[dict]:
    girth, bend = rng.uniform(0.9, 1.12), rng.uniform(-70, 70)
    return [
        {
            "name": "arm",
            "start": (250, -40),
            "end": (390, 860),
            "squareness": 2.1,
            "depth": 0.85,
            "knots": (0, 0.2, 0.47, 0.6, 0.85, 1.0),
            "half_widths": (118 * girth, 112 * girth, 92 * girth, 99 * girth, 66 * girth, 58 * girth),
            "bends": (-bend * 0.4, 0.0, bend, bend * 0.8, 0.0, -bend * 0.5),
        }
    ]


def _leg(rng: np.random.Generator) -> list[dict]:
    girth, apart = rng.uniform(0.9, 1.1), rng.uniform(0, 30)
    front = {
        "name": "leg",
        "squareness": 2.15,
        "depth": 0.8,
        "knots": (0, 0.25, 0.45, 0.6, 0.85, 1.0),
        "half_widths": (142 * girth, 126 * girth, 92 * girth, 101 * girth, 68 * girth, 58 * girth),
    }
    if rng.random() < 0.45:
        return [{**front, "start": (310, -40), "end": (330, 860)}]
    return [
        {**front, "start": (212 - apart, -40), "end": (222 - apart, 860)},
        {**front, "name": "other leg", "start": (474 + apart, -40), "end": (452 + apart, 860), "lift": -6.0},
    ]


PARTS: dict[str, Part] = {
    "back": Part(_back, _back_relief, 1.0),
    "abdomen": Part(_abdomen, _abdomen_relief, 1.12),
    "neck and chest": Part(_shoulders, _shoulder_relief, 1.15),
    "arm": Part(_arm, _arm_relief, 1.05),
    "leg": Part(_leg, _leg_relief, 1.08),
}


def build_body(part: str, pose: Pose, rng: np.random.Generator) -> Body:
    """The body part `part` (a key of PARTS) in a pose, with its fields."""
    plan = PARTS[part]
    volumes = tuple(_posed(spec, pose) for spec in plan.volumes(rng))
    x, y = grid_xy()
    upright = Pose(1 / pose.scale, -pose.turn, (0, 0), False)
    standard = upright.apply(np.stack([x - pose.shift_xy[0], y - pose.shift_xy[1]], axis=-1).reshape(-1, 2))
    standard_x = (standard[:, 0].reshape(x.shape) - SCENE_PX[0] / 2) * (-1 if pose.mirrored else 1)
    standard_y = standard[:, 1].reshape(x.shape)
    seen = [_volume_fields(volume, x, y) for volume in volumes]
    heights = np.stack([one["height"] for one in seen])
    index = heights.argmax(axis=0)
    pick = {
        name: np.take_along_axis(np.stack([one[name] for one in seen]), index[None], 0)[0]
        for name in ("share", "across", "width")
    }
    edge, height = seen[0]["edge"], heights[0]
    for one in seen[1:]:
        edge = smooth_maximum(edge, one["edge"], 14.0)
        height = smooth_maximum(height, one["height"], 10.0)
    relief = _relief_of(part, index, standard_x, standard_y, volumes, pick) * pose.scale
    lengths = np.array([volume.length for volume in volumes])
    return Body(
        part=part,
        volumes=volumes,
        edge_px=edge.astype(np.float32),
        trunk_px=seen[0]["edge"],
        limbs_px=np.max([one["edge"] for one in seen[1:]] or [np.full(x.shape, OUTSIDE_PX)], axis=0),
        height=(height + relief).astype(np.float32),
        index=index,
        share=pick["share"],
        across=pick["across"],
        arc_px=pick["width"] * np.arcsin(np.clip(pick["across"], -1, 1)),
        along_px=pick["share"] * lengths[index],
        unit=plan.unit * pose.scale,
    )


def _relief_of(part, index, standard_x, standard_y, volumes, pick) -> np.ndarray:
    """Relief in the volume's own coordinates for limbs (which bend), in the upright pose for the trunk."""
    if part in ("arm", "leg"):
        lengths = np.array([volume.length for volume in volumes])[index]
        return PARTS[part].relief(index, pick["across"] * pick["width"], pick["share"] * lengths * 900 / lengths - 40)
    return PARTS[part].relief(index, standard_x, standard_y)


def _posed(spec: dict, pose: Pose) -> Volume:
    """A volume in the picture: its ends moved, its widths and bend scaled."""
    start, end = pose.apply(np.array([spec["start"], spec["end"]]))
    bends = spec.get("bends")
    sign = -1 if pose.mirrored else 1
    return Volume(
        **{
            **spec,
            "start": start,
            "end": end,
            "half_widths": tuple(width * pose.scale for width in spec["half_widths"]),
            "bends": None if bends is None else tuple(sign * bend * pose.scale for bend in bends),
        }
    )


def _volume_fields(volume: Volume, x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    share, across, width = volume.locate(x, y)
    past_end = np.maximum(np.maximum(-share, share - 1), 0) * volume.length
    slope = np.gradient(volume.half_width(np.linspace(0, 1, 101)), volume.length / 100)
    steepness = np.sqrt(1 + np.interp(np.clip(share, 0, 1), np.linspace(0, 1, 101), slope) ** 2)
    edge = width * (1 - np.abs(across)) / steepness - past_end
    inside = np.clip(1 - np.abs(across) ** volume.squareness, 0, 1) ** (1 / volume.squareness)
    height = volume.depth * width * inside + volume.lift
    height = np.where(edge > -1, height, OUTSIDE_PX + edge)
    return {"share": share, "across": across, "width": width, "edge": edge, "height": height}
