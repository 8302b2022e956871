"""How a process of this package's own keeps its memory."""

import contextlib
import ctypes
import sys

KEPT_BYTES = 2**28
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h


def keep_freed_memory() -> None:
    """Use freed memory again instead of giving it back to the system after every operation.

    A training step's activations are a few megabytes each; with glibc's own settings each of them is fetched from the
    system anew, page by page, in every step. For a main program, as it concerns the whole process; where the C library
    is another one nothing happens.
    """
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            libc = ctypes.CDLL("libc.so.6")
            libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
            libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
