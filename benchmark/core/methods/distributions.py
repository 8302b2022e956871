"""Tail probabilities and quantiles, from scipy.special alone (scipy.stats takes two seconds to import)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import special


def t_two_sided_p(t: float, df: float) -> float:
    """Two-sided p of Student's t with (possibly fractional) df."""
    return float(2 * special.stdtr(df, -abs(t)))


def t_quantile(probability: float, df: float) -> float:
    return float(special.stdtrit(df, probability))


def normal_quantile(probability: float) -> float:
    return float(special.ndtri(probability))


def normal_two_sided_p(z: float) -> float:
    return float(2 * special.ndtr(-abs(z)))


def noncentral_t_cdf(t: float, df: float, nc: float) -> float:
    """P(T <= t) for noncentral t; where scipy's series gives NaN (far tails, nc from about 10 on) it is integrated.

    T = (Z + nc) / sqrt(W / df), hence P = E[Phi(t sqrt(W / df) - nc)] over W ~ chi-square(df); 200 Gauss-Legendre nodes
    over all but 1e-14 of the chi distribution.
    """
    value = float(special.nctdtr(df, nc, t))
    if np.isfinite(value) and abs(nc) < 10:
        return value
    low, high = (np.sqrt(2 * special.gammaincinv(df / 2, p)) for p in (1e-14, 1 - 1e-14))
    nodes, weights = _gauss_legendre(200)
    chi = low + (nodes + 1) / 2 * (high - low)
    log_density = (df - 1) * np.log(chi) - chi**2 / 2 - (df / 2 - 1) * np.log(2) - special.gammaln(df / 2)
    return float((high - low) / 2 * np.sum(weights * np.exp(log_density) * special.ndtr(t * chi / np.sqrt(df) - nc)))


@cache
def _gauss_legendre(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(n)


def solve_decreasing(function: Callable[[float], float], low: float, high: float, *, steps: int = 200) -> float:
    """Root of a monotone decreasing function by bisection, widening [low, high] until it brackets.

    Bisection, because noncentral tails are flat where Newton's method runs away.
    """
    width = high - low
    while function(low) < 0:
        low, width = low - width, 2 * width
    while function(high) > 0:
        high, width = high + width, 2 * width
    for _ in range(steps):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if function(middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
