"""Logits of a network for rows of a pack: evaluation mode, no gradient, optionally the mean of eight views."""

from collections.abc import Callable

import numpy as np
import torch

from models_ml.core.device import autocast, out_of_memory
from models_ml.core.pictures.augment import dihedral
from models_ml.core.pictures.feed import Feed, cut

AT_ONCE = 32 * 96**2  # pixels on a processor: beyond its caches more pictures together only cost (448 px: one at a time)


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
    """float32 (len(rows), classes). views 8: logits averaged over rotations and mirrorings. on_batch gets the count.

    A batch of large pictures goes through a processor in small parts. Where the device has no memory for a batch, half of it is
    tried, down to single pictures.
    """
    training = network.training
    network.eval()
    found, done = [], 0
    batches = cut(rows, batch_size)
    for image in feed.stream(batches):
        while (logits := _mean_logits(network, image, batch_size, views, precision)) is None:
            batch_size = -(-min(batch_size, len(image)) // 2)
        found.append(logits)
        done += len(image)
        if on_batch:
            on_batch(done)
    network.train(training)
    return np.concatenate(found)


def _mean_logits(network, image_NCHW: torch.Tensor, at_once: int, views: int, precision: str) -> np.ndarray | None:
    """None: the device has no memory for so many at once."""
    try:
        with autocast(image_NCHW.device, precision):
            parts = [
                sum(network(dihedral(part, view)).float() for view in range(views)) / views for part in parts_of(image_NCHW, at_once)
            ]
        return torch.cat(parts).cpu().numpy()
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error) or min(at_once, len(image_NCHW)) == 1:
            raise
        return None


def parts_of(image_NCHW: torch.Tensor, most: int) -> tuple[torch.Tensor, ...]:
    """A batch in parts of ``most`` pictures, or of as many as a processor takes well."""
    if image_NCHW.is_cpu:
        most = min(most, max(1, AT_ONCE // (image_NCHW.shape[-2] * image_NCHW.shape[-1])))
    return image_NCHW.split(most)
