"""Why 95 % power takes 210 items where the record says 217: the item component, exact, simulated and recorded.

    python -m tests.performance.items_needed [--items 20000000]

The power of 10 points for new images at 6 reads an item, from three sets of variance components of one world (readers right
75 %, network 85 %, logit SD of readers .35 and of items 1, correlation .5): by quadrature, with the item component simulated
over many items, and as recorded in tests/reference/statistics.json. Whole images per class, 28 images a reader.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import special

from benchmark.core.planning.closed_form import Design, Spread, items_needed, paired_t_power
from benchmark.core.planning.simulation import World, intercept, spread_of

RECORD = Path(__file__).parents[1] / "reference" / "statistics.json"
WORLD = World(0.75, 0.85, 0.35, 1.0, 0.5)
NAME = "gen si1.0 rho0.5"
CHUNK = 250_000


def simulated_item_variance(items: int, seed: int = 20210408) -> tuple[float, float]:
    """Mean square of (network right minus share of readers right), less 10 points, over items; and its standard error."""
    rng = np.random.default_rng(seed)
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    start = intercept(WORLD.accuracy_readers, WORLD.sd_reader**2 + WORLD.sd_item**2)
    total = square = count = 0.0
    while count < items:
        shared = rng.normal(size=CHUNK)
        latent = WORLD.correlation * shared + np.sqrt(1 - WORLD.correlation**2) * rng.normal(size=CHUNK)
        logit = start - WORLD.sd_item * shared
        people = special.expit(logit[:, None] + WORLD.sd_reader * nodes) @ (weights / weights.sum())
        found = ((latent < special.ndtri(WORLD.accuracy_model)) - people - 0.1) ** 2
        total, square, count = total + found.sum(), square + (found**2).sum(), count + CHUNK
    mean = total / count
    return mean, float(np.sqrt((square / count - mean**2) / count))


def power(spread: Spread, items: int) -> float:
    readers = items * 6 / 28
    error = Design(readers, items, 28).standard_error(spread)
    return paired_t_power(0.1 / error / np.sqrt(readers), readers)


def recorded() -> Spread:
    entries = {entry["name"]: entry["expected"] for entry in json.loads(RECORD.read_text(encoding="utf-8"))}
    row = entries["sim_power_case_aware"][NAME]
    return Spread(row["vR"], row["vI"], row["vE"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=20_000_000, help="simulated items (20 million)")
    options = parser.parse_args()
    exact = spread_of(WORLD)
    item, error = simulated_item_variance(options.items)
    print("| item component | value | power at 203 | 210 | 217 items | needed |\n|---|---|---|---|---|---|")
    for label, spread in (
        ("quadrature", exact),
        (f"{options.items:,} items simulated (+- {error:.5f})", replace(exact, item=item)),
        ("as recorded, from a finite simulation", recorded()),
    ):
        needed = items_needed(spread, 0.1, reads_per_item=6, per_reader=28, classes=7)
        powers = " | ".join(f"{power(spread, n):.4f}" for n in (203, 210, 217))
        print(f"| {label} | {spread.item:.5f} | {powers} | {needed[0]} items, {needed[1]} readers |", flush=True)


if __name__ == "__main__":
    main()
