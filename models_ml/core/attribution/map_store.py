"""Maps of a path in bounded memory: the first ones stay where they were computed, all others wait in a nameless file.

Which pieces of a path will be halved is known only when it ends, and a map's weight with it, so none can be added up
earlier. At 448 px a path of 2048 steps has 1.6 GB of them.
"""

import tempfile

import numpy as np
import torch

from models_ml.core.device import handed_over
from models_ml.core.errors import CoreError

TOGETHER = 16  # maps that are added up in one operation


class MapStore:
    """Float32 maps (H, W) by a key, their place on the path and their target; at most ``limit`` bytes of them in memory."""

    def __init__(self, limit: int):
        self.limit, self.in_memory, self.in_file, self.file = limit, {}, {}, None

    def __contains__(self, key: tuple) -> bool:
        return key in self.in_memory or key in self.in_file

    def add(self, key: tuple, map_HW: torch.Tensor) -> None:
        self.shape, self.bytes_each, self.device = map_HW.shape, map_HW.numel() * 4, map_HW.device
        if (len(self.in_memory) + 1) * self.bytes_each <= self.limit:
            self.in_memory[key] = map_HW
            return
        try:
            self.file = self.file or tempfile.TemporaryFile(prefix="path-maps-")  # noqa: SIM115 - goes with its path
            self.file.write(np.ascontiguousarray(map_HW.cpu().numpy(), dtype=np.float32))
            self.file.flush()
        except OSError as error:
            raise CoreError(
                f"The maps of a long path did not fit into {tempfile.gettempdir()} ({error.strerror or error}); what was "
                "explained before is kept. Make room there, or let TMPDIR name a folder with some gigabytes, and start "
                "the same command again."
            ) from error
        self.in_file[key] = len(self.in_file) * self.bytes_each

    def weighted_sum(self, weights: dict[tuple, float]) -> torch.Tensor:
        """Sum of the maps of these keys times their weights, float64 (H, W), where the maps are: ``TOGETHER`` at once."""
        total = torch.zeros(self.shape, dtype=torch.float64, device=self.device)
        keys = sorted(weights)
        weights_K = handed_over([weights[key] for key in keys], torch.float64, self.device)
        for start in range(0, len(keys), TOGETHER):
            part = slice(start, start + TOGETHER)
            total += torch.tensordot(weights_K[part], torch.stack([self._map(key) for key in keys[part]]).double(), 1)
        return total

    def _map(self, key: tuple) -> torch.Tensor:
        if key in self.in_memory:
            return self.in_memory[key]
        self.file.seek(self.in_file[key])
        values = np.frombuffer(bytearray(self.file.read(self.bytes_each)), dtype=np.float32)
        return torch.from_numpy(values).view(self.shape).to(self.device)
