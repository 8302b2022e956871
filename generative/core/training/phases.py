"""What one training step computes: the four losses with their random numbers, and nothing of when or how long.

A `Batch` is what the discriminator is shown as real; fake labels come from the same empirical list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from generative.core.networks.generator import FLOAT32, Precision
from generative.core.training import losses
from generative.core.training.augment import PIPELINES, augment, diff_augment
from generative.core.training.recipe import Recipe

W_AVERAGE_DECAY = 0.995
DTYPES = {"float32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Batch:
    """images (N, 3, H, W) in [-1, 1], labels (N, K); `fake_labels` for generated pictures. asked_labels: what the generator is
    told of these, where that is not the same; None: the same."""

    images: Tensor
    labels: Tensor
    fake_labels: Tensor
    asked_labels: Tensor | None = None

    @property
    def asked(self) -> Tensor:
        return self.fake_labels if self.asked_labels is None else self.asked_labels


@dataclass(frozen=True)
class Chance:
    """Where the random numbers of one phase come from.

    device: for what is drawn in bulk where the networks are. host: for single decisions and transforms, drawn on the
    processor, so that a GPU is not waited for; on a processor both are one generator.
    """

    device: torch.Generator
    host: torch.Generator

    @classmethod
    def seeded(cls, seed: int, device: str) -> Chance:
        there = torch.Generator(device).manual_seed(seed)
        return cls(there, there if there.device.type == "cpu" else torch.Generator().manual_seed(seed))

    def normal(self, *size: int) -> Tensor:
        return torch.randn(size, generator=self.device, device=self.device.device)


@dataclass
class Players:
    """The two networks being trained and what only they need to know while training. weights: of the discriminator's judgements
    in every loss."""

    generator: torch.nn.Module
    discriminator: torch.nn.Module
    recipe: Recipe
    path_mean: Tensor
    p: float = 0.0
    weights: tuple[float, ...] = losses.ALONE
    synthesis: Callable = field(init=False)
    judge: Callable = field(init=False)

    def __post_init__(self):
        """The two functions of the networks' weights that every step is made of, compiled when the recipe says so."""
        self.synthesis, self.judge = (
            torch.compile(network, dynamic=False) if self.recipe.compiled else network
            for network in (self.generator.synthesis, self.discriminator)
        )

    @property
    def precision(self) -> Precision:
        if self.recipe.precision == "float32" and not self.recipe.channels_last:
            return FLOAT32
        return Precision(DTYPES[self.recipe.precision], self.recipe.low_resolutions, self.recipe.channels_last)

    def styles(self, labels: Tensor, chance: Chance, count: int | None = None) -> Tensor:
        """Styles of fresh z, some crossed over with a second z; the running mean follows the first."""
        g, labels = self.generator, labels[:count]
        size = (labels.shape[0], g.shape.z_dim)
        ws = g.styles(chance.normal(*size), labels)
        with torch.no_grad():
            g.mapping.w_avg.lerp_(ws.detach()[:, 0].mean(dim=0), 1 - W_AVERAGE_DECAY)
        draw = torch.rand(2, generator=chance.host).tolist()
        if draw[0] < self.recipe.style_mix:
            cut = 1 + int(draw[1] * (g.shape.num_ws - 1))
            other = g.styles(chance.normal(*size), labels)
            ws = torch.cat([ws[:, :cut], other[:, cut:]], dim=1)
        return ws

    def fakes(self, labels: Tensor, chance: Chance) -> Tensor:
        ws = self.styles(labels, chance)
        return self.synthesis(ws, noise=self.noise(len(ws), chance), precision=self.precision)

    def noise(self, count: int, chance: Chance) -> list[Tensor] | str:
        if self.recipe.noise == "none":
            return "none"
        return self.generator.synthesis.fresh_noise(count, chance.device)

    def shown(self, images: Tensor, chance: Chance) -> Tensor:
        """Pictures as the discriminator sees them."""
        if self.recipe.diff_augment:
            return diff_augment(images, chance.host)
        return augment(images, self.p, PIPELINES[self.recipe.pipeline], generator=chance.host)

    def logits(self, images: Tensor, labels: Tensor, chance: Chance) -> Tensor:
        """In one layout, wherever the pictures come from: compiled code is made anew for each that it meets."""
        return self.judge(self.shown(images, chance).contiguous(), labels, precision=self.precision)


def generator_main(players: Players, batch: Batch, chance: Chance) -> Tensor:
    fake = players.logits(players.fakes(batch.asked, chance), batch.fake_labels, chance)
    real = players.logits(batch.images, batch.labels, chance) if players.recipe.relativistic else None
    return losses.generator_loss(fake, real, weights=players.weights)


def generator_path(players: Players, batch: Batch, chance: Chance) -> Tensor:
    """Path length on half the batch, times its interval; moves the running mean."""
    half = max(batch.fake_labels.shape[0] // 2, 1)
    ws = players.styles(batch.asked, chance, half)
    synthesis, noise, size = players.generator.synthesis, players.noise(half, chance), (half, *batch.images.shape[1:])
    slope = losses.style_slope(synthesis, ws, chance.normal(*size), noise=noise, precision=players.precision)
    path = losses.path_length(slope, players.path_mean)
    players.path_mean = path.mean.detach()
    return path.penalty.mean() * players.recipe.path_weight * players.recipe.path_every


@dataclass(frozen=True)
class Judged:
    """The discriminator's loss and its logits (N,) on real pictures, which steer the augmentation: where there are two
    judgements, their sum by the weights of the loss."""

    loss: Tensor
    real_logits: Tensor


def discriminator_main(players: Players, batch: Batch, chance: Chance) -> Judged:
    with torch.no_grad():
        images = players.fakes(batch.asked, chance)
    fake = players.logits(images, batch.fake_labels, chance)
    real = players.logits(batch.images, batch.labels, chance)
    loss = losses.discriminator_loss(real, fake, relativistic=players.recipe.relativistic, weights=players.weights)
    return Judged(loss, sum(weight * logits for weight, logits in zip(players.weights, real.detach().unbind(dim=1), strict=True)))


def discriminator_r1(players: Players, batch: Batch, chance: Chance) -> Tensor:
    """R1 on real pictures through the augmentation, times its interval; each judgement pays its own, by its weight."""
    images = batch.images.detach().requires_grad_(True)
    shown = players.shown(images, chance)
    penalties = []
    for judgement, weight in enumerate(players.weights):
        if not weight:
            continue
        slope = losses.image_slope(
            players.discriminator, shown.detach(), batch.labels, judgement=judgement, precision=players.precision
        )
        if shown is not images:  # the augmentation is linear in the pictures: its part of the chain rule, differentiable, too
            (slope,) = torch.autograd.grad(shown, images, slope, create_graph=True)
        penalties.append(weight * losses.gradient_penalty(slope).mean())
    return torch.stack(penalties).sum() * (players.recipe.gamma / 2 * players.recipe.r1_every)
