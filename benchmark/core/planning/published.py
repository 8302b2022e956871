"""What a published paired t-test over readers means for new images, whose readings are not at hand.

The test's standard error holds what its readers and their own images add. How much of it the images would add again in
another study depends on the world that the readings came from, so it is asked of every plausible one with this spread.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from benchmark.core.methods.distributions import solve_decreasing, t_quantile, t_two_sided_p
from benchmark.core.methods.paired import PairedT
from benchmark.core.planning.closed_form import Design
from benchmark.core.planning.simulation import World, spread_of

NETWORK = (0.84, 0.90)  # between which the founding study, whose own accuracies are in no table, can have lain
SD_ITEMS, CORRELATIONS = (0.5, 1.0, 1.5), (0.0, 0.5)
LARGEST_SD_READER = 8.0  # logits: readers who are nearly always right, or nearly always wrong


@dataclass(frozen=True)
class NewImages:
    """Range over worlds: standard errors, the widest interval, and the largest two-sided p, of the same difference."""

    worlds: int
    se_lowest: float
    se_highest: float
    ci_low: float
    ci_high: float
    p_largest: float


def on_new_images(
    test: PairedT, design: Design, *, network: tuple[float, float] = NETWORK, confidence: float = 0.95
) -> NewImages | None:
    """The published difference with the standard error that it has for new images and new readers.

    design: as published, of test.n readers. network: its own accuracy, from and to, where it is not known exactly. In each
    world the readers differ by as much as gives the published standard error; where chance and images alone give more,
    readers are taken as alike, which is cautious. None where no world can have this difference and this spread.
    """
    found = []
    for accuracy, sd_item, correlation in product(
        sorted({network[0], sum(network) / 2, network[1]}), SD_ITEMS, CORRELATIONS
    ):
        readers = accuracy - test.mean
        world = World(readers, accuracy, 0.0, sd_item, correlation) if 0.001 < readers < 0.999 else None
        spread = _spread_with(test.se, world, design) if world else None
        if spread:
            found.append((design.standard_error(spread), design.degrees_of_freedom(spread)))
    if not found:
        return None
    halves = [t_quantile(0.5 + confidence / 2, df) * se for se, df in found]
    return NewImages(
        len(found), min(found)[0], max(found)[0], test.mean - max(halves), test.mean + max(halves),
        max(t_two_sided_p(test.mean / se, df) for se, df in found),
    )  # fmt: skip


def _spread_with(se: float, world: World, design: Design):
    """Components of the world whose readers differ so much that the paired test has this standard error; None if none can."""

    def error(sd_reader: float) -> float:
        return design.fixed_images_error(spread_of(replace(world, sd_reader=sd_reader)))

    if error(LARGEST_SD_READER) < se:
        return None
    alike = error(0.0) >= se
    sd = 0.0 if alike else solve_decreasing(lambda value: se - error(value), 0.0, LARGEST_SD_READER, steps=40)
    return spread_of(replace(world, sd_reader=sd))
