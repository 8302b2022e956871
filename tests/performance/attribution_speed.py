"""What makes Integrated Gradients cheaper here, each beside doing without it.

    python -m tests.performance.attribution_speed folding
    python -m tests.performance.attribution_speed targets
    python -m tests.performance.attribution_speed targets --max-steps 2048
    python -m tests.performance.attribution_speed targets --backbones tf_efficientnet_b4 --size 448 --steps 4 --rounds 2
    python -m tests.performance.attribution_speed counts --precision fp16
    python -m tests.performance.attribution_speed batches --backbones test_resnet --max-steps 2048
    python -m tests.performance.attribution_speed scoring --size 448

folding: a network with its batch norms folded away beside the same network as it was, one target.
targets: what is explained of one picture, by captum called once per target on the network as it was, by our own path once per
target, and by our one walk for all targets, both with batch norms folded away. A right answer has two targets, the answer and the
least probable class; a wrong one four: answer, truth, their contrast, the least probable class. Every way takes ``--steps``
gradients per target (ours one more); with a larger ``--max-steps`` every target but the least probable class goes on
until its gap is 1 %, as in the product, and captum, which cannot, is left out.

counts: how often a single target's walk calls the operators that cost, by torch.profiler: captum on the network as it was, our
path as it was (activations in place, half-precision weights made anew in every pass), our path. Where it runs on a GPU also the
number of its kernels, and which took longest.

batches: how a GPU's batches (64 pictures at most) are filled, and how often it is waited for, by --pictures pictures one after
the other and together, two targets of each: counted, with the GPU's size of batches, wherever it runs. Waits are copies to and
from the device; one after the other is also what captum called once per target would count, which has its own (``n_steps`` of
--steps, a path per batch) where --max-steps is not larger.

scoring: processor seconds per map that deletion and insertion take besides the networks, during which a GPU would wait: pictures
made on the processor and handed to the device, as it was, and masks alone, from which the device makes them.

One thread on a processor, and seconds of the process; on a GPU (--device cuda --precision fp16), seconds by the clock. All ways in
turn after one round to warm up; a ratio is the median of the rounds' own. Random weights with batch statistics drawn at
random, a smooth made-up picture, its blur as baseline. apart: the largest |map - map| / |map| of two of our own ways.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from statistics import median

import numpy as np
import torch

from models_ml.core.attribution import path
from models_ml.core.attribution.explain import Question, baseline_of, explain, explain_pictures, explain_targets
from models_ml.core.attribution.folding import folded, in_half
from models_ml.core.attribution.metrics import perturbation_areas
from models_ml.core.attribution.path import Target, at_once, score
from models_ml.core.config import AttributionSpec, ModelSpec
from models_ml.core.device import choose_device
from models_ml.core.training.network import COPIED_FIRST, build

CLASSES = 16
LOADS = {"right answer": [(0,), (2,)], "wrong answer": [(0,), (1,), (0, 1), (2,)]}


def with_statistics(network: torch.nn.Module) -> torch.nn.Module:
    """As a trained network has them: no batch norm that leaves its picture as it is."""
    draw = torch.Generator().manual_seed(0)
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3, generator=draw)
            norm.running_var.uniform_(0.5, 2, generator=draw)
            norm.weight.data.uniform_(0.5, 1.5, generator=draw)
            norm.bias.data.normal_(0, 0.3, generator=draw)
    return network


def by_captum(network: torch.nn.Module, image_1CHW: torch.Tensor, targets: list[Target], spec: AttributionSpec, batch: int | None):
    """Maps by captum called once per target, in batches along the path (None: all of it at once)."""
    from captum.attr import IntegratedGradients

    baseline, maps = baseline_of(image_1CHW, spec, network.mean), []
    for target in targets:
        method = IntegratedGradients(lambda image, target=target: score(network(image), target))
        found = method.attribute(image_1CHW, baselines=baseline, n_steps=spec.steps, internal_batch_size=batch)
        maps.append(found.sum(1)[0].cpu().numpy())
    return maps


class Bench:
    """A network as it was and folded, a picture, a clock."""

    def __init__(self, backbone: str, options, place: torch.device):
        layout = torch.channels_last if place.type == "cuda" else torch.contiguous_format
        network = with_statistics(build(ModelSpec(backbone=backbone), CLASSES, size_px=options.size, seed=0))
        self.backbone, self.options, self.place = backbone, options, place
        self.network = network.to(place, memory_format=layout).eval().requires_grad_(False)
        noise = torch.rand(1, 3, options.size, options.size, generator=torch.Generator().manual_seed(0))
        self.picture = torch.nn.functional.avg_pool2d(noise, 9, 1, 4).to(place)
        self.spec = AttributionSpec(steps=options.steps, max_steps=options.max_steps, precision=options.precision)
        began = self.clock()
        self.light = folded(self.network, self.picture)
        self.folding = self.clock() - began
        self.name = backbone + ("" if self.light is not self.network else " (NOT folded)")

    def clock(self) -> float:
        if self.place.type != "cuda":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def in_turn(self, ways: dict[str, Callable]) -> tuple[list[dict[str, float]], dict]:
        """Seconds of every way in every round but the first, and what they gave last."""
        rounds, found = [], {}
        for _ in range(self.options.rounds + 1):
            rounds.append({})
            for name, way in ways.items():
                began = self.clock()
                found[name] = way()
                rounds[-1][name] = self.clock() - began
        return rounds[1:], found


def folding(bench: Bench) -> None:
    ways = {
        name: lambda network=network: explain(network, bench.picture, (0,), bench.spec).map_HW
        for name, network in (("as it was", bench.network), ("folded", bench.light))
    }
    rounds, maps = bench.in_turn(ways)
    each = {name: median(one[name] for one in rounds) for name in ways}
    print(
        f"{bench.name}: {each['as it was']:.3f} s as it was, {each['folded']:.3f} s folded, ratio "
        f"{median(one['folded'] / one['as it was'] for one in rounds):.2f}; folding once {bench.folding:.2f} s; "
        f"apart {apart(maps['folded'], maps['as it was']):.1e}",
        flush=True,
    )


def targets(bench: Bench) -> None:
    for load, asked in LOADS.items():
        ways = _ways(bench, asked)
        rounds, found = bench.in_turn(ways)
        each = ", ".join(f"{name} {median(one[name] for one in rounds):.3f} s" for name in ways)
        ratios = ", ".join(
            f"{name} takes {median(one[name] / one['one walk'] for one in rounds):.2f} times as long as one walk"
            for name in ways if name != "one walk"
        )  # fmt: skip
        difference = max(apart(a.map_HW, b.map_HW) for a, b in zip(found["one walk"], found["one at a time"]))
        steps = " ".join(str(one.steps) for one in found["one walk"])
        print(f"{bench.name}, {load}, steps {steps}: {each}; {ratios}; apart {difference:.1e}", flush=True)


# by the profiler's names: what each is called here
COUNTED = {
    "aten::convolution": "convolutions", "aten::convolution_backward": "their backward", "aten::clone": "copies",
    "aten::_to_copy": "casts", "aten::native_batch_norm_backward": "backward of batch norms",
    "aten::cudnn_batch_norm_backward": "backward of batch norms", "aten::silu_backward": "backward of SiLU",
}  # fmt: skip
SLOWEST = 6


def counts(bench: Bench) -> None:
    half = bench.options.precision == "fp16"
    former = deepcopy(bench.light)
    for module in former.modules():
        if type(module) in COPIED_FIRST:
            module.inplace = True
    ours = in_half(bench.light, bench.picture) if half else bench.light
    ways = {
        "captum": lambda: by_captum(bench.network, bench.picture, [(0,)], bench.spec, None),
        "ours, as it was": lambda: explain(former, bench.picture, (0,), bench.spec),
        "ours": lambda: explain(ours, bench.picture, (0,), bench.spec),
    }
    maps = {}
    for name, way in ways.items():
        way()
        with torch.profiler.profile() as seen:
            maps[name] = way()
        found = Counter()
        for event in seen.key_averages():
            found[COUNTED.get(event.key, "other operators")] += event.count if event.key.startswith("aten::") else 0
        kernels = [e for e in seen.key_averages() if e.device_type == torch.autograd.DeviceType.CUDA]
        words = ", ".join(f"{found[kind]} {kind}" for kind in [*dict.fromkeys(COUNTED.values()), "other operators"])
        print(f"{bench.name}, {name}: {words}; {sum(e.count for e in kernels)} kernels on a GPU", flush=True)
        whole = sum(e.self_device_time_total for e in kernels)
        for e in sorted(kernels, key=lambda e: -e.self_device_time_total)[:SLOWEST]:
            print(f"    {e.self_device_time_total / whole:.2f} of the time in {e.count} of {e.key[:90]}", flush=True)
    print(f"{bench.name}: apart {apart(maps['ours'].map_HW, maps['ours, as it was'].map_HW):.1e}", flush=True)


class Exchanges:
    """Counts what goes to a device and what comes from it, but for numbers in pinned memory: each waits for all that the
    device was asked before. And the batches of pictures that go through the network."""

    def __init__(self, network: torch.nn.Module):
        self.network, self.waits, self.batches = network, 0, []

    def __enter__(self):
        self.kept = torch.tensor, torch.Tensor.cpu
        torch.tensor, torch.Tensor.cpu = (self._counting(way) for way in self.kept)
        self.hook = self.network.register_forward_pre_hook(lambda _, given: self.batches.append(len(given[0])))
        return self

    def __exit__(self, *error):
        torch.tensor, torch.Tensor.cpu = self.kept
        self.hook.remove()

    def _counting(self, way: Callable) -> Callable:
        def counted(*args, **settings):
            self.waits += way is not self.kept[0] or "device" in settings
            return way(*args, **settings)

        return counted


def batches(bench: Bench) -> None:
    shares = torch.linspace(0.4, 1, bench.options.pictures).tolist()
    targets, spec = LOADS["right answer"], bench.spec
    most = [spec.max_steps, spec.steps]
    questions = [Question([bench.light], bench.picture * share, targets, most) for share in shares]
    ways = {
        "one picture after the other": lambda: [explain_pictures(bench.light, [one], spec)[0] for one in questions],
        "together": lambda: explain_pictures(bench.light, questions, spec),
    }
    if spec.max_steps == spec.steps:
        ways["captum"] = lambda: [by_captum(bench.light, one.image_1CHW, targets, spec, None) for one in questions]
    usual, path.at_once = path.at_once, lambda image: path.BATCH_ON_GPU
    try:
        for name, way in ways.items():
            with Exchanges(bench.light) as seen:
                found = way()
            print(
                f"{bench.name}, {len(questions)} pictures, {name}: {sum(seen.batches)} pictures in {len(seen.batches)} batches "
                f"(mean {np.mean(seen.batches):.1f}), {seen.waits} waits", flush=True,
            )  # fmt: skip
            if name != "captum":
                steps = [one.steps for own in found for one in own]
                print(f"    steps {min(steps)} to {max(steps)}, gaps up to {max(one.gap for own in found for one in own):.4f}")
    finally:
        path.at_once = usual


def scoring(bench: Bench) -> None:
    map_HW = np.random.default_rng(0).normal(size=bench.picture.shape[-2:]).astype(np.float32)
    image_CHW, here = bench.picture[0].cpu().numpy(), np.float32(0.5)

    def pictures_made(taken_N1HW: np.ndarray) -> np.ndarray:
        torch.from_numpy(np.where(taken_N1HW, here, image_CHW[None]).astype(np.float32)).to(bench.place)
        return np.full(len(taken_N1HW), 0.5)

    def masks_alone(taken_N1HW: np.ndarray) -> np.ndarray:
        torch.from_numpy(taken_N1HW).to(bench.place)
        return np.full(len(taken_N1HW), 0.5)

    ways = {
        name: lambda way=way: perturbation_areas(map_HW, way)
        for name, way in (("pictures, as it was", pictures_made), ("masks alone", masks_alone))
    }
    rounds, _ = bench.in_turn(ways)
    print(", ".join(f"{name} {median(one[name] for one in rounds):.3f} s" for name in ways), flush=True)


def _ways(bench: Bench, asked: list[Target]) -> dict[str, Callable]:
    most = [bench.spec.max_steps] * (len(asked) - 1) + [bench.spec.steps]

    def one_at_a_time() -> list:
        return [
            explain(bench.light, bench.picture, target, replace(bench.spec, max_steps=k)) for target, k in zip(asked, most)
        ]

    ways = {
        "one at a time": one_at_a_time,
        "one walk": lambda: explain_targets(bench.light, bench.picture, asked, bench.spec, most),
    }
    if bench.spec.max_steps > bench.spec.steps:
        return ways
    batch = None if bench.place.type == "cuda" else at_once(bench.picture)
    return {"captum": lambda: by_captum(bench.network, bench.picture, asked, bench.spec, batch), **ways}


def apart(map_HW: np.ndarray, other_HW: np.ndarray) -> float:
    return float(np.linalg.norm(map_HW - other_HW) / np.linalg.norm(other_HW))


WHAT = {one.__name__: one for one in (folding, targets, counts, batches, scoring)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--backbones", nargs="+", default=["test_efficientnet", "test_resnet", "efficientnet_b0", "densenet121"])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--max-steps", type=int, default=0, help="of a target; unless given, as many as --steps")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=8, help="of batches")
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    options.max_steps = options.max_steps or options.steps
    place = choose_device(options.device)
    torch.set_num_threads(1)
    print(f"{options.size} px, {options.steps} steps, {options.precision}, {place}, torch {torch.__version__}", flush=True)
    for backbone in options.backbones:
        WHAT[options.what](Bench(backbone, options, place))


if __name__ == "__main__":
    main()
