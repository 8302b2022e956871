"""Heavy work in a process of its own: `python -m models_ml.core ...`, followed, stopped in order, and never twice at once.

The worker process needs neither torch nor its memory. When the worker dies, even by kill -9, the child sees the end of
its standard input, saves its state and stops; until it has stopped it holds the lock of the folder, so that the next
attempt waits for it instead of writing into the same files.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

from imagebank.jobs import JobRun
from models_ml.core.events import duration
from models_ml.services.devices import device_of

POLL_S = 0.5
ORDERLY_STOP_S = 600
LOG, EVENTS, LOCK = "log.txt", "events.jsonl", ".lock"
ASKED_TO_STOP = (130, -signal.SIGINT, -signal.SIGTERM)  # by the command itself, or before it handled signals
MEMORY_SIGNS = ("MemoryError", "out of memory", "can't allocate memory", "Cannot allocate memory")
KILLED = (
    "The process was killed from outside (signal {number}); too little memory is the usual reason. What was saved is "
    "intact: start again to continue from there, or start a new run with a smaller recipe.batch_size."
)
NO_MEMORY = (
    "There was not enough memory. What was saved is intact. Start a new run with a smaller recipe.batch_size or "
    "data.size_px, or train on a larger machine."
)


def run_core(
    arguments: list[str], *, home: Path, job: JobRun, start: float = 0.0, end: float = 1.0, on_device: bool = True
) -> None:
    """Run a command of the core to its end, showing its progress as `start` to `end` of the job's.

    home: folder of log, events and lock. on_device: whether the command takes a device. Raises JobCancelled when the job was
    cancelled, after the command has stopped in order; ValidationError with one clear sentence when the command failed.
    """
    home.mkdir(parents=True, exist_ok=True)
    with held_lock(home / LOCK, job) as lock:
        events = home / EVENTS
        events.unlink(missing_ok=True)
        job.progress(done=int(100 * start), total=100, message="starting")
        with (home / LOG).open("ab") as log:
            begins = log.tell()
            child = subprocess.Popen(
                [sys.executable, "-m", "models_ml.core", *arguments, "--quiet"]
                + ["--events", str(events), "--stop-with-stdin", *(["--device", device_of(job.payload)] if on_device else [])],
                cwd=settings.BASE_DIR, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=[lock],
                start_new_session=True,  # Control-C at a terminal is for the worker, which stops its child in order
            )  # fmt: skip
        try:
            follow(child, events, job, start, end)
        except BaseException:
            stop(child)
            raise
        finally:
            child.stdin.close()
    if child.returncode:
        text = (home / LOG).read_bytes()[begins:].decode(errors="replace")
        raise ValidationError(failure_sentence(child.returncode, text))


@contextmanager
def held_lock(path: Path, job: JobRun) -> Iterator[int]:
    """The folder's lock, waited for while a process of an earlier attempt still winds down."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                job.progress(done=0, total=0, message="waiting until an earlier process of this work has stopped")
                job.check_cancelled()
                time.sleep(POLL_S)
        yield handle
    finally:
        os.close(handle)


def follow(child: subprocess.Popen, events: Path, job: JobRun, start: float, end: float) -> None:
    """Pass the child's events on to the job until the child ends; JobCancelled when the job should stop."""
    job.check_cancelled()
    tail = Tail(events)
    while child.poll() is None:
        for event in tail.new_events():
            tell(job, event, start, end)
        job.check_cancelled()
        time.sleep(POLL_S)
    for event in tail.new_events():
        tell(job, event, start, end)


def tell(job: JobRun, event: dict, start: float, end: float) -> None:
    share = start + (end - start) * event["progress"]
    words = in_words(event)
    if event["event"] in ("FoldDone", "RunDone"):
        job.log(words)
    left = event.get("seconds_left")
    job.progress(
        done=int(100 * share), total=100, message=f"{words}, {duration(left)} left" if left and share < 1 else words
    )


def in_words(event: dict) -> str:
    """The sentence of an event that was read back from its file."""
    from models_ml.core import events

    kind = getattr(events, event["event"])
    return kind(**{key: value for key, value in event.items() if key not in ("event", "time")}).text


class Tail:
    """Whole lines of a growing file, each once."""

    def __init__(self, path: Path):
        self.path, self.place = path, 0

    def new_events(self) -> list[dict]:
        if not self.path.is_file():
            return []
        with self.path.open("rb") as handle:
            handle.seek(self.place)
            data = handle.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.place += len(whole)
        return [json.loads(line) for line in whole.splitlines()]


def stop(child: subprocess.Popen) -> None:
    """Ask the child to stop in order, which leaves a usable state; kill it only if it does not come to an end.

    The end of its input asks, not a signal: that reaches it as well while it still starts and handles none.
    """
    child.stdin.close()
    if child.poll() is None:
        try:
            child.wait(ORDERLY_STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def failure_sentence(code: int, log: str) -> str:
    """Why the command ended with `code`, from what it wrote: its own sentence, or the most likely reason."""
    if code in ASKED_TO_STOP:
        return "The process was asked to stop from outside; start again to continue where it stopped."
    if "error: " in log:
        return log[log.rindex("error: ") + len("error: ") :].strip() if code == 2 else _unexpected(code, log)
    return _unexpected(code, log)


def _unexpected(code: int, log: str) -> str:
    if any(sign in log for sign in MEMORY_SIGNS):
        return NO_MEMORY
    if code < 0:
        return KILLED.format(number=-code)
    last = next((line for line in reversed(log.splitlines()) if line.strip()), "no output")
    return f"The process ended unexpectedly (exit status {code}): {last[:300]} The log of the run says more."
