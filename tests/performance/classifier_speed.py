"""What the classifier costs on this machine, in processor seconds (not wall-clock: other work does not disturb it).

    python tests/performance/classifier_speed.py [input] [latency] [tiny]

input: packed, batched pictures against decoding and augmenting one picture at a time with the paper's changes: by our own
operations, and, where OpenCV is installed, by what an engineer would write with it (bytes, tables, one warp each).
latency: EfficientNet-B4 at 448 px, one picture, torch against ONNX Runtime. tiny: the tiny preset's training step.
"""

import json
import sys
import tempfile
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np


def _cpu_per_call(call, calls: int) -> float:
    call()
    began = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began) / calls


def input_path(side: int = 448, n: int = 16) -> dict:
    import torch
    from PIL import Image

    from models_ml.core.augment import augment, draws
    from models_ml.core.config import DataSpec
    from models_ml.core.feed import Feed
    from models_ml.core.manifest import Item
    from models_ml.core.pack import pack
    from models_ml.core.pixels import load_square

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        items = []
        for k in range(n):
            small = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
            small.resize((512, 512), Image.Resampling.BICUBIC).save(Path(folder) / f"{k}.jpg", quality=90)
            items.append(Item(id=str(k), path=Path(folder) / f"{k}.jpg", label="x"))
        data = DataSpec(size_px=side, fit="stretch", resample="antialias")
        feed = Feed(pack(items, data, folder), torch.device("cpu"))
        u, rows = draws(0, np.arange(n), fold=0, epoch=1), np.arange(n)

        def packed():
            augment(feed.get(rows), u, "paper")

        def one_by_one():
            for k in range(n):
                square, _ = load_square(items[k].path, side, fit="stretch", resample="antialias")
                image = torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255
                augment(image, u[k : k + 1], "paper")

        ways = {"packed_and_batched": packed, "own_operations_one_by_one": one_by_one}
        if find_spec("cv2"):
            from tests.performance.opencv_chain import chain

            chance = np.random.default_rng(1)
            ways["opencv_one_by_one"] = lambda: [chain(str(item.path), side, chance) for item in items]
        ways["reading_packed"] = lambda: feed.get(rows)
        ways["decoding"] = lambda: [
            load_square(i.path, side, fit="stretch", resample="antialias") for i in items
        ]  # fmt: skip
        rounds = [{name: _cpu_per_call(way, 1) / n for name, way in ways.items()} for _ in range(5)]
    best = {name: min(one[name] for one in rounds) for name in ways}
    ratios = {
        f"ratio_{name}": float(np.median([one[name] / one["packed_and_batched"] for one in rounds]))
        for name in list(ways)[1:-2]
    }
    return {f"{name}_ms": 1000 * value for name, value in best.items()} | ratios


def latency(side: int = 448) -> dict:
    import onnxruntime
    import torch

    from models_ml.core.config import preset
    from models_ml.core.export import _export
    from models_ml.core.network import build

    spec = replace(preset("paper-focused").model, weights="none")
    network, image = build(spec, 16, size_px=64, seed=0).eval(), torch.rand(1, 3, side, side)
    with torch.inference_mode(), tempfile.TemporaryDirectory() as folder:
        eager = _cpu_per_call(lambda: network(image), 5)
        last = network.to(memory_format=torch.channels_last)
        nhwc = _cpu_per_call(lambda: last(image.contiguous(memory_format=torch.channels_last)), 5)
        exported = _export(build(spec, 16, size_px=64, seed=0).eval(), side, Path(folder) / "b4.onnx")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(exported.path), options, providers=["CPUExecutionProvider"])
        onnx = _cpu_per_call(lambda: session.run(None, {"image": image.numpy()}), 5)
    return {
        "eager_ms": 1000 * eager,
        "channels_last_ms": 1000 * nhwc,
        "onnx_ms": 1000 * onnx,
        "difference": exported.difference,
    }


def tiny() -> dict:
    import torch

    from models_ml.core.bench import _train
    from models_ml.core.config import override, preset

    found = {}
    for backbone in ("test_resnet", "test_efficientnet", "test_byobnet"):
        for side in (64, 96):
            cfg = override(override(preset("tiny"), f"model.backbone={backbone}"), f"data.size_px={side}")
            began, wall = time.process_time(), time.monotonic()
            rate, _ = _train(cfg, torch.device("cpu"), 2.0)
            busy = (time.process_time() - began) / (time.monotonic() - wall)
            found[f"{backbone} {side} px, pictures per processor second"] = rate / busy
    return found


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    parts = {"input": input_path, "latency": latency, "tiny": tiny}
    for name in sys.argv[1:] or parts:
        print(json.dumps({name: parts[name]()}, indent=1), flush=True)
