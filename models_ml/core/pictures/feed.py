"""Bytes of packed pictures to float tensors on the device, the next batch being fetched while this one is worked on."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from models_ml.core.device import free_memory
from models_ml.core.pictures.pack import Pack

CHUNK = 256  # pictures copied to a GPU at once
RESIDENT_SHARE = 0.4  # of the free memory of a GPU that the pictures may take


class Feed:
    """Pictures by row of a pack. On a GPU with room the whole pack is moved there once."""

    def __init__(self, pack: Pack, device: torch.device):
        self.pack, self.device = pack, device
        self._resident = None
        if device.type == "cuda" and pack.pixels_NHWC.nbytes < RESIDENT_SHARE * free_memory(device):
            self._resident = torch.empty(pack.pixels_NHWC.shape, dtype=torch.uint8, device=device)
            for rows in cut(np.arange(len(pack.pixels_NHWC)), CHUNK):
                self._resident[rows[0] : rows[-1] + 1] = torch.from_numpy(pack.pixels_NHWC[rows])

    def get(self, rows: np.ndarray) -> torch.Tensor:
        """Float (N, 3, H, W), 0 to 1, on the device."""
        return as_float(self._moved(self._fetch(rows)))

    def _fetch(self, rows: np.ndarray) -> torch.Tensor:
        if self._resident is not None:
            return self._resident[torch.from_numpy(np.asarray(rows)).to(self.device, non_blocking=True)]
        batch = torch.from_numpy(self.pack.pixels_NHWC[np.asarray(rows)])
        return batch.pin_memory() if self.device.type == "cuda" else batch

    def _moved(self, batch_NHWC: torch.Tensor) -> torch.Tensor:
        return batch_NHWC.to(self.device, non_blocking=True)

    def stream(self, batches: Iterable[np.ndarray]) -> Iterator[torch.Tensor]:
        """``get`` for one batch of rows after another, one read ahead in a thread."""
        return map(as_float, self.stream_bytes(batches))

    def stream_bytes(self, batches: Iterable[np.ndarray]) -> Iterator[torch.Tensor]:
        """Bytes (N, H, W, 3) on the device, for one batch of rows after another, one read ahead in a thread."""
        with ThreadPoolExecutor(1) as pool:
            waiting = None
            for rows in batches:
                following = pool.submit(self._fetch, rows)
                if waiting is not None:
                    yield self._moved(waiting.result())
                waiting = following
            if waiting is not None:
                yield self._moved(waiting.result())


def as_float(batch_NHWC: torch.Tensor) -> torch.Tensor:
    """Bytes to float (N, 3, H, W), 0 to 1."""
    return batch_NHWC.permute(0, 3, 1, 2).contiguous().float().div_(255)  # bytes are rearranged faster than floats


def cut(order: Sequence[int] | np.ndarray, size: int, *, least: int = 1) -> list[np.ndarray]:
    """Consecutive pieces of ``size``; a last piece shorter than ``least`` joins the one before.

    Batch normalisation cannot train on a single picture: hence ``least``.
    """
    order = np.asarray(order)
    bounds = list(range(0, len(order), size))
    if len(bounds) > 1 and len(order) - bounds[-1] < least:
        bounds.pop()
    return [order[start:end] for start, end in zip(bounds, [*bounds[1:], len(order)])]
