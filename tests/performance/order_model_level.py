"""Does the model of orders hold its level? Both of its tests in studies in which view, period and carry-over do nothing.

    python -m tests.performance.order_model_level [--studies 1000]

Readers see their images in two views, half of them in either order. "Alike": readers and images have one level each. "Unlike":
a reader, and an image, also has a gain of its own from one view to the other, as real ones do. New readers, new images.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from scipy import special

from benchmark.core import Plan, Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.sections.order import order_model_section

TERMS = ("view", "period", "carry-over")
LAYOUTS = ((8, 24, 24), (20, 60, 24))  # readers, images, images read by each
SD_READER, SD_ITEM, SD_READER_GAIN, SD_ITEM_GAIN = 0.5, 1.0, 0.3, 0.5


def study(readers: int, items: int, each: int, unlike: bool, rng: np.random.Generator) -> pd.DataFrame:
    level, hard = SD_READER * rng.normal(size=readers), SD_ITEM * rng.normal(size=items)
    gain = [unlike * sd * rng.normal(size=n) for sd, n in ((SD_READER_GAIN, readers), (SD_ITEM_GAIN, items))]
    parts = []
    for reader in range(readers):
        shown = rng.permutation(items)[:each]
        for view in (0, 1):
            logit = 0.5 + level[reader] - hard[shown] + (view - 0.5) * (gain[0][reader] + gain[1][shown])
            right = rng.random(each) < special.expit(logit)
            parts.append(pd.DataFrame({
                "reader": f"r{reader}", "group": "people", "item": [f"i{i}" for i in shown], "truth": ["ab"[i % 2] for i in shown],
                "answer": ["ab"[(i + (not ok)) % 2] for i, ok in zip(shown, right)], "view": "cw"[view], "survey": f"s{reader}",
                "block": 1 + (view ^ reader % 2),
            }))  # fmt: skip
    return pd.concat(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    print(f"{studies} studies a row, nominal .05 (Monte Carlo error {np.sqrt(0.05 * 0.95 / studies):.4f})\n")
    print("| readers, images, read by each | gains | " + " | ".join(f"{kind}, {term}" for kind in ("mixed", "average") for term in TERMS) + " |")
    print("|---" * 8 + "|")
    for layout in LAYOUTS:
        for unlike in (False, True):
            rng, found = np.random.default_rng(20210408), []
            for _ in range(studies):
                records = order_model_section(Scored(Readings.from_frame(study(*layout, unlike, rng))), Plan())
                found.append([r[name] for name in ("p", "average_log_odds_ratio_p") for r in records])
            p = np.array(found, dtype=float)
            rates = " | ".join(f"{(column[~np.isnan(column)] < 0.05).mean():.3f}" for column in p.T)
            print(f"| {', '.join(map(str, layout))} | {'unlike' if unlike else 'alike'} | {rates} |", flush=True)


if __name__ == "__main__":
    main()
