"""How many pictures per second, on this machine, with this configuration. Made-up pictures; nothing is kept."""

import resource
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from models_ml.core.config import RunConfig
from models_ml.core.errors import CoreError

KINDS = ("train", "infer", "input", "latency")


def bench(
    cfg: RunConfig, *, seconds: float = 5.0, device: str = "auto", what: str = "train,infer,input"
) -> Iterator[str]:
    """One line per measurement: training steps, inference, the input path alone, latency of a single picture."""
    wanted = [name.strip() for name in what.split(",")]
    if strangers := set(wanted) - set(KINDS):
        raise CoreError(f"There is no measurement {sorted(strangers)[0]!r}; there are {', '.join(KINDS)}.")
    if not seconds > 0:
        raise CoreError(f"A measurement takes some seconds (--seconds), more than 0; found {seconds:g}.")
    import torch

    from models_ml.core.device import choose_device, device_in_words, reproducible

    place = choose_device(device)
    yield f"{cfg.model.backbone} at {cfg.data.size_px} px, {cfg.recipe.precision}, {device_in_words(place)}, torch {torch.__version__}"
    for name in wanted:
        measure = {"train": _train, "infer": _infer, "input": _input, "latency": _latency}[name]
        with reproducible(cfg.recipe):
            count, unit = measure(cfg, place, seconds)
        yield f"{name}: {count:.4g} {unit}; {_memory(place)}"


def _memory(place) -> str:
    """The most that was needed: since the last measurement on a GPU, of the whole process on a processor."""
    import torch

    if place.type == "cuda":
        most = torch.cuda.max_memory_allocated(place)
        torch.cuda.reset_peak_memory_stats(place)
        return f"{most / 2**30:.1f} GiB of the GPU's memory"
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kB on Linux, bytes on macOS
    return f"{most * (1 if sys.platform == 'darwin' else 1024) / 2**30:.1f} GiB of memory so far"


def rate(call: Callable[[], int], place, seconds: float) -> float:
    """Pictures per second of ``call``, which returns how many it did; two calls warm up."""
    import torch

    def settle():
        if place.type == "cuda":
            torch.cuda.synchronize()

    call(), call(), settle()
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        done += call()
        if place.type == "cuda" and done % 8 == 0:
            settle()
    settle()
    return done / (time.perf_counter() - began)


def _network(cfg: RunConfig, place):
    from models_ml.core.device import in_layout
    from models_ml.core.training.network import build

    return in_layout(cfg.recipe, build(cfg.model, 16, size_px=cfg.data.size_px, seed=0, load=False)).to(place)


def _one_graph(network, backend: str):
    """Compiled for one size of batch; where the network falls into several graphs, this fails instead of being slow."""
    import torch

    return torch.compile(network, fullgraph=True, dynamic=False, backend=backend)


def _pictures(cfg: RunConfig, place, n: int | None = None):
    import torch

    made = torch.rand(n or cfg.recipe.batch_size, 3, cfg.data.size_px, cfg.data.size_px, device=place)
    return made.contiguous(memory_format=torch.channels_last) if cfg.recipe.channels_last else made


def training_step(cfg: RunConfig, place, *, backend: str = "inductor") -> Callable[[], int]:
    """One optimiser step on a batch of made-up pictures on the device; returns how many."""
    import torch

    from models_ml.core.device import autocast
    from models_ml.core.training.loop import weighted_loss
    from models_ml.core.training.network import for_gradients
    from models_ml.core.training.optim import make_optimizer

    network = for_gradients(_network(cfg, place)).train()
    optimizer, images = make_optimizer(network, cfg.recipe), _pictures(cfg, place)
    forward = _one_graph(network, backend) if cfg.recipe.compile else network
    target, weight = torch.arange(len(images), device=place) % 16, torch.ones(16, device=place)

    def step() -> int:
        optimizer.zero_grad(set_to_none=True)
        with autocast(place, cfg.recipe.precision):
            logits = forward(images)
        (weighted_loss(logits.float(), target, weight) / len(images)).backward()
        optimizer.step()
        return len(images)

    return step


def _train(cfg: RunConfig, place, seconds: float) -> tuple[float, str]:
    return rate(training_step(cfg, place), place, seconds), "pictures/s trained (made-up pictures on the device)"


def prediction_step(
    cfg: RunConfig, place, n: int | None = None, *, backend: str = "inductor"
) -> Callable[[], int]:
    """Logits of a batch (or of ``n``) made-up pictures on the device; returns how many."""
    import torch

    from models_ml.core.device import autocast

    network, images = _network(cfg, place).eval(), _pictures(cfg, place, n)
    forward = _one_graph(network, backend) if cfg.recipe.compile else network

    @torch.inference_mode()
    def step() -> int:
        with autocast(place, cfg.recipe.precision):
            forward(images)
        return len(images)

    return step


def _infer(cfg: RunConfig, place, seconds: float) -> tuple[float, str]:
    return rate(prediction_step(cfg, place), place, seconds), "pictures/s predicted"


def _latency(cfg: RunConfig, place, seconds: float) -> tuple[float, str]:
    return 1000 / rate(prediction_step(cfg, place, 1), place, seconds), "ms for a single picture"


def _input(cfg: RunConfig, place, seconds: float) -> tuple[float, str]:
    """Packed bytes to augmented tensors."""
    from models_ml.core.pictures.augment import augment, draws
    from models_ml.core.pictures.feed import Feed
    from models_ml.core.pictures.pack import Pack

    rng, side, batch = np.random.default_rng(0), cfg.data.size_px, cfg.recipe.batch_size
    pixels = rng.integers(0, 256, (2 * batch, side, side, 3), dtype=np.uint8)
    feed, positions = Feed(Pack(pixels, tuple(map(str, range(2 * batch))), "bench"), place), np.arange(batch)

    def step() -> int:
        rows = rng.permutation(2 * batch)[:batch]
        (pictures,) = feed.stream_bytes([rows])
        augment(pictures, draws(0, positions, fold=0, epoch=1), cfg.data.augment)
        return batch

    return rate(step, place, seconds), f"pictures/s read from the pack and augmented ({cfg.data.augment})"
