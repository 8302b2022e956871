"""How good a map is, in numbers: does it lie on the lesion, does the answer depend on it, do the folds agree?

A map is signed, (H, W). Undefined is None. Read every number beside that of a network with random weights: edges alone
give a share of the mass. Sources: relevance mass and rank, Arras 2022; pointing game, Zhang 2018; insertion,
deletion, Petsiuk 2018.
"""

from collections.abc import Callable

import numpy as np


def relevance_mass(map_HW: np.ndarray, mask_HW: np.ndarray) -> float | None:
    """Share of the positive relevance that lies in the mask; chance is the mask's share of the area."""
    positive = np.clip(map_HW, 0, None)
    total = positive.sum()
    return float(positive[mask_HW].sum() / total) if total > 0 and mask_HW.any() else None


def relevance_rank(map_HW: np.ndarray, mask_HW: np.ndarray) -> float | None:
    """Of the most relevant pixels, as many as the mask has, the share that lies in the mask."""
    k = int(mask_HW.sum())
    if k == 0 or np.ptp(map_HW) == 0:
        return None
    top = np.argpartition(map_HW.ravel(), -k)[-k:]
    return float(mask_HW.ravel()[top].mean())


def pointing_game(map_HW: np.ndarray, mask_HW: np.ndarray, *, sigma_px: float = 2.0) -> float | None:
    """1 when the largest value of the smoothed map lies in the mask, else 0."""
    from scipy.ndimage import gaussian_filter

    if not mask_HW.any() or np.ptp(map_HW) == 0:
        return None
    smooth = gaussian_filter(map_HW.astype(np.float64), sigma_px)
    return float(mask_HW.ravel()[smooth.argmax()])


def perturbation_areas(
    map_HW: np.ndarray, probability: Callable[[np.ndarray], np.ndarray], *, steps: int = 16
) -> tuple[float, float]:
    """Deletion (smaller is better) and insertion (larger is better): area under the probability of the answer.

    Pixels are taken away (or a picture without any gets them), most relevant first, in ``steps`` parts. probability: of the
    answer, (N,), where these pixels (N, 1, H, W) are taken away: whoever asks knows what stands in their place, and puts it
    there where the networks are.
    """
    order = np.argsort(-map_HW.ravel(), kind="stable")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    shares = np.linspace(0, 1, steps + 1)
    taken = (rank[None] < shares[:, None] * order.size).reshape(-1, 1, *map_HW.shape)
    found = probability(np.concatenate([taken, ~taken[1:-1]]))  # both begin and end with the whole picture and with nothing of it
    deletion = found[: steps + 1]
    insertion = np.concatenate([deletion[-1:], found[steps + 1 :], deletion[:1]])
    return float(np.trapezoid(deletion, shares)), float(np.trapezoid(insertion, shares))


def agreement(maps_MHW: np.ndarray) -> float | None:
    """Mean Spearman correlation between the members' maps; None with fewer than two, or with a flat map."""
    from scipy.stats import rankdata

    if len(maps_MHW) < 2 or any(np.ptp(m) == 0 for m in maps_MHW):
        return None
    ranks = np.stack([rankdata(m.ravel()) for m in maps_MHW])
    correlation = np.corrcoef(ranks)
    return float(correlation[np.triu_indices(len(maps_MHW), 1)].mean())


def agreed_share(maps_MHW: np.ndarray) -> np.ndarray:
    """Of every pixel, how much of the members' maps is left when they are added up, (H, W): 1 where all have one sign, 0 where
    they cancel, or are all zero."""
    sizes = np.abs(maps_MHW).sum(axis=0)
    return np.divide(np.abs(maps_MHW.sum(axis=0)), sizes, out=np.zeros_like(sizes), where=sizes > 0)


def overlap(map_HW: np.ndarray, region_HW: np.ndarray) -> float | None:
    """Intersection over union of a reader's region and as many of the most relevant pixels."""
    k = int(region_HW.sum())
    if k == 0 or np.ptp(map_HW) == 0:
        return None
    top = np.zeros(map_HW.size, dtype=bool)
    top[np.argpartition(map_HW.ravel(), -k)[-k:]] = True
    region = region_HW.ravel()
    return float((top & region).sum() / (top | region).sum())


def skin(image_HWC: np.ndarray) -> np.ndarray:
    """Pixels whose chroma is that of skin (Chai and Ngan 1999): a rule of thumb, poor on very dark or red parts."""
    red, green, blue = (image_HWC[..., k].astype(np.float64) for k in range(3))
    cb = 128 - 0.168736 * red - 0.331264 * green + 0.5 * blue
    cr = 128 + 0.5 * red - 0.418688 * green - 0.081312 * blue
    return (cb >= 77) & (cb <= 127) & (cr >= 133) & (cr <= 173)
