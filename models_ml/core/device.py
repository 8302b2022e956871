"""Which device, which number format, how reproducible: the settings that torch keeps globally, set in one place."""

import contextlib
import ctypes
import functools
import os

import numpy as np
import torch
from torch.utils import deterministic

from models_ml.core.config import Recipe
from models_ml.core.errors import CoreError

ALGORITHMS_TRIED = 3  # by a GPU for each size of convolution, where results may differ in rounding


def choose_device(name: str = "auto") -> torch.device:
    """``auto``: the process's own GPU when there is one, else the processor."""
    if name == "auto" and torch.cuda.is_available():
        own, count = int(os.environ.get("LOCAL_RANK", 0)), torch.cuda.device_count()
        if own >= count:
            raise CoreError(
                f"Process {own + 1} of this machine finds no GPU of its own: there are {count}. Start torchrun with "
                f"--nproc-per-node {count}."
            )
        return torch.device("cuda", own)
    try:
        device = torch.device("cpu" if name == "auto" else name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise CoreError(f"There is no device {name!r}; there are auto, cpu and cuda (cuda:1 is the second GPU).")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise CoreError("A GPU was asked for (cuda), but torch finds none on this machine; use --device cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CoreError(f"{name} was asked for; this machine's {torch.cuda.device_count()} GPU(s) count from cuda:0.")
    if device.type == "cpu":
        _keep_freed_memory()
    return device


def free_memory(device: torch.device) -> int:
    """Bytes of a GPU that this process may still take: what nobody has, and what it had and gave back to torch's own store."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept


def device_in_words(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{threads} processor thread{'s' if threads > 1 else ''}"


@contextlib.contextmanager
def threads(count: int | None, device: torch.device):
    """So many of a processor's threads while inside, because their number decides how sums are rounded; a GPU has its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(count if count and device.type == "cpu" else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def handed_over(values: list | np.ndarray, dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """These numbers on a device, which is not waited for: a GPU fetches them from pinned memory when it comes to them."""
    numbers = torch.as_tensor(values, dtype=dtype)
    return numbers.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else numbers


@functools.cache
def _keep_freed_memory() -> None:
    """Let the C library keep freed blocks for the next use, where it is glibc.

    By default it gives large ones back to the kernel after every operation and gets them again page by page, zeroed: more
    than a third of the time of augmenting on a processor. Blocks however large come from one heap now, and what is free at
    its end beyond 512 MiB goes back.
    """
    trim_threshold, mmap_max = -1, -4  # malloc.h
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 512 * 2**20)


@contextlib.contextmanager
def reproducible(recipe: Recipe):
    """Deterministic algorithms while inside, when the recipe asks for them; the former settings afterwards.

    Torch would then also fill all memory that it hands out, a tenth of a step on a processor, to betray reads of what
    was never written; no operation here makes such reads.
    """
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn, filling = torch.backends.cudnn, deterministic.fill_uninitialized_memory
    benchmark, limit = cudnn.benchmark, cudnn.benchmark_limit
    if recipe.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        deterministic.fill_uninitialized_memory = False
    cudnn.benchmark, cudnn.benchmark_limit = not recipe.deterministic, ALGORITHMS_TRIED
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        cudnn.benchmark, cudnn.benchmark_limit = benchmark, limit
        deterministic.fill_uninitialized_memory = filling


def autocast(device: torch.device, precision: str):
    """Forward passes in bfloat16 when asked for; weights and optimiser stay in float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def half_precision(device: torch.device, precision: str):
    """Forward passes of a finished network in float16 when asked for."""
    return torch.autocast(device.type, dtype=torch.float16, enabled=precision == "fp16")


def in_layout(recipe: Recipe, network: torch.nn.Module) -> torch.nn.Module:
    """The network with its weights laid out as the recipe says; convolutions then keep that layout by themselves."""
    return network.to(memory_format=torch.channels_last) if recipe.channels_last else network


def best_layout(network: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    """A finished network as a GPU's convolutions take it best, whatever layout it was trained in; a processor's stays as it is."""
    return network.to(memory_format=torch.channels_last) if device.type == "cuda" else network


@contextlib.contextmanager
def memory_in_words(batch_size: int):
    """Turn the out-of-memory error of a GPU or of the processor's allocator into a sentence."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise CoreError(
            f"The device ran out of memory at {batch_size} pictures at once; the last saved state is intact. Lower "
            "recipe.batch_size and raise recipe.accumulate by the same factor, in a new folder if an epoch was done."
        ) from error


def out_of_memory(error: BaseException) -> bool:
    """Whether a GPU or the processor's allocator had no memory left; the latter says so in a general error's words."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
