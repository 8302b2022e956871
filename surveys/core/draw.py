"""The one source of chance in survey assembly: named streams that are the same on every platform.

Only two guarantees are used. SHA-256 is SHA-256; and Python promises that `random.Random(n).random()` keeps its
sequence for an integer seed in every later version (documentation of `random`, "Notes on Reproducibility"). No other
method of `random` is called, because their algorithms may change, and no generator of NumPy's.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, MutableSequence
from itertools import repeat, starmap
from typing import Any


class Draw:
    """A stream of random numbers, named by a seed and a path of labels: `Draw(7, "order", "panoramic")`.

    Two streams with different labels are independent of each other, so a new use of chance never shifts an older one.
    """

    def __init__(self, seed: int, *labels: str | int) -> None:
        name = "/".join(str(part) for part in (seed, *labels))
        self._random = random.Random(int.from_bytes(hashlib.sha256(name.encode()).digest(), "big")).random
        self.uniform = self._random

    def below(self, n: int) -> int:
        """An integer from 0 to n - 1, each equally likely up to n / 2**53. n must be positive."""
        return int(self._random() * n)

    def uniforms(self, count: int) -> Iterator[float]:
        """The next `count` numbers of the stream, each drawn when it is asked for."""
        return starmap(self._random, repeat((), count))

    def shuffle(self, values: MutableSequence[Any]) -> None:
        """Put `values` into a uniformly random order, in place (Fisher-Yates)."""
        draw = self._random
        for i in range(len(values) - 1, 0, -1):
            j = int(draw() * (i + 1))
            values[i], values[j] = values[j], values[i]

    def shuffled(self, values: Iterable[Any]) -> list[Any]:
        """A new list with `values` in a uniformly random order."""
        result = list(values)
        self.shuffle(result)
        return result
