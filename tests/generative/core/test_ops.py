"""Building blocks against primitives.npz, and their derivatives."""

import pytest
import torch

from generative.core.networks import ops
from tests.generative.core.conftest import read_npz


@pytest.fixture(scope="module")
def want():
    return read_npz("primitives.npz")


def test_the_filter_is_the_published_one(want):
    assert torch.equal(ops.blur_filter(), want["filter_1331"])


@pytest.mark.parametrize(("suffix", "kernel"), [("1331", "filter_1331"), ("asym", "filter_asym_1253")])
def test_resampling_matches_reference_also_for_a_filter_that_shows_flips(want, suffix, kernel):
    for name, function in (("up2", ops.upsample2), ("down2", ops.downsample2), ("filt", ops.blur)):
        torch.testing.assert_close(function(want["x"], want[kernel]), want[f"{name}_{suffix}"], rtol=0, atol=1e-6)


def test_resampling_convolutions_match_reference(want):
    x, kernel, w3, w1 = want["x"], want["filter_1331"], want["w3"], want["w1"]
    for found, name in (
        (ops.conv2d_up2(x, w3, kernel), "conv3_up2_convflip"),
        (ops.conv2d_down2(x, w3, kernel), "conv3_down2"),
        (ops.conv2d_down2(x, w3.flip([2, 3]), kernel), "conv3_down2_convflip"),
        (ops.conv2d_down2(x, w1, kernel), "conv1_down2_convflip"),
        (ops.conv2d_up2(x, w1, kernel), "conv1_up2_convflip"),
    ):
        torch.testing.assert_close(found, want[name], rtol=0, atol=2e-6, msg=name)


def test_upsampling_before_correlating_is_another_network(want):
    """The trap: the same weight, flipped, gives something else by more than 10."""
    wrong = ops.conv2d_up2(want["x"], want["w3"].flip([2, 3]), want["filter_1331"])
    assert (wrong - want["conv3_up2_convflip"]).abs().max() > 10


def test_activation_modulation_and_minibatch_std_match_reference(want):
    x, kernel, style = want["x"], want["filter_1331"], want["styles"]
    biased = ops.add_bias(x, torch.tensor([0.1, -0.2, 0.3]))
    noisy = ops.modulated_conv2d(x, want["w3"], style, padding=1) + want["noise"]
    for found, name in (
        (ops.leaky_relu_clamped(biased, clamp=1.0), "lrelu_clamp1"),
        (noisy, "modconv_demod"),
        (ops.modulated_conv2d(x, want["w1"], style, demodulate=False), "modconv_plain"),
        (ops.modulated_conv2d(x, want["w3"], style, up_kernel=kernel), "modconv_up2"),
        (ops.minibatch_std(want["mbstd_in"], group_size=4), "mbstd_g4_f1"),
        (ops.minibatch_std(want["mbstd_in"], group_size=4, channels=2), "mbstd_g4_f2"),
        (ops.minibatch_std(want["mbstd_in"], group_size=None), "mbstd_all"),
    ):
        torch.testing.assert_close(found, want[name], rtol=0, atol=2e-6, msg=name)


def test_an_uneven_group_is_refused(want):
    with pytest.raises(ValueError, match="multiple of 3"):
        ops.minibatch_std(want["mbstd_in"], group_size=3)


def test_sampler_equals_the_library_and_is_twice_differentiable():
    image = torch.randn(2, 2, 5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    grid = torch.rand(2, 3, 6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2.4 - 1.2
    library = torch.nn.functional.grid_sample(image, grid, align_corners=False)
    torch.testing.assert_close(ops.sample_bilinear(image, grid), library)
    assert torch.autograd.gradcheck(lambda x: ops.sample_bilinear(x, grid), (image,))
    assert torch.autograd.gradgradcheck(lambda x: ops.sample_bilinear(x, grid).square(), (image,))


def test_separable_filter_equals_the_square_one():
    x = torch.randn(1, 2, 9, 9)
    line = torch.tensor([0.1, 0.5, 0.3, 0.1])
    square = ops.filter2d(x, torch.outer(line, line), gain=4.0)
    torch.testing.assert_close(ops.filter2d(x, line, gain=4.0), square)


@pytest.mark.parametrize(
    ("at_once", "size"), [(ops.conv2d_up2_at_once, 3), (ops.conv2d_down2_at_once, 3), (ops.conv2d_down2_at_once, 1)]
)
def test_filter_and_convolution_at_once_equal_one_after_the_other(at_once, size):
    """What a GPU does, compared in float64 on the processor, with the first derivative in both arguments."""
    apart = {ops.conv2d_up2_at_once: ops.conv2d_up2, ops.conv2d_down2_at_once: ops.conv2d_down2}[at_once]
    x = torch.randn(2, 3, 8, 12, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(5, 3, size, size, dtype=torch.float64, requires_grad=True)
    found, wanted = (f(x, weight, ops.blur_filter().double()) for f in (at_once, apart))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)
    back = torch.randn_like(wanted)
    for one, other in zip(*(torch.autograd.grad(y, (x, weight), back) for y in (found, wanted)), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)
