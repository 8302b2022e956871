"""Whether the intervals of agreement within readers hold what they say, in the two designs that occur.

    python -m tests.performance.within_reader_coverage [--studies 400]

Readers differ (an answer keeps the reader's leaning with chance w, uniform from .7 to .9) and so do images (a leaning is the truth
with chance s, uniform from .5 to 1, else any of four classes); new ones of both are drawn for every study. What is estimated is
then known: two answers of one reader are the same with chance E w^2 + (1 - E w^2) / 4, those of two readers with
(E w)^2 m + (1 - (E w)^2) / 4, where m = E (p^2 + 3 q^2), p = (1 + 3 s) / 4 and q = (1 - s) / 4.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.within_reader import within_reader_sections

CLASSES = np.array(list("ABCD"))
DESIGNS = {  # surveys: into how many the images are dealt; readers of each survey; images of a reader that come again
    "all read all: 12 readers, 60 images, 12 again": {"items": 60, "surveys": 1, "sets": 12, "again": 12},
    "surveys: 30 readers of 28 of 140 images, 3 again": {"items": 140, "surveys": 5, "sets": 6, "again": 3},
}


def truths() -> dict[str, float]:
    s = np.linspace(0.5, 1, 100_001)
    m = float((((1 + 3 * s) / 4) ** 2 + 3 * ((1 - s) / 4) ** 2).mean())
    own, two = (0.9**3 - 0.7**3) / (3 * 0.2), 0.8**2
    found = {"same": own + (1 - own) / 4, "cohen_kappa": own, "gwet_ac1": own, "between_same": two * m + (1 - two) / 4}
    found["between_gwet_ac1"] = (found["between_same"] - 0.25) / 0.75
    return found | {"difference": found["same"] - found["between_same"]}


def study(rng: np.random.Generator, *, items: int, surveys: int, sets: int, again: int) -> Readings:
    """One study of four classes with equally many images each; every survey has a reader of its own."""
    sure, rows = rng.uniform(0.5, 1, items), []
    for number in range(sets):
        dealt = rng.permutation(items // 4)
        for survey in range(surveys):
            own = np.concatenate([dealt[survey::surveys] * 4 + k for k in range(4)])
            repeated = rng.choice(own, again, replace=False)
            keep = rng.uniform(0.7, 0.9)
            leaning = np.where(rng.random(items) < sure, np.arange(items) % 4, rng.integers(0, 4, items))
            for showing, shown in ((1, own), (2, repeated)):
                answer = np.where(rng.random(len(shown)) < keep, leaning[shown], rng.integers(0, 4, len(shown)))
                frame = {"reader": f"r{number}-{survey}", "survey": f"{number}-{survey}", "item": shown, "truth": CLASSES[shown % 4]}
                rows.append(pd.DataFrame(frame | {"answer": CLASSES[answer], "showing": showing, "group": "g", "view": "v"}))
    return Readings.from_frame(pd.concat(rows, ignore_index=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    true = truths()
    for name, design in DESIGNS.items():
        found: dict[str, list] = {key: [] for key in true}
        for seed in range(studies):
            record = within_reader_sections(Scored(study(np.random.default_rng(seed), **design)), Plan())["within_reader"][0]
            for key in true:
                ends = "ci" if key == "difference" else f"{key}_ci"
                found[key].append((record[key], record[f"{ends}_low"], record[f"{ends}_high"]))
        print(f"{name}; {studies} studies")
        print(f"  {'':<18}{'true':>7}{'mean':>7}{'SD':>7}{'half-width':>12}{'inside':>8}")
        for key, rows in found.items():
            value, low, high = np.array(rows, dtype=float).T
            inside = float(((low <= true[key]) & (true[key] <= high)).mean())
            print(f"  {key:<18}{true[key]:7.3f}{value.mean():7.3f}{value.std():7.3f}{(high - low).mean() / 2:12.3f}{inside:8.3f}")


if __name__ == "__main__":
    main()
