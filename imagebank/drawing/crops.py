"""Where the focused crops of a photograph lie."""

import numpy as np

from .body import Body
from .fields import GRID_STEP_PX, Window
from .scene import MASK_LEVEL, Scene, lesion_strength, spot_window, whole


def choose_crops(
    scene: Scene, count: int, out_px: tuple[int, int], options: dict, rng: np.random.Generator
) -> list[Window]:
    """`count` windows on the lesions of a scene, as a person would crop them, as little overlapping as can be.

    Each is the best of some dozen random windows: bare skin for the most part, and lesions on a share of it near to
    one drawn from `options["cover"]`.
    """
    body = scene.body
    lesion = lesion_strength(scene.layers, whole((body.shape[1], body.shape[0]))) > MASK_LEVEL
    bare = _bare(scene, body)
    lesion_sum, bare_sum = _integral(lesion & bare), _integral(bare)
    rows, columns = np.nonzero(lesion & bare)
    if rows.size == 0:
        rows, columns = np.nonzero(bare) if bare.any() else np.nonzero(body.edge_px > 0)
    chosen: list[Window] = []
    for _ in range(count):
        wanted = rng.uniform(*options["cover"])
        best, best_score = None, -np.inf
        for _ in range(24):
            pick, side = rng.integers(rows.size), rng.uniform(*options["side_px"])
            middle = (np.array([columns[pick], rows[pick]]) + 0.5) * GRID_STEP_PX + rng.normal(0, side / 7, 2)
            window = spot_window(tuple(middle), side, out_px)
            covered, skin = _mean(lesion_sum, window), _mean(bare_sum, window)
            overlap = max((_overlap(window, other) for other in chosen), default=0.0)
            score = -abs(covered - wanted) - 4 * max(0.0, options["bare_skin"] - skin) - 1.5 * overlap
            if score > best_score:
                best, best_score = window, score
        chosen.append(best)
    return chosen


def _bare(scene: Scene, body: Body) -> np.ndarray:
    """Where skin can be seen (grid, bool)."""
    bare = body.edge_px > 2
    for garment in scene.garments:
        bare &= garment.inside_px < 0
    return bare


def _integral(mask: np.ndarray) -> np.ndarray:
    return np.pad(mask.astype(float).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))


def _mean(integral: np.ndarray, window: Window) -> float:
    """Mean of a mask over a window, to the nearest grid square."""
    left, top = round(window.x / GRID_STEP_PX), round(window.y / GRID_STEP_PX)
    right = max(left + 1, round((window.x + window.width) / GRID_STEP_PX))
    bottom = max(top + 1, round((window.y + window.height) / GRID_STEP_PX))
    total = integral[bottom, right] - integral[top, right] - integral[bottom, left] + integral[top, left]
    return float(total) / ((right - left) * (bottom - top))


def _overlap(first: Window, second: Window) -> float:
    """Intersection over union of two windows."""
    width = min(first.x + first.width, second.x + second.width) - max(first.x, second.x)
    height = min(first.y + first.height, second.y + second.height) - max(first.y, second.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (first.width * first.height + second.width * second.height - shared)
