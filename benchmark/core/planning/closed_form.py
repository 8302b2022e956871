"""Power and precision of a design, for both estimands, by closed form.

Fixed images: a paired t-test of n survey differences. New images: SE^2 = vR / R + vI / I + vE / (R m) for R readers
of m items each out of I items. Simulation of whole studies is in `simulation`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

from benchmark.core.methods.distributions import noncentral_t_cdf, normal_quantile, solve_decreasing, t_quantile


def paired_t_power(dz: float, n: float, *, alpha: float = 0.05, sides: int = 2, df: float | None = None) -> float:
    """Power of a (paired or one-sample) t-test at standardised effect dz with n units, both tails counted."""
    df = n - 1 if df is None else df
    return _t_power(dz * sqrt(n), df, alpha, sides)


def two_sample_t_power(d: float, n_per_group: float, *, alpha: float = 0.05, sides: int = 2) -> float:
    """Power of a two-sample t-test with equal groups at Cohen's d."""
    return _t_power(d * sqrt(n_per_group / 2), 2 * n_per_group - 2, alpha, sides)


def _t_power(nc: float, df: float, alpha: float, sides: int) -> float:
    critical = t_quantile(1 - alpha / sides, df)
    upper = 1 - noncentral_t_cdf(critical, df, nc)
    return upper + noncentral_t_cdf(-critical, df, nc) if sides == 2 else upper


def detectable_dz(n: float, *, power: float = 0.95, alpha: float = 0.05, sides: int = 2) -> float:
    """Smallest d_z that n pairs detect with the given power."""
    return solve_decreasing(lambda dz: power - paired_t_power(dz, n, alpha=alpha, sides=sides), 1e-6, 3.0)


def largest_sd(difference: float, n: float, *, power: float = 0.95, alpha: float = 0.05, sides: int = 2) -> float:
    """Largest SD of the paired differences at which n pairs still have the power for a true difference."""
    return difference / detectable_dz(n, power=power, alpha=alpha, sides=sides)


def pairs_needed(dz: float, *, power: float = 0.95, alpha: float = 0.05, sides: int = 2) -> float:
    """Number of pairs (fractional; round up) for the power at d_z."""
    return solve_decreasing(lambda n: power - paired_t_power(dz, max(n, 1.5), alpha=alpha, sides=sides), 2.0, 50.0)


def per_group_needed(d: float, *, power: float = 0.9, alpha: float = 0.05, sides: int = 2) -> float:
    """Readers per group (fractional; round up) of a two-sample t-test for the power at Cohen's d."""
    return solve_decreasing(lambda n: power - two_sample_t_power(d, max(n, 1.5), alpha=alpha, sides=sides), 2.0, 50.0)


def per_group_effect(n_per_group: float, *, power: float = 0.95, alpha: float = 0.05, sides: int = 2) -> float:
    """Smallest Cohen's d that two groups of this size detect with the power."""
    return solve_decreasing(lambda d: power - two_sample_t_power(d, n_per_group, alpha=alpha, sides=sides), 1e-6, 3.0)


@dataclass(frozen=True)
class Spread:
    """Variances of one reading's difference (model minus reader): between readers, between items, residual."""

    reader: float
    item: float
    residual: float


@dataclass(frozen=True)
class Design:
    """readers of one kind, items in the test set, items that each reader reads; classes that the items belong to.

    anchors: items, of items and of per_reader, that every reader reads. Every item weighs the same in a mean, so that the many
    readings of an anchor tell little more than a few would.
    """

    readers: int
    items: int
    per_reader: int
    classes: int = 1
    anchors: int = 0

    @property
    def readings_that_tell(self) -> float:
        """How many readings, evenly spread over the items, would know a mean over the items as well."""
        if not self.anchors:
            return self.readers * self.per_reader
        others, each = self.items - self.anchors, self.per_reader - self.anchors
        return self.readers * self.items**2 / (others**2 / each + self.anchors)

    def standard_error(self, spread: Spread) -> float:
        """New images and new readers."""
        residual = spread.residual / self.readings_that_tell
        return sqrt(spread.reader / self.readers + spread.item / self.items + residual)

    def degrees_of_freedom(self, spread: Spread) -> float:
        """Satterthwaite's df of the two-way variance, at the expectation of its parts.

        A reader's sum of deviations holds what his items and chance add to it, and an item's what its readers add.
        """
        readings = self.readings_that_tell
        by_reader = spread.reader / self.readers + (spread.item + spread.residual) / readings
        by_item = spread.item / self.items + (spread.reader + spread.residual) / readings
        parts = by_reader**2 / (self.readers - 1) + by_item**2 / max(self.items - self.classes, 1)
        return self.standard_error(spread) ** 4 / parts

    def fixed_images_error(self, spread: Spread) -> float:
        """What the paired t-test over readers estimates: items enter as if each reader had his own, but for anchors, which are the
        same for all and so do not make readers differ."""
        if not self.anchors:
            return sqrt((spread.reader + (spread.item + spread.residual) / self.per_reader) / self.readers)
        own = (self.items - self.anchors) ** 2 / (self.items**2 * (self.per_reader - self.anchors))
        return sqrt((spread.reader + own * spread.item) / self.readers + spread.residual / self.readings_that_tell)


@dataclass(frozen=True)
class Precision:
    """se, half-width of the interval, power at the difference, and the difference detected with the target power."""

    se: float
    half_width: float
    power: float
    detectable: float
    power_unlimited_readers: float | None = None


def new_images_precision(
    design: Design,
    spread: Spread,
    difference: float,
    *,
    alpha: float = 0.05,
    target: float = 0.95,
    df: float | None = None,
) -> Precision:
    """Precision for new images and new readers; df None: Satterthwaite's, as the analysis has it.

    With unlimited readers only the items' degrees of freedom are left.
    """
    se = design.standard_error(spread)
    df = design.degrees_of_freedom(spread) if df is None else df
    limit = sqrt(spread.item / design.items)
    return Precision(
        se,
        _quantile(1 - alpha / 2, df) * se,
        _power(difference / se, alpha, df),
        (_quantile(1 - alpha / 2, df) + _quantile(target, df)) * se,
        _power(difference / limit, alpha, max(design.items - design.classes, 1)) if limit > 0 else 1.0,
    )


def fixed_images_precision(
    design: Design, spread: Spread, difference: float, *, alpha: float = 0.05, target: float = 0.95
) -> Precision:
    """Precision of the paper's own claim: these images, new readers, a paired t-test over readers."""
    se = design.fixed_images_error(spread)
    df = design.readers - 1
    power = _t_power(difference / se, df, alpha, 2)
    return Precision(
        se,
        t_quantile(1 - alpha / 2, df) * se,
        power,
        detectable_dz(design.readers, power=target, alpha=alpha) * se * sqrt(design.readers),
    )


def items_needed(
    spread: Spread,
    difference: float,
    *,
    reads_per_item: float,
    per_reader: int,
    classes: int = 1,
    target: float = 0.95,
    alpha: float = 0.05,
) -> tuple[int, int] | None:
    """Smallest (items, readers) with the target power when every item is read so often; None beyond 100,000 items.

    Whole items per class; the readers that this takes are rounded up at the end.
    """
    for per_class in range(2, 100_000 // classes):
        items = per_class * classes
        readers = items * reads_per_item / per_reader
        if readers <= 1.5:
            continue
        # n - 1 degrees of freedom over readers: cautious, as a design should be.
        nc = difference / Design(readers, items, per_reader).standard_error(spread)
        if _power(nc, alpha, readers - 1) >= target:
            return items, ceil(readers)
    return None


def items_needed_by_readers(
    spread: Spread,
    difference: float,
    *,
    readers: int,
    per_reader: int,
    classes: int = 1,
    target: float = 0.95,
    alpha: float = 0.05,
) -> int | None:
    """Smallest number of items, whole per class, with the target power for these readers, each reading so many.

    None when no number of items is enough: the readers alone vary too much.
    """
    for per_class in range(2, 100_000 // classes):
        items = per_class * classes
        nc = difference / Design(readers, items, min(per_reader, items)).standard_error(spread)
        if items >= per_reader and _power(nc, alpha, readers - 1) >= target:
            return items
    return None


@dataclass(frozen=True)
class Claim:
    """A published claim of power checked: what it needs, and what it is for new images over plausible worlds."""

    largest_sd: float
    largest_sd_one_sided: float
    largest_sd_two_groups: float
    new_images_lowest: float
    new_images_highest: float
    detectable_lowest: float
    detectable_highest: float
    items_fewest: int | None
    items_most: int | None
    worlds: int


def check_claim(
    design: Design, difference: float, worlds: Sequence[Spread], *, power: float = 0.95, alpha: float = 0.05
) -> Claim:
    """What "power to detect the difference" takes on fixed images, and the power it means for new images.

    largest_sd: of the paired differences over readers; two_groups: SD in each of two independent groups of readers.
    items: how many have the power when each is read as often as in this design; None where no number has it.
    """
    found = [new_images_precision(design, spread, difference, alpha=alpha, target=power) for spread in worlds]
    powers, detectable = [f.power for f in found], [f.detectable for f in found]
    reads = design.readers * design.per_reader / design.items
    needed = [
        items_needed(
            spread, difference, reads_per_item=reads, per_reader=design.per_reader, classes=design.classes,
            target=power, alpha=alpha,
        )
        for spread in worlds
    ]  # fmt: skip
    items = [None] if None in needed else [found[0] for found in needed]
    return Claim(
        largest_sd(difference, design.readers, power=power, alpha=alpha),
        largest_sd(difference, design.readers, power=power, alpha=alpha, sides=1),
        difference / per_group_effect(design.readers, power=power, alpha=alpha),
        min(powers), max(powers), min(detectable), max(detectable), min(items), max(items), len(found),
    )  # fmt: skip


def equivalence_margin(design: Design, spread: Spread, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Margin at which TOST for new images has the power when there is no difference at all (normal approximation)."""
    return (normal_quantile(1 - alpha) + normal_quantile((1 + power) / 2)) * design.standard_error(spread)


def _quantile(probability: float, df: float | None) -> float:
    return normal_quantile(probability) if df is None else t_quantile(probability, df)


def _power(nc: float, alpha: float, df: float | None) -> float:
    from scipy.special import ndtr

    if df is not None:
        return _t_power(nc, df, alpha, 2)
    z = normal_quantile(1 - alpha / 2)
    return float(ndtr(nc - z) + ndtr(-nc - z))
