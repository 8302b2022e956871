"""How hard is the drawn image bank? Draws it and trains the demo's networks on it for several seeds; not a test.

    python -m tests.performance.drawn_bank_difficulty --seeds 7 8 9 --out var/difficulty

Prints, per seed and view, the share of test images that the ensemble and its members get right, and ends with status 1
when an ensemble lies outside 70 to 95 %. Minutes of computing per seed; interrupted, it goes on where it stopped. Run
it after changing the painter, the recipe or the preset `tiny`.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

from benchmark.demo import networks
from benchmark.demo.console import Console
from imagebank.drawing import draw_bank

RECIPE = Path(__file__).parents[2] / "fixtures" / "founding" / "drawing.toml"
EASIEST, HARDEST = 0.95, 0.70


def member_accuracies(predictions: Path) -> list[float]:
    """Share right of each member on the test images, members in order."""
    rows = networks.rows_of(predictions)
    classes = [name for name in rows[0] if name.startswith("p_")]
    right: dict[str, list[bool]] = {}
    for row in rows:
        answer = max(classes, key=lambda name, row=row: float(row[name]))[2:]
        right.setdefault(row["member"], []).append(answer == row["truth"])
    return [sum(found) / len(found) for _, found in sorted(right.items())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 8, 9], help="of the drawings")
    parser.add_argument("--scale", type=float, default=0.5)
    parser.add_argument("--out", type=Path, default=Path("var/difficulty"))
    options = parser.parse_args()
    console, lines, good = Console(print), [], True
    for seed in options.seeds:
        folder = (options.out / f"seed-{seed}").resolve()
        with console.bar(f"seed {seed}, drawing") as progress:
            manifest = draw_bank(RECIPE, folder / "bank", scale=options.scale, seed=seed, progress=progress)
        settings = networks.settings_here()
        for run in networks.train_and_predict(console, folder=folder, manifest=manifest, settings=settings):
            together = networks.accuracy(run.ensemble)
            good &= HARDEST <= together <= EASIEST
            members = " ".join(f"{share:.3f}" for share in member_accuracies(run.predictions))
            lines.append(f"seed {seed:<4} {run.view:<10} ensemble {together:.3f}   members {members}")
    print("\n".join(lines))
    print(f"All ensembles lie within {HARDEST:.0%} to {EASIEST:.0%}." if good else "An ensemble lies outside the range.")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
