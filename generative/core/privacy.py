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
from generative.core.metrics import distances

COMPARE_PX, CROP, QUANTILE = 32, 0.8, 0.01
LEAST_HELD_OUT = 5


@dataclass(frozen=True)
class Nearest:
    """The nearest training picture of one picture: its index, the distance, and how the picture was turned."""

    index: int
    distance: float
    variant: str


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


def turned(images: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The eight flips and quarter turns of square pictures (N, 3, H, W), named."""
    out = []
    for flip in (False, True):
        for quarter in range(4):
            x = np.rot90(images, quarter, axes=(2, 3))
            out.append((f"{'mirrored, ' if flip else ''}turned {90 * quarter}", x[..., ::-1] if flip else x))
    return out


def cropped(images: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The whole picture, its centre and its corners (.8 of the side), each back at full size."""
    side = images.shape[-1]
    part = max(int(round(side * CROP)), 1)
    room = side - part
    places = {"centre": (room // 2, room // 2), "top left": (0, 0), "top right": (0, room), "bottom left": (room, 0),
              "bottom right": (room, room)}  # fmt: skip
    out = [("whole", images)]
    for name, (top, left) in places.items():
        out.append((f"{name} crop", _sized(images[:, :, top : top + part, left : left + part], side)))
    return out


def _sized(images: np.ndarray, side: int) -> np.ndarray:
    import torch
    import torch.nn.functional as F

    x = torch.from_numpy(np.ascontiguousarray(images)).float()
    x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return x.round().clamp(0, 255).to(torch.uint8).numpy()


def pixel_space(images: np.ndarray) -> np.ndarray:
    """32 px colours in 0..1, each picture's mean removed, scaled so that distances are root mean squares."""
    small = _sized(images, COMPARE_PX).reshape(len(images), -1).astype(np.float64) / 255
    return (small - small.mean(axis=1, keepdims=True)) / np.sqrt(small.shape[1])


def nearest(queries: np.ndarray, train: np.ndarray, space, *, forbid: np.ndarray | None = None) -> list[Nearest]:
    """The nearest training picture of every query over its turns and crops, and over crops of the training picture.

    `space` maps pictures to vectors; `forbid` (queries, train) marks pairs that may not be compared.
    """
    whole = space(train)
    crops = [(name, space(part)) for name, part in cropped(train)]
    best = np.full(len(queries), np.inf)
    where, how = np.zeros(len(queries), dtype=int), [""] * len(queries)
    for turn, picture in turned(queries):
        pairs = [(f"{turn}, training {name}", space(picture), vectors) for name, vectors in crops]
        pairs += [(f"{turn}, {name}", space(part), whole) for name, part in cropped(picture)[1:]]
        for variant, a, b in pairs:
            gaps = distances(a, b)
            if forbid is not None:
                gaps = np.where(forbid, np.inf, gaps)
            index = gaps.argmin(axis=1)
            smallest = gaps[np.arange(len(gaps)), index]
            for i in np.flatnonzero(smallest < best):
                best[i], where[i], how[i] = smallest[i], index[i], variant
    return [Nearest(int(i), float(d), v) for i, d, v in zip(where, best, how, strict=True)]


def audit(
    items: list[str], images: np.ndarray, train: ImageTable, held_out: ImageTable, features, *, seed: int = 0
) -> Audit:
    """Compare generated pictures (N, 3, H, W) uint8 with the training pictures in pixels and in features.

    A picture is suspected when it lies nearer than the first percentile of held-out pictures in either space. With
    fewer than 5 held-out pictures, training pictures stand in, each against the other groups, and `calibration` says
    so. Groups on both sides of the split are refused.
    """
    shared = sorted(set(train.groups) & set(held_out.groups))
    if shared:
        raise InputError(
            f"The groups {', '.join(shared[:5])} are both in training and held out; split by patient first."
        )
    own = len(held_out) < LEAST_HELD_OUT
    spaces = {"pixels": pixel_space, "features": lambda x: features(np.ascontiguousarray(x))}
    thresholds, below, authentic, asymmetry, suspects = {}, {}, {}, {}, []
    ratios = dict.fromkeys(items, np.inf)
    same = np.array(train.groups)[:, None] == np.array(train.groups)[None]
    rng = np.random.default_rng(seed)
    for name, space in spaces.items():
        among = nearest(train.images, train.images, space, forbid=same)
        known = among if own else nearest(held_out.images, train.images, space)
        limit = float(np.quantile([k.distance for k in known], QUANTILE))
        found = nearest(images, train.images, space)
        hits = [(item, f) for item, f in zip(items, found, strict=True) if f.distance < limit]
        suspects += [Suspect(item, train.items[f.index], name, f.distance, limit, f.variant) for item, f in hits]
        for item, f in zip(items, found, strict=True):
            ratios[item] = min(ratios[item], f.distance / max(limit, 1e-12))
        thresholds[name], below[name] = limit, len(hits) / len(items)
        authentic[name] = float(np.mean([f.distance > among[f.index].distance for f in found]))
        asymmetry[name] = None if own else _asymmetry(images, train, held_out, space, rng)
    used = "training pictures against other groups" if own else f"{len(held_out)} held-out pictures"
    return Audit(
        tuple(suspects), thresholds, below, authentic, asymmetry, used, features.name, len(items), len(train),
        len(held_out), ratios={item: round(ratio, 6) for item, ratio in ratios.items()},
        why="fewer than 5 held-out pictures: no asymmetry" if own else None,
    )  # fmt: skip


def _asymmetry(images, train: ImageTable, held_out: ImageTable, space, rng) -> float:
    """Share of pictures nearer to n training than to n held-out pictures, n the smaller number."""
    n = min(len(train), len(held_out))
    a = nearest(images, train.images[rng.permutation(len(train))[:n]], space)
    b = nearest(images, held_out.images[rng.permutation(len(held_out))[:n]], space)
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
