"""Whether tests of experience hold their level when it has nothing to do with accuracy, and their intervals the true slope when it has.

    python -m tests.performance.covariate_level [--studies 400]

Images and readers are drawn anew for every study: an answer is right with chance .7 + image + reader + slope x years / 10, both
effects uniform over +-.1 (images) and +-.08 (readers); years are those of a young profession, exponential with mean 8, at most 40.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmark.core.methods.slopes import reader_slope, reading_slope

DESIGNS = {  # readers, items, items of each reader
    "8 readers of all 60 images": (8, 60, 60),
    "12 readers of all 60 images": (12, 60, 60),
    "30 readers of 28 of 140 images": (30, 140, 28),
}
SLOPES = (0.0, 0.05)


def study(rng: np.random.Generator, readers: int, items: int, own: int, slope: float) -> tuple[np.ndarray, ...]:
    """years, right, reader and item of every reading; every image is read about as often as any other."""
    years = np.minimum(rng.exponential(8, readers), 40).round() / 10
    ease, skill = rng.uniform(-0.1, 0.1, items), rng.uniform(-0.08, 0.08, readers)
    reader = np.repeat(np.arange(readers), own)
    shown = np.concatenate([rng.permutation(items) for _ in range(-(-readers * own // items))])[: readers * own]
    chance = 0.7 + ease[shown] + skill[reader] + slope * (years - 0.8)[reader]
    return years[reader], (rng.random(len(shown)) < np.clip(chance, 0, 1)).astype(float), reader, shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    for name, design in DESIGNS.items():
        for slope in SLOPES:
            kept = []
            for seed in range(studies):
                x, y, reader, item = study(np.random.default_rng(seed), *design, slope)
                per_reader = [np.bincount(reader, weights=values) / design[2] for values in (x, y)]
                these = reader_slope(*per_reader, np.zeros(design[0]))
                new = reading_slope(x, y, reader, item, item % 4, np.zeros(len(x)))
                if these.p is not None and new.p is not None:
                    kept.append([abs(these.slope - slope) > these.slope - these.ci_low, abs(new.estimate - slope) > new.estimate - new.ci_low])
            these_missed, new_missed = np.mean(kept, axis=0)
            what = "level of the test" if slope == 0 else f"true slope {slope} missed"
            print(f"{name}; {what}: these images {these_missed:.3f}, new images {new_missed:.3f} ({len(kept)} studies)")


if __name__ == "__main__":
    main()
