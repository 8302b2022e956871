"""Rating studies of generated images: HYPE error with both components, d' and criterion, equivalence to chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from benchmark.core.methods.bootstrap import StudyDraws, intervals
from benchmark.core.methods.equivalence import Equivalence, equivalence
from benchmark.core.methods.twoway import two_way_mean


@dataclass(frozen=True)
class Signal:
    """Sensitivity d' and criterion c of telling generated from real; hit = a generated image called generated."""

    dprime: float
    criterion: float


def signal(hit_rate: float, false_alarm_rate: float) -> Signal:
    """d' and c from rates strictly between 0 and 1; see `signal_from_counts` for counts."""
    if not (0 < hit_rate < 1 and 0 < false_alarm_rate < 1):
        raise ValueError("Rates strictly between 0 and 1 are needed; from counts use the log-linear correction.")
    h, f = float(special.ndtri(hit_rate)), float(special.ndtri(false_alarm_rate))
    return Signal(h - f, -(h + f) / 2)


def signal_from_counts(hits: float, generated: float, false_alarms: float, real: float) -> Signal:
    """d' and c with the log-linear correction (add a half to each cell). Source: Hautus (1995)."""
    return signal((hits + 0.5) / (generated + 1), (false_alarms + 0.5) / (real + 1))


def binomial_against_half(successes: int, n: int) -> float:
    """Two-sided exact p of successes out of n when each has a chance of one half."""
    return min(1.0, 2 * float(special.bdtr(min(successes, n - successes), n, 0.5)))


@dataclass(frozen=True)
class Estimate:
    """An estimate with its two-way bootstrap interval; None with `why` where it has none."""

    value: float | None
    ci_low: float | None
    ci_high: float | None
    why: str | None = None


@dataclass(frozen=True)
class Hype:
    """Human error at telling real from generated with its components, signal detection, and equivalence to chance."""

    error: Estimate
    fakes_called_real: Estimate
    reals_called_fake: Estimate
    dprime: Estimate
    criterion: Estimate
    judgments: int
    se: float | None
    df: float | None
    p_chance: float | None
    chance: Equivalence | None
    why: str | None = None


def hype_error(
    evaluator: np.ndarray,
    image: np.ndarray,
    is_fake: np.ndarray,
    called_fake: np.ndarray,
    *,
    margin: float = 0.1,
    draws: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    alpha: float = 0.05,
) -> Hype:
    """HYPE-infinity error rate = (fakes called real + reals called fake) / all, all arrays of shape (judgments,).

    The intervals resample evaluators and images (images within real and fake); judgments share both, so a binomial
    interval would be too narrow. p_chance: is the error one half (two-way t)? `chance`: is it within `margin` of one
    half, by two one-sided tests at `alpha`? Source: Zhou et al. (2019).
    """
    fake, called = np.asarray(is_fake, dtype=bool), np.asarray(called_fake, dtype=bool)
    wrong = (fake != called).astype(float)
    if not fake.any() or fake.all():
        raise ValueError("Judgments of real and of generated images are both needed.")
    rows = pd.DataFrame({"reader": np.asarray(evaluator), "group": "", "kind": "human", "item": np.asarray(image),
                         "truth": fake.astype(str)})  # fmt: skip
    study = StudyDraws.of(rows, draws=draws, seed=seed)
    cells = study.sums(rows, 2 * fake + called, 4).astype(float)
    test = two_way_mean(wrong - 0.5, rows["reader"], rows["item"], fake, confidence=confidence)
    chance = equivalence(test.estimate, test.se, test.df, margin=margin, alpha=alpha) if test.se else None
    counts = np.bincount(2 * fake + called, minlength=4).astype(float)
    found = [
        Estimate(value, interval.low, interval.high, interval.why)
        for value, interval in (
            (float(_rates(counts[None])[0, k]), intervals(_rates(counts[None])[0, k : k + 1],
                                                           _rates(cells)[:, k : k + 1], confidence=confidence)[0])
            for k in range(5)
        )
    ]  # fmt: skip
    found[3:] = _signal_as_far_as_known(counts, found[3:])
    whys = [test.why, *(estimate.why for estimate in found)]
    why = "; ".join(dict.fromkeys(why for why in whys if why)) or None
    return Hype(*found, len(wrong), test.se, test.df, test.p, chance, why)


ONE_ANSWER = "every judgment was the same, so d' and criterion cannot be estimated"
ALIKE = "all real, or all generated, images were judged alike, so d' and criterion are corrected bounds without an interval"


def _signal_as_far_as_known(counts: np.ndarray, found: list[Estimate]) -> list[Estimate]:
    """d' and criterion without what the log-linear correction alone would feign: counts as `_rates` has them."""
    real, false_alarm, missed, hit = counts
    if false_alarm + hit == 0 or real + missed == 0:
        return [Estimate(None, None, None, ONE_ANSWER)] * len(found)
    if 0 in (real, false_alarm, missed, hit):
        return [Estimate(estimate.value, None, None, ALIKE) for estimate in found]
    return found


def _rates(cells: np.ndarray) -> np.ndarray:
    """Error, its two components, d' and criterion from weighted counts (draws, 4): real called real, real called
    generated, generated called real, generated called generated."""
    real, false_alarm, missed, hit = cells.T
    with np.errstate(invalid="ignore", divide="ignore"):
        h = special.ndtri((hit + 0.5) / (hit + missed + 1))
        f = special.ndtri((false_alarm + 0.5) / (real + false_alarm + 1))
        rates = [
            (missed + false_alarm) / cells.sum(axis=1),
            missed / (hit + missed),
            false_alarm / (real + false_alarm),
        ]
    return np.stack([*rates, h - f, -(h + f) / 2], axis=1)
