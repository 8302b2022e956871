"""What the classifier does per second on a GPU, beside timm's own benchmark script and captum called naively.

    python tests/performance/classifier_gpu.py [train] [infer] [input] [explain] [--timm BENCHMARK.py] [--seconds 4] [--rounds 3]

EfficientNet-B4 at 448 px, batches of 64, bfloat16, channels last; random weights and made-up pictures, which cost what real
ones cost. train, infer: our step beside the runners of timm's benchmark.py (its repository's script, given by its path), in
turn, eager and compiled. input: whole optimiser steps of the training loop on a pack (fetch, change, step, moving average)
beside the same step on pictures that lie ready. explain: Integrated Gradients as the product computes them beside captum
called once per picture on the plain network, at the same number of steps. One line of JSON per part; rates are pictures per
second, medians over the rounds; ratios are medians of the rounds' own ratios. Every measurement is
told as it is made. Allow minutes before the first one: cuDNN compiles and tries its algorithms for every layer.
"""

import argparse
import importlib.util
import json
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch

from models_ml.core.bench import prediction_step, rate, training_step
from models_ml.core.config import AttributionSpec, RunConfig, preset
from models_ml.core.device import choose_device, in_layout, reproducible
from models_ml.core.explain import explain, target_weights
from models_ml.core.loop import Fit, open_fold
from models_ml.core.manifest import Item, LabelSpace, Manifest
from models_ml.core.network import build
from models_ml.core.pack import Pack

CLASSES = 16


def configuration(options, *, compile: bool = False) -> RunConfig:
    modern = preset("modern")
    return replace(
        modern,
        model=replace(modern.model, weights="none", backbone=options.backbone),
        data=replace(modern.data, size_px=options.size, auxiliary_classes=()),
        recipe=replace(modern.recipe, batch_size=options.batch, compile=compile, head_only_epochs=0, sampler="shuffle"),
    )


def in_turn(ways: dict, rounds: int) -> dict[str, list[float]]:
    found = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(round(way(), 2))
            print(f"{name}: {found[name][-1]} pictures/s", file=sys.stderr, flush=True)
    return found


def beside(found: dict[str, list[float]], of: str, to: str) -> float:
    return round(median(a / b for a, b in zip(found[of], found[to], strict=True)), 3)


def _timm(options, kind: str, compile: bool):
    """A runner of timm's benchmark script, or None where its path was not given."""
    if not options.timm:
        return None
    spec = importlib.util.spec_from_file_location("timm_benchmark", options.timm)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    runner = {"train": script.TrainBenchmarkRunner, "infer": script.InferenceBenchmarkRunner}[kind](
        model_name=options.backbone.split(".")[0], device="cuda", precision="amp_bfloat16", channels_last=True,
        batch_size=options.batch, img_size=options.size, num_classes=CLASSES,
        torchcompile="inductor" if compile else None, num_bench_iter=options.timm_steps,
    )  # fmt: skip
    return lambda: runner.run()["samples_per_sec"]


def against_timm(options, kind: str) -> dict:
    place, found = choose_device(options.device), {}
    step = {"train": training_step, "infer": prediction_step}[kind]
    with reproducible(preset("modern").recipe):
        for compile in (False, True):
            cfg, how = configuration(options, compile=compile), "compiled" if compile else "eager"
            torch._dynamo.reset()
            call = step(cfg, place)
            ways = {f"ours, {how}": partial(rate, call, place, options.seconds)}
            if timms := _timm(options, kind, compile):
                ways[f"timm, {how}"] = timms
            found |= in_turn(ways, options.rounds)
            del call, ways
            torch.cuda.empty_cache()
    ratios = {"compiled / eager": beside(found, "ours, compiled", "ours, eager")}
    if options.timm:
        ratios |= {
            f"ours / timm, {how}": beside(found, f"ours, {how}", f"timm, {how}") for how in ("eager", "compiled")
        }
    return {"pictures_per_s": {name: median(each) for name, each in found.items()}, "rounds": found, "ratios": ratios}


def made_up_fold(options, cfg: RunConfig, n: int, place):
    rng = np.random.default_rng(0)
    items = tuple(
        Item(id=str(k), path=Path(f"{k}.jpg"), label=f"class{k % CLASSES:02d}", fold=k // CLASSES % 5) for k in range(n)
    )
    pixels = rng.integers(0, 256, (n, cfg.data.size_px, cfg.data.size_px, 3), dtype=np.uint8)
    labels = LabelSpace.of(item.label for item in items)
    return open_fold(Manifest(items), labels, Pack(pixels, tuple(i.id for i in items), "made up"), 0, place)


def input_path(options) -> dict:
    place, found = choose_device(options.device), {}
    with reproducible(preset("modern").recipe):
        for compile in (False, True)[: 1 + options.compiled_input]:
            cfg, how = configuration(options, compile=compile), "compiled" if compile else "eager"
            torch._dynamo.reset()
            ready = training_step(cfg, place)
            ways = {f"pictures ready, {how}": partial(rate, ready, place, options.seconds)}
            data = made_up_fold(options, cfg, 20 * options.batch, place)
            for kind in ("none", "modern", "paper"):
                run = Fit(replace(cfg, data=replace(cfg.data, augment=kind)), data, 0, Path("."))
                run.train_mode()
                ways[f"{kind}, {how}"] = partial(rate, _steps_of(run), place, options.seconds)
            found |= in_turn(ways, options.rounds)
            del ready, run, ways
            torch.cuda.empty_cache()
    ratios = {
        name: beside(found, name, f"pictures ready, {name.rpartition(' ')[2]}") for name in found if "ready" not in name
    }
    return {"pictures_per_s": {name: median(each) for name, each in found.items()}, "rounds": found, "ratios": ratios}


def _steps_of(run: Fit):
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


def attribution(options) -> dict:
    from captum.attr import IntegratedGradients

    place, cfg = choose_device(options.device), configuration(options)
    exact = AttributionSpec(steps=options.steps, max_steps=options.steps, gap=1e-9)
    spec = replace(exact, precision="fp16")
    pictures = torch.rand(options.pictures, 3, options.size, options.size, generator=torch.Generator().manual_seed(0))
    pictures = torch.nn.functional.avg_pool2d(pictures, 9, 1, 4).to(place)  # smooth, as pictures are
    weights = target_weights(CLASSES, 0)
    plain = build(cfg.model, CLASSES, size_px=options.size, seed=0).to(place).eval()
    ours = in_layout(cfg.recipe, build(cfg.model, CLASSES, size_px=options.size, seed=0)).to(place).eval()
    naive = IntegratedGradients(plain)

    def naively() -> int:
        for picture in pictures.split(1):
            naive.attribute(picture, baselines=torch.zeros_like(picture), target=0, n_steps=options.steps)
        return len(pictures)

    def product(spec: AttributionSpec) -> int:
        for picture in pictures.split(1):
            explain(ours, picture, weights, spec)
        return len(pictures)

    with reproducible(cfg.recipe):
        half, full = (explain(ours, pictures[:1], weights, each) for each in (spec, exact))
        apart = float(np.linalg.norm(half.map_HW - full.map_HW) / np.linalg.norm(full.map_HW))
        ways = {"captum, naively": naively, "ours": partial(product, exact), "ours, half": partial(product, spec)}
        found = in_turn(
            {name: partial(rate, way, place, options.seconds) for name, way in ways.items()}, options.rounds
        )
    return {
        "steps": options.steps,
        "gaps": {"half": half.gap, "float32": full.gap},
        "maps apart": apart,
        "pictures_per_s": {name: median(each) for name, each in found.items()},
        "rounds": found,
        "ratios": {f"{name} / captum": beside(found, name, "captum, naively") for name in ("ours", "ours, half")},
    }


PARTS = {
    "train": lambda options: against_timm(options, "train"),
    "infer": lambda options: against_timm(options, "infer"),
    "input": input_path,
    "explain": attribution,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS))
    parser.add_argument("--timm", default="", help="path of timm's benchmark.py")
    parser.add_argument("--timm-steps", type=int, default=40)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--backbone", default="tf_efficientnet_b4.ns_jft_in1k")
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=48, help="of the attribution")
    parser.add_argument("--pictures", type=int, default=4, help="explained in a row")
    parser.add_argument("--compiled-input", action="store_true", help="measure the compiled loop, too")
    options = parser.parse_args()
    machine = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    for part in options.parts:
        print(
            json.dumps({"part": part, "machine": machine, "torch": torch.__version__, **PARTS[part](options)}),
            flush=True,
        )


if __name__ == "__main__":
    main()
