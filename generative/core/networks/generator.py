"""The generator: mapping from noise and label to styles, and the skip synthesis network (arXiv 1912.04958).

Axes: N image, C channel, H row, W column, L layer, D style dimension, Z noise dimension, K class.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from generative.core.networks import ops
from generative.core.networks.layers import Dense, Mapping
from generative.core.networks.shape import NetworkShape


@dataclass(frozen=True)
class Precision:
    """Number format of the `count` largest resolutions; everything else stays float32."""

    dtype: torch.dtype = torch.float32
    count: int = 0
    channels_last: bool = False

    def of(self, resolution: int, full: int) -> torch.dtype:
        low = resolution > 4 and resolution > full // 2**self.count
        return self.dtype if low else torch.float32

    def arrange(self, x_NCHW: Tensor, resolution: int, full: int) -> Tensor:
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return x_NCHW.to(dtype=self.of(resolution, full), memory_format=layout)


FLOAT32 = Precision()


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU, clamp."""

    def __init__(self, inputs: int, outputs: int, *, w_dim: int, resolution: int, up: bool, clamp: float | None):
        super().__init__()
        self.resolution, self.up, self.clamp = resolution, up, clamp
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros([]))
        self.register_buffer("noise_const", torch.randn(resolution, resolution))
        self.register_buffer("kernel", ops.blur_filter(), persistent=False)

    def forward(self, x_NCHW: Tensor, w_ND: Tensor, *, noise: Tensor | None) -> Tensor:
        """`noise`: one map for all pictures (H, W) or one each (N, 1, H, W), to be scaled by the layer's strength."""
        x = ops.modulated_conv2d(
            x_NCHW, self.weight, self.affine(w_ND), up_kernel=self.kernel if self.up else None, padding=1
        )
        if noise is not None:
            x = x + (noise * self.noise_strength).to(x.dtype)
        return ops.leaky_relu_clamped(ops.add_bias(x, self.bias), clamp=self.clamp)


class ToRGB(nn.Module):
    """1x1 modulated convolution to colours, without demodulation."""

    def __init__(self, inputs: int, colours: int, *, w_dim: int, clamp: float | None):
        super().__init__()
        self.affine = Dense(w_dim, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(colours, inputs, 1, 1))
        self.bias = nn.Parameter(torch.zeros(colours))
        self.clamp, self.gain = clamp, 1.0 / math.sqrt(inputs)

    def forward(self, x_NCHW: Tensor, w_ND: Tensor) -> Tensor:
        y = ops.modulated_conv2d(x_NCHW, self.weight, self.affine(w_ND) * self.gain, demodulate=False)
        y = ops.add_bias(y, self.bias)
        return y if self.clamp is None else y.clamp(-self.clamp, self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: (an upsampling layer,) a layer, and its contribution to the picture."""

    def __init__(self, shape: NetworkShape, resolution: int):
        super().__init__()
        self.resolution, self.full = resolution, shape.resolution
        channels = shape.channels(resolution)
        layer = {"w_dim": shape.w_dim, "resolution": resolution, "clamp": shape.clamp}
        if resolution == 4:
            self.const = nn.Parameter(torch.randn(channels, 4, 4))
        else:
            self.conv0 = SynthesisLayer(shape.channels(resolution // 2), channels, up=True, **layer)
        self.conv1 = SynthesisLayer(channels, channels, up=False, **layer)
        self.torgb = ToRGB(channels, shape.colours, w_dim=shape.w_dim, clamp=shape.clamp)
        self.register_buffer("kernel", ops.blur_filter(), persistent=False)

    @property
    def layers(self) -> list[SynthesisLayer]:
        """Those that take noise, in order."""
        return [self.conv1] if self.resolution == 4 else [self.conv0, self.conv1]

    def forward(self, x, image, ws, *, precision: Precision, noises):
        """x and image are None at 4x4; ws are the styles of conv0 (not at 4x4), conv1 and toRGB, in that order; one noise
        for each of `layers`."""
        if self.resolution == 4:
            x = self.const[None].expand(ws[0].shape[0], -1, -1, -1)
            x = precision.arrange(x, self.resolution, self.full)
        else:
            x = self.conv0(precision.arrange(x, self.resolution, self.full), ws[0], noise=noises[0])
        x = self.conv1(x, ws[-2], noise=noises[-1])
        colours = self.torgb(x, ws[-1]).float()
        return x, colours if image is None else ops.upsample2(image, self.kernel) + colours


class Synthesis(nn.Module):
    """Styles to pictures. Block i of the pyramid starts at style 2i-1; toRGB shares the style of the next conv."""

    def __init__(self, shape: NetworkShape):
        super().__init__()
        self.resolutions = shape.resolutions
        for resolution in self.resolutions:
            self.add_module(f"b{resolution}", SynthesisBlock(shape, resolution))

    @property
    def layers(self) -> list[SynthesisLayer]:
        """Those that take noise, in order."""
        return [layer for resolution in self.resolutions for layer in getattr(self, f"b{resolution}").layers]

    def fresh_noise(self, count: int, generator: torch.Generator) -> list[Tensor]:
        """Normal noise of `count` pictures for every layer, on the generator's device.

        Drawn here, not in the layers: a compiled network cannot hold a random generator.
        """
        sides = [layer.resolution for layer in self.layers]
        return [torch.randn(count, 1, s, s, generator=generator, device=generator.device) for s in sides]

    def forward(
        self, ws_NLD: Tensor, *, noise: str | Sequence[Tensor] = "const", precision: Precision = FLOAT32
    ) -> Tensor:
        """noise: "const" (the stored maps), "none", or one tensor per layer as `fresh_noise` draws them."""
        if isinstance(noise, str):
            noise = [layer.noise_const if noise == "const" else None for layer in self.layers]
        x = image = None
        ws = ws_NLD.float().unbind(dim=1)
        for i, resolution in enumerate(self.resolutions):
            start, stop = (0, 2) if i == 0 else (2 * i - 1, 2 * i + 2)
            x, image = getattr(self, f"b{resolution}")(
                x, image, ws[start:stop], precision=precision, noises=noise[start : stop - 1]
            )
        return image


class Generator(nn.Module):
    """z (N, Z) and label weights c (N, K) to pictures (N, 3, H, W) in about [-1, 1]."""

    def __init__(self, shape: NetworkShape):
        super().__init__()
        self.shape = shape
        self.mapping = Mapping(
            z_dim=shape.z_dim, c_dim=shape.c_dim, w_dim=shape.w_dim, layers=shape.mapping_layers,
            combos=shape.free_rows(generator=True), lr=shape.mapping_lr, embed_lr=shape.embed_lr,
        )  # fmt: skip
        self.synthesis = Synthesis(shape)

    @property
    def device(self) -> torch.device:
        """Where its weights lie."""
        return self.mapping.w_avg.device

    def styles(
        self,
        z_NZ: Tensor,
        c_NK: Tensor | None,
        *,
        truncation: float = 1.0,
        cutoff: int | None = None,
        centre_ND: Tensor | None = None,
    ) -> Tensor:
        """Styles (N, L, D), pulled towards `centre` (default: the running mean) in the first `cutoff` layers."""
        w = self.mapping(z_NZ, c_NK)
        ws = w[:, None, :].repeat(1, self.shape.num_ws, 1)
        if truncation == 1.0:
            return ws
        centre = (self.mapping.w_avg[None] if centre_ND is None else centre_ND)[:, None, :]
        pulled = torch.lerp(centre.expand_as(ws), ws, truncation)
        if cutoff is None:
            return pulled
        return torch.cat([pulled[:, :cutoff], ws[:, cutoff:]], dim=1)

    def forward(
        self,
        z_NZ: Tensor,
        c_NK: Tensor | None,
        *,
        truncation: float = 1.0,
        cutoff: int | None = None,
        noise: str = "const",
    ) -> Tensor:
        ws = self.styles(z_NZ, c_NK, truncation=truncation, cutoff=cutoff)
        return self.synthesis(ws, noise=noise)
