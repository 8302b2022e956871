"""Equivalence and non-inferiority within a declared margin, from any estimate with standard error and df."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import special

from benchmark.core.methods.distributions import t_quantile


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests against -margin and +margin; the 1 - 2 alpha interval decides the same way."""

    margin_low: float
    margin_high: float
    t_lower: float
    t_upper: float
    p_noninferior: float
    p_equivalent: float
    ci_low: float
    ci_high: float
    equivalent: bool
    noninferior: bool


def equivalence(
    estimate: float, se: float, df: float, *, margin: float | tuple[float, float], alpha: float = 0.05
) -> Equivalence:
    """TOST of estimate within (-margin, margin), or within the two bounds given; p is the larger one-sided p.

    Non-inferiority is the lower test alone: the estimate is above the lower bound. Raises ValueError unless low < high.
    Source: Schuirmann (1987).
    """
    low, high = margin if isinstance(margin, tuple) else (-margin, margin)
    if not low < high or se <= 0:
        raise ValueError("A lower margin below the upper one and a positive standard error are needed.")
    t_lower, t_upper = (estimate - low) / se, (estimate - high) / se
    p_low, p_high = float(special.stdtr(df, -t_lower)), float(special.stdtr(df, t_upper))
    half = t_quantile(1 - alpha, df) * se
    p = max(p_low, p_high)
    return Equivalence(
        low, high, t_lower, t_upper, p_low, p, estimate - half, estimate + half, p < alpha, p_low < alpha
    )
