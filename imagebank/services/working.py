"""Folders for work in progress, which outlive no process for long: what a killed one left, the next one removes."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .locks import locked

LOCK = ".lock"


@contextmanager
def working_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """A fresh folder `parent`/`prefix`..., gone when the block ends; those of processes that were killed go first.

    Its own process holds a lock in it, which the system frees however the process ends, in any container. Folders are made
    and looked through under a lock on `parent`: one whose lock nobody holds is abandoned, and not one that is being made.
    """
    with ExitStack() as locks:
        with locked(parent):
            _remove_abandoned(parent, prefix)
            folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
            locks.callback(shutil.rmtree, folder, ignore_errors=True)
            fcntl.flock(locks.enter_context((folder / LOCK).open("w")), fcntl.LOCK_EX)
        inside = folder / "inside"
        inside.mkdir()
        yield inside


def _remove_abandoned(parent: Path, prefix: str) -> None:
    for left in parent.glob(f"{prefix}*"):
        with suppress(BlockingIOError), ExitStack() as held:  # held by a process that lives
            with suppress(FileNotFoundError):  # killed before it had a lock, or while it removed the folder
                fcntl.flock(held.enter_context((left / LOCK).open("r+")), fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
