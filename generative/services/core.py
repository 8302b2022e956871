"""The core as a child process: a page or worker that never loads torch starts it, follows it and can stop it.

The child ends with its parent (Linux), so that a killed worker leaves no training behind that writes into the folder of
the attempt that takes its place.
"""

import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

PR_SET_PDEATHSIG = 1
POLL_S, GRACE_S = 0.5, 120
FOLDERS = re.compile(r"(?<![\w.])/(?:[^/\s'\"]+/)+")  # of a path: where our files lie is nobody's business
PASSED_ON = (
    "PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "OMP_NUM_THREADS",
    # where a GPU's library lies, without which torch finds no GPU and silently takes the processor; and what compiling needs
    "CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH", "CUDA_HOME", "CC", "CXX", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR",
    "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF",
)  # fmt: skip


def run_core(*arguments: object, watch: Callable[[], None] | None = None, ok: tuple[int, ...] = (0,)) -> int:
    """Run `python -m generative.core ...` and return its exit status, one of `ok`.

    watch: called twice a second; what it raises (a cancellation) stops the child, which first saves what it can, and is
    raised on. A refusal of the core becomes a ValidationError with its own sentence.
    """
    command = [sys.executable, "-m", "generative.core", *map(str, arguments)]
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, stdin=subprocess.DEVNULL, stdout=said,
            stderr=subprocess.STDOUT, preexec_fn=_end_with_parent,
        )  # fmt: skip
        try:
            while child.poll() is None:
                if watch:
                    watch()
                time.sleep(POLL_S)
            if watch:
                watch()
        finally:
            _stop(child)
        if child.returncode in ok:
            return child.returncode
        raise ValidationError(_sentence(said, str(arguments[0]), child.returncode))


def following(
    path: Path, watch: Callable[[], None] | None, progress: Callable[[str, int, int], None] | None
) -> Callable[[], None]:  # fmt: skip
    """For `run_core` to call: `watch`, and `progress` with what the core says in its progress file at `path` that it does."""

    def look() -> None:
        if watch:
            watch()
        if progress and (told := _told(path)):
            progress(told["what"], told["done"], told["total"])

    return look


def _told(path: Path) -> dict | None:
    """None while nothing was said, or not yet all of it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _end_with_parent() -> None:
    """In the child, before Python starts anew: ask the kernel for SIGTERM when the parent dies."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        return


def _stop(child: subprocess.Popen) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _sentence(said, command: str, status: int) -> str:
    """The core's own words, without the command's name; anything else is a fault to be looked at."""
    said.seek(0)
    lines = [line.strip() for line in said.read()[-20_000:].splitlines() if line.strip()]
    last = FOLDERS.sub("", lines[-1]) if lines else ""
    if last.startswith(f"{command}: "):
        return last.removeprefix(f"{command}: ")
    if status < 0:
        return f"The {command} process was ended by signal {-status}; memory is the usual reason. Try fewer or smaller pictures."
    return f"The {command} process failed ({last[:300] or f'status {status}'})."


def generators_folder(*parts: str) -> Path:
    """A folder below the store of generators, made when it is missing."""
    folder = Path(settings.VAR_DIR).joinpath("generators", *parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
