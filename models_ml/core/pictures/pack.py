"""All pictures of a manifest decoded once into one array of bytes on disk, which training then reads at memory speed.

``PACK.npy`` is uint8 (N, size, size, 3), memory-mapped; ``PACK.json`` beside it says what is in it. A pack is named
by what went into it, so that a changed file or setting gives another pack and never a stale one. What is in it has a hash of its
own: pictures that were moved, or copied to another machine, give another pack of the same content.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models_ml.core.config import DataSpec
from models_ml.core.errors import Cancelled, CoreError, complain
from models_ml.core.events import Event, PackProgress, seconds_left
from models_ml.core.files import clear_parts, replacing, sha256_json, write_json
from models_ml.core.pictures.manifest import Item
from models_ml.core.pictures.pixels import load_square

CHUNK = 64


@dataclass(frozen=True)
class Pack:
    """``pixels_NHWC`` row k is the picture of ``ids[k]``; ``content`` is the SHA-256 of all its bytes, which training and
    stored answers depend on."""

    pixels_NHWC: np.ndarray
    ids: tuple[str, ...]
    key: str
    content: str = ""


def pack_key(items: Sequence[Item], data: DataSpec) -> str:
    """Name of the pack: the files' paths, sizes and times, and how they are resized."""
    files = []
    for item in items:
        try:
            stat = item.path.stat()
        except OSError:
            raise CoreError(f"There is no picture at {item.path} (line {item.line} of the manifest).") from None
        files.append([item.id, str(item.path), stat.st_size, stat.st_mtime_ns])
    return sha256_json([2, data.size_px, data.fit, data.resample, files])[:24]


def pack(
    items: Sequence[Item],
    data: DataSpec,
    folder: Path | str,
    *,
    on_event: Callable[[Event], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    workers: int | None = None,
) -> Pack:
    """Decode ``items`` into ``folder``, or open the pack there. All unreadable pictures are reported at once.

    workers: threads that decode (None: as many as there are processors for this process).
    """
    key = pack_key(items, data)
    array_path, index_path = Path(folder) / f"pack-{key}.npy", Path(folder) / f"pack-{key}.json"
    ids = tuple(item.id for item in items)
    if index_path.is_file() and (index := json.loads(index_path.read_text()))["ids"] == list(ids):
        return Pack(np.load(array_path, mmap_mode="r"), ids, key, index["content"])
    clear_parts(folder)
    with replacing(array_path) as part:
        shape = (len(items), data.size_px, data.size_px, 3)
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        _reserve(part)
        content = _fill(array, items, data, on_event=on_event, cancelled=cancelled, workers=workers)
        array.flush()
        del array
    facts = {"ids": list(ids), "size_px": data.size_px, "fit": data.fit, "resample": data.resample, "content": content}
    write_json(index_path, facts)
    return Pack(np.load(array_path, mmap_mode="r"), ids, key, content)


def processors() -> int:
    """How many this process may use at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _reserve(part: Path) -> None:
    """Take the whole room at once: a disk that fills up under a memory map would kill the process without a word."""
    if hasattr(os, "posix_fallocate"):
        with open(part, "r+b") as handle:
            os.posix_fallocate(handle.fileno(), 0, part.stat().st_size)


def _fill(array, items, data, *, on_event, cancelled, workers) -> str:
    """All pictures into the array; returns the hash of its bytes."""

    def load(item: Item) -> np.ndarray | str:
        try:
            return load_square(item.path, data.size_px, fit=data.fit, resample=data.resample)[0]
        except CoreError as error:
            return f"line {item.line}, item {item.id!r}: {error}"

    problems: list[str] = []
    digest, began = hashlib.sha256(), time.monotonic()
    with ThreadPoolExecutor(workers or processors()) as pool:
        for start in range(0, len(items), CHUNK):
            if cancelled and cancelled():
                raise Cancelled("Reading the pictures was cancelled; nothing was kept of this step.")
            for offset, result in enumerate(pool.map(load, items[start : start + CHUNK])):
                if isinstance(result, str):
                    problems.append(result)
                else:
                    array[start + offset] = result
            digest.update(array[start : start + CHUNK])
            done = min(start + CHUNK, len(items))
            if on_event:
                share = done / len(items)
                on_event(
                    PackProgress(progress=share, seconds_left=seconds_left(began, share), done=done, total=len(items))
                )
    complain("Some pictures cannot be read; correct or remove these rows of the manifest:", problems)
    return digest.hexdigest()
