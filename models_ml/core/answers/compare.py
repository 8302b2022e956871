"""Networks against one another on the same pictures: who is right where the other errs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from models_ml.core.answers.ensemble import combine_predictions
from models_ml.core.answers.metrics import Paired, brier_scores, paired
from models_ml.core.answers.predictions import read_predictions, read_rows
from models_ml.core.config import EnsembleRule
from models_ml.core.errors import CoreError
from models_ml.core.pictures.manifest import read_manifest


@dataclass(frozen=True)
class Case:
    """One picture as a network judged it. cluster: its photograph or patient. brier: squared distance from the truth."""

    cluster: str
    right: bool
    brier: float


@dataclass(frozen=True)
class Pair:
    """Two networks on the n pictures that both answered. first_alone, second_alone: items that one alone got right."""

    first: str
    second: str
    n: int
    test: Paired | None
    first_alone: list[str]
    second_alone: list[str]


def cases(
    items: Sequence[str], groups: Mapping[str, str], right_N: np.ndarray, probs_NC: np.ndarray, truth_N: np.ndarray
) -> dict[str, Case]:
    """By item; a picture without a group is a cluster of its own."""
    return {
        item: Case(groups.get(item) or f"item:{item}", bool(right), float(score))
        for item, right, score in zip(items, right_N, brier_scores(probs_NC, truth_N))
    }


def held_out_cases(run_dir: Path | str, own: Sequence[str]) -> dict[str, Case]:
    """Every training picture of the classes ``own`` in a run, judged by the member that had not seen it; CoreError while
    there is none."""
    folder = Path(run_dir)
    classes, rows = read_rows(folder / "oof.csv")
    groups = {item.id: item.group for item in read_manifest(folder / "folds.csv", check_files=False).items}
    rows = [row for row in rows if row.truth in own]
    if not rows:
        return {}
    probs, truth = np.array([row.probs for row in rows]), np.array([classes.index(row.truth) for row in rows])
    return cases([row.item for row in rows], groups, probs.argmax(axis=1) == truth, probs, truth)


def answered_cases(path: Path | str, rule: EnsembleRule, groups: Mapping[str, str]) -> dict[str, Case]:
    """Every item of known truth in a predictions file of one network and view, its members combined by ``rule``."""
    found = read_predictions(path)
    if len(found) != 1:
        names = ", ".join(f"{one.model} ({', '.join(sorted(set(one.views)))})" for one in found)
        raise CoreError(f"{path} holds {names}; a file of one network and one view is needed to compare it.")
    (predictions,) = found
    known = predictions.truth_N >= 0
    if not known.any():
        raise CoreError(f"No item of {path} has a known truth, so it cannot be compared.")
    combined, truth = combine_predictions(predictions, rule), predictions.truth_N[known]
    items = [item for item, is_known in zip(predictions.items, known) if is_known]
    return cases(items, groups, combined.answer_N[known] == truth, combined.probs_NC[known], truth)


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
