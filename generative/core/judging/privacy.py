"""Does a generated picture copy a training picture? Distances over flips, quarter turns and all crops, calibrated on
people whose pictures were never trained on.

With a hundred training pictures a generator can memorise (arXiv 2202.11765). A distance alone says little: it is
compared with the distances of real held-out pictures to the same training pictures. Splits are by group (patient).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from generative.core.data import ImageTable
from generative.core.errors import InputError
from generative.core.judging.matching import Match, Matcher
from generative.core.judging.variants import Nearest, Space, Variants, cut, in_colours_of, nearest, variants_of
from generative.core.telling import Tell, untold

QUANTILE = 0.01
UNLIKE = 0.9  # in pixels; 0 is equal, 1.41 has nothing in common: here a likeness (cosine) of .6
LEAST_HELD_OUT = 5
PROBE_STEPS = 200  # of each projection


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
    below 1; `chance`: the share of honest pictures that would lie under a threshold. None with the reason in `why` where not estimable."""

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
    chance: float | None = None
    why: str | None = None

    @property
    def quarantined(self) -> tuple[str, ...]:
        return tuple(sorted({suspect.item for suspect in self.suspects}))

    def to_json(self) -> dict:
        return {**asdict(self), "quarantined": self.quarantined, "schema": "audit/1", "overrides": []}


class _Search:
    """The training pictures in both spaces: every lookup, of generated as of real pictures, is this one search."""

    def __init__(self, train: np.ndarray, real: Variants, space: Space, tell: Tell, like: Matcher | None = None):
        self.train, self.real, self.space, self.tell = train, real, space, tell
        self.matcher = Matcher(train, like)

    def among(self, images: np.ndarray, real: Variants, index: np.ndarray) -> _Search:
        """The same search among some of other pictures."""
        return _Search(images[index], real.rows(index), self.space, self.tell, self.matcher)

    def nearest(self, what: str, images: np.ndarray, own: Variants, *, forbid: np.ndarray | None = None) -> dict:
        """{"pixels": [Nearest, ...], "features": [...]} of the pictures, whose features in all turns and crops are `own`."""
        matches = self.matcher.search(images, forbid=forbid, tell=partial(self.tell, what))
        none = Nearest(0, float("inf"), "")
        pixels = [Nearest(row[0].index, row[0].distance, row[0].how) if row else none for row in matches]
        features = nearest(own, self.real, forbid=forbid)
        for i, found in self._aligned(images, own, matches):
            features[i] = min(features[i], found, key=lambda found: found.distance)
        return {"pixels": pixels, "features": features}

    def _aligned(self, images: np.ndarray, own: Variants, matches) -> Iterator[tuple[int, Nearest]]:
        """The features' distances of the pairs that the pixels aligned: the box of one against the other, turned."""
        pairs = [(i, match) for i, row in enumerate(matches) for match in row if match.distance < UNLIKE]
        if not pairs:
            return
        boxes = np.stack([self._box_of(images[i], m) for i, m in pairs])
        for (i, m), vector in zip(pairs, np.asarray(self.space.vectors(boxes), dtype=np.float32), strict=True):
            turned = self.real.turns[m.turn][m.index] if m.own else own.turns[m.turn][i]
            yield i, Nearest(m.index, float(np.linalg.norm(turned.astype(np.float64) - vector)), m.how)

    def _box_of(self, image: np.ndarray, match: Match) -> np.ndarray:
        """The box as the features see it, in the other picture's brightness, contrast and cast."""
        boxed, other = (image, self.train[match.index])[:: 1 if match.own else -1]
        return in_colours_of(cut(boxed, match.box, self.space.side_px), other)


def audit(
    items: list[str], images: np.ndarray, train: ImageTable, held_out: ImageTable, features, *, seed: int = 0,
    cache: Path | None = None, tell: Tell = untold,
) -> Audit:  # fmt: skip
    """Compare generated pictures (N, 3, H, W) uint8 with the training pictures in pixels and in features.

    A picture is suspected when it lies nearer than the first percentile of held-out pictures in either space, and in
    pixels nearer than UNLIKE, since pictures that have little in common are no copies however far apart others are. With
    fewer than 5 held-out pictures, training pictures stand in, each against the other groups, and `calibration` says
    so. Groups on both sides of the split are refused. cache: a folder that keeps the features of the real pictures.
    tell(what, done, total) is called as the search goes on.
    """
    shared = sorted(set(train.groups) & set(held_out.groups))
    if shared:
        raise InputError(
            f"The groups {', '.join(shared[:5])} are both in training and held out; split by patient first."
        )
    alone = len(held_out) < LEAST_HELD_OUT
    space = Space("features", features.size_px, features, features.identity)
    seen = partial(variants_of, space=space)
    made = seen(images, tell=partial(tell, "features of the generated pictures"))
    real = seen(train.images, cache=cache, tell=partial(tell, "features of the training pictures"))
    search = _Search(train.images, real, space, tell)
    found = search.nearest("generated pictures", images, made)
    same = np.array(train.groups)[:, None] == np.array(train.groups)[None]
    met = np.arange(len(train)) if alone else np.unique([f.index for row in found.values() for f in row])
    among = search.nearest("training pictures", train.images[met], real.rows(met), forbid=same[met])
    own = {name: dict(zip(met, row, strict=True)) for name, row in among.items()}
    known, asymmetry = among, dict.fromkeys(found)
    if not alone:
        held = seen(held_out.images, cache=cache, tell=partial(tell, "features of the held-out pictures"))
        known = search.nearest("held-out pictures", held_out.images, held)
        rng, n = np.random.default_rng(seed), min(len(train), len(held_out))
        sides = (search.among(t.images, v, rng.permutation(len(t))[:n]) for t, v in ((train, real), (held_out, held)))
        asymmetry = _asymmetry(*(side.nearest("training and held-out pictures", images, made) for side in sides))
    thresholds, below, authentic, suspects = {}, {}, {}, []
    ratios = dict.fromkeys(items, np.inf)
    for name, row in found.items():
        limit = float(np.quantile([k.distance for k in known[name]], QUANTILE))
        limit = min(limit, UNLIKE) if name == "pixels" else limit
        hits = [(item, f) for item, f in zip(items, row, strict=True) if f.distance < limit]
        suspects += [Suspect(item, train.items[f.index], name, f.distance, limit, f.variant) for item, f in hits]
        for item, f in zip(items, row, strict=True):
            ratios[item] = min(ratios[item], f.distance / max(limit, 1e-12))
        thresholds[name], below[name] = limit, len(hits) / len(items)
        authentic[name] = float(np.mean([f.distance > own[name][f.index].distance for f in row]))
    used = "training pictures against other groups" if alone else f"{len(held_out)} held-out pictures"
    return Audit(
        tuple(suspects), thresholds, below, authentic, asymmetry, used, features.name, len(items), len(train),
        len(held_out), ratios={item: round(ratio, 6) for item, ratio in ratios.items()},
        chance=chance_below(len(train) if alone else len(held_out)),
        why="fewer than 5 held-out pictures: no asymmetry" if alone else None,
    )  # fmt: skip


def chance_below(n: int) -> float:
    """The chance that one more picture like n others lies under their first percentile, which lies .01 (n - 1) of the way up
    their ranks: the picture is as likely in any of the n + 1 gaps."""
    return (1 + QUANTILE * (n - 1)) / (n + 1)


def _asymmetry(to_train: dict, to_held_out: dict) -> dict:
    """By space, the share of pictures nearer to some training pictures than to as many held-out ones."""
    pairs = {name: zip(row, to_held_out[name], strict=True) for name, row in to_train.items()}
    return {name: float(np.mean([a.distance < b.distance for a, b in both])) for name, both in pairs.items()}


@dataclass(frozen=True)
class Membership:
    """Can training be told from held-out pictures by how well they project into w? `auc` .5: it cannot."""

    auc: float | None
    train: tuple[float, ...]
    held_out: tuple[float, ...]
    why: str | None = None


def membership_probe(
    generator, train: ImageTable, held_out: ImageTable, *, count: int, seed: int = 0, tell: Tell = untold
) -> Membership:
    """Project `count` pictures of either side; AUC of smaller distance meaning training. tell(what, done, total) is called after
    every step of every search."""
    from generative.core.sets.latents import label_vector
    from generative.core.sets.projection import project

    if min(len(train), len(held_out), count) < 2:
        return Membership(None, (), (), why="fewer than 2 pictures on one side")
    rng = np.random.default_rng(seed)
    sides = [(table, rng.permutation(len(table))[:count]) for table in (train, held_out)]
    total, distances = sum(len(chosen) for _, chosen in sides), []
    for table, chosen in sides:
        for i in chosen:
            before = PROBE_STEPS * len(distances)

            def step(_, done: int, steps: int, before=before) -> None:
                tell("projecting training and held-out pictures", before + done, steps * total)

            label = label_vector(generator.shape, {table.classes[table.labels[i]]: 1.0})
            distances.append(project(generator, table.images[i], label, steps=PROBE_STEPS, seed=seed, tell=step).distance)
    of_train = len(sides[0][1])
    trained, held = distances[:of_train], distances[of_train:]
    a, b = np.array(trained)[:, None], np.array(held)[None]
    return Membership(float(((a < b) + 0.5 * (a == b)).mean()), tuple(trained), tuple(held))


def save_quarantine(folder: Path, report: Audit, items: list[str], images: np.ndarray, train: ImageTable) -> None:
    """For curators only, never published: quarantine.csv, and each suspect beside its neighbour as PNG."""
    import csv

    from generative.core.networks.weights import atomic_file
    from generative.core.sets.imageset import inert_cell
    from generative.core.sets.strips import save_grid

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
