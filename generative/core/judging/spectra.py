"""Boxes of pictures as a few frequencies: any crop, any turn, no interpolation.

A box (top, bottom, left, right, in parts of the side) of a picture is described by its cosine coefficients, which are sums of
the pixels with weights that depend smoothly on the four edges. So a box can be moved by a hundredth of a pixel, its
slopes by the edges are known, and the eight turns of a picture are changes of place and sign among its coefficients.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F

SIDE_MAX, BANDS_MAX, BANDS_MIN = 64, 16, 4
COARSE_BANDS = 8
FLOOR = 0.1
FITTED_ON = 512
OPPONENT = ((1 / 3, 1 / 3, 1 / 3), (0.5, 0.0, -0.5), (-0.25, 0.5, -0.25))  # light, red to blue, green to both


def comparing_side(side_px: int) -> int:
    return min(side_px, SIDE_MAX)


def bands_of(side_px: int) -> int:
    """How many frequencies a picture of this side can show of a box of .6 of it: three eighths of the pixels."""
    return max(BANDS_MIN, min(BANDS_MAX, side_px * 3 // 8))


def planes(images: np.ndarray) -> torch.Tensor:
    """uint8 (N, 3, S, S) to light and two colour differences, float (N, 3, S, S)."""
    x = torch.from_numpy(np.ascontiguousarray(images)).float() / 255
    return torch.einsum("dc,nchw->ndhw", torch.tensor(OPPONENT), x)


def waves(start: torch.Tensor, end: torch.Tensor, bands: int, side: int) -> torch.Tensor:
    """(B, bands, side): what each pixel adds to the mean of cos(pi u (x - start) / (end - start)) between start and end."""
    borders = torch.arange(side + 1, dtype=start.dtype) / side
    place = ((borders[None] - start[:, None]) / (end - start)[:, None]).clamp(0, 1)[:, None]
    u = torch.arange(bands, dtype=start.dtype)[None, :, None]
    sums = torch.where(u == 0, place, torch.sin(math.pi * u * place) / (math.pi * u.clamp(min=1)))
    return sums[:, :, 1:] - sums[:, :, :-1]


def whole(x: torch.Tensor, bands: int) -> torch.Tensor:
    """Coefficients (N, 3, bands, bands) of whole pictures."""
    w = waves(torch.zeros(1), torch.ones(1), bands, x.shape[-1])[0]
    return w @ x @ w.T


def turns_of(f: torch.Tensor) -> torch.Tensor:
    """(N, 3, K, K) to (N, 8, 3, K, K): the coefficients of the flips and quarter turns, in the order of `variants.TURNS`."""
    sign = (-1.0) ** torch.arange(f.shape[-1])
    quarters = [f]
    for _ in range(3):
        quarters.append(quarters[-1].transpose(-1, -2) * sign[:, None])
    return torch.stack(quarters + [quarter * sign for quarter in quarters], 1)


class Whitening:
    """Coefficients to vectors of length 1 in which each frequency counts by how much real pictures rarely have of it.

    The mean and the contrast of a picture go out; what is common to all skin (large soft shades) counts less than detail.
    `FLOOR` keeps frequencies that hardly occur, and what files and scaling do to them, from counting most.
    """

    def __init__(self, x: torch.Tensor, bands: int):
        f = whole(x, bands)
        power = (f**2).mean(0)
        power = (power + power.transpose(-1, -2)) / 2
        self.bands = bands
        used = torch.zeros(3, bands, bands, dtype=torch.bool)
        used[0] = True
        used[1:, : bands // 2, : bands // 2] = True
        used[:, 0, 0] = False
        self.used, power = used.flatten().nonzero()[:, 0], power[used]
        self.weight = 1 / torch.sqrt(power + FLOOR * power.mean() + 1e-12)

    def weighted(self, f: torch.Tensor) -> torch.Tensor:
        return f.flatten(-3).index_select(-1, self.used) * self.weight

    def __call__(self, f: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.weighted(f), dim=-1)
