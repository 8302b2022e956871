"""Listeners that draw a run's curves elsewhere: TensorBoard's event files, and an MLflow server or folder.

A run that was stopped and is continued goes on in the same curves. Steps are counted over the whole fold: an event within
an epoch stands at its own step, an epoch's metrics at the epoch's number.
"""

import atexit
from pathlib import Path

from models_ml.core.config import RunConfig, to_dict, to_toml
from models_ml.core.errors import CoreError
from models_ml.core.events import EpochDone, Event, FoldDone, RunDone, StepDone
from models_ml.core.files import write_text

STEP_VALUES = ("loss", "lr", "images_per_s")
MLFLOW_RUN = "mlflow-run.txt"  # in the run's folder: which MLflow run it writes to


def _step_values(event: StepDone) -> tuple[int, dict[str, float]]:
    """The step's number within the fold, and what is drawn there."""
    step = (event.epoch - 1) * event.steps + event.step
    return step, {f"step/{name}": getattr(event, name) for name in STEP_VALUES}


def _epoch_values(event: EpochDone) -> dict[str, float]:
    return {name: value for name, value in event.metrics.items() if value is not None}


class TensorBoard:
    """One series of curves per fold for ``tensorboard --logdir RUN/tensorboard``, and the run's configuration as text."""

    def __init__(self, folder: Path | str, cfg: RunConfig | None = None):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise CoreError("TensorBoard's curves need the package tensorboard; install it or leave them out.") from None
        self.folder, self.cfg, self._make, self._writer_of = Path(folder), cfg, SummaryWriter, {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepDone):
            step, values = _step_values(event)
            self._add(event.fold, values, step)
        elif isinstance(event, EpochDone):
            self._add(event.fold, _epoch_values(event), event.epoch)
            self._writer_of[event.fold].flush()
        elif isinstance(event, RunDone):
            self.close()

    def _add(self, fold: int, values: dict[str, float], step: int) -> None:
        if fold not in self._writer_of:
            self._writer_of[fold] = self._make(str(self.folder / f"fold{fold}"))
            if self.cfg:
                self._writer_of[fold].add_text("config", "".join(f"    {line}\n" for line in to_toml(self.cfg).split("\n")))
        for name, value in values.items():
            self._writer_of[fold].add_scalar(name, value, step)

    def close(self) -> None:
        while self._writer_of:
            self._writer_of.popitem()[1].close()


class MLflow:
    """The run's settings and curves in MLflow, where ``MLFLOW_TRACKING_URI`` says; the package is no requirement of ours.

    Inside an active MLflow run that one is used and left open. Otherwise the run begins one of its own, remembers it in
    its folder, so that a continued run goes on there, and closes it at the end; as failed when there was no end.
    """

    def __init__(self, folder: Path | str, cfg: RunConfig | None = None):
        try:
            import mlflow
        except ImportError:
            raise CoreError("MLflow's curves need the package mlflow; install it or leave them out.") from None
        self.mlflow, self.folder, self.cfg = mlflow, Path(folder), cfg
        self.own = mlflow.active_run() is None
        self.begun = False

    def _begin(self) -> None:
        """At the first event: a run that is refused for its input leaves no trace here either."""
        self.begun, note = True, self.folder / MLFLOW_RUN
        known = note.read_text(encoding="utf-8").strip() if self.own and note.is_file() else None
        if self.own:
            name = self.cfg.name if self.cfg else self.folder.name
            run = self.mlflow.start_run(run_id=known) if known else self.mlflow.start_run(run_name=name)
            write_text(note, run.info.run_id + "\n")
        if self.cfg and not known:
            self.mlflow.set_tag("fingerprint", self.cfg.fingerprint)
            self.mlflow.log_params(_flat(to_dict(self.cfg)))
        self.mlflow.set_tag("status", "training")
        atexit.register(self._failed)  # later than MLflow's own, so before it, which would call the run finished

    def __call__(self, event: Event) -> None:
        if not self.begun:
            self._begin()
        if isinstance(event, StepDone):
            step, values = _step_values(event)
            self._log(event.fold, values, step)
        elif isinstance(event, EpochDone):
            self._log(event.fold, _epoch_values(event), event.epoch)
        elif isinstance(event, FoldDone):
            self.mlflow.set_tag(f"fold{event.fold}", event.status)
        elif isinstance(event, RunDone):
            self._end(event.status, "FINISHED" if event.status == "finished" else "KILLED")

    def _failed(self) -> None:
        self._end("failed", "FAILED")

    def _end(self, status: str, mlflow_status: str) -> None:
        atexit.unregister(self._failed)
        self.mlflow.set_tag("status", status)
        if self.own:
            self.mlflow.end_run(mlflow_status)
            self.begun = False

    def _log(self, fold: int, values: dict[str, float], step: int) -> None:
        self.mlflow.log_metrics({f"fold{fold}/{name}": value for name, value in values.items()}, step=step)


def _flat(settings: dict, start: str = "") -> dict[str, str]:
    """Nested settings as "recipe.lr": "0.001"; MLflow keeps at most 500 characters of each."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        found |= _flat(value, f"{start}{name}.") if isinstance(value, dict) else {f"{start}{name}": str(value)[:500]}
    return found
