"""Sections on how well groups and networks did, with intervals from the study's shared two-way bootstrap."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.bootstrap import StudyDraws, intervals
from benchmark.core.methods.confusion import confusion_matrix
from benchmark.core.methods.metrics import metrics_of, metrics_of_draws
from benchmark.core.methods.multiplicity import adjust
from benchmark.core.methods.proportions import clustered_proportion, within_scale
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.weighting import mean_over, weights_of
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.comparisons import Matchup, matchups
from benchmark.core.sections.description import counts_of

Record = dict[str, Any]
METRICS = ("balanced_accuracy", "macro_f1", "kappa")


def _cells(found: ReaderSet, classes: tuple[str, ...]) -> np.ndarray:
    """Cell of the confusion matrix of each reading: truth x (answer, last "no answer")."""
    place = {name: k for k, name in enumerate(classes)}
    truth = found.rows["truth"].map(place).to_numpy()
    answer = found.rows["answer"].map({**place, "": len(classes)}).to_numpy()
    return truth * (len(classes) + 1) + answer


def metrics_section(scored: Scored, draws: StudyDraws, *, confidence: float) -> list[Record]:
    """Balanced accuracy, macro-F1 and kappa against truth, per group (or network) and view, with intervals."""
    size = len(scored.classes)
    method = f"percentile, two-way bootstrap of readers and items, {draws.draws} draws"
    records = []
    for found in scored.sets():
        weights = weights_of(found.rows)
        metrics = metrics_of(confusion_matrix(found.rows["truth"], found.rows["answer"], scored.classes, weights).sums)
        drawn = draws.sums(found.rows, _cells(found, scored.classes), size * (size + 1), weights)
        values = metrics_of_draws(drawn.reshape(-1, size, size + 1))
        record, whys = {**found.keys}, [metrics.why]
        for name in METRICS:
            estimate = getattr(metrics, name)
            record[name] = estimate
            low = high = None
            if estimate is not None:
                (interval,) = intervals(np.array([estimate]), values[name][:, None], confidence=confidence)
                low, high = interval.low, interval.high
                whys.append(f"no interval of {name}: {interval.why}" if interval.why else None)
            record[f"{name}_ci_low"], record[f"{name}_ci_high"] = low, high
        why = "; ".join(dict.fromkeys(w for w in whys if w)) or None
        records.append({**record, "ci_method": method, "why": why})
    return records


def class_accuracy_section(scored: Scored, draws: StudyDraws, *, confidence: float) -> list[Record]:
    """Sensitivity for each true class, per group (or network) and view, with its own and the simultaneous interval.

    The simultaneous (max-T) intervals hold for all classes of one group and view at once.
    """
    size = len(scored.classes)
    records = []
    for found in scored.sets():
        place = {name: k for k, name in enumerate(scored.classes)}
        truth = found.rows["truth"].map(place).to_numpy()
        shares = draws.means(found.rows, truth, size, found.rows["correct"].to_numpy(dtype=float))
        present = [k for k in range(size) if (truth == k).any()]
        estimates = np.array([mean_over(own := found.rows[truth == k], own["correct"]) for k in present])
        together = intervals(estimates, shares[:, present].astype(float), confidence=confidence)
        for k, interval in zip(present, together):
            rows = found.rows[truth == k]
            ci = clustered_proportion(
                rows["correct"], rows["reader"], rows["item"], confidence=confidence, weights=weights_of(rows)
            )
            records.append(
                {
                    **found.keys, "class": scored.classes[k], **counts_of(rows), "ci_low": ci.low, "ci_high": ci.high,
                    "ci_method": ci.method, **_simultaneous(interval, 0.0, 1.0),
                }
            )  # fmt: skip
    return records


def _simultaneous(interval, lowest: float, highest: float) -> Record:
    if interval.simultaneous_low is None:
        return {
            "simultaneous_low": None, "simultaneous_high": None,
            "why": f"no simultaneous interval: {interval.why or 'a class is missing from most bootstrap draws'}",
        }  # fmt: skip
    return {
        "simultaneous_low": max(lowest, interval.simultaneous_low),
        "simultaneous_high": min(highest, interval.simultaneous_high),
        "why": None,
    }


def class_differences_section(scored: Scored, draws: StudyDraws, plan: Plan) -> list[Record]:
    """Model minus readers within each class for new images and readers: two-way test, p adjusted over all (BH), max-T.

    The simultaneous intervals hold over the classes of one contrast.
    """
    records = [record for match in matchups(scored) for record in _by_class(match, scored, draws, plan)]
    for record, p in zip(records, adjust([r["p"] for r in records], "bh")):
        record["p_adjusted"], record["adjustment"] = p, "bh"
    return records


def _by_class(match: Matchup, scored: Scored, draws: StudyDraws, plan: Plan) -> list[Record]:
    size = len(scored.classes)
    truth = match.rows["truth"].map({name: k for k, name in enumerate(scored.classes)}).to_numpy()
    d = match.differences
    shares = draws.means(match.rows, truth, size, d)
    present = [k for k in range(size) if (truth == k).any()]
    estimates = np.array([mean_over(match.rows[truth == k], d[truth == k]) for k in present])
    records = []
    for k, interval in zip(present, intervals(estimates, shares[:, present].astype(float), confidence=plan.confidence)):
        rows = match.rows[truth == k]
        test = two_way_mean(d[truth == k], rows["reader"], rows["item"], confidence=plan.confidence, weights=weights_of(rows))
        both = _simultaneous(interval, -1.0, 1.0)
        low, high = within_scale(test.ci_low, test.ci_high)
        whys = [test.why, both.pop("why")]
        records.append(
            {
                **match.keys, "class": scored.classes[k], "readers": test.readers, "items": test.items,
                "readings": test.n, "difference": test.estimate, "se": test.se, "df": test.df, "p": test.p,
                "ci_low": low, "ci_high": high, **both,
                "why": "; ".join(why for why in whys if why) or None,
            }
        )  # fmt: skip
    return records
