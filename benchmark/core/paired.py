"""Tests on paired differences, one per survey or reader: t, Wilcoxon, exact sign flip, effect size."""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# The exact sign-flip distribution is held as an array over all sums; more cells than this are not enumerated.
MOST_CELLS = 5_000_000


@dataclass(frozen=True)
class PairedResult:
    """Mean of n differences with its test. Fields that cannot be estimated are None and `why` says the reason."""

    n: int
    mean_difference: float | None
    sd: float | None = None
    t: float | None = None
    df: int | None = None
    p: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    cohens_dz: float | None = None
    dz_low: float | None = None
    dz_high: float | None = None
    hedges_gz: float | None = None
    wilcoxon_p: float | None = None
    hodges_lehmann: float | None = None
    sign_flip_p: float | None = None
    why: str | None = None


def paired_test(differences: np.ndarray, *, level: float = 0.95) -> PairedResult:
    """Two-sided paired t-test that the differences have mean 0, with exact companions.

    differences: float, shape (n,). Fewer than two, or no spread, leaves t, p and interval None. The Wilcoxon test drops
    zeros (zero_method "wilcox"), handles ties by the normal approximation without continuity correction.
    """
    from scipy import stats

    d = np.asarray(differences, float)
    n = len(d)
    if n < 2:
        return PairedResult(n, float(d.mean()) if n else None, why=f"needs at least two pairs, found {n}")
    mean, sd = float(d.mean()), float(d.std(ddof=1))
    shared = {"n": n, "mean_difference": mean, "sd": sd, "sign_flip_p": sign_flip_p(d)}
    if np.ptp(d) < 1e-12:
        return PairedResult(**(shared | {"sd": 0.0}), why="all differences are equal, so their spread is not estimable")
    t = mean / (sd / math.sqrt(n))
    half = stats.t.ppf((1 + level) / 2, n - 1) * sd / math.sqrt(n)
    dz = t / math.sqrt(n)
    low, high = noncentral_t_interval(t, n - 1, level=level)
    return PairedResult(
        **shared,
        t=t,
        df=n - 1,
        p=float(2 * stats.t.sf(abs(t), n - 1)),
        ci_low=mean - half,
        ci_high=mean + half,
        cohens_dz=dz,
        dz_low=low / math.sqrt(n),
        dz_high=high / math.sqrt(n),
        hedges_gz=dz * (1 - 3 / (4 * (n - 1) - 1)),
        wilcoxon_p=_wilcoxon_p(d),
        hodges_lehmann=hodges_lehmann(d),
    )


def _wilcoxon_p(d: np.ndarray) -> float | None:
    from scipy import stats

    if not np.any(d):
        return None
    # Differences lie on a grid; rounding keeps ties that floating point would break.
    return float(stats.wilcoxon(np.round(d, 12), zero_method="wilcox", correction=False, method="asymptotic").pvalue)


def hodges_lehmann(d: np.ndarray) -> float:
    """Median of the Walsh averages (d_i + d_j) / 2, i <= j: the location that goes with the Wilcoxon test."""
    i, j = np.triu_indices(len(d))
    return float(np.median((d[i] + d[j]) / 2))


def noncentral_t_interval(t: float, df: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of the noncentrality parameter by inverting the noncentral t distribution (Cumming 2001)."""
    from scipy import optimize, stats

    def cdf(nc: float) -> float:
        value = float(stats.nct.cdf(t, df, nc))
        # scipy answers NaN in far tails, where the value is 0 or 1 to every digit that matters.
        return value if value == value else float(nc < t)

    spread = 10 + abs(t)
    ends = [
        optimize.brentq(lambda nc, q=q: cdf(nc) - q, t - spread, t + spread, xtol=1e-10)
        for q in ((1 + level) / 2, (1 - level) / 2)
    ]
    return ends[0], ends[1]


def sign_flip_p(d: np.ndarray) -> float | None:
    """Exact two-sided p that |sum of +-d| reaches the one seen, every sign equally likely (Fisher 1935).

    The differences must lie on a common grid (accuracies over m items do); None when the grid is too fine to enumerate.
    """
    fractions = [Fraction(float(value)).limit_denominator(10_000) for value in d]
    if any(abs(float(f) - value) > 1e-9 for f, value in zip(fractions, d, strict=True)):
        return None
    unit = math.lcm(*(f.denominator for f in fractions))
    steps = [abs(int(f * unit)) for f in fractions]
    total = sum(steps)
    if total == 0:
        return 1.0
    if 2 * total + 1 > MOST_CELLS:
        return None
    chance = np.zeros(2 * total + 1)
    chance[total] = 1.0
    for step in steps:
        if step:
            chance = (np.roll(chance, step) + np.roll(chance, -step)) / 2
    seen = abs(int(sum(f * unit for f in fractions)))
    sums = np.abs(np.arange(-total, total + 1))
    return float(chance[sums >= seen].sum())
