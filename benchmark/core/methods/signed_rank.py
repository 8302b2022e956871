"""Distribution-free companions of the paired t-test: exact sign-flip test, Wilcoxon signed ranks, Hodges-Lehmann."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

import numpy as np

from benchmark.core.methods.distributions import normal_two_sided_p

ZERO_METHOD = "wilcox"  # zero differences are dropped before ranking
EXACT_TIED_UP_TO = 300  # the exact conditional test takes seconds beyond
EXACT_UP_TO = 50  # without ties; scipy's limit too
WIDEST_GRID = 5_000_000
LONGEST_WORK = 300_000_000  # additions: about a second


@dataclass(frozen=True)
class SignFlip:
    """Exact two-sided p of the sum under independent flips of sign; n differences. None with `why` if unknown."""

    p: float | None
    n: int
    why: str | None = None


@dataclass(frozen=True)
class SignedRank:
    """Wilcoxon's W+ (sum of positive ranks), p and how it was computed; Hodges-Lehmann shift with interval.

    exact_p is the exact conditional p given the tied ranks; `p` is what statistical packages print.
    """

    w_plus: float | None
    p: float | None
    method: str | None
    exact_p: float | None
    zeros: int
    hodges_lehmann: float | None
    ci_low: float | None
    ci_high: float | None
    why: str | None = None


def sign_flip_exact(numerators: np.ndarray) -> SignFlip:
    """Exact sign-flip (Fisher's randomisation) test of integer differences, by convolution of their distributions.

    With D_s = k_s / 28 the sum of +-k_s lives on an integer grid: its null distribution is built by one shifted
    addition per difference, without enumeration and without a Monte Carlo floor. Exact up to 53 differences, and to
    rounding (every term is positive) beyond. Source: Fisher (1935), section 21.
    """
    k = np.asarray(numerators)
    if not np.issubdtype(k.dtype, np.integer):
        raise TypeError("sign_flip_exact needs integer numerators; scale the differences to their common grid first.")
    sizes = np.abs(k[k != 0]).astype(np.int64)
    if len(k) == 0:
        return SignFlip(None, 0, "no differences")
    if len(sizes) == 0:
        return SignFlip(1.0, len(k))
    sizes //= np.gcd.reduce(sizes)
    total = int(sizes.sum())
    if total > WIDEST_GRID or total * len(sizes) > LONGEST_WORK:
        return SignFlip(None, len(k), "the units' lengths have no manageable common grid for an exact test")
    distribution = np.zeros(total + 1)  # of the sum of the positive parts
    distribution[0] = 1.0
    reach = 0
    for size in sizes:
        distribution[: reach + size + 1] /= 2
        moved = distribution[: reach + 1].copy()
        distribution[size : reach + size + 1] += moved
        reach += int(size)
    observed = abs(int(sizes[k[k != 0] > 0].sum()) * 2 - total)
    positive_sums = np.arange(total + 1)
    return SignFlip(float(min(1.0, distribution[np.abs(2 * positive_sums - total) >= observed].sum())), len(k))


def common_grid(counts: np.ndarray, sizes: np.ndarray) -> np.ndarray | None:
    """Differences counts / sizes as integers over their least common denominator; None when that overflows."""
    denominator = 1
    for size in np.unique(sizes):
        denominator = lcm(denominator, int(size))
        if denominator > WIDEST_GRID:
            return None
    return np.asarray(counts, dtype=np.int64) * (denominator // np.asarray(sizes, dtype=np.int64))


def wilcoxon_signed_rank(differences: np.ndarray, *, confidence: float = 0.95) -> SignedRank:
    """Wilcoxon's signed-rank test with zero differences dropped (Wilcoxon's own rule), two-sided.

    `p` is exact for up to 50 differences without ties and zeros; otherwise the normal approximation with the tie
    correction and without continuity correction. Nearly equal floats (1e-9) count as ties. The interval of the
    Hodges-Lehmann shift takes ordered Walsh averages, by the statistic's exact distribution where p is exact, so that both
    decide alike, else by the normal approximation (Hollander & Wolfe 1999).
    """
    d = np.round(np.asarray(differences, dtype=float), 9)
    nonzero = d[d != 0]
    zeros = len(d) - len(nonzero)
    if len(nonzero) == 0:
        return SignedRank(None, None, None, None, zeros, None, None, None, "every difference is zero")
    doubled_ranks = _doubled_midranks(np.abs(nonzero))
    n = len(nonzero)
    w_plus = float(doubled_ranks[nonzero > 0].sum()) / 2
    exact = sign_flip_exact(np.where(nonzero > 0, doubled_ranks, -doubled_ranks)).p if n <= EXACT_TIED_UP_TO else None
    _, tied = np.unique(doubled_ranks, return_counts=True)
    variance = n * (n + 1) * (2 * n + 1) / 24 - float((tied.astype(float) ** 3 - tied).sum()) / 48
    z = (w_plus - n * (n + 1) / 4) / np.sqrt(variance)
    untied = zeros == 0 and tied.max() == 1 and n <= EXACT_UP_TO
    p, method = (exact, "exact") if untied else (normal_two_sided_p(z), "normal approximation, zeros dropped")
    shift, low, high = _hodges_lehmann(d, confidence, exactly=untied)
    whys = ["too few units for an interval of the Hodges-Lehmann shift"] if low is None else []
    if exact is None:
        whys.append(f"more than {EXACT_TIED_UP_TO} units: Wilcoxon's p by its normal approximation alone")
    why = "; ".join(whys) or None
    return SignedRank(w_plus, p, method, exact, zeros, shift, low, high, why)


def _doubled_midranks(sizes: np.ndarray) -> np.ndarray:
    """Twice the average rank of each value, an integer even under ties."""
    _, inverse, counts = np.unique(sizes, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (2 * last - counts + 1)[inverse].astype(np.int64)


def _exact_quantile(probability: float, n: int) -> int:
    """Smallest w with P(W <= w) of at least this probability, W the sum of positive ranks of n untied differences."""
    chance = np.ones(1)
    for rank in range(1, n + 1):
        chance = (np.pad(chance, (0, rank)) + np.pad(chance, (rank, 0))) / 2
    return int(np.argmax(np.cumsum(chance) >= probability * (1 - 1e-12)))


def _hodges_lehmann(d: np.ndarray, confidence: float, *, exactly: bool) -> tuple[float, float | None, float | None]:
    from benchmark.core.methods.distributions import normal_quantile

    n = len(d)
    upper = np.triu_indices(n)
    walsh = np.sort((d[upper[0]] + d[upper[1]]) / 2)
    z = normal_quantile(0.5 + confidence / 2)
    near = int(np.floor(n * (n + 1) / 4 - z * np.sqrt(n * (n + 1) * (2 * n + 1) / 24)))
    rank = _exact_quantile((1 - confidence) / 2, n) if exactly else near
    if rank < 1:
        return float(np.median(walsh)), None, None
    return float(np.median(walsh)), float(walsh[rank - 1]), float(walsh[len(walsh) - rank])
