"""Find pictures that are the same, nearly the same, or cut out of one another. Arrays only: no Django, no files.

Axes: H height, W width, C colour (R, G, B); N pictures. "Side" is always in pixels."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from PIL import Image, ImageFilter

BYTES, PIXELS, NEAR, CROP, GROUP = "bytes", "pixels", "near", "crop", "group"
CROWD = 20  # more identical pictures than these are reported each with one other: their pairs would be a list nobody reads


@dataclass(frozen=True)
class Picture:
    """What the check needs to know of one picture.

    key: the caller's own, unique. item: pictures of one item are never compared. group: photograph or patient, empty
    when unknown. split, fold: empty and None when not assigned. perceptual_hash: 64 bits, None to leave the picture out
    of the search for near-duplicates.
    """

    key: int
    item: str
    view: str
    group: str
    split: str
    fold: int | None
    original_sha256: str
    pixel_sha256: str
    perceptual_hash: int | None


@dataclass(frozen=True)
class LeakageParameters:
    """How alike is alike.

    hash_distance: bits in which the perceptual hashes of near-duplicates may differ (candidates).
    near_correlation, near_detail: lowest correlation of the 64 px copies, and of their fine detail, that confirms.
    crop_candidate: lowest correlation of 8 x 8 copies at which a place in a whole picture is looked at closely.
    crops_per_picture: so many best places are looked at, in different pictures.
    crop_correlation, crop_detail: as for near-duplicates, after the place was refined; the detail is evened out, so
    that one shared outline (an arm before a wall) does not make a crop.
    crop_last_look: the same detail, asked once more of the pictures in their full size: two bodies in the same pose
    share outlines and shadows at any small size, but no moles, hairs or texture.
    smallest_crop: side of the crop's central square over the long side of the whole picture.
    """

    hash_distance: int = 12
    near_correlation: float = 0.95
    near_detail: float = 0.88
    crop_candidate: float = 0.75
    crops_per_picture: int = 6
    crop_correlation: float = 0.93
    crop_detail: float = 0.85
    crop_last_look: float = 0.76
    smallest_crop: float = 0.12


@dataclass(frozen=True)
class Finding:
    """Two pictures that have something in common. `score`: the lower of the confirming correlations, 0 to 1."""

    kind: str
    first: int
    second: int
    crosses_split: bool
    crosses_fold: bool
    score: float | None = None


@dataclass(frozen=True)
class LeakageResult:
    """Findings, worst first, and how many pairs were compared by hash and by content."""

    findings: tuple[Finding, ...]
    pairs_compared: int
    parameters: LeakageParameters = field(default_factory=LeakageParameters)


Loader = Callable[[Picture], np.ndarray]


def find_leaks(
    pictures: Sequence[Picture],
    load: Loader,
    *,
    load_full: Loader | None = None,
    views: Sequence[str] = (),
    parameters: LeakageParameters | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> LeakageResult:
    """Compare all pictures of a study with one another.

    load: gives a picture's pixels, HWC uint8; a thumbnail of 200 to 400 px is best. It is called once or twice per
    picture. load_full: the same at full size, for the last look at what seems to be a crop; without it, `load` serves.
    Both are called from several threads. views: the study's views from the closest to the widest; crops of the earlier ones are searched in the
    later ones (none when there are fewer than two views). Reported are
    - identical bytes or pixels and near-duplicates of any two items, unless both belong to one group and lie together;
    - crops between groups, for pairs in different splits or folds (elsewhere they do no harm);
    - one example per group and pair of places for groups that straddle a split or a fold.
    A pair is reported once, with the strongest kind; of more than CROWD identical pictures each one only with one other, across
    a split or fold where there is such a one. Mirrored or turned copies are not searched for.
    progress: called with hundredths of the work done, and 100.
    """
    parameters = parameters or LeakageParameters()
    findings: dict[tuple[int, int], Finding] = {}
    identical = [*_identical(pictures, BYTES, "original_sha256"), *_identical(pictures, PIXELS, "pixel_sha256")]
    _add(findings, identical)
    candidates, compared = _hash_candidates(pictures, parameters.hash_distance)
    _add(findings, _confirm_near(pictures, candidates, findings, load, parameters))

    def tell(share: float) -> None:
        if progress:
            progress(round(100 * share), 100)

    tell(0.05)
    search = _CropSearch(pictures, load, load_full or load, parameters)
    crops, places = search.run(views, lambda share: tell(0.05 + 0.95 * share))
    _add(findings, crops)
    _add(findings, _straddling_groups(pictures))
    tell(1.0)
    rank = {kind: place for place, kind in enumerate((BYTES, PIXELS, NEAR, CROP, GROUP))}
    worst_first = sorted(
        findings.values(),
        key=lambda f: (
            not f.crosses_split,
            not f.crosses_fold,
            rank[f.kind],
            -(f.score or 1),
            f.first,
            f.second,
        ),
    )
    return LeakageResult(tuple(worst_first), compared + places, parameters)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson correlation of two arrays of the same shape; 0 when either is constant."""
    a, b = first.ravel() - first.mean(), second.ravel() - second.mean()
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 1e-6 else 0.0


def _add(findings: dict[tuple[int, int], Finding], found: Iterable[Finding]) -> None:
    for finding in found:
        findings.setdefault((finding.first, finding.second), finding)


def _finding(kind: str, one: Picture, other: Picture, score: float | None = None) -> Finding:
    first, second = sorted((one, other), key=lambda picture: picture.key)
    both_split = bool(first.split and second.split)
    both_fold = first.fold is not None and second.fold is not None
    return Finding(
        kind, first.key, second.key, both_split and first.split != second.split,
        both_fold and first.fold != second.fold, score,
    )  # fmt: skip


def _together(one: Picture, other: Picture) -> bool:
    return (one.split, one.fold) == (other.split, other.fold)


def _related(one: Picture, other: Picture) -> bool:
    """Of one item, or of one group that is kept together: likeness is expected."""
    return one.item == other.item or (one.group != "" and one.group == other.group and _together(one, other))


def _identical(pictures: Sequence[Picture], kind: str, column: str) -> Iterable[Finding]:
    same: dict[str, list[Picture]] = defaultdict(list)
    for picture in pictures:
        same[getattr(picture, column)].append(picture)
    for fellows in same.values():
        for one, other in combinations(fellows, 2) if len(fellows) <= CROWD else _one_other_each(fellows):
            if not _related(one, other):
                yield _finding(kind, one, other, 1.0)


def _one_other_each(crowd: Sequence[Picture]) -> Iterable[tuple[Picture, Picture]]:
    """Every picture of a crowd beside one that is no relative, if there is one: of another place rather than of its own."""
    examples: dict[tuple, list[Picture]] = defaultdict(list)
    for picture in crowd:
        kept = examples[picture.split, picture.fold]
        if len(kept) < 2 and all(not _related(picture, other) for other in kept):
            kept.append(picture)
    for picture in crowd:
        own = (picture.split, picture.fold)
        near = [other for place in sorted(examples, key=lambda place: (place[0] == own[0], place == own)) for other in examples[place]]
        other = next((other for other in near if not _related(picture, other)), None)
        if other is not None:
            yield picture, other


# --- near-duplicates


def _hash_candidates(pictures: Sequence[Picture], distance: int) -> tuple[list[tuple[int, int]], int]:
    """Index pairs whose hashes differ in at most `distance` bits, and the number of pairs compared."""
    crowds = {pixels for pixels, times in Counter(picture.pixel_sha256 for picture in pictures).items() if times > CROWD}
    known = [index for index, picture in enumerate(pictures) if picture.perceptual_hash is not None]
    hashes_N = np.array([pictures[index].perceptual_hash for index in known], dtype=np.uint64)
    pairs = []
    for start in range(0, len(known), 256):  # blocks of rows keep the table of distances small
        block = hashes_N[start : start + 256, None] ^ hashes_N[None, start:]
        rows, columns = np.nonzero(np.bitwise_count(block) <= distance)
        for row, column in zip(rows.tolist(), columns.tolist()):
            if column > row:
                one, other = known[start + row], known[start + column]
                if pictures[one].pixel_sha256 == pictures[other].pixel_sha256 and pictures[one].pixel_sha256 in crowds:
                    continue  # reported as identical, each with one other
                if not _related(pictures[one], pictures[other]):
                    pairs.append((one, other))
    return pairs, len(known) * (len(known) - 1) // 2


def _confirm_near(pictures, candidates, findings, load: Loader, parameters: LeakageParameters) -> Iterable[Finding]:
    copies: dict[int, tuple[np.ndarray, np.ndarray, float]] = {}

    def copy_of(index: int) -> tuple[np.ndarray, np.ndarray, float]:
        if index not in copies:
            pixels = Image.fromarray(load(pictures[index]))
            small = pixels.resize((64, 64), Image.Resampling.BOX)
            copies[index] = (np.float32(small), _detail(small), pixels.width / pixels.height)
        return copies[index]

    for one, other in candidates:
        if tuple(sorted((pictures[one].key, pictures[other].key))) in findings:
            continue
        (first, first_detail, first_shape), (second, second_detail, second_shape) = copy_of(one), copy_of(other)
        if not 0.9 < first_shape / second_shape < 1.1:
            continue
        whole, fine = correlation(first, second), correlation(first_detail, second_detail)
        if whole >= parameters.near_correlation and fine >= parameters.near_detail:
            yield _finding(NEAR, pictures[one], pictures[other], round(min(whole, fine), 4))


def _detail(picture: Image.Image, radius: float = 3.0) -> np.ndarray:
    """What is finer than `radius` pixels, HWC: two smooth gradients correlate, their details do not."""
    return np.float32(picture) - np.float32(picture.filter(ImageFilter.GaussianBlur(radius)))


# --- crops


def _even_detail(picture: Image.Image) -> np.ndarray:
    """Detail with the same strength everywhere, HWC, so that one strong outline cannot stand for all the rest."""
    from scipy.ndimage import gaussian_filter

    detail_HWC = _detail(picture)
    strength_HW = np.sqrt(gaussian_filter((detail_HWC**2).mean(axis=2), 2.0))
    return detail_HWC / (strength_HW + FAINT)[:, :, None]


# Grey levels: detail much fainter than this is noise of the encoding.
FAINT = 2.0
CELLS = 8  # a crop and each window are first compared as 8 x 8 grey copies
SCALE_STEP = 1.12
# Rounds of the search around a candidate: side of the copies, step of size, reach of the shift in sides, and how far
# below the demanded correlation the round may end.
REFINEMENT = ((16, 1.1, 1 / 8, 0.16), (32, 1.035, 1 / 16, 0.06), (64, 1.012, 1 / 32, 0.0))
# Of the last look: most and fewest pixels of a side, step of size, reach of the shift in sides.
LAST_LOOK = (128, 64, 1.012, 1 / 32)
WHOLE_SIDE = 288


@dataclass(frozen=True)
class _Candidate:
    """A place where a crop may have been cut out: 8 x 8 correlation, which whole picture, box (left, top, side)."""

    score: float
    whole: int
    box: tuple[float, float, float]


class _CropSearch:
    """Crops of a closer view found in pictures of a wider view, of another group and in another place."""

    def __init__(self, pictures, load: Loader, load_full: Loader, parameters: LeakageParameters):
        self.pictures, self.load, self.load_full, self.parameters = pictures, load, load_full, parameters

    def run(self, views: Sequence[str], tell: Callable[[float], None]) -> tuple[list[Finding], int]:
        """The findings, and how many places were compared. Pillow and numpy work outside the interpreter's lock."""
        closer, wider = set(views[:-1]), set(views[1:])
        self.crops = [picture for picture in self.pictures if picture.view in closer]
        self.wholes = [picture for picture in self.pictures if picture.view in wider]
        if not self.crops or not self.wholes:
            return [], 0
        steps = round(np.log(1 / self.parameters.smallest_crop) / np.log(SCALE_STEP))
        self.scales = np.geomspace(self.parameters.smallest_crop, 1.0, steps)
        candidates: list[list[_Candidate]] = [[] for _ in self.crops]
        places = 0
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            self.squares = list(pool.map(lambda crop: _central_square(self.load(crop)), self.crops))
            self.templates_ND = _unit_rows(np.stack([_grey_cells(square).ravel() for square in self.squares]))
            for done, (windows, found) in enumerate(pool.map(self._look_into, range(len(self.wholes))), start=1):
                places += windows * len(self.crops)
                for number, candidate in found:
                    candidates[number].append(candidate)
                tell(0.5 * done / len(self.wholes))
            findings: list[Finding] = []
            best = self._best_by_whole(candidates)
            for done, confirmed in enumerate(pool.map(self._confirm, best, best.values()), start=1):
                findings += confirmed
                tell(0.5 + 0.5 * done / len(best))
        return findings, places

    def _look_into(self, index: int) -> tuple[int, list[tuple[int, _Candidate]]]:
        """How many windows a whole picture has, and its best place for every crop that may come from it."""
        whole = self.wholes[index]
        windows_MD, boxes_M3 = _windows(_small_whole(self.load(whole)), self.scales)
        if not len(windows_MD):
            return 0, []
        scores_NM = self.templates_ND @ windows_MD.T
        columns = scores_NM.argmax(axis=1)
        best_N = scores_NM[np.arange(len(columns)), columns]
        return len(windows_MD), [
            (number, _Candidate(float(best_N[number]), index, tuple(boxes_M3[columns[number]])))
            for number in np.flatnonzero(best_N >= self.parameters.crop_candidate).tolist()
            if _worth_searching(self.crops[number], whole)
        ]

    def _best_by_whole(self, candidates: Sequence[Sequence[_Candidate]]) -> dict[int, list[tuple[int, _Candidate]]]:
        """Each crop's best candidates, with the crop's number, by whole picture: each of these is then read once."""
        by_whole: dict[int, list[tuple[int, _Candidate]]] = defaultdict(list)
        for number, of_crop in enumerate(candidates):
            ranked = sorted(of_crop, key=lambda one: (-one.score, one.whole))
            for candidate in ranked[: self.parameters.crops_per_picture]:
                by_whole[candidate.whole].append((number, candidate))
        return by_whole

    def _confirm(self, index: int, candidates: Sequence[tuple[int, _Candidate]]) -> list[Finding]:
        """What stands up to a closer look of the candidates in one whole picture."""
        whole, findings = self.wholes[index], []
        small = _small_whole(self.load(whole))
        for number, candidate in candidates:
            found = _refine(self.squares[number], small, candidate.box, self.parameters)
            if found is None:
                continue
            score, box = found
            crop, full = self.crops[number], Image.fromarray(self.load_full(whole))
            box = tuple(length * full.width / small.width for length in box)
            last = _last_look(_central_square(self.load_full(crop)), full, box)
            if last >= self.parameters.crop_last_look:
                findings.append(_finding(CROP, crop, whole, round(min(score, last), 4)))
        return findings


def _small_whole(pixels_HWC: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels_HWC)
    picture.thumbnail((WHOLE_SIDE, WHOLE_SIDE), Image.Resampling.BOX)
    return picture


def _worth_searching(crop: Picture, whole: Picture) -> bool:
    same_group = crop.group != "" and crop.group == whole.group
    return crop.item != whole.item and not same_group and not _together(crop, whole)


def _central_square(pixels_HWC: np.ndarray) -> Image.Image:
    """The central square of a crop is a crop of the same whole, and every window can then be a square."""
    height, width = pixels_HWC.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return Image.fromarray(pixels_HWC[top : top + side, left : left + side])


def _grey_cells(square: Image.Image) -> np.ndarray:
    return np.float32(square.convert("L").resize((CELLS, CELLS), Image.Resampling.BOX))


def _unit_rows(rows_ND: np.ndarray) -> np.ndarray:
    """Rows without their mean, of length one, so that a product of rows is a correlation. Flat rows become zero."""
    centred = rows_ND - rows_ND.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.float32(np.where(norms > 1.0, centred / np.maximum(norms, 1.0), 0.0))


def _windows(picture: Image.Image, scales: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All square windows of a whole picture at all scales as unit rows of 8 x 8 greys, and where they lie.

    Boxes: (left, top, side) in pixels of `picture`. At each scale the picture is made so small that a window has
    8 x 8 pixels; windows start at every pixel of that copy (every second one where there are very many).
    """
    grey, long_side = picture.convert("L"), max(picture.size)
    rows, boxes = [], []
    for scale in scales:
        side = scale * long_side
        width, height = (max(1, round(edge * CELLS / side)) for edge in picture.size)
        if min(width, height) < CELLS:
            continue
        copy_HW = np.float32(grey.resize((width, height), Image.Resampling.BOX))
        step = 2 if min(width, height) > 5 * CELLS else 1
        windows = np.lib.stride_tricks.sliding_window_view(copy_HW, (CELLS, CELLS))[::step, ::step]
        tops, lefts = np.mgrid[0 : windows.shape[0], 0 : windows.shape[1]] * step
        rows.append(windows.reshape(-1, CELLS * CELLS))
        sides = np.full(tops.size, CELLS * picture.width / width)
        boxes.append(
            np.stack([lefts.ravel() * picture.width / width, tops.ravel() * picture.height / height, sides], 1)
        )
    if not rows:
        return np.zeros((0, CELLS * CELLS), np.float32), np.zeros((0, 3))
    return _unit_rows(np.concatenate(rows)), np.concatenate(boxes)


def _refine(square: Image.Image, whole: Image.Image, box, parameters: LeakageParameters):
    """The lower of the two correlations at the best place near `box`, and that place; None when it is no crop."""
    for cells, spread, reach, slack in REFINEMENT:
        template = square.resize((cells, cells), Image.Resampling.BOX)
        score, box, found_HWC = _best_place(template, whole, box, spread, reach)
        if score < parameters.crop_correlation - slack:
            return None
    fine = _detail_in_common(template, found_HWC)
    return (min(score, fine), box) if fine >= parameters.crop_detail else None


def _last_look(square: Image.Image, whole: Image.Image, box) -> float:
    """How far the detail of a crop agrees with the place in the whole picture, both as large as both really are."""
    most, least, spread, reach = LAST_LOOK
    cells = int(np.clip(min(square.width, box[2]), least, most))
    template = square.resize((cells, cells), Image.Resampling.BOX)
    return _detail_in_common(template, _best_place(template, whole, box, spread, reach)[2])


def _best_place(template: Image.Image, whole: Image.Image, box, spread: float, reach: float):
    """The best of three sizes about `box`: as `_best_shift`."""
    target_HWC = np.float32(template)
    places = [_best_shift(target_HWC, whole, _grown(box, spread**grow), reach) for grow in (-1, 0, 1)]
    return max(places, key=lambda best: best[0])


def _detail_in_common(template: Image.Image, found_HWC: np.ndarray) -> float:
    found = Image.fromarray(np.uint8(found_HWC))
    return correlation(*(_even_detail(both.reduce(2)) for both in (template, found)))


def _grown(box: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    left, top, side = box
    return left + side * (1 - factor) / 2, top + side * (1 - factor) / 2, side * factor


def _best_shift(target_HWC: np.ndarray, whole: Image.Image, box, reach: float):
    """Correlation, box (left, top, side) and pixels of the best place at most `reach` sides away from `box`."""
    cells = target_HWC.shape[0]
    side = min(box[2], *whole.size)
    margin = side * reach
    left, top = max(0.0, min(box[0] - margin, whole.width - side)), max(0.0, min(box[1] - margin, whole.height - side))
    right, bottom = min(whole.width, left + side + 2 * margin), min(whole.height, top + side + 2 * margin)
    size = tuple(max(cells, round(edge * cells / side)) for edge in (right - left, bottom - top))
    region_HWC = np.float32(whole.resize(size, Image.Resampling.BILINEAR, box=(left, top, right, bottom)))
    scores_YX = _correlations(region_HWC - region_HWC.mean(), target_HWC)
    y, x = np.unravel_index(int(scores_YX.argmax()), scores_YX.shape)
    found = (left + x * side / cells, top + y * side / cells, side)
    return float(scores_YX[y, x]), found, region_HWC[y : y + cells, x : x + cells]


def _correlations(region_HWC: np.ndarray, target_HWC: np.ndarray) -> np.ndarray:
    """Correlation of the target with every window of the region, (H - h + 1, W - w + 1); 0 where a window is flat.

    The target without its mean makes the product that of centred windows; the region about zero keeps the variance, a
    difference of sums, exact.
    """
    height, width, _ = target_HWC.shape
    windows = np.lib.stride_tricks.sliding_window_view(region_HWC, (height, width), axis=(0, 1))
    rows_ND = windows.transpose(0, 1, 3, 4, 2).reshape(windows.shape[0] * windows.shape[1], -1)
    products_N = rows_ND @ _unit_rows(target_HWC.reshape(1, -1))[0]
    sums_N = rows_ND @ np.ones(rows_ND.shape[1], np.float32)
    norms_N = np.sqrt(np.maximum(np.einsum("nd,nd->n", rows_ND, rows_ND) - sums_N**2 / rows_ND.shape[1], 0.0))
    return np.where(norms_N > 1.0, products_N / np.maximum(norms_N, 1.0), 0.0).reshape(windows.shape[:2])


# --- groups


def _straddling_groups(pictures: Sequence[Picture]) -> Iterable[Finding]:
    """One example per group and pair of places, so that a large group does not drown the report."""
    places: dict[str, dict[tuple, Picture]] = defaultdict(dict)
    for picture in pictures:
        if picture.group:
            places[picture.group].setdefault((picture.split, picture.fold), picture)
    for examples in places.values():
        for one, other in combinations(examples.values(), 2):
            finding = _finding(GROUP, one, other)
            if finding.crosses_split or finding.crosses_fold:
                yield finding
