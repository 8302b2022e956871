"""A network that was trained by other means: its predictions.csv alone becomes a run, without weights or training.

It reads, is compared and takes part like any other. What needs its weights (predicting further items, explaining, ONNX) is
refused in one sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Item, Study
from models_ml.core.answers.predictions import Predictions, read_predictions
from models_ml.core.config import EnsembleRule, to_dict
from models_ml.core.files import sha256_file, sha256_json
from models_ml.errors import core_errors
from models_ml.models import Member, TrainingRun
from models_ml.services.naming import require_name
from models_ml.services.predicting import default_ensemble, store_predictions

LONGEST_MEMBER = Member._meta.get_field("name").max_length


@dataclass(frozen=True)
class Brought:
    """One view's run, whether it was new, changed, or there already, and how many answers it has."""

    run: TrainingRun
    outcome: str  # created, updated, unchanged
    predictions: int


def import_answers(*, study: Study, path: Path, name: str = "", user=None) -> list[Brought]:
    """Take in the answers of one network, a run for every view in the file.

    name: that of the network in the file unless given. Its classes must hold the study's own, its items be the study's,
    their truth, where it is given, the study's, and none a training picture of the study: how good a network is cannot be
    seen on what it may have learnt. The same file again changes nothing; another one of the same name takes its place.
    Raises ValidationError with one sentence, and nothing changes.
    """
    with core_errors():
        found = read_predictions(path)
    models = sorted({one.model for one in found})
    if len(models) > 1:
        raise ValidationError(f"{path.name} holds the networks {', '.join(models)}; bring each in a file of its own.")
    name = name or models[0]
    require_name(name)
    digest = sha256_file(path)
    for one in found:
        _check(study, one)
    with transaction.atomic():
        return [_store(study, one, name, path, digest, user) for one in found]


def _check(study: Study, answers: Predictions) -> None:
    (view,) = set(answers.views)
    if view not in study.view_codes():
        raise ValidationError(f"The answers are of the view {view!r}; {study.slug} has {', '.join(study.view_codes())}.")
    codes = sorted(study.classes.values_list("code", flat=True))
    if lacking := [code for code in codes if code not in answers.classes]:
        raise ValidationError(
            f"The answers have no column p_{lacking[0]}; the classes of {study.slug} are {', '.join(codes)}."
        )
    if long := [member for member in answers.members if len(member) > LONGEST_MEMBER]:
        raise ValidationError(f"Member {long[0]!r} has more than {LONGEST_MEMBER} letters; give it a shorter name.")
    items = {item.code: item for item in study.items.filter(code__in=answers.items).select_related("truth__diagnosis")}
    if missing := [code for code in answers.items if code not in items]:
        raise ValidationError(
            f"{len(missing)} of the {len(answers.items)} items answered are not in {study.slug} (first: {missing[0]})."
        )
    if seen := [code for code in answers.items if items[code].split == Item.Split.TRAIN]:
        raise ValidationError(
            f"{len(seen)} of the items answered are training pictures of {study.slug} (first: {seen[0]}); leave them out: the "
            "network may have learnt from them."
        )
    for n, code in enumerate(answers.items):
        known = items[code].truth.diagnosis.code if hasattr(items[code], "truth") else ""
        if known and answers.truth_name(n) not in ("", known):
            raise ValidationError(
                f"Item {code} is {answers.truth_name(n)} in the file and {known} in {study.slug}; correct the one that is wrong."
            )


def _store(study: Study, answers: Predictions, name: str, path: Path, digest: str, user) -> Brought:
    view = answers.views[0]
    run = study.training_runs.filter(name=name, view=view).first()
    if run is not None and run.origin != TrainingRun.Origin.ANSWERS:
        raise ValidationError(f"There is already another run {name!r} of the {view} view; choose another name.")
    if run is not None and run.fingerprint == digest:
        return Brought(run, "unchanged", run.predictions.of_members().count())
    outcome = "created" if run is None else "updated"
    run = run or TrainingRun(study=study, name=name, view=view, origin=TrainingRun.Origin.ANSWERS, created_by=user)
    own = set(study.classes.values_list("code", flat=True))
    run.config, run.fingerprint, run.complete = {"ensemble": to_dict(EnsembleRule())}, digest, True
    run.tta_views = None
    run.folds, run.classes = list(range(len(answers.members))), list(answers.classes)
    run.own_classes = [code for code in answers.classes if code in own]
    run.classes_sha256 = sha256_json(run.classes)
    run.full_clean(exclude=["job", "manifest_fingerprint"])
    run.save()
    run.predictions.all().delete()
    run.members.all().delete()
    Member.objects.bulk_create(_members(run, answers.members))
    stored = store_predictions(run=run, path=path)
    default_ensemble(run=run)
    return Brought(run, outcome, stored)


def _members(run: TrainingRun, names: Sequence[str]) -> list[Member]:
    return [
        Member(run=run, name=name, fold=fold, status="answers", complete=True, epochs_done=0, best_epoch=0)
        for fold, name in enumerate(names)
    ]
