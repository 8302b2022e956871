"""Rasch (1PL) model by marginal maximum likelihood: item difficulties, and networks placed on the readers' scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from benchmark.core.errors import NotConverged


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
    reader, item = np.nonzero(present)
    moments = [(post @ values)[reader, item] for values in chances(eta)]
    infit, outfit = item_fit(item, y[reader, item], Chances(*moments), frequency[reader])
    return Rasch(fit.x[:-1], sd, -float(fit.fun), ability, infit, outfit)


@dataclass(frozen=True)
class Chances:
    """Of each reading, over what is known of its reader and item: means of p, of p squared, and of both odds."""

    p: np.ndarray
    p_squared: np.ndarray
    odds_right: np.ndarray
    odds_wrong: np.ndarray


def chances(eta: np.ndarray) -> tuple[np.ndarray, ...]:
    """The four values that Chances averages, at given logits."""
    p = special.expit(eta)
    return p, p**2, np.exp(np.clip(eta, -30, 30)), np.exp(-np.clip(eta, -30, 30))


def normal_chances(mean: np.ndarray, sd: np.ndarray) -> Chances:
    """Chances of readings whose logit is known as a normal distribution, shape (n,) each."""
    x, w = np.polynomial.hermite_e.hermegauss(21)
    values = chances(mean[:, None] + sd[:, None] * x)
    return Chances(*(value @ (w / w.sum()) for value in values))


def item_fit(
    item: np.ndarray, correct: np.ndarray, chance: Chances, frequency: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Infit and outfit mean squares of each item from readings (item code, 0/1, chances, how often each occurred).

    1 is as modelled, more is noisier. Squared residuals are averaged over what is known of a reader's ability; with an
    estimate in its place both would lie below 1 also where the model holds. Source: Adams & Wu (2007).
    """
    often = np.ones(len(correct)) if frequency is None else frequency
    square = correct * (1 - 2 * chance.p) + chance.p_squared
    standardised = np.where(correct > 0, chance.odds_wrong, chance.odds_right)
    outfit = np.bincount(item, weights=often * standardised) / np.bincount(item, weights=often)
    variance = np.maximum(chance.p - chance.p_squared, 1e-12)
    return np.bincount(item, weights=often * square) / np.bincount(item, weights=often * variance), outfit


def place_reader(correct: np.ndarray, difficulty: np.ndarray) -> float | None:
    """Ability (in logits) of somebody outside the fit, by maximum likelihood; None when all right or all wrong.

    correct: 0/1 with NaN where not read, and difficulty, both (items,).
    """
    y = np.asarray(correct, dtype=float)
    seen = ~np.isnan(y)
    if not 0 < y[seen].sum() < seen.sum():
        return None
    own = np.asarray(difficulty, dtype=float)[seen]

    def score(theta: float) -> float:
        return float((y[seen] - special.expit(theta - own)).sum())

    return float(optimize.brentq(score, -60, 60))
