"""Do the tests of assisted reading hold their level for new images? Whole studies without an effect, simulated.

    python -m tests.performance.assisted_gain [--studies 4000] [--only gain|difference|classes]

Readers and images are new in every study. In the first table the gain is zero over all of them, in the second the gain with
output is that of the second look alone: where the cause is a second look both gains are there, and only their difference is
zero (`found`: how often the gain with output was significant, and `gain` its mean in points). The causes are told in
tests/benchmark/core/assisted_study.py. A column per test: two-way t (the product's for new images), Obuchowski and Rockette's
with Hillis's degrees of freedom (where every reader reads every image), and the t over readers' means, which is for these
images. The third table has the difference class by class: how often a class is significant before adjustment, how often any of
the four is after it, and how many classes could be tested. SE/SD: mean standard error of the two-way variance over the true spread.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from benchmark.core.methods.bootstrap import layout
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.assisted_sets import AssistedSet
from benchmark.core.sections.contrasts import adjusted
from benchmark.core.sections.control import BesideControl, difference_classes
from tests.benchmark.core.assisted_study import CAUSES, without_difference, without_gain

LAYOUTS = (
    ("5 readers, 40 images, crossed", 5, 40, 40),
    ("8 readers, 60 images, crossed", 8, 60, 60),
    ("20 readers, 24 of 60 images", 20, 60, 24),
    ("30 readers, 28 of 140 images", 30, 140, 28),
    ("30 readers, 140 images, crossed", 30, 140, 140),
)


def rejections(readers: int, items: int, per_reader: int, cause: str, studies: int, seed: int) -> dict[str, float | None]:
    """Share of studies with p < .05 by test (a study without a p rejects nothing), and the ratio SE/SD."""
    rng = np.random.default_rng(seed)
    counts, gains, errors = dict.fromkeys(("two-way", "closed form", "readers"), 0), [], []
    for _ in range(studies):
        rows = without_gain(rng, readers=readers, items=items, per_reader=per_reader, cause=cause)
        gain = rows["assisted"].to_numpy(float) - rows["alone"].to_numpy(float)
        test = two_way_mean(gain, rows["reader"], rows["item"], rows["truth"])
        over_readers = paired_t(np.bincount(rows["reader"], weights=gain) / per_reader)
        ps = {"two-way": test.p, "readers": over_readers.p}
        if per_reader == items:
            table, _ = layout(rows["reader"], rows["item"], gain)
            ps["closed form"] = model_against_readers(-table, np.zeros(items)).p
        for name, p in ps.items():
            counts[name] += p is not None and p < 0.05
        gains.append(gain.mean())
        errors.append(test.se or 0.0)
    rates = {name: count / studies for name, count in counts.items()}
    if per_reader != items:
        rates["closed form"] = None
    return {**rates, "ratio": float(np.mean(errors) / np.std(gains))}


def arms_of(rows: pd.DataFrame) -> BesideControl:
    """Simulated readings as the product's section has them."""
    seen, control = (AssistedSet(name, "g", "", own, own, 0) for name, own in (("net", rows[~rows["control"]]), ("", rows[rows["control"]])))
    return BesideControl(seen, control)


def difference_rejections(readers: int, items: int, per_reader: int, cause: str, studies: int, seed: int) -> dict[str, float]:
    """The same of the difference of the gains; `found` and `gain` of the gain with output itself."""
    rng, plan = np.random.default_rng(seed), Plan()
    counts, differences, gains, errors = dict.fromkeys(("two-way", "readers", "found"), 0), [], [], []
    for _ in range(studies):
        arms = arms_of(without_difference(rng, readers=readers, items=items, per_reader=per_reader, cause=cause))
        test, seen = arms.test(plan), arms.seen.rows
        gain = two_way_mean(arms.seen.differences, seen["reader"], seen["item"], seen["truth"])
        for name, p in (("two-way", test.p), ("readers", arms.of_these_images(plan)["p"]), ("found", gain.p)):
            counts[name] += p is not None and p < 0.05
        differences.append(test.estimate)
        gains.append(gain.estimate)
        errors.append(test.se or 0.0)
    rates = {name: count / studies for name, count in counts.items()}
    return {**rates, "gain": float(np.mean(gains)), "ratio": float(np.mean(errors) / np.std(differences))}


def class_rejections(readers: int, items: int, per_reader: int, cause: str, studies: int, seed: int) -> dict[str, float]:
    """Of the difference by class: share of tests with p < .05, share of studies with an adjusted one, and of classes with a test."""
    rng, plan, ps, any_class = np.random.default_rng(seed), Plan(), [], 0
    for _ in range(studies):
        arms = arms_of(without_difference(rng, readers=readers, items=items, per_reader=per_reader, cause=cause))
        found = adjusted(list(difference_classes(arms, tuple(range(4)), plan)))
        ps += [record["p"] for record in found]
        any_class += any(record["p_adjusted"] is not None and record["p_adjusted"] < 0.05 for record in found)
    known = [p for p in ps if p is not None]
    return {"class": float(np.mean([p < 0.05 for p in known])), "any": any_class / studies, "tested": len(known) / len(ps)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=4000)
    parser.add_argument("--only", choices=("gain", "difference", "classes"))
    options = parser.parse_args()
    if options.only in (None, "gain"):
        print("| cause | layout | two-way t | Obuchowski-Rockette | t over readers | SE/SD |\n|---|---|---|---|---|---|")
        for cause, place, name, shape in _conditions():
            found = rejections(*shape, cause, options.studies, seed=20210408 + place)
            closed = "–" if found["closed form"] is None else f"{found['closed form']:.3f}"
            print(f"| {cause} | {name} | {found['two-way']:.3f} | {closed} | {found['readers']:.3f} | {found['ratio']:.2f} |", flush=True)
    if options.only in (None, "difference"):
        print("| cause | layout | gain | found | two-way t | t over readers | SE/SD |\n|---|---|---|---|---|---|---|")
        for cause, place, name, shape in _conditions():
            found = difference_rejections(*shape, cause, options.studies, seed=20261127 + place)
            rates = " | ".join(f"{found[key]:.3f}" for key in ("found", "two-way", "readers"))
            print(f"| {cause} | {name} | {100 * found['gain']:.1f} | {rates} | {found['ratio']:.2f} |", flush=True)
    if options.only in (None, "classes"):
        print("| cause | layout | a class | any class, adjusted | classes tested |\n|---|---|---|---|---|")
        for cause, place, name, shape in _conditions():
            found = class_rejections(*shape, cause, options.studies // 4, seed=20261128 + place)
            print(f"| {cause} | {name} | {found['class']:.3f} | {found['any']:.3f} | {100 * found['tested']:.0f} % |", flush=True)


def _conditions():
    for cause in CAUSES:
        for place, (name, *shape) in enumerate(LAYOUTS):
            yield cause, place, name, shape


if __name__ == "__main__":
    main()
