"""Find the style whose picture is nearest to a given one (projection into w), with the label held or free noise off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from generative.core.data import to_unit
from generative.core.telling import Tell, untold

DRAWS = 1000
WARM_UP, COOL_DOWN = 0.05, 0.25


@dataclass(frozen=True)
class Projection:
    """w (D,) and its styles ws (1, L, D); `distance` is the smallest loss, `start` that of the label's mean style, `curve`
    the loss after every step."""

    w: Tensor
    ws: Tensor
    distance: float
    start: float
    curve: tuple[float, ...]


def picture_distance(a_NCHW: Tensor, b_NCHW: Tensor) -> Tensor:
    """Mean squared difference over a pyramid of halvings, so that coarse agreement comes first."""
    total = F.mse_loss(a_NCHW, b_NCHW)
    while a_NCHW.shape[-1] > 4:
        a_NCHW, b_NCHW = F.avg_pool2d(a_NCHW, 2), F.avg_pool2d(b_NCHW, 2)
        total = total + F.mse_loss(a_NCHW, b_NCHW)
    return total


def project(
    generator,
    image_uint8: np.ndarray,
    label_K: Tensor,
    *,
    steps: int = 300,
    seed: int = 0,
    learning_rate: float = 0.1,
    tell: Tell = untold,
) -> Projection:
    """Descend in w from the label's mean style towards the picture (3, H, W) uint8; stored noise, seeded, CPU-exact.

    Exploration noise in w falls to nothing over the first three quarters; the learning rate warms up and cools down
    (StyleGAN2, appendix D). tell("searching for the style", done, total) is called after each.
    """
    generator = generator.eval().requires_grad_(False)
    place = generator.device
    target, label_K = to_unit(image_uint8[None]).to(place), label_K.to(place)
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        samples = generator.mapping(
            torch.randn(DRAWS, generator.shape.z_dim, generator=draw).to(place), label_K.expand(DRAWS, -1)
        )
        mean = samples.mean(dim=0, keepdim=True)
        spread = float((samples - mean).square().sum(dim=1).mean().sqrt())
        start = float(picture_distance(_picture(generator, mean), target))
    w = mean.clone().requires_grad_(True)
    adam = torch.optim.Adam([w], lr=learning_rate, betas=(0.9, 0.999))
    best, best_w, curve = start, mean.clone(), []
    for step in range(steps):
        t = step / steps
        warm, cool = min(1.0, t / WARM_UP), min(1.0, (1 - t) / COOL_DOWN)
        adam.param_groups[0]["lr"] = learning_rate * warm * (0.5 - 0.5 * np.cos(np.pi * cool))
        noise = torch.randn(w.shape, generator=draw).to(place) * (0.05 * spread * max(0.0, 1 - t / 0.75) ** 2)
        loss = picture_distance(_picture(generator, w + noise), target)
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            distance = float(picture_distance(_picture(generator, w), target))
        if distance < best:
            best, best_w = distance, w.detach().clone()
        curve.append(distance)
        tell("searching for the style", step + 1, steps)
    best_w = best_w.cpu()
    return Projection(best_w[0], styles_of(generator, best_w), best, start, tuple(curve))


def styles_of(generator, w_ND: Tensor) -> Tensor:
    """The same style in every layer (N, L, D)."""
    return w_ND[:, None].repeat(1, generator.shape.num_ws, 1)


def _picture(generator, w: Tensor) -> Tensor:
    return generator.synthesis(styles_of(generator, w), noise="const").expand(-1, 3, -1, -1)  # a grey one is compared in all colours
