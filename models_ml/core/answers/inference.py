"""Logits of a network for rows of a pack: evaluation mode, no gradient, optionally the mean of eight views."""

from collections.abc import Callable

import numpy as np
import torch

from models_ml.core.device import autocast
from models_ml.core.pictures.augment import dihedral
from models_ml.core.pictures.feed import Feed, cut


@torch.no_grad()
def logits_of(
    network: torch.nn.Module,
    feed: Feed,
    rows: np.ndarray,
    *,
    batch_size: int,
    views: int = 1,
    precision: str = "fp32",
    on_batch: Callable[[int], None] | None = None,
) -> np.ndarray:
    """float32 (len(rows), classes). views 8: logits averaged over rotations and mirrorings. on_batch gets the count."""
    training = network.training
    network.eval()
    found, done = [], 0
    batches = cut(rows, batch_size)
    for image in feed.stream(batches):
        with autocast(feed.device, precision):
            total = sum(network(dihedral(image, view)).float() for view in range(views))
        found.append((total / views).cpu().numpy())
        done += len(image)
        if on_batch:
            on_batch(done)
    network.train(training)
    return np.concatenate(found)
