"""What a generator's pictures are worth to the study's own classifier: how many it recognises as the class they were made
for, beside the real ones at the same size, and the KID by its features and by random convolutions.

    python -m tests.performance.generator_fidelity WEIGHTS [WEIGHTS ...] --manifest BANK/manifest.csv --view focused --features FOLD
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from generative.core.data import read_manifest
from generative.core.judging.features import DrawnFeatures, open_features
from generative.core.judging.metrics import kid
from generative.core.networks.weights import load_generator
from generative.core.sets import latents

TRUNCATIONS = (1.0, 0.8)
FIRST_SEED = 1000  # none of the seeds of the shipped sets


def recognised(judge, features: np.ndarray, labels: list[str]) -> str:
    """Share in all and of every class to which the classifier gives the label."""
    hit = np.array(judge.classes)[judge.probabilities(features).argmax(axis=1)] == np.array(labels)
    shares = {name: float(hit[np.array(labels) == name].mean()) for name in dict.fromkeys(labels)}
    return f"recognised {hit.mean():.3f} ({', '.join(f'{name} {share:.2f}' for name, share in shares.items())})"


def made_by(folder: Path, truncation: float, count: int, noise: str) -> tuple[np.ndarray, list[str]]:
    """`count` pictures of every class (N, 3, H, W) and their classes."""
    generator, record = load_generator(folder)
    seeds = list(range(FIRST_SEED, FIRST_SEED + count))
    z = latents.draw_z(seeds, record.shape.z_dim)
    pictures, labels = [], []
    for name in record.shape.classes:
        c = latents.label_vector(record.shape, {name: 1.0})[None].expand(count, -1)
        ws = latents.styles(generator, z, c, truncation=truncation, centre="class")
        pictures.append(latents.pictures(generator, ws, noise=noise, seeds=seeds))
        labels += [name] * count
    return np.ascontiguousarray(np.concatenate(pictures).transpose(0, 3, 1, 2)), labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, nargs="+")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--view")
    parser.add_argument("--features", required=True, help="a classifier's fold")
    parser.add_argument("--count", type=int, default=40, help="pictures of every class")
    parser.add_argument("--noise", choices=latents.NOISES, default="seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    judge, plain = open_features(options.features), DrawnFeatures()
    resolution = load_generator(options.weights[0])[1].shape.resolution
    table = read_manifest(options.manifest, resolution=resolution, view=options.view)
    for split in ("train", "test"):
        real = table.split(split)
        print(f"real, {split}: {recognised(judge, judge(real.images), [real.classes[i] for i in real.labels])}")
    train = table.split("train").images
    by_judge, by_plain = judge(train), plain(train)
    for folder in options.weights:
        for truncation in TRUNCATIONS:
            pictures, labels = made_by(folder, truncation, options.count, options.noise)
            found = judge(pictures)
            distances = f"KID {kid(by_judge, found):.3f} by the classifier, {kid(by_plain, plain(pictures)):.4f} by random convolutions"
            print(f"{folder.name}, truncation {truncation}: {distances}; {recognised(judge, found, labels)}", flush=True)


if __name__ == "__main__":
    main()
