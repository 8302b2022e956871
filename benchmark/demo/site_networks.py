"""What the demo's networks leave on the site: their runs and ensembles, and a contact sheet that the worker computes."""

from collections.abc import Sequence
from pathlib import Path

from imagebank.models import Study

from .console import Console
from .networks import NETWORK

EXPLAINED = 14  # two of each class: under a minute of the worker's time


def show_networks(console: Console, *, study: Study, folder: Path, views: Sequence[str]) -> None:
    """Bring the trained runs in with what they answered, and let the worker explain some answers to the first view."""
    from models_ml.services.explaining import start_attribution
    from models_ml.services.storing import import_run

    for view in views:
        run_folder = folder / f"network-{view}"
        forget_another_run(study, view, run_folder)
        found = import_run(
            study=study, folder=run_folder, name=NETWORK, predictions=folder / f"predictions-{view}.csv"
        )  # fmt: skip
        console.say(f"{found.run}: {found.run.members.count()} members, {found.predictions} predictions.")
    ensemble = study.ensembles.select_related("run__study", "study").get(name=NETWORK, view=views[0])
    if not ensemble.attribution_sets.exists():
        start_attribution(ensemble=ensemble, limit=EXPLAINED)
        console.say(f"The worker explains {EXPLAINED} of its answers while the site is open.")


def forget_another_run(study: Study, view: str, folder: Path) -> None:
    """The demo was run with other settings before: its former run gives way."""
    from models_ml.core.training.checkpoint import read_run
    from models_ml.services.training import delete_run

    former = study.training_runs.filter(name=NETWORK, view=view).first()
    if former is not None and former.fingerprint != read_run(folder).cfg.fingerprint:
        delete_run(run=former)
