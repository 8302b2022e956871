"""Members' probability vectors to one answer, by a named rule. Pure NumPy.

Axes: M members, N items, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models_ml.core.answers.predictions import Predictions, header
from models_ml.core.config import EnsembleRule
from models_ml.core.errors import CoreError
from models_ml.core.files import write_csv


@dataclass(frozen=True)
class Combined:
    """One row per item. ``fallback_N``: "" (the rule applied), "mean" or "abstain" (no member was confident).

    probs_NC: (N, C), rows sum to 1, also where the ensemble abstains (the mean of all, for information).
    members_used_N: how many members entered. answer_N: the class with the largest probability (the first of equals),
    -1 where the ensemble abstains. admitted_MN: which members entered.
    """

    probs_NC: np.ndarray
    members_used_N: np.ndarray
    fallback_N: np.ndarray
    answer_N: np.ndarray
    admitted_MN: np.ndarray


def combine(probs_MNC: np.ndarray, rule: EnsembleRule, own: Sequence[int] | None = None) -> Combined:
    """Combine members.

    confident-mean (the paper's): the mean of the members whose largest probability reaches ``threshold`` (is above it
    when not ``inclusive``); without any, ``fallback``. mean: of all members. vote: the share of members whose largest
    probability is the class's; equal shares are decided by the mean probability, which enters with a thousandth.
    restrict "own": each member's vector is first conditioned on the classes ``own`` (positions), others become 0; a
    member without any mass there is treated as undecided among them.
    Raises CoreError for vectors that are no probabilities, and for restrict "own" without ``own``.
    """
    probs = np.asarray(probs_MNC, dtype=np.float64)
    if probs.ndim != 3 or 0 in probs.shape:
        raise CoreError(f"Probabilities of shape (members, items, classes) are needed; the shape is {probs.shape}.")
    if not (np.isfinite(probs).all() and (probs >= 0).all() and np.allclose(probs.sum(-1), 1, atol=1e-3)):
        raise CoreError("Every probability vector must be finite, not negative, and sum to 1; at least one does not.")
    if rule.restrict == "own":
        probs = _conditioned(probs, own)
    n_members, n_items, _ = probs.shape
    everyone = np.ones((n_members, n_items), dtype=bool)
    admitted = _confident(probs, rule) if rule.rule == "confident-mean" else everyone
    nobody = ~admitted.any(axis=0)
    entering = np.where(nobody[None], everyone, admitted)
    combined = np.einsum("mnc,mn->nc", probs, entering) / entering.sum(axis=0)[:, None]
    if rule.rule == "vote":
        votes = np.eye(probs.shape[2])[probs.argmax(axis=2)].mean(axis=0)
        combined = (votes + 1e-3 * combined) / (1 + 1e-3)
    combined /= combined.sum(axis=1, keepdims=True)
    abstains = nobody & (rule.fallback == "abstain")
    return Combined(
        probs_NC=combined,
        members_used_N=np.where(abstains, 0, entering.sum(axis=0)),
        fallback_N=np.where(nobody, rule.fallback, ""),
        answer_N=np.where(abstains, -1, combined.argmax(axis=1)),
        admitted_MN=entering & ~abstains[None],
    )


def _confident(probs: np.ndarray, rule: EnsembleRule) -> np.ndarray:
    largest = probs.max(axis=2)
    return largest >= rule.threshold if rule.inclusive else largest > rule.threshold


def _conditioned(probs: np.ndarray, own: Sequence[int] | None) -> np.ndarray:
    if not own:
        raise CoreError("Restricting the ensemble to own classes needs to know which they are (--own NF1,TSC,...).")
    kept = np.zeros_like(probs)
    kept[..., list(own)] = probs[..., list(own)]
    total = kept.sum(axis=-1, keepdims=True)
    undecided = np.zeros(probs.shape[-1])
    undecided[list(own)] = 1 / len(own)
    return np.where(total > 0, kept / np.where(total > 0, total, 1), undecided)


def combine_predictions(
    predictions: Predictions, rule: EnsembleRule, own: Sequence[str] = (), temperature: float = 1.0
) -> Combined:
    """``combine`` by class names; without ``own``, the classes that occur as truth count as own.

    temperature: applied to the combined vector (see metrics.apply_temperature); 1 changes nothing.
    """
    from dataclasses import replace

    from models_ml.core.answers.metrics import apply_temperature

    if strangers := sorted(set(own) - set(predictions.classes)):
        raise CoreError(f"{strangers[0]!r} is none of the predicted classes {', '.join(predictions.classes)}.")
    positions = [k for k, name in enumerate(predictions.classes) if name in own]
    if rule.restrict == "own" and not positions:
        positions = sorted(set(predictions.truth_N[predictions.truth_N >= 0].tolist()))
    combined = combine(predictions.probs_MNC, rule, positions)
    if temperature == 1.0:
        return combined
    return replace(combined, probs_NC=apply_temperature(combined.probs_NC, temperature))


def write_ensemble(path: Path | str, pairs: Sequence[tuple[Predictions, Combined]]) -> None:
    """``ensemble.csv``: member "ensemble", columns members_used, fallback, answer; an abstention has empty p_ cells."""
    classes = pairs[0][0].classes
    rows = []
    for predictions, combined in pairs:
        for n, item in enumerate(predictions.items):
            known = combined.answer_N[n] >= 0
            cells = [f"{p:.9g}" if known else "" for p in combined.probs_NC[n]]
            answer = classes[combined.answer_N[n]] if known else ""
            rows.append(
                (predictions.model, "ensemble", item, predictions.views[n], predictions.truth_name(n), *cells,
                 int(combined.members_used_N[n]), str(combined.fallback_N[n]), answer)
            )  # fmt: skip
    write_csv(path, [*header(classes), "members_used", "fallback", "answer"], rows)
