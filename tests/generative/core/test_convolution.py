"""Convolutions and their derivatives of two orders, and that none is computed in the library's slow way."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from generative.core.networks import convolution
from generative.core.networks.convolution import Geometry, convolve, convolve_back
from generative.core.networks.discriminator import Discriminator
from generative.core.networks.generator import Generator
from generative.core.training import phases
from generative.core.training.recipe import tiny

GEOMETRIES = [Geometry(), Geometry((2, 2), (1, 1)), Geometry((2, 1), (0, 2)), Geometry((1, 2), (1, 0), groups=2)]


def sides(geometry: Geometry):
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(1, 4, 4, 5, generator=rng, dtype=torch.float64, requires_grad=True)
    w = torch.randn(2, 4 // geometry.groups, 3, 3, generator=rng, dtype=torch.float64, requires_grad=True)
    return x, w


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_both_directions_are_the_librarys_and_differentiable_twice(geometry):
    x, w = sides(geometry)
    y = convolve(x, w, geometry)
    assert torch.equal(y, F.conv2d(x, w, None, geometry.stride, geometry.padding, 1, geometry.groups))
    y = y.detach().requires_grad_(True)
    assert torch.equal(convolve_back(y, w, (4, 5), geometry), torch.autograd.grad(convolve(x, w, geometry), x, y)[0])
    for function, first in ((convolve, x), (lambda y, w, g: convolve_back(y, w, (4, 5), g), y)):
        assert gradcheck(function, (first, w, geometry))
        assert gradgradcheck(function, (first, w, geometry))


def test_three_colours_are_filled_up_for_a_gpu_without_changing_anything(monkeypatch):
    x, w = torch.randn(2, 3, 5, 5, requires_grad=True), torch.randn(11, 3, 1, 1, requires_grad=True)
    plain = convolve(x, w)
    slopes = torch.autograd.grad(plain.square().sum(), (x, w))
    monkeypatch.setattr(convolution, "_wants_even", lambda x: True)
    seen = []
    monkeypatch.setattr(convolution.F, "conv2d", lambda x, w, *more, real=F.conv2d: (seen.append(w.shape), real(x, w, *more))[1])
    filled = convolve(x, w)
    assert seen == [(16, 8, 1, 1)]
    torch.testing.assert_close(filled, plain)
    for found, expected in zip(torch.autograd.grad(filled.square().sum(), (x, w)), slopes, strict=True):
        torch.testing.assert_close(found, expected)


class LargestKernel(TorchDispatchMode):
    """The widest kernel that any convolution was given while inside."""

    widest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is torch.ops.aten.convolution.default:
            self.widest = max(self.widest, *args[1].shape[2:])
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("phase", [phases.generator_path, phases.discriminator_r1])
def test_no_derivative_convolves_with_kernels_as_large_as_pictures(phase):
    """What the library does for second derivatives: 338 ms each on an H200, fourteen times in an R1 step at 256 px."""
    recipe = tiny(32)
    shape = recipe.shape(("a", "b"))
    players = phases.Players(Generator(shape), Discriminator(shape), recipe, torch.zeros([]), p=0.5)
    labels = torch.eye(2)[torch.arange(8) % 2]
    batch = phases.Batch(torch.rand(8, 3, 32, 32) * 2 - 1, labels, labels)
    with LargestKernel() as found:
        phase(players, batch, phases.Chance.seeded(0, "cpu")).backward()
    assert 3 <= found.widest <= 12  # the wavelet of the augmentation has twelve taps
