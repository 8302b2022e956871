"""A whole ensemble: one member per fold, each by the one loop; interrupted anywhere, the same call finishes it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from models_ml.core.answers.evaluate import evaluate_out_of_fold
from models_ml.core.answers.metrics import fit_temperature
from models_ml.core.answers.predictions import header, read_rows
from models_ml.core.config import RunConfig, differences, read_config, write_config
from models_ml.core.errors import CoreError
from models_ml.core.events import JsonLines, Listener, RunDone, scaled, together
from models_ml.core.files import clear_parts, write_csv, write_json
from models_ml.core.pictures.folds import check_trainable, with_folds
from models_ml.core.pictures.manifest import LabelSpace, Manifest
from models_ml.core.pictures.pack import pack
from models_ml.core.training import checkpoint
from models_ml.core.training.card import write_run_card
from models_ml.core.training.checkpoint import FoldResult, RunInfo, fold_folder
from models_ml.core.training.own import keep

PACK_SHARE = 0.04  # of the progress of a call


@dataclass(frozen=True)
class RunResult:
    """How the call ended: finished when every fold asked for is complete, otherwise cancelled."""

    folder: str
    status: str
    folds: tuple[FoldResult, ...]
    temperature: float | None

    @property
    def complete(self) -> bool:
        return self.status == "finished"


def train_ensemble(
    cfg: RunConfig,
    manifest: Manifest,
    out_dir: Path | str,
    on_event: Listener | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    folds: Sequence[int] | None = None,
    device: str = "auto",
    state_every_s: float = 60.0,
    networks: Path | str | None = None,
) -> RunResult:
    """Train the members of ``folds`` (None: all) into ``out_dir``.

    manifest may hold several views and the test split; ``cfg.view`` and the training split are taken. The same call
    again continues a run that was cancelled or killed, on a processor with as many threads as it was begun with, and returns
    at once when all is done; another configuration or manifest in the same folder is refused. networks: the file that
    registered the network with timm, kept with the run where it was needed (see ``own``). Raises CoreError for input that
    cannot be trained on, before anything is written.
    """
    folder, cancelled = Path(out_dir), cancelled or (lambda: False)
    cfg, prepared, labels, numbers = prepare(cfg, manifest, folds)
    _check_buildable(cfg, labels, [fold_folder(folder, number) for number in numbers], device)
    if networks is not None and _leading():
        keep(networks, folder)
    _begin(folder, cfg, prepared, labels)
    tell = together(JsonLines(folder / "events.jsonl") if _leading() else None, on_event)
    began = time.monotonic()
    before = _already_done(folder, numbers)
    from models_ml.core.device import choose_device, threads
    from models_ml.core.training import distributed
    from models_ml.core.training.loop import fit

    packed = distributed.first_here(lambda: pack(
        prepared.train.items, cfg.data, folder / "cache", on_event=scaled(tell, 0.0, PACK_SHARE, began=began), cancelled=cancelled
    ))  # fmt: skip
    results: list[FoldResult] = []
    with threads(checkpoint.read_run(folder).threads, choose_device(device)):
        for k, number in enumerate(numbers):
            span = (PACK_SHARE + (1 - PACK_SHARE) * x / len(numbers) for x in (k, k + 1))
            result = fit(
                cfg, prepared, number, fold_folder(folder, number), scaled(tell, *span, began=began, already=before),
                cancelled, labels=labels, packed=packed, device=device, state_every_s=state_every_s,
            )  # fmt: skip
            results.append(result)
            if not result.complete:
                break
    complete = len(results) == len(numbers) and results[-1].complete
    status = "finished" if complete else "cancelled"
    temperature = _conclude(folder, prepared) if _leading() else None
    tell(RunDone(progress=1.0 if complete else _already_done(folder, numbers), seconds_left=0.0, status=status, folder=str(folder)))
    return RunResult(str(folder), status, tuple(results), temperature)


def _already_done(folder: Path, numbers: Sequence[int]) -> float:
    """The share of the call's progress that finished folds, one after another from the first, take without work."""
    done = 0
    for number in numbers:
        result = checkpoint.read_result(fold_folder(folder, number))
        if result is None or not result.complete:
            break
        done += 1
    return PACK_SHARE + (1 - PACK_SHARE) * done / len(numbers) if done else 0.0


def _leading() -> bool:
    from models_ml.core.training import distributed

    distributed.join()
    return distributed.rank() == 0


def prepare(
    cfg: RunConfig, manifest: Manifest, folds: Sequence[int] | None = None
) -> tuple[RunConfig, Manifest, LabelSpace, list[int]]:
    """The configuration with its view, the manifest of that view with folds, the classes, the folds to train."""
    one_view = manifest.of_view(cfg.view)
    cfg = replace(cfg, view=one_view.items[0].view if one_view.items else cfg.view)
    if not one_view.train.items:
        raise CoreError(f"{manifest.source} has no training pictures of view {cfg.view!r}.")
    prepared = with_folds(one_view, folds=cfg.data.folds, source=cfg.data.fold_source, seed=cfg.data.fold_seed)
    labels = LabelSpace.of((item.label for item in prepared.train.items), cfg.data.auxiliary_classes)
    if strangers := sorted({i.label for i in prepared.test.items} - {""} - set(labels.names)):
        raise CoreError(f"Class {strangers[0]!r} occurs in the test split alone; nothing can be learnt about it.")
    present = sorted({item.fold for item in prepared.train.items})
    wanted = present if folds is None else list(dict.fromkeys(folds))
    check_trainable(prepared, labels.own, wanted)
    return cfg, prepared, labels, wanted


def folds_in_words(cfg: RunConfig, manifest: Manifest) -> str:
    """What to say where the manifest's own folds are taken and are not as many as the configuration asks for."""
    recorded = {item.fold for item in manifest.train.items if item.view == cfg.view or not cfg.view} - {None}
    if cfg.data.fold_source == "grouped" or not recorded or len(recorded) == cfg.data.folds:
        return ""
    return (
        f"{manifest.source} has {len(recorded)} folds, which are taken; data.folds={cfg.data.folds} counts only where folds are "
        "drawn (data.fold_source=grouped)."
    )


def _check_buildable(cfg: RunConfig, labels: LabelSpace, members: Sequence[Path], device: str) -> None:
    """What the device or the network refuses is said at once, not when thousands of pictures have been read."""
    from models_ml.core.device import choose_device
    from models_ml.core.training.network import build

    done = [checkpoint.read_result(member) for member in members]
    waiting = [member for member, result in zip(members, done) if result is None or not result.complete]
    if waiting:
        choose_device(device)
        anew = any(not (member / checkpoint.STATE).is_file() for member in waiting)
        build(cfg.model, len(labels.names), size_px=cfg.data.size_px, seed=0, load=anew)


def _begin(folder: Path, cfg: RunConfig, manifest: Manifest, labels: LabelSpace) -> None:
    """Write the run's heading, or check that it is the same run; where nothing is trained yet, another may begin."""
    if not _leading():
        return
    from torch import get_num_threads

    begun_with = None
    if (folder / "run.json").is_file() and any(checkpoint.was_begun(part) for part in folder.glob("fold*")):
        info = checkpoint.read_run(folder)
        if info.cfg.fingerprint != cfg.fingerprint:
            raise CoreError(
                f"{folder} holds a run of another configuration ({'; '.join(differences(info.cfg, cfg)[:3])}); use it "
                "unchanged or choose another folder."
            )
        if info.manifest_fingerprint != manifest.fingerprint:
            raise CoreError(f"{folder} holds a run on another manifest; use that one or choose another folder.")
        begun_with = info.threads
    clear_parts(folder)
    present = tuple(sorted({item.fold for item in manifest.train.items}))
    write_config(cfg, folder / "config.toml")
    threads = begun_with or get_num_threads()
    checkpoint.write_run(RunInfo(folder, cfg, labels, manifest.fingerprint, present, threads))
    manifest.write(folder / "folds.csv")


def _conclude(folder: Path, manifest: Manifest) -> float | None:
    """What the run as a whole leaves: out-of-fold rows, temperature, card, checksums."""
    info = checkpoint.read_run(folder)
    results = [r for k in info.folds if (r := checkpoint.read_result(fold_folder(folder, k)))]
    rows, classes = [], info.labels.names
    for result in filter(lambda one: one.trained, results):
        classes, part = read_rows(fold_folder(folder, result.fold) / "oof.csv")
        rows += part
    if not rows:
        return None
    cells = ((r.model, r.member, r.item, r.view, r.truth, *(f"{p:.9g}" for p in r.probs)) for r in rows)
    write_csv(folder / "oof.csv", header(classes), cells)
    own = [r for r in rows if r.truth in info.labels.own]
    temperature = None
    if own:
        index = {name: k for k, name in enumerate(classes)}
        temperature = fit_temperature(np.array([r.probs for r in own]), np.array([index[r.truth] for r in own]))
    write_json(folder / checkpoint.CALIBRATION, {"temperature": temperature, "rows": len(own), "fitted_on": "oof.csv"})
    judged = evaluate_out_of_fold(folder / "oof.csv", manifest, own=info.labels.own) if own else None
    write_run_card(info, manifest, results, temperature, judged)
    checkpoint.write_sums(folder)
    return temperature


def configuration_of(run_dir: Path | str) -> RunConfig:
    """The configuration that a run in ``run_dir`` was begun with."""
    return read_config(Path(run_dir) / "config.toml")
