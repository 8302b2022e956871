"""A bank small enough to draw in a second or two: one test item and two training photographs per class."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from imagebank.drawing import draw_bank, read_recipe

RECIPE = Path(__file__).resolve().parents[3] / "fixtures" / "founding" / "drawing.toml"


@pytest.fixture(scope="session")
def founding_recipe():
    return read_recipe(RECIPE)


@pytest.fixture(scope="session")
def small_recipe(founding_recipe):
    """The founding study's recipe at a quarter of the size, with two photographs and three crops per class."""
    classes = founding_recipe.classes
    return replace(
        founding_recipe,
        panoramic_px=(160, 200),
        focused_px=(96, 96),
        test_per_class=1,
        training={"panoramic": dict.fromkeys(classes, 2), "focused": dict.fromkeys(classes, 3)},
    )


@pytest.fixture(scope="session")
def small_bank(small_recipe, tmp_path_factory):
    """The manifest of the small bank, drawn once in this process."""
    return draw_bank(small_recipe, tmp_path_factory.mktemp("bank"), scale=1, seed=3, processes=1)


@pytest.fixture(scope="session")
def rows(small_bank):
    with small_bank.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
