"""Of which training picture is a picture a copy, or which is a copy of it: over all flips, quarter turns and crops.

Two steps. Coarse: every box of a grid (sides of .6 to 1, places a twentieth apart) of one picture is compared with every turn of
the other, whole, in few frequencies; that is one product of matrices per block of pictures. Fine: the best few pairs are
aligned by their four edges, so that any box is found, squeezed ones too. Either picture may be the box of the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from generative.core.judging import spectra
from generative.core.judging.spectra import Whitening, planes, turns_of, waves, whole
from generative.core.judging.variants import TURNS, sized

SIDES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6)
STEP = 0.05
LEAST_SIDE = 0.55
TRIED, KEPT = 8, 4
BLOCK, PAIRS = 48, 256
COARSE_STEPS, FINE_STEPS = 4, 6
SLOPE_STEP, MOVE_MAX = 1e-3, 0.05
DAMPING, EASED, STIFFENED = 1e-2, 0.25, 6.0
WHOLE_FROM = 0.985
EXACT = 1e-3


@dataclass(frozen=True)
class Match:
    """A training picture and how it fits: the whole one of the two, turned, lies on the box (top, bottom, left, right, in
    parts of the side) of the other; `own` when the box is of the picture that was looked up, not of the training picture."""

    index: int
    distance: float
    turn: int
    box: tuple[float, float, float, float]
    own: bool

    @property
    def how(self) -> str:
        """In words, for a curator."""
        top, bottom, left, right = self.box
        if min(bottom - top, right - left) >= WHOLE_FROM:
            return TURNS[self.turn]
        part = f"{100 * (right - left):.0f} x {100 * (bottom - top):.0f} % of the side, from {100 * left:.0f} % left, {100 * top:.0f} % top"
        if self.own:
            return f"holds the training picture, {TURNS[self.turn]}, in {part}"
        return f"{TURNS[self.turn]}, of the training picture {part}"


def _grid() -> list[tuple[float, torch.Tensor]]:
    """Sides, and the places at which boxes of each begin, in either direction."""
    return [(side, torch.linspace(0, 1 - side, max(round((1 - side) / STEP), 0) + 1)) for side in SIDES]


class Matcher:
    """The training pictures (N, 3, H, W), ready to be searched; `like`: with the weights of another one's frequencies."""

    def __init__(self, train: np.ndarray, like: Matcher | None = None):
        self.side = spectra.comparing_side(train.shape[-1])
        self.pictures = sized(train, self.side)
        if like is None:
            sample, bands = planes(self.pictures[:spectra.FITTED_ON]), spectra.bands_of(self.side)
            self.fine, self.coarse = Whitening(sample, bands), Whitening(sample, min(bands, spectra.COARSE_BANDS))
        else:
            self.fine, self.coarse = like.fine, like.coarse
        self.boxes = torch.cat(
            [torch.stack([y, y + side, x, x + side], -1).reshape(-1, 4)
             for side, places in _grid() for y, x in [torch.meshgrid(places, places, indexing="ij")]]
        )  # fmt: skip

    def search(
        self, images: np.ndarray, *, forbid: np.ndarray | None = None, tell: Callable[[int, int], None] = lambda *_: None
    ) -> list[list[Match]]:
        """For each picture its nearest training pictures, nearest first, at most KEPT. `forbid` (pictures, training) marks pairs that
        may not be compared; a picture with nothing left has no match. `tell(done, total)` is called after every block of pictures."""
        mine, found = sized(images, self.side), [[] for _ in images]
        tried = min(TRIED, 8 * len(self.pictures))
        with torch.no_grad():
            for start in range(0, len(mine), BLOCK):
                part = mine[start : start + BLOCK]
                barred = None if forbid is None else torch.from_numpy(forbid[start : start + BLOCK])
                for own in (False, True):
                    likely = self._likely(part, own, barred, tried)
                    for row, match in self._aligned(part, own, *likely):
                        found[start + row].append(match)
                tell(min(start + BLOCK, len(mine)), len(mine))
        return [sorted(row, key=_nearness)[:KEPT] for row in found]

    def _likely(self, mine: np.ndarray, own: bool, barred, tried: int) -> tuple[torch.Tensor, ...]:
        """(score, turn, training index, box number), each (pictures, tried), of the pairs that fit best in few frequencies."""
        best = None
        fixed = self._boxed(mine) if own else self._turned(mine)
        for start in range(0, len(self.pictures), BLOCK):
            part = self.pictures[start : start + BLOCK]
            if own:
                score, box = _best_boxes(self._turned(part), fixed)
                score, box = score.permute(2, 1, 0), box.permute(2, 1, 0)
            else:
                score, box = _best_boxes(fixed, self._boxed(part))
            if barred is not None:
                score = score.masked_fill(barred[:, None, start : start + BLOCK], -torch.inf)
            value, place = score.flatten(1).topk(min(tried, score[0].numel()), 1)
            turn, index = place // len(part), place % len(part) + start
            rows = [value, turn, index, box.flatten(1).gather(1, place)]
            rows = rows if best is None else [torch.cat(both, 1) for both in zip(best, rows, strict=True)]
            order = rows[0].topk(min(tried, rows[0].shape[1]), 1).indices
            best = [row.gather(1, order) for row in rows]
        return tuple(best)

    def _turned(self, images: np.ndarray) -> torch.Tensor:
        return self.coarse(turns_of(whole(planes(images), self.coarse.bands)))

    def _boxed(self, images: np.ndarray) -> torch.Tensor:
        """Vectors (N, boxes, d) of all boxes of the grid, in the order of `self.boxes`."""
        x, parts = planes(images), []
        for side, places in _grid():
            w = waves(places, places + side, self.coarse.bands, self.side)
            across = torch.einsum("pkw,nchw->npchk", w, x)
            parts.append(self.coarse(torch.einsum("qlh,npchk->nqpclk", w, across)).flatten(1, 2))
        return torch.cat(parts, 1)

    def _aligned(self, mine: np.ndarray, own: bool, score, turn, index, box) -> Iterator[tuple[int, Match]]:
        """The likely pairs with their edges moved to where they fit best: (row, match)."""
        rows, columns = torch.nonzero(torch.isfinite(score), as_tuple=True)
        for start in range(0, len(rows), PAIRS):
            r, c = rows[start : start + PAIRS], columns[start : start + PAIRS]
            to, turned, edges = index[r, c], turn[r, c], self.boxes[box[r, c]]
            pair = (mine[r.numpy()], self.pictures[to.numpy()])
            x, y = (planes(picture) for picture in (pair if own else pair[::-1]))
            among = torch.arange(len(r))
            for whitening, steps in ((self.coarse, COARSE_STEPS), (self.fine, FINE_STEPS)):
                target = whitening(turns_of(whole(y, whitening.bands))[among, turned])
                edges, distance = _fitted(x, target, edges, whitening, steps)
            for i in range(len(r)):
                place = tuple(round(edge, 4) for edge in edges[i].tolist())
                yield int(r[i]), Match(int(to[i]), float(distance[i]), int(turned[i]), place, own)


def _nearness(match: Match) -> tuple[float, bool]:
    """What matches are ordered by. An exact copy fits both ways, with turns that undo one another, at distances that only
    rounding tells apart: then the training picture's turn counts."""
    return (match.distance if match.distance > EXACT else 0.0), not match.own


def _best_boxes(turned: torch.Tensor, boxed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of turned whole pictures (W, 8, d) and boxes (B, boxes, d): the likeness (W, 8, B) of the best box, and which."""
    likeness = turned.flatten(0, 1) @ boxed.flatten(0, 1).T
    return likeness.view(*turned.shape[:2], *boxed.shape[:2]).max(-1)


def _inside(edges: torch.Tensor) -> torch.Tensor:
    """Edges within the picture, no side shorter than LEAST_SIDE."""
    low, high = edges[:, 0::2].clamp(0, 1), edges[:, 1::2].clamp(0, 1)
    low = (low - (LEAST_SIDE - (high - low)).clamp(min=0) / 2).clamp(0, 1 - LEAST_SIDE)
    return torch.stack([low, torch.maximum(high, low + LEAST_SIDE)], 2).flatten(1)


def _fitted(x: torch.Tensor, target: torch.Tensor, edges: torch.Tensor, whitening: Whitening, steps: int):
    """Move the edges (B, 4) of boxes in x (B, 3, S, S) until their vectors are nearest to target (B, d): damped
    least squares. (edges, distance)."""

    def waved(ends: torch.Tensor) -> torch.Tensor:
        return waves(ends[:, 0], ends[:, 1], whitening.bands, x.shape[-1])

    def tried(edges: torch.Tensor):
        rows, columns = waved(edges[:, :2]), waved(edges[:, 2:])
        vector = whitening.weighted(rows[:, None] @ x @ columns[:, None].mT)
        length = vector.norm(dim=1, keepdim=True).clamp(min=1e-12)
        return rows, columns, vector / length, length

    edges = _inside(edges)
    rows, columns, vector, length = tried(edges)
    cost = ((vector - target) ** 2).sum(1)
    damping = torch.full_like(cost, DAMPING)
    for _ in range(steps):
        slopes = _slopes(x, edges, rows, columns, waved, whitening) / length[:, :, None]
        slopes = slopes - vector[:, :, None] * (vector[:, None] @ slopes)  # along the sphere
        pull = (slopes.mT @ (vector - target)[:, :, None])[:, :, 0]
        held = ((edges <= 0) & (pull > 0)) | ((edges >= 1) & (pull < 0))  # it would leave the picture
        free = (~held).float()
        bend = slopes.mT @ slopes * free[:, :, None] * free[:, None]
        ridge = damping[:, None] * bend.diagonal(dim1=1, dim2=2) + 1e-6 + held.float()
        move = torch.linalg.solve(bend + torch.diag_embed(ridge), pull * free)
        there = _inside(edges - move.clamp(-MOVE_MAX, MOVE_MAX))
        new = tried(there)
        less = ((new[2] - target) ** 2).sum(1)
        better = less < cost
        edges, cost = torch.where(better[:, None], there, edges), torch.where(better, less, cost)
        rows, columns = (torch.where(better[:, None, None], n, o) for n, o in zip(new[:2], (rows, columns), strict=True))
        vector, length = (torch.where(better[:, None], n, o) for n, o in zip(new[2:], (vector, length), strict=True))
        damping = torch.where(better, damping * EASED, damping * STIFFENED)
    return edges, cost.sqrt()


def _slopes(x, edges, rows, columns, waved, whitening) -> torch.Tensor:
    """How the weighted coefficients change with each edge: (B, d, 4)."""
    step = torch.where(edges < 0.5, SLOPE_STEP, -SLOPE_STEP)
    by_rows, by_columns, out = rows[:, None] @ x, x @ columns[:, None].mT, []
    for i in range(4):
        axis, end = divmod(i, 2)
        ends = edges[:, 2 * axis : 2 * axis + 2].clone()
        ends[:, end] += step[:, i]
        change = ((waved(ends) - (rows, columns)[axis]) / step[:, i, None, None])[:, None]
        out.append(whitening.weighted(change @ by_columns if axis == 0 else by_rows @ change.mT))
    return torch.stack(out, 2)
