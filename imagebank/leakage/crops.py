"""Crops of a closer view in pictures of a wider one: first at 8 x 8 greys everywhere, then ever closer where it seemed so.

Axes and "side" as in `pictures`."""

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .pictures import CROP, Codes, Finding, LeakageParameters, Loader, correlation, detail_of, finding_of


def _even_detail(picture: Image.Image) -> np.ndarray:
    """Detail with the same strength everywhere, HWC, so that one strong outline cannot stand for all the rest."""
    from scipy.ndimage import gaussian_filter

    detail_HWC = detail_of(picture)
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
AT_ONCE = 1024  # crops compared with the windows of one whole picture
HELD = 3  # times as many candidates as are looked at are held of a crop before the worst are forgotten


@dataclass(frozen=True)
class _Candidate:
    """A place where a crop may have been cut out: 8 x 8 correlation, which whole picture, box (left, top, side), and whether
    crop and whole lie on two sides of the split."""

    score: float
    whole: int
    box: tuple[float, float, float]
    across: bool


class CropSearch:
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
        self.codes = Codes.of([*self.crops, *self.wholes])
        self.crop_indices = np.arange(len(self.crops))
        self.bars_N = np.full((2, len(self.crops)), self.parameters.crop_candidate)  # by whether across the split
        candidates: list[list[_Candidate]] = [[] for _ in self.crops]
        places = 0
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            cells = pool.map(lambda crop: _grey_cells(_central_square(self.load(crop))).ravel(), self.crops)
            self.templates_ND = _unit_rows(np.stack(list(cells)))
            for done, (windows, found) in enumerate(pool.map(self._look_into, range(len(self.wholes))), start=1):
                places += windows * len(self.crops)
                for number, candidate in found:
                    candidates[number].append(candidate)
                    if len(candidates[number]) > HELD * self.parameters.crops_per_picture:
                        self._keep_best(number, candidates)
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
        columns, best_N = _best_columns(self.templates_ND, windows_MD)
        itself = len(self.crops) + index
        across = self.codes.border(self.crop_indices, itself) == 0
        bars_N = np.where(across, self.bars_N[1], self.bars_N[0])
        same_group = self.codes.group_N[self.crop_indices] == self.codes.group_N[itself]
        same_item = self.codes.item_N[self.crop_indices] == self.codes.item_N[itself]
        worth = (best_N >= bars_N) & ~same_group & ~same_item & ~self.codes.together(self.crop_indices, itself)
        return len(windows_MD), [
            (number, _Candidate(float(best_N[number]), index, tuple(boxes_M3[columns[number]]), bool(across[number])))
            for number in np.flatnonzero(worth).tolist()
        ]

    def _keep_best(self, number: int, candidates: list[list[_Candidate]]) -> None:
        """Forget what no longer is among a crop's best, and ask no whole picture for worse ones: of a burst of one scene every
        picture has the place. A bar only rises, so a thread that reads it late keeps more than it must."""
        kept = self._best(candidates[number])
        candidates[number] = kept
        self.bars_N[0, number] = kept[self.parameters.crops_per_picture - 1].score
        across = [one.score for one in kept if one.across][: self.parameters.crops_across]
        if len(across) == self.parameters.crops_across:
            self.bars_N[1, number] = min(across[-1], self.bars_N[0, number])

    def _best(self, of_crop: Sequence[_Candidate]) -> list[_Candidate]:
        """The best places of a crop, and the best of those across the split; best first, then in the order of the pictures."""
        ranked = sorted(of_crop, key=lambda one: (-one.score, one.whole))
        across = [one for one in ranked if one.across][: self.parameters.crops_across]
        best = ranked[: self.parameters.crops_per_picture]
        return best + [one for one in across if one not in best]

    def _best_by_whole(self, candidates: Sequence[Sequence[_Candidate]]) -> dict[int, list[tuple[int, _Candidate]]]:
        """Each crop's best candidates, with the crop's number, by whole picture: each of these is then read once."""
        by_whole: dict[int, list[tuple[int, _Candidate]]] = defaultdict(list)
        for number, of_crop in enumerate(candidates):
            for candidate in self._best(of_crop):
                by_whole[candidate.whole].append((number, candidate))
        return by_whole

    def _confirm(self, index: int, candidates: Sequence[tuple[int, _Candidate]]) -> list[Finding]:
        """What stands up to a closer look of the candidates in one whole picture."""
        whole, findings = self.wholes[index], []
        small = _small_whole(self.load(whole))
        for number, candidate in candidates:
            found = _refine(_central_square(self.load(self.crops[number])), small, candidate.box, self.parameters)
            if found is None:
                continue
            score, box = found
            crop, full = self.crops[number], Image.fromarray(self.load_full(whole))
            box = tuple(length * full.width / small.width for length in box)
            last = _last_look(_central_square(self.load_full(crop)), full, box)
            if last >= self.parameters.crop_last_look:
                findings.append(finding_of(CROP, crop, whole, round(min(score, last), 4)))
        return findings


def _best_columns(templates_ND: np.ndarray, windows_MD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each template the window that correlates best with it, and how well; some templates at once, so that the table of a
    large bank stays small."""
    columns, scores = [], []
    for begin in range(0, len(templates_ND), AT_ONCE):
        scores_BM = templates_ND[begin : begin + AT_ONCE] @ windows_MD.T
        columns.append(scores_BM.argmax(axis=1))
        scores.append(scores_BM[np.arange(len(scores_BM)), columns[-1]])
    return np.concatenate(columns), np.concatenate(scores)


def _small_whole(pixels_HWC: np.ndarray) -> Image.Image:
    picture = Image.fromarray(pixels_HWC)
    picture.thumbnail((WHOLE_SIDE, WHOLE_SIDE), Image.Resampling.BOX)
    return picture


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
