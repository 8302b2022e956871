"""Does the lead of a network on one kind of image hold its level, when the kind has few images?

    python -m tests.performance.kinds_level [--studies 1000]

Thirty readers of one group see a fifth of the images each. A network is right on an image by the same chance as people are, so that
there is no lead among new images; on the few images of a kind it may be right throughout, and then shows no spread of its own.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import special

from benchmark.core.methods.twoway import two_way_mean

READERS, SHARE, CLASSES = 30, 5, 7
SD_READER, SD_ITEM = 0.3, 1.0
LOGITS = {"right on 7 of 10": 1.0, "right on 9 of 10": 2.5}
IMAGES = (5, 7, 10, 15, 20, 30, 60)


def p_of_no_lead(images: int, logit: float, rng: np.random.Generator) -> float | None:
    """p of network minus readers in one study."""
    easy = logit + SD_ITEM * rng.normal(size=images)
    network = rng.random(images) < special.expit(easy)
    level = SD_READER * rng.normal(size=READERS)
    reader_read, item_read = np.nonzero(np.stack([rng.permutation(READERS) % SHARE == 0 for _ in range(images)], axis=1))
    right = rng.random(len(reader_read)) < special.expit(easy[item_read] + level[reader_read])
    return two_way_mean(network[item_read] - right.astype(float), reader_read, item_read, item_read % CLASSES).p


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    print(f"{studies} studies a cell, nominal .05 (Monte Carlo error {np.sqrt(0.05 * 0.95 / studies):.4f})\n")
    print(f"| images of the kind | {' | '.join(LOGITS)} |")
    print("|---" * (1 + len(LOGITS)) + "|")
    for images in IMAGES:
        rates = []
        for logit in LOGITS.values():
            rng = np.random.default_rng(20210408)
            found = [p_of_no_lead(images, logit, rng) for _ in range(studies)]
            rates.append(np.mean([p < 0.05 for p in found if p is not None]))
        print(f"| {images} | {' | '.join(f'{rate:.3f}' for rate in rates)} |", flush=True)


if __name__ == "__main__":
    main()
