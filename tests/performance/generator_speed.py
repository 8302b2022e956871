"""Seconds per thousand pictures of the generator's training loop on this machine, within a time that is set beforehand.

    python -m tests.performance.generator_speed --seconds 540 --out generator_speed.json --cache compiled
    python -m tests.performance.generator_speed --device cpu --resolutions 16 --batch 4 --channel-base 256 --channel-max 16 \
        --width 32 --cycles 2 --seconds 50

Measurements come one after another, the cheap ones first: 128 px before 256 px, eager before compiled, since compiling takes
minutes. Each is a process of its own, so that one that fails or takes too long costs nobody else; every number is printed
and written to --out as soon as it is there, and made better cycle by cycle. After --seconds the rest is left out by name.

A cycle is sixteen steps of the product's own loop: sixteen times both main phases, four path lengths, one R1 penalty, and all
else that a step does (ADA held at p = .3, averaging, Adam). Steps are timed by what they contain, and the kinds weighted as
the cycle has them. Three classes and 281 made-up pictures, which cost what real ones cost. --cache keeps compiled code
from one call to the next. On a processor where others are at work read the processor seconds.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import queue
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CYCLE = 16  # steps from one R1 penalty to the next; path lengths come four times in it
SHARES = {"main": 12 / CYCLE, "main and path length": 3 / CYCLE, "main, path length and R1": 1 / CYCLE}
PUBLISHED = {128: 6.79, 256: 12.53}  # the official code, one A100, its custom kernels and fp16, lazy phases included
WORST_END_S = 5.0


@dataclass(frozen=True)
class Measurement:
    """One configuration. `compiled`: the phases of every step are."""

    resolution: int
    precision: str
    compiled: bool = False

    @property
    def name(self) -> str:
        return f"{self.resolution} px, {self.precision}, {'compiled' if self.compiled else 'eager'}"


def plan(options) -> list[Measurement]:
    """What is to be measured, in order."""
    if options.device == "cpu":
        return [Measurement(r, "float32", c) for c in ((False, True) if options.compiled else (False,)) for r in options.resolutions]
    eager = [Measurement(r, precision) for precision in ("bf16", "fp16", "float32") for r in options.resolutions]
    return eager + [Measurement(r, precision, True) for precision in ("bf16", "fp16") for r in options.resolutions]


# --- one measurement, in its own process


def kind_of(step: int) -> str:
    return "main, path length and R1" if step % CYCLE == 0 else "main and path length" if step % 4 == 0 else "main"


def weighted(seconds: dict[str, list[float]], batch: int) -> float | None:
    """Seconds per kimg from the means of each kind; None while a kind is missing."""
    if not all(seconds[kind] for kind in SHARES):
        return None
    step = sum(share * sum(seconds[kind]) / len(seconds[kind]) for kind, share in SHARES.items())
    return round(step / batch * 1000, 4)


def measure(wanted: Measurement, options, folder: Path) -> None:
    """Train, and print one line of JSON after every cycle."""
    import numpy as np
    import torch

    from generative.core.data import ImageTable
    from generative.core.training.loop import train
    from generative.core.training.recipe import auto

    on_gpu = options.device.startswith("cuda")
    batch, size = options.batch or auto(wanted.resolution).batch, wanted.resolution
    pictures = np.random.default_rng(0).integers(0, 256, (281, 3, size, size), dtype=np.uint8)
    names = tuple(map(str, range(281)))
    data = ImageTable(pictures, np.arange(281) % 3, ("early", "intermediate", "late"), names, names, ("train",) * 281, names, "made up")  # fmt: skip
    steps = options.warm_up + CYCLE * options.cycles
    recipe = auto(size).with_options(
        batch=batch, mbstd_group=min(batch, 4), fixed_p=0.3, precision=wanted.precision, channels_last=on_gpu,
        compiled=wanted.compiled, channel_base=options.channel_base, channel_max=options.channel_max,
        z_dim=options.width, w_dim=options.width, total_kimg=(steps + 1) * batch / 1000, snapshot_kimg=1e6, grid_kimg=1e6,
        kid_images=0,
    )  # fmt: skip
    marks, count, began = [], itertools.count(), time.perf_counter()
    clocks = {"seconds": _Clock(on_gpu), **({} if on_gpu else {"processor_seconds": _Clock(False, time.process_time)})}

    def watch() -> bool:
        """Asked after every step whether to stop; the number of the step just done."""
        step = next(count)
        marks.append({name: clock.mark() for name, clock in clocks.items()})
        done = step + 1 - options.warm_up
        if step == 0 or (done >= 0 and done % CYCLE == 0):
            if on_gpu:
                torch.cuda.synchronize()
            line = {"after_s": round(time.perf_counter() - began, 1), "steps": max(done, 0), "batch": batch,
                    **_timed(marks, clocks, options.warm_up, batch)}  # fmt: skip
            if on_gpu:
                line["memory_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
            print(json.dumps(line), flush=True)
        return False

    train(recipe, data, folder, device=options.device, should_cancel=watch)


class _Clock:
    """Marks between which time can be told: events of the GPU's own queue, which nothing has to wait for, or a clock."""

    def __init__(self, on_gpu: bool, read=time.perf_counter):
        self.on_gpu, self.read = on_gpu, read

    def mark(self):
        if not self.on_gpu:
            return self.read()
        import torch

        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def between(self, first, second) -> float:
        return first.elapsed_time(second) / 1000 if self.on_gpu else second - first


def _timed(marks: list[dict], clocks: dict, warm_up: int, batch: int) -> dict:
    """Per clock seconds per kimg, and the mean milliseconds of every kind of step since the warm-up."""
    found = {}
    for name, clock in clocks.items():
        seconds: dict[str, list[float]] = {kind: [] for kind in SHARES}
        for step in range(max(warm_up, 1), len(marks)):
            seconds[kind_of(step)].append(clock.between(marks[step - 1][name], marks[step][name]))
        found[f"{name}_per_kimg"] = weighted(seconds, batch)
        found[f"{name.removesuffix('seconds')}ms_per_step"] = {
            kind: round(1000 * sum(times) / len(times), 2) for kind, times in seconds.items() if times
        }
    return found


def machine(device: str) -> dict:
    import torch

    on_gpu = device.startswith("cuda")
    return {
        "machine": torch.cuda.get_device_name() if on_gpu else platform.processor() or platform.machine(),
        "torch": torch.__version__, "python": platform.python_version(),
        "threads": torch.get_num_threads() if on_gpu else os.environ.get("OMP_NUM_THREADS", "1"),
        "tf32_convolutions": bool(on_gpu and torch.backends.cudnn.allow_tf32),
    }  # fmt: skip


# --- all of them, within the time


class Results:
    """What is known so far, printed and written whenever something is added."""

    def __init__(self, path: Path, facts: dict):
        self.path = path
        self.content = {**facts, "measured": [], "not_measured": []}

    def add(self, wanted: Measurement, line: dict, *, complete: bool) -> None:
        row = {"name": wanted.name, **asdict(wanted), **line, "complete": complete}
        if (published := PUBLISHED.get(wanted.resolution)) and line["seconds_per_kimg"]:
            row["of_published_a100"] = round(line["seconds_per_kimg"] / published, 3)
        kept = [each for each in self.content["measured"] if each["name"] != wanted.name]
        self.content["measured"] = [*kept, row]
        self.save()

    def leave_out(self, wanted: Measurement, why: str) -> None:
        self.content["not_measured"].append({"name": wanted.name, "why": why})
        print(f"{wanted.name}: not measured, {why}", flush=True)
        self.save()

    def save(self) -> None:
        part = self.path.with_name(self.path.name + ".part")
        part.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")
        part.replace(self.path)


def lines_of(child: subprocess.Popen, end: float):
    """The child's lines until it ends; stops at the time `end`, when the child is ended."""
    said: queue.Queue = queue.Queue()

    def read() -> None:
        for text in child.stdout:
            said.put(text)
        said.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (left := end - time.monotonic()) > 0:
        try:
            text = said.get(timeout=left)
        except queue.Empty:
            return
        if text is None:
            return
        yield text


def run_one(wanted: Measurement, options, results: Results, end: float) -> None:
    """Measure in a process of its own until its last cycle or the time `end`."""
    command = [sys.executable, "-m", "tests.performance.generator_speed", *options.said, "--device", options.device,
               "--only", json.dumps(asdict(wanted))]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if options.device == "cpu":
        environment.setdefault("OMP_NUM_THREADS", "1")
    if options.cache:
        cache = options.cache.resolve()
        environment |= {"TORCHINDUCTOR_CACHE_DIR": str(cache), "TRITON_CACHE_DIR": str(cache / "triton")}
    line, why = {}, ""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as faults:
        child = subprocess.Popen([*command, "--folder", folder], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                                 stderr=faults, text=True)  # fmt: skip
        try:
            for text in lines_of(child, end):
                with contextlib.suppress(ValueError):
                    line = json.loads(text)
                    print(f"{wanted.name}: {text.strip()}", flush=True)
                    if line["seconds_per_kimg"]:
                        results.add(wanted, line, complete=line["steps"] >= CYCLE * options.cycles)
                if line.get("steps", 0) >= CYCLE * options.cycles:
                    break
            if time.monotonic() >= end:
                why = f"the {options.seconds:g} seconds were over"
        finally:
            if child.poll() is None:
                child.kill()
            child.wait(WORST_END_S)
        faults.seek(0)
        last = [text for text in faults.read().splitlines() if text.strip()][-1:]
    why = why or f"it ended with {child.returncode}: {(last or ['no word'])[0][:300]}"
    if not line.get("seconds_per_kimg"):
        results.leave_out(wanted, why)
    elif line["steps"] < CYCLE * options.cycles:
        print(f"{wanted.name}: cut short after {line['steps']} measured steps, {why}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=540, help="for everything; what does not fit is left out by name")
    parser.add_argument("--out", type=Path, default=Path("generator_speed.json"))
    parser.add_argument("--cache", type=Path, help="folder that keeps compiled code for the next call")
    parser.add_argument("--device", help="cuda or cpu (default: the GPU where there is one)")
    parser.add_argument("--resolutions", type=lambda text: [int(part) for part in text.split(",")], default=[128, 256])
    parser.add_argument("--batch", type=int, help="default: the published rule, 32 at 128 px and 16 at 256 px")
    parser.add_argument("--channel-base", type=int, default=16384)
    parser.add_argument("--channel-max", type=int, default=512)
    parser.add_argument("--width", type=int, default=512, help="of z and w")
    parser.add_argument("--warm-up", type=int, default=CYCLE + 1, help="steps before the measured ones")
    parser.add_argument("--cycles", type=int, default=6, help="of sixteen steps, measured")
    parser.add_argument("--compiled", action="store_true", help="on a processor: compiled, too, which takes minutes (a GPU's plan has it)")
    parser.add_argument("--match", default="", help="only measurements with this in their name, such as 256 px or compiled")
    parser.add_argument("--only", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.said = sys.argv[1:] if arguments is None else arguments
    if options.only:
        measure(Measurement(**options.only), options, options.folder)
        return 0
    import torch

    options.device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    end = time.monotonic() + options.seconds
    results = Results(options.out, {**machine(options.device), "seconds": options.seconds})
    for wanted in plan(options):
        if options.match not in wanted.name:
            continue
        if time.monotonic() >= end:
            results.leave_out(wanted, f"the {options.seconds:g} seconds were over")
        else:
            run_one(wanted, options, results, end)
    print(f"{len(results.content['measured'])} measured, {len(results.content['not_measured'])} not; {options.out}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
