"""Which learning rate? A short training at each of several, from the same first weights and on the same pictures in the same
order, judged on the held-out fold. Nothing is kept.

Not one run with a growing rate (Smith 2017): with small batches the noise of single losses is larger than what is sought.
"""

import math
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models_ml.core.answers.metrics import balanced_accuracy, log_loss, softmax
from models_ml.core.config import RunConfig
from models_ml.core.device import choose_device, memory_in_words, reproducible
from models_ml.core.errors import Cancelled, CoreError
from models_ml.core.pictures.manifest import Manifest
from models_ml.core.pictures.pack import pack
from models_ml.core.training.run import prepare


@dataclass(frozen=True)
class RateTried:
    """held_out_loss: log loss of all held-out pictures, None where training diverged. balanced_accuracy: of own classes."""

    rate: float
    held_out_loss: float | None
    balanced_accuracy: float | None


def try_rates(
    cfg: RunConfig, manifest: Manifest, rates: list[float], *, steps: int = 100, device: str = "auto",
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[RateTried]:  # fmt: skip
    """One result after another. Every training is the recipe's but for its schedule: ``steps`` steps, the rate rising over
    the first tenth of them and then constant, all layers from the first step on, no moving average."""
    if steps < 1 or not rates or min(rates) <= 0:
        raise CoreError(f"Rates above 0 and one step at least are needed; found {rates} and {steps} steps.")
    import torch

    from models_ml.core.training.loop import Fit, open_fold

    cfg, prepared, labels, folds = prepare(cfg, manifest)
    recipe = replace(cfg.recipe, schedule="constant", head_only_epochs=0, ema_decay=0.0, compile=False, max_steps=0)
    cfg = replace(cfg, recipe=recipe)
    with tempfile.TemporaryDirectory(prefix="rates-") as folder, torch.random.fork_rng(), memory_in_words(recipe.batch_size):
        packed = pack(prepared.train.items, cfg.data, Path(folder) / "cache", cancelled=cancelled)
        data = open_fold(prepared.train, labels, packed, folds[0], choose_device(device))
        for rate in rates:
            with reproducible(recipe):
                run = Fit(cfg, data, folds[0], Path(folder))
                _train(run, rate, steps, cancelled)
                logits = run.held_out(run.network)
            yield _judged(rate, logits, data)


def _train(run, rate: float, steps: int, cancelled: Callable[[], bool]) -> None:
    recipe, batches = run.recipe, []
    warmup = max(1, steps // 10)
    for k in range(steps):
        if cancelled():
            raise Cancelled("Trying rates was stopped; nothing is kept of it.")
        if not batches:
            run.step, run.epoch = 0, run.epoch + (k > 0)
            run.train_mode()
            batches = run.batches()
        run.recipe = replace(recipe, lr=rate * min(1.0, (k + 1) / warmup))
        run.optimise(batches.pop(0), 1)


def _judged(rate: float, logits: np.ndarray, data) -> RateTried:
    if not np.isfinite(logits).all():
        return RateTried(rate, None, None)
    truth, own = data.labels_N[data.held_rows], data.labels.own_indices
    mine, loss = np.isin(truth, own), log_loss(softmax(logits), truth)
    return RateTried(rate, loss if math.isfinite(loss) else None, balanced_accuracy(truth[mine], logits.argmax(axis=1)[mine]))


def best(tried: list[RateTried]) -> RateTried | None:
    """That of the least held-out loss; None where training diverged at every rate."""
    judged = [one for one in tried if one.held_out_loss is not None]
    return min(judged, key=lambda one: one.held_out_loss, default=None)


def verdict(tried: list[RateTried]) -> str:
    """Which was best, and whether a better one may lie beyond the ends."""
    if (found := best(tried)) is None:
        return "training diverged at every rate; try lower ones"
    rates = sorted(one.rate for one in tried)
    if len(rates) > 1 and found.rate in (rates[0], rates[-1]):
        way = "lower" if found.rate == rates[0] else "higher"
        return f"the least held-out loss is at the {way} end, {found.rate:.1e}; try {way} ones, too"
    return f"the least held-out loss is at {found.rate:.1e}"
