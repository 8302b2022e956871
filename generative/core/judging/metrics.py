"""How good generated pictures are, from few of them. Features are (N, D) float64 arrays; plain NumPy.

KID is unbiased at any N, FID is not (arXiv 1911.07023): at a few hundred pictures it rewards collapse and is given
only as a legacy number. Sources: KID 1801.01401; precision and recall 1904.06991; density and coverage 2002.09797.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A value with its bootstrap interval; `value` is None with the reason in `why` where it cannot be estimated."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n_real: int = 0
    n_fake: int = 0
    why: str | None = None

    def to_json(self) -> dict:
        return asdict(self)


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def kid(real: np.ndarray, fake: np.ndarray) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x.y/D + 1)^3; below 0 when sets are alike."""
    one, other = np.ones(len(real)), np.ones(len(fake))
    return _weighted_mmd(_kernel(real, real), _kernel(fake, fake), _kernel(real, fake), one, other)


def _weighted_mmd(rr, ff, rf, w, v) -> float:
    """The estimator with a multiplicity per picture; a picture is never compared with itself."""

    def within(kernel: np.ndarray, weight: np.ndarray) -> float:
        own = weight**2
        return (weight @ kernel @ weight - own @ np.diag(kernel)) / (weight.sum() ** 2 - own.sum())

    return float(within(rr, w) + within(ff, v) - 2 * (w @ rf @ v) / (w.sum() * v.sum()))


def kid_interval(
    real: np.ndarray,
    fake: np.ndarray,
    *,
    seed: int = 0,
    draws: int = 500,
    level: float = 0.95,
    groups: list | None = None,
) -> Estimate:
    """KID with a percentile bootstrap; real pictures are resampled by `groups` (patients) where given."""
    counts = {"n_real": len(real), "n_fake": len(fake)}
    if min(len(real), len(fake)) < 5:
        return Estimate(None, why="fewer than 5 pictures on one side", **counts)
    rng = np.random.default_rng(seed)
    kernels = _kernel(real, real), _kernel(fake, fake), _kernel(real, fake)
    names = np.unique(groups if groups is not None else np.arange(len(real)), return_inverse=True)[1]
    found = []
    while len(found) < draws:
        chosen = np.bincount(rng.integers(0, names.max() + 1, names.max() + 1), minlength=names.max() + 1)
        w = chosen[names].astype(float)
        v = np.bincount(rng.integers(0, len(fake), len(fake)), minlength=len(fake)).astype(float)
        if (w > 0).sum() > 1 and (v > 0).sum() > 1:
            found.append(_weighted_mmd(*kernels, w, v))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    one = np.ones(len(real)), np.ones(len(fake))
    return Estimate(_weighted_mmd(*kernels, *one), float(low), float(high), **counts)


def split_half_baseline(real: np.ndarray, *, seed: int = 0, draws: int = 100, groups: list | None = None) -> Estimate:
    """KID between random halves of the real pictures (by patient): what perfect pictures would score."""
    names = np.unique(groups if groups is not None else np.arange(len(real)), return_inverse=True)[1]
    if names.max() + 1 < 4 or len(real) < 10:
        return Estimate(None, n_real=len(real), why="fewer than 10 pictures or 4 groups to split")
    rng, found = np.random.default_rng(seed), []
    for _ in range(draws):
        first = rng.permutation(names.max() + 1)[: (names.max() + 1) // 2]
        mask = np.isin(names, first)
        if min(mask.sum(), (~mask).sum()) > 1:
            found.append(kid(real[mask], real[~mask]))
    low, high = np.quantile(found, [0.025, 0.975])
    return Estimate(float(np.mean(found)), float(low), float(high), n_real=len(real))


def fid_legacy(real: np.ndarray, fake: np.ndarray) -> float:
    """Frechet distance through the nuclear norm of the cross Gram matrix: no matrix square root, any N >= 2.

    |mean difference|^2 + tr A A' + tr B B' - 2 |A B'|_* with centred rows over sqrt(N - 1).
    """
    a = (real - real.mean(axis=0)) / np.sqrt(len(real) - 1)
    b = (fake - fake.mean(axis=0)) / np.sqrt(len(fake) - 1)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    gap = real.mean(axis=0) - fake.mean(axis=0)
    return float(gap @ gap + (a**2).sum() + (b**2).sum() - 2 * cross)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (len(a), len(b))."""
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(square, 0.0))


@dataclass(frozen=True)
class Support:
    """precision: share of fakes inside the real set; recall: of reals inside the fake set; density and coverage: the
    same idea, robust to outliers. `k` is the neighbour that draws the balls."""

    precision: float | None
    recall: float | None
    density: float | None
    coverage: float | None
    k: int
    why: str | None = None

    def to_json(self) -> dict:
        return asdict(self)


def support(real: np.ndarray, fake: np.ndarray, k: int = 5) -> Support:
    """Overlap of the two sets by k-nearest-neighbour balls."""
    if min(len(real), len(fake)) <= k:
        return Support(None, None, None, None, k, why=f"{k + 1} pictures are needed on either side")
    real_radius = np.sort(distances(real, real), axis=1)[:, k]
    fake_radius = np.sort(distances(fake, fake), axis=1)[:, k]
    cross = distances(real, fake)
    inside = cross <= real_radius[:, None]
    return Support(
        precision=float(inside.any(axis=0).mean()),
        recall=float((cross <= fake_radius[None]).any(axis=1).mean()),
        density=float(inside.sum(axis=0).mean() / k),
        coverage=float((cross.min(axis=1) <= real_radius).mean()),
        k=k,
    )


def recall_interval(real: np.ndarray, fake: np.ndarray, *, k: int = 5, seed: int = 0, draws: int = 200) -> dict:
    """Percentile intervals of recall and coverage over resampled real pictures (balls as in the full sets)."""
    if min(len(real), len(fake)) <= k:
        return {"recall": None, "coverage": None, "why": f"{k + 1} pictures are needed on either side"}
    rng = np.random.default_rng(seed)
    cross = distances(real, fake)
    recalled = (cross <= np.sort(distances(fake, fake), axis=1)[:, k][None]).any(axis=1)
    covered = cross.min(axis=1) <= np.sort(distances(real, real), axis=1)[:, k]
    picks = rng.integers(0, len(real), (draws, len(real)))
    return {name: np.quantile(hit[picks].mean(axis=1), [0.025, 0.975]).tolist()
            for name, hit in (("recall", recalled), ("coverage", covered))}  # fmt: skip


@dataclass(frozen=True)
class Fidelity:
    """Share of generated pictures that a classifier gives their own label, over all and by class."""

    accuracy: float | None
    by_class: dict
    why: str | None = None

    def to_json(self) -> dict:
        return asdict(self)


def label_fidelity(probabilities: np.ndarray, classifier_classes: tuple[str, ...], labels: list[str]) -> Fidelity:
    """Compare the likeliest class with the label asked for; labels the classifier does not know give no estimate."""
    unknown = sorted(set(labels) - set(classifier_classes))
    if unknown:
        return Fidelity(None, {}, why=f"the classifier has no class {', '.join(unknown)}")
    right = np.array([classifier_classes[i] for i in probabilities.argmax(axis=1)]) == np.array(labels)
    names = np.array(labels)
    return Fidelity(float(right.mean()), {name: float(right[names == name].mean()) for name in sorted(set(labels))})


@dataclass(frozen=True)
class MorphQuality:
    """Of one strip: steps between neighbouring frames in feature space.

    unevenness: largest step over the mean one (1 is even); detour: path over the distance of its ends (1 is straight);
    monotony: share of steps along which the expected stage does not fall; midpoint: expected stage of the middle frame; without
    a classifier of the stages neither, and `stages_why` says so.
    """

    steps: tuple[float, ...]
    unevenness: float | None
    detour: float | None
    monotony: float | None = None
    midpoint: float | None = None
    stages_why: str | None = None
    why: str | None = None

    def to_json(self) -> dict:
        return {name: value for name, value in asdict(self).items() if name != "stages_why" or value}


def morph_quality(features: np.ndarray, stages: np.ndarray | None = None) -> MorphQuality:
    """features (frames, D) of one strip in order; stages (frames,) expected stage of each, 0 first end to 1 last."""
    steps = np.linalg.norm(np.diff(features, axis=0), axis=1)
    ends = float(np.linalg.norm(features[-1] - features[0]))
    extra = {"stages_why": "the features are no classifier of the classes that the strip passes"}
    if stages is not None:
        extra = {"monotony": float((np.diff(stages) >= -1e-6).mean()), "midpoint": float(stages[len(stages) // 2])}
    if steps.mean() <= 1e-12 or ends <= 1e-12:
        return MorphQuality(tuple(steps.tolist()), None, None, **extra, why="the frames do not differ")
    return MorphQuality(tuple(steps.tolist()), float(steps.max() / steps.mean()), float(steps.sum() / ends), **extra)
