"""Packages that are made in the background and then fetched: the GPU box's manifest, and ONNX files."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

from imagebank.jobs import queue_job
from imagebank.models import Job, Study
from models_ml.core.answers.export import FACTS
from models_ml.models import TrainingRun

EXPORT_MANIFEST = "models_ml.export_manifest"
EXPORT_ONNX = "models_ml.export_onnx"


def manifest_package(study: Study) -> Path:
    return Path(settings.VAR_DIR) / "networks" / study.slug / "manifest.zip"


def onnx_package(run: TrainingRun) -> Path:
    return run.home / "onnx"


def onnx_arguments(run: TrainingRun) -> list[str]:
    return ["export", str(run.folder), "--out", str(onnx_package(run))]


@dataclass(frozen=True)
class OnnxFile:
    """One member. difference: of its probabilities to torch's, the largest."""

    name: str
    size: int
    sha256: str
    difference: float


@dataclass(frozen=True)
class OnnxExport:
    """What was exported: its facts, the members' files, and whether they were made from the run's present weights."""

    facts: Path
    files: list[OnnxFile]
    current: bool

    @property
    def difference(self) -> float:
        return max(file.difference for file in self.files)

    @property
    def names(self) -> list[str]:
        return [self.facts.name, *(file.name for file in self.files)]


def onnx_export(run: TrainingRun) -> OnnxExport | None:
    """The run's ONNX files; None while there are none."""
    folder = onnx_package(run)
    if not (folder / FACTS).is_file():
        return None
    written = json.loads((folder / FACTS).read_text())["files"]
    files = [
        OnnxFile(name, (folder / name).stat().st_size, one["sha256"], one["difference"])
        for name, one in sorted(written.items()) if (folder / name).is_file()
    ]  # fmt: skip
    weights = {f"{name}.onnx": digest for name, digest in run.members.values_list("name", "weights_sha256")}
    current = {name: one.get("weights_sha256") for name, one in written.items()} == weights
    return OnnxExport(folder / FACTS, files, current) if files else None


def queue_manifest_export(*, study: Study, user=None) -> Job:
    """Make the package anew; one at a time."""
    running = study.jobs.active().filter(kind=EXPORT_MANIFEST).first()
    return running or queue_job(study=study, kind=EXPORT_MANIFEST, title="Package for a GPU box", user=user)


def queue_onnx_export(*, run: TrainingRun, user=None) -> Job:
    run.require_weights()
    if not run.members.exists():
        raise ValidationError(f"{run} has no trained member yet.")
    running = run.study.jobs.active().filter(kind=EXPORT_ONNX, payload__run=run.pk).first()
    return running or queue_job(
        study=run.study, kind=EXPORT_ONNX, title=f"ONNX files of {run}"[:200], payload={"run": run.pk}, user=user
    )  # fmt: skip
