"""Processes that the demo starts: none of them outlives it, and one that fails says why in one sentence."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

TETHER = [sys.executable, "-m", "benchmark.demo.tether"]
MANAGE = [sys.executable, "manage.py"]
NETWORKS = [sys.executable, "-m", "models_ml.core"]
YIELDING = ["nice", "-n", "10"]  # before a command: it leaves the cores to what everything waits for


class StepFailed(RuntimeError):
    """A step that did not come to its end; the message is for the person at the terminal."""


def start(command: Sequence[str], *, log: Path | None = None) -> subprocess.Popen:
    """Start a command in the project's folder; it ends when this process does. log: where its output goes."""
    out = log.open("ab") if log else None
    try:
        return subprocess.Popen(
            [*TETHER, *command], stdin=subprocess.PIPE, stdout=out, stderr=out, cwd=settings.BASE_DIR
        )
    finally:
        if out:
            out.close()


def finish(process: subprocess.Popen, what: str, log: Path) -> None:
    """Wait for a process; raise StepFailed with the last line of its log when it did not succeed."""
    status = process.wait()
    process.stdin.close()
    if status:
        raise StepFailed(
            f"{what} stopped with exit status {status}: {last_line(log)} The whole log is {log}. "
            "Run the same command again; it goes on where it stopped."
        )


def last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1][-300:] if lines else "it said nothing."


def end(processes: Sequence[subprocess.Popen]) -> None:
    """Let go of all, which ends those that still run, and wait until they have ended."""
    for process in processes:
        process.stdin.close()
    for process in processes:
        process.wait()
