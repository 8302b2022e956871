"""Losses of StyleGAN2 and its two lazy regularisers, and the relativistic variant.

Sources: non-saturating logistic loss (arXiv 1406.2661), R1 (1801.04406), path length (1912.04958), relativistic
pairing (2501.05441).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

PATH_DECAY = 0.01


def generator_loss(fake_logits: Tensor, real_logits: Tensor | None = None) -> Tensor:
    """Mean softplus(-D(fake)); with real logits the relativistic pairing softplus(D(real) - D(fake))."""
    margin = fake_logits if real_logits is None else fake_logits - real_logits
    return F.softplus(-margin).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, *, relativistic: bool = False) -> Tensor:
    """Mean softplus(-D(real)) + softplus(D(fake)); relativistic: softplus(D(fake) - D(real))."""
    if relativistic:
        return F.softplus(fake_logits - real_logits).mean()
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def gradient_penalty(logits: Tensor, images_NCHW: Tensor) -> Tensor:
    """Squared length of the gradient of D in the image, one number per image (R1 without its gamma/2)."""
    (slope,) = torch.autograd.grad(logits.sum(), images_NCHW, create_graph=True)
    return slope.square().sum(dim=(1, 2, 3))


@dataclass(frozen=True)
class PathLength:
    """`lengths` (N,), the updated running `mean`, and the `penalty` (N,) before its weight."""

    lengths: Tensor
    mean: Tensor
    penalty: Tensor


def path_length(images_NCHW: Tensor, ws_NLD: Tensor, noise_NCHW: Tensor, mean: Tensor) -> PathLength:
    """How far a picture moves per unit of style: |J^T y| with y ~ N / sqrt(H W), against its running mean.

    `noise_NCHW` is standard normal. The mean is updated first and carries gradient through this batch's one per cent.
    """
    y = noise_NCHW / math.sqrt(images_NCHW.shape[2] * images_NCHW.shape[3])
    (slope,) = torch.autograd.grad((images_NCHW * y).sum(), ws_NLD, create_graph=True)
    lengths = slope.square().sum(dim=2).mean(dim=1).sqrt()
    mean = mean + PATH_DECAY * (lengths.mean() - mean)
    return PathLength(lengths, mean, (lengths - mean).square())
