"""Packages that are made in the background and then fetched: the GPU box's manifest, and ONNX files."""

from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

from imagebank.jobs import queue_job
from imagebank.models import Job, Study
from models_ml.models import TrainingRun

EXPORT_MANIFEST = "models_ml.export_manifest"
EXPORT_ONNX = "models_ml.export_onnx"


def manifest_package(study: Study) -> Path:
    return Path(settings.VAR_DIR) / "networks" / study.slug / "manifest.zip"


def onnx_package(run: TrainingRun) -> Path:
    return run.home / "onnx"


def onnx_arguments(run: TrainingRun) -> list[str]:
    return ["export", str(run.folder), "--out", str(onnx_package(run))]


def queue_manifest_export(*, study: Study, user=None) -> Job:
    """Make the package anew; one at a time."""
    running = study.jobs.active().filter(kind=EXPORT_MANIFEST).first()
    return running or queue_job(study=study, kind=EXPORT_MANIFEST, title="Package for a GPU box", user=user)


def queue_onnx_export(*, run: TrainingRun, user=None) -> Job:
    if not run.members.exists():
        raise ValidationError(f"{run} has no trained member yet.")
    return queue_job(
        study=run.study, kind=EXPORT_ONNX, title=f"ONNX files of {run}"[:200], payload={"run": run.pk}, user=user
    )  # fmt: skip
