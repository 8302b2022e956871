"""Logistic regression whose standard errors know that readings share readers and items: no random effect is assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from benchmark.core.errors import NotConverged
from benchmark.core.methods.twoway import TwoWayTest, codes, item_strata, two_way_test, two_way_variance

FARTHEST_LOGIT = 15.0  # beyond it a fitted probability is 0 or 1, and its log odds have no estimate


@dataclass(frozen=True)
class Logistic:
    """beta (terms,), and each row's influence on it (n, terms): what the row moves the estimate by, summing to zero."""

    beta: np.ndarray
    influence: np.ndarray


def fit_logistic(right: np.ndarray, x: np.ndarray) -> Logistic:
    """Maximum likelihood with all rows as if independent, the estimate of generalised estimating equations (Liang & Zeger 1986).

    right (n,) 0 or 1; x (n, terms), an intercept among them. Raises NotConverged where a term is a mixture of others, or where
    the terms tell some answers exactly, so that a log odds ratio has no finite estimate.
    """
    y, x = np.asarray(right, dtype=float), np.asarray(x, dtype=float)
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise NotConverged("A term of the logistic model is a mixture of the others.")
    beta = np.zeros(x.shape[1])
    for _ in range(100):
        mean = special.expit(x @ beta)
        information = (x * (mean * (1 - mean))[:, None]).T @ x
        step = np.linalg.solve(information, x.T @ (y - mean))
        beta = beta + step
        if np.abs(x @ beta).max() > FARTHEST_LOGIT:
            break
        if np.abs(step).max() < 1e-12:
            return Logistic(beta, (x * (y - special.expit(x @ beta))[:, None]) @ np.linalg.inv(information))
    raise NotConverged("The logistic model did not converge, as when a class is always right.")


def clustered_terms(
    fit: Logistic,
    terms: int,
    reader: np.ndarray,
    item: np.ndarray,
    stratum: np.ndarray,
    *,
    readers_lost: int,
    confidence: float = 0.95,
) -> list[TwoWayTest]:
    """t-tests of the first `terms` coefficients for new readers and new items, by the two-way variance of their influences.

    stratum: class of the item, each with an intercept of its own in the fit; readers_lost: means of readers that were fitted.
    """
    strata = item_strata(item, stratum)
    (reader, n_readers), (item, n_items) = codes(reader), codes(item)
    return [
        two_way_test(
            float(b), two_way_variance(pull, reader, item, strata, readers_lost=readers_lost),
            readers=n_readers, items=n_items, n=len(pull), confidence=confidence,
        )
        for b, pull in zip(fit.beta[:terms], fit.influence.T)
    ]  # fmt: skip
