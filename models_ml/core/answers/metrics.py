"""How good answers are: pure NumPy, each number with what is needed to judge it. Undefined is None, with a reason."""

from dataclasses import dataclass

import numpy as np

Z = 1.959963984540054  # 97.5 % point of the normal distribution
DRAWN_AT_ONCE = 2**20  # clusters, over all draws of a portion


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; ``why`` says why a part is None."""

    value: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    n: int = 0
    method: str = ""
    why: str = ""


def confusion(truth_N: np.ndarray, answer_N: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts, rows truth, columns answer; a last column counts abstentions (answer -1). int64 (C, C + 1)."""
    counts = np.zeros((n_classes, n_classes + 1), dtype=np.int64)
    np.add.at(counts, (truth_N, np.where(answer_N < 0, n_classes, answer_N)), 1)
    return counts


def balanced_accuracy(
    truth_N: np.ndarray, answer_N: np.ndarray, classes: tuple[int, ...] | None = None
) -> float | None:
    """Mean recall over the classes that occur in ``truth_N`` (of ``classes``, when given); None when none does."""
    present = [c for c in np.unique(truth_N) if classes is None or c in classes]
    if not present:
        return None
    return float(np.mean([(answer_N[truth_N == c] == c).mean() for c in present]))


def wilson(successes: int, n: int) -> Estimate:
    """Share with the Wilson (1927) interval: for independent cases."""
    if n == 0:
        return Estimate(None, n=0, method="Wilson", why="no cases")
    return Estimate(successes / n, *_wilson_ends(successes / n, n), n, "Wilson")


def _wilson_ends(p: float, n: float) -> tuple[float, float]:
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return float(max(0, centre - half)), float(min(1, centre + half))


def clustered(
    values_N: np.ndarray, clusters_N: np.ndarray, *, strata_N: np.ndarray | None = None, seed: int = 0,
    resamples: int = 2000,
) -> Estimate:  # fmt: skip
    """Mean of values with the percentile bootstrap over whole clusters (a photograph, a patient).

    strata_N: gives the mean of the strata's own means instead; of right and wrong by true class, that is balanced
    accuracy. A stratum that a draw misses does not count in that draw.
    Where right and wrong (bool) are averaged and all are alike, every draw is like the next; Wilson's interval for as many
    cases as there are clusters stands in.
    """
    n = len(clusters_N)
    if n == 0:
        return Estimate(None, why="no cases")
    names, cluster_N = np.unique(clusters_N, return_inverse=True)
    stratum_N = np.zeros(n, int) if strata_N is None else np.unique(strata_N, return_inverse=True)[1]
    counts_KS, sums_KS = np.zeros((2, len(names), stratum_N.max() + 1))
    np.add.at(counts_KS, (cluster_N, stratum_N), 1)
    np.add.at(sums_KS, (cluster_N, stratum_N), values_N)
    value = float(_mean_of_means(counts_KS.sum(axis=0), sums_KS.sum(axis=0)))
    if len(names) < 2:
        return Estimate(value, n=n, why="one cluster alone gives no interval")
    if values_N.dtype == bool and value in (0.0, 1.0):
        found = wilson(int(value) * len(names), len(names))
        return Estimate(value, found.ci_low, found.ci_high, n, f"Wilson over {len(names)} clusters, all alike")
    rng, found = np.random.default_rng(seed), []
    portion = max(1, DRAWN_AT_ONCE // len(names))
    for start in range(0, resamples, portion):
        drawn_RK = rng.integers(0, len(names), (min(portion, resamples - start), len(names)))
        rows_R1 = np.arange(len(drawn_RK))[:, None] * len(names)
        times_RK = np.bincount((drawn_RK + rows_R1).ravel(), minlength=drawn_RK.size).reshape(drawn_RK.shape)
        found.append(_mean_of_means(times_RK @ counts_KS, times_RK @ sums_KS))
    low, high = np.percentile(np.concatenate(found), [2.5, 97.5])
    return Estimate(value, float(low), float(high), n, f"bootstrap over {len(names)} clusters")


def _mean_of_means(counts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Over the last axis, of the strata that have cases."""
    there = counts > 0
    return np.where(there, sums / np.where(there, counts, 1), 0).sum(axis=-1) / there.sum(axis=-1)


def wilson_clustered(right_N: np.ndarray, clusters_N: np.ndarray) -> Estimate:
    """Share that is right, with Wilson's interval for the number of independent cases that the clusters are worth.

    For few cases, where a bootstrap is too narrow. The effective number is n over the design effect: the variance of the
    share between clusters (Cochran 1977, ratio estimate) over that of independent cases; at least 1, at most n, and the
    number of clusters where all are right or all wrong. One picture to a cluster: plain Wilson. Source: Franco, Little,
    Louis and Slud, J. Survey Stat. Methodol. 7 (2019) 334.
    """
    n = len(right_N)
    if n == 0:
        return wilson(0, 0)
    right_N = np.asarray(right_N, dtype=float)
    share = float(right_N.mean())
    names, cluster_N = np.unique(clusters_N, return_inverse=True)
    k = len(names)
    if k == n:
        return wilson(round(share * n), n)
    effective = float(k)
    if 0 < share < 1 and k > 1:
        residuals_K = np.bincount(cluster_N, weights=right_N - share, minlength=k)
        variance = k / (k - 1) * float((residuals_K**2).sum()) / n**2
        effective = min(n, max(1.0, share * (1 - share) / variance)) if variance > 0 else float(n)
    low, high = _wilson_ends(share, effective)
    return Estimate(share, low, high, n, f"Wilson, {effective:.1f} effective cases in {k} clusters")


@dataclass(frozen=True)
class Paired:
    """Two readers on the same cases. difference: accuracy of the first minus that of the second; brier_difference likewise
    (below 0 the first is better). only_first, only_second: cases that one alone got right. p: two-sided."""

    difference: Estimate
    brier_difference: Estimate
    only_first: int
    only_second: int
    p: float


def paired(
    right_first_N: np.ndarray, right_second_N: np.ndarray, brier_first_N: np.ndarray, brier_second_N: np.ndarray,
    clusters_N: np.ndarray, *, seed: int = 0,
) -> Paired:  # fmt: skip
    """Who is more often right on the same cases, clusters kept whole; intervals by ``clustered``.

    p: exact test that the two might be exchanged in every cluster: the sign of each cluster's difference is flipped in all
    ways. With one case to a cluster this is McNemar's exact test. Without any case on which they differ p is 1.
    """
    first, second = np.asarray(right_first_N, dtype=int), np.asarray(right_second_N, dtype=int)
    cluster_N = np.unique(clusters_N, return_inverse=True)[1]
    by_cluster = np.bincount(cluster_N, weights=first - second).astype(int)
    return Paired(
        clustered((first - second).astype(float), clusters_N, seed=seed),
        clustered(brier_first_N - brier_second_N, clusters_N, seed=seed),
        int((first > second).sum()), int((second > first).sum()), sign_flip_p(by_cluster),
    )  # fmt: skip


def sign_flip_p(differences_K: np.ndarray) -> float:
    """Share of all 2^K ways to sign whole numbers whose sum is at least as far from 0 as it is; exact, by convolution."""
    sizes = np.abs(differences_K[differences_K != 0])
    reach = int(sizes.sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for size in sizes:
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2  # the ends are still empty, so nothing wraps
    return float(min(1.0, chance[np.abs(np.arange(-reach, reach + 1)) >= abs(int(differences_K.sum()))].sum()))


def brier(probs_NC: np.ndarray, truth_N: np.ndarray) -> float:
    """Mean squared distance of the probability vector from the truth: 0 is perfect, 2 is worst (Brier 1950)."""
    return float(brier_scores(probs_NC, truth_N).mean())


def brier_scores(probs_NC: np.ndarray, truth_N: np.ndarray) -> np.ndarray:
    """The same case by case."""
    target = np.zeros_like(probs_NC)
    target[np.arange(len(truth_N)), truth_N] = 1
    return ((probs_NC - target) ** 2).sum(axis=1)


def log_loss(probs_NC: np.ndarray, truth_N: np.ndarray) -> float:
    return float(-np.log(np.clip(probs_NC[np.arange(len(truth_N)), truth_N], 1e-12, 1)).mean())


@dataclass(frozen=True)
class Calibration:
    """Expected calibration error and the bins behind it: mean confidence, accuracy and count of each."""

    ece: float
    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]
    counts: tuple[int, ...]


def calibration(probs_NC: np.ndarray, truth_N: np.ndarray, *, bins: int = 10) -> Calibration:
    """Top-label calibration in bins of equal width (Guo 2017)."""
    confidence, right = probs_NC.max(axis=1), probs_NC.argmax(axis=1) == truth_N
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    counts = np.bincount(which, minlength=bins)
    mean = [float(confidence[which == b].mean()) if counts[b] else None for b in range(bins)]
    accuracy = [float(right[which == b].mean()) if counts[b] else None for b in range(bins)]
    gaps = sum(counts[b] * abs(mean[b] - accuracy[b]) for b in range(bins) if counts[b])
    return Calibration(float(gaps / len(truth_N)), tuple(mean), tuple(accuracy), tuple(int(c) for c in counts))


def fit_temperature(probs_NC: np.ndarray, truth_N: np.ndarray) -> float:
    """The T > 0 that minimises the log loss of ``apply_temperature(probs, T)``; sought between 0.05 and 20."""
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_t: log_loss(apply_temperature(probs_NC, np.exp(log_t)), truth_N),
        bounds=(np.log(0.05), np.log(20)), method="bounded",
    )  # fmt: skip
    return float(np.exp(found.x))


def apply_temperature(probs_NC: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities to the power 1/T, renormalised: softer for T > 1; the order of the classes stays."""
    scaled = np.log(np.clip(probs_NC, 1e-12, 1)) / temperature
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Along the last axis, in float64."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)
