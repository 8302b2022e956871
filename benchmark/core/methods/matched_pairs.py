"""Two raters on the same cases: McNemar, intervals of a paired difference of proportions, clustered cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmark.core.methods.distributions import normal_quantile, solve_decreasing
from benchmark.core.methods.proportions import clopper_pearson, wilson


@dataclass(frozen=True)
class McNemar:
    """only_first, only_second: cases that one alone had right; exact two-sided p; chi-squares with p."""

    only_first: int
    only_second: int
    p_exact: float
    chi2: float | None
    p_chi2: float | None
    chi2_corrected: float | None
    p_corrected: float | None
    why: str | None = None


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """McNemar's test of equally frequent successes. Without discordant cases the exact p is 1 and chi-square is
    None."""
    b, c = only_first, only_second
    n = b + c
    if n == 0:
        return McNemar(b, c, 1.0, None, None, None, None, "no case was right for one and wrong for the other")
    p_exact = min(1.0, 2 * float(special.bdtr(min(b, c), n, 0.5)))
    chi2, corrected = (b - c) ** 2 / n, max(abs(b - c) - 1, 0) ** 2 / n
    return McNemar(b, c, p_exact, chi2, float(special.chdtrc(1, chi2)), corrected, float(special.chdtrc(1, corrected)))


def clustered_mcnemar(only_first: np.ndarray, only_second: np.ndarray) -> tuple[float, float] | None:
    """Obuchowski's chi-square (1 df) and p for paired successes in independent clusters; None without any difference.

    only_first, only_second: counts per cluster, shape (clusters,). Clusters are items or readers, never both at once.
    Source: Obuchowski (1998), Stat. Med. 17:1495.
    """
    gap = np.asarray(only_first, dtype=float) - np.asarray(only_second, dtype=float)
    k = len(gap)
    if k < 2 or not gap.any():
        return None
    chi2 = float((k - 1) / k * gap.sum() ** 2 / (gap @ gap))
    return chi2, float(special.chdtrc(1, chi2))


def durkalski(only_first: np.ndarray, only_second: np.ndarray, sizes: np.ndarray) -> tuple[float, float] | None:
    """Durkalski's chi-square (1 df) and p: as Obuchowski's, but every cluster weighs alike, whatever its size.

    sizes: pairs per cluster, shape (clusters,). None without any difference. Source: Durkalski et al. (2003), Stat. Med.
    22:2417.
    """
    gap = (np.asarray(only_first, dtype=float) - np.asarray(only_second, dtype=float)) / np.asarray(sizes, dtype=float)
    if len(gap) < 2 or not gap.any():
        return None
    chi2 = float(gap.sum() ** 2 / (gap @ gap))
    return chi2, float(special.chdtrc(1, chi2))


def yang(only_first: np.ndarray, only_second: np.ndarray, sizes: np.ndarray) -> tuple[float, float] | None:
    """Yang's chi-square (1 df) and p: Obuchowski's with the mean of the variances under and beyond equal frequencies.

    sizes: pairs per cluster, shape (clusters,). None without any difference. Source: Yang et al. (2010), Biom. J. 52:638.
    """
    gap = np.asarray(only_first, dtype=float) - np.asarray(only_second, dtype=float)
    sizes = np.asarray(sizes, dtype=float)
    k = len(gap)
    if k < 2 or not gap.any():
        return None
    beyond = gap - sizes * gap.sum() / sizes.sum()
    chi2 = float((k - 1) / k * gap.sum() ** 2 / ((gap @ gap + beyond @ beyond) / 2))
    return chi2, float(special.chdtrc(1, chi2))


def odds_ratio_of_pairs(
    only_first: int, only_second: int, *, confidence: float = 0.95
) -> tuple[float | None, float, float | None]:
    """Conditional odds ratio only_first / only_second of matched pairs with its exact interval.

    Infinite values are None. Without any discordant pair nothing is known: ValueError.
    """
    b, c = only_first, only_second
    if b + c == 0:
        raise ValueError("Without a discordant pair there is no odds ratio.")
    low, high = clopper_pearson(b, b + c, confidence=confidence)
    return (b / c if c else None), low / (1 - low), (high / (1 - high) if high < 1 else None)


def tango_interval(only_first: int, only_second: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of (only_first - only_second) / n. Source: Tango (1998), Stat. Med. 17:891."""
    b, c = only_first, only_second
    z = normal_quantile(0.5 + confidence / 2)

    def score(delta: float) -> float:
        a = 2 * n
        linear = -b - c + (2 * n - b + c) * delta
        constant = -c * delta * (1 - delta)
        q = (np.sqrt(max(linear**2 - 4 * a * constant, 0)) - linear) / (2 * a)
        variance = n * (2 * q + delta * (1 - delta))
        gap = b - c - n * delta
        return 0.0 if variance <= 0 and abs(gap) < 1e-12 else gap / np.sqrt(max(variance, 1e-300))

    edge = 1 - 1e-12
    low = -1.0 if score(-edge) < z else solve_decreasing(lambda d: score(d) - z, -edge, edge)
    high = 1.0 if score(edge) > -z else solve_decreasing(lambda d: score(d) + z, -edge, edge)
    return float(low), float(high)


def newcombe_interval(
    both: int, only_first: int, only_second: int, neither: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Newcombe's method 10 for a paired difference: Wilson intervals combined with the phi correction (1998)."""
    n = both + only_first + only_second + neither
    p1, p2 = (both + only_first) / n, (both + only_second) / n
    (l1, u1), (l2, u2) = (
        wilson(both + only_first, n, confidence=confidence),
        wilson(both + only_second, n, confidence=confidence),
    )
    a, b, c, d = both, only_first, only_second, neither
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    product = a * d - b * c
    if product > 0:
        product = max(product - n / 2, 0)
    phi = product / np.sqrt(margins) if margins > 0 else 0.0
    low = np.sqrt((p1 - l1) ** 2 - 2 * phi * (p1 - l1) * (u2 - p2) + (u2 - p2) ** 2)
    high = np.sqrt((u1 - p1) ** 2 - 2 * phi * (u1 - p1) * (p2 - l2) + (p2 - l2) ** 2)
    return float(p1 - p2 - low), float(p1 - p2 + high)


def agresti_min_interval(only_first: int, only_second: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wald interval after adding half a case to each cell. Source: Agresti & Min (2005), Stat. Med. 24:729."""
    z = normal_quantile(0.5 + confidence / 2)
    b, c, m = only_first + 0.5, only_second + 0.5, n + 2
    difference = (b - c) / m
    half = z * np.sqrt((b + c) / m - difference**2) / np.sqrt(m)
    return float(difference - half), float(difference + half)
