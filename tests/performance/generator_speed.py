"""Seconds per thousand pictures of the generator's training loop, lazy phases included.

    python tests/performance/generator_speed.py --resolution 256 --batch 16 --device cuda --precision bf16 --compiled

Follows the protocol: augmentation held at p = .3, three classes, warm-up steps first, three repeats. One line of JSON
with the machine's name; nothing is compared or hidden. On a processor, where others may be at work, read the processor seconds:

    python tests/performance/generator_speed.py --device cpu --resolution 32 --batch 8 --channel-base 512 --channel-max 32 \
        --width 64 --warm-up 16 --steps 48
"""

import argparse
import itertools
import json
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from generative.core.data import ImageTable
from generative.core.recipe import auto
from generative.core.train import train


def drawn(n: int, resolution: int) -> ImageTable:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (n, 3, resolution, resolution), dtype=np.uint8)
    names = tuple(str(i) for i in range(n))
    classes = ("early", "intermediate", "late")
    return ImageTable(images, np.arange(n) % 3, classes, names, names, ("train",) * n, names, "drawn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compiled", action="store_true")
    parser.add_argument("--channel-base", type=int, default=16384)
    parser.add_argument("--channel-max", type=int, default=512)
    parser.add_argument("--width", type=int, default=512, help="of z and w")
    parser.add_argument("--warm-up", type=int, default=50)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    total = (options.warm_up + options.steps * options.repeats) * options.batch / 1000
    recipe = auto(options.resolution).with_options(
        batch=options.batch, mbstd_group=4, fixed_p=0.3, precision=options.precision, compiled=options.compiled,
        channels_last=options.channels_last, channel_base=options.channel_base, channel_max=options.channel_max,
        z_dim=options.width, w_dim=options.width, total_kimg=total, snapshot_kimg=1e6, grid_kimg=1e6,
    )  # fmt: skip
    marks, steps = [], itertools.count(1)

    def watch() -> bool:
        """Asked after every step whether to cancel."""
        done = next(steps) - options.warm_up
        if done >= 0 and done % options.steps == 0:
            if options.device.startswith("cuda"):
                torch.cuda.synchronize()
            marks.append((time.perf_counter(), time.process_time()))
        return False

    with tempfile.TemporaryDirectory() as folder:
        train(recipe, drawn(281, options.resolution), Path(folder), device=options.device, should_cancel=watch)
    wall, busy = np.diff(marks, axis=0).T / (options.steps * options.batch / 1000)
    machine = torch.cuda.get_device_name() if options.device.startswith("cuda") else platform.processor() or "processor"
    print(json.dumps({"machine": machine, "torch": torch.__version__, "s_per_kimg": [round(s, 3) for s in wall],
                      "processor_s_per_kimg": [round(s, 3) for s in busy], **vars(options)}))  # fmt: skip


if __name__ == "__main__":
    main()
