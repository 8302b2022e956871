"""Is a test picture, or a held-out one, a relative of a training picture? And what does that do to the accuracy?

Found: equal files, near duplicates (the same picture re-encoded, resized or slightly cropped), groups on both sides.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models_ml.core.errors import Cancelled, CoreError, complain
from models_ml.core.pictures.manifest import Item, Manifest
from models_ml.core.pictures.pixels import decode

SIDE = 48
ALIKE, ALIKE_DETAIL = 0.97, 0.80  # correlation of pictures, and of their detail, from which they are one picture
BLOCK = 512


@dataclass(frozen=True)
class Pair:
    """Two pictures that are relatives: positions in the manifest, why, and how alike."""

    first: int
    second: int
    reason: str  # same file, near duplicate, group
    likeness: float


@dataclass(frozen=True)
class Audit:
    """pairs: all relatives. leaks: those with one picture in the test split or in another fold."""

    n_items: int
    pairs: tuple[Pair, ...]
    leaks: tuple[Pair, ...]

    @property
    def clean(self) -> bool:
        return not self.leaks


def descriptors(items: Sequence[Item], *, cancelled: Callable[[], bool] | None = None) -> tuple[np.ndarray, list[str]]:
    """Grey 48 px versions, float32 (N, 48, 48), and the files' hashes. All unreadable pictures are reported at once."""
    from PIL import Image

    grey, hashes, problems = np.zeros((len(items), SIDE, SIDE), np.float32), [], []
    for k, item in enumerate(items):
        if cancelled and cancelled():
            raise Cancelled("The audit was cancelled; nothing was written.")
        try:
            hashes.append(hashlib.sha256(item.path.read_bytes()).hexdigest())
            image = decode(item.path, least_px=2 * SIDE)
            grey[k] = np.asarray(image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX))
        except CoreError as error:
            problems.append(f"line {item.line}: {error}")
        except OSError as error:
            problems.append(f"line {item.line}: {item.path}: {error.strerror}")
    complain("Some pictures cannot be read; correct or remove these rows of the manifest:", problems)
    return grey, hashes


def near_duplicates(grey_NHW: np.ndarray) -> list[Pair]:
    """Pairs whose pictures and whose detail (the picture minus its blur) both correlate; O(N^2) in blocks."""
    from scipy.ndimage import gaussian_filter

    detail = grey_NHW - gaussian_filter(grey_NHW, sigma=(0, 2, 2))
    whole, fine = _normal(grey_NHW), _normal(detail)
    found = []
    for start in range(0, len(whole), BLOCK):
        alike = whole[start : start + BLOCK] @ whole[start:].T
        rows, columns = np.nonzero(np.triu(alike, 1) >= ALIKE)
        likeness = (fine[start + rows] * fine[start + columns]).sum(axis=1)
        for i, j, value in zip(rows, columns, likeness):
            if value >= ALIKE_DETAIL:
                found.append(Pair(int(start + i), int(start + j), "near duplicate", float(value)))
    return found


def _normal(grey_NHW: np.ndarray) -> np.ndarray:
    flat = grey_NHW.reshape(len(grey_NHW), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def audit(manifest: Manifest, *, pictures: bool = True, cancelled: Callable[[], bool] | None = None) -> Audit:
    """All relatives and leaks. pictures=False looks at groups alone."""
    items = manifest.items
    pairs = [
        Pair(i, j, "group", 1.0)
        for i, j in _same(items, [(item.group, item.view) if item.group else None for item in items])
    ]
    if pictures:
        grey, hashes = descriptors(items, cancelled=cancelled)
        equal = set(_same(items, hashes))
        pairs += [Pair(i, j, "same file", 1.0) for i, j in sorted(equal)]
        pairs += [p for p in near_duplicates(grey) if (p.first, p.second) not in equal]
    leaks = tuple(p for p in pairs if _apart(items[p.first], items[p.second]))
    return Audit(len(items), tuple(pairs), leaks)


def _same(items: Sequence[Item], keys: Sequence[object]) -> list[tuple[int, int]]:
    """Each item with the first of the same key, and with the first of that key on every other side of a split."""
    first: dict[object, dict[object, int]] = {}
    found = []
    for k, (item, key) in enumerate(zip(items, keys)):
        if key is None:
            continue
        sides = first.setdefault(key, {})
        side = (item.split, item.fold)
        found += [(other, k) for other in sides.values()]
        sides.setdefault(side, k)
    return found


def _apart(a: Item, b: Item) -> bool:
    """Whether one could be tested on while the other is trained on."""
    if a.split != b.split:
        return True
    return a.split == "train" and a.fold is not None and b.fold is not None and a.fold != b.fold


def report(found: Audit, manifest: Manifest, *, shown: int = 20) -> str:
    """The audit in words."""
    lines = [f"{found.n_items} pictures, {len(found.pairs)} pairs of relatives, {len(found.leaks)} leaks."]
    for p in found.leaks[:shown]:
        a, b = manifest.items[p.first], manifest.items[p.second]
        lines.append(f"  {p.reason}: {a.id} ({_side(a)}) and {b.id} ({_side(b)}), likeness {p.likeness:.3f}")
    if len(found.leaks) > shown:
        lines.append(f"  ... and {len(found.leaks) - shown} more")
    return "\n".join(lines)


def _side(item: Item) -> str:
    return "test" if item.split == "test" else f"train, fold {item.fold}" if item.fold is not None else "train"


@dataclass(frozen=True)
class LeakCost:
    """Accuracy on all rows, and on those whose item has no relative on the training side."""

    accuracy_all: float
    n_all: int
    accuracy_clean: float | None
    n_clean: int


def leak_cost(found: Audit, manifest: Manifest, oof: Path | str) -> LeakCost:
    """What the leaks are worth in the out-of-fold predictions ``oof``."""
    from models_ml.core.answers.predictions import read_rows

    leaking = {manifest.items[k].id for p in found.leaks for k in (p.first, p.second)}
    classes, rows = read_rows(oof)
    right = np.array([classes[int(np.argmax(row.probs))] == row.truth for row in rows])
    clean = np.array([row.item not in leaking for row in rows])
    return LeakCost(
        float(right.mean()), len(rows), float(right[clean].mean()) if clean.any() else None, int(clean.sum())
    )
