"""Does a generated picture copy a training picture? Distances over flips, rotations and crops, calibrated on people
whose pictures were never trained on.

With a hundred training pictures a generator can memorise (arXiv 2202.11765). A distance alone says little: it is
compared with the distances of real held-out pictures to the same training pictures. Splits are by group (patient).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from generative.core.data import ImageTable
from generative.core.errors import InputError
from generative.core.variants import Space, Variants, nearest, variants_of

COMPARE_PX, QUANTILE = 32, 0.01
LEAST_HELD_OUT = 5


@dataclass(frozen=True)
class Suspect:
    """A generated picture nearer to a training picture than held-out pictures come."""

    item: str
    nearest_item: str
    space: str
    distance: float
    threshold: float
    variant: str


@dataclass(frozen=True)
class Audit:
    """`thresholds` by space; `share_below` of generated pictures under them; `authenticity`: share that lie farther
    from their neighbour than that neighbour from its own; `asymmetry`: share nearer to training than to as many
    held-out pictures (.5 without memorising); `ratios`: by item the smallest distance over its threshold, suspected
    below 1. None with the reason in `why` where not estimable."""

    suspects: tuple[Suspect, ...]
    thresholds: dict
    share_below: dict
    authenticity: dict
    asymmetry: dict
    calibration: str | None
    features: str
    n_generated: int
    n_train: int
    n_held_out: int
    ratios: dict = field(default_factory=dict)
    why: str | None = None

    @property
    def quarantined(self) -> tuple[str, ...]:
        return tuple(sorted({suspect.item for suspect in self.suspects}))

    def to_json(self) -> dict:
        return {**asdict(self), "quarantined": self.quarantined, "schema": "audit/1", "overrides": []}


def pixel_vectors(images: np.ndarray) -> np.ndarray:
    """Colours in 0..1, each picture's mean removed, scaled so that distances are root mean squares."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    return (flat - flat.mean(axis=1, keepdims=True)) / np.sqrt(flat.shape[1])


def spaces_of(features) -> tuple[Space, Space]:
    """Pixels at 32 px, and the features at the size at which they look."""
    return (
        Space("pixels", COMPARE_PX, pixel_vectors),
        Space("features", features.size_px, features, features.identity),
    )


def audit(
    items: list[str], images: np.ndarray, train: ImageTable, held_out: ImageTable, features, *, seed: int = 0,
    cache: Path | None = None,
) -> Audit:  # fmt: skip
    """Compare generated pictures (N, 3, H, W) uint8 with the training pictures in pixels and in features.

    A picture is suspected when it lies nearer than the first percentile of held-out pictures in either space. With
    fewer than 5 held-out pictures, training pictures stand in, each against the other groups, and `calibration` says
    so. Groups on both sides of the split are refused. cache: a folder that keeps the vectors of the real pictures.
    """
    shared = sorted(set(train.groups) & set(held_out.groups))
    if shared:
        raise InputError(
            f"The groups {', '.join(shared[:5])} are both in training and held out; split by patient first."
        )
    own = len(held_out) < LEAST_HELD_OUT
    thresholds, below, authentic, asymmetry, suspects = {}, {}, {}, {}, []
    ratios = dict.fromkeys(items, np.inf)
    same = np.array(train.groups)[:, None] == np.array(train.groups)[None]
    rng = np.random.default_rng(seed)
    for space in spaces_of(features):
        name, made = space.name, variants_of(images, space)
        real = variants_of(train.images, space, cache)
        held = None if own else variants_of(held_out.images, space, cache)
        among = nearest(real, real, forbid=same)
        known = among if own else nearest(held, real)
        limit = float(np.quantile([k.distance for k in known], QUANTILE))
        found = nearest(made, real)
        hits = [(item, f) for item, f in zip(items, found, strict=True) if f.distance < limit]
        suspects += [Suspect(item, train.items[f.index], name, f.distance, limit, f.variant) for item, f in hits]
        for item, f in zip(items, found, strict=True):
            ratios[item] = min(ratios[item], f.distance / max(limit, 1e-12))
        thresholds[name], below[name] = limit, len(hits) / len(items)
        authentic[name] = float(np.mean([f.distance > among[f.index].distance for f in found]))
        asymmetry[name] = None if own else _asymmetry(made, real, held, rng)
    used = "training pictures against other groups" if own else f"{len(held_out)} held-out pictures"
    return Audit(
        tuple(suspects), thresholds, below, authentic, asymmetry, used, features.name, len(items), len(train),
        len(held_out), ratios={item: round(ratio, 6) for item, ratio in ratios.items()},
        why="fewer than 5 held-out pictures: no asymmetry" if own else None,
    )  # fmt: skip


def _asymmetry(made: Variants, train: Variants, held_out: Variants, rng) -> float:
    """Share of pictures nearer to n training than to n held-out pictures, n the smaller number."""
    sizes = [len(side.turns[0]) for side in (train, held_out)]
    a, b = (nearest(made, side.rows(rng.permutation(size)[: min(sizes)]))
            for side, size in zip((train, held_out), sizes, strict=True))  # fmt: skip
    return float(np.mean([x.distance < y.distance for x, y in zip(a, b, strict=True)]))


@dataclass(frozen=True)
class Membership:
    """Can training be told from held-out pictures by how well they project into w? `auc` .5: it cannot."""

    auc: float | None
    train: tuple[float, ...]
    held_out: tuple[float, ...]
    why: str | None = None


def membership_probe(
    generator, train: ImageTable, held_out: ImageTable, *, count: int, steps: int = 200, seed: int = 0
) -> Membership:
    """Project `count` pictures of either side; AUC of smaller distance meaning training."""
    from generative.core.latents import label_vector
    from generative.core.projection import project

    if min(len(train), len(held_out), count) < 2:
        return Membership(None, (), (), why="fewer than 2 pictures on one side")
    rng, found = np.random.default_rng(seed), []
    for table in (train, held_out):
        rows = []
        for i in rng.permutation(len(table))[:count]:
            label = label_vector(generator.shape, {table.classes[table.labels[i]]: 1.0})
            rows.append(project(generator, table.images[i], label, steps=steps, seed=seed).distance)
        found.append(tuple(rows))
    a, b = np.array(found[0])[:, None], np.array(found[1])[None]
    return Membership(float(((a < b) + 0.5 * (a == b)).mean()), *found)


def save_quarantine(folder: Path, report: Audit, items: list[str], images: np.ndarray, train: ImageTable) -> None:
    """For curators only, never published: quarantine.csv, and each suspect beside its neighbour as PNG."""
    import csv

    from generative.core.imageset import inert_cell
    from generative.core.strips import save_grid
    from generative.core.weights import atomic_file

    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(folder / "quarantine.csv") as work, open(work, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["item", "nearest_item", "space", "distance", "threshold", "variant", "pair"])
        for i, s in enumerate(report.suspects):
            numbers = [f"{s.distance:.6g}", f"{s.threshold:.6g}"]
            writer.writerow(
                [inert_cell(s.item), inert_cell(s.nearest_item), s.space, *numbers, s.variant, f"{i:04d}.png"]
            )
    for i, s in enumerate(report.suspects):  # named by number: an item's name comes from a file we did not write
        pair = np.stack([images[items.index(s.item)], train.images[train.items.index(s.nearest_item)]])
        save_grid(np.ascontiguousarray(pair.transpose(0, 2, 3, 1)), folder / f"{i:04d}.png", columns=2)
