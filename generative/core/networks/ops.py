"""Differentiable building blocks of StyleGAN2.

Axes: N image, C channel, H row, W column, L layer, D style dimension. Filters are (h, w) and applied as a true
convolution unless `flip=True`, which correlates instead; for the symmetric [1,3,3,1] filter both are the same.
Sources: StyleGAN2 (arXiv 1912.04958), PGGAN (1710.10196), ADA (2006.06676).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from generative.core.networks.convolution import Geometry, convolve, convolve_back

BLUR_TAPS = (1.0, 3.0, 3.0, 1.0)
LRELU_SLOPE = 0.2
SQRT_2 = math.sqrt(2.0)
SQRT_HALF = math.sqrt(0.5)
EPSILON = 1e-8
TWO = Geometry(stride=(2, 2))


def blur_filter(taps: tuple[float, ...] = BLUR_TAPS) -> Tensor:
    """The separable low-pass filter as a (len, len) tensor that sums to 1."""
    line = torch.tensor(taps, dtype=torch.float32)
    square = torch.outer(line, line)
    return square / square.sum()


def second_moment_norm(x: Tensor, dim: int = 1) -> Tensor:
    """Scale to mean square 1 along `dim`: x / sqrt(mean(x^2) + 1e-8)."""
    return x * (x.square().mean(dim=dim, keepdim=True) + EPSILON).rsqrt()


def leaky_relu_clamped(x: Tensor, *, gain: float = 1.0, clamp: float | None = None) -> Tensor:
    """Leaky ReLU (slope .2) times sqrt(2) times `gain`; then clamped to +-(clamp * gain), where a clamp is given."""
    y = F.leaky_relu(x, LRELU_SLOPE) * (SQRT_2 * gain)
    return y if clamp is None else y.clamp(-clamp * gain, clamp * gain)


def add_bias(x_NCHW: Tensor, bias_C: Tensor | None) -> Tensor:
    """Add one number per channel (axis 1), in the activations' own precision."""
    if bias_C is None:
        return x_NCHW
    return x_NCHW + bias_C.to(x_NCHW.dtype).reshape([1, -1] + [1] * (x_NCHW.ndim - 2))


def filter2d(x_NCHW: Tensor, kernel: Tensor, *, stride: int = 1, flip: bool = False, gain: float = 1.0) -> Tensor:
    """Convolve every channel with the same small kernel, no padding, keeping every `stride`-th output.

    A kernel with one axis is separable: it is applied along columns, then along rows (`gain` once in all).
    """
    channels = x_NCHW.shape[1]
    kernel = kernel.to(x_NCHW.dtype)
    if not flip:
        kernel = kernel.flip(list(range(kernel.ndim)))
    if kernel.ndim == 1:
        across = (kernel * gain)[None, None, None, :].expand(channels, 1, 1, -1)
        down = kernel[None, None, :, None].expand(channels, 1, -1, 1)
        x_NCHW = convolve(x_NCHW, across, Geometry(stride=(1, stride), groups=channels))
        return convolve(x_NCHW, down, Geometry(stride=(stride, 1), groups=channels))
    weight = (kernel * gain)[None, None].expand(channels, 1, -1, -1)
    return convolve(x_NCHW, weight, Geometry(stride=(stride, stride), groups=channels))


def insert_zeros(x_NCHW: Tensor, factor: int) -> Tensor:
    """Put factor-1 zeros after every pixel, in both directions: (H, W) becomes (factor H, factor W)."""
    n, c, h, w = x_NCHW.shape
    spread = F.pad(x_NCHW.reshape(n, c, h, 1, w, 1), [0, factor - 1, 0, 0, 0, factor - 1])
    return spread.reshape(n, c, h * factor, w * factor)


def pad2d(x_NCHW: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Zero-pad (left, right, top, bottom); a negative number crops."""
    return F.pad(x_NCHW, list(padding)) if any(padding) else x_NCHW


def upsample2(x_NCHW: Tensor, kernel: Tensor, *, flip: bool = False) -> Tensor:
    """Twice the size: zeros between the pixels, then the low-pass filter with gain 4 (the mean is kept)."""
    size = kernel.shape[-1]
    before, after = (size + 1) // 2, (size - 2) // 2
    spread = pad2d(insert_zeros(x_NCHW, 2), (before, after, before, after))
    return filter2d(spread, kernel, flip=flip, gain=4.0)


def downsample2(x_NCHW: Tensor, kernel: Tensor, *, flip: bool = False) -> Tensor:
    """Half the size: low-pass filter, then every second pixel."""
    size = kernel.shape[-1]
    before, after = (size - 1) // 2, (size - 2) // 2
    return filter2d(pad2d(x_NCHW, (before, after, before, after)), kernel, stride=2, flip=flip)


def blur(x_NCHW: Tensor, kernel: Tensor, *, flip: bool = False) -> Tensor:
    """Low-pass filter at the same size."""
    size = kernel.shape[-1]
    before, after = size // 2, (size - 1) // 2
    return filter2d(pad2d(x_NCHW, (before, after, before, after)), kernel, flip=flip)


def conv2d_up2(x_NCHW: Tensor, weight_OIHW: Tensor, kernel: Tensor) -> Tensor:
    """Transposed convolution to twice the size, then the low-pass filter with gain 4.

    The stored weight enters the transposed convolution unflipped. Upsampling first and correlating afterwards is a
    different network.
    """
    size = weight_OIHW.shape[-1]
    if x_NCHW.is_cuda and size > 1:
        return conv2d_up2_at_once(x_NCHW, weight_OIHW, kernel)
    if size == 1:
        return upsample2(convolve(x_NCHW, weight_OIHW), kernel)
    rows, columns = (2 * (count - 1) + size for count in x_NCHW.shape[2:])
    spread = convolve_back(x_NCHW, weight_OIHW.transpose(0, 1), (rows, columns), TWO)
    taps = kernel.shape[-1]
    before, after = (taps + 1) // 2 - 1, (taps - 2) // 2  # the transposed convolution has already added two columns
    return filter2d(pad2d(spread, (before, after, before, after)), kernel, gain=4.0)


def conv2d_down2(x_NCHW: Tensor, weight_OIHW: Tensor, kernel: Tensor) -> Tensor:
    """Low-pass filter, then a convolution with stride 2."""
    if x_NCHW.is_cuda:
        return conv2d_down2_at_once(x_NCHW, weight_OIHW, kernel)
    size, taps = weight_OIHW.shape[-1], kernel.shape[-1]
    if size == 1:
        return convolve(downsample2(x_NCHW, kernel), weight_OIHW)
    before, after = (taps - 1) // 2 + size // 2, (taps - 2) // 2 + size // 2
    soft = filter2d(pad2d(x_NCHW, (before, after, before, after)), kernel)
    return convolve(soft, weight_OIHW, TWO)


def widened(weight_OIHW: Tensor, kernel: Tensor) -> Tensor:
    """One kernel (O, I, H + taps - 1, W + taps - 1) that does what the weight and the low-pass filter do one after the other.

    A product with a fixed matrix, because convolutions of so many tiny pictures are slow.
    """
    size, taps = weight_OIHW.shape[-1], kernel.shape[-1]
    units = torch.eye(size * size, dtype=kernel.dtype, device=kernel.device).reshape(-1, 1, size, size)
    matrix = F.conv2d(units, kernel.flip([0, 1])[None, None], padding=taps - 1)
    wide = weight_OIHW.flatten(2) @ matrix.flatten(1).to(weight_OIHW.dtype)
    return wide.reshape(*weight_OIHW.shape[:2], size + taps - 1, size + taps - 1)


def conv2d_up2_at_once(x_NCHW: Tensor, weight_OIHW: Tensor, kernel: Tensor) -> Tensor:
    """`conv2d_up2` as a single transposed convolution with the widened kernel.

    Four times the arithmetic, which a GPU has to spare, and no pass over memory for the filter: convolutions of single
    channels with kernels of this size are slow there.
    """
    wide = widened(weight_OIHW, kernel * 4.0)
    rows, columns = (2 * count for count in x_NCHW.shape[2:])
    around = (kernel.shape[-1] // 2,) * 2
    return convolve_back(x_NCHW, wide.transpose(0, 1), (rows, columns), Geometry(stride=(2, 2), padding=around))


def conv2d_down2_at_once(x_NCHW: Tensor, weight_OIHW: Tensor, kernel: Tensor) -> Tensor:
    """`conv2d_down2` as a single convolution of stride 2 with the widened kernel; see `conv2d_up2_at_once`."""
    size, taps = weight_OIHW.shape[-1], kernel.shape[-1]
    before, after = (taps - 1) // 2 + size // 2, (taps - 2) // 2 + size // 2
    padded = x_NCHW if before == after else pad2d(x_NCHW, (before, after, before, after))
    around = (before if before == after else 0,) * 2
    return convolve(padded, widened(weight_OIHW, kernel), Geometry(stride=(2, 2), padding=around))


def modulated_conv2d(
    x_NCHW: Tensor,
    weight_OIHW: Tensor,
    style_NI: Tensor,
    *,
    demodulate: bool = True,
    up_kernel: Tensor | None = None,
    padding: int = 0,
) -> Tensor:
    """Convolution whose input channels are scaled per image, the output brought back to unit variance.

    Scaling the activations before and after one shared convolution equals a separate kernel per image and is faster.
    In half precision the weight and the style are first divided by their maxima, which demodulation cancels exactly;
    bfloat16 has float32's range and needs no such care.
    """
    if demodulate and x_NCHW.dtype == torch.float16:
        fan_in = weight_OIHW[0].numel()
        largest = weight_OIHW.abs().amax(dim=(1, 2, 3), keepdim=True)
        weight_OIHW = weight_OIHW / (largest * math.sqrt(fan_in))
        style_NI = style_NI / style_NI.abs().amax(dim=1, keepdim=True)
    dtype = x_NCHW.dtype
    y = x_NCHW * style_NI.to(dtype)[:, :, None, None]
    if up_kernel is not None:
        y = conv2d_up2(y, weight_OIHW.to(dtype), up_kernel)
    else:
        y = convolve(y, weight_OIHW.to(dtype), Geometry(padding=(padding, padding)))
    if demodulate:
        power_OI = weight_OIHW.square().sum(dim=(2, 3))
        scale_NO = (style_NI.square() @ power_OI.t() + EPSILON).rsqrt()
        y = y * scale_NO.to(dtype)[:, :, None, None]
    return y


def minibatch_std(x_NCHW: Tensor, *, group_size: int | None, channels: int = 1) -> Tensor:
    """Append `channels` maps holding the mean standard deviation within interleaved groups of the batch.

    group_size None, or above N, means the whole batch; otherwise N must be a multiple of it.
    """
    n, c, h, w = x_NCHW.shape
    group = n if group_size is None else min(group_size, n)
    if n % group:
        raise ValueError(
            f"Minibatch standard deviation needs a batch that is a multiple of {group}; it has {n} images."
        )
    y = x_NCHW.reshape(group, n // group, channels, c // channels, h, w)
    spread = (y - y.mean(dim=0)).square().mean(dim=0)
    level = (spread + EPSILON).sqrt().mean(dim=(2, 3, 4))
    maps = level.reshape(-1, channels, 1, 1).repeat(group, 1, h, w)
    return torch.cat([x_NCHW, maps], dim=1)


class _Sample(torch.autograd.Function):
    """Bilinear sampling is linear in the image, so its derivative is its adjoint and the adjoint's is itself.

    Writing both as a pair gives derivatives of every order, also where the library lacks the second one.
    """

    @staticmethod
    def forward(ctx, image, grid):
        ctx.save_for_backward(grid)
        ctx.shape = image.shape
        return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)

    @staticmethod
    def backward(ctx, upstream):
        (grid,) = ctx.saved_tensors
        return _SampleAdjoint.apply(upstream, grid, ctx.shape), None


class _SampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, upstream, grid, shape):
        ctx.save_for_backward(grid)
        blank = upstream.new_zeros(shape)
        return torch.ops.aten.grid_sampler_2d_backward(upstream, blank, grid, 0, 0, False, [True, False])[0]

    @staticmethod
    def backward(ctx, upstream):
        (grid,) = ctx.saved_tensors
        return _Sample.apply(upstream, grid), None, None


def sample_bilinear(image_NCHW: Tensor, grid_NHW2: Tensor) -> Tensor:
    """Read the image at grid positions ((-1,-1) top-left corner, (1,1) bottom-right), zero outside.

    Differentiable any number of times in the image; the grid is a constant.
    """
    return _Sample.apply(image_NCHW, grid_NHW2.detach())
