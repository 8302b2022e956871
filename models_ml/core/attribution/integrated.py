"""Integrated Gradients (Sundararajan 2017) for several targets, by adaptive Simpson quadrature along straight paths."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from models_ml.core.attribution.path import StraightPath, Target, Walk, fetched_maps, middle
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


@dataclass(frozen=True)
class Asked:
    """The targets to explain of a picture from its baseline, both (1, C, H, W); max_steps of each target's path."""

    image_1CHW: torch.Tensor
    baseline_1CHW: torch.Tensor
    targets: Sequence[Target]
    max_steps: Sequence[int]


def integrated_gradients(logits_of: Callable, pictures: Sequence[Asked], spec: AttributionSpec) -> list[list[Attribution]]:
    """Every picture's maps, one per target. What one target had computed at a place serves all of its picture's; one that is
    finished costs nothing more. The pictures go through the network together, round by round."""
    walk = Walk(
        logits_of, [one.image_1CHW for one in pictures], [one.baseline_1CHW for one in pictures],
        [one.targets for one in pictures],
    )  # fmt: skip
    parts = [
        [_Quadrature(path, target, spec, most) for target, most in zip(one.targets, one.max_steps)]
        for path, one in zip(walk.paths, pictures)
    ]
    unfinished = [(p, part) for p, own in enumerate(parts) for part in own]
    while unfinished:
        walk.visit([(p, part.target, part.fresh) for p, part in unfinished])
        for _, part in unfinished:
            part.halve()
        unfinished = [(p, part) for p, part in unfinished if part.fresh]
    found = iter(fetched_maps([part.map for own in parts for part in own]))
    return [[part.of_map(next(found)) for part in own] for own in parts]


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

    @property
    def map(self) -> torch.Tensor:
        """Its maps times Simpson's weights, float64 (H, W)."""
        weights = dict.fromkeys((place for piece in self.kept for place in _places(piece)), 0.0)
        for piece in self.kept:
            for place, share in zip(_places(piece), (1, 4, 1)):
                weights[place] += share * (piece[1] - piece[0]) / 6
        return self.path.map_of(self.target, weights)

    def of_map(self, map_HW: np.ndarray) -> Attribution:
        """What is said of its map: whether it adds up, and how many steps it took."""
        steps = 2 * len(self.kept)
        gap, why = None, "picture and baseline give the same output, so there is no difference to add up to"
        if self._is_defined:
            gap, why = abs(self._difference - float(map_HW.sum(dtype=np.float64))) / abs(self._difference), ""
            if gap > self.spec.gap:
                way = f"the output ends {self._difference:+.3f} from its start after a way of {self._way(self.kept):.2f}"
                why = f"stopped at {steps} steps: {way}"
        return Attribution(map_HW, self.scores[1.0], self.scores[0.0], gap, steps, why)

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
