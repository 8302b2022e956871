"""Rasch (1PL) model by marginal maximum likelihood: item difficulties, and networks placed on the readers' scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special


class NotConverged(RuntimeError):
    """The likelihood was not maximised; no estimate is given."""


@dataclass(frozen=True)
class Rasch:
    """P(right) = logistic(discrimination * ability - difficulty_i), ability ~ N(0, 1) over readers.

    difficulty: shape (items,); discrimination: the readers' logit SD; infit, outfit: mean-square fit of each item.
    """

    difficulty: np.ndarray
    discrimination: float
    log_likelihood: float
    ability: np.ndarray
    infit: np.ndarray
    outfit: np.ndarray


def fit_rasch(correct: np.ndarray, *, nodes: int = 41, weights: np.ndarray | None = None) -> Rasch:
    """Fit by Gauss-Hermite quadrature. correct: (readers, items) 0/1, NaN where not read; weights: rows' frequencies.

    Joint maximum likelihood is biased and not used. Raises NotConverged, and ValueError for items that all have
    right or all wrong, which have no finite difficulty.
    """
    y = np.asarray(correct, dtype=float)
    present = ~np.isnan(y)
    answered = np.where(present, y, 0.0)
    frequency = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    share = (frequency @ answered) / (frequency @ present)
    if ((share <= 0) | (share >= 1)).any():
        raise ValueError(
            f"Items {np.flatnonzero((share <= 0) | (share >= 1)).tolist()} were right, or wrong, for everybody."
        )
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    log_w = np.log(w / w.sum())

    def posterior(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        eta = np.exp(parameters[-1]) * x[:, None] - parameters[:-1]
        terms = answered @ eta.T + present @ special.log_expit(-eta).T + log_w
        marginal = special.logsumexp(terms, axis=1)
        return eta, marginal, np.exp(terms - marginal[:, None])

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        eta, marginal, post = posterior(parameters)
        weighted = post * frequency[:, None]
        residual = weighted.T @ answered - (weighted.T @ present) * special.expit(eta)
        gradient = np.append(residual.sum(axis=0), -np.exp(parameters[-1]) * (x @ residual).sum())
        return -float(frequency @ marginal), gradient

    start = np.append(-special.logit(share), 0.0)
    fit = optimize.minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-5, "maxiter": 500})
    if not fit.success and np.abs(fit.jac).max() > 1e-3:
        raise NotConverged(f"The Rasch model did not converge: {fit.message}")
    eta, _, post = posterior(fit.x)
    sd = float(np.exp(fit.x[-1]))
    ability = post @ x
    infit, outfit = _fit(answered, present, special.expit(sd * ability[:, None] - fit.x[:-1]))
    return Rasch(fit.x[:-1], sd, -float(fit.fun), ability, infit, outfit)


def _fit(y: np.ndarray, present: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    variance = np.where(present, p * (1 - p), 0.0)
    square = np.where(present, (y - p) ** 2, 0.0)
    outfit = np.where(present, square / np.maximum(p * (1 - p), 1e-12), 0.0).sum(axis=0) / present.sum(axis=0)
    return square.sum(axis=0) / variance.sum(axis=0), outfit


def place_reader(correct: np.ndarray, fitted: Rasch) -> float | None:
    """Ability (in reader SDs) of somebody outside the fit, by maximum likelihood; None when all right or all wrong."""
    y = np.asarray(correct, dtype=float)
    seen = ~np.isnan(y)
    if not 0 < y[seen].sum() < seen.sum():
        return None
    difficulty = fitted.difficulty[seen]

    def score(theta: float) -> float:
        return float((y[seen] - special.expit(fitted.discrimination * theta - difficulty)).sum())

    return float(optimize.brentq(score, -60, 60))
