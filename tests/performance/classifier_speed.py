"""What the classifier costs on this machine, in processor seconds (not wall-clock: other work does not disturb it).

    python -m tests.performance.classifier_speed [input] [latency] [answers] [tiny]
    python -m tests.performance.classifier_speed input --rounds 15 --files "512 x 512"

input: packed, batched pictures with the paper's changes against reading and augmenting files of three sizes one picture at
a time: by timm's own training transforms (its defaults, and with its RandAugment), by our operations, and, where OpenCV
and albumentations are installed, by what an engineer would write with the first and by the founding study's chain on the
second. All ways in turn, three rounds unless told; ratios are medians over the rounds, with the middle half
of the rounds beside them: every round draws its changes anew.
latency: EfficientNet-B4 at 448 px, one picture, torch against ONNX Runtime. answers: the same network's for eight pictures, which
go through a processor in parts, against all of them at once, two rounds in turn. tiny: the tiny preset's training step.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np


def _cpu_per_call(call, calls: int, *, warm_up: bool = True) -> float:
    if warm_up:
        call()
    began = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began) / calls


SOURCES = {
    "512 x 512": (512, 512),
    "1024 x 1024": (1024, 1024),
    "3000 x 2000": (3000, 2000),
}  # as such studies have them


def _photographs(folder: Path, size: tuple[int, int], n: int) -> list[Path]:
    """Drawn pictures with the grain of photographs: about two bits per pixel as JPEG."""
    from PIL import Image

    rng, paths = np.random.default_rng(0), []
    for k in range(n):
        small = Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        grain = rng.normal(0, 6, (size[1], size[0], 1))
        pixels = np.clip(np.asarray(small) + grain, 0, 255).astype(np.uint8)
        paths.append(folder / f"{k}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=85)
    return paths


def _one_by_one(side: int) -> dict:
    """Ways to make one picture ready for the network: a file's path to a tensor or an array."""
    import torch
    from PIL import Image
    from timm.data import create_transform

    from models_ml.core.pictures.augment import augment, draws
    from models_ml.core.pictures.pixels import load_square

    def by_timm(**settings):
        transform = create_transform(side, is_training=True, **settings)
        return lambda path: transform(Image.open(path).convert("RGB"))

    u = iter(draws(0, np.arange(100_000), fold=0, epoch=1))

    def own(path: Path):
        square, _ = load_square(path, side, fit="stretch", resample="antialias")
        return augment(torch.from_numpy(square).permute(2, 0, 1)[None].float() / 255, next(u)[None], "paper")

    randomly = {"auto_augment": "rand-m9-inc1", "re_prob": 0.25, "interpolation": "bicubic"}
    ways = {"timm, its defaults": by_timm(), "timm, RandAugment": by_timm(**randomly), "our operations": own}
    if find_spec("cv2"):
        from tests.performance.opencv_chain import chain

        chance = np.random.default_rng(1)
        ways["OpenCV"] = lambda path: chain(str(path), side, chance)
    if find_spec("albumentations"):
        from tests.performance import albumentations_chain

        study = albumentations_chain.chain(side)
        ways["albumentations, the study's chain"] = lambda path: study(str(path))
    return ways


def input_path(side: int = 448, n: int = 16, rounds: int = 3, files: list[str] | None = None) -> dict:
    from models_ml.core.config import DataSpec
    from models_ml.core.device import choose_device
    from models_ml.core.pictures.augment import augment, draws
    from models_ml.core.pictures.feed import Feed
    from models_ml.core.pictures.manifest import Item
    from models_ml.core.pictures.pack import pack

    with tempfile.TemporaryDirectory() as folder:
        paths, sizes = {}, {name: SOURCES[name] for name in files or SOURCES}
        for source, size in sizes.items():
            (Path(folder) / source).mkdir()
            paths[source] = _photographs(Path(folder) / source, size, n if size[0] < 2000 else 4)
        items = [Item(id=path.stem, path=path, label="x") for path in next(iter(paths.values()))]
        feed = Feed(
            pack(items, DataSpec(size_px=side, fit="stretch", resample="antialias"), folder), choose_device("cpu")
        )
        epochs, rows, ways = iter(range(1, 10_000)), np.arange(n), _one_by_one(side)

        def packed():
            (batch,) = feed.stream_bytes([rows])
            augment(batch, draws(0, rows, fold=0, epoch=next(epochs)), "paper")

        def each(way, source: str):
            return lambda: [way(path) for path in paths[source]]

        calls = {"packed, batched": (packed, n), "of which reading": (lambda: feed.get(rows), n)}
        calls |= {
            f"{name}; {source}": (each(way, source), len(paths[source]))
            for name, way in ways.items()
            for source in paths
        }
        measured = [
            {name: _cpu_per_call(call, 1, warm_up=False) / count for name, (call, count) in calls.items()}
            for _ in range(1 + rounds)
        ][1:]
        bits = {source: float(np.mean([8 * path.stat().st_size for path in paths[source]]) / np.prod(size))
                for source, size in sizes.items()}  # fmt: skip
    return {
        name: {
            "ms": round(1000 * float(np.median([one[name] for one in measured])), 2),
            **_ratios([one[name] / one["packed, batched"] for one in measured]),
        }
        for name in calls
    } | {"bits_per_pixel": bits}


def _ratios(of_rounds: list[float]) -> dict:
    low, middle, high = (round(float(share), 2) for share in np.quantile(of_rounds, (0.25, 0.5, 0.75)))
    return {"times_packed": middle, "middle_half": [low, high]}


def latency(side: int = 448) -> dict:
    import onnxruntime
    import torch

    from models_ml.core.answers.export import _export
    from models_ml.core.config import preset
    from models_ml.core.training.network import build

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


def answers(side: int = 448, n: int = 8) -> dict:

    from models_ml.core.answers import inference
    from models_ml.core.config import preset
    from models_ml.core.device import choose_device
    from models_ml.core.pictures.feed import Feed
    from models_ml.core.pictures.pack import Pack
    from models_ml.core.training.network import build

    network = build(replace(preset("paper-focused").model, weights="none"), 16, size_px=side, seed=0).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    feed, apart = Feed(Pack(pixels, tuple(map(str, range(n))), "made up"), choose_device("cpu")), inference.AT_ONCE
    seconds, found = {"in parts": [], "at once": []}, {}
    for _ in range(2):
        for name, most in (("in parts", apart), ("at once", n * side**2)):
            inference.AT_ONCE = most
            began = time.process_time()
            found[name] = inference.logits_of(network, feed, np.arange(n), batch_size=n)
            seconds[name].append(time.process_time() - began)
    inference.AT_ONCE = apart
    return {
        "s_per_picture": {name: min(each) / n for name, each in seconds.items()},
        "in parts / at once": min(seconds["in parts"]) / min(seconds["at once"]),
        "largest difference of logits": float(np.abs(found["in parts"] - found["at once"]).max()),
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

    parts = {"input": input_path, "latency": latency, "answers": answers, "tiny": tiny}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(parts)}; all of them unless named")
    parser.add_argument("--rounds", type=int, default=3, help="of the input path")
    parser.add_argument("--files", nargs="+", choices=SOURCES, help="of these sizes only")
    options = parser.parse_args()
    parts["input"] = partial(input_path, rounds=options.rounds, files=options.files)
    torch.set_num_threads(1)
    for name in options.parts or parts:
        print(json.dumps({name: parts[name]()}, indent=1), flush=True)
