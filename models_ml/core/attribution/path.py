"""The straight path from a baseline to a picture, walked once for several targets.

At every place the network is run forward once, whatever is asked for there, and backward once per target that cannot be
had by subtraction: the gradient of a contrast is that of its one class minus that of the other.
Axes: N places at once, T backward passes over them, D targets, C classes, H, W pixels of the network's square.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np
import torch

from models_ml.core.attribution.map_store import MapStore
from models_ml.core.device import out_of_memory
from models_ml.core.errors import CoreError

Target = tuple[int, ...]  # a class: its logit is explained; two classes: the first one's lead over the second (a contrast)
Piece = tuple[float, float]  # of a path, from one place to another

BATCH, BATCH_ON_GPU = 16, 64  # pictures along the path at once, at most
PIXELS = BATCH * 96**2  # and on a processor so many pixels: beyond its caches larger batches only cost (448 px: one at a time)
MAPS_BYTES, MAPS_BYTES_ON_GPU = 2**28, 2**31  # of a path's maps in memory; a GPU has that beside its batches
GRADIENT_SCALE = 1024.0  # keeps small gradients within what half precision can say; a power of two changes no other one


def score(logits_NC: torch.Tensor, target: Target) -> torch.Tensor:
    """The quantity that is explained, (N,)."""
    chosen = [logits_NC[:, index] for index in target]
    return chosen[0] if len(chosen) == 1 else chosen[0] - chosen[1]


def at_once(image_NCHW: torch.Tensor) -> int:
    """How many pictures of this size to hand to the network together."""
    if image_NCHW.is_cuda:
        return BATCH_ON_GPU
    return max(1, min(BATCH, PIXELS // (image_NCHW.shape[-2] * image_NCHW.shape[-1])))


def middle(piece: Piece) -> float:
    return (piece[0] + piece[1]) / 2


class StraightPath:
    """What was computed at places from 0, the baseline, to 1, the picture.

    scores[target][place]: of every target, wherever the path was visited. totals[target][place]: where the target was
    asked for, the sum over pixels of its gradient times the whole change. The maps (H, W) of these products, summed over the
    colours, are kept, but for those of contrasts that two classes' maps give.
    """

    def __init__(self, logits_of: Callable, image_1CHW: torch.Tensor, baseline_1CHW: torch.Tensor, targets: Iterable[Target]):
        from captum.attr import Saliency

        self.baseline, self.change, self.at_once = baseline_1CHW, image_1CHW - baseline_1CHW, at_once(image_1CHW)
        self.targets = list(dict.fromkeys(targets))
        self.scores, self.totals = ({target: {} for target in self.targets} for _ in range(2))
        self.maps = MapStore(MAPS_BYTES_ON_GPU if image_1CHW.is_cuda else MAPS_BYTES)
        wanted, seen = self.targets, []

        def scores_of(points_NCHW: torch.Tensor) -> torch.Tensor:  # holds no path, so that maps go when their path does
            logits = logits_of(points_NCHW)
            scores_ND = torch.stack([score(logits, target) for target in wanted], 1)
            seen[:] = [scores_ND.detach()]
            return scores_ND * GRADIENT_SCALE

        self.seen = seen
        self.gradient = Saliency(lambda points, times: _OnePass.apply(points, times, scores_of))

    def visit(self, wanted: Iterable[tuple[Target, list[Piece]]]) -> None:
        """Compute what targets do not know yet at the ends and in the middle of their pieces."""
        asked = defaultdict(set)
        for target, pieces in wanted:
            for piece in pieces:
                for place in (*piece, middle(piece)):
                    if place not in self.totals[target]:
                        asked[place].add(target)
        passes = {place: self._passes(place, targets) for place, targets in sorted(asked.items())}
        for times in sorted({len(found) for found in passes.values()} - {0}):
            self._compute({place: found for place, found in passes.items() if len(found) == times})
        for place, targets in asked.items():
            for target in targets - set(passes[place]):
                self.totals[target][place] = self.totals[target[:1]][place] - self.totals[target[1:]][place]

    def _passes(self, place: float, targets: set[Target]) -> list[Target]:
        """Of these targets, those that need a backward pass; not a contrast whose classes are known here or need one too."""
        known = {target for target in self.targets if place in self.totals[target]} | targets
        return [t for t in self.targets if t in targets and (len(t) == 1 or not {t[:1], t[1:]} <= known)]

    def _compute(self, passes: dict[float, list[Target]]) -> None:
        """Places with equally many backward passes each."""
        places = list(passes)
        while places:
            batch = places[: self.at_once]
            try:
                maps_TNHW = self._gradients([passes[place] for place in batch], batch)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self.at_once == 1:
                    raise
                self.at_once = -(-self.at_once // 2)
                continue
            places = places[len(batch) :]
            scores_ND, totals_TN = _fetched(self.seen[0], maps_TNHW.double().sum((2, 3)))
            if not (np.isfinite(scores_ND).all() and np.isfinite(totals_TN).all()):
                raise CoreError(
                    "An output or its gradient is not finite, so there is no attribution. Explain with precision=fp32; if "
                    "it was that, the network's weights are broken."
                )
            for n, place in enumerate(batch):
                for target, value in zip(self.targets, scores_ND[n].tolist()):
                    self.scores[target][place] = value
                for t, target in enumerate(passes[place]):
                    self.totals[target][place] = float(totals_TN[t, n])
                    self.maps.add((place, target), maps_TNHW[t, n])

    def _gradients(self, passes: list[list[Target]], batch: list[float]) -> torch.Tensor:
        """Maps (T, N, H, W) at these places, each for its own targets; their scores lie in ``seen``."""
        shares = torch.tensor(batch, dtype=self.change.dtype, device=self.change.device)
        points, times = self.baseline + shares.view(-1, 1, 1, 1) * self.change, len(passes[0])
        columns = [self.targets.index(own[t]) for t in range(times) for own in passes]
        rows = points.repeat(times, 1, 1, 1).requires_grad_(True)
        gradients = self.gradient.attribute(rows, target=columns, abs=False, additional_forward_args=times)
        return (gradients * (self.change / GRADIENT_SCALE)).sum(1).unflatten(0, (times, -1))

    def map_of(self, target: Target, weights: dict[float, float]) -> np.ndarray:
        """Sum of a target's maps at these places times their weights, float32 (H, W)."""
        of_maps = defaultdict(float)
        for place, weight in weights.items():
            if (place, target) in self.maps:
                of_maps[place, target] += weight
            else:
                of_maps[place, target[:1]] += weight
                of_maps[place, target[1:]] -= weight
        return self.maps.weighted_sum(of_maps)


def _fetched(*tensors: torch.Tensor) -> list[np.ndarray]:
    """In float64 in main memory; a GPU is waited for once for all of them."""
    flat = torch.cat([tensor.double().flatten() for tensor in tensors]).cpu().numpy()
    parts = np.split(flat, np.cumsum([tensor.numel() for tensor in tensors])[:-1])
    return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors)]


class _OnePass(torch.autograd.Function):
    """Scores of rows that hold the same N pictures several times: the network runs forward once, for the first of them, and
    backward once for each time. So captum, which gives every row a target and knows nothing of this, pays for no forward
    pass twice."""

    @staticmethod
    def forward(ctx, rows: torch.Tensor, times: int, scores_of: Callable) -> torch.Tensor:
        with torch.enable_grad():
            points = rows[: len(rows) // times].detach().requires_grad_(True)
            scores = scores_of(points)
        ctx.kept = points, scores
        return scores.detach().repeat(times, 1)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        (points, scores), ctx.kept = ctx.kept, None
        parts = gradient.split(len(points))
        found = [
            torch.autograd.grad(scores, points, part, retain_graph=k < len(parts)) for k, part in enumerate(parts, start=1)
        ]
        return torch.cat([one for (one,) in found]), None, None
