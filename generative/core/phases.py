"""What one training step computes: the four losses with their random numbers, and nothing of when or how long.

A `Batch` is what the discriminator is shown as real; fake labels come from the same empirical list.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from generative.core import losses
from generative.core.augment import PIPELINES, augment, diff_augment
from generative.core.generator import FLOAT32, Precision
from generative.core.recipe import Recipe

W_AVERAGE_DECAY = 0.995
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Batch:
    """images (N, 3, H, W) in [-1, 1], labels (N, K); `fake_labels` for generated pictures."""

    images: Tensor
    labels: Tensor
    fake_labels: Tensor


@dataclass
class Players:
    """The two networks being trained and what only they need to know while training."""

    generator: torch.nn.Module
    discriminator: torch.nn.Module
    recipe: Recipe
    path_mean: Tensor
    p: float = 0.0
    synthesis: object = None
    judge: object = None

    def __post_init__(self):
        """Compiled twins share the parameters; only the main phases use them (no second derivatives there)."""
        compiled = self.recipe.compiled
        self.synthesis = torch.compile(self.generator.synthesis) if compiled else self.generator.synthesis
        self.judge = torch.compile(self.discriminator) if compiled else self.discriminator

    @property
    def precision(self) -> Precision:
        if self.recipe.precision == "float32" and not self.recipe.channels_last:
            return FLOAT32
        return Precision(DTYPES[self.recipe.precision], self.recipe.low_resolutions, self.recipe.channels_last)

    def styles(self, labels: Tensor, generator: torch.Generator, count: int | None = None) -> Tensor:
        """Styles of fresh z, some crossed over with a second z; the running mean follows the first."""
        g, labels = self.generator, labels[:count]
        size = (labels.shape[0], g.shape.z_dim)
        ws = g.styles(torch.randn(size, generator=generator, device=labels.device), labels)
        with torch.no_grad():
            g.mapping.w_avg.lerp_(ws.detach()[:, 0].mean(dim=0), 1 - W_AVERAGE_DECAY)
        draw = torch.rand(2, generator=generator, device=labels.device).tolist()
        if draw[0] < self.recipe.style_mix:
            cut = 1 + int(draw[1] * (g.shape.num_ws - 1))
            other = g.styles(torch.randn(size, generator=generator, device=labels.device), labels)
            ws = torch.cat([ws[:, :cut], other[:, cut:]], dim=1)
        return ws

    def fakes(self, labels: Tensor, generator: torch.Generator) -> Tensor:
        ws = self.styles(labels, generator)
        return self.synthesis(ws, noise=self.recipe.noise, precision=self.precision, generator=generator)

    def shown(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures as the discriminator sees them."""
        if self.recipe.diff_augment:
            return diff_augment(images, generator)
        return augment(images, self.p, PIPELINES[self.recipe.pipeline], generator=generator)

    def logits(self, images: Tensor, labels: Tensor, generator: torch.Generator, *, eager: bool = False) -> Tensor:
        judge = self.discriminator if eager else self.judge
        return judge(self.shown(images, generator), labels, precision=self.precision)


def generator_main(players: Players, batch: Batch, generator: torch.Generator) -> Tensor:
    fake = players.logits(players.fakes(batch.fake_labels, generator), batch.fake_labels, generator)
    if not players.recipe.relativistic:
        return losses.generator_loss(fake)
    return losses.generator_loss(fake, players.logits(batch.images, batch.labels, generator))


def generator_path(players: Players, batch: Batch, generator: torch.Generator) -> Tensor:
    """Path length on half the batch, times its interval; moves the running mean."""
    half = max(batch.fake_labels.shape[0] // 2, 1)
    ws = players.styles(batch.fake_labels, generator, half)
    images = players.generator.synthesis(ws, noise=players.recipe.noise, precision=players.precision, generator=generator)
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    path = losses.path_length(images, ws, noise, players.path_mean)
    players.path_mean = path.mean.detach()
    return path.penalty.mean() * players.recipe.path_weight * players.recipe.path_every


@dataclass(frozen=True)
class Judged:
    """The discriminator's loss and its logits on real pictures, which steer the augmentation."""

    loss: Tensor
    real_logits: Tensor


def discriminator_main(players: Players, batch: Batch, generator: torch.Generator) -> Judged:
    with torch.no_grad():
        images = players.fakes(batch.fake_labels, generator)
    fake = players.logits(images, batch.fake_labels, generator)
    real = players.logits(batch.images, batch.labels, generator)
    loss = losses.discriminator_loss(real, fake, relativistic=players.recipe.relativistic)
    return Judged(loss, real.detach())


def discriminator_r1(players: Players, batch: Batch, generator: torch.Generator) -> Tensor:
    """R1 on real pictures through the augmentation, times its interval."""
    images = batch.images.detach().requires_grad_(True)
    logits = players.logits(images, batch.labels, generator, eager=True)
    penalty = losses.gradient_penalty(logits, images).mean()
    return penalty * (players.recipe.gamma / 2 * players.recipe.r1_every)
