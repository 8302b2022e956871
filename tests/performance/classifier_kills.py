"""A run killed by SIGKILL at random moments and started again each time, against one that nobody touched.

    python -m tests.performance.classifier_kills [KILLS] [SEED]

Trains, predicts and explains a small ensemble on drawn pictures by the command line, once undisturbed and once killed
KILLS times in training and KILLS times in explaining. The first kill of each falls anywhere before the first step or
item, the others into the work itself, a random time after the first state or item that a start writes. No start may do
more than its part of all epochs or items, so that every kill comes to pass on a machine of any speed. Prints the
moments, how far the work had come then, and which files of the two are equal to the byte; exits with 1 when one is not
or a kill came too late.
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.models_ml.core.drawn import write_bank

SETTINGS = ["model.backbone=test_efficientnet", "data.size_px=48", "data.folds=3", "recipe.epochs=6",
            "recipe.batch_size=4"]  # fmt: skip
COMPARED = ("run/fold*/weights.safetensors", "run/fold*/metrics.jsonl", "run/fold*/oof.csv", "run/oof.csv",
            "run/calibration.json", "predictions.csv", "maps/items/*.json", "maps/pictures/*.png", "maps/items.csv",
            "maps/regions.csv", "maps/summary.json", "maps/contact.png", "maps/index.html")  # fmt: skip
SIGNS = {"train": "run/fold*/state.pt", "predict": "predictions.csv", "explain": "maps/items/*.json"}  # of work


def commands(manifest: Path, out: Path) -> dict[str, list[str]]:
    core = [sys.executable, "-m", "models_ml.core"]
    settings = [part for text in SETTINGS for part in ("--set", text)]
    train = ["train", str(manifest), "--preset", "tiny", "--view", "focused", "--out", str(out / "run"), *settings]
    predict = ["predict", str(out / "run"), str(manifest), "--out", str(out / "predictions.csv")]
    explain = ["explain", str(out / "run"), str(manifest), "--out", str(out / "maps"), "--set", "max_steps=128"]
    return {
        "train": [*core, *train, "--state-every", "0", "--quiet"],
        "predict": [*core, *predict, "--quiet"],
        "explain": [*core, *explain, "--quiet"],
    }


def written(folder: Path, pattern: str, since: float) -> bool:
    """Whether one of these files is newer than ``since``; a file may vanish while it is looked at."""
    for path in folder.glob(pattern):
        try:
            if path.stat().st_mtime >= since:
                return True
        except FileNotFoundError:
            continue
    return False


def start(command: list[str], folder: Path, name: str) -> tuple[subprocess.Popen, float]:
    """The started command once it has written its first sign of work, or ended; and how long that took."""
    began, clock = time.time(), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None and not written(folder, SIGNS[name], began):
        time.sleep(0.005)
    return process, time.monotonic() - clock


def finish(process: subprocess.Popen) -> None:
    if process.wait() != 0:
        raise SystemExit(f"{' '.join(process.args[2:4])} ended with {process.returncode}.")


@dataclass(frozen=True)
class Clock:
    """Seconds that the undisturbed command took before its first sign of work and from there on; epochs or items."""

    before_s: float
    work_s: float
    units: int


def run_whole(command: list[str], folder: Path, name: str) -> Clock:
    process, before_s = start(command, folder, name)
    began = time.monotonic()
    finish(process)
    return Clock(before_s, time.monotonic() - began, units(folder, name))


def run_killed(command: list[str], folder: Path, name: str, kills: int, rng: random.Random, clock: Clock) -> list[dict]:
    """Start, kill, start again; then let it end. Returns after how many seconds and where it was killed."""
    found = []
    for number in range(kills):
        before, process = units(folder, name), subprocess.Popen(command, stdout=subprocess.DEVNULL)
        began, since = time.time(), time.monotonic()
        if number == 0:
            moment, most = rng.uniform(0, clock.before_s), 0
        else:
            moment, most = rng.uniform(0, 1 / (kills + 1)) * clock.work_s, max(1, clock.units // (kills + 1))
            while process.poll() is None and not written(folder, SIGNS[name], began):
                time.sleep(0.002)
            since = time.monotonic()
        while process.poll() is None and time.monotonic() - since < moment:
            if units(folder, name) - before >= most and written(folder, SIGNS[name], began):
                break
            time.sleep(0.002)
        if process.poll() is None:
            process.kill()
            process.wait()
            after_s = round(time.monotonic() - since, 2)
            found.append({"of": "start" if number == 0 else "work", "after_s": after_s, "at": reached(folder)})
    finish(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    return found


def units(folder: Path, name: str) -> int:
    """Epochs that ended, or items explained."""
    if name == "train":
        return sum(len(path.read_text().splitlines()) for path in folder.glob("run/fold*/metrics.jsonl"))
    return len(list(folder.glob(SIGNS[name])))


def reached(folder: Path) -> str:
    """How far the work had come: fold, epoch and step of the newest state, or the number of items explained."""
    import torch

    if items := list(folder.glob(SIGNS["explain"])):
        return f"{len(items)} items explained"
    states = [torch.load(path, weights_only=True) for path in sorted(folder.glob(SIGNS["train"]))]
    return (
        f"fold {len(states) - 1}, epoch {states[-1]['epoch']}, step {states[-1]['step']}" if states else "nothing yet"
    )


def digest(folder: Path, pattern: str) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.glob(pattern))
    }


def main(kills: int, seed: int) -> dict:
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        manifest = write_bank(folder / "pictures", per_class=8, test_per_class=4, masks=True)
        whole, killed = folder / "whole", folder / "killed"
        found: dict = {"seed": seed, "kills": {}, "equal": {}}
        clocks = {name: run_whole(command, whole, name) for name, command in commands(manifest, whole).items()}
        for name, command in commands(manifest, killed).items():
            times = 0 if name == "predict" else kills
            found["kills"][name] = run_killed(command, killed, name, times, rng, clocks[name])
        for pattern in COMPARED:
            one, other = digest(whole, pattern), digest(killed, pattern)
            found["equal"][pattern] = {"files": len(one), "equal": bool(one) and one == other}
        found["all_kills_came_to_pass"] = [len(found["kills"][name]) for name in ("train", "explain")] == [kills] * 2
        return found


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]] or [5]
    outcome = main(numbers[0], numbers[1] if len(numbers) > 1 else 0)
    print(json.dumps(outcome, indent=1))
    sys.exit(0 if outcome["all_kills_came_to_pass"] and all(row["equal"] for row in outcome["equal"].values()) else 1)
