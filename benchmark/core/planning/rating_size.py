"""What a rating study's size can show: the error at telling real from generated, for new raters and new images.

A judgment is wrong with a chance that varies between raters and between images; the rest of its Bernoulli variance is residual:
error (1 - error) = vR + vI + vE, with vR the square of the raters' SD and vI the images' share (ICC) of the whole. The error's
standard error is that of `closed_form.Design`, SE^2 = vR / R + vI / I + vE / (R m), for R raters of m images each out of I, crossed
(m = I) or in evenly spread incomplete blocks (m < I).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmark.core.methods.distributions import noncentral_t_cdf, normal_quantile, solve_decreasing, t_quantile

from .closed_form import Design, Spread, new_images_precision

STRATA = 2  # the analysis centres within real and within generated images
POWER = 0.8
CHANCE = 0.5
FEWEST_RATERS, FEWEST_IMAGES = 3, 4
MOST = 100_000


@dataclass(frozen=True)
class RatingWorld:
    """error: true share of wrong judgments; sd_rater: SD of the raters' own errors (share); icc: of images, 0 to 1."""

    error: float = CHANCE
    sd_rater: float = 0.08
    icc: float = 0.15

    def spread(self) -> Spread:
        """Variances between raters, between images and within. ValueError where they are more than a Bernoulli answer has."""
        if not (0 < self.error < 1 and self.sd_rater >= 0 and 0 <= self.icc <= 1):
            raise ValueError("An error between 0 and 100 %, an SD of at least 0 and an ICC from 0 to 1 are needed.")
        whole = self.error * (1 - self.error)
        rater, item = self.sd_rater**2, self.icc * whole
        if rater + item >= whole:
            raise ValueError(
                f"At an error of {100 * self.error:g} % answers vary with an SD of {100 * whole**0.5:.1f} points in all; an SD of"
                f" {100 * self.sd_rater:g} points between raters and an ICC of {self.icc:g} are more than that. Lower one."
            )
        return Spread(rater, item, whole - rater - item)


@dataclass(frozen=True)
class RatingSize:
    """What a design shows at new raters and new images; shares, power for the margin and against chance.

    half_width: of the interval of the analysis's test, with its degrees of freedom (the bootstrap interval beside it is wider);
    half_width_normal: with the normal quantile in its place.
    differing: power of the two-sided test against one half at the true error; detectable: distance from one half with POWER.
    smallest_margin: shown with POWER when the error is what it is. raters_needed: with these images, each rater seeing as many;
    images_needed: distinct ones, with these raters of as many images each, every image judged at least once. None where no such
    number (of raters: up to 100,000) gives POWER for the margin.
    """

    design: Design
    world: RatingWorld
    margin: float
    se: float
    half_width: float
    half_width_normal: float
    equivalence: float
    differing: float
    detectable: float
    smallest_margin: float
    raters_needed: int | None
    images_needed: int | None


def rating_design(raters: int, each: int, images: int) -> Design:
    """The design of `raters` who judge `each` of `images`; ValueError where it cannot be."""
    if raters < FEWEST_RATERS or images < FEWEST_IMAGES or each < 1:
        raise ValueError(f"At least {FEWEST_RATERS} raters, {FEWEST_IMAGES} images and one image each are needed.")
    if each > images:
        raise ValueError(f"A rater cannot judge {each} of {images} images; lower one, raise the other.")
    if raters * each < images:
        raise ValueError(
            f"{raters} raters of {each} images each judge {raters * each} of {images} images at most; lower the images or add raters."
        )
    return Design(raters, images, each, STRATA)


def equivalence_power(design: Design, world: RatingWorld, margin: float, *, alpha: float = 0.05) -> float:
    """Chance that both one-sided tests at level alpha place the error within `margin` of one half.

    Difference of two noncentral t probabilities, as if the standard error were its expectation. Source: Phillips (1990).
    """
    spread = world.spread()
    se, df, away = design.standard_error(spread), design.degrees_of_freedom(spread), world.error - CHANCE
    critical = t_quantile(1 - alpha, df)
    below = noncentral_t_cdf(-critical, df, (away - margin) / se)
    above = noncentral_t_cdf(critical, df, (away + margin) / se)
    return max(0.0, below - above)


def smallest_margin(design: Design, world: RatingWorld, *, power: float = POWER, alpha: float = 0.05) -> float:
    """The smallest margin around one half within which the error is shown to lie with the power."""
    away = abs(world.error - CHANCE)
    return solve_decreasing(
        lambda margin: power - equivalence_power(design, world, margin, alpha=alpha), away, away + 0.5, steps=60
    )


def rating_size(design: Design, world: RatingWorld, margin: float, *, alpha: float = 0.05) -> RatingSize:
    """Precision, power and needs of a design; a margin outside (0, 0.5) raises ValueError."""
    if not 0 < margin < 0.5:
        raise ValueError(f"A margin between 0 and 50 points is needed; found {100 * margin:g}.")
    found = new_images_precision(design, world.spread(), abs(world.error - CHANCE), alpha=alpha, target=POWER)

    def enough(raters: int, images: int) -> bool:
        changed = Design(raters, images, design.per_reader, STRATA)
        return equivalence_power(changed, world, margin, alpha=alpha) >= POWER

    return RatingSize(
        design, world, margin, found.se, found.half_width, normal_quantile(1 - alpha / 2) * found.se,
        equivalence_power(design, world, margin, alpha=alpha), found.power, found.detectable,
        smallest_margin(design, world, alpha=alpha),
        _smallest(lambda raters: enough(raters, design.items), max(FEWEST_RATERS, -(-design.items // design.per_reader)), MOST),
        _smallest(lambda images: enough(design.readers, images), max(FEWEST_IMAGES, design.per_reader),
                  design.readers * design.per_reader),
    )  # fmt: skip


def _smallest(enough: Callable[[int], bool], low: int, most: int) -> int | None:
    """The smallest number from low to most that is enough, where more never is less; None where `most` is not."""
    if low > most or not enough(most):
        return None
    high = most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low
