"""Run the analysis of a study and keep it."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from benchmark.models import Comparison, comparison_folder
from imagebank.models import Study
from surveys.services import readings_frame


def run_comparison(
    *, study: Study, plan: Path | None = None, predictions: Path | None = None, seed: int = 0, user=None
):
    """Compare people and networks on the readings of `study` and return the stored Comparison.

    Only the first complete sitting per seat is analysed. Unchanged inputs, plan and seed return the comparison that is
    there already. A study without readings of people and of a network raises ValidationError.
    """
    runs = Path(settings.VAR_DIR) / "comparisons" / study.slug
    runs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=runs, prefix=".new-") as temporary:
        folder = Path(temporary)
        simulated = _write_inputs(study, folder, plan, predictions)
        hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}
        digest = hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
        known = Comparison.objects.filter(study=study, inputs_sha256=digest, seed=seed).first()
        if known is not None and (known.folder / "results.json").exists():
            return known
        results = _analyse(folder, seed)
        home = comparison_folder(study, digest, seed)
        if home.exists():
            shutil.rmtree(home)
        shutil.copytree(folder, home)
    with transaction.atomic():
        comparison, _ = Comparison.objects.update_or_create(
            study=study,
            inputs_sha256=digest,
            seed=seed,
            defaults={"hashes": hashes, "results": results, "simulated": simulated, "created_by": user},
        )
    return comparison


def _write_inputs(study: Study, folder: Path, plan: Path | None, predictions: Path | None) -> bool:
    """Write readings.csv, and plan and predictions where given; return whether any reader is simulated."""
    readings = readings_frame(study=study, analysed_only=True)
    for kind, what in (("human", "people"), ("model", "a network")):
        if not (readings["kind"] == kind).any():
            raise ValidationError(
                f"A comparison needs complete readings of people and of a network; {study.title} has none of {what}."
            )
    readings.to_csv(folder / "readings.csv", index=False, lineterminator="\n")
    if plan is not None:
        shutil.copyfile(plan, folder / "analysis.toml")
    if predictions is not None:
        shutil.copyfile(predictions, folder / "predictions.csv")
    return bool(readings["simulated"].any())


def _analyse(folder: Path, seed: int) -> dict:
    """Call the same command line that a statistician would; its files are the contract."""
    from benchmark.core.cli import main

    arguments = ["analyse", str(folder / "readings.csv"), "--seed", str(seed), "--out", str(folder)]
    if (folder / "predictions.csv").exists():
        arguments += ["--predictions", str(folder / "predictions.csv")]
    if (folder / "analysis.toml").exists():
        arguments += ["--plan", str(folder / "analysis.toml")]
    if main(arguments) != 0:
        raise ValidationError("The analysis did not finish; the log says why.")
    return json.loads((folder / "results.json").read_text())
