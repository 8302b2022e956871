"""Pictures as vectors, with their turns and crops, and the nearest of many. Vectors of real pictures can be kept on disk."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CROP = 0.8
BATCH = 64
KEPT_FILES = 24
VERSION = "variants/1"


@dataclass(frozen=True)
class Space:
    """Where pictures are compared: `vectors` maps square pictures of `side_px`, uint8 (N, 3, H, W), to (N, d). Equal
    `identity` means equal vectors; without one they are too cheap to be kept."""

    name: str
    side_px: int
    vectors: Callable[[np.ndarray], np.ndarray]
    identity: str = ""


@dataclass(frozen=True)
class Variants:
    """Vectors (N, d) of the whole pictures in their eight flips and quarter turns, the first unturned, and of their crops."""

    turns: tuple[np.ndarray, ...]
    crops: tuple[np.ndarray, ...]

    def rows(self, index: np.ndarray) -> Variants:
        return Variants(tuple(v[index] for v in self.turns), tuple(v[index] for v in self.crops))


@dataclass(frozen=True)
class Nearest:
    """The nearest of one picture: its index, the distance, and how the two were turned or cut."""

    index: int
    distance: float
    variant: str


QUARTERS = ("", "turned a quarter", "turned upside down", "turned three quarters")
TURNS = tuple(", ".join(filter(None, (flip, quarter))) or "as it is" for flip in ("", "mirrored") for quarter in QUARTERS)
CROPS = ("centre", "top left", "top right", "bottom left", "bottom right")


def turned(images: np.ndarray) -> list[np.ndarray]:
    """The eight flips and quarter turns of square pictures (N, 3, H, W), in the order of TURNS."""
    quarters = [np.rot90(images, quarter, axes=(2, 3)) for quarter in range(4)]
    return quarters + [x[..., ::-1] for x in quarters]


def cropped(images: np.ndarray, side_px: int) -> list[np.ndarray]:
    """The centre and the corners (.8 of the side) of square pictures, each at `side_px`, in the order of CROPS."""
    side = images.shape[-1]
    part = max(int(round(side * CROP)), 1)
    room = side - part
    places = ((room // 2, room // 2), (0, 0), (0, room), (room, 0), (room, room))
    return [sized(images[:, :, top : top + part, left : left + part], side_px) for top, left in places]


def cut(image: np.ndarray, box: tuple[float, float, float, float], side_px: int) -> np.ndarray:
    """The box (top, bottom, left, right, in parts of the side) of one picture (3, S, S), at `side_px`."""
    from PIL import Image

    top, bottom, left, right = (edge * image.shape[-1] for edge in box)
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    part = picture.resize((side_px, side_px), Image.Resampling.BILINEAR, box=(left, top, right, bottom))
    return np.asarray(part).transpose(2, 0, 1)


def in_colours_of(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A picture (3, H, W) with each channel's mean and spread made those of another picture."""
    x, y = (picture.reshape(3, -1).astype(np.float32) for picture in (image, other))
    spread = y.std(axis=1) / np.maximum(x.std(axis=1), 1)
    x = (x - x.mean(axis=1, keepdims=True)) * spread[:, None] + y.mean(axis=1, keepdims=True)
    return np.clip(x.round(), 0, 255).astype(np.uint8).reshape(image.shape)


def sized(images: np.ndarray, side_px: int) -> np.ndarray:
    """The pictures at another size, a few at a time."""
    import torch
    import torch.nn.functional as F

    if images.shape[-1] == side_px:
        return images
    out = np.empty((*images.shape[:2], side_px, side_px), np.uint8)
    for i in range(0, len(images), BATCH):
        x = torch.from_numpy(np.ascontiguousarray(images[i : i + BATCH])).float()
        x = F.interpolate(x, size=(side_px, side_px), mode="bilinear", antialias=True, align_corners=False)
        out[i : i + BATCH] = x.round().clamp(0, 255).to(torch.uint8).numpy()
    return out


def variants_of(
    images: np.ndarray, space: Space, cache: Path | None = None, tell: Callable[[int, int], None] = lambda *_: None
) -> Variants:
    """All variants of the pictures. cache: a folder in which the vectors are looked up, and kept for the next time.
    tell(done, total) is called after every turn and crop that had to be computed."""
    if cache is None or not space.identity:
        return _computed(images, space, tell)
    digest = hashlib.sha256(f"{VERSION} {space.identity} {space.side_px} {images.shape}".encode())
    digest.update(np.ascontiguousarray(images))
    path = Path(cache) / f"{digest.hexdigest()}.npz"
    found = _kept(path)
    if found is None:
        found = _computed(images, space, tell)
        _keep(path, found)
    return found


def _computed(images: np.ndarray, space: Space, tell: Callable[[int, int], None]) -> Variants:
    turns, crops = turned(sized(images, space.side_px)), cropped(images, space.side_px)
    vectors = []
    for part in (*turns, *crops):
        vectors.append(np.asarray(space.vectors(np.ascontiguousarray(part)), dtype=np.float32))
        tell(len(vectors), len(turns) + len(crops))
    return Variants(tuple(vectors[: len(turns)]), tuple(vectors[len(turns) :]))


def _kept(path: Path) -> Variants | None:
    try:
        with np.load(path, allow_pickle=False) as data:
            return Variants(tuple(data["turns"]), tuple(data["crops"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _keep(path: Path, found: Variants) -> None:
    """Keep the newest files; a full disk only costs the time to compute them again."""
    from generative.core.networks.weights import atomic_file

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as work, open(work, "wb") as handle:
            np.savez(handle, turns=np.stack(found.turns), crops=np.stack(found.crops))
        files = sorted(path.parent.glob("*.npz"), key=lambda file: file.stat().st_mtime, reverse=True)
        for old in files[KEPT_FILES:]:
            old.unlink(missing_ok=True)
    except OSError:
        path.unlink(missing_ok=True)


def nearest(queries: Variants, train: Variants, *, forbid: np.ndarray | None = None) -> list[Nearest]:
    """The nearest training picture of every query: either one turned against the other one whole or cut.

    `forbid` (queries, train) marks pairs that may not be compared. What is nearest is found in single precision; its
    distance is then computed from the difference, so that equal pictures are exactly 0 apart.
    """
    count = len(queries.turns[0])
    best = np.full(count, np.inf)
    where, distance, how = np.zeros(count, dtype=int), np.zeros(count), [""] * count
    for variant, a, b in _pairs(queries, train):
        gaps = (b**2).sum(axis=1)[None] - 2 * a @ b.T + (a**2).sum(axis=1)[:, None]
        if forbid is not None:
            gaps[forbid] = np.inf
        index = gaps.argmin(axis=1)
        smallest = gaps[np.arange(count), index]
        for i in np.flatnonzero(smallest < best):
            best[i], where[i], how[i] = smallest[i], index[i], variant
            distance[i] = np.linalg.norm(a[i].astype(np.float64) - b[index[i]])
    distance[np.isinf(best)] = np.inf  # nothing that it may be compared with
    return [Nearest(int(i), float(d), v) for i, d, v in zip(where, distance, how, strict=True)]


def _pairs(queries: Variants, train: Variants) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """What is compared with what. A crop against a turned picture is, turned back, the same as a turned crop against it."""
    whole = train.turns[0]
    for turn, a in zip(TURNS, queries.turns, strict=True):
        yield turn, a, whole
        for crop, b in zip(CROPS, train.crops, strict=True):
            yield f"{turn}, training {crop} crop", a, b
    for crop, a in zip(CROPS, queries.crops, strict=True):
        for turn, b in zip(TURNS, train.turns, strict=True):
            yield f"{crop} crop, training {turn}", a, b
