"""Integrated Gradients (Sundararajan 2017) for several targets, by adaptive Simpson quadrature along one straight path."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models_ml.core.attribution.path import StraightPath, Target, middle
from models_ml.core.config import AttributionSpec

CANCELLED = 3.0  # pieces may miss this many times more, root of the sum of squares, than all together
RESOLUTION = 1e-6  # of the outputs' size: the rounding of 32-bit arithmetic through a network


@dataclass(frozen=True)
class Attribution:
    """One signed map. gap: |(F(x) - F(b)) - sum| / |F(x) - F(b)|, None where it is not defined. why: why it is None, or
    larger than asked for. steps: of the path, one gradient each and one more."""

    map_HW: np.ndarray
    score: float
    baseline_score: float | None
    gap: float | None
    steps: int
    why: str = ""


def integrated_gradients(
    logits_of: Callable,
    image_1CHW: torch.Tensor,
    baseline_1CHW: torch.Tensor,
    targets: Sequence[Target],
    spec: AttributionSpec,
    max_steps: Sequence[int],
) -> list[Attribution]:
    """Every target's map. What one of them had computed at a place serves all; one that is finished costs nothing more."""
    path = StraightPath(logits_of, image_1CHW, baseline_1CHW, targets)
    parts = [_Quadrature(path, target, spec, most) for target, most in zip(targets, max_steps)]
    unfinished = parts
    while unfinished:
        path.visit([(part.target, part.fresh) for part in unfinished])
        for part in unfinished:
            part.halve()
        unfinished = [part for part in unfinished if part.fresh]
    return [part.added_up() for part in parts]


class _Quadrature:
    """One target's pieces of the path.

    How far a piece misses the difference of outputs at its own ends is known, because every gradient comes with its
    output. Where rectifiers switch, a gradient jumps; that happens mostly near a blurred baseline, and no rule of higher
    order helps. So the third of the pieces that miss most are halved, keeping every gradient that was computed, until
    the whole gap is at most ``spec.gap``, and not by luck, that is misses of opposite signs, or the path has
    ``max_steps`` steps (a piece has two).
    """

    def __init__(self, path: StraightPath, target: Target, spec: AttributionSpec, max_steps: int):
        self.path, self.target, self.spec, self.max_steps = path, target, spec, max_steps
        self.scores, self.totals = path.scores[target], path.totals[target]
        count = max(1, -(-spec.steps // 2))
        edges = [k / count for k in range(count + 1)]
        self.kept, self.fresh = [], list(zip(edges[:-1], edges[1:]))  # fresh: not yet visited

    def halve(self) -> None:
        """Choose the pieces that are halved, now that the fresh ones were visited; none are fresh where it is finished."""
        pieces = sorted([*self.kept, *self.fresh], key=lambda piece: -abs(self._miss(piece)))
        misses, aim = np.array([self._miss(piece) for piece in pieces]), self.spec.gap * self._scale(pieces)
        halved = min(-(-len(pieces) // 3), self.max_steps // 2 - len(pieces))
        if (abs(misses.sum()) <= aim and np.sqrt((misses**2).sum()) <= CANCELLED * aim) or halved < 1:
            self.kept, self.fresh = pieces, []
        else:
            self.kept = pieces[halved:]
            self.fresh = [half for piece in pieces[:halved] for half in ((piece[0], middle(piece)), (middle(piece), piece[1]))]

    def added_up(self) -> Attribution:
        weights = dict.fromkeys((place for piece in self.kept for place in _places(piece)), 0.0)
        for piece in self.kept:
            for place, share in zip(_places(piece), (1, 4, 1)):
                weights[place] += share * (piece[1] - piece[0]) / 6
        found, steps = self.path.map_of(self.target, weights), 2 * len(self.kept)
        gap, why = None, "picture and baseline give the same output, so there is no difference to add up to"
        if self._is_defined:
            gap, why = abs(self._difference - float(found.sum(dtype=np.float64))) / abs(self._difference), ""
            if gap > self.spec.gap:
                way = f"the output ends {self._difference:+.3f} from its start after a way of {self._way(self.kept):.2f}"
                why = f"stopped at {steps} steps: {way}"
        return Attribution(found, self.scores[1.0], self.scores[0.0], gap, steps, why)

    def _miss(self, piece: tuple[float, float]) -> float:
        """The difference of outputs at the ends of a piece that Simpson's rule does not explain."""
        start, between, end = _places(piece)
        totals = self.totals[start] + 4 * self.totals[between] + self.totals[end]
        return self.scores[end] - self.scores[start] - (end - start) / 6 * totals

    @property
    def _difference(self) -> float:
        return self.scores[1.0] - self.scores[0.0]

    @property
    def _is_defined(self) -> bool:
        """Whether 32-bit outputs tell picture and baseline apart; else a share of their difference means nothing."""
        return abs(self._difference) > RESOLUTION * max(1, abs(self.scores[0.0]), abs(self.scores[1.0]))

    def _scale(self, pieces: list[tuple[float, float]]) -> float:
        """What the gap is a share of; without a difference, the way that the output goes."""
        return abs(self._difference) if self._is_defined else self._way(pieces)

    def _way(self, pieces: list[tuple[float, float]]) -> float:
        """How far the output goes up and down along the pieces' ends and middles."""
        values = [self.scores[place] for place in sorted({place for piece in pieces for place in _places(piece)})]
        return sum(abs(b - a) for a, b in zip(values[:-1], values[1:]))


def _places(piece: tuple[float, float]) -> tuple[float, float, float]:
    return piece[0], middle(piece), piece[1]
