"""Pictures that are the same, or nearly so. Of a crowd of them, such as a burst of thousands, each is found with one other.

Axes as in `pictures`; D all levels of a small copy in one row, B and M some of the N pictures."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations

import numpy as np
from PIL import Image, ImageFilter

from . import pictures as words
from .pictures import NEAR, Codes, Finding, LeakageParameters, Loader, Picture, correlation, finding_of, related

COPY_SIDE, FINER_THAN = 64, 3.0  # small copies that are compared, and the radius of the blur that leaves their detail
ROWS, COLUMNS = 256, 512  # pictures compared with one another at once, so that tables stay small
SHAPES = (0.9, 1.1)  # width over height, of one picture to that of the other
NOT_ASKED = 3  # a border further in than any
ROUNDING = 1e-4  # by which a product of many rows may differ from `correlation`, which decides


def identical(pictures: Sequence[Picture], kind: str, column: str) -> Iterable[Finding]:
    """Pictures of which a hash is the same."""
    same: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        same[getattr(picture, column)].append(picture)
    for fellows in same.values():
        for one, other in combinations(fellows, 2) if len(fellows) <= words.CROWD else _one_other_each(fellows):
            if not related(one, other):
                yield finding_of(kind, one, other, 1.0)


def _one_other_each(crowd: Sequence[Picture]) -> Iterable[tuple[Picture, Picture]]:
    """Every picture of a crowd beside one that is no relative, if there is one: of another place rather than of its own."""
    examples: dict[tuple, list[Picture]] = defaultdict(list)
    for picture in crowd:
        kept = examples[picture.split, picture.fold]
        if len(kept) < 2 and all(not related(picture, other) for other in kept):
            kept.append(picture)
    for picture in crowd:
        own = (picture.split, picture.fold)
        near = [other for place in sorted(examples, key=lambda place: (place[0] == own[0], place == own)) for other in examples[place]]
        other = next((other for other in near if not related(picture, other)), None)
        if other is not None:
            yield picture, other


def near_duplicates(
    pictures: Sequence[Picture],
    load: Loader,
    parameters: LeakageParameters,
    *,
    known: dict[tuple[int, int], Finding],
    tell: Callable[[float], None] = lambda share: None,
) -> tuple[list[Finding], int]:
    """Findings among pictures whose perceptual hashes are close and whose small copies agree, and how many pairs were compared
    by hash. Pairs of keys in `known` are left out, and pictures of one crowd of identical ones are not compared."""
    hashed = [index for index, picture in enumerate(pictures) if picture.perceptual_hash is not None]
    search = _NearSearch([pictures[index] for index in hashed], load, parameters, known)
    found = []
    for share, finding in search.run():
        tell(share)
        if finding is not None:
            found.append(finding)
    return found, len(hashed) * (len(hashed) - 1) // 2


class _NearSearch:
    """Rows of pictures against all others: first by hash, then by copies, until a picture of a crowd is settled."""

    def __init__(self, pictures: Sequence[Picture], load: Loader, parameters: LeakageParameters, known: dict):
        self.pictures, self.parameters = pictures, parameters
        self.codes, self.copies = Codes.of(pictures), _Copies(pictures, load)
        self.hashes_N = np.array([picture.perceptual_hash for picture in pictures], dtype=np.uint64)
        times = Counter(picture.pixel_sha256 for picture in pictures)
        code = {pixels: number for number, pixels in enumerate(pixels for pixels, count in times.items() if count > words.CROWD)}
        self.crowd_N = np.array([code.get(picture.pixel_sha256, -1) for picture in pictures], dtype=np.int64)
        place = {picture.key: index for index, picture in enumerate(pictures)}
        self.known: dict[int, list[int]] = defaultdict(list)
        for first, second in known:
            if first in place and second in place:
                self.known[place[first]].append(place[second])
                self.known[place[second]].append(place[first])
        self.seen: set[tuple[int, int]] = set()  # pairs compared one by one
        self.told: set[tuple[int, int]] = set()  # pairs by which pictures of crowds are reported

    def run(self) -> Iterator[tuple[float, Finding | None]]:
        """Share of the work done, and a finding now and then."""
        total = len(self.pictures)
        for start in range(0, total, ROWS):
            rows_B = np.arange(start, min(start + ROWS, total))
            others_N = np.arange(total)
            candidate_BN = self._candidates(rows_B, others_N)
            many_B = candidate_BN.sum(axis=1) > words.CROWD
            for row, asked_N in zip(rows_B[~many_B].tolist(), candidate_BN[~many_B]):
                yield from ((start / total, finding) for finding in self._each(row, np.flatnonzero(asked_N).tolist()))
            for row, near, is_crowd in self._near_of(rows_B[many_B], candidate_BN[many_B]):
                found = self._first(row, near) if is_crowd else self._each(row, near)
                yield from ((start / total, finding) for finding in found)
            yield (rows_B[-1] + 1) / total, None

    def _each(self, row: int, others: Sequence[int]) -> Iterator[Finding]:
        """Findings of a picture and each of a few others, unless they were compared before."""
        for other in others:
            pair = (min(row, other), max(row, other))
            if pair not in self.seen:
                self.seen.add(pair)
                if (score := self._score(*pair)) is not None:
                    yield finding_of(NEAR, self.pictures[row], self.pictures[other], score)

    def _first(self, row: int, others: Sequence[int]) -> Iterator[Finding]:
        """Of a crowd the picture with which one of it is reported: across the split, else across folds, else any; of these the
        first of all, so that the crowd hangs together. Nothing where they were reported already."""
        for place in np.argsort(self.codes.border(row, np.array(others)), kind="stable").tolist():
            pair = (min(row, others[place]), max(row, others[place]))
            if pair in self.told:
                return
            if (score := self._score(*pair)) is not None:
                self.seen.add(pair)
                self.told.add(pair)
                yield finding_of(NEAR, self.pictures[row], self.pictures[others[place]], score)
                return

    def _near_of(self, rows_B: np.ndarray, candidate_BN: np.ndarray) -> Iterator[tuple[int, list[int], bool]]:
        """For each row with many candidates its near-duplicates, and whether they are a crowd. Of a crowd only so many are
        sought that one across the furthest border is among them."""
        if not len(rows_B):
            return
        border_BN = np.where(candidate_BN, self.codes.border(rows_B[:, None], np.arange(len(self.pictures))[None, :]), NOT_ASKED)
        near_B: list[list[int]] = [[] for _ in rows_B]
        best_B = np.full(len(rows_B), NOT_ASKED)  # the furthest border across which one was found
        order = np.argsort(border_BN.min(axis=0), kind="stable")  # what crosses the split for any row comes first
        for begin in range(0, len(order), COLUMNS):
            least_B = border_BN[:, order[begin:]].min(axis=1)  # the furthest border across which one may still be
            settled_B = np.array([len(near) > words.CROWD for near in near_B]) & (best_B <= least_B)
            open_B = np.flatnonzero(~settled_B & (least_B < NOT_ASKED))
            if not len(open_B):
                break
            columns_M = order[begin : begin + COLUMNS]
            columns_M = columns_M[candidate_BN[np.ix_(open_B, columns_M)].any(axis=0)]
            if not len(columns_M):
                continue
            agree_BM = self.copies.agree(rows_B[open_B], columns_M, candidate_BN[np.ix_(open_B, columns_M)], self.parameters)
            for row, agrees_M in zip(open_B.tolist(), agree_BM):
                if agrees_M.any():
                    near_B[row] += columns_M[agrees_M].tolist()
                    best_B[row] = min(best_B[row], border_BN[row, columns_M[agrees_M]].min())
        for row, near in zip(rows_B.tolist(), near_B):
            yield row, sorted(near), len(near) > words.CROWD

    def _candidates(self, rows_B: np.ndarray, others_N: np.ndarray) -> np.ndarray:
        """Which pairs of a row and another picture are close by hash, no relatives and not known."""
        close_BN = np.bitwise_count(self.hashes_N[rows_B, None] ^ self.hashes_N[None, :]) <= self.parameters.hash_distance
        close_BN &= ~self.codes.related(rows_B[:, None], others_N[None, :])
        crowd_B = self.crowd_N[rows_B]
        close_BN &= ~((crowd_B[:, None] == self.crowd_N[None, :]) & (crowd_B[:, None] >= 0))
        for place, row in enumerate(rows_B.tolist()):
            close_BN[place, self.known.get(row, [])] = False
        return close_BN

    def _score(self, one: int, other: int) -> float | None:
        """The lower of the two correlations as `correlation` computes them; None where one is too low, or the shapes differ."""
        ratio = self.copies.of(one)[2] / self.copies.of(other)[2]
        if not SHAPES[0] < ratio < SHAPES[1]:
            return None
        whole, fine = (correlation(*both) for both in zip(self.copies.levels(one), self.copies.levels(other)))
        if whole < self.parameters.near_correlation or fine < self.parameters.near_detail:
            return None
        return round(min(whole, fine), 4)


class _Copies:
    """Small copies of pictures and what is left of them when blurred, held as bytes: 24 kB each."""

    def __init__(self, pictures: Sequence[Picture], load: Loader):
        self.pictures, self.load = pictures, load
        self.held: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}

    def of(self, index: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Copy and blurred copy, HWC uint8, and width over height."""
        if index not in self.held:
            pixels = Image.fromarray(self.load(self.pictures[index]))
            small = pixels.resize((COPY_SIDE, COPY_SIDE), Image.Resampling.BOX)
            blurred = small.filter(ImageFilter.GaussianBlur(FINER_THAN))
            self.held[index] = (np.asarray(small), np.asarray(blurred), pixels.width / pixels.height)
        return self.held[index]

    def levels(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The copy and its detail, HWC float."""
        small, blurred, _ = self.of(index)
        return np.float32(small), np.float32(small) - np.float32(blurred)

    def agree(self, rows_B: np.ndarray, columns_M: np.ndarray, asked_BM: np.ndarray, parameters: LeakageParameters) -> np.ndarray:
        """Which of the pairs asked for agree in shape, copy and detail, give or take ROUNDING."""
        shape_B, shape_M = (np.array([self.of(index)[2] for index in indices]) for indices in (rows_B, columns_M))
        ratio_BM = shape_B[:, None] / shape_M[None, :]
        agree_BM = asked_BM & (ratio_BM > SHAPES[0]) & (ratio_BM < SHAPES[1])
        lowest = (parameters.near_correlation, parameters.near_detail)
        for which, least in enumerate(lowest):
            rows_BD, columns_MD = (self._unit_rows(indices, which) for indices in (rows_B, columns_M))
            agree_BM &= rows_BD @ columns_MD.T >= least - ROUNDING
        return agree_BM

    def _unit_rows(self, indices: np.ndarray, which: int) -> np.ndarray:
        rows_ND = np.stack([self.levels(index)[which].ravel() for index in indices])
        rows_ND -= rows_ND.mean(axis=1, keepdims=True)
        lengths_N = np.linalg.norm(rows_ND, axis=1, keepdims=True)
        return np.where(lengths_N > 1e-3, rows_ND / np.maximum(lengths_N, 1e-3), 0.0).astype(np.float32)
