"""Rating studies of generated images: HYPE error with both components, d' and criterion, equivalence to chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from .bootstrap import TwoWayDraws, bootstrap_means, intervals, layout
from .equivalence import Equivalence, equivalence
from .twoway import codes, two_way_mean


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


def signal_from_counts(hits: int, generated: int, false_alarms: int, real: int) -> Signal:
    """d' and c with the log-linear correction (add a half to each cell). Source: Hautus (1995)."""
    return signal((hits + 0.5) / (generated + 1), (false_alarms + 0.5) / (real + 1))


@dataclass(frozen=True)
class Hype:
    """Human error at telling real from generated, its two components, and the two-way bootstrap interval."""

    error: float
    fakes_called_real: float
    reals_called_fake: float
    ci_low: float | None
    ci_high: float | None
    judgments: int
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
) -> Hype:
    """HYPE-infinity error rate = (fakes called real + reals called fake) / all, all arrays of shape (judgments,).

    The interval resamples evaluators and images (images within real and fake); judgments share both, so a binomial
    interval would be too narrow. `chance`: is the error within `margin` of one half? Source: Zhou et al. (2019).
    """
    fake, called = np.asarray(is_fake, dtype=bool), np.asarray(called_fake, dtype=bool)
    wrong = (fake != called).astype(float)
    if not fake.any() or fake.all():
        raise ValueError("Judgments of real and of generated images are both needed.")
    table, present = layout(evaluator, image, wrong)
    image_code, n_images = codes(image)
    stratum = np.zeros(n_images, dtype=int)
    stratum[image_code] = fake
    drawn = bootstrap_means(table[None], present, TwoWayDraws(np.zeros(len(table), dtype=int), stratum, draws, seed))
    (interval,) = intervals(np.array([wrong.mean()]), drawn, confidence=confidence)
    test = two_way_mean(wrong - 0.5, evaluator, image, fake)
    chance = equivalence(test.estimate, test.se, test.df, margin=margin) if test.se else None
    return Hype(
        float(wrong.mean()),
        float(wrong[fake].mean()),
        float(wrong[~fake].mean()),
        interval.low,
        interval.high,
        len(wrong),
        chance,
        interval.why or test.why,
    )
