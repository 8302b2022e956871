"""Does the test of the gain from a network's output hold its level for new images? Whole studies without a gain, simulated.

    python -m tests.performance.assisted_gain [--studies 4000]

Readers and images are new in every study; over all of them the gain is zero. Its two causes are told in
tests/benchmark/core/assisted_study.py. A column per test: two-way t (the product's for new images), Obuchowski and
Rockette's with Hillis's degrees of freedom (where every reader reads every image), and the t over readers' mean gains,
which is for these images. SE/SD: mean standard error of the two-way variance over the true spread of the gain.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmark.core.methods.bootstrap import layout
from benchmark.core.methods.obuchowski_rockette import model_against_readers
from benchmark.core.methods.paired import paired_t
from benchmark.core.methods.twoway import two_way_mean
from tests.benchmark.core.assisted_study import CAUSES, without_gain

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=4000)
    options = parser.parse_args()
    print("| cause | layout | two-way t | Obuchowski-Rockette | t over readers | SE/SD |\n|---|---|---|---|---|---|")
    for cause in CAUSES:
        for place, (name, *shape) in enumerate(LAYOUTS):
            found = rejections(*shape, cause, options.studies, seed=20210408 + place)
            closed = "–" if found["closed form"] is None else f"{found['closed form']:.3f}"
            print(f"| {cause} | {name} | {found['two-way']:.3f} | {closed} | {found['readers']:.3f} | {found['ratio']:.2f} |", flush=True)


if __name__ == "__main__":
    main()
