"""Wrong recipes are refused whole, with everything that is wrong; the command says so without a traceback."""

import tomllib

import pytest

from imagebank.drawing import RecipeError, read_recipe
from imagebank.drawing.__main__ import main
from imagebank.drawing.recipe import recipe_from

from .conftest import RECIPE


@pytest.fixture
def table():
    return tomllib.loads(RECIPE.read_text(encoding="utf-8"))


def test_the_shipped_recipe_names_the_founding_classes(founding_recipe):
    assert list(founding_recipe.classes) == ["HMI", "IP", "MA", "NF1", "ML", "TSC", "Other"]
    assert founding_recipe.test_per_class == 20
    assert len(founding_recipe.palette["skin_tones"]) == 10
    assert founding_recipe.nature == "drawn, not a photograph"


def test_everything_wrong_is_said_at_once(table):
    table["sizes"]["focused"] = [8, 8]
    table["counts"]["training"]["focused"]["IP"] = 3
    table["classes"]["MA"][0]["layers"][0]["kind"] = "splotches"
    del table["classes"]["TSC"][0]["layers"][0]["slimness"]
    table["body_parts"]["face"] = 0.1
    with pytest.raises(RecipeError) as refused:
        recipe_from(table, "drawing.toml")
    message = str(refused.value)
    for part in ("sizes.focused", "IP", "'splotches'", "leaves needs slimness", "face"):
        assert part in message


def test_missing_sections_and_other_schemas_are_named(table):
    del table["palette"], table["camera"]
    with pytest.raises(RecipeError, match="missing: camera, palette"):
        recipe_from(table)
    with pytest.raises(RecipeError, match="schema must be"):
        recipe_from({**table, "schema": "something-else/9"})


def test_counts_do_not_change_pixels_but_signatures_do(table):
    before = recipe_from(table).fingerprint
    table["counts"]["test_per_class"] = 3
    table["scale"] = 0.1
    assert recipe_from(table).fingerprint == before
    table["classes"]["HMI"][0]["layers"][0]["melanin"] = [-2.0, -1.0]
    assert recipe_from(table).fingerprint != before


def small_toml(path):
    """The shipped recipe with tiny pictures and a single item per class, as a file."""
    text = RECIPE.read_text(encoding="utf-8")
    text = text.replace("panoramic = [576, 720]", "panoramic = [80, 100]").replace("[400, 400]", "[64, 64]")
    path.write_text(text.replace("test_per_class = 20", "test_per_class = 1"), encoding="utf-8")
    return path


def test_command_draws_and_writes_a_contact_sheet(tmp_path, capsys):
    recipe = small_toml(tmp_path / "recipe.toml")
    arguments = [str(recipe), "--out", str(tmp_path / "bank"), "--scale", "0.01", "--processes", "1"]
    assert main([*arguments, "--contact-sheet", str(tmp_path / "sheet.jpg")]) == 0
    assert "drawn, not photographs" in capsys.readouterr().out
    assert (tmp_path / "bank" / "manifest.csv").is_file()
    assert (tmp_path / "sheet.jpg").stat().st_size > 5000


@pytest.mark.parametrize(
    ("content", "extra", "expected"),
    [
        (None, [], "No such file"),
        ("schema = 3", [], "schema must be"),
        ("not toml", [], "not readable as TOML"),
        ("shipped", ["--scale", "0"], "above 0"),
        ("shipped", ["--processes", "0"], "at least 1"),
    ],
)
def test_command_refuses_bad_input_with_a_sentence(tmp_path, capsys, content, extra, expected):
    recipe = tmp_path / "recipe.toml"
    if content == "shipped":
        small_toml(recipe)
    elif content is not None:
        recipe.write_text(content, encoding="utf-8")
    assert main([str(recipe), "--out", str(tmp_path / "bank"), *extra]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert "Traceback" not in error
    assert not (tmp_path / "bank").exists()


def test_reading_a_recipe_that_is_no_text_says_so(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="not readable as TOML"):
        read_recipe(path)
