"""Integrated Gradients on a network with its batch norms folded away, beside the same network as it was.

    python -m tests.performance.folded_attribution
    python -m tests.performance.folded_attribution --device cuda --backbones tf_efficientnet_b4 --size 448 --precision fp16

One thread on a processor, and seconds of the process; on a GPU, seconds by the clock. Both ways in turn after one round to
warm up, picture by picture; the ratio is the median of the rounds'. Random weights with batch statistics drawn at random, a
smooth made-up picture, the same number of steps. apart: |folded map - map| / |map|.
"""

import argparse
import time
from statistics import median

import numpy as np
import torch

from models_ml.core.attribution.explain import explain
from models_ml.core.attribution.folding import folded
from models_ml.core.config import AttributionSpec, ModelSpec
from models_ml.core.device import choose_device
from models_ml.core.training.network import build


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


def compared(backbone: str, options, place: torch.device) -> str:
    layout = torch.channels_last if place.type == "cuda" else torch.contiguous_format
    network = with_statistics(build(ModelSpec(backbone=backbone), 16, size_px=options.size, seed=0))
    network = network.to(place, memory_format=layout).eval().requires_grad_(False)
    noise = torch.rand(1, 3, options.size, options.size, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.avg_pool2d(noise, 9, 1, 4).to(place)
    spec = AttributionSpec(steps=options.steps, max_steps=options.steps, precision=options.precision)

    def clock() -> float:
        if place.type != "cuda":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    began = clock()
    light = folded(network, picture)
    folding, ways, seconds, maps = clock() - began, {"as it was": network, "folded": light}, [], {}
    for _ in range(options.rounds + 1):
        seconds.append({})
        for name, way in ways.items():
            began = clock()
            maps[name] = explain(way, picture, (0,), spec).map_HW
            seconds[-1][name] = clock() - began
    ratio = median(one["folded"] / one["as it was"] for one in seconds[1:])
    each = {name: median(one[name] for one in seconds[1:]) for name in ways}
    apart = np.linalg.norm(maps["folded"] - maps["as it was"]) / np.linalg.norm(maps["as it was"])
    left = "" if light is not network else " (NOT folded)"
    return (
        f"{backbone}{left}: {each['as it was']:.3f} s as it was, {each['folded']:.3f} s folded, ratio {ratio:.2f}; "
        f"folding once {folding:.2f} s; apart {apart:.1e}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbones", nargs="+", default=["test_efficientnet", "test_resnet", "efficientnet_b0", "densenet121"])
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("fp32", "fp16"), default="fp32")
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    place = choose_device(options.device)
    torch.set_num_threads(1)
    print(f"{options.size} px, {options.steps} steps, {options.precision}, {place}, torch {torch.__version__}")
    for backbone in options.backbones:
        print(compared(backbone, options, place), flush=True)


if __name__ == "__main__":
    main()
