"""The recipe of a drawn image bank: a TOML file, read and checked as a whole."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .body import PARTS

SCHEMA = "drawing-recipe/1"
VIEWS = ("panoramic", "focused")
LAYER_KINDS = ("streaks", "patches", "spots", "leaves", "rings", "plaques", "bumps")
# What every layer of a kind must say, beside `kind`.
REQUIRED = {
    "streaks": ("spacing_px", "length_px", "raggedness", "cover", "one_sided", "whorls", "softness", "melanin"),
    "patches": ("count", "radius_px", "roughness", "elongation"),
    "spots": ("count", "radius_px"),
    "bumps": ("count", "radius_px"),
    "leaves": ("count", "length_px", "slimness"),
    "rings": ("count", "radius_px", "rim", "clearing"),
    "plaques": ("count", "radius_px"),
}
SECTIONS = ("sizes", "counts", "body_parts", "pose", "clothing", "crops", "camera", "palette", "distractors", "classes")


class RecipeError(ValueError):
    """A recipe that cannot be drawn; the message lists everything that is wrong with it."""


@dataclass(frozen=True)
class Recipe:
    """A drawing recipe. Tables are as in the TOML file; `classes` maps a class code to its signatures.

    panoramic_px, focused_px: width and height; training: view -> class -> count at scale 1; fingerprint: hash of all
    that decides the pixels of a picture with a given seed (not of counts, scale or seed).
    """

    name: str
    nature: str
    licence: str
    attribution: str
    seed: int
    scale: float
    panoramic_px: tuple[int, int]
    focused_px: tuple[int, int]
    test_per_class: int
    training: dict
    body_parts: dict
    pose: dict
    clothing: dict
    crops: dict
    camera: dict
    palette: dict
    distractors: dict
    classes: dict

    @property
    def fingerprint(self) -> str:
        drawn_from = {key: value for key, value in vars(self).items() if key not in _NOT_IN_PIXELS}
        return hashlib.sha256(json.dumps(drawn_from, sort_keys=True).encode()).hexdigest()


_NOT_IN_PIXELS = ("name", "licence", "attribution", "seed", "scale", "test_per_class", "training")


def read_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe. A missing file raises FileNotFoundError, anything wrong inside it RecipeError."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path.name} is not readable as TOML: {error}") from error
    return recipe_from(table, path.name)


def recipe_from(table: dict, source: str = "recipe") -> Recipe:
    """A recipe from its parsed table; `source` names it in messages."""
    problems = list(_problems(table))
    if problems:
        raise RecipeError(f"{source} cannot be drawn: " + "; ".join(problems) + ".")
    return Recipe(
        name=table["name"],
        nature=table["nature"],
        licence=table["licence"],
        attribution=table["attribution"],
        seed=table["seed"],
        scale=table["scale"],
        panoramic_px=tuple(table["sizes"]["panoramic"]),
        focused_px=tuple(table["sizes"]["focused"]),
        test_per_class=table["counts"]["test_per_class"],
        training=table["counts"]["training"],
        **{name: table[name] for name in SECTIONS if name not in ("sizes", "counts")},
    )


def _problems(table: dict):
    """Every reason why the table is no recipe, as short sentences without a full stop."""
    if table.get("schema") != SCHEMA:
        yield f'schema must be "{SCHEMA}", found {table.get("schema")!r}'
        return
    missing = [
        name for name in ("name", "nature", "licence", "attribution", "seed", "scale", *SECTIONS) if name not in table
    ]
    if missing:
        yield "missing: " + ", ".join(missing)
        return
    for view in VIEWS:
        size = table["sizes"].get(view)
        if not (
            isinstance(size, list) and len(size) == 2 and all(isinstance(n, int) and 32 <= n <= 4096 for n in size)
        ):
            yield f"sizes.{view} must be [width, height] between 32 and 4096, found {size!r}"
        counts = table["counts"].get("training", {}).get(view, {})
        if set(counts) != set(table["classes"]):
            yield f"counts.training.{view} must name the classes {sorted(table['classes'])}, found {sorted(counts)}"
    for code, count in table["counts"].get("training", {}).get("panoramic", {}).items():
        crops = table["counts"]["training"].get("focused", {}).get(code, count)
        if crops < count:
            yield f"{code}: every photograph gives a crop, so focused ({crops}) must be at least panoramic ({count})"
    unknown = set(table["body_parts"]) - set(PARTS)
    if unknown or not table["body_parts"]:
        yield f"body_parts may be {sorted(PARTS)}, found {sorted(table['body_parts'])}"
    if len(table["palette"].get("skin_tones", [])) < 2:
        yield "palette.skin_tones needs at least two tones"
    for code, signatures in table["classes"].items():
        for signature in signatures:
            yield from _layer_problems(f"{code} ({signature.get('name', 'unnamed')})", signature.get("layers", []))
    yield from _layer_problems("distractors", table["distractors"].get("marks", []), may_be_empty=True)


def _layer_problems(where: str, layers: list, may_be_empty: bool = False):
    if not layers and not may_be_empty:
        yield f"{where} has no layers"
    for layer in layers:
        kind = layer.get("kind")
        if kind not in LAYER_KINDS:
            yield f"{where}: kind must be one of {', '.join(LAYER_KINDS)}, found {kind!r}"
            continue
        missing = [name for name in REQUIRED[kind] if name not in layer]
        if missing:
            yield f"{where}: a layer of {kind} needs {', '.join(missing)}"
