"""Folders for work in progress, which outlive no process for long: what a killed one left, the next one removes."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".lock"


@contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A fresh folder `parent`/`prefix`..., gone when the block ends; those of processes that were killed go first.

    Its own process holds a lock in it, which the system frees however the process ends, in any container. The folder gets
    its name when it is locked, so that nobody takes it for abandoned.
    """
    _remove_abandoned(parent, prefix)
    making = Path(tempfile.mkdtemp(dir=parent, prefix=".making-"))
    folder = making.with_name(prefix + making.name.removeprefix(".making-"))
    try:
        with (making / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            making.rename(folder)
            inside = folder / "inside"
            inside.mkdir()
            yield inside
    finally:
        for path in (making, folder):
            shutil.rmtree(path, ignore_errors=True)


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for left in parent.glob(f"{prefix}*"):
        with suppress(OSError):  # held by a process that lives, or gone meanwhile
            lock = os.open(left / LOCK, os.O_RDWR)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(lock)
