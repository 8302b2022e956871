"""Small drawn pictures with a class-dependent patch, for tests: quick to learn, with lesion masks."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("HMI", "IP", "MA", "ML", "NF1", "Other", "TSC")
COLOURS = (
    (235, 225, 215),
    (110, 70, 50),
    (150, 100, 70),
    (60, 40, 30),
    (190, 140, 100),
    (220, 60, 60),
    (240, 240, 245),
)


def draw(label: int, rng: np.random.Generator, side: int = 48) -> tuple[np.ndarray, np.ndarray]:
    """A disc of the class's colour on noisy skin, uint8 (side, side, 3), and its mask (bool)."""
    skin = rng.uniform((140, 100, 80), (230, 190, 170))
    image = np.clip(skin + rng.normal(0, 12, (side, side, 3)), 0, 255)
    y, x = np.mgrid[:side, :side]
    centre, radius = rng.uniform(0.3, 0.7, 2) * side, rng.uniform(0.16, 0.26) * side
    mask = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radius**2
    image[mask] = np.asarray(COLOURS[label]) + rng.normal(0, 25, (int(mask.sum()), 3))
    return np.clip(image, 0, 255).astype(np.uint8), mask


def write_bank(
    folder: Path, *, classes: int = 3, per_class: int = 10, test_per_class: int = 4, side: int = 48, seed: int = 0,
    views: tuple[str, ...] = ("focused",), masks: bool = False,
) -> Path:  # fmt: skip
    """A folder of pictures and its manifest.csv; returns the manifest's path."""
    rng, rows = np.random.default_rng(seed), []
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for view in views:
        for label in range(classes):
            for k in range(per_class + test_per_class):
                pixels, mask = draw(label, rng, side)
                name = f"{CLASSES[label]}-{k}"
                path = f"images/{view}-{name}.png"
                Image.fromarray(pixels).save(folder / path)
                row = {"item": name, "class": CLASSES[label], "view": view, "path": path}
                row["split"] = "train" if k < per_class else "test"
                if masks:
                    row["mask"] = f"images/{view}-{name}-mask.png"
                    Image.fromarray(mask.astype(np.uint8) * 255).save(folder / row["mask"])
                rows.append(row)
    manifest = folder / "manifest.csv"
    write_rows(manifest, rows)
    return manifest


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    with open(path, "w", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
