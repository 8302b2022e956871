"""Losses of StyleGAN2 and its two lazy regularisers, and the relativistic variant.

Sources: non-saturating logistic loss (arXiv 1406.2661), R1 (1801.04406), path length (1912.04958), relativistic
pairing (2501.05441), the judgement without label (2201.06578).

Logits are (N, J): J judgements of each of N pictures, one as a rule. `weights` has one number for each: a loss is the weighted
sum of the judgements' means.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

PATH_DECAY = 0.01


ALONE = (1.0,)


def transitional_weights(share: float) -> tuple[float, float]:
    """Of the judgements with and without label: L = lambda L_conditional + L_unconditional, lambda = `share`.

    After Shahbazi et al. 2022 (arXiv 2201.06578). Seen: the two times, 2000 and 4000 kimg in the scripts of their repository
    (mshahbazi72/transitional-cGAN, README), and, in reviews of the paper, that lambda grows linearly from 0 to 1 between them and
    weights the conditional loss. Not seen in print, and so ours: that the unconditional loss keeps its full weight to the end. The
    label fades from the classes' common mix (`Recipe.transition`), since an embedding that is normalised has no length to scale.
    """
    return (share, 1.0)


def weighted(values_NJ: Tensor, weights: Sequence[float]) -> Tensor:
    """Sum over judgements of weight times mean over pictures; judgements of weight 0 are not even looked at."""
    columns = zip(weights, values_NJ.unbind(dim=1), strict=True)
    return torch.stack([weight * column.mean() for weight, column in columns if weight]).sum()


def generator_loss(fake_logits: Tensor, real_logits: Tensor | None = None, *, weights: Sequence[float] = ALONE) -> Tensor:
    """Mean softplus(-D(fake)); with real logits the relativistic pairing softplus(D(real) - D(fake))."""
    margin = fake_logits if real_logits is None else fake_logits - real_logits
    return weighted(F.softplus(-margin), weights)


def discriminator_loss(
    real_logits: Tensor, fake_logits: Tensor, *, relativistic: bool = False, weights: Sequence[float] = ALONE
) -> Tensor:
    """Mean softplus(-D(real)) + softplus(D(fake)); relativistic: softplus(D(fake) - D(real))."""
    if relativistic:
        return weighted(F.softplus(fake_logits - real_logits), weights)
    return weighted(F.softplus(-real_logits), weights) + weighted(F.softplus(fake_logits), weights)


def image_slope(discriminator, images_NCHW: Tensor, labels_NK: Tensor, *, judgement: int = 0, **options) -> Tensor:
    """Gradient of each picture's logit, of one judgement, in its pixels, itself differentiable in the weights.

    Written as a function, not as a walk back through a graph, which would compute the weights' gradients, too.
    """
    return torch.func.grad(lambda images: discriminator(images, labels_NK, **options)[:, judgement].sum())(images_NCHW)


def style_slope(synthesis, ws_NLD: Tensor, noise_NCHW: Tensor, **options) -> Tensor:
    """J^T y, how a random mixture of the pixels changes with the styles: y = `noise_NCHW` (standard normal) / sqrt(H W)."""
    images, back = torch.func.vjp(lambda ws: synthesis(ws, **options), ws_NLD)
    return back(noise_NCHW / math.sqrt(images.shape[2] * images.shape[3]))[0]


def gradient_penalty(slope_NCHW: Tensor) -> Tensor:
    """Squared length of `image_slope`, one number per image (R1 without its gamma/2)."""
    return slope_NCHW.square().sum(dim=(1, 2, 3))


@dataclass(frozen=True)
class PathLength:
    """`lengths` (N,), the updated running `mean`, and the `penalty` (N,) before its weight."""

    lengths: Tensor
    mean: Tensor
    penalty: Tensor


def path_length(slope_NLD: Tensor, mean: Tensor) -> PathLength:
    """How far a picture moves per unit of style: the length of `style_slope`, against its running mean.

    The mean is updated first and carries gradient through this batch's one per cent.
    """
    lengths = slope_NLD.square().sum(dim=2).mean(dim=1).sqrt()
    mean = mean + PATH_DECAY * (lengths.mean() - mean)
    return PathLength(lengths, mean, (lengths - mean).square())
