"""Run folders into rows: what a training here left, or a folder that comes from a GPU box."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Study
from imagebank.services.splits import hold_split, placements
from models_ml.core import CoreError
from models_ml.core.answers.evaluate import evaluate_out_of_fold
from models_ml.core.config import to_dict
from models_ml.core.files import sha256_file, sha256_json
from models_ml.core.pictures.manifest import read_manifest
from models_ml.core.training import checkpoint
from models_ml.core.training.checkpoint import FoldResult, RunInfo, fold_folder
from models_ml.errors import core_errors
from models_ml.models import AttributionSet, Member, TrainingRun
from models_ml.services.belonging import require_belonging
from models_ml.services.naming import require_name
from models_ml.services.predicting import default_ensemble, store_predictions

NOT_KEPT = ("cache", "tensorboard")
LARGEST_RUN = 200 * 2**30
MOST_SHRUNK = 100
PREDICTIONS = "predictions.csv"


@dataclass(frozen=True)
class Imported:
    """The run, and whether it was new, changed, or there already."""

    run: TrainingRun
    outcome: str  # created, updated, unchanged
    predictions: int


def sync_run(run: TrainingRun) -> TrainingRun:
    """Read members, temperature and out-of-fold metrics from the run's folder; safe to repeat at any time."""
    if not (run.folder / "run.json").is_file():
        return run  # nothing was trained yet
    with core_errors():
        info = checkpoint.read_run(run.folder)
        results = _results(info)
        judged, temperature = _out_of_fold(info), checkpoint.read_temperature(info.folder)
    before = dict(run.members.values_list("fold", "weights_sha256"))
    with transaction.atomic():
        for result in results:
            _store_member(run, result)
        after = dict(run.members.values_list("fold", "weights_sha256"))
        if any(after[fold] != weights for fold, weights in before.items()):
            _forget_answers(run)
        wanted = {result.fold for result in results if result.complete}
        run.complete = set(run.folds) <= wanted
        run.temperature, run.out_of_fold = temperature, judged
        run.save(update_fields=["complete", "temperature", "out_of_fold"])
    return run


def _forget_answers(run: TrainingRun) -> None:
    """Answers and maps of weights that are no longer the run's say nothing about it."""
    run.predictions.all().delete()
    run.tta_views = None
    run.save(update_fields=["tta_views"])
    AttributionSet.objects.filter(ensemble__run=run).delete()
    shutil.rmtree(run.home / "attributions", ignore_errors=True)


def _results(info: RunInfo) -> list[FoldResult]:
    found = (checkpoint.read_result(fold_folder(info.folder, fold)) for fold in info.folds)
    return [result for result in found if result is not None]


def _store_member(run: TrainingRun, result: FoldResult) -> None:
    weights = fold_folder(run.folder, result.fold) / checkpoint.WEIGHTS
    Member.objects.update_or_create(
        run=run, fold=result.fold,
        defaults={
            "name": f"fold{result.fold}", "status": result.status, "complete": result.complete,
            "epochs_done": result.epochs_done, "best_epoch": result.best_epoch, "score": result.score,
            "weights_sha256": sha256_file(weights), "seconds": result.seconds,
        },
    )  # fmt: skip


def _out_of_fold(info: RunInfo) -> dict:
    if not (info.folder / "oof.csv").is_file():
        return {}
    manifest = read_manifest(info.folder / "folds.csv", check_files=False)
    found = evaluate_out_of_fold(info.folder / "oof.csv", manifest, own=info.labels.own)
    return found["out_of_fold"] | {"skin_tone": found["skin_tone"], "hardest": found["hardest"]}


def import_run(
    *,
    study: Study,
    folder: Path,
    name: str = "",
    predictions: Path | None = None,
    other_pictures: bool = False,
    user=None,
) -> Imported:
    """Take in a run folder, or a ZIP of one, that was written by `python -m models_ml.core train` anywhere.

    Everything is checked before anything is kept: checksums of all files, configuration, class list in every weights
    file, classes, view and pictures against the study. other_pictures: take it although it was not trained on the study's
    own pictures; what differs, and who took it, is kept with the run. predictions: a predictions.csv of this run (default: the one in the folder, if
    any); it gives the ensemble its answers without any network being run here. name: default the run's own. Importing the
    same folder again changes nothing; the same run trained further takes the older one's place.
    Raises ValidationError with one sentence; what was there before stays.
    """
    with _opened(Path(folder)) as source:
        with core_errors():
            info = checkpoint.read_run(source)
        seen = placements(study)
        _check_entries(source)
        with core_errors():
            results = _results(info)
            _verify(info, results)
        _check_fits(study, info)
        name = name or info.cfg.name
        require_name(name)
        run = study.training_runs.filter(name=name, view=info.cfg.view).first()
        if run is not None and (run.origin != TrainingRun.Origin.IMPORTED or run.fingerprint != info.cfg.fingerprint):
            raise ValidationError(
                f"There is already another run {name!r} of the {info.cfg.view} view; import this one under another name."
            )
        run = run or TrainingRun(study=study, name=name, view=info.cfg.view, origin=TrainingRun.Origin.IMPORTED)
        with core_errors():
            said = require_belonging(study, info, accepted=other_pictures or bool(run.other_pictures))
        run.other_pictures = run.other_pictures or (f"{said} Taken all the same by {user or 'a command'}." if said else "")
        _fill(run, info, user)
        outcome = _outcome(run, source, results)
        given = Path(predictions) if predictions else source / PREDICTIONS
        if predictions and not given.is_file():
            raise ValidationError(f"Predictions were expected at {given}; there is no such file.")
        replaced = nullcontext() if outcome == "unchanged" else _files_replaced(source, run)
        with replaced, transaction.atomic():
            hold_split(study, seen=seen)
            run.save()
            sync_run(run)
            stored = store_predictions(run=run, path=given) if given.is_file() else 0
            default_ensemble(run=run)
    return Imported(run, outcome, stored)


def _fill(run: TrainingRun, info: RunInfo, user) -> None:
    run.config, run.fingerprint, run.seed = to_dict(info.cfg), info.cfg.fingerprint, info.cfg.recipe.seed
    run.manifest_fingerprint, run.folds = info.manifest_fingerprint, list(info.folds)
    run.classes, run.own_classes = list(info.labels.names), list(info.labels.own)
    run.classes_sha256 = sha256_json(run.classes)
    run.created_by = run.created_by or user
    run.full_clean(exclude=["job"])


def _outcome(run: TrainingRun, source: Path, results: list[FoldResult]) -> str:
    if run.pk is None:
        return "created"
    known = {member.fold: (member.status, member.weights_sha256) for member in run.members.all()}
    here = {
        result.fold: (result.status, sha256_file(fold_folder(source, result.fold) / checkpoint.WEIGHTS))
        for result in results
    }
    return "unchanged" if known == here else "updated"


def _verify(info: RunInfo, results: list[FoldResult]) -> None:
    """Every checksum, and the class list in the header of every weights file."""
    if not any(result.trained for result in results):
        raise CoreError(f"{info.folder.name} has no trained member yet; train it first.")
    _verify_sums(info.folder, ("config.toml", "run.json", "folds.csv", "oof.csv", checkpoint.CALIBRATION))
    checkpoint.read_temperature(info.folder)
    for result in results:
        folder = fold_folder(info.folder, result.fold)
        _verify_sums(folder, (checkpoint.WEIGHTS, checkpoint.RESULT))
        checkpoint.check_classes(folder / checkpoint.WEIGHTS, info.labels)
        checkpoint.read_metrics(folder)


def _verify_sums(folder: Path, needed: tuple[str, ...]) -> None:
    """needed: files that must be listed; a line that was taken out would let its file pass unseen."""
    listed = checkpoint.listed_files(folder)
    if lacking := [name for name in needed if name not in listed]:
        raise CoreError(f"{folder / checkpoint.SUMS} does not list {lacking[0]}; bring the folder as the run left it.")
    for name in listed:
        checkpoint.check_sum(folder / name)


def _check_entries(folder: Path) -> None:
    """Files and folders alone: a link would be followed, and what it leads to could then be fetched with the run."""
    for path in folder.rglob("*"):
        if path.relative_to(folder).parts[0] in NOT_KEPT:
            continue
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ValidationError(
                f"{path.relative_to(folder)} in {folder.name} is a link or no ordinary file; a run folder holds files "
                "alone. Copy it with what its links lead to."
            )


def _check_fits(study: Study, info: RunInfo) -> None:
    if info.cfg.view not in study.view_codes():
        raise ValidationError(
            f"The run is of the view {info.cfg.view!r}; {study.slug} has the views {', '.join(study.view_codes())}."
        )
    codes = set(study.classes.values_list("code", flat=True))
    if set(info.labels.own) != codes:
        raise ValidationError(
            f"The run's own classes are {', '.join(info.labels.own)}; those of {study.slug} are "
            f"{', '.join(sorted(codes))}. Import it into the study it was trained for."
        )


@contextmanager
def _files_replaced(source: Path, run: TrainingRun) -> Iterator[None]:
    """The copied folder in the place of the present one; when what follows fails, the present one comes back."""
    new = not run.home.exists()
    run.home.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=run.home, prefix=".incoming-") as temporary:
            fresh, old = Path(temporary) / "run", Path(temporary) / "old"
            shutil.copytree(source, fresh, ignore=shutil.ignore_patterns(*NOT_KEPT, ".*"))
            if run.folder.exists():
                run.folder.rename(old)
            fresh.rename(run.folder)
            try:
                yield
            except BaseException:
                shutil.rmtree(run.folder)
                if old.exists():
                    old.rename(run.folder)
                raise
    except BaseException:
        if new:
            shutil.rmtree(run.home, ignore_errors=True)
        raise


@contextmanager
def _opened(path: Path) -> Iterator[Path]:
    """The run folder itself, or the one inside a ZIP, unpacked for the time being."""
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise ValidationError(f"A run folder, or a ZIP of one, was expected at {path}; there is none.")
    if not zipfile.is_zipfile(path):
        raise ValidationError("This file is no ZIP. Make one of the run folder that the command train wrote.")
    with tempfile.TemporaryDirectory(prefix="run-") as temporary, zipfile.ZipFile(path) as archive:
        target = Path(temporary)
        _check_size(path.stat().st_size, sum(info.file_size for info in archive.infolist()), free=shutil.disk_usage(target).free)
        try:
            archive.extractall(target)  # zipfile keeps every member below the target
        except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError) as error:
            raise ValidationError(f"The ZIP cannot be unpacked: {error}. Make it again.") from error
        headings = sorted(target.rglob("run.json"), key=lambda found: len(found.parts))
        if not headings:
            raise ValidationError("The ZIP holds no run folder: there is no run.json in it.")
        try:
            yield headings[0].parent
        except ValidationError as refusal:  # where it was unpacked is nobody's business
            raise ValidationError([text.replace(f"{target}/", "") for text in refusal.messages]) from refusal


def _check_size(packed: int, unpacked: int, *, free: int) -> None:
    """A small ZIP can say that it holds a whole disk; weights shrink by a tenth, not to a hundredth."""
    if unpacked > LARGEST_RUN:
        raise ValidationError(f"The ZIP would unpack to more than {LARGEST_RUN // 2**30} GiB.")
    if unpacked > MOST_SHRUNK * packed + 2**20:
        raise ValidationError(
            f"The ZIP would unpack to {unpacked / 2**20:.0f} MiB, more than {MOST_SHRUNK} times its size; a run folder does "
            "not shrink so far. Make it again from the folder alone."
        )
    if unpacked > free // 2:  # it is copied once more into the store
        raise ValidationError(
            f"The ZIP would unpack to {unpacked / 2**30:.1f} GiB and the disk has {free / 2**30:.1f} GiB left; make "
            "room, then import it again."
        )
