"""Augmentation against augment_ref.npz; p = 0 is the identity; the controller and its cap."""

import pytest
import torch

from generative.core.training.augment import (
    ALL_OPERATIONS,
    PIPELINES,
    SYM6,
    AdaController,
    Operations,
    augment,
    diff_augment,
)
from tests.generative.core.conftest import read_npz


@pytest.fixture(scope="module")
def want():
    return read_npz("augment_ref.npz")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_low_pass_filter_is_the_stored_one(want):
    line = torch.tensor(SYM6)
    torch.testing.assert_close(line / line.sum(), want["Hz_geom_sym6"], rtol=0, atol=1e-7)


@pytest.mark.parametrize("percentile", [0.2, 0.5, 0.8])
def test_every_operation_and_pipeline_matches_reference(want, percentile):
    cases = [(32, name, Operations.named(name)) for name in ALL_OPERATIONS]
    cases += [(size, name, PIPELINES[name]) for size in (32, 64) for name in ("bg", "bgc")]
    for size, name, operations in cases:
        found = augment(want[f"in{size}"], 1.0, operations, percentile=percentile)
        wanted = want[f"out{size}_{name}_{percentile}"]
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5, msg=f"{name} at {size} px")


def test_p_zero_returns_the_pictures_themselves(want):
    assert augment(want["in32"], 0.0, PIPELINES["bgc"], generator=generator()) is want["in32"]


def test_the_share_of_pictures_touched_is_p():
    x = torch.linspace(-1, 1, 3 * 8 * 8).reshape(1, 3, 8, 8).repeat(600, 1, 1, 1)
    y = augment(x, 0.3, Operations.named("brightness"), generator=generator(3))
    touched = ((y - x).abs().amax(dim=(1, 2, 3)) > 0).float().mean()
    assert abs(float(touched) - 0.3) < 0.06


def test_augmentation_lets_second_derivatives_through(want):
    """R1 through ADA: the gradient of a squared gradient equals a finite difference."""
    x = want["in32"][:, :, ::4, ::4].double().float().requires_grad_(True)
    weight = torch.randn(2, 3, 8, 8, generator=generator(1))

    def slope_length(x):
        y = augment(x, 0.9, PIPELINES["bgc"], generator=generator(2))
        (slope,) = torch.autograd.grad((y.square() * weight).sum(), x, create_graph=True)
        return slope.square().sum()

    (found,) = torch.autograd.grad(slope_length(x), x)
    direction = torch.randn(x.shape, generator=generator(4))
    step = 1e-2
    ahead, behind = (slope_length((x + sign * step * direction).detach().requires_grad_(True)) for sign in (1, -1))
    assert float((found * direction).sum()) == pytest.approx(float((ahead - behind) / (2 * step)), rel=2e-2)


def test_controller_steps_by_pictures_seen_and_stays_within_bounds():
    ada = AdaController(target=0.6, kimg=1.0, most=0.8)
    assert ada.update(0.9, batch=50) == pytest.approx(0.2)
    for _ in range(9):
        ada.update(0.9, batch=50)
    assert ada.p == 0.8
    for _ in range(9):
        ada.update(0.1, batch=50)
    assert ada.p == 0.0


def test_diff_augment_is_seeded_differentiable_and_hides_a_quarter(want):
    x = want["in32"].clone().requires_grad_(True)
    y = diff_augment(x, generator(5))
    assert torch.equal(y, diff_augment(x, generator(5)))
    assert not torch.equal(y, diff_augment(x, generator(6)))
    y.sum().backward()
    assert x.grad.abs().sum() > 0
    assert 0.05 < (y == 0).float().mean() < 0.6
