"""Linear mixed model with two crossed random intercepts (readers and items), by REML, with Satterthwaite's df.

Everything needed from the readings is gathered once in cross-products; each evaluation of the criterion then costs one
Schur complement of the smaller random effect. Checked against lme4 and lmerTest.
Sources: Bates et al. (2015), J. Stat. Softw. 67(1); Satterthwaite (1946); Kuznetsova et al. (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from benchmark.core.errors import NotConverged
from benchmark.core.methods.blocks import CrossedHessian
from benchmark.core.methods.distributions import t_quantile, t_two_sided_p
from benchmark.core.methods.twoway import codes

BOUNDARY = 1e-4  # a ratio of SDs below this is a variance of zero


@dataclass(frozen=True)
class Lmm:
    """beta and its covariance; variances of the first and second intercepts and of the residual; REML log-likelihood."""

    beta: np.ndarray
    covariance: np.ndarray
    var_first: float
    var_second: float
    var_residual: float
    log_likelihood: float
    model: _Products

    def contrast(self, weights: np.ndarray, *, confidence: float = 0.95) -> LmmTest:
        """Estimate, standard error and Satterthwaite t-test of weights @ beta."""
        weights = np.asarray(weights, dtype=float)
        variance = float(weights @ self.covariance @ weights)
        se, estimate = float(np.sqrt(variance)), float(weights @ self.beta)
        df = self._satterthwaite(weights, variance)
        half = t_quantile(0.5 + confidence / 2, df) * se
        t = estimate / se
        return LmmTest(estimate, se, df, t, t_two_sided_p(t, df), estimate - half, estimate + half)

    def _satterthwaite(self, weights: np.ndarray, variance: float) -> float:
        """2 v^2 / var(v): gradient of the contrast's variance in the log variances, and their REML information."""
        parts = np.array([self.var_first, self.var_second, self.var_residual])
        free = np.flatnonzero(parts > BOUNDARY**2 * self.var_residual)
        at = np.log(parts[free])

        def variances(log_free: np.ndarray) -> np.ndarray:
            full = np.zeros(3)
            full[free] = np.exp(log_free)
            return full

        def of_contrast(log_free: np.ndarray) -> float:
            return float(weights @ self.model.covariance(variances(log_free)) @ weights)

        step = 1e-3 * np.eye(len(free))
        gradient = np.array([(of_contrast(at + h) - of_contrast(at - h)) / 2e-3 for h in step])
        information = _hessian(lambda x: self.model.criterion(variances(x)), at, 5e-3)
        values, vectors = np.linalg.eigh(information)
        kept = values > 1e-8 * values.max()
        spread = float(((vectors[:, kept].T @ gradient) ** 2 / values[kept]).sum()) * 2
        return 2 * variance**2 / spread


@dataclass(frozen=True)
class LmmTest:
    estimate: float
    se: float
    df: float
    t: float
    p: float
    ci_low: float
    ci_high: float


class _Products:
    """Cross-products of the response, the fixed effects and the two intercepts' indicators."""

    def __init__(self, y: np.ndarray, x: np.ndarray, first: np.ndarray, second: np.ndarray):
        (first, a), (second, b) = codes(first), codes(second)
        self.n, self.p = x.shape
        self.xx, self.xy, self.yy = x.T @ x, x.T @ y, float(y @ y)
        both = np.column_stack([x, y])
        self.zx = np.concatenate(
            [np.stack([np.bincount(c, weights=w, minlength=k) for w in both.T], axis=1)
             for c, k in ((first, a), (second, b))]
        )  # fmt: skip
        self.sizes = np.bincount(first, minlength=a).astype(float), np.bincount(second, minlength=b).astype(float)
        self.together = np.bincount(first * b + second, minlength=a * b).reshape(a, b).astype(float)

    def solved(self, ratio_first: float, ratio_second: float):
        """For V / residual variance with these SD ratios: log|V|, X'V^-1 X, X'V^-1 y, y'V^-1 y."""
        (n1, n2), (r1, r2) = self.sizes, (ratio_first, ratio_second)
        hessian = CrossedHessian([1 + r1**2 * n1, 1 + r2**2 * n2], r1 * r2 * self.together)
        scaled = self.zx * np.concatenate([np.full(len(n1), r1), np.full(len(n2), r2)])[:, None]
        lost = scaled.T @ hessian.solve(scaled)
        p = self.p
        return hessian.log_det, self.xx - lost[:p, :p], self.xy - lost[:p, p], self.yy - float(lost[p, p])

    def profile(self, ratios: np.ndarray) -> float:
        """REML deviance with the residual variance and the fixed effects at their best."""
        log_det, xvx, xvy, yvy = self.solved(*ratios)
        residual = yvy - float(xvy @ np.linalg.solve(xvx, xvy))
        df = self.n - self.p
        return log_det + float(np.linalg.slogdet(xvx)[1]) + df * (1 + np.log(2 * np.pi * max(residual, 1e-300) / df))

    def criterion(self, variances: np.ndarray) -> float:
        """REML deviance at given variances (first, second, residual)."""
        first, second, residual = variances
        log_det, xvx, xvy, yvy = self.solved(np.sqrt(first / residual), np.sqrt(second / residual))
        square = yvy - float(xvy @ np.linalg.solve(xvx, xvy))
        df = self.n - self.p
        return log_det + float(np.linalg.slogdet(xvx)[1]) + df * np.log(2 * np.pi * residual) + square / residual

    def covariance(self, variances: np.ndarray) -> np.ndarray:
        first, second, residual = variances
        _, xvx, _, _ = self.solved(np.sqrt(first / residual), np.sqrt(second / residual))
        return residual * np.linalg.inv(xvx)


def fit_lmm(y: np.ndarray, x: np.ndarray, first: np.ndarray, second: np.ndarray) -> Lmm:
    """REML fit of y (n,) ~ x (n, fixed) + (1|first) + (1|second); labels of any kind, shape (n,).

    A variance may come out as zero, which is an answer. Raises ValueError where the fixed effects are not independent
    or nothing is left to estimate, NotConverged when the criterion was not minimised.
    """
    y, x = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    if len(y) <= x.shape[1] + 2 or np.linalg.matrix_rank(x) < x.shape[1]:
        raise ValueError("Too few readings, or fixed effects that cannot be told apart.")
    model = _Products(y, x, first, second)
    if model.yy - model.xy @ np.linalg.solve(model.xx, model.xy) <= 1e-12 * max(model.yy, 1.0):
        raise ValueError("Nothing is left to vary once the fixed effects are known.")
    best = optimize.minimize(
        model.profile, np.array([0.3, 0.6]), method="L-BFGS-B", bounds=[(0.0, 100.0)] * 2,
        options={"ftol": 1e-12, "gtol": 1e-4, "maxiter": 200},
    )  # fmt: skip
    polished = optimize.minimize(
        model.profile, best.x, method="Nelder-Mead", bounds=[(0.0, 100.0)] * 2,
        options={"xatol": 1e-5, "fatol": 1e-9, "initial_simplex": _simplex(best.x)},
    )  # fmt: skip
    if not polished.success or polished.x.max() > 99:
        raise NotConverged("The mixed model's REML criterion was not minimised.")
    ratios = np.where(polished.x < BOUNDARY, 0.0, polished.x)
    _, xvx, xvy, yvy = model.solved(*ratios)
    beta = np.linalg.solve(xvx, xvy)
    residual = (yvy - float(xvy @ beta)) / (model.n - model.p)
    parts = residual * ratios**2
    return Lmm(
        beta, residual * np.linalg.inv(xvx), float(parts[0]), float(parts[1]), float(residual),
        -0.5 * model.profile(ratios), model,
    )  # fmt: skip


def _simplex(at: np.ndarray) -> np.ndarray:
    return np.stack([at, at + [0.001, 0], at + [0, 0.001]])


def _hessian(function, at: np.ndarray, h: float) -> np.ndarray:
    """Second derivatives by central differences."""
    size = len(at)
    steps = h * np.eye(size)
    middle = function(at)
    found = np.empty((size, size))
    for i in range(size):
        found[i, i] = (function(at + steps[i]) - 2 * middle + function(at - steps[i])) / h**2
        for j in range(i):
            corner = [function(at + si * steps[i] + sj * steps[j]) * si * sj for si in (1, -1) for sj in (1, -1)]
            found[i, j] = found[j, i] = sum(corner) / (4 * h**2)
    return found
