"""What should a paired test of these images count, surveys or readers? Its type-I error, counted both ways.

    python -m tests.performance.pairing_units [--studies 4000]

The 140 images stay; readers are new in every study; the network's accuracy is exactly theirs on these images. Readers vary
by .7 on the logit scale, images by 1.0. In each layout the 140 images are split into 5 surveys of 28, once.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import special

from benchmark.core.methods.paired import paired_t

SURVEYS, LENGTH, SD_READER = 5, 28, 0.7
LAYOUTS = (
    ("5 surveys, one reader each", 5, 1),
    ("5 surveys, six readers each", 30, 1),
    ("5 surveys, all read by the same 10 readers", 10, 5),
    ("one survey, 10 readers", 10, 0),
)


def rejections(readers: int, each: int, studies: int, seed: int) -> dict[str, float | None]:
    """Share of studies with p < .05 by unit; each: surveys that a reader reads, 0: all read the first one."""
    rng = np.random.default_rng(seed)
    logit = 1.0 - rng.normal(size=(SURVEYS, LENGTH))
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    chance = special.expit(logit[..., None] + SD_READER * nodes) @ (weights / weights.sum())
    found = {"survey": 0, "reader": 0}
    possible = {"survey": 0, "reader": 0}
    for _ in range(studies):
        skill = SD_READER * rng.normal(size=readers)
        right = rng.random((readers, SURVEYS, LENGTH)) < special.expit(logit + skill[:, None, None])
        # The network's mark on an image is its readers' chance: on these images the two are equally accurate.
        gap = (chance - right).mean(axis=2)
        reads = np.zeros((readers, SURVEYS), dtype=bool)
        reads[:, : 1 if each == 0 else SURVEYS] = each != 1
        if each == 1:
            reads[np.arange(readers), np.arange(readers) % SURVEYS] = True
        kept = np.where(reads, gap, np.nan)
        units = {"survey": np.nanmean(kept[:, reads.any(axis=0)], axis=0), "reader": np.nanmean(kept, axis=1)}
        for unit, differences in units.items():
            test = paired_t(differences)
            if test.p is not None:
                possible[unit] += 1
                found[unit] += test.p < 0.05
    return {unit: found[unit] / possible[unit] if possible[unit] else None for unit in found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=4000)
    options = parser.parse_args()
    print("| layout | over surveys | over readers |\n|---|---|---|")
    for place, (name, readers, each) in enumerate(LAYOUTS):
        rates = rejections(readers, each, options.studies, seed=20210408 + place)
        told = " | ".join("no test" if rate is None else f"{rate:.3f}" for rate in rates.values())
        print(f"| {name} | {told} |", flush=True)


if __name__ == "__main__":
    main()
