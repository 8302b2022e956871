"""Convolutions whose derivatives of every order are convolutions of the same three kinds.

The library differentiates a derivative of a convolution by convolving with kernels as large as a picture, also for weights
that need no derivative: on an H200 that made an R1 step thirty times as long as the others. Here picture (x), kernel (w)
and output (y) are the three sides of one trilinear form sum(y * conv(x, w)). Each function below gives one side from the
other two, so its derivatives are the two others. Compiled code is differentiated once, and then the library's own do.

Axes: N image, C or I input channel, O output channel, H row, W column. A `Geometry` is what the three have in common.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

EVEN = 8  # channels that a GPU's matrix units take at once in half precision


@dataclass(frozen=True)
class Geometry:
    """Stride and padding, (rows, columns) each, and in how many groups the channels keep to themselves."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1


def convolve(x_NCHW: Tensor, w_OIHW: Tensor, geometry: Geometry = Geometry()) -> Tensor:
    """What `torch.nn.functional.conv2d` gives."""
    function = _Output.forward if torch.compiler.is_compiling() else _Output.apply
    outputs, inputs = w_OIHW.shape[:2]
    if geometry.groups > 1 or not _wants_even(x_NCHW) or outputs % EVEN == inputs % EVEN == 0:
        return function(x_NCHW, w_OIHW, geometry)
    return function(_filled(x_NCHW, (1,)), _filled(w_OIHW, (0, 1)), geometry)[:, :outputs]


def convolve_back(y_NOHW: Tensor, w_OIHW: Tensor, size: tuple[int, int], geometry: Geometry = Geometry()) -> Tensor:
    """The transposed convolution: the picture of `size` (H, W) that `y` goes back to through `convolve`'s kernel."""
    if torch.compiler.is_compiling():
        return _transposed(y_NOHW, w_OIHW, size, geometry)
    return _Picture.apply(y_NOHW, w_OIHW, size, geometry)


def _transposed(y: Tensor, w: Tensor, size: tuple[int, int], geometry: Geometry) -> Tensor:
    steps = zip(size, y.shape[2:], w.shape[2:], geometry.stride, geometry.padding, strict=True)
    beyond = [side - ((count - 1) * stride - 2 * padding + taps) for side, count, taps, stride, padding in steps]
    return F.conv_transpose2d(y, w, None, geometry.stride, geometry.padding, beyond, geometry.groups)


def _wants_even(x: Tensor) -> bool:
    return x.is_cuda and x.dtype in (torch.float16, torch.bfloat16)


def _filled(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Zeros appended along these axes up to a multiple of `EVEN`: pictures of three colours find no fast kernel."""
    lacking = [(-x.shape[axis]) % EVEN if axis in axes else 0 for axis in range(x.ndim)]
    return F.pad(x, [amount for lack in reversed(lacking) for amount in (0, lack)]) if any(lacking) else x


def _library_backward(y, x, w, geometry: Geometry, wanted: tuple[bool, bool, bool]):
    return torch.ops.aten.convolution_backward(
        y, x, w, None, geometry.stride, geometry.padding, (1, 1), False, (0, 0), geometry.groups, wanted
    )


class _Side(torch.autograd.Function):
    """Takes two sides first and the geometry last, and keeps them."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        *sides, ctx.geometry = inputs
        ctx.save_for_backward(*sides[:2])


class _Output(_Side):
    @staticmethod
    def forward(x, w, geometry):
        return F.conv2d(x, w, None, geometry.stride, geometry.padding, 1, geometry.groups)

    @staticmethod
    def backward(ctx, y):
        x, w = ctx.saved_tensors
        to_x = _Picture.apply(y, w, tuple(x.shape[2:]), ctx.geometry) if ctx.needs_input_grad[0] else None
        to_w = _Kernel.apply(y, x, tuple(w.shape), ctx.geometry) if ctx.needs_input_grad[1] else None
        return to_x, to_w, None


class _Picture(_Side):
    @staticmethod
    def forward(y, w, size, geometry):
        if geometry.groups > 1:  # a transposed convolution would not find a GPU's kernels for single channels
            like = y.new_empty((y.shape[0], w.shape[1] * geometry.groups, *size))
            return _library_backward(y, like, w, geometry, (True, False, False))[0]
        return _transposed(y, w, size, geometry)

    @staticmethod
    def backward(ctx, x):
        y, w = ctx.saved_tensors
        to_y = _Output.apply(x, w, ctx.geometry) if ctx.needs_input_grad[0] else None
        to_w = _Kernel.apply(y, x, tuple(w.shape), ctx.geometry) if ctx.needs_input_grad[1] else None
        return to_y, to_w, None, None


class _Kernel(_Side):
    @staticmethod
    def forward(y, x, shape, geometry):
        return _library_backward(y, x, y.new_empty(shape), geometry, (False, True, False))[1]

    @staticmethod
    def backward(ctx, w):
        y, x = ctx.saved_tensors
        to_y = _Output.apply(x, w, ctx.geometry) if ctx.needs_input_grad[0] else None
        to_x = _Picture.apply(y, w, tuple(x.shape[2:]), ctx.geometry) if ctx.needs_input_grad[1] else None
        return to_y, to_x, None, None
