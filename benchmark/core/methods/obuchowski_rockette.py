"""Obuchowski-Rockette analysis with Hillis' degrees of freedom, for fully crossed studies.

Readers and cases random. One function for a model against readers on percent correct (closed form), one for two
modalities read by the same readers on any figure of merit with jackknifed covariances.
Sources: Obuchowski & Rockette (1995); Hillis (2007), Stat. Med. 26:596; Hillis, Berbaum & Metz (2008).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.core.methods.distributions import t_quantile, t_two_sided_p


@dataclass(frozen=True)
class ReaderStudyTest:
    """Difference with its standard error, Hillis' df, t, p and interval; None with `why` if not estimable."""

    difference: float
    se: float | None
    df: float | None
    t: float | None
    p: float | None
    ci_low: float | None
    ci_high: float | None
    ms_reader: float | None = None
    cov1: float | None = None
    cov2: float | None = None
    cov3: float | None = None
    var_error: float | None = None
    var_reader: float | None = None
    var_reader_by_test: float | None = None
    merits: np.ndarray | None = None
    why: str | None = None


def model_against_readers(human: np.ndarray, model: np.ndarray, *, confidence: float = 0.95) -> ReaderStudyTest:
    """Model minus mean reader, percent correct, fully crossed.

    human: 0/1, shape (readers, items); model: 0/1, shape (items,). t = d / sqrt(MSR / R + max(cov2, 0)) with
    df = (R - 1) ((MSR + R max(cov2, 0)) / MSR)^2; cov2 is the mean covariance over items of two readers' differences,
    over the number of items, which is what the jackknife over cases gives for a mean.
    """
    d = np.asarray(model, dtype=float)[None, :] - np.asarray(human, dtype=float)
    readers, items = d.shape
    difference = float(d.mean())
    if readers < 2 or items < 2:
        return ReaderStudyTest(difference, *[None] * 6, why="at least two readers and two items are needed")
    merit = d.mean(axis=1)
    ms_reader = float(merit.var(ddof=1))
    # Mean off-diagonal covariance = (variance of the column sums - sum of the row variances) / (R (R - 1)).
    pooled = float(d.sum(axis=0).var(ddof=1)) - float(d.var(axis=1, ddof=1).sum())
    cov2 = pooled / (readers * (readers - 1)) / items
    if ms_reader <= 1e-24:
        return ReaderStudyTest(
            difference, *[None] * 6, why="every reader has the same difference, so their spread is unknown"
        )
    shared = max(cov2, 0.0)
    df = (readers - 1) * ((ms_reader + readers * shared) / ms_reader) ** 2
    return _tested(difference, np.sqrt(ms_reader / readers + shared), df, confidence, ms_reader=ms_reader, cov2=cov2)


@dataclass(frozen=True)
class Block:
    """Readers who all read the same cases on both modalities: merits (2, readers), and with one case left out
    (cases, 2, readers)."""

    merits: np.ndarray
    jackknife: np.ndarray


def two_modalities(blocks: Sequence[Block], *, confidence: float = 0.95) -> ReaderStudyTest:
    """First minus second modality on any figure of merit: one block is the fully crossed design, several a split plot.

    In a split plot each block's readers read their own cases; covariances and mean squares are pooled within blocks.
    t = d / sqrt(2 (MS + r (cov2 - cov3)) / R) with r the readers per block (sum of squares over R when unequal).
    Sources: Hillis (2007); Obuchowski, Gallas & Hillis (2012), Acad. Radiol. 19:1508.
    """
    readers = np.array([block.merits.shape[1] for block in blocks])
    total, tests = int(readers.sum()), 2
    merits = np.concatenate([block.merits for block in blocks], axis=1)
    by_test = merits.mean(axis=1)
    difference, df_within = float(by_test[0] - by_test[1]), int((readers - 1).sum())
    if df_within < 1:
        return ReaderStudyTest(difference, *[None] * 6, why="no two readers read the same cases")
    var_error, cov1, cov2, cov3 = _pooled_covariances(blocks, readers)
    ms_interaction = sum(_interaction_square(block.merits) for block in blocks) / ((tests - 1) * df_within)
    ms_reader = sum(
        tests * float(((block.merits.mean(axis=0) - block.merits.mean()) ** 2).sum()) for block in blocks
    ) / df_within  # fmt: skip
    if ms_interaction <= 1e-24:
        why = "readers differ alike on both modalities, so the spread is unknown"
        return ReaderStudyTest(difference, *[None] * 6, why=why)
    per_block = float((readers**2).sum() / total)
    denominator = ms_interaction + max(per_block * (cov2 - cov3), 0.0)
    df = denominator**2 / (ms_interaction**2 / ((tests - 1) * df_within))
    return _tested(
        difference,
        np.sqrt(2 * denominator / total),
        df,
        confidence,
        ms_reader=ms_reader,
        cov1=cov1,
        cov2=cov2,
        cov3=cov3,
        var_error=var_error,
        var_reader=(ms_reader - ms_interaction) / tests - cov1 + cov3,
        var_reader_by_test=ms_interaction - var_error + cov1 + (cov2 - cov3),
        merits=by_test,
    )


def _interaction_square(merits: np.ndarray) -> float:
    interaction = merits - merits.mean(axis=1, keepdims=True) - merits.mean(axis=0, keepdims=True) + merits.mean()
    return float((interaction**2).sum())


def _pooled_covariances(blocks: Sequence[Block], readers: np.ndarray) -> tuple[float, float, float, float]:
    """Error variance and the three covariances, blocks weighted by their numbers of readers, or of pairs of readers."""
    found = np.array([_covariances(block) for block in blocks])
    alone, pairs = readers / readers.sum(), readers * (readers - 1) / (readers * (readers - 1)).sum()
    with_partner = np.where(readers[:, None] > 1, found[:, 2:], 0.0)
    return (*(float(v) for v in alone @ found[:, :2]), *(float(v) for v in pairs @ with_partner))


def _covariances(block: Block) -> tuple[float, float, float, float]:
    """Jackknife estimates: error variance; covariances of same reader, same modality, neither."""
    cases, tests, readers = block.jackknife.shape
    flat = block.jackknife.reshape(cases, tests * readers)
    covariance = np.cov(flat, rowvar=False, ddof=1) * (cases - 1) ** 2 / cases
    covariance = covariance.reshape(tests, readers, tests, readers)
    same_test = np.eye(tests, dtype=bool)[:, None, :, None]
    same_reader = np.eye(readers, dtype=bool)[None, :, None, :]

    def mean_over(mask: np.ndarray) -> float:
        chosen = np.broadcast_to(mask, covariance.shape)
        return float(covariance[chosen].mean()) if chosen.any() else 0.0

    return (
        mean_over(same_test & same_reader), mean_over(~same_test & same_reader),
        mean_over(same_test & ~same_reader), mean_over(~same_test & ~same_reader),
    )  # fmt: skip


def _tested(difference: float, se: float, df: float, confidence: float, **parts) -> ReaderStudyTest:
    half = t_quantile(0.5 + confidence / 2, df) * se
    t = difference / se
    return ReaderStudyTest(
        difference,
        float(se),
        float(df),
        float(t),
        t_two_sided_p(t, df),
        float(difference - half),
        float(difference + half),
        **parts,
    )
