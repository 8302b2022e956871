"""A run killed by SIGKILL at random moments and started again each time, against one that nobody touched.

    python tests/performance/classifier_kills.py [KILLS] [SEED]

Trains, predicts and explains a small ensemble on drawn pictures by the command line, once undisturbed and once killed
KILLS times in training and again in explaining. Prints which files of the two are equal to the byte.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.models_ml.core.drawn import write_bank

SETTINGS = ["model.backbone=test_efficientnet", "data.size_px=48", "data.folds=3", "recipe.epochs=4",
            "recipe.batch_size=4"]  # fmt: skip


def commands(manifest: Path, out: Path) -> list[list[str]]:
    core = [sys.executable, "-m", "models_ml.core"]
    settings = [part for text in SETTINGS for part in ("--set", text)]
    train = ["train", str(manifest), "--preset", "tiny", "--view", "focused", "--out", str(out / "run"), *settings]
    predict = ["predict", str(out / "run"), str(manifest), "--out", str(out / "predictions.csv")]
    explain = ["explain", str(out / "run"), str(manifest), "--out", str(out / "maps"), "--set", "max_steps=64"]
    return [
        [*core, *train, "--state-every", "0", "--quiet"], [*core, *predict, "--quiet"], [*core, *explain, "--quiet"],
    ]  # fmt: skip


def run_killed(command: list[str], kills: int, rng: random.Random, whole_s: float) -> list[float]:
    """Start, kill after a random time, start again; then let it end. Returns the moments, in seconds after each start.

    Each time may be half of an undisturbed run's, so that several starts are needed until the work is done.
    """
    moments = []
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        moment = rng.uniform(0.1, 0.5) * whole_s
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            moments.append(round(moment, 1))
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return moments


def digest(folder: Path, pattern: str) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob(pattern))
    }


def main(kills: int, seed: int) -> dict:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = write_bank(folder / "pictures", per_class=8, test_per_class=3, masks=True)
        whole, killed = folder / "whole", folder / "killed"
        found: dict = {"kills": {}, "equal": {}}
        times = []
        for command in commands(manifest, whole):
            began = time.monotonic()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.monotonic() - began)
        for command, whole_s in zip(commands(manifest, killed), times):
            found["kills"][command[3]] = run_killed(command, 0 if command[3] == "predict" else kills, rng, whole_s)
        for pattern in ("run/fold*/weights.safetensors", "run/oof.csv", "predictions.csv", "maps/items/*.json",
                        "maps/summary.json"):  # fmt: skip
            one, other = digest(whole, pattern), digest(killed, pattern)
            found["equal"][pattern] = {"files": len(one), "equal": one == other}
    return found


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]] or [5]
    print(json.dumps(main(numbers[0], numbers[1] if len(numbers) > 1 else 0), indent=1))
