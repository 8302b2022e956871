"""Work that is being watched: who is told how far it is, and how it is asked to stop."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models_ml.core.config import RunConfig


class Stop:
    """Asked after every step whether the work should stop; once asked for, it stays so."""

    def __init__(self):
        self.asked = False

    def __call__(self) -> bool:
        return self.asked

    def ask(self, number, frame) -> None:
        """A signal's handler: the first one waits for the step to end, a second one does not."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        print("stopping after this step; the same command continues", file=sys.stderr)

    def watch_stdin(self) -> None:
        while os.read(0, 4096):
            pass
        self.asked = True


@contextmanager
def stopping(arguments) -> Iterator[Stop]:
    """Control-C or SIGTERM asks the work inside to stop at its next step; a second one stops at once. Afterwards the
    caller's own handlers are back. In a thread other than the main one no signal can be handled, so none is.

    --stop-with-stdin: the end of the standard input asks as well, so that the work ends when the program that started it
    dies.
    """
    stop, former = Stop(), {}
    if threading.current_thread() is threading.main_thread():
        former = {number: signal.signal(number, stop.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    if arguments.stop_with_stdin:
        threading.Thread(target=stop.watch_stdin, daemon=True).start()
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: not set by Python


def listener(arguments, cfg: RunConfig | None = None):
    """The bar, the file of --events and the curves, as one listener; None in all processes but the first."""
    from models_ml.core.events import JsonLines, ProgressBar, together
    from models_ml.core.training import distributed

    if distributed.rank() != 0:
        return None
    lines = JsonLines(arguments.events) if arguments.events else None
    return together(None if arguments.quiet else ProgressBar(), lines, *_curves(arguments, cfg))


def _curves(arguments, cfg: RunConfig | None) -> list:
    """Listeners of --tensorboard and --mlflow."""
    from models_ml.core.curves import MLflow, TensorBoard

    board = [TensorBoard(Path(arguments.out) / "tensorboard", cfg)] if getattr(arguments, "tensorboard", False) else []
    return board + ([MLflow(arguments.out, cfg)] if getattr(arguments, "mlflow", False) else [])
