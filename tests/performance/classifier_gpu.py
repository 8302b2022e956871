"""What the classifier does per second on a GPU, beside timm's own benchmark script and captum called naively.

    python -m tests.performance.classifier_gpu --timm BENCHMARK.py --cache CACHE --out gpu.json
    python -m tests.performance.classifier_gpu infer train --modes eager --timm BENCHMARK.py --out gpu.json

EfficientNet-B4 at 448 px, batches of 64, bfloat16, channels last; random weights and made-up pictures, which cost what real
ones cost. Parts: infer, train: our step beside the runners of timm's benchmark.py (its repository's script, given by its path),
same process, in turn. explain, explain-right, explain-wrong: Integrated Gradients as the product computes them, of one class, or
of all that is explained of a picture that was answered rightly (answer, least probable class) or wrongly (answer, truth, their
contrast, least probable class), beside captum called once per picture and target on the plain network, and beside our own path
once per target, at the same number of steps (compiled: our half precision as one graph, which the product does not do).
input: whole optimiser steps of the training loop on a pack (fetch, change, step, moving average) beside the same step on
pictures that lie ready.

Modes, cheapest first: eager (cuDNN takes the algorithm it thinks best, as the product does when it predicts or explains),
searched (it tries at most --cudnn-limit per layer, for both sides alike, as the product does when it trains), compiled (one
graph; kept in --cache for the next time).
Every measurement is printed and written to --out when it is made. A part stops after --seconds (a compiled one may take all
the time that is left: half a compilation is worth nothing), the whole after --total, even in the middle of a search or a
compilation, and says what it did not measure; what is ready is measured before the next way is prepared. Where time was
over, start again with the same --cache and --modes compiled. Rates are pictures per second, medians over the rounds;
ratios are medians of the rounds' own ratios.
"""

import argparse
import contextlib
import importlib.util
import json
import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import timm
import torch

from models_ml.core.attribution.explain import Question, explain_pictures
from models_ml.core.attribution.folding import folded, in_half
from models_ml.core.attribution.run import TOGETHER
from models_ml.core.bench import prediction_step, rate, training_step
from models_ml.core.config import AttributionSpec, RunConfig, preset
from models_ml.core.device import choose_device, in_layout, reproducible
from models_ml.core.pictures.manifest import Item, LabelSpace, Manifest
from models_ml.core.pictures.pack import Pack
from models_ml.core.training.loop import Fit, open_fold
from models_ml.core.training.network import build
from tests.performance.attribution_speed import LOADS, apart, by_captum

CLASSES = 16
KINDS = ("infer", "train", "explain", "explain-right", "explain-wrong", "input")
MODES = ("eager", "searched", "compiled")
TARGETS = {"explain": [(0,)], "explain-right": LOADS["right answer"], "explain-wrong": LOADS["wrong answer"]}


class OutOfTime(BaseException):
    """Raised by the clock, wherever the main thread stands; no ordinary handler takes it for a failure of its own."""


@contextlib.contextmanager
def at_most(seconds: float):
    def ring(signum, frame):
        raise OutOfTime

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)


class Report:
    """All that is known so far, on paper after every measurement."""

    def __init__(self, options):
        cuda = torch.cuda.is_available() and options.device != "cpu"
        self.path, self.began = Path(options.out), time.monotonic()
        self.found = {
            "schema": "classifier-gpu/1",
            "machine": torch.cuda.get_device_name() if cuda else f"{torch.get_num_threads()} processor threads, no GPU",
            "versions": {
                "torch": torch.__version__, "cuda": torch.version.cuda, "timm": timm.__version__,
                "cudnn": torch.backends.cudnn.version() if cuda else None,
            },
            "setting": {**vars(options), "dtype": "bfloat16 by autocast", "layout": "channels last"},
            "parts": [],
            "complete": False,
        }  # fmt: skip
        self.write()

    def part(self, kind: str, mode: str) -> dict:
        part = {"part": kind, "mode": mode, "pictures_per_s": {}, "ratios": {}, "rounds": {}, "first_call_s": {},
                "not_measured": [], "seconds": 0.0}  # fmt: skip
        self.found["parts"].append(part)
        return part

    def tell(self, words: str) -> None:
        print(f"[{time.monotonic() - self.began:6.1f} s] {words}", flush=True)
        self.write()

    def write(self) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.found, indent=1))
        part.replace(self.path)


def configuration(options, *, compile: bool = False) -> RunConfig:
    modern = preset("modern")
    return replace(
        modern,
        model=replace(modern.model, weights="none", backbone=options.backbone),
        data=replace(modern.data, size_px=options.size, auxiliary_classes=()),
        recipe=replace(modern.recipe, batch_size=options.batch, compile=compile, head_only_epochs=0, sampler="shuffle"),
    )


def settle(place) -> None:
    if place.type == "cuda":
        torch.cuda.synchronize()


def measure(report: Report, part: dict, ways: dict, ratios: dict[str, tuple[str, str]], options, place) -> None:
    """Every way once to warm up, and then all that are ready in turn, round by round, until each has had its rounds.

    Medians and ratios stand after every measurement. What is ready is measured before the next way is prepared, so that a
    preparation without an end costs that way alone.
    """
    label, turns = f"{part['part']}, {part['mode']}", []

    def turn() -> None:
        turns.append({})
        for name in part["first_call_s"]:
            turns[-1][name] = round(ways[name][1](), 2)
            part["rounds"].setdefault(name, []).append(turns[-1][name])
            part["pictures_per_s"][name] = median(part["rounds"][name])
            part["not_measured"] = [other for other in ways if other not in part["rounds"]]
            for words, (of, to) in ratios.items():
                if pairs := [(one[of], one[to]) for one in turns if of in one and to in one]:
                    part["ratios"][words] = round(median(a / b for a, b in pairs), 3)
            report.tell(f"{label}: {name}: {turns[-1][name]} pictures/s")

    part["not_measured"] = list(ways)
    for name, (once, _) in ways.items():
        began = time.perf_counter()
        once()
        settle(place)
        part["first_call_s"][name] = round(time.perf_counter() - began, 2)
        report.tell(f"{label}: {name}: the first call took {part['first_call_s'][name]} s")
        if len(part["first_call_s"]) > 1:
            turn()
    while len(part["rounds"].get(name, ())) < options.rounds:
        turn()


def ours(call, options, place) -> tuple:
    return call, partial(rate, call, place, options.slice)


def timms(options, kind: str, compile: bool, place) -> tuple | None:
    """A runner of timm's benchmark script, or None where its path was not given."""
    if not options.timm:
        return None
    spec = importlib.util.spec_from_file_location("timm_benchmark", options.timm)
    script = importlib.util.module_from_spec(spec)
    searched = torch.backends.cudnn.benchmark
    spec.loader.exec_module(script)
    torch.backends.cudnn.benchmark = searched  # the script turns it on for itself; here both sides have the same
    runner = {"train": script.TrainBenchmarkRunner, "infer": script.InferenceBenchmarkRunner}[kind](
        model_name=options.backbone.split(".")[0], device=place.type, precision="amp_bfloat16", channels_last=True,
        batch_size=options.batch, img_size=options.size, num_classes=CLASSES,
        torchcompile=options.backend if compile else None, num_warm_iter=1, num_bench_iter=5,
    )  # fmt: skip

    def timed() -> float:
        return runner.run()["samples_per_sec"]

    def first() -> None:
        steps = max(5, int(options.slice * timed() / options.batch))
        runner.num_bench_iter, runner.log_freq = steps, max(1, steps // 5)

    return first, timed


def against_timm(report: Report, part: dict, options, place) -> None:
    kind, compile = part["part"], part["mode"] == "compiled"
    step = {"train": training_step, "infer": prediction_step}[kind]
    ways = {"ours": ours(step(configuration(options), place), options, place)}
    ratios = {"ours / timm": ("ours", "timm")}
    if compile:
        call = step(configuration(options, compile=True), place, backend=options.backend)
        ways["ours, compiled"] = ours(call, options, place)
        ratios = {"compiled / eager": ("ours, compiled", "ours"), "ours / timm": ("ours, compiled", "timm")}
    if beside := timms(options, kind, compile, place):
        ways["timm"] = beside
    measure(report, part, ways, ratios, options, place)


def made_up_fold(options, cfg: RunConfig, n: int, place):
    rng = np.random.default_rng(0)
    items = tuple(
        Item(id=str(k), path=Path(f"{k}.jpg"), label=f"class{k % CLASSES:02d}", fold=k // CLASSES % 5) for k in range(n)
    )
    pixels = rng.integers(0, 256, (n, cfg.data.size_px, cfg.data.size_px, 3), dtype=np.uint8)
    labels = LabelSpace.of(item.label for item in items)
    return open_fold(Manifest(items), labels, Pack(pixels, tuple(i.id for i in items), "made up"), 0, place)


def input_path(report: Report, part: dict, options, place) -> None:
    cfg = configuration(options, compile=part["mode"] == "compiled")
    step = training_step(cfg, place, backend=options.backend)
    ways = {"pictures ready": ours(step, options, place)}
    data = made_up_fold(options, cfg, max(20 * options.batch, 10 * CLASSES), place)
    for kind in ("none", "modern", "paper"):
        run = Fit(replace(cfg, data=replace(cfg.data, augment=kind)), data, 0, Path("."), backend=options.backend)
        run.train_mode()
        ways[f"augmentation {kind}"] = ours(steps_of(run), options, place)
    ratios = {f"{name} / pictures ready": (name, "pictures ready") for name in ways if name != "pictures ready"}
    measure(report, part, ways, ratios, options, place)


def steps_of(run: Fit):
    """Whole steps of one epoch after another; losses are settled as often as the loop tells of its progress."""
    state = {"steps": [], "told": time.monotonic()}

    def step() -> int:
        if run.step >= len(state["steps"]) - 1:  # the epoch's last batch is a part of one
            run.step, run.epoch = 0, run.epoch + 1
            state["steps"] = run.batches()
        positions = state["steps"][run.step]
        run.optimise(positions, len(state["steps"]))
        if time.monotonic() - state["told"] > 0.25:
            run.settle()
            state["told"] = time.monotonic()
        return len(positions)

    return step


def attribution(report: Report, part: dict, options, place) -> None:
    cfg, targets = configuration(options), TARGETS[part["part"]]
    exact = AttributionSpec(steps=options.steps, max_steps=options.steps, gap=1e-9)
    pictures = torch.rand(options.pictures, 3, options.size, options.size, generator=torch.Generator().manual_seed(0))
    pictures = torch.nn.functional.avg_pool2d(pictures, 9, 1, 4).to(place).split(1)  # smooth, as pictures are
    plain = build(cfg.model, CLASSES, size_px=options.size, seed=0).to(place).eval()
    laid_out = in_layout(cfg.recipe, build(cfg.model, CLASSES, size_px=options.size, seed=0)).to(place).eval()
    began = time.perf_counter()
    light = folded(laid_out, pictures[0])  # once per network, as in the product, for however many pictures: told apart
    half = in_half(light, pictures[0])
    settle(place)
    part["folding_s"] = round(time.perf_counter() - began, 2)
    report.tell(f"{part['part']}, {part['mode']}: folding the network's batch norms took {part['folding_s']} s")

    def naively() -> int:
        for picture in pictures:
            by_captum(plain, picture, targets, exact, None)
        return len(pictures)

    def product(network, precision: str, together: list) -> int:
        spec = replace(exact, precision=precision)
        for start in range(0, len(pictures), TOGETHER["cuda"]):
            some = pictures[start : start + TOGETHER["cuda"]]
            each = [[Question([network], one, own, [spec.max_steps] * len(own)) for one in some] for own in together]
            found = [explain_pictures(network, questions, spec) for questions in each]
            maps.setdefault(precision, [one for own in found for one in own[0]])
        return len(pictures)

    maps, names = {}, {"ours": (light, "fp32", [targets]), "ours, half precision": (half, "fp16", [targets])}
    if part["mode"] == "compiled":
        torch._functorch.config.donated_buffer = False  # one forward pass, several backward passes
        one_graph = torch.compile(half, dynamic=False, backend=options.backend)
        names = {"ours": names["ours"], "ours, half precision, compiled": (one_graph, "fp16", [targets])}
    elif len(targets) > 1:
        names["ours, one target at a time"] = light, "fp32", [[target] for target in targets]
    ways = {"captum, naively": ours(naively, options, place)}
    ways |= {name: ours(partial(product, *how), options, place) for name, how in names.items()}
    ratios = {f"{name} / captum": (name, "captum, naively") for name in names}
    if "ours, one target at a time" in names:
        ratios["ours / one target at a time"] = "ours", "ours, one target at a time"
    try:
        measure(report, part, ways, ratios, options, place)
    finally:
        part["steps"], part["targets"] = options.steps, targets
        part["gaps"] = {precision: [one.gap for one in found] for precision, found in maps.items()}
        if len(maps) == 2:
            pairs = zip(maps["fp32"], maps["fp16"])
            part["maps_apart"] = max(apart(short.map_HW, full.map_HW) for full, short in pairs)


def plan(options) -> list[tuple[str, str]]:
    """Cheapest first."""
    return [(kind, mode) for mode in MODES for kind in KINDS if kind in options.parts and mode in options.modes]


def run_part(report: Report, kind: str, mode: str, options, deadline: float) -> None:
    place, part, began = choose_device(options.device), report.part(kind, mode), time.monotonic()
    allowed = deadline - began if mode == "compiled" else min(options.seconds, deadline - began)
    if allowed <= 0:
        part["not_measured"] = ["everything: no time was left"]
        return report.tell(f"{kind}, {mode}: not measured, no time was left")
    run = {**dict.fromkeys(TARGETS, attribution), "input": input_path}.get(kind, against_timm)
    try:
        with at_most(allowed), reproducible(preset("modern").recipe):
            torch.backends.cudnn.benchmark = mode != "eager"
            torch.backends.cudnn.benchmark_limit = options.cudnn_limit
            run(report, part, options, place)
    except OutOfTime:
        part["not_measured"] = part["not_measured"] or ["everything: time was over while it was prepared"]
        report.tell(f"{kind}, {mode}: stopped after {allowed:.0f} s; not measured: {', '.join(part['not_measured'])}")
    except Exception as error:  # one part that fails leaves the others
        part["not_measured"].append(f"{type(error).__name__}: {str(error)[:300]}")
        report.tell(f"{kind}, {mode}: failed: {part['not_measured'][-1]}")
    finally:
        part["seconds"] = round(time.monotonic() - began, 1)
        torch._dynamo.reset()
        if place.type == "cuda":
            torch.cuda.empty_cache()


def keep_compiled(folder: str) -> None:
    """Compiled kernels go to this folder and are taken from it the next time."""
    os.environ["TORCHINDUCTOR_FX_GRAPH_CACHE"] = "1"
    for variable, name in (("TORCHINDUCTOR_CACHE_DIR", "inductor"), ("TRITON_CACHE_DIR", "triton"), ("CUDA_CACHE_PATH", "cuda")):
        path = Path(folder).absolute() / name
        path.mkdir(parents=True, exist_ok=True)
        os.environ[variable] = str(path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(KINDS)}; all of them unless named")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--timm", default="", help="path of timm's benchmark.py")
    parser.add_argument("--out", default="classifier_gpu.json")
    parser.add_argument("--cache", default="", help="folder that keeps what was compiled")
    parser.add_argument("--seconds", type=float, default=90.0, help="at most, per part and mode, unless it is compiled")
    parser.add_argument("--total", type=float, default=540.0, help="at most, all together")
    parser.add_argument("--slice", type=float, default=2.0, help="seconds of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cudnn-limit", type=int, default=3, help="algorithms tried per layer when searching")
    parser.add_argument("--backend", default="inductor", help="of torch.compile")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backbone", default="tf_efficientnet_b4.ns_jft_in1k")
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=48, help="of the attribution")
    parser.add_argument("--pictures", type=int, default=4, help="explained in a row")
    options = parser.parse_args(arguments)
    options.parts = options.parts or list(KINDS)
    if strangers := set(options.parts) - set(KINDS):
        parser.error(f"there is no part {sorted(strangers)[0]!r}; there are {', '.join(KINDS)}")
    if options.cache:
        keep_compiled(options.cache)
    choose_device(options.device)
    report, deadline = Report(options), time.monotonic() + options.total
    for kind, mode in plan(options):
        run_part(report, kind, mode, options, deadline)
    report.found["complete"] = not any(part["not_measured"] for part in report.found["parts"])
    report.tell(f"written to {report.path}")


if __name__ == "__main__":
    main()
