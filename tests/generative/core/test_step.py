"""What one training step does besides its losses: the running means, the optimisers' rates, gradients that are no numbers."""

import pytest
import torch

from generative.core.training import loop, phases
from generative.core.training.distributed import Group
from generative.core.training.recipe import tiny
from tests.generative.core.drawn import drawn_table

RECIPE = tiny(8).with_options(channel_base=64, channel_max=8, z_dim=8, w_dim=8, fixed_p=0.0, pipeline="none")
LABELS = torch.eye(3)[torch.arange(8) % 3]


@pytest.fixture
def run(tmp_path):
    def begun(recipe=RECIPE):
        return loop._Run(recipe, drawn_table(40, 8), tmp_path, 0, None, "widen", "own", "cpu", Group(), None)

    return begun


def test_adam_is_slowed_by_the_lazy_phase_that_shares_it(run):
    """c = k / (k + 1) for a phase every k steps: lr c, beta 0.99^c; without the phase as set."""
    with_both, without = run(), run(RECIPE.with_options(path_weight=0.0, gamma=0.0))
    for adam, c in ((with_both.g_adam, 4 / 5), (with_both.d_adam, 16 / 17), (without.g_adam, 1), (without.d_adam, 1)):
        (group,) = adam.param_groups
        assert (group["lr"], group["eps"]) == (pytest.approx(RECIPE.lr * c), 1e-8)
        assert group["betas"] == (0.0, pytest.approx(0.99**c))


def test_the_mean_style_follows_the_first_z_of_every_call_and_not_the_one_crossed_over(run):
    players = run(RECIPE.with_options(style_mix=1.0)).players
    mapping = players.generator.mapping
    before, z = mapping.w_avg.clone(), phases.Chance.seeded(3, "cpu").normal(8, 8)
    ws = players.styles(LABELS, phases.Chance.seeded(3, "cpu"))
    w = mapping(z, LABELS)
    torch.testing.assert_close(mapping.w_avg, torch.lerp(before, w.mean(dim=0), 0.005))
    assert torch.equal(ws[:, 0], w)
    assert not torch.equal(ws[:, -1], w), "style mixing takes the finest layer from another z"


def test_the_averaged_network_has_the_half_life_that_was_asked_for_and_the_newest_buffers(run):
    """Early on the ramp is shorter than ema_kimg: half-life .05 of the pictures seen."""
    one = run()
    before = [parameter.clone() for parameter in one.ema.parameters()]
    one._advance()
    keep = 0.5 ** (RECIPE.batch / min(RECIPE.ema_kimg * 1000, 0.05 * RECIPE.batch))
    for slow, fast, old in zip(one.ema.parameters(), one.g.parameters(), before, strict=True):
        torch.testing.assert_close(slow, torch.lerp(fast, old, keep))
    assert all(torch.equal(a, b) for a, b in zip(one.ema.buffers(), one.g.buffers(), strict=True))


def test_gradients_that_are_no_numbers_are_nought(run):
    one = run()
    first, *others = one.g_parameters
    loss = (first * float("nan")).sum() + sum(parameter.sum() for parameter in others)
    before = first.clone()
    one._descend(loss, one.g_parameters, one.g_adam)
    assert torch.equal(first, before)
    assert all(torch.isfinite(parameter).all() for parameter in one.g_parameters)


def test_fake_labels_come_from_the_list_of_the_real_ones(run):
    import numpy as np

    one = run()
    one.data.labels[:] = np.array([0] * 30 + [2] * 10)
    drawn = one.data.labels[one._asked_for(np.random.default_rng(0), 4000)]
    assert (drawn == 0).mean() == pytest.approx(0.75, abs=0.03)
