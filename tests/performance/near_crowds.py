"""How long, and with how much memory, does the leakage check take on a burst of nearly identical pictures, and does it lose a leak?

    python -m tests.performance.near_crowds --pictures 5000 [--across 10] [--module imagebank.leakage]

A burst is one drawn picture with a little noise of its own in every copy, all in training but `--across` of them, which are test
pictures; beside it lie as many pictures again that resemble nothing. Prints seconds of the processor, the peak of memory, how many
findings there are, and how many pictures of the burst stand in a finding across the split. --module: another implementation of
`find_leaks`, such as a former one, to compare with.
"""

import argparse
import importlib
import resource
import sys
import time
from collections.abc import Callable

import imagehash
import numpy as np
from PIL import Image

SIDE = 96


def picture_of(key: int, burst: int) -> np.ndarray:
    """HWC uint8: of the burst where key < burst, else one that resembles nothing."""
    rng = np.random.default_rng(0 if key < burst else key)
    ground = np.uint8(np.clip(rng.normal(150, 45, (12, 12, 3)), 0, 255))
    pixels = np.float32(Image.fromarray(ground).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return np.uint8(np.clip(pixels + np.random.default_rng(key).normal(0, 1.0, pixels.shape), 0, 255))


def bank(module, burst: int, across: int) -> tuple[list, Callable]:
    """Pictures as the check knows them, and what loads their pixels."""
    pictures = []
    for key in range(2 * burst):
        hashed = int(str(imagehash.phash(Image.fromarray(picture_of(key, burst)))), 16)
        split = "test" if key < burst and key % (burst // across) == 0 else "train"
        pictures.append(module.Picture(key, f"item-{key}", "focused", "", split, None, f"b{key}", f"p{key}", hashed))
    return pictures, lambda picture: picture_of(picture.key, burst)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5000, help="of the burst")
    parser.add_argument("--across", type=int, default=10, help="of these in the test set")
    parser.add_argument("--module", default="imagebank.leakage")
    options = parser.parse_args()
    module = importlib.import_module(options.module)
    pictures, load = bank(module, options.pictures, options.across)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    findings = module.find_leaks(pictures, load).findings
    seconds = time.process_time() - began
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    told = {key for each in findings if each.crosses_split for key in (each.first, each.second)}
    found = sum(key in told for key in range(options.pictures))
    print(f"{options.pictures} nearly identical pictures, {options.across} of them in the test set, and as many others: "
          f"{seconds:.1f} s of the processor, {peak:.0f} MiB more than before, {len(findings):,} findings; "
          f"{found} of {options.pictures} pictures told across the split")  # fmt: skip
    sys.exit(0 if found == options.pictures else 1)


if __name__ == "__main__":
    main()
