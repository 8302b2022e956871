"""The optimiser for a recipe, and the moving average of weights."""

import copy

import torch

from models_ml.core.config import Recipe
from models_ml.core.errors import CoreError
from models_ml.core.training.network import Classifier


def make_optimizer(network: Classifier, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam or AdamW; vectors (biases, scales) are not decayed; earlier layers learn slower by ``layer_decay``."""
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer]
    return kind(_groups(network, recipe), lr=recipe.lr, fused=True)


def _groups(network: Classifier, recipe: Recipe) -> list[dict]:
    if recipe.layer_decay != 1.0:
        from timm.optim import param_groups_layer_decay

        try:
            found = param_groups_layer_decay(
                network.backbone, weight_decay=recipe.weight_decay, layer_decay=recipe.layer_decay
            )
        except (AssertionError, AttributeError, KeyError) as error:
            raise CoreError("This backbone does not name its layers; set recipe.layer_decay to 1.") from error
        groups = [{key: g[key] for key in ("params", "weight_decay", "lr_scale")} for g in found]
    else:
        groups = _by_shape(network.backbone, recipe)
    return groups + _by_shape(network.head, recipe)


def _by_shape(module: torch.nn.Module, recipe: Recipe) -> list[dict]:
    parameters = list(module.parameters())
    matrices, vectors = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
    return [
        {"params": chosen, "weight_decay": decay, "lr_scale": 1.0}
        for chosen, decay in ((matrices, recipe.weight_decay), (vectors, 0.0))
        if chosen
    ]


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_scale"]


class MovingAverage:
    """A copy of the network whose weights follow slowly; the early steps follow faster, min(decay, (1+t)/(10+t))."""

    def __init__(self, network: torch.nn.Module, decay: float):
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: torch.nn.Module, step: int) -> None:
        keep = min(self.decay, (1 + step) / (10 + step))
        pairs = list(zip(*([*n.parameters(), *n.buffers()] for n in (self.network, network)), strict=True))
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        counts = [pair for pair in pairs if not pair[0].is_floating_point()]
        torch._foreach_lerp_(*zip(*floats), 1 - keep)
        if counts:
            torch._foreach_copy_(*zip(*counts))
