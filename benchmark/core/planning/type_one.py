"""Type-I error (or power) of every method in simulated studies: how often each rejects, with its Monte Carlo error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
import pandas as pd

from benchmark.core.errors import NotConverged
from benchmark.core.methods.bootstrap import StudyDraws, percentile_bounds
from benchmark.core.methods.distributions import normal_two_sided_p, t_two_sided_p
from benchmark.core.methods.lmm import fit_lmm
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.signed_rank import sign_flip_exact, wilcoxon_signed_rank
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.planning.simulation import SimulatedStudy, StudyDesign, World, simulate_study
from benchmark.core.sections.new_image_methods import corrected_bootstrap

THESE_IMAGES = ("paired t", "Wilcoxon", "sign flip", "item-level t")
QUICK = (*THESE_IMAGES, "two-way", "U-statistic, t", "U-statistic, z")
SLOW = ("mixed model", "bootstrap, percentile", "bootstrap, corrected")
CROSSED = ("Obuchowski-Rockette",)
NEW_IMAGES = ("two-way", "U-statistic, t", "mixed model", "bootstrap, corrected", "Obuchowski-Rockette")
BOOTSTRAP_DRAWS = 500
LOWEST, HIGHEST = 0.035, 0.065


@dataclass(frozen=True)
class Rate:
    """How often a method rejected in how many studies in which it could be computed; its Monte Carlo standard error."""

    method: str
    rejected: float
    studies: int

    @property
    def error(self) -> float:
        return sqrt(max(self.rejected * (1 - self.rejected), 1e-12) / max(self.studies, 1))


@dataclass(frozen=True)
class Simulated:
    """Rates of the methods, the SD over studies of the estimate about what it estimates, mean standard errors and the
    paired t's coverage."""

    rates: tuple[Rate, ...]
    sd_difference: float
    mean_se_paired: float
    mean_se_two_way: float
    mean_se_u: float
    sd_survey: float
    cover_paired: float

    def rate(self, method: str) -> float:
        return next(r.rejected for r in self.rates if r.method == method)


def rejection_rates(
    world: World,
    design: StudyDesign,
    methods: Sequence[str],
    *,
    studies: int,
    seed: int = 0,
    alpha: float = 0.05,
    these_images: bool = False,
    slow_studies: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> Simulated:
    """Simulate studies and count rejections of "the true difference", of new images or of each study's own.

    With equal accuracies in the world the rates are type-I errors of the test of no difference. these_images: the
    hypothesis is the difference that unlimited readers would show on the study's own images. slow_studies: mixed model
    and bootstrap run in the first so many studies only (None: in all).
    """
    rng = np.random.default_rng(seed)
    truth = world.accuracy_model - world.accuracy_readers
    p_values = np.full((studies, len(methods)), np.nan)
    facts = np.empty((studies, 5))
    for k in range(studies):
        if progress and k % 50 == 0:
            progress(k)
        study = simulate_study(world, design, rng)
        null = study.truth_of_these_images if these_images else truth if truth == 0 else 0.0
        tests = _Tests(study, design, null, int(rng.integers(2**31)))
        for column, method in enumerate(methods):
            if method in SLOW and slow_studies is not None and k >= slow_studies:
                continue
            p = tests.p(method)
            p_values[k, column] = np.nan if p is None else p
        facts[k] = (tests.two_way.estimate, tests.paired.se, tests.two_way.se, tests.se_u, tests.paired.sd)
    known = np.isfinite(p_values)
    rates = tuple(
        Rate(method, float((p_values[known[:, c], c] < alpha).mean()), int(known[:, c].sum()))
        for c, method in enumerate(methods)
        if known[:, c].any()  # a method that judged no study has no rate
    )
    own = methods.index("paired t") if "paired t" in methods else None
    cover = float((p_values[:, own] >= alpha).mean()) if own is not None else float("nan")
    mean = facts.mean(axis=0)
    return Simulated(rates, float(facts[:, 0].std(ddof=1)), mean[1], mean[2], mean[3], mean[4], cover)


class _Tests:
    """Every method's p-value of one study for the hypothesis that the difference is `null`."""

    def __init__(self, study: SimulatedStudy, design: StudyDesign, null: float, seed: int):
        self.study, self.design, self.seed = study, design, seed
        self.d = study.difference.ravel() - null
        self.reader, self.item = study.reader.ravel(), study.item.ravel()
        self.stratum = self.item // design.per_class
        self.by_reader = study.difference.mean(axis=1) - null
        self.paired = paired_t(self.by_reader)
        self.two_way = two_way_mean(self.d, self.reader, self.item, self.stratum)
        u = ustat_mean(self.d, self.reader, self.item)
        floor = max(self.two_way.var_reader or 0.0, self.two_way.var_item or 0.0)
        self.se_u = sqrt(max(u.variance or 0.0, floor))
        self._drawn: np.ndarray | None = None

    def p(self, method: str) -> float | None:
        return {
            "paired t": lambda: self.paired.p,
            "Wilcoxon": lambda: wilcoxon_signed_rank(self.by_reader).p,
            "sign flip": self._sign_flip,
            "item-level t": self._item_level,
            "two-way": lambda: self.two_way.p,
            "U-statistic, t": lambda: t_two_sided_p(self.two_way.estimate / self.se_u, self.two_way.df),
            "U-statistic, z": lambda: normal_two_sided_p(self.two_way.estimate / self.se_u),
            "mixed model": self._mixed,
            "bootstrap, percentile": self._percentile,
            "bootstrap, corrected": self._corrected,
            "Obuchowski-Rockette": self._crossed,
        }[method]()

    def _sign_flip(self) -> float | None:
        counts = np.rint(self.by_reader * self.study.item.shape[1]).astype(np.int64)
        return sign_flip_exact(counts).p

    def _item_level(self) -> float | None:
        means = np.bincount(self.item, weights=self.d) / np.bincount(self.item)
        return paired_t(means).p

    def _mixed(self) -> float | None:
        x = (self.stratum[:, None] == np.arange(self.design.classes)).astype(float)
        try:
            return fit_lmm(self.d, x, self.reader, self.item).contrast(x.mean(axis=0)).p
        except (ValueError, NotConverged):
            return None

    def drawn(self) -> np.ndarray:
        if self._drawn is None:
            rows = pd.DataFrame({"reader": self.reader, "group": 0, "kind": "human", "item": self.item,
                                 "truth": self.stratum})  # fmt: skip
            draws = StudyDraws.of(rows, draws=BOOTSTRAP_DRAWS, seed=self.seed)
            self._drawn = draws.mean(rows, self.d).astype(float)
        return self._drawn

    def _percentile(self) -> float:
        low, high = percentile_bounds(self.drawn(), 0.95)
        return 0.0 if low > 0 or high < 0 else 1.0

    def _corrected(self) -> float | None:
        if self.two_way.se is None:
            return None
        test = self.two_way
        return corrected_bootstrap(test.estimate, self.drawn(), test.se, test.df, confidence=0.95)["p"]

    def _crossed(self) -> float | None:
        order = np.argsort(self.study.item, axis=1)
        table = np.take_along_axis(self.study.difference, order, axis=1)
        return model_against_readers(-table, np.zeros(table.shape[1])).p


@dataclass(frozen=True)
class Scenario:
    name: str
    world: World
    design: StudyDesign
    methods: tuple[str, ...]
    these_images: bool = False


def scenarios() -> list[Scenario]:
    """The recorded simulation's worlds (founding design, repeated surveys, other accuracies) and smaller, crossed ones."""
    found = []
    for sd_reader, kind in ((0.35, "alike"), (0.7, "unlike")):
        for sd_item in (0.5, 1.0, 1.5):
            for correlation in (0.0, 0.5):
                name = f"founding, readers {kind}, sd_item {sd_item}, correlation {correlation}"
                slow = SLOW if (sd_item, correlation) == (1.0, 0.5) else ()
                world = World(0.75, 0.75, sd_reader, sd_item, correlation)
                found.append(Scenario(name, world, StudyDesign(), (*QUICK, *slow)))
    world, same = World(0.75, 0.75, 0.35, 1.0, 0.5), StudyDesign(same_surveys=True)
    found += [
        Scenario("same surveys in each set, correlation 0", replace(world, correlation=0.0), same, QUICK),
        Scenario("same surveys in each set", world, same, QUICK),
        Scenario("same surveys, readers unlike", replace(world, sd_reader=0.7), same, QUICK),
        Scenario("accuracy .87", World(0.87, 0.87, 0.35, 1.0, 0.5), StudyDesign(), (*QUICK, *SLOW)),
        Scenario("accuracy .60", World(0.6, 0.6, 0.35, 1.0, 0.5), StudyDesign(), QUICK),
    ]
    for readers in (10, 20):
        crossed = StudyDesign(per_survey=20, sets=readers)
        found.append(
            Scenario(f"crossed, {readers} readers", replace(world, sd_reader=0.5), crossed, (*QUICK, *SLOW, *CROSSED))
        )
    found.append(Scenario("10 readers of 28 items", world, StudyDesign(sets=2), (*QUICK, *SLOW)))
    for sd_reader in (0.35, 0.7):
        name = f"these 140 images are the question, sd_reader {sd_reader}"
        found.append(
            Scenario(name, replace(world, sd_reader=sd_reader), StudyDesign(), (*THESE_IMAGES[:3], "two-way"), True)
        )
    return sorted(found, key=lambda scenario: -len(scenario.methods))


def leaves_the_band(found: Sequence[tuple[Scenario, Simulated]]) -> list[tuple[Scenario, Rate]]:
    """Rates of new-images methods outside .035 to .065 where new images are the question."""
    return [
        (scenario, rate)
        for scenario, result in found
        for rate in result.rates
        if not scenario.these_images and rate.method in NEW_IMAGES and not LOWEST <= rate.rejected <= HIGHEST
    ]


COLUMNS = (*QUICK, *SLOW, *CROSSED)


def table_head() -> str:
    header = ["scenario", *COLUMNS, "SE ratio", "coverage of the paired t"]
    return "| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|"


def table_row(scenario: Scenario, result: Simulated) -> str:
    """A line of the table: rejection rates, those of new-images methods outside .035 to .065 marked with "!"."""
    rates = {rate.method: rate for rate in result.rates}
    outside = {rate.method for _, rate in leaves_the_band([(scenario, result)])}
    cells = [
        "–" if method not in rates else f"{rates[method].rejected:.3f}".lstrip("0") + "!" * (method in outside)
        for method in COLUMNS
    ]
    ratio = result.mean_se_two_way / result.mean_se_paired
    return f"| {scenario.name} | " + " | ".join(cells) + f" | {ratio:.2f} | {result.cover_paired:.3f} |"
