"""Stored runs and ensembles as cases to be compared (see models_ml.core.answers.compare)."""

import numpy as np

from models_ml.core import CoreError
from models_ml.core.answers import compare
from models_ml.core.answers.compare import Case, Pair, cases, pairs
from models_ml.models import Ensemble, TrainingRun

__all__ = ["Case", "Pair", "answered_cases", "held_out_cases", "pairs"]


def held_out_cases(run: TrainingRun) -> dict[str, Case]:
    """Every own training picture, judged by the member that had not seen it; nothing while there is none."""
    try:
        return compare.held_out_cases(run.folder, run.own_classes)
    except CoreError:
        return {}


def answered_cases(ensemble: Ensemble) -> dict[str, Case]:
    """Every item with a known class that the ensemble answered."""
    classes = ensemble.run.classes
    rows = [
        row for row in ensemble.predictions.select_related("item__truth__diagnosis").order_by("item__code")
        if hasattr(row.item, "truth") and row.item.truth.diagnosis.code in classes
    ]  # fmt: skip
    names = [row.item.truth.diagnosis.code for row in rows]
    right = np.array([row.answer == name for row, name in zip(rows, names)])
    groups = {row.item.code: row.item.group for row in rows}
    probs, truth = np.array([row.probabilities for row in rows]), np.array([classes.index(name) for name in names])
    return cases([row.item.code for row in rows], groups, right, probs, truth) if rows else {}
