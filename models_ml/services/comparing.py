"""Runs against one another on the same pictures: who is right where the other errs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from models_ml.core import CoreError
from models_ml.core.answers.metrics import Paired, brier_scores, paired
from models_ml.core.answers.predictions import read_rows
from models_ml.core.pictures.manifest import read_manifest
from models_ml.models import Ensemble, TrainingRun


@dataclass(frozen=True)
class Case:
    """One picture as a run judged it. cluster: its photograph or patient. brier: squared distance from the truth."""

    cluster: str
    right: bool
    brier: float


@dataclass(frozen=True)
class Pair:
    """Two runs on the n pictures that both answered. first_alone, second_alone: items that one alone got right."""

    first: str
    second: str
    n: int
    test: Paired | None
    first_alone: list[str]
    second_alone: list[str]


def held_out_cases(run: TrainingRun) -> dict[str, Case]:
    """Every own training picture, judged by the member that had not seen it; nothing while there is none."""
    path = run.folder / "oof.csv"
    try:
        classes, rows = read_rows(path)
        groups = {item.id: item.group for item in read_manifest(run.folder / "folds.csv", check_files=False).items}
    except CoreError:
        return {}
    rows = [row for row in rows if row.truth in run.own_classes]
    probs, truth = np.array([row.probs for row in rows]), np.array([classes.index(row.truth) for row in rows])
    return _cases([row.item for row in rows], groups, probs.argmax(axis=1) == truth, probs, truth) if rows else {}


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
    return _cases([row.item.code for row in rows], groups, right, probs, truth) if rows else {}


def _cases(items: Sequence[str], groups: dict[str, str], right_N, probs_NC, truth_N) -> dict[str, Case]:
    return {
        item: Case(groups.get(item) or f"item:{item}", bool(right), float(score))
        for item, right, score in zip(items, right_N, brier_scores(probs_NC, truth_N))
    }


def pairs(named: Sequence[tuple[str, dict[str, Case]]]) -> list[Pair]:
    """Every two of them, in the given order, on the pictures that both have; those that share none have no test."""
    return [_pair(*first, *second) for first, second in combinations(named, 2)]


def _pair(first: str, first_cases: dict[str, Case], second: str, second_cases: dict[str, Case]) -> Pair:
    items = sorted(first_cases.keys() & second_cases.keys())
    if not items:
        return Pair(first, second, 0, None, [], [])
    one, two = [first_cases[item] for item in items], [second_cases[item] for item in items]
    test = paired(
        np.array([case.right for case in one]), np.array([case.right for case in two]),
        np.array([case.brier for case in one]), np.array([case.brier for case in two]),
        np.array([case.cluster for case in one]),
    )  # fmt: skip
    return Pair(
        first, second, len(items), test,
        [item for item, a, b in zip(items, one, two) if a.right and not b.right],
        [item for item, a, b in zip(items, one, two) if b.right and not a.right],
    )  # fmt: skip
