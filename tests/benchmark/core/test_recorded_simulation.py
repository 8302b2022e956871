"""The recorded simulation of the paper's analysis, met row by row by studies simulated here (slow: TEST_SLOW=1)."""

import numpy as np
import pytest
from scipy import special

from benchmark.core.planning import Design
from benchmark.core.simulation import StudyDesign, World, intercept, spread_of
from benchmark.core.type_one import rejection_rates

from .conftest import REFERENCE

ROWS = REFERENCE["sim_type1_paper_analysis"]["expected"]
MONTE_CARLO = {"se_t": 0.0004, "se_2w": 0.0006, "se_u": 0.0006, "sd_survey": 0.002}
OF_THE_SD = ("sd_true", "ratio")  # as uncertain as an SD over 4,000 studies is, on either side
RATES = {"t1_t": "paired t", "t1_2w": "two-way", "t1_u": "U-statistic, z", "t1_item": "item-level t",
         "t1_wilcoxon": "Wilcoxon", "t1_signflip": "sign flip", "t1_boot2w": "bootstrap, percentile"}  # fmt: skip
LABELS = {"name", "fixed_items", "acc", "sd_r", "sd_i", "rho", "same", "n", "nboot"}


@pytest.mark.parametrize("row", [r for r in ROWS if not r["fixed_items"]], ids=lambda row: row["name"])
def test_the_recorded_spread_over_studies_is_that_of_the_closed_form(row):
    """Exact here, 4,000 studies there: within three of their standard errors, in every row."""
    exact = Design(30, 140, 28, classes=7).standard_error(
        spread_of(World(row["acc"], row["acc"], row["sd_r"], row["sd_i"], row["rho"]))
    )
    assert row["sd_true"] == pytest.approx(exact, abs=3 * exact / np.sqrt(2 * 4000))


def spread_over_image_sets(world: World) -> dict[str, float]:
    """How far numbers that hold for 140 images move from one draw of images to another: SD over 2,000 draws.

    The rows of fixed images record one draw, which is not kept; the product draws images anew in every study.
    """
    rng, (nodes, weights) = np.random.default_rng(1), np.polynomial.hermite_e.hermegauss(15)
    shared = rng.normal(size=(2000, 140))
    latent = world.correlation * shared + np.sqrt(1 - world.correlation**2) * rng.normal(size=shared.shape)
    logit = intercept(world.accuracy_readers, world.sd_reader**2 + world.sd_item**2) - world.sd_item * shared
    chance, weights = special.expit(logit[..., None] + world.sd_reader * nodes), weights / weights.sum()
    item = ((latent < special.ndtri(world.accuracy_model)) - chance @ weights).var(axis=1, ddof=1)
    residual = ((chance * (1 - chance)) @ weights).mean(axis=1)
    of_reader = chance.mean(axis=1)
    reader = (of_reader**2) @ weights - (of_reader @ weights) ** 2
    found = {
        "sd_true": reader / 30 + residual / 840, "se_t": (reader + (item + residual) / 28) / 30,
        "se_2w": reader / 30 + item / 140 + residual / 840,
    }  # fmt: skip
    return {key: float(np.sqrt(variance).std()) for key, variance in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=[row["name"] for row in ROWS])
def test_every_row_of_the_recorded_simulation_is_met(row):
    """4,000 studies a side; Wilcoxon, sign flip and bootstrap were recorded from 500, whose error is larger."""
    world = World(row["acc"], row["acc"], row["sd_r"], row["sd_i"], row["rho"])
    methods = [RATES[key] for key in RATES if key in row]
    found = rejection_rates(
        world, StudyDesign(same_surveys=row["same"]), methods, studies=4000, seed=7, these_images=row["fixed_items"]
    )
    values = {
        "sd_true": found.sd_difference, "se_t": found.mean_se_paired, "se_2w": found.mean_se_two_way,
        "se_u": found.mean_se_u, "sd_survey": found.sd_survey, "cover_t": found.cover_paired,
        "ratio": found.sd_difference / found.mean_se_paired,
    }  # fmt: skip
    spread = spread_over_image_sets(world) if row["fixed_items"] else {}
    for key, expected in row.items():
        if key in LABELS:
            continue
        if key in RATES:
            recorded = 500 if key in ("t1_wilcoxon", "t1_signflip", "t1_boot2w") else 4000
            error = np.sqrt(max(expected * (1 - expected), 1e-4) * (1 / 4000 + 1 / recorded))
            assert found.rate(RATES[key]) == pytest.approx(expected, abs=4 * error), key
        else:
            rate = 4 * np.sqrt(2 * max(expected * (1 - expected), 0.0) / 4000)
            tolerance = 4 * expected / np.sqrt(4000) if key in OF_THE_SD else MONTE_CARLO.get(key, rate)
            tolerance += 3 * spread.get(key, 0.0)
            assert values[key] == pytest.approx(expected, abs=tolerance), key
