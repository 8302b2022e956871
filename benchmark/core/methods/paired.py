"""These images, new readers: the paired t-test of the paper, with its interval and effect size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmark.core.methods.distributions import noncentral_t_cdf, solve_decreasing, t_quantile, t_two_sided_p

SAME_DIFFERENCE = "every difference is the same, so their spread cannot be estimated"
TOO_FEW = "at least two surveys, readers or items are needed"


@dataclass(frozen=True)
class PairedT:
    """n units; mean, sd, se of the differences; t, df, two-sided p, confidence interval; why something is None."""

    n: int
    mean: float | None
    sd: float | None
    se: float | None
    t: float | None
    df: int | None
    p: float | None
    ci_low: float | None
    ci_high: float | None
    why: str | None = None


@dataclass(frozen=True)
class StandardisedMean:
    """Cohen's d_z = mean / sd with its exact interval, and Hedges' small-sample correction of it."""

    dz: float | None
    ci_low: float | None
    ci_high: float | None
    hedges_g: float | None
    why: str | None = None


def paired_t(differences: np.ndarray, *, confidence: float = 0.95) -> PairedT:
    """Paired t-test of the differences, shape (n,). A constant difference or n < 2 has no test: None with `why`."""
    d = np.asarray(differences, dtype=float)
    n = len(d)
    if n < 2:
        return PairedT(n, float(d[0]) if n else None, None, None, None, None, None, None, None, TOO_FEW)
    mean, sd = float(d.mean()), float(d.std(ddof=1))
    if sd <= 1e-12 * max(1.0, abs(mean)):
        return PairedT(n, mean, 0.0, None, None, n - 1, None, None, None, SAME_DIFFERENCE)
    se = sd / np.sqrt(n)
    t = mean / se
    half = t_quantile(0.5 + confidence / 2, n - 1) * se
    return PairedT(
        n, mean, sd, float(se), float(t), n - 1, t_two_sided_p(t, n - 1), float(mean - half), float(mean + half)
    )


def published_paired_t(mean: float, p: float, n: int, *, confidence: float = 0.95) -> PairedT:
    """The paired t-test that a published mean difference, two-sided p and number of pairs imply.

    Raises ValueError unless n >= 2, 0 < p < 1 and the mean is not zero.
    """
    if n < 2 or not 0 < p < 1 or mean == 0:
        raise ValueError("A mean difference other than zero, a p between 0 and 1 and at least two pairs are needed.")
    t = float(np.copysign(-t_quantile(p / 2, n - 1), mean))
    se = mean / t
    half = t_quantile(0.5 + confidence / 2, n - 1) * se
    return PairedT(n, mean, se * float(np.sqrt(n)), se, t, n - 1, p, mean - half, mean + half)


def standardised_mean(test: PairedT, *, confidence: float = 0.95) -> StandardisedMean:
    """d_z of a paired test; the interval inverts the noncentral t distribution (exact under normality)."""
    if test.t is None:
        return StandardisedMean(None, None, None, None, test.why)
    root_n, df, tail = np.sqrt(test.n), test.df, (1 - confidence) / 2

    def bound(probability: float) -> float:
        spread = 8 + abs(test.t)
        nc = solve_decreasing(
            lambda nc: noncentral_t_cdf(test.t, df, nc) - probability, test.t - spread, test.t + spread, steps=60
        )
        return float(nc / root_n)

    dz = float(test.t / root_n)
    return StandardisedMean(dz, bound(1 - tail), bound(tail), dz * (1 - 3 / (4 * df - 1)))


@dataclass(frozen=True)
class Normality:
    """Shapiro and Wilk's W and p; descriptive, never a gate. None with `why` for fewer than three or equal values."""

    w: float | None
    p: float | None
    why: str | None = None


def shapiro_wilk(values: np.ndarray) -> Normality:
    """Test of normality of values (n,). Source: Royston (1995), algorithm AS R94; up to 5,000 values."""
    x = np.sort(np.asarray(values, dtype=float))
    n = len(x)
    if not 3 <= n <= 5000 or np.ptp(x) <= 1e-12 * max(1.0, abs(x[-1])):
        return Normality(None, None, "three to 5,000 values, not all equal, are needed for a test of normality")
    a = _royston_weights(n)
    w = min(1.0, float((a @ x) ** 2 / ((x - x.mean()) ** 2).sum()))
    if n == 3:
        return Normality(w, float(max(0.0, 6 / np.pi * (np.arcsin(np.sqrt(w)) - np.arcsin(np.sqrt(0.75))))))
    if w >= 1:
        return Normality(w, 1.0)
    if n <= 11:
        gap = 0.459 * n - 2.273 - np.log1p(-w)
        if gap <= 0:
            return Normality(w, 0.0)
        statistic = -np.log(gap)
        mean = np.polyval([-0.0006714, 0.025054, -0.39978, 0.5440], n)
        sd = np.exp(np.polyval([-0.0020322, 0.062767, -0.77857, 1.3822], n))
    else:
        statistic, log_n = np.log1p(-w), np.log(n)
        mean = np.polyval([0.0038915, -0.083751, -0.31082, -1.5861], log_n)
        sd = np.exp(np.polyval([0.0030302, -0.082676, -0.4803], log_n))
    return Normality(w, float(special.ndtr(-(statistic - mean) / sd)))


def _royston_weights(n: int) -> np.ndarray:
    """Weights of the ordered values: normalised normal scores with Royston's correction of the outer ones."""
    if n == 3:
        return np.array([-np.sqrt(0.5), 0.0, np.sqrt(0.5)])
    m = special.ndtri((np.arange(1, n + 1) - 0.375) / (n + 0.25))
    square, u = float(m @ m), 1 / np.sqrt(n)
    c = m / np.sqrt(square)
    outer = np.polyval([-2.706056, 4.434685, -2.071190, -0.147981, 0.221157, c[-1]], u)
    if n <= 5:
        scale = (square - 2 * m[-1] ** 2) / (1 - 2 * outer**2)
        a = m / np.sqrt(scale)
    else:
        second = np.polyval([-3.582633, 5.682633, -1.752461, -0.293762, 0.042981, c[-2]], u)
        scale = (square - 2 * m[-1] ** 2 - 2 * m[-2] ** 2) / (1 - 2 * outer**2 - 2 * second**2)
        a = m / np.sqrt(scale)
        a[1], a[-2] = -second, second
    a[0], a[-1] = -outer, outer
    return a
