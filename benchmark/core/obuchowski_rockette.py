"""Obuchowski-Rockette analysis with Hillis' degrees of freedom, for fully crossed studies.

Readers and cases random. One function for a model against readers on percent correct (closed form), one for two
modalities read by the same readers on any figure of merit with jackknifed covariances.
Sources: Obuchowski & Rockette (1995); Hillis (2007), Stat. Med. 26:596; Hillis, Berbaum & Metz (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .distributions import t_quantile, t_two_sided_p


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


def two_modalities(merits: np.ndarray, jackknife: np.ndarray, *, confidence: float = 0.95) -> ReaderStudyTest:
    """First minus second modality for readers x cases fully crossed, any figure of merit.

    merits: shape (2, readers). jackknife: the same with one case left out, shape (cases, 2, readers).
    """
    tests, readers = merits.shape
    cases = len(jackknife)
    flat = jackknife.reshape(cases, tests * readers)
    covariance = np.cov(flat, rowvar=False, ddof=1) * (cases - 1) ** 2 / cases
    covariance = covariance.reshape(tests, readers, tests, readers)
    same_test, same_reader = (
        np.eye(tests, dtype=bool)[:, None, :, None],
        np.eye(readers, dtype=bool)[None, :, None, :],
    )

    def mean_over(mask: np.ndarray) -> float:
        return float(covariance[np.broadcast_to(mask, covariance.shape)].mean())

    var_error, cov1 = mean_over(same_test & same_reader), mean_over(~same_test & same_reader)
    cov2, cov3 = mean_over(same_test & ~same_reader), mean_over(~same_test & ~same_reader)
    by_test, by_reader, overall = merits.mean(axis=1), merits.mean(axis=0), merits.mean()
    interaction = merits - by_test[:, None] - by_reader[None, :] + overall
    ms_interaction = float((interaction**2).sum() / ((tests - 1) * (readers - 1)))
    ms_reader = float(tests * ((by_reader - overall) ** 2).sum() / (readers - 1))
    shared = max(readers * (cov2 - cov3), 0.0)
    denominator = ms_interaction + shared
    difference = float(by_test[0] - by_test[1])
    if ms_interaction <= 1e-24:
        return ReaderStudyTest(
            difference, *[None] * 6, why="readers differ alike on both modalities, so the spread is unknown"
        )
    df = denominator**2 / (ms_interaction**2 / ((tests - 1) * (readers - 1)))
    var_interaction = ms_interaction - var_error + cov1 + (cov2 - cov3)
    var_reader = (ms_reader - ms_interaction) / tests - cov1 + cov3
    return _tested(
        difference,
        np.sqrt(2 * denominator / readers),
        df,
        confidence,
        ms_reader=ms_reader,
        cov1=cov1,
        cov2=cov2,
        cov3=cov3,
        var_error=var_error,
        var_reader=var_reader,
        var_reader_by_test=var_interaction,
        merits=by_test,
    )


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
