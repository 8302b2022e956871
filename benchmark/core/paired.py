"""These images, new readers: the paired t-test of the paper, with its interval and effect size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .distributions import noncentral_t_cdf, solve_decreasing, t_quantile, t_two_sided_p

SAME_DIFFERENCE = "every difference is the same, so their spread cannot be estimated"
TOO_FEW = "at least two units are needed"


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
