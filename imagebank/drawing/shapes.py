"""Outlines of single lesions as closed polygons around the origin, (n, 2), in scene pixels.

First coordinate across the body, second along it. Every outline is drawn from the generator given to it.
"""

import numpy as np


def _harmonics(rng: np.random.Generator, angles: np.ndarray, highest: int, fall: float) -> np.ndarray:
    """A closed random profile: sines up to `highest` turns whose amplitude falls as k**-fall; unit variance."""
    order = np.arange(2, highest + 1)
    size = rng.standard_normal(order.size) * order ** (-fall)
    waves = np.sin(np.outer(angles, order) + rng.uniform(0, 2 * np.pi, order.size)) @ size
    return waves / np.sqrt(0.5 * np.sum(order ** (-2.0 * fall)))


def turn(points: np.ndarray, angle: float) -> np.ndarray:
    """The outline rotated by `angle` (radians)."""
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def coast(rng: np.random.Generator, outline: np.ndarray, roughness: float, rounds: int) -> np.ndarray:
    """The outline with every side bent at a displaced middle, `rounds` times over: a fractal coast."""
    for _ in range(rounds):
        following = np.roll(outline, -1, axis=0)
        side = following - outline
        bend = rng.normal(0, 0.27 * roughness, len(outline))[:, None]
        middle = outline + side * rng.uniform(0.38, 0.62, len(outline))[:, None] + bend * side[:, ::-1] * (1, -1)
        outline = np.stack([outline, middle], axis=1).reshape(-1, 2)
    return outline


def blob(
    rng: np.random.Generator, radius_px: float, roughness: float, elongation: float, points: int = 96
) -> np.ndarray:
    """A patch. `roughness` 0 is a smooth oval ("coast of California"), 1 a jagged outline ("coast of Maine")."""
    rounds = 0 if roughness < 0.15 else 4 if radius_px > 40 else 3
    angles = np.linspace(0, 2 * np.pi, points if rounds == 0 else 13, endpoint=False)
    radius = radius_px * np.exp(_harmonics(rng, angles, 4, 1.5) * (0.07 + 0.14 * roughness))
    outline = np.stack([radius * np.cos(angles), radius * np.sin(angles) * elongation], axis=1) / np.sqrt(elongation)
    outline = coast(rng, outline, roughness, rounds)
    return turn(outline, rng.uniform(0, np.pi) if elongation < 1.25 else rng.normal(0, 0.9))


def leaf(rng: np.random.Generator, length_px: float, slimness: float) -> np.ndarray:
    """An ash leaf: lance-shaped, rounded at one end and pointed at the other, `slimness` times longer than wide."""
    share = np.linspace(0, 1, 40)
    half = 0.5 / slimness * np.sin(np.pi * share ** rng.uniform(0.52, 0.66)) ** 0.9
    belly = rng.normal(0, 0.035) * np.sin(np.pi * share)
    right = np.stack([half + belly, share - 0.5], axis=1)
    left = np.stack([-half + belly, share - 0.5], axis=1)[::-1]
    outline = np.concatenate([right, left[1:-1]])
    angles = np.linspace(0, 2 * np.pi, len(outline), endpoint=False)
    wobble = 1 + 0.03 * _harmonics(rng, angles, 6, 1.0)
    return outline * wobble[:, None] * length_px


def spot(rng: np.random.Generator, radius_px: float) -> np.ndarray:
    """A small round or slightly oval spot."""
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    radius = radius_px * (1 + 0.09 * _harmonics(rng, angles, 4, 1.0))
    stretch = rng.uniform(0.75, 1.0)
    return turn(np.stack([radius * np.cos(angles), radius * np.sin(angles) * stretch], axis=1), rng.uniform(0, np.pi))


def lobed(rng: np.random.Generator, radius_px: float, lobes: int) -> list[np.ndarray]:
    """A raised plaque of rounded lobules that run together, as overlapping outlines."""
    outlines = [blob(rng, radius_px * 0.72, 0.1, 1.1, 60)]
    for angle in rng.uniform(0, 2 * np.pi, lobes):
        away = radius_px * rng.uniform(0.35, 0.75)
        outline = blob(rng, radius_px * rng.uniform(0.25, 0.48), 0.08, 1.05, 40)
        outlines.append(outline + away * np.array([np.cos(angle), np.sin(angle)]))
    return outlines
