"""Adjusting p-values of a family: Holm, Benjamini-Hochberg."""

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


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg adjusted p-values (false discovery rate). Source: Benjamini & Hochberg (1995)."""
    p = np.asarray(p, dtype=float)
    order = np.argsort(p, kind="stable")[::-1]
    steps = p[order] * len(p) / np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.minimum.accumulate(steps), 1)
    return adjusted


def adjust(p: list[float | None], method: str) -> list[float | None]:
    """Adjusted p-values in place; entries that are None stay None and do not count as members of the family."""
    known = [index for index, value in enumerate(p) if value is not None]
    if not known or method == "none":
        return list(p) if method == "none" else [None] * len(p)
    values = (holm if method == "holm" else benjamini_hochberg)(np.array([p[index] for index in known]))
    adjusted: list[float | None] = [None] * len(p)
    for index, value in zip(known, values):
        adjusted[index] = float(value)
    return adjusted
