"""How many planted copies of training pictures does an audit find, and how many honest pictures does it suspect?

    python -m tests.performance.copies_found --manifest bank/manifest.csv --view focused --resolution 64 [--features FOLD]

Training pictures are cut (any place, sides as given), flipped, turned, made a little brighter or flatter, saved as JPEG and
scaled to the resolution of a generator, and audited together with real pictures of half of the held-out patients; the other half
calibrates, then the halves change places. A copy counts as found when it is suspected beside its own original. Prints a table.
"""

import argparse
import io
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from generative.core.data import read_manifest, upright_rgb
from generative.core.judging.features import open_features
from generative.core.judging.privacy import audit

SIDES = (1.0, 0.97, 0.95, 0.9, 0.875, 0.8, 0.7)
BRIGHTNESS, CONTRAST, QUALITY = (0.92, 1.08), (0.93, 1.07), (70, 95)


def planted(path: Path, side: float, resolution: int, rng) -> np.ndarray:
    """A copy (3, resolution, resolution) of a box of this side of the picture, disguised."""
    with Image.open(path) as file:
        picture = upright_rgb(file)
    width, height = picture.size
    left, top = rng.uniform(0, (1 - side) * width), rng.uniform(0, (1 - side) * height)
    box = (left, top, left + side * width, top + side * height)
    picture = picture.resize((resolution, resolution), Image.Resampling.LANCZOS, box=box)
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    picture = picture.rotate(90 * int(rng.integers(4)))
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(*BRIGHTNESS))
    picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(*CONTRAST))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=int(rng.integers(*QUALITY)))
    return np.array(Image.open(buffer).convert("RGB")).transpose(2, 0, 1)


def measure(options) -> dict:
    """{side or "held-out": {space or "either": share}} and the processor seconds of the two audits."""
    real = read_manifest(options.manifest, resolution=options.resolution, view=options.view)
    train, held_out = real.split("train"), real.split("test")
    features, rng = open_features(options.features), np.random.default_rng(options.seed)
    originals = rng.permutation(len(train))[: options.count]
    copies = {}
    for side in options.sides:
        for i in originals:
            path = options.manifest.parent / train.paths[i]
            copies[f"{side}/{train.items[i]}"] = planted(path, side, options.resolution, rng)
    patients = np.array(sorted(set(held_out.groups)))
    first = np.isin(held_out.groups, patients[rng.permutation(len(patients))[: len(patients) // 2]])
    found, began = set(), time.process_time()
    for half in (first, ~first):
        honest = held_out.where(half)
        items = [*copies, *(f"held-out/{item}" for item in honest.items)]
        images = np.concatenate([np.stack(list(copies.values())), honest.images])
        for suspect in audit(items, images, train, held_out.where(~half), features, seed=options.seed).suspects:
            row, item = suspect.item.split("/", 1)
            if row == "held-out" or item == suspect.nearest_item:
                found.add((row, suspect.space, item, bool(half[0])))
    shares = {}
    for row in (*map(str, options.sides), "held-out"):
        total = len(held_out) if row == "held-out" else 2 * len(originals)
        hits = [hit for hit in found if hit[0] == row]
        shares[row] = {space: sum(hit[1] == space for hit in hits) / total for space in ("pixels", "features")}
        shares[row]["either"] = len({hit[2:] for hit in hits}) / total
    return {"shares": shares, "seconds": time.process_time() - began, "train": len(train), "held_out": len(held_out)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--view")
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--features", default="random")
    parser.add_argument("--count", type=int, default=40, help="originals, each copied at every side")
    parser.add_argument("--sides", type=lambda text: tuple(map(float, text.split(","))), default=SIDES)
    parser.add_argument("--seed", type=int, default=0)
    result = measure(parser.parse_args())
    print(f"{result['train']} training, {result['held_out']} held-out pictures, {result['seconds']:.0f} processor seconds")
    print("| | pixels | features | either |\n|---|---|---|---|")
    for row, share in result["shares"].items():
        print(f"| {row} | " + " | ".join(f"{share[space]:.3f}" for space in ("pixels", "features", "either")) + " |")


if __name__ == "__main__":
    main()
