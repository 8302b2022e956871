"""Adjusting p-values of a family: Holm and Hochberg (family-wise error), Benjamini and others (false discoveries)."""

from __future__ import annotations

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values (family-wise error). Source: Holm (1979)."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")
    steps = (len(p) - np.arange(len(p))) * p[order]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def hochberg(p: np.ndarray) -> np.ndarray:
    """Hochberg's step-up adjusted p-values: family-wise error of independent or positively dependent tests (1988)."""
    return _step_up(p, np.arange(1, len(p) + 1))


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p-values (false discovery rate). Source: Benjamini & Hochberg (1995)."""
    return _step_up(p, len(p) / np.arange(len(p), 0, -1))


def benjamini_yekutieli(p: np.ndarray) -> np.ndarray:
    """False discovery rate under any dependence. Source: Benjamini & Yekutieli (2001)."""
    ranks = np.arange(len(p), 0, -1)
    return _step_up(p, len(p) * (1 / ranks).sum() / ranks)


def _step_up(p: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Adjusted p-values from the largest down; factors belong to the p-values in falling order."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")[::-1]
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * factors), 1)
    return adjusted


METHODS = {"holm": holm, "hochberg": hochberg, "bh": benjamini_hochberg, "by": benjamini_yekutieli}


def adjust(p: list[float | None], method: str) -> list[float | None]:
    """Adjusted p-values in place by one of METHODS; None stays None and is no member of the family.

    "none" leaves them as they are; another way of adjusting ("max-t") is not a matter of p-values: None.
    """
    known = [index for index, value in enumerate(p) if value is not None]
    if method == "none":
        return list(p)
    adjusted: list[float | None] = [None] * len(p)
    if known and method in METHODS:
        for index, value in zip(known, METHODS[method](np.array([p[index] for index in known]))):
            adjusted[index] = float(value)
    return adjusted
