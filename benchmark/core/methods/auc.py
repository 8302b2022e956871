"""Area under the ROC curve: empirical AUC per reader, jackknife over cases, and U-statistic for sparse designs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.core.methods.obuchowski_rockette import Block, ReaderStudyTest, two_modalities


def success_matrix(diseased: np.ndarray, healthy: np.ndarray) -> np.ndarray:
    """Wins of each diseased over each healthy case, ties a half; (diseased, healthy), NaN where a score is NaN."""
    gap = np.asarray(diseased, dtype=float)[:, None] - np.asarray(healthy, dtype=float)[None, :]
    return np.where(np.isnan(gap), np.nan, (np.sign(gap) + 1) / 2)


def empirical_auc(diseased: np.ndarray, healthy: np.ndarray) -> float:
    """Share of diseased-healthy pairs in which the diseased case has the higher score, ties counting a half."""
    return float(np.mean(success_matrix(diseased, healthy)))


def auc_block(scores: np.ndarray, truth: np.ndarray) -> Block:
    """Empirical AUCs of two modalities and their jackknife over cases.

    scores: shape (2, readers, cases), no NaN; truth: 0/1, shape (cases,), at least two of each.
    """
    truth = np.asarray(truth, dtype=bool)
    cells = scores.reshape(-1, scores.shape[-1])
    merits = np.empty(len(cells))
    left_out = np.empty((len(truth), len(cells)))
    for index, row in enumerate(cells):
        wins = success_matrix(row[truth], row[~truth])
        merits[index] = wins.mean()
        m, n = wins.shape
        # Leaving one case out removes its row or column of wins: no second pass over the scores.
        left_out[truth, index] = (wins.sum() - wins.sum(axis=1)) / ((m - 1) * n)
        left_out[~truth, index] = (wins.sum() - wins.sum(axis=0)) / (m * (n - 1))
    return Block(merits.reshape(scores.shape[:2]), left_out.reshape(-1, *scores.shape[:2]))


def crossed_auc_study(scores: np.ndarray, truth: np.ndarray, *, confidence: float = 0.95) -> ReaderStudyTest:
    """Two modalities, same readers and cases: Obuchowski-Rockette/Hillis on empirical AUCs, jackknife over cases."""
    return two_modalities([auc_block(scores, truth)], confidence=confidence)


@dataclass(frozen=True)
class AucDifference:
    """AUCs of two modalities averaged over readers, their difference and its U-statistic standard error."""

    first: float | None
    second: float | None
    difference: float | None
    se: float | None
    variance: float | None
    readers: int
    diseased: int
    healthy: int
    why: str | None = None


def sparse_auc_difference(readings: pd.DataFrame, first: str, second: str) -> AucDifference:
    """Difference of reader-averaged AUC (first minus second) for any design, readers and cases random.

    readings: columns reader, case, modality, score (higher = diseased) and truth (0/1), one row per reading. Every
    reader-specific pair of a diseased and a healthy case has the same weight within a modality (one-shot estimate).
    The eight moments of Gallas (2006, Acad. Radiol. 13:353) are taken over pairs that share reader, diseased and
    healthy case or not. Without a pair, or without a second reader and second cases, None with a why.
    """
    readers = np.unique(readings["reader"])
    truth = readings.drop_duplicates("case").set_index("case")["truth"].astype(bool)
    ill, well = np.sort(truth.index[truth]), np.sort(truth.index[~truth])
    kernels = {}
    for modality in (first, second):
        rows = readings[readings["modality"] == modality]
        table = rows.pivot(index="reader", columns="case", values="score")
        kernels[modality] = table.reindex(index=readers, columns=[*ill, *well]).to_numpy(dtype=float)
    sums = _PairSums(kernels[first], kernels[second], len(ill))
    counts = len(readers), len(ill), len(well)
    if not sums.has_pairs:
        why = "a reader with both diseased and healthy cases is needed on both modalities"
        return AucDifference(None, None, None, None, None, *counts, why)
    a, b = sums.auc(0), sums.auc(1)
    parts = sums.covariance(0, 0), sums.covariance(1, 1), sums.covariance(0, 1)
    if None in parts:
        why = "at least two readers with different diseased and healthy cases are needed"
        return AucDifference(a, b, a - b, None, None, *counts, why)
    variance = parts[0] + parts[1] - 2 * parts[2]
    why = None if variance > 0 else "the U-statistic's variance is not positive in this sample"
    se = float(np.sqrt(variance)) if variance > 0 else None
    return AucDifference(a, b, a - b, se, float(variance), *counts, why)


class _PairSums:
    """Sums of success scores over a reader's diseased-healthy pairs, for two modalities at once."""

    def __init__(self, first: np.ndarray, second: np.ndarray, diseased: int):
        self.success, self.design = [], []
        for scores in (first, second):
            wins = np.stack([success_matrix(row[:diseased], row[diseased:]) for row in scores])
            self.design.append((~np.isnan(wins)).astype(np.float32))
            self.success.append(np.nan_to_num(wins).astype(np.float32))

    @property
    def has_pairs(self) -> bool:
        return all(design.any() for design in self.design)

    def auc(self, modality: int) -> float:
        return float(self.success[modality].sum(dtype=float) / self.design[modality].sum(dtype=float))

    def covariance(self, i: int, j: int) -> float | None:
        """Unbiased covariance of the two AUC estimates; None where no two pairs have nothing in common."""
        products = self._by_overlap(self.success[i], self.success[j])
        pairs = self._by_overlap(self.design[i], self.design[j])
        moments = {kind: products[kind] / pairs[kind] for kind in pairs if pairs[kind] > 0.5}
        total = sum(pairs.values())
        if (0, 0, 0) not in moments:
            return None
        return sum(pairs[kind] / total * moments[kind] for kind in moments) - moments[0, 0, 0]

    @staticmethod
    def _by_overlap(x: np.ndarray, y: np.ndarray) -> dict[tuple[int, int, int], float]:
        """Sum of x[r,i,j] y[r',i',j'] by whether reader, diseased and healthy case are the same (1) or not (0)."""
        sharing = {}
        for same in [(r, i, j) for r in (0, 1) for i in (0, 1) for j in (0, 1)]:
            axes = tuple(axis for axis, flag in enumerate(same) if not flag)
            a, b = x.sum(axis=axes, dtype=float), y.sum(axis=axes, dtype=float)
            sharing[same] = float(np.sum(a * b))
        exact = {}
        # Inclusion-exclusion: `sharing` counts pairs that share at least the named factors.
        for same in sharing:
            exact[same] = sum(
                (-1) ** (sum(more) - sum(same)) * sharing[more]
                for more in sharing
                if all(m >= s for m, s in zip(more, same))
            )
        return exact
