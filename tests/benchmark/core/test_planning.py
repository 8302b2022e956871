"""Power against published tables; the founding study's claim; the type-I error of each method by simulation."""

import pytest

from benchmark.core.planning import (
    Design,
    Spread,
    detectable_dz,
    equivalence_margin,
    fixed_images_precision,
    items_needed,
    largest_sd,
    new_images_precision,
    paired_t_power,
    pairs_needed,
    per_group_needed,
    two_sample_t_power,
)
from benchmark.core.simulation import StudyDesign, World, simulate, spread_of


def test_paired_power_as_published(reference):
    expected = reference["power_paired_t"]["expected"]
    assert detectable_dz(30) == pytest.approx(expected["dz_n30_power95_two_sided"], abs=2e-5)
    assert largest_sd(0.1, 30) == pytest.approx(expected["sd_for_10pt_n30_95"], abs=2e-5)
    assert largest_sd(0.1, 30, sides=1) == pytest.approx(expected["sd_for_10pt_n30_95_one_sided"], abs=2e-5)
    assert pairs_needed(0.5, power=0.8) == pytest.approx(expected["n_pairs_d05_power80"], abs=2e-4)
    assert paired_t_power(0.2, 60, alpha=0.10) == pytest.approx(expected["power_d02_n60_alpha10_one_sample"], abs=2e-5)
    assert two_sample_t_power(1.0, 20) == pytest.approx(expected["power_two_sample_n20_d1"], abs=2e-5)
    assert per_group_needed(1.0, power=0.9) == pytest.approx(expected["n_two_sample_d1_power90"], abs=2e-4)
    for name, power in expected["power_n30_10pt"].items():
        sd = float(name[2:].replace("_", "."))
        assert paired_t_power(0.1 / sd, 30) == pytest.approx(power, abs=2e-5)
        if name in expected["n_for_95"]:
            needed = expected["n_for_95"][name]
            assert needed - 1 < pairs_needed(0.1 / sd) <= needed


def test_two_independent_groups_need_a_smaller_sd(reference):
    sd = reference["power_paired_t"]["expected"]["sd_per_group_two_sample_30_30"]
    assert two_sample_t_power(0.1 / sd, 30) == pytest.approx(0.95, abs=2e-5)


def test_closed_form_for_new_images_as_recorded(reference):
    """The recorded components are rounded to four digits, hence the tolerance of .01."""
    for name, row in reference["sim_power_case_aware"]["expected"].items():
        spread, design = Spread(row["vR"], row["vI"], row["vE"]), Design(30, 140, 28)
        found = new_images_precision(design, spread, 0.1)
        assert found.se == pytest.approx(row["se"], abs=2e-4), name
        assert found.power == pytest.approx(row["power"], abs=0.01)
        assert found.power_unlimited_readers == pytest.approx(row["power_limit_readers_inf"], abs=0.01)
        assert new_images_precision(design, spread, 0.1, df=29).power == pytest.approx(row["power_df29"], abs=0.01)
        assert fixed_images_precision(design, spread, 0.1).power == pytest.approx(row["power_naive"], abs=0.01)
        needed = items_needed(spread, 0.1, reads_per_item=6, per_reader=28, classes=7)
        assert list(needed) == row["need_items_6reads"]
        assert 0.095 < equivalence_margin(design, spread) < 0.125


def test_components_of_a_world_are_the_recorded_ones(reference):
    row = reference["sim_power_case_aware"]["expected"]["gen si1.0 rho0.5"]
    found = spread_of(World(0.75, 0.85, 0.35, 1.0, 0.5))
    assert (found.reader, found.item, found.residual) == pytest.approx((row["vR"], row["vI"], row["vE"]), abs=0.002)


def test_simulation_agrees_with_the_closed_form_and_shows_the_cause():
    world = World(0.75, 0.85)
    found = simulate(world, StudyDesign(), studies=150, seed=1)
    closed = Design(30, 140, 28).standard_error(spread_of(world))
    assert found.sd_difference == pytest.approx(closed, rel=0.2)
    assert found.mean_se_two_way == pytest.approx(closed, rel=0.1)
    assert found.mean_se_paired < 0.75 * closed


def test_a_design_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="20 items per class cannot be split"):
        StudyDesign(per_survey=3)


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 3, 6, 9, 12, 15, 16])
def test_type_one_error_of_each_method(reference, index):
    row = reference["sim_type1_paper_analysis"]["expected"][index]
    world = World(row["acc"], row["acc"], row["sd_r"], row["sd_i"], row["rho"])
    found = simulate(world, StudyDesign(same_surveys=row["same"]), studies=4000, seed=index)
    assert found.reject_paired == pytest.approx(row["t1_t"], abs=0.03)
    assert 0.035 <= found.reject_two_way <= 0.065
    assert found.reject_u_statistic == pytest.approx(row["t1_u"], abs=0.015)
    assert found.sd_difference == pytest.approx(row["sd_true"], rel=0.05)
    assert found.cover_paired == pytest.approx(row["cover_t"], abs=0.03)
