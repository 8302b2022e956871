"""The learning rate at every step, as a function: nothing to store, nothing to restore."""

import math

from models_ml.core.config import Recipe


def peak(recipe: Recipe) -> float:
    """The largest rate of a whole training."""
    return 10 * recipe.lr if recipe.schedule == "paper" else recipe.lr


def learning_rate(recipe: Recipe, *, epoch: int, step: int, steps_per_epoch: int) -> float:
    """Rate for optimiser step ``step`` (from 0) of ``epoch`` (from 1).

    paper: constant within an epoch; epoch 1 at ``lr``, epoch 2 at ten times that, then a cosine that would reach zero
    one epoch after the last (the authors' warm-up wrapper around a cosine of epochs - 1). cosine: linear warm-up per
    step to ``lr``, then a half cosine to ``final_lr_ratio * lr`` at the last step.
    """
    if recipe.schedule == "constant":
        return recipe.lr
    if recipe.schedule == "paper":
        if epoch == 1:
            return recipe.lr
        return 10 * recipe.lr * (1 + math.cos(math.pi * (epoch - 2) / max(1, recipe.epochs - 1))) / 2
    now = (epoch - 1) * steps_per_epoch + step
    warmup = min(recipe.warmup_epochs * steps_per_epoch, recipe.epochs * steps_per_epoch - 1)
    if now < warmup:
        return recipe.lr * (now + 1) / (warmup + 1)
    last = max(1.0, recipe.epochs * steps_per_epoch - 1 - warmup)
    cosine = (1 + math.cos(math.pi * min(1.0, (now - warmup) / last))) / 2
    return recipe.lr * (recipe.final_lr_ratio + (1 - recipe.final_lr_ratio) * cosine)
