"""What anchors cost and what they bring: levels of the tests, the precision that planning foresees, and readers on one scale.

    python -m tests.performance.anchors [--studies 400]

Whole studies are simulated with the founding study's items, with and without 2 anchors of every class (drawn, so that chance
alone tells them from other items). First: readers and network equally accurate; how often each test says otherwise, and what
the tests would do if every reading, and so the anchors, weighed the same. Then: how well readers of different surveys, and
items, are placed on one scale.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.distributions import t_two_sided_p
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.planning.closed_form import Design, fixed_images_precision, new_images_precision
from benchmark.core.planning.simulation import StudyDesign, World, intercept, simulate_study, spread_of
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.item_response import rasch_sections

DESIGNS = {
    "30 readers, no anchor": StudyDesign(),
    "54 readers, no anchor": StudyDesign(per_class=20, per_survey=4, sets=11),
    "54 readers, 2 anchors per class": StudyDesign(anchors=2),
    "18 readers, 2 anchors per class": StudyDesign(sets=2, anchors=2),
}
LINKED = DESIGNS | {"10 readers, no anchor": StudyDesign(sets=2), "9 readers, 2 anchors per class": StudyDesign(sets=1, anchors=2)}
EQUAL = World(0.75, 0.75)


def levels(design: StudyDesign, studies: int) -> list[tuple[str, np.ndarray]]:
    """(test, per study: estimate, its standard error, p) for new images, and for these images against their own truth."""
    rng, found = np.random.default_rng(20211127), {}
    for _ in range(studies):
        study = simulate_study(EQUAL, design, rng)
        item, reader = study.item.ravel(), study.reader.ravel()
        values, stratum = study.difference.ravel(), item // design.per_class
        for name, weights in (("every image alike", design.weights(item)), ("every reading alike", None)):
            if design.anchors == 0 and name == "every reading alike":
                continue  # the same
            test = two_way_mean(values, reader, item, stratum, weights=weights)
            found.setdefault(f"two-way, {name}", []).append((test.estimate, test.se, test.p))
            u = ustat_mean(values, reader, item, weights)
            error = np.sqrt(max(u.variance, test.var_reader, test.var_item))
            p = t_two_sided_p(u.estimate / error, test.df)
            found.setdefault(f"U-statistic, {name}", []).append((u.estimate, error, p))
            of_reader = np.average(study.difference, axis=1, weights=None if weights is None else design.weights(study.item))
            own = paired_t(of_reader - study.truth_of_these_images)
            found.setdefault(f"paired, these images, {name}", []).append((own.mean, own.se, own.p))
    return [(name, np.array(rows)) for name, rows in found.items()]


def foreseen(design: StudyDesign) -> tuple[float, float]:
    """Standard errors for these and for new images that the planning page says."""
    each = design.classes * design.per_survey
    plan = Design(design.readers, design.items, each, design.classes, design.classes * design.anchors)
    spread = spread_of(EQUAL)
    return fixed_images_precision(plan, spread, 0.1).se, new_images_precision(plan, spread, 0.1).se


def placed(design: StudyDesign, studies: int) -> dict[str, float]:
    """Correlation with the truth of readers' abilities and items' difficulties, and of readers' plain accuracies."""
    rng, rows, unplaced = np.random.default_rng(7), [], 0
    world = World(0.75, 0.75, sd_reader=0.5)
    human = intercept(0.75, world.sd_reader**2 + world.sd_item**2)
    for _ in range(studies):
        hard, item = rng.normal(size=design.items), design.draw(rng)
        skill = world.sd_reader * rng.normal(size=len(item))
        right = rng.random(item.shape) < 1 / (1 + np.exp(-(human + skill[:, None] - world.sd_item * hard[item])))
        frame = pd.DataFrame({
            "reader": np.char.add("r", np.arange(len(item)).astype(str)).repeat(item.shape[1]), "group": "g", "survey": "",
            "item": np.char.add("i", item.ravel().astype(str)), "truth": np.char.add("c", (item.ravel() // design.per_class).astype(str)),
            "answer": np.where(right.ravel(), np.char.add("c", (item.ravel() // design.per_class).astype(str)), "none"),
        })  # fmt: skip
        scale = rasch_sections(Scored(Readings.from_frame(frame)), Plan(mixed_models="always"))
        readers, items = (pd.DataFrame(scale[name]) for name in ("rasch_readers", "rasch_items"))
        own, asked = readers["reader"].str[1:].astype(int), items["item"].str[1:].astype(int)
        shift = world.sd_item * hard[asked]
        rest = (asked % design.per_class >= design.anchors).to_numpy()
        if readers["ability"].isna().any() or readers["ability"].std() == 0:
            unplaced += 1  # the fit does not converge, or does not tell readers apart: they have no order
            continue
        rows.append({
            "ability": _alike(readers["ability"], skill[own]),
            "accuracy": _alike(right.mean(axis=1), skill),
            "ability error": np.sqrt(np.mean((readers["ability"] - skill[own]) ** 2)),
            "difficulty, not of anchors": _alike(items["difficulty"][rest], shift[rest]),
            "difficulty of anchors": _alike(items["difficulty"][~rest], shift[~rest]),
        })  # fmt: skip
    return pd.DataFrame(rows).astype(float).mean().to_dict() | {"studies without an order": unplaced}


def _alike(found, true) -> float:
    """Correlation; NaN of fewer than three, or where nothing differs."""
    found, true = np.asarray(found, dtype=float), np.asarray(true, dtype=float)
    return float(np.corrcoef(found, true)[0, 1]) if len(found) > 2 and min(np.ptp(found), np.ptp(true)) > 1e-12 else np.nan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    print(f"Readers and network equally accurate; {studies} studies of each design; nominal level .05\n")
    for name, design in DESIGNS.items():
        these, new = foreseen(design)
        print(f"{name}; planning says SE {100 * these:.2f} points for these images, {100 * new:.2f} for new ones")
        for test, rows in levels(design, studies):
            estimate, se, p = rows.T
            print(f"  {test:<42} SD {100 * estimate.std(ddof=1):5.2f}  mean SE {100 * se.mean():5.2f}  rejects {np.mean(p < 0.05):.3f}")
    few = max(10, studies // 10)
    print(f"\nReaders and items on one scale; {few} studies; correlations with the truth, and the abilities' error in logits")
    for name, design in LINKED.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" for key, value in placed(design, few).items() if not np.isnan(value)))


if __name__ == "__main__":
    main()
