"""The discriminator: residual network with a projected label (arXiv 1912.04958, 1802.05637)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from generative.core.networks import ops
from generative.core.networks.generator import FLOAT32, Precision
from generative.core.networks.layers import ConvLayer, Dense, Mapping
from generative.core.networks.shape import NetworkShape


class ResidualBlock(nn.Module):
    """Halve the resolution: (colours in at the top,) two convolutions and a 1x1 shortcut, each times sqrt(1/2)."""

    def __init__(self, shape: NetworkShape, resolution: int):
        super().__init__()
        self.resolution, self.full = resolution, shape.resolution
        channels, below = shape.channels(resolution), shape.channels(resolution // 2)
        if resolution == shape.resolution:
            self.fromrgb = ConvLayer(shape.colours, channels, 1, clamp=shape.clamp)
        self.conv0 = ConvLayer(channels, channels, 3, clamp=shape.clamp)
        self.conv1 = ConvLayer(channels, below, 3, down=True, clamp=shape.clamp)
        self.skip = ConvLayer(channels, below, 1, down=True, bias=False, lrelu=False)

    def forward(self, x_NCHW: Tensor, *, precision: Precision) -> Tensor:
        x = precision.arrange(x_NCHW, self.resolution, self.full)
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(x)
        shortcut = self.skip(x, gain=ops.SQRT_HALF)
        return shortcut + self.conv1(self.conv0(x), gain=ops.SQRT_HALF)


class Epilogue(nn.Module):
    """4x4: minibatch standard deviation, convolution, two dense layers, projection on the label's vector."""

    def __init__(self, shape: NetworkShape):
        super().__init__()
        self.group, self.maps = shape.mbstd_group, shape.mbstd_channels
        channels = shape.channels(4)
        self.conv = ConvLayer(channels + self.maps, channels, 3, clamp=shape.clamp)
        self.fc = Dense(channels * 16, channels, lrelu=True)
        self.out = Dense(channels, shape.cmap_dim or 1)
        self.unconditional = Dense(channels, 1) if shape.d_unconditional else None

    def forward(self, x_NCHW: Tensor, cmap_ND: Tensor | None) -> Tensor:
        x = x_NCHW.to(dtype=torch.float32, memory_format=torch.contiguous_format)
        if self.maps:
            x = ops.minibatch_std(x, group_size=self.group, channels=self.maps)
        features = self.fc(self.conv(x).flatten(1))
        x = self.out(features)
        if cmap_ND is None:
            return x
        projected = (x * cmap_ND).sum(dim=1, keepdim=True) / math.sqrt(cmap_ND.shape[1])
        return projected if self.unconditional is None else torch.cat([projected, self.unconditional(features)], dim=1)


class Discriminator(nn.Module):
    """Pictures (N, 3, H, W) and label weights (N, K) to logits (N, 1), positive for real; with `shape.d_unconditional`
    (N, 2): with the label, and without."""

    def __init__(self, shape: NetworkShape):
        super().__init__()
        self.shape = shape
        self.resolutions = tuple(reversed(shape.resolutions[1:]))
        for resolution in self.resolutions:
            self.add_module(f"b{resolution}", ResidualBlock(shape, resolution))
        if shape.c_dim:
            self.mapping = Mapping(
                z_dim=0, c_dim=shape.c_dim, w_dim=shape.cmap_dim, layers=shape.d_mapping_layers,
                combos=shape.free_rows(generator=False), lr=shape.mapping_lr, embed_lr=shape.embed_lr,
            )  # fmt: skip
        self.b4 = Epilogue(shape)

    def label_vector(self, c_NK: Tensor | None) -> Tensor | None:
        """The vector that the picture's features are projected on; None without classes."""
        return self.mapping(None, c_NK) if self.shape.c_dim else None

    def forward(
        self,
        image_NCHW: Tensor,
        c_NK: Tensor | None,
        *,
        precision: Precision = FLOAT32,
        cmap_ND: Tensor | None = None,
    ) -> Tensor:
        x = image_NCHW
        for resolution in self.resolutions:
            x = getattr(self, f"b{resolution}")(x, precision=precision)
        return self.b4(x, self.label_vector(c_NK) if cmap_ND is None else cmap_ND)
