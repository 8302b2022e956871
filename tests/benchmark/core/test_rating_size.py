"""The size of a rating study: the published half-widths, power of equivalence and the numbers that it takes."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmark.core.commands.main import main
from benchmark.core.methods.equivalence import equivalence
from benchmark.core.planning.rating_size import (
    RatingWorld,
    equivalence_power,
    rating_design,
    rating_size,
    smallest_margin,
)
from benchmark.core.planning.rating_words import rating_size_sentences

WORLD = RatingWorld(error=0.5, sd_rater=0.08, icc=0.15)


@pytest.mark.parametrize(("raters", "images", "points"), [(12, 60, 7.4), (30, 60, 6.1), (32, 300, 4.1)])
def test_half_widths_as_designed(raters, images, points):
    """Sixty images a rater: with 1.96 as designed, and a little wider with the degrees of freedom that the analysis has."""
    found = rating_size(rating_design(raters, 60, images), WORLD, 0.1)
    assert round(100 * found.half_width_normal, 1) == points
    assert found.half_width_normal < found.half_width < 1.1 * found.half_width_normal


def test_equivalence_power_is_what_the_two_one_sided_tests_do():
    """100,000 drawn estimates with their drawn standard errors, through the test that the analysis uses."""
    design, rng, draws = rating_design(12, 60, 60), np.random.default_rng(3), 100_000
    spread = WORLD.spread()
    se, df = design.standard_error(spread), design.degrees_of_freedom(spread)
    for error, margin in ((0.5, 0.1), (0.5, 0.12), (0.46, 0.12)):
        estimate = rng.normal(error - 0.5, se, draws)
        seen = se * np.sqrt(rng.chisquare(df, draws) / df)
        one = equivalence(estimate[0], seen[0], df, margin=margin)
        critical = (one.ci_high - one.ci_low) / 2 / seen[0]
        share = np.mean((estimate - critical * seen > -margin) & (estimate + critical * seen < margin))
        assert equivalence_power(design, replace(WORLD, error=error), margin) == pytest.approx(share, abs=0.006)


def test_smallest_margin_and_numbers_needed_stand_on_the_edge_of_80_percent():
    design = rating_design(32, 60, 300)
    found = rating_size(design, WORLD, 0.08)
    assert equivalence_power(design, WORLD, found.smallest_margin) == pytest.approx(0.8, abs=1e-6)
    assert smallest_margin(design, replace(WORLD, error=0.45)) > 0.05 + found.smallest_margin / 2
    fewer = [equivalence_power(rating_design(n, 60, 300), WORLD, 0.08) for n in (found.raters_needed - 1, found.raters_needed)]
    assert fewer[0] < 0.8 <= fewer[1]
    fewer = [equivalence_power(rating_design(32, 60, n), WORLD, 0.08) for n in (found.images_needed - 1, found.images_needed)]
    assert fewer[0] < 0.8 <= fewer[1]
    few_images = rating_size(rating_design(12, 60, 60), WORLD, 0.05)
    assert few_images.raters_needed is None
    assert few_images.images_needed is None


def test_an_error_beyond_the_margin_is_not_met_with_advice_to_add_raters():
    beyond = rating_size_sentences(rating_size(rating_design(32, 60, 300), replace(WORLD, error=0.4), 0.1))
    assert beyond[-1] == "An error of 40.0 % does not lie within ± 10.0 points of chance: no design shows that it does."
    assert not any("raters" in sentence for sentence in beyond)
    assert "raters of these 300 images" in " ".join(rating_size_sentences(rating_size(rating_design(32, 60, 300), WORLD, 0.1)))


def test_more_images_help_where_more_raters_do_not():
    same, more = rating_size(rating_design(300, 60, 60), WORLD, 0.06), rating_size(rating_design(32, 60, 300), WORLD, 0.06)
    assert same.half_width > more.half_width
    assert same.equivalence < more.equivalence


def test_designs_and_worlds_that_cannot_be_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="cannot judge 61 of 60"):
        rating_design(12, 61, 60)
    with pytest.raises(ValueError, match="120 of 300 images at most"):
        rating_design(12, 10, 300)
    with pytest.raises(ValueError, match="At least 3 raters"):
        rating_design(2, 10, 20)
    with pytest.raises(ValueError, match="are more than that"):
        RatingWorld(0.5, 0.3, 0.9).spread()
    with pytest.raises(ValueError, match="found 60"):
        rating_size(rating_design(12, 60, 60), WORLD, 0.6)


def test_power_of_ratings_on_the_command_line(capsys):
    asked = ["power", "--ratings", "--raters", "32", "--each", "60", "--images", "300"]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["half_width_normal"] == pytest.approx(0.0408, abs=5e-5)
    assert main(asked) == 0
    assert f"half-width {100 * found['half_width']:.1f} points" in capsys.readouterr().out
    assert main([*asked, "--margin", "0.7"]) == 2
    assert capsys.readouterr().err == "A margin between 0 and 50 points is needed; found 70.\n"
    assert main([*asked, "--published", "0.1", "0.02", "30"]) == 2
    assert "--published" in capsys.readouterr().err
