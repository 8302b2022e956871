"""What the leakage check knows of a picture, what it looks for, and what it says of two pictures.

Axes: H height, W width, C colour (R, G, B); N pictures. "Side" is always in pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageFilter

BYTES, PIXELS, NEAR, CROP, GROUP = "bytes", "pixels", "near", "crop", "group"
CROWD = 20  # more alike pictures than these are reported each with one other: their pairs would be a list nobody reads


@dataclass(frozen=True)
class Picture:
    """What the check needs to know of one picture.

    key: the caller's own, unique. item: pictures of one item are never compared. group: photograph or patient, empty
    when unknown. split, fold: empty and None when not assigned. perceptual_hash: 64 bits, None to leave the picture out
    of the search for near-duplicates.
    """

    key: int
    item: str
    view: str
    group: str
    split: str
    fold: int | None
    original_sha256: str
    pixel_sha256: str
    perceptual_hash: int | None


@dataclass(frozen=True)
class LeakageParameters:
    """How alike is alike.

    hash_distance: bits in which the perceptual hashes of near-duplicates may differ (candidates).
    near_correlation, near_detail: lowest correlation of the 64 px copies, and of their fine detail, that confirms.
    crop_candidate: lowest correlation of 8 x 8 copies at which a place in a whole picture is looked at closely.
    crops_per_picture: so many best places are looked at, in different pictures; crops_across: so many of these across the
    split, even where there are better ones elsewhere, as in a burst of one scene.
    crop_correlation, crop_detail: as for near-duplicates, after the place was refined; the detail is evened out, so
    that one shared outline (an arm before a wall) does not make a crop.
    crop_last_look: the same detail, asked once more of the pictures in their full size: two bodies in the same pose
    share outlines and shadows at any small size, but no moles, hairs or texture.
    smallest_crop: side of the crop's central square over the long side of the whole picture.
    """

    hash_distance: int = 12
    near_correlation: float = 0.95
    near_detail: float = 0.88
    crop_candidate: float = 0.75
    crops_per_picture: int = 6
    crops_across: int = 2
    crop_correlation: float = 0.93
    crop_detail: float = 0.85
    crop_last_look: float = 0.76
    smallest_crop: float = 0.12


@dataclass(frozen=True)
class Finding:
    """Two pictures that have something in common. `score`: the lower of the confirming correlations, 0 to 1."""

    kind: str
    first: int
    second: int
    crosses_split: bool
    crosses_fold: bool
    score: float | None = None


@dataclass(frozen=True)
class LeakageResult:
    """Findings, worst first, and how many pairs were compared by hash and by content."""

    findings: tuple[Finding, ...]
    pairs_compared: int
    parameters: LeakageParameters = field(default_factory=LeakageParameters)


Loader = Callable[[Picture], np.ndarray]


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of two arrays of the same shape; 0 when either is constant."""
    a, b = first.ravel() - first.mean(), second.ravel() - second.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-6 else 0.0


def finding_of(kind: str, one: Picture, other: Picture, score: float | None = None) -> Finding:
    first, second = sorted((one, other), key=lambda picture: picture.key)
    both_split = bool(first.split and second.split)
    both_fold = first.fold is not None and second.fold is not None
    return Finding(
        kind, first.key, second.key, both_split and first.split != second.split,
        both_fold and first.fold != second.fold, score,
    )  # fmt: skip


def together(one: Picture, other: Picture) -> bool:
    return (one.split, one.fold) == (other.split, other.fold)


def related(one: Picture, other: Picture) -> bool:
    """Of one item, or of one group that is kept together: likeness is expected."""
    return one.item == other.item or (one.group != "" and one.group == other.group and together(one, other))


@dataclass(frozen=True)
class Codes:
    """Items, groups and places of N pictures as whole numbers, to ask of many pairs at once what `related` and the borders are."""

    item_N: np.ndarray
    group_N: np.ndarray
    split_N: np.ndarray
    fold_N: np.ndarray

    @classmethod
    def of(cls, pictures: Sequence[Picture]) -> "Codes":
        """Pictures without a group get one of their own; no split and no fold are -1."""
        known: dict = {}

        def code(word) -> int:
            return known.setdefault(word, len(known))

        return cls(
            np.array([code(("item", each.item)) for each in pictures], dtype=np.int64),
            np.array([code(("group", each.group or place)) for place, each in enumerate(pictures)], dtype=np.int64),
            np.array([code(("split", each.split)) if each.split else -1 for each in pictures], dtype=np.int64),
            np.array([-1 if each.fold is None else each.fold for each in pictures], dtype=np.int64),
        )

    def related(self, one, other) -> np.ndarray:
        """`related` of pictures named by index arrays that broadcast."""
        same_group = self.group_N[one] == self.group_N[other]
        return (self.item_N[one] == self.item_N[other]) | (same_group & self.together(one, other))

    def together(self, one, other) -> np.ndarray:
        return (self.split_N[one] == self.split_N[other]) & (self.fold_N[one] == self.fold_N[other])

    def border(self, one, other) -> np.ndarray:
        """0 where a pair crosses the split, 1 where it crosses folds alone, 2 elsewhere."""
        split = (self.split_N[one] != self.split_N[other]) & (self.split_N[one] >= 0) & (self.split_N[other] >= 0)
        fold = (self.fold_N[one] != self.fold_N[other]) & (self.fold_N[one] >= 0) & (self.fold_N[other] >= 0)
        return np.where(split, 0, np.where(fold, 1, 2))


def detail_of(picture: Image.Image, radius: float = 3.0) -> np.ndarray:
    """What is finer than `radius` pixels, HWC: two smooth gradients correlate, their details do not."""
    return np.float32(picture) - np.float32(picture.filter(ImageFilter.GaussianBlur(radius)))
