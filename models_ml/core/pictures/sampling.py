"""In which order the pictures are shown: a pure function of the seed, the fold and the epoch.

Because every process can compute the whole order, a resumed run continues where it stopped, and every process of a
distributed run knows the labels of the whole batch without asking the others.
"""

import numpy as np

from models_ml.core.config import Recipe

_PURPOSE = {"order": 1, "augment": 2, "init": 3, "dropout": 4}


def seed_of(seed: int, purpose: str, *numbers: int) -> np.random.SeedSequence:
    """Independent randomness for each purpose of a run."""
    return np.random.SeedSequence([seed, _PURPOSE[purpose], *numbers])


def epoch_order(
    labels_N: np.ndarray, own_classes: tuple[int, ...], recipe: Recipe, *, fold: int, epoch: int
) -> np.ndarray:
    """Positions into the training pictures for one epoch (int64).

    shuffle: every picture once. balanced: as many as there are, own classes equally often (auxiliary pictures once
    each). ratio: own pictures balanced, plus ``auxiliary_per_own`` times as many auxiliary ones; over successive
    epochs all auxiliary pictures take their turn.
    """
    rng = np.random.Generator(np.random.Philox(seed_of(recipe.seed, "order", fold, epoch)))
    if recipe.sampler == "shuffle":
        return rng.permutation(len(labels_N))
    own = np.isin(labels_N, own_classes)
    auxiliary = np.flatnonzero(~own)
    if recipe.sampler == "ratio" and len(auxiliary):
        auxiliary = _turn(auxiliary, round(own.sum() * recipe.auxiliary_per_own), recipe, fold=fold, epoch=epoch)
    chosen = np.concatenate([_balanced(labels_N, own, rng), auxiliary])
    return rng.permutation(chosen)


def _balanced(labels_N: np.ndarray, own: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """As many own pictures as there are, their classes equally often (to one), each picture as evenly as possible."""
    classes = np.unique(labels_N[own])
    quota = np.full(len(classes), own.sum() // len(classes))
    quota[rng.permutation(len(classes))[: own.sum() % len(classes)]] += 1
    parts = []
    for name, n in zip(classes, quota):
        members = np.flatnonzero(labels_N == name)
        rounds = -(-n // len(members))
        parts.append(np.concatenate([rng.permutation(members) for _ in range(rounds)])[:n])
    return np.concatenate(parts).astype(np.int64)


def _turn(pool: np.ndarray, n: int, recipe: Recipe, *, fold: int, epoch: int) -> np.ndarray:
    """The ``epoch``-th stretch of n from an endless row of shuffles of ``pool``."""
    start, taken = (epoch - 1) * n, []
    while n > 0:
        lap, offset = divmod(start, len(pool))
        shuffle = np.random.Generator(np.random.Philox(seed_of(recipe.seed, "order", fold, 10**6 + lap)))
        piece = pool[shuffle.permutation(len(pool))][offset : offset + n]
        taken.append(piece)
        start, n = start + len(piece), n - len(piece)
    return np.concatenate(taken) if taken else pool[:0]


def loss_weights(n_classes: int, own_classes: tuple[int, ...], recipe: Recipe) -> np.ndarray:
    """Weight of each class in the loss: ``own_weight`` for the study's own, 1 for auxiliary ones (float32)."""
    weights = np.ones(n_classes, dtype=np.float32)
    weights[list(own_classes)] = recipe.own_weight
    return weights
