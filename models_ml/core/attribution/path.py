"""Straight paths from baselines to pictures, walked once for all targets, and by one network for several pictures at once.

At every place the network is run forward once, whatever is asked for there, and backward once per target that cannot be
had by subtraction: the gradient of a contrast is that of its one class minus that of the other. Rounds that ask for few
places of each picture fill a GPU with those of several. It is waited for once per round, when all of it was handed over.
Axes: P paths, N places of them at once, T backward passes over them, D targets, C classes, H, W pixels of the network's square.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch

from models_ml.core.attribution.map_store import MapStore
from models_ml.core.device import free_memory, handed_over, out_of_memory
from models_ml.core.errors import CoreError

Target = tuple[int, ...]  # a class: its logit is explained; two classes: the first one's lead over the second (a contrast)
Piece = tuple[float, float]  # of a path, from one place to another

BATCH, BATCH_ON_GPU = 16, 64  # pictures along the path at once, at most
PIXELS = BATCH * 96**2  # and on a processor so many pixels: beyond its caches larger batches only cost (448 px: one at a time)
MAPS_BYTES, MAPS_BYTES_ON_GPU = 2**28, 2**31  # of all paths' maps in memory, at least; a GPU has that beside its batches
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


def next_batch(left: int, most: int, *, of_equal_size: bool) -> int:
    """How many of the places left to take. A GPU is left idle by a small batch at the end, so all get about the same size; a
    processor's convolutions do best with full ones of 16."""
    return -(-left // -(-left // most)) if of_equal_size else min(left, most)


def middle(piece: Piece) -> float:
    return (piece[0] + piece[1]) / 2


def room_for_maps(device: torch.device) -> int:
    """Bytes for all paths' maps. A GPU waits for each map that does not fit, so it gives an eighth of what it has free."""
    return MAPS_BYTES if device.type == "cpu" else max(MAPS_BYTES_ON_GPU, free_memory(device) // 8)


class StraightPath:
    """What was computed of one picture at places from 0, its baseline, to 1, itself.

    scores[target][place]: of every target, wherever the path was visited. totals[target][place]: where the target was
    asked for, the sum over pixels of its gradient times the whole change. The maps (H, W) of these products, summed over the
    colours, are kept in at most ``maps_bytes`` of memory, but for those of contrasts that two classes' maps give.
    """

    def __init__(self, targets: Iterable[Target], maps_bytes: int):
        self.targets = list(dict.fromkeys(targets))
        self.scores, self.totals = ({target: {} for target in self.targets} for _ in range(2))
        self.maps = MapStore(maps_bytes)

    def passes(self, place: float, targets: set[Target]) -> list[Target]:
        """Of these targets, those that need a backward pass; not a contrast whose classes are known here or need one too."""
        known = {target for target in self.targets if place in self.totals[target]} | targets
        return [t for t in self.targets if t in targets and (len(t) == 1 or not {t[:1], t[1:]} <= known)]

    def subtract(self, place: float, target: Target) -> None:
        """The contrast's total where its two classes' are known."""
        self.totals[target][place] = self.totals[target[:1]][place] - self.totals[target[1:]][place]

    def map_of(self, target: Target, weights: dict[float, float]) -> torch.Tensor:
        """Sum of a target's maps at these places times their weights, float64 (H, W)."""
        of_maps = defaultdict(float)
        for place, weight in weights.items():
            if (place, target) in self.maps:
                of_maps[place, target] += weight
            else:
                of_maps[place, target[:1]] += weight
                of_maps[place, target[1:]] -= weight
        return self.maps.weighted_sum(of_maps)


class Walk:
    """One network on the straight paths of several pictures, (1, C, H, W) each, from a baseline each."""

    def __init__(
        self,
        logits_of: Callable,
        images: Sequence[torch.Tensor],
        baselines: Sequence[torch.Tensor],
        targets: Sequence[Iterable[Target]],
    ):
        from captum.attr import Saliency

        self.baseline_PCHW, image_PCHW = torch.cat(list(baselines)), torch.cat(list(images))
        self.change_PCHW, self.at_once = image_PCHW - self.baseline_PCHW, at_once(image_PCHW)
        maps_bytes = room_for_maps(image_PCHW.device) // len(images)
        self.paths = [StraightPath(own, maps_bytes) for own in targets]
        self.targets = list(dict.fromkeys(target for path in self.paths for target in path.targets))
        wanted, seen = self.targets, []

        def scores_of(points_NCHW: torch.Tensor) -> torch.Tensor:  # holds no path, so that maps go when their path does
            logits = logits_of(points_NCHW)
            scores_ND = torch.stack([score(logits, target) for target in wanted], 1)
            seen[:] = [scores_ND.detach()]
            return scores_ND * GRADIENT_SCALE

        self.seen = seen
        self.gradient = Saliency(lambda rows, columns_TN: _OnePass.apply(rows, columns_TN, scores_of))

    def visit(self, wanted: Iterable[tuple[int, Target, list[Piece]]]) -> None:
        """Compute what targets of paths (by number) do not know yet at the ends and in the middle of their pieces."""
        asked = defaultdict(set)
        for p, target, pieces in wanted:
            for piece in pieces:
                for place in (*piece, middle(piece)):
                    if place not in self.paths[p].totals[target]:
                        asked[p, place].add(target)
        passes = {where: self.paths[where[0]].passes(where[1], targets) for where, targets in sorted(asked.items())}
        for times in sorted({len(found) for found in passes.values()} - {0}):
            self._compute({where: found for where, found in passes.items() if len(found) == times}, times)
        for (p, place), targets in asked.items():
            for target in targets - set(passes[p, place]):
                self.paths[p].subtract(place, target)

    def _compute(self, passes: dict[tuple[int, float], list[Target]], times: int) -> None:
        """Places with equally many backward passes each, in batches; their outputs and sums are fetched when all are on
        their way."""
        places, found, done = list(passes), [], 0
        on_device = self._handed_over(passes, times)
        while done < len(places):
            batch = slice(done, done + next_batch(len(places) - done, self.at_once, of_equal_size=self.baseline_PCHW.is_cuda))
            try:
                maps_TNHW = self._gradients(*(part[..., batch] for part in on_device))
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or self.at_once == 1:
                    raise
                self.at_once = -(-self.at_once // 2)
                continue
            found += [self.seen[0], maps_TNHW.sum((2, 3), dtype=torch.float64).T]
            for n, (p, place) in enumerate(places[batch]):
                for t, target in enumerate(passes[p, place]):
                    self.paths[p].maps.add((place, target), maps_TNHW[t, n])
            done += len(places[batch])
        fetched = _fetched(*found)
        scores_ND, totals_NT = np.concatenate(fetched[::2]), np.concatenate(fetched[1::2])
        if not (np.isfinite(scores_ND).all() and np.isfinite(totals_NT).all()):
            raise CoreError(
                "An output or its gradient is not finite, so there is no attribution. Explain with precision=fp32; if "
                "it was that, the network's weights are broken."
            )
        for (p, place), scores_D, totals_T in zip(places, scores_ND.tolist(), totals_NT.tolist()):
            path, scores = self.paths[p], dict(zip(self.targets, scores_D))
            for target in path.targets:
                path.scores[target][place] = scores[target]
            for target, total in zip(passes[p, place], totals_T):
                path.totals[target][place] = total

    def _handed_over(self, passes: dict[tuple[int, float], list[Target]], times: int) -> list[torch.Tensor]:
        """Of every place its path's number and its share (N,), and the columns of its targets (T, N), on the device."""
        device, dtype = self.change_PCHW.device, self.change_PCHW.dtype
        columns = [[self.targets.index(own[t]) for own in passes.values()] for t in range(times)]
        which, shares = ([where[k] for where in passes] for k in range(2))
        numbers = handed_over([which, *columns], torch.int64, device)
        return [numbers[0], handed_over(shares, dtype, device), numbers[1:]]

    def _gradients(self, which_N: torch.Tensor, share_N: torch.Tensor, columns_TN: torch.Tensor) -> torch.Tensor:
        """Maps (T, N, H, W) at these places, each for its own targets; their scores lie in ``seen``."""
        change_NCHW = self.change_PCHW[which_N]
        points = self.baseline_PCHW[which_N] + share_N.view(-1, 1, 1, 1) * change_NCHW
        rows = points.expand(len(columns_TN), *points.shape).requires_grad_(True)
        gradients = self.gradient.attribute(rows, abs=False, additional_forward_args=columns_TN)
        return gradients.mul_(change_NCHW / GRADIENT_SCALE).sum(2)


def fetched_maps(maps: Sequence[torch.Tensor]) -> np.ndarray:
    """Maps (H, W) together in main memory, float32 (K, H, W)."""
    return torch.stack(list(maps)).cpu().numpy().astype(np.float32)


def _fetched(*tensors: torch.Tensor) -> list[np.ndarray]:
    """In float64 in main memory; a GPU is waited for once for all of them."""
    flat = torch.cat([tensor.double().flatten() for tensor in tensors]).cpu().numpy()
    parts = np.split(flat, np.cumsum([tensor.numel() for tensor in tensors])[:-1])
    return [part.reshape(tensor.shape) for part, tensor in zip(parts, tensors)]


class _OnePass(torch.autograd.Function):
    """The sum of scores of rows (T, N, C, H, W) that hold the same N pictures T times, of each the score in its own column (T, N):
    the network runs forward once, and backward once for each time. So captum, which asks for the gradient of one number by all
    rows, pays for no forward pass twice. A picture's score depends on no other picture, so a row's gradient is that of its own.
    """

    @staticmethod
    def forward(ctx, rows: torch.Tensor, columns_TN: torch.Tensor, scores_of: Callable) -> torch.Tensor:
        with torch.enable_grad():
            points = rows[0].detach().requires_grad_(True)
            scores_ND = scores_of(points)
        ctx.kept = points, scores_ND, columns_TN
        return scores_ND.detach().gather(1, columns_TN.T).sum().view(1)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple:
        (points, scores_ND, columns_TN), ctx.kept = ctx.kept, None
        asked_TND = torch.zeros((len(columns_TN), *scores_ND.shape), dtype=scores_ND.dtype, device=scores_ND.device)
        asked_TND.scatter_(2, columns_TN[..., None], gradient.expand(*columns_TN.shape, 1))
        last = len(columns_TN) - 1
        found = [torch.autograd.grad(scores_ND, points, one, retain_graph=k < last) for k, one in enumerate(asked_TND)]
        return torch.stack([one for (one,) in found]), None, None
