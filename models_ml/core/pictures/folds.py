"""Folds that keep relatives together and classes even, and the checks that a set of folds can be trained on."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from models_ml.core.errors import CoreError
from models_ml.core.pictures.manifest import Manifest


def relatives(n_items: int, groups: Sequence[str], pairs: Iterable[tuple[int, int]] = ()) -> list[int]:
    """Number the families of items: equal non-empty ``groups`` and every pair in ``pairs`` are one family."""
    parent = list(range(n_items))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[str, int] = {}
    for i, group in enumerate(groups):
        if group:
            parent[root(i)] = root(first.setdefault(group, i))
    for i, j in pairs:
        parent[root(i)] = root(j)
    return [root(i) for i in range(n_items)]


def stratified_folds(labels: Sequence[str], families: Sequence[int], *, folds: int, seed: int) -> list[int]:
    """A fold for each item: families stay whole, every class is spread as evenly as the families allow.

    Greedy: the largest families first (ties in an order drawn from the seed), each into the fold where the squared
    class counts, relative to the class sizes, grow least; then the emptier fold, then the lower number.
    """
    names = sorted(set(labels))
    column = {name: k for k, name in enumerate(names)}
    counts_of: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(len(names)))
    for label, family in zip(labels, families):
        counts_of[family][column[label]] += 1
    total = sum(counts_of.values())
    draw = np.random.default_rng(seed).permutation(len(counts_of))
    order = sorted(zip(counts_of, draw), key=lambda pair: (-counts_of[pair[0]].sum(), pair[1]))
    filled = np.zeros((folds, len(names)))
    fold_of = {}
    for family, _ in order:
        counts = counts_of[family]
        growth = (((filled + counts) ** 2 - filled**2) / total).sum(axis=1)
        best = np.lexsort((np.arange(folds), filled.sum(axis=1), growth.round(12)))[0]
        filled[best] += counts
        fold_of[family] = int(best)
    return [fold_of[family] for family in families]


def split(manifest: Manifest, *, folds: int, seed: int = 0, pairs: Iterable[tuple[int, int]] = ()) -> Manifest:
    """Draw folds for the training pictures. ``pairs``: positions in ``manifest`` of pictures found to be duplicates.

    A family that holds a test picture cannot be trained on: CoreError names it (its group straddles the split).
    """
    families = relatives(len(manifest), [item.group for item in manifest.items], pairs)
    available = len({family for family, item in zip(families, manifest.items) if item.split == "train"})
    if not 2 <= folds <= max(2, available):
        raise CoreError(
            f"{folds} folds are asked for; 2 to {available} can be drawn from {available} training pictures or groups."
        )
    tested = {family for family, item in zip(families, manifest.items) if item.split == "test"}
    for family, item in zip(families, manifest.items):
        if family in tested and item.split == "train":
            raise CoreError(
                f"Training picture {item.id!r} (line {item.line}) is a relative of a test picture (group "
                f"{item.group!r}); move the whole group to one split."
            )
    chosen = [k for k, item in enumerate(manifest.items) if item.split == "train"]
    drawn = stratified_folds(
        [manifest.items[k].label for k in chosen], [families[k] for k in chosen], folds=folds, seed=seed
    )
    fold_of = dict(zip(chosen, drawn))
    items = tuple(replace(item, fold=fold_of.get(k)) for k, item in enumerate(manifest.items))
    return replace(manifest, items=items, recorded_folds=True)


def with_folds(manifest: Manifest, *, folds: int, source: str, seed: int) -> Manifest:
    """The manifest with a fold on every training picture, recorded or drawn as ``source`` says (see DataSpec)."""
    train = manifest.train.items
    missing = [item for item in train if item.fold is None]
    if source == "auto":
        source = "recorded" if train and len(missing) < len(train) else "grouped"
    if source == "grouped":
        return split(manifest, folds=folds, seed=seed)
    if missing:
        raise CoreError(
            f"Recorded folds are wanted, but {len(missing)} training pictures have none (first: {missing[0].id!r}, "
            f"line {missing[0].line}). Fill the fold column or use data.fold_source=grouped."
        )
    return manifest


def check_trainable(manifest: Manifest, own: Sequence[str], folds: Sequence[int]) -> None:
    """Every fold in ``folds`` can be held out: own classes appear in it and in the rest, or a CoreError says which."""
    train = manifest.train.items
    if not train:
        raise CoreError(f"{manifest.source} has no training pictures.")
    per_class = Counter(item.label for item in train)
    for name in own:
        if per_class[name] < 2:
            raise CoreError(
                f"Class {name!r} has {per_class[name]} training picture(s); at least 2 are needed, one to train on and "
                "one to hold out. Add pictures or leave the class out."
            )
    present = {item.fold for item in train}
    for fold in folds:
        if fold not in present:
            raise CoreError(f"Fold {fold} has no pictures; the folds are {', '.join(map(str, sorted(present)))}.")
        held_out = Counter(item.label for item in train if item.fold == fold)
        for name in own:
            if per_class[name] - held_out[name] == 0:
                raise CoreError(
                    f"Fold {fold} holds out all {per_class[name]} pictures of class {name!r}, so nothing is left to "
                    "train on; spread the class over the folds (the command split draws them anew)."
                )
            if held_out[name] == 0 and per_class[name] >= len(present):
                raise CoreError(
                    f"Fold {fold} holds out no picture of class {name!r} although there are {per_class[name]}; spread "
                    "the class over the folds (the command split draws them anew)."
                )
