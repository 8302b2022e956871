"""Cumulative-link (proportional odds) models of ratings, with up to two crossed random intercepts, by Laplace.

P(rating <= k) = logistic(threshold_k - x beta - random intercepts). Checked against the package ordinal on the wine data
(Randall 1989). Source: McCullagh (1980); Christensen (2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from benchmark.core.errors import NotConverged
from benchmark.core.methods.glmm import LARGEST_LOG_SD, SMALLEST_LOG_SD, ZERO_SD, CrossedModel, RandomEffect

STEP = 1e-4


@dataclass(frozen=True)
class OrdinalFit:
    """Thresholds, effects (positive: higher ratings) with standard errors, SDs of the intercepts, log-likelihood."""

    thresholds: np.ndarray
    beta: np.ndarray
    se: np.ndarray
    sd: np.ndarray
    log_likelihood: float


class _Ratings(CrossedModel):
    """Rows of a cumulative-link model; `eta` is what moves ratings up, thresholds are set before each evaluation."""

    def __init__(self, level: np.ndarray, levels: int, x: np.ndarray, effects: tuple[RandomEffect, ...]):
        super().__init__(level.astype(float), np.ones(len(level)), x, effects)
        self.level, self.levels = level, levels
        self.set_thresholds(np.zeros(levels - 1))

    def set_thresholds(self, thresholds: np.ndarray) -> None:
        edges = np.concatenate([[-np.inf], thresholds, [np.inf]])
        self.low, self.high = edges[self.level], edges[self.level + 1]

    def log_density(self, eta: np.ndarray) -> float:
        # log(F(a) - F(b)) with a > b, safe in the tails: F(a) F(-b) (1 - exp(b - a)).
        a, b = self.high - eta, self.low - eta
        return float((special.log_expit(a) + special.log_expit(-b) + np.log(-np.expm1(self.low - self.high))).sum())

    def derivatives(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        above, below = special.expit(self.high - eta), special.expit(self.low - eta)
        return -(1 - above - below), above * (1 - above) + below * (1 - below)


def fit_ordinal(rating: np.ndarray, x: np.ndarray, effects: tuple[RandomEffect, ...] = ()) -> OrdinalFit:
    """Fit integer ratings 0..K-1 (every level used), x (n, effects; no constant), up to two random intercepts.

    Raises ValueError when fewer than two levels occur or a level is skipped, NotConverged rather than returning a fit
    that did not converge.
    """
    level = np.asarray(rating, dtype=int)
    levels = int(level.max()) + 1 if len(level) else 0
    counts = np.bincount(level, minlength=levels)
    if levels < 2 or counts.min() == 0:
        raise ValueError("Ratings on at least two levels, none of them skipped, are needed.")
    x = np.asarray(x, dtype=float).reshape(len(level), -1)
    model, p = (
        _Ratings(level, levels, x, effects or (RandomEffect(np.zeros(len(level), dtype=int), np.zeros(len(level))),)),
        x.shape[1],
    )
    k = levels - 1

    def unpack(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        thresholds = np.concatenate([theta[:1], theta[0] + np.cumsum(np.exp(theta[1:k]))])
        sd = np.exp(theta[k + p :]) if effects else np.zeros(1)
        return thresholds, theta[k : k + p], sd

    def objective(theta: np.ndarray) -> float:
        thresholds, beta, sd = unpack(theta)
        model.set_thresholds(thresholds)
        value, _, hessian = model.modes(x @ beta, sd)
        return -(value - 0.5 * hessian.log_det)

    def gradient(theta: np.ndarray) -> np.ndarray:
        steps = STEP * np.eye(len(theta))
        return np.array([(objective(theta + h) - objective(theta - h)) / (2 * STEP) for h in steps])

    share = special.logit(np.clip(np.cumsum(counts)[:-1] / len(level), 0.01, 0.99))
    start = np.concatenate([share[:1], np.log(np.maximum(np.diff(share), 0.05)), np.zeros(p),
                            np.full(len(effects), np.log(0.6))])  # fmt: skip
    bounds = [(-12.0, 12.0)] + [(-6.0, 3.0)] * (k - 1) + [(-12.0, 12.0)] * p
    bounds += [(SMALLEST_LOG_SD, LARGEST_LOG_SD)] * len(effects)
    fit = optimize.minimize(objective, start, jac=gradient, method="L-BFGS-B", bounds=bounds,
                            options={"ftol": 1e-12, "gtol": 1e-4, "maxiter": 300})  # fmt: skip
    theta = fit.x
    free = np.ones(len(theta), dtype=bool)
    free[k + p :] = np.exp(theta[k + p :]) > ZERO_SD
    slope = gradient(theta)
    if np.abs(slope[free]).max() > 0.02 or np.abs(theta[k : k + p]).max(initial=0) > 11.9:
        raise NotConverged(
            f"The model of the ratings did not converge (largest gradient {np.abs(slope[free]).max():.3g})."
        )
    thresholds, beta, sd = unpack(theta)
    se = _errors(gradient, theta, free)[k : k + p]
    return OrdinalFit(
        thresholds, beta, se, np.where(sd > ZERO_SD, sd, 0.0) if effects else np.zeros(0), -float(fit.fun)
    )


def _errors(gradient, theta: np.ndarray, free: np.ndarray) -> np.ndarray:
    places = np.flatnonzero(free)
    steps = 1e-3 * np.eye(len(theta))[places]
    curvature = np.stack([(gradient(theta + h) - gradient(theta - h))[free] / 2e-3 for h in steps])
    curvature = (curvature + curvature.T) / 2
    if np.linalg.eigvalsh(curvature).min() <= 0:
        raise NotConverged("The information matrix of the ratings' model is not positive definite.")
    found = np.zeros(len(theta))
    found[places] = np.sqrt(np.diagonal(np.linalg.inv(curvature)))
    return found
