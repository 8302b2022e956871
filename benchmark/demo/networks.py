"""The demo's networks: one ensemble per view, trained at the same time, each by the ordinary command line.

A view's ensemble is begun anew when its manifest or its configuration is another one than before; otherwise what is
there is kept and the rest done, so that an interrupted demo goes on in the middle of an epoch.
"""

import csv
import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from models_ml.core.config import override, preset

from .console import Console
from .events import EventTail
from .processes import NETWORKS, YIELDING, StepFailed, end, finish, start

NETWORK = "classifier"  # the name of the reader that both views' ensembles make up
# What differs from the preset: a stem that keeps small signs at the same cost, and no dropout, as some hundred pictures
# are hardly learned by heart in so few steps. Lesions are small in a panoramic picture, so it is larger. Narrower stems,
# fewer epochs with larger steps, and smaller pictures in the first epochs were tried: each lost 5 to 15 points.
BOTH = (
    'model.backbone_args={stem_type="deep_tiered", stem_width=16}', "model.head_dropout=0.0", "recipe.batch_size=16",
)  # fmt: skip
SETTINGS = {
    "focused": (*BOTH, "recipe.epochs=20"),
    "panoramic": (*BOTH, "data.size_px=96", "recipe.epochs=18"),
}
BFLOAT16 = "recipe.precision=bf16"  # a quarter less computing where the processor has units for it, more elsewhere
LONGEST = "panoramic"  # this view's training never waits for a core, so that nothing waits for it in the end
TRAINING_SHARE = 0.97  # of a view's progress; the rest is prediction
POLL_S = 0.3
CONTRACT = ("model", "member", "item", "view", "truth")  # of predictions.csv, before the probabilities


@dataclass
class ViewRun:
    """The files and the present state of one view's ensemble."""

    folder: Path
    manifest: Path
    view: str
    settings: Sequence[str] = ()
    share: float = 0.0
    seconds_left: float | None = None
    process: object = None
    failure: Exception | None = None

    @property
    def run(self) -> Path:
        return self.folder / f"network-{self.view}"

    @property
    def predictions(self) -> Path:
        return self.folder / f"predictions-{self.view}.csv"

    @property
    def ensemble(self) -> Path:
        return self.folder / f"ensemble-{self.view}.csv"

    @property
    def log(self) -> Path:
        return self.folder / f"network-{self.view}.log"

    @property
    def _key_file(self) -> Path:
        return self.folder / f"network-{self.view}.key"

    @property
    def key(self) -> str:
        """What decides the weights: the configuration and the pictures."""
        cfg = preset("tiny", view=self.view)
        for setting in self.settings:
            cfg = override(cfg, setting)
        manifest = hashlib.sha256(self.manifest.read_bytes()).hexdigest()
        return hashlib.sha256(f"{cfg.fingerprint}/{manifest}".encode()).hexdigest()

    def take(self, events: Sequence[dict]) -> list[dict]:
        """Bring share and time left up to date; returns the folds that came to their end."""
        if events and self.share < TRAINING_SHARE:
            self.share = TRAINING_SHARE * events[-1]["progress"]
            self.seconds_left = events[-1]["seconds_left"]
        return [event for event in events if event["event"] == "FoldDone"]

    def prepare(self) -> bool:
        """Remove what another configuration or manifest left; return whether everything is there already."""
        key = self.key
        known = self._key_file.read_text() if self._key_file.is_file() else ""
        if known.removesuffix(" done") != key:
            shutil.rmtree(self.run, ignore_errors=True)
            for path in (self.predictions, self.ensemble, self.log):
                path.unlink(missing_ok=True)
            self._key_file.write_text(key)
        done = known == f"{key} done" and all(p.exists() for p in (self.run, self.predictions, self.ensemble))
        self.share = 1.0 if done else 0.0
        return done

    def work(self) -> None:
        """Train, predict, combine; what goes wrong is kept in `failure`."""
        train = [
            "train",
            str(self.manifest),
            "--view",
            self.view,
            "--preset",
            "tiny",
            "--out",
            str(self.run),
            "--quiet",
        ]
        train += [word for setting in self.settings for word in ("--set", setting)]
        predict = ["predict", str(self.run), str(self.manifest), "--split", "test", "--model", NETWORK]
        rule = ["ensemble", str(self.predictions), "--rule", "confident-mean", "--threshold", "0.5"]
        try:
            self._command("Training", train)
            self.share = TRAINING_SHARE
            self._command("Predicting", [*predict, "--quiet", "--out", str(self.predictions)])
            self._command("Combining the members", [*rule, "--out", str(self.ensemble)])
            self._key_file.write_text(f"{self.key} done")
            self.share, self.seconds_left = 1.0, 0.0
        except Exception as error:  # shown by the thread that waits
            self.failure = error

    def _command(self, what: str, arguments: list[str]) -> None:
        first = [] if self.view == LONGEST else YIELDING
        self.process = start([*first, *NETWORKS, *arguments], log=self.log)
        finish(self.process, f"{what} ({self.view} view)", self.log)


def settings_here(cpu_info: Path = Path("/proc/cpuinfo")) -> dict[str, tuple[str, ...]]:
    """`SETTINGS`, in bfloat16 where this processor has matrix units for it (Linux tells; elsewhere float32)."""
    try:
        flags = cpu_info.read_text(errors="replace").split()
    except OSError:
        flags = []
    more = (BFLOAT16,) if "amx_bf16" in flags else ()
    return {view: (*settings, *more) for view, settings in SETTINGS.items()}


@dataclass(frozen=True)
class Meanwhile:
    """Other work beside the training: its title, and what takes a callback (done, total)."""

    title: str
    work: Callable[[Callable[[float, int], None]], object]


def train_and_predict(
    console: Console, *, folder: Path, manifest: Path, settings: Mapping[str, Sequence[str]],
    meanwhile: Sequence[Meanwhile] = (),
) -> list[ViewRun]:  # fmt: skip
    """Train five members for every view of `settings`, predict the test items, apply the paper's rule.

    meanwhile: what this process does beside them, in this order.
    """
    runs = [ViewRun(folder, manifest, view, changes) for view, changes in settings.items()]
    waiting = [run for run in runs if not run.prepare()]
    if waiting:
        _work_together(console, waiting, meanwhile)
    else:
        for other in meanwhile:
            with console.bar(other.title) as progress:
                other.work(progress)
    for run in runs:
        right = accuracy(run.ensemble)
        console.say(f"{run.view}: {right:.1%} of the test images right, by the five members together.")
    return runs


def _work_together(console: Console, runs: Sequence[ViewRun], meanwhile: Sequence[Meanwhile]) -> None:
    threads = [threading.Thread(target=run.work, daemon=True) for run in runs]
    tails = [EventTail(run.run / "events.jsonl") for run in runs]
    for thread in threads:
        thread.start()
    try:
        with console.bars([*(run.view for run in runs), *(other.title for other in meanwhile)]) as show:

            def progress(place: int, done: float, total: int) -> None:
                show(len(runs) + place, done / total if total else 1.0, None)
                _report(console, runs, tails, show)

            for place, other in enumerate(meanwhile):
                if not any(run.failure for run in runs):
                    other.work(partial(progress, place))
            while any(thread.is_alive() for thread in threads) and not any(run.failure for run in runs):
                time.sleep(POLL_S)
                _report(console, runs, tails, show)
            _report(console, runs, tails, show)
    finally:
        end([run.process for run in runs if run.process is not None])
    for run in runs:
        if run.failure:
            raise run.failure


def _report(console: Console, runs, tails: Sequence[EventTail], show: Callable[[int, float, float | None], None]):
    for place, (run, tail) in enumerate(zip(runs, tails)):
        for event in run.take(tail.read()):
            score = "unknown" if event["score"] is None else f"{event['score']:.2f}"
            console.say(f"{run.view}, fold {event['fold']} {event['status']}: held-out balanced accuracy {score}")
        show(place, run.share, run.seconds_left)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def answers_of(ensemble: Path) -> dict[tuple[str, str], str]:
    """Class code by (item, view): the class with the largest probability."""
    rows = rows_of(ensemble)
    classes = [name for name in rows[0] if name.startswith("p_")]
    return {(row["item"], row["view"]): max(classes, key=lambda name: float(row[name]))[2:] for row in rows}


def accuracy(ensemble: Path) -> float:
    answers, rows = answers_of(ensemble), rows_of(ensemble)
    return sum(answers[row["item"], row["view"]] == row["truth"] for row in rows) / len(rows)


def combined_predictions(folder: Path, views: Sequence[str]) -> Path:
    """predictions.csv of all views: every member's rows, then the ensemble's, in the columns of the contract."""
    paths = [folder / f"{kind}-{view}.csv" for kind in ("predictions", "ensemble") for view in views]
    rows = [row for path in paths for row in rows_of(path)]
    with paths[0].open(newline="", encoding="utf-8") as file:
        columns = [name for name in next(csv.reader(file)) if name in CONTRACT or name.startswith("p_")]
    if any(set(columns) - set(row) for row in rows):
        raise StepFailed("The views' predictions have different classes; remove var/demo and run the demo again.")
    target = folder / "predictions.csv"
    part = target.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    part.replace(target)
    return target
