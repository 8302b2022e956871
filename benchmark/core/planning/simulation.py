"""Whole studies by simulation: readers, items, classes and survey sets, networks that err where people err."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from benchmark.core.methods.distributions import t_two_sided_p
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.planning.closed_form import Spread


@dataclass(frozen=True)
class World:
    """Where studies come from: true accuracies, logit SDs of readers and items, latent correlation.

    The network is right where a standard normal, correlated with the items' difficulty for people, is low enough; so
    its mistakes fall on items that are hard for people as far as the correlation says.
    """

    accuracy_readers: float = 0.75
    accuracy_model: float = 0.75
    sd_reader: float = 0.35
    sd_item: float = 1.0
    correlation: float = 0.5


@dataclass(frozen=True)
class StudyDesign:
    """classes x per_class items; each survey takes per_survey of each class; sets cover all items once each.

    anchors: items of each class, of per_survey, that every survey takes. same_surveys: every set repeats the same surveys
    instead of partitioning anew. One reader per survey.
    """

    classes: int = 7
    per_class: int = 20
    per_survey: int = 4
    sets: int = 6
    same_surveys: bool = False
    anchors: int = 0

    def __post_init__(self):
        if min(self.classes, self.per_class, self.per_survey, self.sets) < 1:
            raise ValueError(
                "At least one class, one item per class, one item per class in a survey and one set are needed; found"
                f" {self.classes}, {self.per_class}, {self.per_survey} and {self.sets}."
            )
        if not 0 <= self.anchors < self.per_survey or (self.anchors and self.per_class <= self.per_survey):
            raise ValueError(
                f"Anchors per class are fewer than the {self.per_survey} items per class of a survey, which are fewer than all"
                f" {self.per_class}; found {self.anchors}."
            )
        if (self.per_class - self.anchors) % (self.per_survey - self.anchors):
            beside = f" beside {self.anchors} anchors" if self.anchors else ""
            raise ValueError(
                f"{self.per_class - self.anchors} items per class{beside} cannot be split into surveys of"
                f" {self.per_survey - self.anchors} per class."
            )

    @property
    def items(self) -> int:
        return self.classes * self.per_class

    @property
    def surveys_per_set(self) -> int:
        return (self.per_class - self.anchors) // (self.per_survey - self.anchors)

    @property
    def readers(self) -> int:
        return self.sets * self.surveys_per_set

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Item codes of each reader's survey, shape (readers, classes * per_survey); class = code // per_class.

        Anchors are the first items of each class, which chance alone tells from the others.
        """
        surveys, first, a = [], None, self.anchors
        for _ in range(self.sets):
            if first is None or not self.same_surveys:
                order = np.argsort(rng.random((self.classes, self.per_class - a)), axis=1) + a
                order += self.per_class * np.arange(self.classes)[:, None]
                first = order.reshape(self.classes, self.surveys_per_set, self.per_survey - a).swapaxes(0, 1)
                first = first.reshape(self.surveys_per_set, -1)
            surveys.append(first)
        shared_out = np.concatenate(surveys)
        common = (self.per_class * np.arange(self.classes)[:, None] + np.arange(a)).ravel()
        return np.concatenate([np.broadcast_to(common, (len(shared_out), len(common))), shared_out], axis=1)

    def weights(self, item: np.ndarray) -> np.ndarray | None:
        """Weights of readings with which every item weighs the same; None where all are read equally often."""
        return np.where(item % self.per_class < self.anchors, 1 / self.surveys_per_set, 1.0) if self.anchors else None


@cache
def intercept(accuracy: float, variance: float) -> float:
    """Logit whose mean probability is `accuracy` when a normal with this variance is added to it."""
    nodes, weights = _nodes()
    low, high = -30.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        mean = float(weights @ special.expit(middle + np.sqrt(variance) * nodes))
        low, high = (middle, high) if mean < accuracy else (low, middle)
    return (low + high) / 2


@dataclass(frozen=True)
class SimulatedStudy:
    """Difference per reading (model minus reader) and its reader and item codes, all of shape (readers, items read).

    truth_of_these_images: what the difference would be with unlimited readers of these very images.
    """

    difference: np.ndarray
    reader: np.ndarray
    item: np.ndarray
    truth_of_these_images: float


def simulate_study(world: World, design: StudyDesign, rng: np.random.Generator) -> SimulatedStudy:
    """One study: new items, new readers, a network fitted once."""
    shared = rng.normal(size=design.items)
    latent = world.correlation * shared + np.sqrt(1 - world.correlation**2) * rng.normal(size=design.items)
    network = latent < special.ndtri(world.accuracy_model)
    human = intercept(world.accuracy_readers, world.sd_reader**2 + world.sd_item**2)
    item = design.draw(rng)
    skill = world.sd_reader * rng.normal(size=design.readers)
    right = rng.random(item.shape) < special.expit(human + skill[:, None] - world.sd_item * shared[item])
    reader = np.broadcast_to(np.arange(design.readers)[:, None], item.shape)
    nodes, weights = _nodes()
    of_item = special.expit(human - world.sd_item * shared[:, None] + world.sd_reader * nodes) @ weights
    return SimulatedStudy(network[item].astype(float) - right, reader, item, float(network.mean() - of_item.mean()))


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    return nodes, weights / weights.sum()


def spread_of(world: World) -> Spread:
    """Variance components of one reading's difference in a world, by Gauss-Hermite quadrature over items and
    readers."""
    nodes, weights = _nodes()
    human = intercept(world.accuracy_readers, world.sd_reader**2 + world.sd_item**2)
    right = special.expit(human - world.sd_item * nodes[:, None] + world.sd_reader * nodes[None, :])
    by_item, by_reader = right @ weights, weights @ right
    threshold = special.ndtri(world.accuracy_model)
    network = special.ndtr((threshold - world.correlation * nodes) / np.sqrt(max(1 - world.correlation**2, 1e-12)))

    def variance(values: np.ndarray) -> float:
        return float(weights @ values**2 - (weights @ values) ** 2)

    p = float(weights @ by_item)
    # The network answers each item once, so its own chance belongs to the item.
    var_item = float(weights @ (network * (1 - network))) + variance(network - by_item)
    var_reader = variance(by_reader)
    return Spread(var_reader, var_item, p * (1 - p) - var_reader - variance(by_item))


READERS_ALIKE_AND_UNLIKE = (0.35, 0.6)  # logit SDs that give the SDs of survey differences which the study published


def plausible_worlds(accuracy_readers: float, accuracy_model: float) -> list[World]:
    """Readers alike or not, items alike or not, errors shared or not: the range that published studies span."""
    return [
        World(accuracy_readers, accuracy_model, sd_reader, sd_item, correlation)
        for sd_reader in READERS_ALIKE_AND_UNLIKE
        for sd_item in (0.5, 1.0, 1.5)
        for correlation in (0.0, 0.5)
    ]


@dataclass(frozen=True)
class SimulationResult:
    """Of all studies: the estimate's mean and SD; mean standard errors, rejection rates and coverage of both tests.

    not_testable: studies in which readers or items did not differ at all; the tests' numbers are of the others.
    """

    studies: int
    mean_difference: float
    sd_difference: float
    mean_se_paired: float
    mean_se_two_way: float
    reject_paired: float
    reject_two_way: float
    reject_u_statistic: float
    cover_paired: float
    cover_two_way: float
    sd_survey: float
    not_testable: int = 0


def simulate(
    world: World,
    design: StudyDesign,
    *,
    studies: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
    progress: Callable[[int, int, str], None] | None = None,
) -> SimulationResult:
    """Simulate whole studies and count what each test does, for new images and new readers.

    With equal accuracies the rejection rates are type-I errors, otherwise they are power. Raises ValueError where no
    study can be tested.
    """
    rng = np.random.default_rng(seed)
    truth = world.accuracy_model - world.accuracy_readers
    rows = np.full((studies, 9), np.nan)
    for k in range(studies):
        if progress and k % 100 == 0:
            progress(k, studies, "studies")
        study = simulate_study(world, design, rng)
        rows[k, 0] = np.average(study.difference, weights=design.weights(study.item))
        found = _both_tests(study, design, truth, alpha)
        if found is not None:
            rows[k, 1:] = found
    testable = ~np.isnan(rows[:, 1])
    if not testable.any():
        raise ValueError(
            f"In none of {studies} simulated studies do readers or items differ, so nothing can be tested; more items, or"
            " accuracies further from 0 and 1, are needed."
        )
    m = rows[testable].mean(axis=0)
    return SimulationResult(
        studies, float(rows[:, 0].mean()), float(rows[:, 0].std(ddof=1)), *(float(value) for value in m[1:]),
        not_testable=int((~testable).sum()),
    )  # fmt: skip


def _both_tests(study: SimulatedStudy, design: StudyDesign, truth: float, alpha: float) -> tuple[float, ...] | None:
    """Standard errors, rejections and coverage of both tests; None where readers, or items, do not differ at all."""
    from benchmark.core.methods.distributions import t_quantile

    item, weights = study.item.ravel(), design.weights(study.item.ravel())
    by_reader = np.average(study.difference, axis=1, weights=design.weights(study.item))
    mean, sd = by_reader.mean(), by_reader.std(ddof=1)
    se_t, df_t = sd / np.sqrt(design.readers), design.readers - 1
    test = two_way_mean(study.difference.ravel(), study.reader.ravel(), item, item // design.per_class, weights=weights)
    if se_t == 0 or test.se is None:
        return None
    u = ustat_mean(study.difference.ravel(), study.reader.ravel(), item, weights)
    se_u = np.sqrt(max(u.variance or 0.0, test.var_reader, test.var_item))
    return (
        se_t,
        test.se,
        t_two_sided_p(mean / se_t, df_t) < alpha,
        test.p < alpha,
        abs(mean / se_u) > 1.959964,
        abs(mean - truth) < t_quantile(1 - alpha / 2, df_t) * se_t,
        test.ci_low <= truth <= test.ci_high,
        sd,
    )
