"""Whether the closed form of a rating study's size is what the product's own analysis of ratings then finds.

    python -m tests.performance.rating_size [--studies 400]

Every study has new raters and new images, half of them generated; a judgment is wrong with chance .5 (or what is said) plus the
rater's part (normal, SD .08) plus the image's (uniform, ICC .15). Each table of judgments goes through `read_ratings` and `hype_section`. Printed per
design: standard error by closed form, SD of the estimate over studies, mean standard error of the analysis, both as ratios to the
closed form; half-widths; the rate of "equivalent" at the margin that should be shown with 80 % power; and the two levels, each of .05:
"differs from chance" where the error is chance, and "equivalent" where it lies on the margin.
"""

from __future__ import annotations

import argparse
import io

import numpy as np
import pandas as pd

from benchmark.core.inputs.ratings import GENERATED, REAL, REALITY, Ratings, read_ratings
from benchmark.core.methods.distributions import t_quantile
from benchmark.core.planning.rating_size import RatingWorld, rating_design, rating_size
from benchmark.core.sections.ratings import RatingPlan, hype_section

DESIGNS = {  # raters, images each, distinct images
    "12 raters, the same 60 images": (12, 60, 60),
    "30 raters, the same 60 images": (30, 60, 60),
    "32 raters, 60 of 300 images": (32, 60, 300),
}


def dealt(raters: int, each: int, images: int, rng: np.random.Generator) -> np.ndarray:
    """Images of each rater, shape (raters, each): shuffled decks of real (even) and of generated ones, dealt to the end in turn."""
    half, own = images // 2, each // 2
    decks = -(-raters * own // half)
    kinds = [np.concatenate([rng.permutation(half) for _ in range(decks)])[: raters * own].reshape(raters, own) * 2 + k for k in (0, 1)]
    return np.concatenate(kinds, axis=1)


def study(design: tuple[int, int, int], world: RatingWorld, rng: np.random.Generator) -> Ratings:
    shown = dealt(*design, rng)
    spread = world.spread()
    rater = rng.normal(0, np.sqrt(spread.reader), design[0])
    image = rng.uniform(-1, 1, design[2]) * np.sqrt(3 * spread.item)
    wrong = rng.random(shown.shape) < np.clip(world.error + rater[:, None] + image[shown], 0, 1)
    fake = shown % 2 == 1
    frame = pd.DataFrame(
        {
            "evaluator": np.repeat([f"r{n}" for n in range(design[0])], design[1]), "image": [f"i{n}" for n in shown.ravel()],
            "question": "real?", "kind": REALITY, "answer": np.where(fake ^ wrong, GENERATED, REAL).ravel(),
            "truth": np.where(fake, GENERATED, REAL).ravel(), "set": np.where(fake, "made", "").ravel(),
        }
    )  # fmt: skip
    return read_ratings(io.BytesIO(frame.to_csv(index=False).encode()))


def analysed(design: tuple[int, int, int], world: RatingWorld, margin: float, studies: int, seed: int, draws: int = 20) -> pd.DataFrame:
    """The record of every study; draws: of the bootstrap, few where its intervals are not looked at."""
    plan = RatingPlan(margin=margin, draws=draws)
    return pd.DataFrame(
        [hype_section(study(design, world, np.random.default_rng([seed, n])), plan)[0] for n in range(studies)]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    studies = parser.parse_args().studies
    print(f"{studies} studies a row; a share of .8 is known to {(0.16 / studies) ** 0.5:.3f}, one of .05 to {(0.0475 / studies) ** 0.5:.3f}")
    for seed, (name, design) in enumerate(DESIGNS.items()):
        at_chance = RatingWorld()
        planned = rating_size(rating_design(*design), at_chance, 0.1)
        margin = planned.smallest_margin
        found = analysed(design, at_chance, margin, studies, seed)
        half = np.mean([t_quantile(0.975, df) * se for se, df in zip(found["se"], found["df"])])
        shown = analysed(design, at_chance, margin, max(studies // 10, 2), seed, draws=500)
        bootstrap = (shown["ci_high"] - shown["ci_low"]).mean() / 2
        edge = analysed(design, RatingWorld(0.5 - margin), margin, studies, seed + 100)
        away = RatingWorld(0.5 - planned.detectable)
        power = rating_size(rating_design(*design), away, margin).differing
        differing = (analysed(design, away, margin, studies, seed + 200)["p_chance"] < 0.05).mean()
        print(f"{name}: closed form {100 * planned.se:.2f} points, half-width {100 * planned.half_width:.2f}")
        print(f"  SD over studies / closed form {found['error'].std() / planned.se:.3f}; mean SE / closed form"
              f" {found['se'].mean() / planned.se:.3f}; mean half-width {100 * half:.2f},"
              f" of the bootstrap {100 * bootstrap:.2f} ({len(shown)} studies)")
        print(f"  equivalent within {100 * margin:.1f} points: {found['equivalent_to_chance'].mean():.3f} (closed form .800);"
              f" differs from chance at {100 * planned.detectable:.1f} points: {differing:.3f} (closed form {power:.3f})")
        print(f"  levels: differs at chance {(found['p_chance'] < 0.05).mean():.3f}, equivalent on the margin"
              f" {edge['equivalent_to_chance'].mean():.3f}", flush=True)


if __name__ == "__main__":
    main()
