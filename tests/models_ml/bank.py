"""Drawn pictures for the tests of the networks' pages: small, quick to learn, with masks and groups."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.models_ml.core.drawn import draw, write_rows

CLASSES = ("HMI", "IP", "MA")
VIEWS = ("focused", "panoramic")


def write_manifest(folder: Path, *, train: int = 6, test: int = 2, side: int = 48) -> Path:
    rng, rows = np.random.default_rng(0), []
    (folder / "images").mkdir(parents=True)
    for label, name in enumerate(CLASSES):
        for k in range(train + test):
            code = f"{name}-{k}"
            for view in VIEWS:
                pixels, mask = draw(label, rng, side)
                row = {
                    "item": code, "class": name, "view": view, "path": f"images/{view}-{code}.png",
                    "split": "train" if k < train else "test", "group": code,
                    "mask": f"images/{view}-{code}-mask.png", "skin_tone": str(1 + k % 3),
                }  # fmt: skip
                Image.fromarray(pixels).save(folder / row["path"])
                Image.fromarray(mask.astype(np.uint8) * 255).save(folder / row["mask"])
                rows.append(row)
    write_rows(folder / "manifest.csv", rows)
    return folder / "manifest.csv"
