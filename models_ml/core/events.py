"""What a run says while it works, and who listens: JSON lines, a progress bar, TensorBoard, MLflow, or the site.

An event is a frozen dataclass with ``progress`` (0 to 1, of the whole call) and ``seconds_left`` (None: not yet known).
A listener is any callable that takes one; ``together`` makes one of several. TensorBoard and MLflow are in ``curves``.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_ml.core.files import not_written


@dataclass(frozen=True, kw_only=True)
class Event:
    progress: float
    seconds_left: float | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"event": type(self).__name__, **dataclasses.asdict(self)}

    @property
    def text(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, kw_only=True)
class PackProgress(Event):
    done: int
    total: int

    @property
    def text(self) -> str:
        return f"pictures read: {self.done} of {self.total}"


@dataclass(frozen=True, kw_only=True)
class StepDone(Event):
    fold: int
    epoch: int  # from 1
    step: int  # of the epoch, from 1
    steps: int
    loss: float
    lr: float
    images_per_s: float

    @property
    def text(self) -> str:
        return (
            f"fold {self.fold}, epoch {self.epoch}, step {self.step}/{self.steps}: loss {self.loss:.3f}, "
            f"{self.images_per_s:.3g} pictures/s"
        )


@dataclass(frozen=True, kw_only=True)
class EpochDone(Event):
    fold: int
    epoch: int
    epochs: int
    metrics: dict[str, float | None]
    best: bool
    images_per_s: float | None = None  # trained, its judging left out

    @property
    def text(self) -> str:
        names = {"train_loss": "loss", "held_out_loss": "held out", "balanced_accuracy": "balanced accuracy"}
        known = {words: self.metrics.get(name) for name, words in names.items()}
        shown = ", ".join(f"{words} {value:.3f}" for words, value in known.items() if value is not None)
        speed = f", {self.images_per_s:.3g} pictures/s" if self.images_per_s else ""
        return f"fold {self.fold}, epoch {self.epoch}/{self.epochs}: {shown}{' (best)' if self.best else ''}{speed}"


@dataclass(frozen=True, kw_only=True)
class FoldDone(Event):
    fold: int
    status: str
    best_epoch: int
    score: float | None

    @property
    def text(self) -> str:
        score = "unknown" if self.score is None else f"{self.score:.3f}"
        return f"fold {self.fold} {self.status}: best epoch {self.best_epoch}, held-out balanced accuracy {score}"


@dataclass(frozen=True, kw_only=True)
class RunDone(Event):
    status: str
    folder: str

    @property
    def text(self) -> str:
        return f"run {self.status}: {self.folder}"


@dataclass(frozen=True, kw_only=True)
class PredictProgress(Event):
    member: str
    done: int
    total: int

    @property
    def text(self) -> str:
        return f"predicting with {self.member}: {self.done} of {self.total}"


@dataclass(frozen=True, kw_only=True)
class ExportProgress(Event):
    member: str
    done: int
    total: int

    @property
    def text(self) -> str:
        return f"{self.member} exported and compared: {self.done} of {self.total}"


@dataclass(frozen=True, kw_only=True)
class ExplainProgress(Event):
    item: str
    done: int
    total: int

    @property
    def text(self) -> str:
        return f"explaining {self.item}: {self.done} of {self.total}"


Listener = Callable[[Event], None]


def seconds_left(began: float, share: float, *, already: float = 0.0) -> float | None:
    """Time still needed, from time.monotonic() at the beginning and the share done now; None before anything is done.

    already: the share that was done when the clock started (a resumed call).
    """
    if share - already <= 0:
        return None
    return max(0.0, (time.monotonic() - began) * (1 - share) / (share - already))


def duration(seconds: float) -> str:
    """Rounded as people say it: "40 s", "12 min", "3 h 20 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def together(*listeners: Listener | None) -> Listener:
    """One listener that tells all of them, in order."""
    present = [listener for listener in listeners if listener]

    def tell(event: Event) -> None:
        for listener in present:
            listener(event)

    return tell


def scaled(
    listener: Listener, start: float, end: float, *, began: float | None = None, already: float = 0.0
) -> Listener:
    """A part's listener: its progress 0 to 1 becomes start to end of the whole; time left is that of the whole."""

    def tell(event: Event) -> None:
        share = start + (end - start) * event.progress
        left = event.seconds_left if began is None else seconds_left(began, share, already=already)
        listener(dataclasses.replace(event, progress=share, seconds_left=left))

    return tell


def timed(listener: Listener, kind: type[Event]) -> Listener:
    """The listener, told the time left with every event of ``kind`` but the first; what came before went at another pace."""
    start: tuple[float, float] | None = None  # when the first one came, and what was done by then

    def tell(event: Event) -> None:
        nonlocal start
        if isinstance(event, kind):
            began, already = start = start or (time.monotonic(), event.progress)
            event = dataclasses.replace(event, seconds_left=seconds_left(began, event.progress, already=already))
        listener(event)

    return tell


class JsonLines:
    """Append every event to a file, one JSON object per line."""

    def __init__(self, path: Path | str):
        self.path = Path(path)

    def __call__(self, event: Event) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "a", encoding="utf-8") as handle:
                handle.write(json.dumps({"time": time.time(), **event.as_dict()}) + "\n")
        except OSError as error:
            raise not_written(self.path, error) from error


class ProgressBar:
    """One live line on a terminal, with a line above it for every finished fold.

    Elsewhere a line per finished fold, and one per epoch at most every ``EPOCH_LINE_EVERY_S`` seconds: a log of a short
    run stays short, and that of a long one shows that it is alive.
    """

    EPOCH_LINE_EVERY_S = 30.0

    def __init__(self, stream=None):
        from tqdm import tqdm

        self.stream = stream or sys.stderr
        self.live = self.stream.isatty()
        layout = "{percentage:3.0f}%|{bar:24}| {desc} [{elapsed}<{postfix}]"
        self.bar = tqdm(total=1.0, file=self.stream, bar_format=layout, disable=not self.live, leave=True)
        self._told = time.monotonic()

    def __call__(self, event: Event) -> None:
        if self.live:
            left = "?" if event.seconds_left is None else self.bar.format_interval(event.seconds_left)
            self.bar.n = event.progress
            self.bar.set_description_str(event.text, refresh=False)
            self.bar.set_postfix_str(left)
        if isinstance(event, FoldDone):
            self.bar.write(event.text, file=self.stream)
        elif not self.live and (isinstance(event, RunDone) or (isinstance(event, EpochDone) and self._is_time())):
            left = f", {duration(event.seconds_left)} left" if event.seconds_left and event.progress < 1 else ""
            self.stream.write(f"{event.progress:4.0%} {event.text}{left}\n")
            self.stream.flush()
        if isinstance(event, RunDone):
            self.close()

    def _is_time(self) -> bool:
        now = time.monotonic()
        due = now - self._told >= self.EPOCH_LINE_EVERY_S
        self._told = now if due else self._told
        return due

    def close(self) -> None:
        self.bar.close()
