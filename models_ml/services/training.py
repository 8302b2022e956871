"""Starting, stopping and continuing training runs."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from imagebank.jobs import cancel_job, queue_job, retry_job
from imagebank.models import Study
from imagebank.services.splits import hold_split, placements
from models_ml.core import CoreError
from models_ml.core.config import RunConfig, override, preset, to_dict, with_auxiliary_classes, write_config
from models_ml.core.files import sha256_file, sha256_json
from models_ml.core.training.run import prepare
from models_ml.errors import core_errors
from models_ml.models import TrainingRun
from models_ml.services.auxiliary import with_auxiliary
from models_ml.services.devices import device_asked
from models_ml.services.manifests import study_manifest
from models_ml.services.naming import require_name

TRAIN = "models_ml.train"
RANDOM, DOWNLOAD, AS_PRESET = "none", "hub", ""
WEIGHT_FILES = (".safetensors", ".pth", ".pt")


def weights_folder() -> Path:
    """Where the operator puts files of pretrained weights; only files in this folder can be chosen by name."""
    return Path(settings.NETWORK_WEIGHTS)


def weight_files() -> list[str]:
    folder = weights_folder()
    return sorted(path.name for path in folder.glob("*") if path.suffix in WEIGHT_FILES) if folder.is_dir() else []


def run_config(
    *,
    preset_name: str,
    view: str,
    name: str = "",
    seed: int | None = None,
    folds: int | None = None,
    fold_source: str = "",
    epochs: int | None = None,
    weights: str = AS_PRESET,
    changes: Sequence[str] = (),
) -> RunConfig:
    """The preset with what was asked for; a setting that does not exist or does not fit raises ValidationError.

    weights: "" as the preset says, "none" random, "hub" downloaded by timm, otherwise the name of a file in the weights
    folder, whose hash is pinned. changes: further settings, each `section.name=value`.
    """
    with core_errors():
        cfg = replace(preset(preset_name, view=view), name=name or preset_name)
        cfg = replace(cfg, model=_with_weights(cfg.model, weights))
        named = {"recipe.seed": seed, "data.fold_seed": seed, "data.folds": folds, "recipe.epochs": epochs}
        asked = [f"{key}={value}" for key, value in named.items() if value is not None]
        if fold_source:
            asked.append(f'data.fold_source="{fold_source}"')
        for change in [*asked, *changes]:
            before, cfg = cfg, override(cfg, change)
            if _of_own_fields(before) != _of_own_fields(cfg):
                raise CoreError(f"{change.split('=')[0].strip()} has a field of its own; set it there.")
    return cfg


def _of_own_fields(cfg: RunConfig) -> tuple:
    """What is not set among the further settings: the view, the name, and which file of the server is read."""
    return cfg.view, cfg.name, cfg.model.weights, cfg.model.weights_sha256


def _with_weights(model, weights: str):
    if weights in (AS_PRESET, RANDOM, DOWNLOAD):
        return model if weights == AS_PRESET else replace(model, weights=weights, weights_sha256="")
    if weights not in weight_files():
        known = ", ".join(weight_files()) or "none"
        raise CoreError(f"There is no weights file {weights!r} in {weights_folder()}; there are: {known}.")
    path = weights_folder() / weights
    return replace(model, weights=str(path), weights_sha256=sha256_file(path))


def start_run(
    *,
    study: Study,
    name: str,
    view: str,
    preset_name: str,
    only_folds: Sequence[int] = (),
    auxiliary: Sequence[str] = (),
    device: str = "",
    user=None,
    **asked,
) -> TrainingRun:
    """Check what can be checked at once, keep the run with its manifest, and queue its training.

    auxiliary: names of sets of further pictures (see services.auxiliary). device: see services.devices. asked: see
    `run_config`. The manifest is frozen: pictures added and labels changed later do not change a run that is being continued.
    Raises ValidationError for a configuration that does not fit, or pictures that cannot be trained on.
    """
    if view not in study.view_codes():
        raise ValidationError(f"{study.slug} has no view {view!r}; it has {', '.join(study.view_codes())}.")
    require_name(name)
    on = device_asked(device)
    if study.training_runs.filter(name=name, view=view).exists():
        raise ValidationError(f"There is already a run {name!r} of the {view} view; choose another name.")
    cfg = run_config(preset_name=preset_name, view=view, name=name, **asked)
    seen = placements(study)
    manifest = study_manifest(study, views=[view])
    if auxiliary:
        joined = with_auxiliary(study, manifest, auxiliary, seed=cfg.data.fold_seed)
        cfg, manifest = with_auxiliary_classes(cfg, joined.auxiliary_classes), joined.manifest
    with core_errors():
        cfg, prepared, labels, folds = prepare(cfg, manifest, list(only_folds) or None)
    run = TrainingRun(
        study=study, name=name, view=view, preset=preset_name.replace("_", "-"), config=to_dict(cfg),
        fingerprint=cfg.fingerprint, manifest_fingerprint=prepared.fingerprint, seed=cfg.recipe.seed, folds=folds,
        classes=list(labels.names), own_classes=list(labels.own), classes_sha256=sha256_json(list(labels.names)),
        auxiliary=list(auxiliary), created_by=user,
    )  # fmt: skip
    run.full_clean()
    with transaction.atomic():
        hold_split(study, seen=seen)  # the manifest was made outside of this, since pictures may have to be fetched for it
        run.save()  # first, so that the name is this run's alone before its folder is touched
        if run.home.exists():
            shutil.rmtree(run.home)  # left behind by a run that was removed
        run.home.mkdir(parents=True)
        manifest.write(run.manifest)
        write_config(cfg, run.home / "config.toml")
        run.job = queue_job(
            study=study, kind=TRAIN, title=f"Train {run}"[:200], payload={"run": run.pk} | on, user=user
        )  # fmt: skip
        run.save(update_fields=["job"])
    return run


def cancel_run(*, run: TrainingRun) -> TrainingRun:
    """Ask a waiting or training run to stop at its next step; members that are trained stay usable."""
    if run.job is None or not run.job.is_active:
        raise ValidationError(f"{run} is not being trained, so there is nothing to cancel.")
    cancel_job(job=run.job)
    return TrainingRun.objects.with_state().select_related("study", "job").get(pk=run.pk)


def resume_run(*, run: TrainingRun, device: str = "") -> TrainingRun:
    """Continue a cancelled or failed run exactly where it stopped; on another device where one is named."""
    run.require_weights()
    if run.origin == TrainingRun.Origin.IMPORTED:
        raise ValidationError(
            f"{run} was trained elsewhere; continue it there by the same command and import its folder again."
        )
    if run.job is None:
        raise ValidationError(f"The job of {run} was deleted, so it cannot be continued; start a new run.")
    on = device_asked(device)
    with transaction.atomic():  # a job that cannot be started again keeps its device
        if on:
            run.job.payload |= on
            run.job.save(update_fields=["payload"])
        retry_job(job=run.job)
    return TrainingRun.objects.with_state().select_related("study", "job").get(pk=run.pk)


def delete_run(*, run: TrainingRun) -> None:
    """Remove a run with everything computed from it. A network that reads in the study's surveys keeps its answers."""
    if run.job is not None and run.job.is_active:
        raise ValidationError(f"{run} is being trained; cancel it first.")
    home = run.home
    try:
        run.delete()
    except ProtectedError as error:
        raise ValidationError(f"{run} is still used elsewhere and cannot be removed.") from error
    shutil.rmtree(home, ignore_errors=True)


def train_arguments(run: TrainingRun) -> list[str]:
    """The command that trains this run, or continues it."""
    folds = ",".join(map(str, run.folds))
    return [
        "train", str(run.manifest), "--config", str(run.home / "config.toml"), "--out", str(run.folder),
        "--folds", folds, "--state-every", "30",
    ]  # fmt: skip
