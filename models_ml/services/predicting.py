"""Members' probabilities into rows, ensembles under a rule, and how good they are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.jobs import queue_job
from imagebank.models import Item, Job, Study
from imagebank.services.trail import note_deed
from models_ml.core.answers.ensemble import Combined, combine_predictions
from models_ml.core.answers.evaluate import evaluate_predictions
from models_ml.core.answers.predictions import Predictions, read_predictions
from models_ml.core.config import TTA_VIEWS, EnsembleRule
from models_ml.core.files import write_text
from models_ml.core.pictures.manifest import Item as Picture
from models_ml.core.pictures.manifest import Manifest
from models_ml.errors import core_errors
from models_ml.models import Ensemble, Member, Prediction, TrainingRun
from models_ml.services.devices import device_asked
from models_ml.services.manifests import study_manifest, tone_of
from models_ml.services.naming import require_name

PREDICT = "models_ml.predict"
CHUNK = 1000


def queue_prediction(
    *, run: TrainingRun, items: Sequence[str] | None = None, views: int | None = None, device: str = "", user=None
) -> Job:
    """Let every trained member answer `items` (None: every test item of the view) in the background.

    The ensembles of the run are combined anew from all stored answers. views: 8 averages a picture's rotations and mirror images,
    1 takes it as it is; None: as the stored answers, or else as the recipe says. Answers of another number of views are
    all given anew, and the study's trail says so. device: see services.devices.
    """
    run.require_weights()
    if views not in (None, *TTA_VIEWS):
        raise ValidationError(f"Answers are the mean of 1 or of 8 views of a picture; {views} were asked for.")
    if not run.members.filter(best_epoch__gt=0).exists():
        raise ValidationError(f"{run} has no trained member yet.")
    on = device_asked(device)
    with transaction.atomic():
        job = queue_job(
            study=run.study, kind=PREDICT, title=f"Predict with {run}"[:200], user=user,
            payload={"run": run.pk, "items": list(items) if items is not None else None, "views": views} | on,
        )  # fmt: skip
        if views not in (None, run.answers_views):
            deed = f"answers of {run} asked for as the mean of {views} views of each picture, {run.answers_views} before"
            note_deed(study=run.study, deed=deed, user=user)
    return job


def predict_arguments(run: TrainingRun, items: Sequence[str] | None, views: int | None = None) -> list[str]:
    """Write down which pictures are asked for, and return the command that predicts them. Where answers of another number of
    views are stored, their items are asked for as well, so that all answers are of one kind."""
    views = views or run.tta_views
    answered = set(run.predictions.of_members().values_list("item__code", flat=True))
    if answered and views not in (None, run.answers_views):
        asked = items if items is not None else test_items(run).values_list("code", flat=True)
        items = sorted(answered.union(asked))
    manifest = study_manifest(run.study, views=[run.view], items=list(items) if items is not None else None)
    chosen = [picture.id for picture in manifest.items if items is not None or picture.split == Item.Split.TEST]
    if not chosen:
        raise ValidationError(f"{run.study.title} has no test items with a {run.view} view to predict.")
    manifest.write(run.home / "predict-manifest.csv")
    write_text(run.home / "predict-items.txt", "".join(f"{code}\n" for code in chosen))
    return [
        "predict", str(run.folder), str(run.home / "predict-manifest.csv"), "--split", "any", "--model", run.name,
        "--items", str(run.home / "predict-items.txt"), "--out", str(run.home / "predictions.csv"),
        *(["--views", str(views)] if views else []),
    ]  # fmt: skip


def test_items(run: TrainingRun):
    """The test items that a run answers unless others are asked for."""
    return run.study.items.included().testing().with_views([run.view])


def store_predictions(*, run: TrainingRun, path: Path) -> int:
    """Store the members' rows of a predictions.csv, replacing their earlier rows of the same items; return the number.

    The file must be of one network and the run's view, of the run's classes in its order, of members and items that
    exist, and of as many views of a picture as the answers that stay; otherwise ValidationError and nothing changes.
    """
    with core_errors():
        found = read_predictions(path)
    mine = [one for one in found if set(one.views) == {run.view}]
    if len(mine) != 1:
        seen = sorted({f"{one.model} ({', '.join(sorted(set(one.views)))})" for one in found})
        raise ValidationError(f"{path} must hold one network of the {run.view} view; it holds {', '.join(seen)}.")
    predictions = mine[0]
    _check_classes(run, predictions, path)
    members = _members(run, predictions)
    items = _items(run.study, predictions.items)
    _check_views(run, predictions, members, items, path)
    rows = [
        Prediction(
            run=run, member=members[name], item_id=items[code], view=run.view,
            probabilities=[round(float(p), 9) for p in vector], answer=predictions.classes[int(vector.argmax())],
            confidence=float(vector.max()),
        )
        for name, vectors in zip(predictions.members, predictions.probs_MNC)
        for code, vector in zip(predictions.items, vectors)
    ]  # fmt: skip
    with transaction.atomic():
        Prediction.objects.filter(member__in=members.values(), item__in=items.values()).delete()
        Prediction.objects.bulk_create(rows, batch_size=CHUNK)
        run.tta_views = predictions.tta_views or run.recipe_views
        run.save(update_fields=["tta_views"])
    return len(rows)


def _check_views(
    run: TrainingRun, predictions: Predictions, members: dict[str, Member], items: dict[str, int], path: Path
) -> None:
    given = predictions.tta_views or run.recipe_views
    if given == run.answers_views:
        return
    stay = run.predictions.of_members().exclude(member__in=members.values(), item__in=items.values()).count()
    if stay:
        told, known = (f"of {n} view{'s' if n > 1 else ''}" if n else "of an unknown number of views" for n in (
            given, run.answers_views
        ))  # fmt: skip
        raise ValidationError(
            f"{path} holds answers that are means {told} of a picture; {stay} stored answers of {run} that it does not hold "
            f"are {known}. Bring a file with all of them, or predict again."
        )


def _check_classes(run: TrainingRun, predictions: Predictions, path: Path) -> None:
    if list(predictions.classes) != run.classes:
        raise ValidationError(
            f"{path} has the classes {', '.join(predictions.classes)}; {run} answers {', '.join(run.classes)}."
        )


def _members(run: TrainingRun, predictions: Predictions) -> dict[str, Member]:
    members = {member.name: member for member in run.members.all()}
    if strangers := sorted(set(predictions.members) - set(members)):
        raise ValidationError(f"{run} has no member {strangers[0]!r}; it has {', '.join(members) or 'none'}.")
    return members


def _items(study: Study, codes: Sequence[str]) -> dict[str, int]:
    items = dict(study.items.filter(code__in=codes).values_list("code", "pk"))
    if missing := [code for code in codes if code not in items]:
        raise ValidationError(
            f"{len(missing)} predicted items are not in {study.slug} (first: {missing[0]}); import them first."
        )
    return items


def default_ensemble(*, run: TrainingRun) -> Ensemble:
    """The ensemble under the run's own rule and name, combined anew."""
    rule = run.config.get("ensemble", {})
    ensemble = run.ensembles.filter(name=run.name).first()
    if ensemble is not None:
        return combine(ensemble=ensemble)
    return create_ensemble(run=run, name=run.name, calibrated=run.preset == "modern", **rule)


def create_ensemble(
    *, run: TrainingRun, name: str, rule: str = "confident-mean", threshold: float = 0.5, inclusive: bool = True,
    fallback: str = "mean", restrict: str = "all", calibrated: bool = False,
) -> Ensemble:  # fmt: skip
    """A new combination of the run's members under its own name, combined at once from what they answered."""
    with core_errors():
        EnsembleRule(rule, threshold, inclusive, fallback, restrict)
    if calibrated and run.temperature is None:
        raise ValidationError(
            f"{run} has no temperature: it is fitted on out-of-fold predictions, of which there are none."
        )
    require_name(name)
    if run.study.ensembles.filter(name=name, view=run.view).exists():
        raise ValidationError(f"There is already an ensemble {name!r} of the {run.view} view; choose another name.")
    ensemble = Ensemble(
        study=run.study, run=run, view=run.view, name=name, rule=rule, threshold=threshold, inclusive=inclusive,
        fallback=fallback, restrict=restrict, calibrated=calibrated,
    )  # fmt: skip
    ensemble.full_clean()
    ensemble.save()
    return combine(ensemble=ensemble)


def rule_of(ensemble: Ensemble) -> EnsembleRule:
    return EnsembleRule(
        ensemble.rule, ensemble.threshold, ensemble.inclusive, ensemble.fallback, ensemble.restrict
    )  # fmt: skip


def combine(*, ensemble: Ensemble) -> Ensemble:
    """Answer every item that all members answered, by the ensemble's rule, and judge the answers."""
    run = ensemble.run
    predictions, items = member_predictions(run)
    with transaction.atomic():
        ensemble.predictions.all().delete()
        ensemble.results = {}
        if predictions is not None:
            with core_errors():
                temperature = (run.temperature or 1.0) if ensemble.calibrated else 1.0
                combined = combine_predictions(predictions, rule_of(ensemble), run.own_classes, temperature)
                if (predictions.truth_N >= 0).any():
                    ensemble.results = evaluate_predictions(
                        predictions, rule_of(ensemble), own=run.own_classes, temperature=temperature,
                        manifest=_clusters(run, items),
                    )  # fmt: skip
            Prediction.objects.bulk_create(_rows(ensemble, predictions, combined, items), batch_size=CHUNK)
        ensemble.save(update_fields=["results"])
    return ensemble


def member_predictions(run: TrainingRun) -> tuple[Predictions | None, list[Item]]:
    """What the members answered, on the items that every one of them answered; None where there is no such item."""
    members = [member for member in run.members.all() if member.predictions.exists()]
    vectors: dict[int, dict[int, list[float]]] = {}
    rows = Prediction.objects.filter(member__in=members).values_list("item", "member", "probabilities")
    for item, member, probabilities in rows:
        vectors.setdefault(item, {})[member] = probabilities
    whole = [item for item, by_member in vectors.items() if len(by_member) == len(members)]
    if not whole:
        return None, []
    items = list(Item.objects.filter(pk__in=whole).select_related("truth__diagnosis").order_by("code"))
    index = {name: position for position, name in enumerate(run.classes)}
    truth = [index.get(item.truth.diagnosis.code, -1) if hasattr(item, "truth") else -1 for item in items]
    probabilities = np.array([[vectors[item.pk][member.pk] for item in items] for member in members])
    predictions = Predictions(
        model=run.name, members=tuple(member.name for member in members), items=tuple(item.code for item in items),
        views=(run.view,) * len(items), truth_N=np.array(truth), probs_MNC=probabilities, classes=tuple(run.classes),
    )  # fmt: skip
    return predictions, items


def _clusters(run: TrainingRun, items: Sequence[Item]) -> Manifest:
    """Photographs or patients, and skin tones, of the items judged."""
    return Manifest(
        tuple(
            Picture(item.code, Path(), "", view=run.view, group=item.group, tone=tone_of(item))
            for item in items
        )
    )


def _rows(ensemble: Ensemble, predictions: Predictions, combined: Combined, items: Sequence[Item]) -> list[Prediction]:
    own_answers = predictions.probs_MNC.argmax(axis=2)
    agreeing = (own_answers == combined.answer_N[None]).sum(axis=0)
    return [
        Prediction(
            run=ensemble.run, ensemble=ensemble, item=item, view=ensemble.view,
            probabilities=[round(float(p), 9) for p in combined.probs_NC[n]],
            answer=predictions.classes[combined.answer_N[n]] if combined.answer_N[n] >= 0 else "",
            confidence=float(combined.probs_NC[n].max()), members=len(predictions.members),
            members_used=int(combined.members_used_N[n]), members_agreeing=int(agreeing[n]),
            fallback=str(combined.fallback_N[n]),
        )
        for n, item in enumerate(items)
    ]  # fmt: skip


def write_predictions(*, run: TrainingRun, out: Path, items: Sequence[str] | None = None) -> int:
    """predictions.csv of the run's members, of `items` alone when given; returns the number of items."""
    predictions, _ = member_predictions(run)
    if predictions is None:
        raise ValidationError(f"{run} has not answered any item yet; predict first.")
    if items is not None:
        wanted = set(items)
        kept = [n for n, code in enumerate(predictions.items) if code in wanted]
        if len(kept) < len(wanted):
            raise ValidationError(
                f"{run} has answered {len(kept)} of the {len(wanted)} items asked for; predict them first."
            )
        predictions = _only(predictions, kept)
    predictions.write(out)
    return len(predictions.items)


def _only(predictions: Predictions, kept: Sequence[int]) -> Predictions:
    from dataclasses import replace

    return replace(
        predictions, items=tuple(predictions.items[n] for n in kept), views=tuple(predictions.views[n] for n in kept),
        truth_N=predictions.truth_N[list(kept)], probs_MNC=predictions.probs_MNC[:, list(kept)],
    )  # fmt: skip
