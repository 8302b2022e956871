"""Stored networks without any training: rows as an import would leave them."""

import hashlib

import numpy as np

from imagebank.models import Study
from models_ml.core.config import preset, to_dict
from models_ml.models import Ensemble, Member, Prediction, TrainingRun
from models_ml.services.predicting import create_ensemble


def stored_run(study: Study, *, name: str = "small", view: str = "focused", members: int = 2) -> TrainingRun:
    """A finished, imported run of the study's classes."""
    classes = sorted(study.classes.values_list("code", flat=True))
    cfg = preset("tiny", view=view)
    run = TrainingRun.objects.create(
        study=study, name=name, view=view, origin=TrainingRun.Origin.IMPORTED, preset="tiny", config=to_dict(cfg),
        fingerprint=cfg.fingerprint, manifest_fingerprint="0" * 64, folds=list(range(members)), classes=classes,
        own_classes=classes, classes_sha256=hashlib.sha256(name.encode()).hexdigest(), complete=True, temperature=1.5,
    )  # fmt: skip
    for fold in range(members):
        Member.objects.create(
            run=run, name=f"fold{fold}", fold=fold, status="finished", complete=True, epochs_done=3, best_epoch=2,
            score=0.5, weights_sha256=str(fold) * 64,
        )  # fmt: skip
    return run


def stored_network(
    study: Study, *, name: str = "small", view: str = "focused", wrong: tuple[str, ...] = (), seed: int = 0
) -> Ensemble:
    """A run whose members answered every test item, right but for the items in `wrong`, with its ensemble."""
    run, rng = stored_run(study, name=name, view=view), np.random.default_rng(seed)
    items = study.items.testing().with_views([view]).select_related("truth__diagnosis").order_by("code")
    rows = []
    for member in run.members.all():
        for item in items:
            place = run.classes.index(item.truth.diagnosis.code)
            place = (place + 1) % len(run.classes) if item.code in wrong else place
            vector = rng.dirichlet(np.ones(len(run.classes)))
            vector = 0.4 * vector
            vector[place] += 0.6
            rows.append(
                Prediction(
                    run=run, member=member, item=item, view=view, probabilities=[float(p) for p in vector],
                    answer=run.classes[place], confidence=float(vector.max()),
                )
            )  # fmt: skip
    Prediction.objects.bulk_create(rows)
    return create_ensemble(run=run, name=name)
