"""Logistic mixed models with one or two crossed random intercepts, by Laplace approximation.

Newton's method finds the modes; the random effects' Hessian has two diagonal blocks and a coupling, so determinant,
solutions and leverages come from a Schur complement of the smaller block. The likelihood's gradient is analytic. The
network must have one row per item: repeating its answers per survey feigns information (z of 9.4 instead of 4.2 in the
reference data).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from benchmark.core.errors import NotConverged
from benchmark.core.methods.blocks import CrossedHessian

SMALLEST_LOG_SD, LARGEST_LOG_SD = -7.0, 3.0
ZERO_SD = 0.01  # an SD below this is one on the boundary: zero


@dataclass(frozen=True)
class Glmm:
    """Fixed effects with standard errors, SDs of the random effects, and the Laplace log-likelihood.

    covariance: of beta and the log SDs together (rows of an SD on the boundary are zero). modes: of each random effect,
    on the logit scale (shrunken estimates); mode_sds: their conditional SDs.
    """

    beta: np.ndarray
    se: np.ndarray
    sd: np.ndarray
    log_likelihood: float
    covariance: np.ndarray
    modes: tuple[np.ndarray, ...]
    mode_sds: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class RandomEffect:
    """A random intercept: code of each row's level (n,), and the row's multiplier (n,), 0 where it has none."""

    code: np.ndarray
    multiplier: np.ndarray

    @property
    def levels(self) -> int:
        return int(self.code.max()) + 1


class CrossedModel:
    """The rows of a fit, gathered by level; `theta` is the fixed effects, then the log SDs."""

    def __init__(self, y: np.ndarray, n: np.ndarray, x: np.ndarray, effects: tuple[RandomEffect, ...]):
        self.y, self.n, self.x, self.effects = y, n, x, effects
        self.p = x.shape[1]
        self.sizes = [effect.levels for effect in effects]
        self.constant = float((special.gammaln(n + 1) - special.gammaln(y + 1) - special.gammaln(n - y + 1)).sum())
        self.pair = effects[0].code * self.sizes[1] + effects[1].code if len(effects) == 2 else None
        self.u = np.zeros(sum(self.sizes))

    def split(self, u: np.ndarray) -> list[np.ndarray]:
        return np.split(u, np.cumsum(self.sizes)[:-1])

    def add_effects(self, fixed: np.ndarray, u: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """Linear predictor of the rows."""
        eta = fixed
        for effect, s, part in zip(self.effects, sd, self.split(u)):
            eta = eta + (s * part)[effect.code] * effect.multiplier
        return eta

    def gather(self, row: np.ndarray, sd: np.ndarray) -> np.ndarray:
        """S Z' row."""
        return np.concatenate(
            [s * np.bincount(e.code, weights=row * e.multiplier, minlength=k)
             for e, s, k in zip(self.effects, sd, self.sizes)]
        )  # fmt: skip

    def hessian(self, weight: np.ndarray, sd: np.ndarray) -> CrossedHessian:
        diagonal = [
            1 + s**2 * np.bincount(e.code, weights=weight * e.multiplier**2, minlength=k)
            for e, s, k in zip(self.effects, sd, self.sizes)
        ]
        if self.pair is None:
            return CrossedHessian(diagonal, None)
        a, b = self.sizes
        both = weight * self.effects[0].multiplier * self.effects[1].multiplier
        coupling = np.bincount(self.pair, weights=both, minlength=a * b).reshape(a, b)
        return CrossedHessian(diagonal, sd[0] * sd[1] * coupling)

    def log_density(self, eta: np.ndarray) -> float:
        """Log-likelihood of the rows, without its constant."""
        return float(self.y @ eta - self.n @ np.logaddexp(0, eta))

    def derivatives(self, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First derivative of each row's log density in eta, and minus the second."""
        mu = special.expit(eta)
        return self.y - self.n * mu, self.n * mu * (1 - mu)

    def penalised(self, eta: np.ndarray, u: np.ndarray) -> float:
        return self.log_density(eta) - 0.5 * float(u @ u)

    def modes(self, fixed: np.ndarray, sd: np.ndarray) -> tuple[float, np.ndarray, CrossedHessian]:
        """Modes of the random effects at given fixed part: penalised log-likelihood, linear predictor, Hessian there.

        The determinant moves linearly with the modes, so these must be exact, not merely near the top; so close to it
        the likelihood's rounding would refuse good steps, hence no halving there.
        """
        u = self.u
        eta = self.add_effects(fixed, u, sd)
        value = self.penalised(eta, u)
        for _ in range(100):
            residual, weight = self.derivatives(eta)
            hessian = self.hessian(weight, sd)
            gradient = self.gather(residual, sd) - u
            step = hessian.solve(gradient)
            decrement = float(gradient @ step)
            if decrement < 1e-16:
                self.u = u
                return value, eta, hessian
            scale = 1.0
            eta = self.add_effects(fixed, u + step, sd)
            new = self.penalised(eta, u + step)
            while decrement > 1e-8 and new < value and scale > 1e-6:
                scale /= 2
                eta = self.add_effects(fixed, u + scale * step, sd)
                new = self.penalised(eta, u + scale * step)
            u, value = u + scale * step, new
        raise NotConverged("The random effects' modes did not converge.")

    def laplace(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the Laplace log-likelihood (without its constant) and its gradient in theta."""
        sd = np.exp(theta[self.p :])
        value, eta, hessian = self.modes(self.x @ theta[: self.p], sd)
        residual, weight = self.derivatives(eta)
        slope = weight * (1 - 2 * special.expit(eta))
        inverse, across = hessian.inverse
        scaled = [s * e.multiplier for s, e in zip(sd, self.effects)]
        own = [inverse[k][e.code] for k, e in enumerate(self.effects)]
        shared = across.ravel()[self.pair] if self.pair is not None else None
        leverage = sum(m**2 * v for m, v in zip(scaled, own))
        if shared is not None:
            leverage = leverage + 2 * scaled[0] * scaled[1] * shared
        # How the determinant moves with the modes: H^-1 of the gathered slopes times leverages, one solve for all.
        pull = slope * leverage
        through_modes = hessian.solve(self.gather(pull, sd))
        back = weight * self.add_effects(np.zeros(len(self.y)), through_modes, sd)
        gradient = np.empty(len(theta))
        gradient[: self.p] = self.x.T @ (residual - 0.5 * (pull - back))
        parts, responses = self.split(self.u), self.split(through_modes)
        for k, effect in enumerate(self.effects):
            direct = effect.multiplier * parts[k][effect.code]
            along = float(residual @ direct)
            slopes = np.bincount(effect.code, weights=residual * effect.multiplier, minlength=self.sizes[k])
            moved = float(pull @ direct) + float(responses[k] @ slopes) - float(back @ direct)
            other = scaled[1 - k] * shared if shared is not None else 0.0
            grown = 2 * float((weight * effect.multiplier) @ (scaled[k] * own[k] + other))
            gradient[self.p + k] = sd[k] * (along - 0.5 * (moved + grown))
        return -(value - 0.5 * hessian.log_det), -gradient

    def start(self) -> np.ndarray:
        """Fixed effects of the model without random effects, by a few steps of scoring; log SDs of .6."""
        beta = np.zeros(self.p)
        for _ in range(8):
            mu = special.expit(self.x @ beta)
            weight = self.n * mu * (1 - mu) + 1e-6
            information = self.x.T @ (weight[:, None] * self.x)
            beta = beta + np.linalg.lstsq(information, self.x.T @ (self.y - self.n * mu), rcond=None)[0].clip(-2, 2)
        return np.concatenate([beta.clip(-6, 6), np.full(len(self.effects), np.log(0.6))])


def fit_glmm(
    successes: np.ndarray, x: np.ndarray, effects: tuple[RandomEffect, ...], *, trials: np.ndarray | None = None
) -> Glmm:
    """Binomial mixed model with logit link and one or two independent random intercepts, Laplace approximation.

    successes (n,), trials (n,) default 1, x (n, fixed). The Laplace likelihood is maximised over the fixed effects and
    the SDs together, as lme4's final stage does; standard errors come from the curvature in both. Raises NotConverged
    rather than returning a fit that did not converge.
    """
    y = np.asarray(successes, dtype=float)
    n = np.ones(len(y)) if trials is None else np.asarray(trials, dtype=float)
    model, p = CrossedModel(y, n, np.asarray(x, dtype=float), effects), x.shape[1]
    bounds = [(-15.0, 15.0)] * p + [(SMALLEST_LOG_SD, LARGEST_LOG_SD)] * len(effects)
    fit = optimize.minimize(
        model.laplace, model.start(), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"gtol": 1e-4, "ftol": 1e-12, "maxiter": 300},
    )  # fmt: skip
    gradient, theta = np.asarray(fit.jac), fit.x
    free = np.ones(len(theta), dtype=bool)
    free[p:] = np.exp(theta[p:]) > ZERO_SD
    if np.abs(gradient[free]).max() > 0.01 or np.abs(theta[:p]).max() > 14.9 or theta[p:].max() > 2.9:
        raise NotConverged(f"The mixed model did not converge (largest gradient {np.abs(gradient[free]).max():.3g}).")
    covariance = _covariance(model, theta, free)
    value, _, hessian = model.modes(model.x @ theta[:p], np.exp(theta[p:]))
    sd = np.where(free[p:], np.exp(theta[p:]), 0.0)
    return Glmm(
        theta[:p], np.sqrt(np.diagonal(covariance)[:p]), sd, value - 0.5 * hessian.log_det + model.constant, covariance,
        tuple(s * part for s, part in zip(sd, model.split(model.u))),
        tuple(s * np.sqrt(v) for s, v in zip(sd, hessian.inverse[0])),
    )  # fmt: skip


def _covariance(model: CrossedModel, theta: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Inverse curvature over the free parameters, by central differences of the analytic gradient."""
    steps = [1e-4 * np.eye(len(theta))[k] for k in np.flatnonzero(free)]
    rows = [(model.laplace(theta + h)[1] - model.laplace(theta - h)[1])[free] / 2e-4 for h in steps]
    curvature = np.stack(rows)
    curvature = (curvature + curvature.T) / 2
    if np.linalg.eigvalsh(curvature).min() <= 0:
        raise NotConverged("The mixed model's information matrix is not positive definite.")
    covariance = np.zeros((len(theta), len(theta)))
    covariance[np.ix_(free, free)] = np.linalg.inv(curvature)
    return covariance
