"""Drawn pictures in three classes of brightness, as an array and as a manifest."""

import csv

import numpy as np
from PIL import Image

from generative.core.data import ImageTable

LEVELS = (60, 128, 196)
CLASSES = ("early", "intermediate", "late")

FAST = ["--recipe", "tiny", "--resolution", "8"]  # arguments of a training that takes seconds
for pair in ("channel_base=64", "channel_max=8", "z_dim=8", "w_dim=8", "batch=8", "mbstd_group=4"):
    FAST += ["--set", pair]


def drawn_table(n=90, resolution=16, seed=0, classes=CLASSES):
    """Class means differ by 68 grey levels; pictures of a class differ in tint and noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(classes)
    level = np.array(LEVELS)[labels][:, None, None, None]
    noise = rng.normal(0, 12, (n, 3, 1, 1)) + rng.normal(0, 8, (n, 3, resolution, resolution))
    images = np.clip(level + noise, 0, 255).astype(np.uint8)
    names = tuple(f"item-{i}" for i in range(n))
    return ImageTable(images, labels, tuple(classes), names, names, ("train",) * n, names, f"drawn-{n}-{seed}")


def drawn_manifest(folder, n=60, resolution=16, seed=0, test_every=5):
    """The same as files; every fifth picture is in the test split, two pictures per group."""
    table = drawn_table(n, resolution, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "manifest.csv", "w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["item", "class", "view", "path", "split", "group"])
        for i, image in enumerate(table.images):
            Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{i}.png")
            split = "test" if i % test_every == 0 else "train"
            writer.writerow([f"item-{i}", CLASSES[table.labels[i]], "focused", f"{i}.png", split, f"group-{i}"])
    return folder / "manifest.csv"
