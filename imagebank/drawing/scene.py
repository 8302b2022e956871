"""A scene: everything that one photograph would show, decided once from its seed.

`compose` decides (body, skin, lesions, clothing, light, camera); `look` renders what a window on the scene shows,
and `lesion_mask` where the lesions are in it.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter

from .body import SCENE_PX, Body, Pose, build_body
from .fields import GRID_STEP_PX, Window, fractal_noise, generator, see, smoothstep, texture
from .lesions import Layer, Painter, strength
from .recipe import Recipe
from .setting import Background, Garment, draw_background, draw_garments, dress, paint_background

# Melanin scale: one step per tone of the palette, tabulated from below the palest to above the darkest.
LOWEST_STEP, HIGHEST_STEP, ENTRIES_PER_STEP = -4.0, 14.0, 48
# How strongly a unit of blood darkens red, green and blue (log scale), and how shadows on skin turn warm.
BLOOD_RGB = np.array([0.10, 0.74, 0.62])
SHADOW_RGB = np.array([0.86, 1.04, 1.12])
MASK_LEVEL = 0.4
# Share of the visible skin that lesions must cover, else they are drawn anew.
LEAST_VISIBLE_SHARE = 0.012


@dataclass(frozen=True)
class Camera:
    """What the camera does to the light: gain per channel, vignette, blur (scene pixels), noise (grey levels 0..1)."""

    gain_rgb: np.ndarray
    vignette: float
    blur_px: float
    noise: float
    quality: int


@dataclass(frozen=True)
class Scene:
    """One photograph's world. Grids are the body's; `offset` moves the shared textures so that no two scenes repeat."""

    body: Body
    skin_tone: int
    skin_table: np.ndarray
    melanin: np.ndarray
    blood: np.ndarray
    light: np.ndarray
    gloss: np.ndarray
    layers: tuple[Layer, ...]
    hairs: tuple[np.ndarray, ...]
    hair_depth: float
    garments: tuple[Garment, ...]
    background: Background
    camera: Camera
    texture_depth: float
    offset: tuple[int, int]


@lru_cache(maxsize=4)
def skin_table(tones_rgb: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Colours 0..1 of the melanin scale, ENTRIES_PER_STEP rows per step; beyond the palette towards white and black."""
    tones = np.array(tones_rgb, dtype=float) / 255
    count = len(tones)
    steps = np.concatenate([[LOWEST_STEP], np.arange(1, count + 1), [HIGHEST_STEP]])
    white, black = np.array([1.0, 0.975, 0.945]), tones[-1] * 0.45
    colours = np.concatenate([[white], tones, [black]])
    wanted = np.arange(LOWEST_STEP, HIGHEST_STEP, 1 / ENTRIES_PER_STEP)
    return np.stack([PchipInterpolator(steps, colours[:, c])(wanted) for c in range(3)], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Subject:
    """Who and what is pictured: a body part, a step of the palette's skin tones (from 1), a signature of the class."""

    body_part: str
    skin_tone: int
    signature: dict


def choose_subject(recipe: Recipe, class_code: str, key: tuple) -> Subject:
    """The subject of a scene; cheap, so that a list of pictures can be written without drawing them."""
    rng = generator(*key, "scene")
    signatures = recipe.classes[class_code]
    return Subject(
        body_part=str(rng.choice(list(recipe.body_parts), p=_shares(recipe.body_parts.values()))),
        skin_tone=int(rng.integers(1, len(recipe.palette["skin_tones"]) + 1)),
        signature=signatures[rng.choice(len(signatures), p=_shares(one.get("weight", 1.0) for one in signatures))],
    )


def compose(recipe: Recipe, class_code: str, key: tuple) -> Scene:
    """Decide a scene of the class from the recipe; the same key gives the same scene."""
    subject = choose_subject(recipe, class_code, key)
    pose_rng = generator(*key, "pose")
    pose = Pose(
        scale=pose_rng.uniform(*recipe.pose["scale"]),
        turn=np.radians(pose_rng.normal(0, recipe.pose["turn_degrees"])),
        shift_xy=(
            pose_rng.uniform(-1, 1) * recipe.pose["shift_px"],
            pose_rng.uniform(-1, 1) * recipe.pose["shift_px"] / 2,
        ),
        mirrored=bool(pose_rng.random() < 0.5),
    )
    body = build_body(subject.body_part, pose, generator(*key, "body"))
    garments = draw_garments(body, recipe.palette, generator(*key, "clothing"), recipe.clothing["hide"])
    hidden = np.max([garment.inside_px for garment in garments], axis=0) if garments else np.full(body.shape, -99.0)
    free = (body.edge_px > 5) & (hidden < -4) & _in_frame(body.shape)
    layers = _visible_lesions(body, free, subject.signature, key)
    layers += _distractors(recipe.distractors, Painter(body, free, (*key, "distractors")), generator(*key, "moles"))
    light_rng = generator(*key, "light")
    light_xy = (light_rng.uniform(-0.75, 0.75), light_rng.uniform(-0.8, 0.1))
    camera_rng = generator(*key, "camera")
    camera = _camera(recipe.camera, camera_rng, subject.skin_tone / len(recipe.palette["skin_tones"]))
    light, gloss = _light(body, hidden, light_xy, light_rng, camera.vignette)
    skin_rng = generator(*key, "skin")
    melanin, blood = _skin(body, subject.skin_tone, skin_rng)
    return Scene(
        body=body,
        skin_tone=subject.skin_tone,
        skin_table=skin_table(tuple(map(tuple, recipe.palette["skin_tones"]))),
        melanin=melanin,
        blood=blood,
        light=light,
        gloss=gloss * skin_rng.uniform(0.03, 0.16),
        layers=tuple(layers),
        hairs=_hairs(body, free, recipe.distractors["hairs"], generator(*key, "hairs")),
        hair_depth=skin_rng.uniform(0.25, 0.6),
        garments=tuple(garments),
        background=draw_background(body, recipe.palette, generator(*key, "background"), light_xy),
        camera=camera,
        texture_depth=skin_rng.uniform(0.010, 0.024),
        offset=(int(skin_rng.integers(0, 512)), int(skin_rng.integers(0, 512))),
    )


def _shares(weights) -> np.ndarray:
    weights = np.array(list(weights), dtype=float)
    return weights / weights.sum()


def _in_frame(shape: tuple[int, int]) -> np.ndarray:
    inside = np.zeros(shape, dtype=bool)
    inside[6:-6, 6:-6] = True
    return inside


def _visible_lesions(body: Body, free: np.ndarray, signature: dict, key: tuple) -> list[Layer]:
    """The signature's layers; drawn again, a few times, while clothing or the frame hides nearly all of them."""
    grid, best, best_share = whole((body.shape[1], body.shape[0])), [], -1.0
    for attempt in range(6):
        layers = Painter(body, free, (*key, "lesions", attempt)).paint(signature)
        share = float((lesion_strength(layers, grid)[free] > MASK_LEVEL).mean()) if free.any() else 0.0
        if share > best_share:
            best, best_share = layers, share
        if share >= LEAST_VISIBLE_SHARE:
            break
    return best


def lesion_strength(layers, window: Window) -> np.ndarray:
    """The strongest marked layer at each output pixel, 0..1, clothing ignored."""
    strongest = np.zeros(window.shape, dtype=np.float32)
    for layer in layers:
        if layer.marked:
            np.maximum(strongest, strength(layer, window, np.float32(0)), out=strongest)
    return strongest


def _camera(options: dict, rng: np.random.Generator, darkness: float) -> Camera:
    """A camera whose automatic exposure favours the skin: less light for pale skin, more for dark."""
    metering = 0.93 + 0.22 * darkness
    warmth, tint = rng.normal(0, options["warmth"]), rng.normal(0, options["tint"])
    return Camera(
        gain_rgb=metering * rng.uniform(*options["exposure"]) * np.exp([warmth, tint, -warmth]),
        vignette=rng.uniform(*options["vignette"]),
        blur_px=rng.uniform(*options["blur_px"]),
        noise=rng.uniform(*options["noise"]),
        quality=int(rng.integers(*options["jpeg_quality"], endpoint=True)),
    )


def _light(body: Body, hidden: np.ndarray, light_xy, rng: np.random.Generator, vignette: float):
    """Light and gloss on the grid: a key light on the body's curvature, fill, darker rims, shadow of the clothing."""
    height = gaussian_filter(np.maximum(body.height, -40), 1.1)
    slope_y, slope_x = np.gradient(height, GRID_STEP_PX)
    norm = np.sqrt(slope_x**2 + slope_y**2 + 1)
    direction = np.array([*light_xy, 1.0]) / np.sqrt(light_xy[0] ** 2 + light_xy[1] ** 2 + 1)
    facing = (-slope_x * direction[0] - slope_y * direction[1] + direction[2]) / norm
    fill = rng.uniform(0.34, 0.55)
    light = fill + (1 - fill) * np.clip(facing, 0, 1) ** 0.9
    rim = smoothstep(-2, 26, body.edge_px)
    hollow = np.clip((height - gaussian_filter(height, 7)) / 30, -0.22, 0.08)
    light = 1.02 * light * (0.80 + 0.20 * rim) * (1 + hollow)
    cloth_shadow = smoothstep(-26, 1, hidden) * (hidden < 1)
    light = light * (1 - 0.30 * cloth_shadow)
    rows, columns = np.indices(body.shape) / np.array(body.shape)[:, None, None] - 0.5
    middle = rng.uniform(-0.15, 0.15, 2)
    away = (rows - middle[0]) ** 2 + (columns - middle[1]) ** 2
    light = light * (1 - vignette * away) * (1 + rng.uniform(0.0, 0.12) * np.exp(-away * 8))
    half = np.array([*light_xy, 2.0]) / np.sqrt(light_xy[0] ** 2 + light_xy[1] ** 2 + 4)
    gloss = np.clip((-slope_x * half[0] - slope_y * half[1] + half[2]) / norm, 0, 1) ** 22
    return light.astype(np.float32), (gloss * rim).astype(np.float32)


def _skin(body: Body, tone: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Melanin (steps) and blood of bare skin: a tone of one's own, tanned here, flushed there, mottled everywhere."""
    melanin = tone + rng.uniform(-0.45, 0.45)
    melanin = melanin + 0.16 * fractal_noise(rng, body.shape, 60, 3) + 0.08 * fractal_noise(rng, body.shape, 9, 2)
    blood = 0.02 + rng.uniform(0.0, 0.10) + 0.035 * fractal_noise(rng, body.shape, 40, 3)
    return melanin.astype(np.float32), np.clip(blood, 0, None).astype(np.float32)


def _distractors(options: dict, painter: Painter, rng: np.random.Generator) -> list[Layer]:
    """Moles, freckles, scratches and pale or brown marks that people without any condition have too."""
    layers = []
    for mark in options["marks"]:
        if rng.random() < mark["probability"]:
            layers += painter.paint({"layers": [{**mark, "marked": False, "probability": 1.0}]})
    return layers


def _hairs(body: Body, free: np.ndarray, options: dict, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Body hair as short bent lines along the body, on some limbs more than elsewhere."""
    if rng.random() > options["probability"]:
        return ()
    rows, columns = np.nonzero(free)
    if rows.size == 0:
        return ()
    strands = []
    for _ in range(int(rng.integers(*options["count"]))):
        pick = rng.integers(rows.size)
        length, lean = rng.uniform(7, 20), rng.normal(0.0, 0.6)
        bend = rng.normal(0, 0.5)
        angles = np.pi / 2 + lean + bend * np.linspace(0, 1, 5)
        steps = np.stack([np.cos(angles), np.sin(angles)], axis=1) * length / 5
        start = np.array([columns[pick] + 0.5, rows[pick] + 0.5]) * GRID_STEP_PX
        strands.append(start + np.concatenate([[[0, 0]], np.cumsum(steps, axis=0)]))
    return tuple(strands)


def look(scene: Scene, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """What the camera sees in the window, RGB bytes (rows, columns, 3), and the lesion mask (rows, columns) bool."""
    body, zoom = scene.body, window.zoom
    skin_texture = texture("skin", window, scene.offset)
    melanin, blood = see(scene.melanin, window), see(scene.blood, window)
    light = see(scene.light, window)
    skin_light = light * (1 + scene.texture_depth * skin_texture)
    lesion = np.zeros(window.shape, dtype=np.float32)
    for layer in scene.layers:
        amount = strength(layer, window, skin_texture)
        uneven = amount * (1 + layer.grain * 0.35 * skin_texture) if layer.grain else amount
        if layer.melanin:
            melanin = melanin + layer.melanin * uneven
        if layer.blood:
            blood = blood + layer.blood * uneven
        if layer.raised:
            skin_light = skin_light * _relief_light(amount, layer.raised, zoom)
        if layer.marked:
            np.maximum(lesion, amount, out=lesion)
    skin = _skin_colour(scene, melanin, blood, skin_light)
    skin += see(scene.gloss, window)[..., None]
    if scene.hairs:
        skin *= 1 - scene.hair_depth * _draw_hairs(scene, window)[..., None]
    inside = np.clip(see(body.edge_px, window) * zoom + 0.5, 0, 1)
    picture = paint_background(scene.background, window, scene.offset)
    picture += (skin - picture) * inside[..., None]
    bare = inside
    for garment in scene.garments:
        bare = bare * (1 - dress(picture, garment, body, light, window, scene.offset))
    return _expose(scene, picture, window), (lesion > MASK_LEVEL) & (bare > 0.5)


def _skin_colour(scene: Scene, melanin: np.ndarray, blood: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Skin from melanin and blood by table, under the light; shadows turn warm. (rows, columns, 3)"""
    table = scene.skin_table
    index = ((melanin - LOWEST_STEP) * ENTRIES_PER_STEP).astype(np.int32)
    colour = table.take(index, axis=0, mode="clip")
    blood_table = np.exp(-np.outer(np.linspace(0, 2.5, 256), BLOOD_RGB)).astype(np.float32)
    colour *= blood_table.take((blood * (255 / 2.5)).astype(np.int32), axis=0, mode="clip")
    light_table = (np.linspace(0, 1.5, 256)[:, None] ** SHADOW_RGB).astype(np.float32)
    colour *= light_table.take((light * (255 / 1.5)).astype(np.int32), axis=0, mode="clip")
    return colour


def _relief_light(amount: np.ndarray, raised: float, zoom: float) -> np.ndarray:
    """Light on something raised: bright towards the upper left, dark away from it."""
    reach = max(1, round(1.5 * zoom))
    slope = np.zeros_like(amount)
    slope[reach:, reach:] = amount[reach:, reach:] - amount[:-reach, :-reach]
    return 1 + raised * slope


def _draw_hairs(scene: Scene, window: Window) -> np.ndarray:
    canvas = Image.new("L", (window.out_width * 2, window.out_height * 2), 0)
    draw = ImageDraw.Draw(canvas)
    for strand in scene.hairs:
        points = [tuple(point) for point in window.place(strand, 2)]
        draw.line(points, fill=255 if window.zoom > 1.2 else 130, width=max(1, round(1.1 * window.zoom)))
    return np.asarray(canvas.reduce(2), dtype=np.float32) * (1 / 255)


def _expose(scene: Scene, picture: np.ndarray, window: Window) -> np.ndarray:
    """Gain, sensor noise, blur of the lens; to bytes."""
    camera = scene.camera
    picture *= (255 * camera.gain_rgb).astype(np.float32)
    blurred = Image.fromarray(np.clip(picture, 0, 255, out=picture).astype(np.uint8))
    if camera.blur_px * window.zoom > 0.3:
        blurred = blurred.filter(ImageFilter.GaussianBlur(camera.blur_px * window.zoom))
    noise = texture("grain", window, scene.offset) * np.float32(255 * camera.noise)
    np.add(np.asarray(blurred), noise[..., None], out=picture)
    return np.clip(picture, 0, 255, out=picture).astype(np.uint8)


def whole(out_px: tuple[int, int]) -> Window:
    """The whole scene, as wide and high in pixels as `out_px` says."""
    return Window(0, 0, SCENE_PX[0], SCENE_PX[1], *out_px)


def spot_window(middle_xy: tuple[float, float], side_px: float, out_px: tuple[int, int]) -> Window:
    """A window about a point, pushed back into the scene; `side_px` wide, its height by the output's proportions."""
    height = side_px * out_px[1] / out_px[0]
    x = float(np.clip(middle_xy[0] - side_px / 2, 0, SCENE_PX[0] - side_px))
    y = float(np.clip(middle_xy[1] - height / 2, 0, SCENE_PX[1] - height))
    return Window(x, y, side_px, height, *out_px)
