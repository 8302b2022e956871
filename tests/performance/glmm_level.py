"""Type-I error of the logistic mixed model: with one row of the network per item, and with its answers repeated in every survey.

    python -m tests.performance.glmm_level [--studies 400]

Studies of the founding design (30 readers of 28 of 140 images) in which people and network are right equally often, .75; readers' and
images' logit SDs are .35 and 1, and the network errs where people do (latent correlation .5) or not. Nominal .05. In both layouts the
test is z of the network's term; fits that did not converge are refused, and counted.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy import special

from benchmark.core.errors import NotConverged
from benchmark.core.methods.glmm import RandomEffect, fit_glmm
from benchmark.core.planning.simulation import StudyDesign, intercept

ACCURACY, SD_READER, SD_ITEM = 0.75, 0.35, 1.0


def study(design: StudyDesign, correlation: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Items read (readers, each), people's right answers in the same shape, and the network's per item."""
    hard = rng.normal(size=design.items)
    latent = correlation * hard + np.sqrt(1 - correlation**2) * rng.normal(size=design.items)
    item = design.draw(rng)
    skill = SD_READER * rng.normal(size=design.readers)
    logit = intercept(ACCURACY, SD_READER**2 + SD_ITEM**2) + skill[:, None] - SD_ITEM * hard[item]
    return item, rng.random(item.shape) < special.expit(logit), latent < special.ndtri(ACCURACY)


def z_of_network(item: np.ndarray, people: np.ndarray, network: np.ndarray, per_class: int, *, repeated: bool) -> float:
    """z of network against people; repeated: the network's answer once per reading instead of once per item."""
    own = item.ravel() if repeated else np.arange(len(network))
    every = np.concatenate([item.ravel(), own])
    agent = np.concatenate([np.zeros(item.size), np.ones(len(own))])
    reader = np.concatenate([np.repeat(np.arange(len(item)), item.shape[1]), np.zeros(len(own), dtype=int)])
    right = np.concatenate([people.ravel(), network[own]]).astype(float)
    classes = (every[:, None] // per_class == np.arange(network.size // per_class)).astype(float)
    effects = RandomEffect(every, np.ones(len(every))), RandomEffect(reader, 1 - agent)
    fit = fit_glmm(right, np.column_stack([agent, classes]), effects)
    return fit.beta[0] / fit.se[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=400)
    studies, design = parser.parse_args().studies, StudyDesign()
    print("| errors of people and network | one row per item | repeated per survey | refused |\n|---|---|---|---|")
    for correlation, words in ((0.0, "apart"), (0.5, "on the same images")):
        rng, rejected, refused = np.random.default_rng(20210408), [], 0
        for _ in range(studies):
            made = study(design, correlation, rng)
            try:
                both = [abs(z_of_network(*made, design.per_class, repeated=repeated)) > 1.959964 for repeated in (False, True)]
            except NotConverged:
                refused += 1
                continue
            rejected.append(both)
        rates = " | ".join(f"{rate:.3f}" for rate in np.mean(rejected, axis=0))
        print(f"| {words} | {rates} | {refused} |", flush=True)


if __name__ == "__main__":
    main()
