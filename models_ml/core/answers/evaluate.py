"""Members and ensemble judged on predictions with known truth: intervals, confusion, calibration, hardest items."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models_ml.core.answers import metrics
from models_ml.core.answers.ensemble import combine_predictions
from models_ml.core.answers.predictions import Predictions, read_rows
from models_ml.core.config import EnsembleRule
from models_ml.core.errors import CoreError
from models_ml.core.pictures.manifest import Manifest

HARDEST = 20


def judge(
    probs_NC: np.ndarray,
    answer_N: np.ndarray,
    truth_N: np.ndarray,
    classes: Sequence[str],
    clusters_N: np.ndarray,
    *,
    seed: int = 0,
) -> dict[str, Any]:
    """All metrics of one reader. ``clusters_N``: photograph or patient of each row.

    An abstention counts as wrong in the accuracies; ``accuracy_answered`` and what judges probabilities leave it out (None
    where nothing was answered).
    """
    right = answer_N == truth_N
    answered = answer_N >= 0
    balanced = metrics.clustered(right, clusters_N, strata_N=truth_N, seed=seed)
    counts = metrics.confusion(truth_N, answer_N, len(classes))
    return {
        "n": len(truth_N),
        "answered": int(answered.sum()),
        "accuracy": asdict(metrics.wilson(int(right.sum()), len(right))),
        "accuracy_clustered": asdict(metrics.clustered(right, clusters_N, seed=seed)),
        "balanced_accuracy": asdict(balanced),
        "accuracy_answered": asdict(metrics.wilson_clustered(right[answered], clusters_N[answered])),
        **_of_probabilities(probs_NC[answered], truth_N[answered]),
        "confusion": {"classes": list(classes), "counts": counts.tolist()},
    }


def _of_probabilities(probs_NC: np.ndarray, truth_N: np.ndarray) -> dict[str, Any]:
    if not len(truth_N):
        return {"brier": None, "log_loss": None, "calibration": None}
    return {
        "brier": metrics.brier(probs_NC, truth_N),
        "log_loss": metrics.log_loss(probs_NC, truth_N),
        "calibration": asdict(metrics.calibration(probs_NC, truth_N)),
    }


def evaluate_predictions(
    predictions: Predictions,
    rule: EnsembleRule,
    *,
    own: Sequence[str] = (),
    temperature: float = 1.0,
    manifest: Manifest | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Every member and the ensemble on the items with known truth; clusters are the manifest's groups.

    With a temperature, what judges probabilities is there without it, too (``uncalibrated``): it may have made them worse.
    """
    known = predictions.truth_N >= 0
    if not known.any():
        raise CoreError("No item of these predictions has a known truth, so nothing can be judged.")
    combined = combine_predictions(predictions, rule, own, temperature)
    clusters = _clusters(predictions.items, manifest)[known]
    truth, names = predictions.truth_N[known], predictions.classes
    own_positions = [k for k, name in enumerate(names) if name in own] or sorted(set(truth.tolist()))
    members = {
        name: judge(p[known], p[known].argmax(axis=1), truth, names, clusters, seed=seed)
        for name, p in zip(predictions.members, predictions.probs_MNC)
    }
    answer = combined.answer_N[known]
    ensemble = judge(combined.probs_NC[known], answer, truth, names, clusters, seed=seed)
    if temperature != 1.0:
        plain = combine_predictions(predictions, rule, own).probs_NC[known]
        ensemble["uncalibrated"] = _of_probabilities(plain[answer >= 0], truth[answer >= 0])
    ensemble["fallback"] = int((combined.fallback_N[known] != "").sum())
    ensemble["out_of_class_answers"] = int((~np.isin(answer, own_positions) & (answer >= 0)).sum())
    return {
        "model": predictions.model,
        "views": sorted(set(predictions.views)),
        "rule": asdict(rule),
        "temperature": temperature,
        "ensemble": ensemble,
        "mean_member_accuracy": float(np.mean([m["accuracy"]["value"] for m in members.values()])),
        "members": members,
        "skin_tone": _by_tone(np.array(predictions.items)[known], answer == truth, clusters, manifest),
        "hardest": _hardest(np.array(predictions.items)[known], names, truth, answer, combined.probs_NC[known]),
    }


def _clusters(items: Sequence[str], manifest: Manifest | None) -> np.ndarray:
    if manifest and (strangers := sorted(set(map(str, items)) - {i.id for i in manifest.items})):
        raise CoreError(
            f"{len(strangers)} of the {len(items)} pictures are not in {manifest.source} (first: {strangers[0]!r}); give "
            "the manifest that they were predicted from."
        )
    group = {i.id: i.group for i in manifest.items if i.group} if manifest else {}
    return np.array([group.get(item, f"item:{item}") for item in items])


def _by_tone(
    items_N: np.ndarray, right_N: np.ndarray, clusters_N: np.ndarray, manifest: Manifest | None
) -> list[Mapping[str, Any]]:
    """Accuracy per skin tone, where the manifest has them; photographs are kept whole."""
    tone = {i.id: i.tone for i in manifest.items if i.tone} if manifest else {}
    tone_N = np.array([tone.get(item, "") for item in items_N])
    return [
        {"skin_tone": str(name), **asdict(metrics.wilson_clustered(right_N[tone_N == name], clusters_N[tone_N == name]))}
        for name in np.unique(tone_N) if name
    ]  # fmt: skip


def _hardest(
    items_N: np.ndarray, classes: Sequence[str], truth_N: np.ndarray, answer_N: np.ndarray, probs_NC: np.ndarray
) -> list[dict[str, Any]]:
    """Items whose true class was found least probable."""
    given = probs_NC[np.arange(len(truth_N)), truth_N]
    return [
        {
            "item": str(items_N[n]),
            "truth": classes[truth_N[n]],
            "answer": classes[answer_N[n]] if answer_N[n] >= 0 else None,
            "p_truth": float(given[n]),
        }
        for n in np.argsort(given, kind="stable")[:HARDEST]
    ]


def evaluate_out_of_fold(
    oof: Path | str, manifest: Manifest | None = None, *, own: Sequence[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Each training picture judged by the one member that had not seen it; with ``own``, pictures of these classes."""
    classes, rows = read_rows(oof)
    rows = [row for row in rows if row.truth in own] if own else rows
    if not rows:
        raise CoreError(f"{oof} has no picture of the classes {', '.join(own)}.")
    index = {name: k for k, name in enumerate(classes)}
    probs = np.array([row.probs for row in rows])
    truth = np.array([index[row.truth] for row in rows])
    items, answer = np.array([row.item for row in rows]), probs.argmax(axis=1)
    clusters = _clusters(items, manifest)
    return {
        "out_of_fold": judge(probs, answer, truth, classes, clusters, seed=seed),
        "skin_tone": _by_tone(items, answer == truth, clusters, manifest),
        "hardest": _hardest(items, classes, truth, answer, probs),
    }
