"""Section `teams`: votes of readers, readers with a network under several rules, bounds and complementarity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.predictions import Predictions
from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.bootstrap import StudyDraws, percentile_bounds
from benchmark.core.methods.teams import (
    any_reader_accuracy,
    bayes_accuracy,
    likelihoods,
    oracle_accuracy,
    tuned_defer_accuracy,
    vote_accuracy,
)

Record = dict[str, Any]
TEAM_SIZES = range(1, 7)
FOLDS = 5
NO_GAIN = "a vote of one or two, ties broken at random, is right as often as one reader alone, whatever they answer"
ALIKE = 1e-6  # draws in single precision that differ by no more than rounding
METHOD = "percentile bootstrap over items, these readers"


@dataclass(frozen=True)
class _Answers:
    """Answers of a group per item: counts (items, classes), truth codes, folds of items, bootstrap weights of items."""

    items: pd.Index
    counts: np.ndarray
    truth: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, people: ReaderSet, classes: tuple[str, ...], draws: StudyDraws) -> _Answers | None:
        rows = people.rows[people.rows["answer"] != ""]
        if rows.empty:
            return None
        counts = pd.crosstab(rows["item"], rows["answer"]).reindex(columns=list(classes), fill_value=0)
        place = {name: k for k, name in enumerate(classes)}
        truth = rows.drop_duplicates("item").set_index("item")["truth"].reindex(counts.index).map(place)
        weights = draws.item_weights[draws.items.get_indexer(counts.index)]
        return cls(counts.index, counts.to_numpy(), truth.to_numpy(), weights)

    @property
    def alone(self) -> np.ndarray:
        """Share of an item's answers that are right."""
        return self.counts[np.arange(len(self.truth)), self.truth] / self.counts.sum(axis=1)

    @property
    def folds(self) -> np.ndarray:
        """Folds of items, each class spread over all of them."""
        order = np.argsort(self.truth, kind="stable")
        folds = np.empty(len(order), dtype=int)
        folds[order] = np.arange(len(order)) % FOLDS
        return folds

    def where(self, chosen: np.ndarray) -> _Answers:
        if chosen.all():
            return self
        return _Answers(self.items[chosen], self.counts[chosen], self.truth[chosen], self.weights[chosen])


def teams_section(
    scored: Scored, predictions: Predictions | None, draws: StudyDraws, *, confidence: float
) -> list[Record]:
    """Accuracy of each team and its gain over the better of its members alone (complementarity), with intervals."""
    records = []
    for people in scored.sets("human"):
        answers = _Answers.of(people, scored.classes, draws)
        if answers is None:
            continue
        for size in _sizes(answers):
            records += _votes(people, answers, size, confidence)
        for model in (m for m in scored.sets("model") if m.view == people.view):
            records += _with_network(scored, people, answers, model, predictions, confidence)
    return records


def _sizes(answers: _Answers) -> list[int]:
    """1 to 6, as far as some item has so many answers, and all answers of an item where there are more."""
    most, fewest = int(answers.counts.sum(axis=1).max()), int(answers.counts.sum(axis=1).min())
    return [size for size in TEAM_SIZES if size <= most] + ([fewest] if fewest > max(TEAM_SIZES) else [])


def _votes(people: ReaderSet, answers: _Answers, size: int, confidence: float) -> list[Record]:
    able = answers.where(answers.counts.sum(axis=1) >= size)
    chances = vote_accuracy(able.counts, able.truth, size)
    teams = [(f"vote of {size}", chances)]
    if size > 1:
        teams.append((f"any of {size} (bound)", any_reader_accuracy(able.counts, able.truth, size)))
    return [_record(people, None, size, name, values, able.weights, [able.alone], confidence) for name, values in teams]


def _with_network(
    scored: Scored, people: ReaderSet, answers: _Answers, model: ReaderSet, predictions: Predictions | None,
    confidence: float,
) -> list[Record]:  # fmt: skip
    rows = model.rows.set_index("item").reindex(answers.items)
    able = answers.where(rows["correct"].notna().to_numpy())
    if not len(able.truth):
        return []
    rows = rows.loc[able.items]
    network, human = rows["correct"].to_numpy(dtype=float), able.alone
    place = {name: k for k, name in enumerate(scored.classes)}
    vote = rows["answer"].map(place).fillna(-1).astype(int).to_numpy()
    teams: list[tuple[int, str, np.ndarray]] = [
        (1, "one reader or the network, whichever is right (bound)", oracle_accuracy(human, network))
    ]
    records = []
    for size in (size for size in _sizes(able) if size > 1):
        many = able.counts.sum(axis=1) >= size
        team = able.where(many)
        chances = vote_accuracy(team.counts, team.truth, size, vote[many])
        without = vote_accuracy(team.counts, team.truth, size)
        name = f"vote of {size} and the network"
        alone = [without, network[many]]
        records.append(_record(people, model.reader, size, name, chances, team.weights, alone, confidence))
    probabilities = _probabilities(predictions, model, able, scored.classes)
    top = rows["confidence"].to_numpy(dtype=float) if probabilities is None else probabilities.max(axis=1)
    if np.isfinite(top).all():
        teams.append(
            (1, "network where confident, else a reader", tuned_defer_accuracy(human, network, top, able.folds))
        )
    if probabilities is None:
        probabilities = _from_answers(vote, able)
    alone_bayes = bayes_accuracy(able.counts, able.truth, probabilities, able.folds)
    together = bayes_accuracy(able.counts, able.truth, probabilities, able.folds, together=True)
    most = int(able.counts.sum(axis=1).max())
    teams += [(1, "reader and network by Bayes' rule", alone_bayes)]
    teams += [(most, "all readers of an item and network by Bayes' rule", together)] if most > 1 else []
    for size, name, values in teams:
        records.append(_record(people, model.reader, size, name, values, able.weights, [human, network], confidence))
    return records


def _probabilities(predictions, model: ReaderSet, able: _Answers, classes: tuple[str, ...]) -> np.ndarray | None:
    """The network's probabilities of the study's classes for the items, or None where it has none for some."""
    if predictions is None:
        return None
    final = predictions.final(model.reader, model.view)
    if final.empty or not set(classes) <= set(predictions.classes):
        return None
    own = pd.DataFrame(predictions.probabilities(final), columns=list(predictions.classes), index=final["item"])
    table = own.reindex(able.items)[list(classes)].to_numpy()
    return table if np.isfinite(table).all() else None


def _from_answers(vote: np.ndarray, able: _Answers) -> np.ndarray:
    """Without probabilities, the network's answer speaks through its confusion matrix on the other folds."""
    classes = able.counts.shape[1]
    hot = np.zeros((len(vote), classes))
    hot[np.flatnonzero(vote >= 0), vote[vote >= 0]] = 1
    found = np.full((len(vote), classes), 1 / classes)
    for fold in np.unique(able.folds):
        inside = able.folds == fold
        table = likelihoods(hot[~inside], able.truth[~inside], classes)
        spoken = inside & (vote >= 0)
        found[spoken] = table[:, vote[spoken]].T
    return found / found.sum(axis=1, keepdims=True)


def _record(
    people: ReaderSet, model: str | None, size: int, team: str, chances: np.ndarray, weights: np.ndarray,
    alone: list[np.ndarray], confidence: float,
) -> Record:  # fmt: skip
    """alone: what each member (or half of the team) reaches by itself, per item; the gain is over the best of them."""
    gain = float(chances.mean() - max(side.mean() for side in alone))
    # One product for the team, its members and the weights' sum, in the weights' own precision.
    sums = np.stack([chances, *alone, np.ones(len(chances))]).astype(np.float32) @ weights
    means = sums[:-1] / np.maximum(sums[-1], 1e-12)
    drawn, best = means[0], means[1:].max(axis=0)
    (low, high), (gain_low, gain_high) = (_bounds(values, confidence) for values in (drawn, drawn - best))
    lacking = [name for name, bound in (("the accuracy", low), ("the gain", gain_low)) if bound is None]
    why = f"no interval of {' and '.join(lacking)}: the same in every bootstrap draw" if lacking else None
    return {
        "group": people.group, "view": people.view or None, "team": team, "size": size, "model": model,
        "items": len(chances), "accuracy": float(chances.mean()), "ci_low": low, "ci_high": high,
        "gain_over_best_alone": gain, "gain_ci_low": gain_low, "gain_ci_high": gain_high, "ci_method": METHOD,
        "why": NO_GAIN if size < 3 and model is None and team.startswith("vote") and low is not None else why,
    }  # fmt: skip


def _bounds(drawn: np.ndarray, confidence: float) -> tuple[float | None, float | None]:
    return (None, None) if np.ptp(drawn) < ALIKE else percentile_bounds(drawn, confidence)
