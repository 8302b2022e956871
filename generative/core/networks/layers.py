"""Layers that both networks share: equalised weights, label embedding, the label-to-vector mapping.

Weights are stored unscaled and multiplied at run time by lr / sqrt(fan_in) (PGGAN, arXiv 1710.10196), so that Adam's
step is the same size everywhere. Names and shapes follow the published PyTorch files.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from generative.core.networks import ops
from generative.core.networks.convolution import Geometry, convolve


class Dense(nn.Module):
    """y = x W^T lr/sqrt(fan_in) + b lr, then optionally the leaky ReLU."""

    def __init__(self, inputs: int, outputs: int, *, lr: float = 1.0, bias: float = 0.0, lrelu: bool = False):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr))
        self.weight_gain, self.bias_gain, self.lrelu = lr / math.sqrt(inputs), lr, lrelu

    def forward(self, x_NI: Tensor) -> Tensor:
        weight = (self.weight * self.weight_gain).to(x_NI.dtype)
        y = torch.addmm((self.bias * self.bias_gain).to(x_NI.dtype), x_NI, weight.t())
        return ops.leaky_relu_clamped(y) if self.lrelu else y


class LabelEmbedding(nn.Module):
    """Label vector to style space: y = c L gain + b with L = A L_free, A fixed (identity when `combos` is None).

    The gain is 1/sqrt(number of free rows). Since rows combine linearly, a label that mixes the ends of a mean
    constraint half and half equals the middle class exactly.
    """

    def __init__(self, classes: int, outputs: int, *, combos=None, lr: float = 1.0):
        super().__init__()
        free = len(combos[0]) if combos is not None else classes
        self.weight = nn.Parameter(torch.randn(outputs, free) / lr)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.weight_gain, self.bias_gain = lr / math.sqrt(free), lr
        matrix = None if combos is None else torch.tensor(combos, dtype=torch.float32)
        self.register_buffer("combos", matrix, persistent=False)

    def forward(self, c_NK: Tensor) -> Tensor:
        free = c_NK if self.combos is None else c_NK @ self.combos
        return torch.addmm(self.bias * self.bias_gain, free, (self.weight * self.weight_gain).t())

    def rows(self) -> Tensor:
        """L itself, one row per class, gain applied and bias left out."""
        free = (self.weight * self.weight_gain).t()
        return free if self.combos is None else self.combos @ free


class Mapping(nn.Module):
    """[n2(z) | n2(label)] through `layers` dense layers. z_dim 0: the label alone, as the discriminator uses it."""

    def __init__(self, *, z_dim: int, c_dim: int, w_dim: int, layers: int, combos, lr: float, embed_lr: float):
        super().__init__()
        self.z_dim, self.c_dim, self.layers = z_dim, c_dim, layers
        if c_dim:
            self.embed = LabelEmbedding(c_dim, w_dim, combos=combos, lr=embed_lr)
        width = z_dim + (w_dim if c_dim else 0)
        for i in range(layers):
            self.add_module(f"fc{i}", Dense(width, w_dim, lr=lr, lrelu=True))
            width = w_dim
        if z_dim:
            self.register_buffer("w_avg", torch.zeros(w_dim))

    def forward(self, z_NZ: Tensor | None, c_NK: Tensor | None) -> Tensor:
        """One w per image (N, w_dim), not truncated."""
        parts = [] if z_NZ is None else [ops.second_moment_norm(z_NZ.float())]
        if self.c_dim:
            parts.append(ops.second_moment_norm(self.embed(c_NK.float())))
        x = torch.cat(parts, dim=1)
        for i in range(self.layers):
            x = getattr(self, f"fc{i}")(x)
        return x


class ConvLayer(nn.Module):
    """Equalised convolution, optional halving, bias, leaky ReLU and clamp (the discriminator's layer)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        *,
        down: bool = False,
        bias: bool = True,
        lrelu: bool = True,
        clamp: float | None = None,
    ):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.down, self.lrelu, self.clamp, self.padding = down, lrelu, clamp, size // 2
        self.weight_gain = 1.0 / math.sqrt(inputs * size * size)
        self.register_buffer("kernel", ops.blur_filter(), persistent=False)

    def forward(self, x_NCHW: Tensor, *, gain: float = 1.0) -> Tensor:
        weight = (self.weight * self.weight_gain).to(x_NCHW.dtype)
        if self.down:
            y = ops.conv2d_down2(x_NCHW, weight, self.kernel)
        else:
            y = convolve(x_NCHW, weight, Geometry(padding=(self.padding, self.padding)))
        y = ops.add_bias(y, self.bias)
        if self.lrelu:
            return ops.leaky_relu_clamped(y, gain=gain, clamp=self.clamp)
        y = y * gain
        return y if self.clamp is None else y.clamp(-self.clamp * gain, self.clamp * gain)
