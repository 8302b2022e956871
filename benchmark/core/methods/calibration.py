"""How far probabilities can be believed: calibration error with its null band, scores, reliability, risk-coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ReliabilityBin:
    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability_bins(
    confidence: np.ndarray, correct: np.ndarray, *, bins: int, mass: bool = False
) -> list[ReliabilityBin]:
    """Non-empty bins of the top probability: equal width on (0, 1], or equal mass (counts differ by at most one)."""
    p, y = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=float)
    if mass:
        groups = np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))
        edges = [(float(p[g].min()), float(p[g].max())) for g in groups]
    else:
        place = np.clip(np.ceil(p * bins).astype(int) - 1, 0, bins - 1)
        groups = [np.flatnonzero(place == b) for b in range(bins)]
        edges = [(b / bins, (b + 1) / bins) for b in range(bins)]
    return [
        ReliabilityBin(low, high, len(g), float(p[g].mean()), float(y[g].mean()))
        for g, (low, high) in zip(groups, edges)
        if len(g)
    ]


def calibration_error(found: list[ReliabilityBin], *, norm: str = "l1") -> float:
    """Expected (l1), root-mean-square (l2) or maximum calibration error over bins, weighted by their counts."""
    weight = np.array([b.count for b in found], dtype=float)
    gap = np.array([abs(b.confidence - b.accuracy) for b in found])
    weight /= weight.sum()
    if norm == "max":
        return float(gap.max())
    return float(weight @ gap) if norm == "l1" else float(np.sqrt(weight @ gap**2))


def null_band(
    confidence: np.ndarray, *, bins: int, mass: bool, draws: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Mean and 95th percentile of the calibration error of a perfectly calibrated model with these confidences.

    Never zero: with 140 items a perfect model shows about .055 to .068. Correctness is drawn from the confidences.
    """
    p = np.asarray(confidence, dtype=float)
    right = rng.random((draws, len(p))) < p
    place = bin_places(p, bins=bins, mass=mass)
    member = (place[:, None] == np.arange(place.max() + 1)).astype(float)
    # Sum over bins of |sum of confidence - sum of correctness| / n equals the weighted gap of means.
    errors = np.abs(member.T @ p - right @ member).sum(axis=1) / len(p)
    return float(errors.mean()), float(np.percentile(errors, 95))


@dataclass(frozen=True)
class Scores:
    """Proper scores and risk-coverage: Brier summed over classes (0 to 2), log loss, area under risk-coverage."""

    brier: float
    log_loss: float
    aurc: float
    accuracy_at_80: float
    accuracy_at_90: float


def scores_of(probabilities: np.ndarray, truth: np.ndarray) -> Scores:
    """probabilities (items, classes), truth: class codes (items,). A probability of 0 for the truth counts as 1e-15."""
    p = np.asarray(probabilities, dtype=float)
    n = len(p)
    hot = np.zeros_like(p)
    hot[np.arange(n), truth] = 1
    brier = float(((p - hot) ** 2).sum(axis=1).mean())
    loss = float(-np.log(np.clip(p[np.arange(n), truth], 1e-15, 1)).mean())
    _, risk = risk_coverage(p.max(axis=1), p.argmax(axis=1) == truth)
    return Scores(brier, loss, float(risk.mean()), 1 - float(risk[_kept(n, 0.8)]), 1 - float(risk[_kept(n, 0.9)]))


def _kept(n: int, coverage: float) -> int:
    return max(int(np.ceil(n * coverage - 1e-9)) - 1, 0)


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage k/n and error among the k most confident items, k = 1..n; tied confidences share their error evenly."""
    p, wrong = np.asarray(confidence, dtype=float), 1 - np.asarray(correct, dtype=float)
    values, place = np.unique(-p, return_inverse=True)
    mean = np.bincount(place, weights=wrong) / np.bincount(place)
    errors = np.cumsum(mean[np.sort(place)])
    k = np.arange(1, len(p) + 1)
    return k / len(p), errors / k


def auc_of_confidence(confidence: np.ndarray, correct: np.ndarray) -> float | None:
    """Chance that a right answer carries more confidence than a wrong one, ties a half; None if all are alike."""
    p, y = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
    right, wrong = int(y.sum()), int((~y).sum())
    if min(right, wrong) == 0:
        return None
    _, place, counts = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((rank[y].sum() - right * (right + 1) / 2) / (right * wrong))


def class_errors(probabilities: np.ndarray, truth: np.ndarray, *, bins: int = 10) -> np.ndarray:
    """Calibration error of each class's own probability, equal-width bins."""
    p = np.asarray(probabilities, dtype=float)
    return np.array(
        [calibration_error(reliability_bins(p[:, k], np.asarray(truth) == k, bins=bins)) for k in range(p.shape[1])]
    )


def classwise_error(probabilities: np.ndarray, truth: np.ndarray, *, bins: int = 10) -> float:
    """Mean over classes of the calibration error of that class's own probability."""
    return float(class_errors(probabilities, truth, bins=bins).mean())


def bin_places(confidence: np.ndarray, *, bins: int, mass: bool) -> np.ndarray:
    """Code of each confidence's bin, as `reliability_bins` has them."""
    p = np.asarray(confidence, dtype=float)
    if not mass:
        return np.clip(np.ceil(p * bins).astype(int) - 1, 0, bins - 1)
    place = np.empty(len(p), dtype=int)
    for b, group in enumerate(np.array_split(np.argsort(p, kind="stable"), min(bins, len(p)))):
        place[group] = b
    return place


@dataclass(frozen=True)
class Selective:
    """Selective prediction under weights, one value per draw: area under risk-coverage, accuracy at two coverages."""

    aurc: np.ndarray
    accuracy_at_80: np.ndarray
    accuracy_at_90: np.ndarray


def selective_draws(confidence: np.ndarray, correct: np.ndarray, weights: np.ndarray) -> Selective:
    """weights: (cases, draws). With unit weights these are the values of `scores_of`; tied confidences share errors."""
    p, wrong = np.asarray(confidence, dtype=float), 1 - np.asarray(correct, dtype=float)
    order = np.argsort(-p, kind="stable")
    w = np.asarray(weights, dtype=float)[order]
    _, start = np.unique(-p[order], return_index=True)
    sizes = np.diff(np.append(start, len(p)))
    mass = np.add.reduceat(w, start, axis=0)
    error = np.add.reduceat(w * wrong[order][:, None], start, axis=0)
    share = np.repeat(np.divide(error, mass, out=np.zeros_like(mass), where=mass > 0), sizes, axis=0)
    kept = np.cumsum(w, axis=0)
    risk = np.cumsum(w * share, axis=0) / np.maximum(kept, 1e-12)
    total = kept[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        aurc = np.where(total > 0, (w * risk).sum(axis=0) / total, np.nan)
        at = [1 - risk[(kept >= total * c - 1e-9).argmax(axis=0), np.arange(w.shape[1])] for c in (0.8, 0.9)]
    return Selective(aurc, *(np.where(total > 0, a, np.nan) for a in at))
