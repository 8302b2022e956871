"""The Hessian of two crossed random effects: two diagonal blocks and a coupling, handled by a Schur complement."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import linalg


class CrossedHessian:
    """One diagonal block (coupling None), or [[diag(a), C], [C', diag(b)]]; only the smaller block is factorised."""

    def __init__(self, diagonal: list[np.ndarray], coupling: np.ndarray | None):
        self.diagonal, self.coupling = diagonal, coupling
        if coupling is None:
            self.log_det = float(np.log(diagonal[0]).sum())
            return
        self.swapped = len(diagonal[0]) < len(diagonal[1])
        self.big, small = diagonal[::-1] if self.swapped else diagonal
        c = coupling.T if self.swapped else coupling
        self.scaled = c / self.big[:, None]
        schur = -(c.T @ self.scaled)
        schur[np.diag_indices_from(schur)] += small
        self.factor = linalg.cho_factor(schur, overwrite_a=True, check_finite=False)
        self.log_det = float(np.log(self.big).sum() + 2 * np.log(np.diagonal(self.factor[0])).sum())

    def solve(self, v: np.ndarray) -> np.ndarray:
        """v: (levels,) or (levels, columns), the effects one after the other."""
        across = (lambda d: d) if v.ndim == 1 else (lambda d: d[:, None])
        if self.coupling is None:
            return v / across(self.diagonal[0])
        a = len(self.diagonal[0])
        first, second = (v[a:], v[:a]) if self.swapped else (v[:a], v[a:])
        low = linalg.cho_solve(self.factor, second - self.scaled.T @ first, check_finite=False)
        high = first / across(self.big) - self.scaled @ low
        return np.concatenate([low, high] if self.swapped else [high, low])

    @cached_property
    def inverse(self) -> tuple[list[np.ndarray], np.ndarray | None]:
        """Diagonals of the inverse's two blocks, and its coupling block (first, second)."""
        if self.coupling is None:
            return [1 / self.diagonal[0]], None
        small = linalg.cho_solve(self.factor, np.eye(len(self.factor[0])), check_finite=False)
        across = -(self.scaled @ small)
        big = 1 / self.big - np.einsum("ij,ij->i", across, self.scaled)
        blocks = [big, np.diagonal(small).copy()]
        return (blocks[::-1], across.T) if self.swapped else (blocks, across)
