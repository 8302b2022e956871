"""Sections on what probabilities and stated confidence are worth: networks' and readers'."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.predictions import Predictions
from benchmark.core.inputs.scoring import ReaderSet, Scored
from benchmark.core.methods.bootstrap import StudyDraws, intervals
from benchmark.core.methods.calibration import (
    auc_of_confidence,
    bin_places,
    calibration_error,
    class_errors,
    null_band,
    reliability_bins,
    risk_coverage,
    scores_of,
    selective_draws,
)
from benchmark.core.methods.proportions import clustered_proportion

Record = dict[str, Any]
BINNINGS = ((10, True), (15, False))
SELECTIVE = ("aurc", "accuracy_at_80", "accuracy_at_90")
CURVE_POINTS = 100
NULL_DRAWS = 2000
AT_ONCE = 4_000_000


def probability_sections(
    predictions: Predictions, draws: StudyDraws, *, seed: int, confidence: float
) -> dict[str, list[Record]]:
    """Sections of networks: `calibration`, `reliability`, `class_calibration`, `risk_coverage`; intervals over items."""
    sections: dict[str, list[Record]] = {
        name: [] for name in ("calibration", "reliability", "class_calibration", "risk_coverage")
    }
    place = {name: index for index, name in enumerate(predictions.classes)}
    for model, view in predictions.model_views():
        rows = predictions.final(model, view)
        if rows.empty:
            continue
        keys = {"model": model, "view": view or None}
        p, truth = predictions.probabilities(rows), rows["truth"].map(place).to_numpy()
        rng = np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(f"calibration/{model}/{view}".encode())]))
        known = draws.items.get_indexer(rows["item"])
        weights = draws.item_weights[known] if (known >= 0).all() else None
        sections["calibration"].append({**keys, "items": len(rows), **_network(p, truth, weights, rng, confidence)})
        top, right = p.max(axis=1), p.argmax(axis=1) == truth
        for bins, mass in BINNINGS:
            found = reliability_bins(top, right, bins=bins, mass=mass)
            sections["reliability"] += [{**keys, "binning": _binning(bins, mass), **vars(b)} for b in found]
        for name, error in zip(predictions.classes, class_errors(p, truth)):
            own = place[name]
            sections["class_calibration"].append(
                {**keys, "class": name, "items": int((truth == own).sum()), "ece": float(error),
                 "mean_probability": float(p[:, own].mean()), "share": float((truth == own).mean())}
            )  # fmt: skip
        sections["risk_coverage"] += [{**keys, **point} for point in _curve(top, right)]
    return sections


def _binning(bins: int, mass: bool) -> str:
    return f"ece_{bins}_{'equal_mass' if mass else 'equal_width'}"


def _network(p: np.ndarray, truth: np.ndarray, weights: np.ndarray | None, rng, confidence: float) -> Record:
    top, right = p.max(axis=1), p.argmax(axis=1) == truth
    hot = np.eye(p.shape[1])[truth]
    each = {
        "brier": ((p - hot) ** 2).sum(axis=1),
        "log_loss": -np.log(np.clip(p[np.arange(len(p)), truth], 1e-15, 1)),
    }
    scores = scores_of(p, truth)
    record: Record = {name: getattr(scores, name) for name in (*each, *SELECTIVE)}
    record["classwise_ece"] = float(class_errors(p, truth).mean())
    drawn = {}
    if weights is not None:
        total = _measured(weights.sum(axis=0))
        drawn = {name: values @ weights / total for name, values in each.items()}
        drawn.update(_selective(top, right, weights))
    for bins, mass in BINNINGS:
        name = _binning(bins, mass)
        record[name] = calibration_error(reliability_bins(top, right, bins=bins, mass=mass))
        record[f"{name}_perfect_mean"], record[f"{name}_perfect_p95"] = null_band(
            top, bins=bins, mass=mass, draws=NULL_DRAWS, rng=rng
        )
        if weights is not None:
            member = np.eye(bins)[bin_places(top, bins=bins, mass=mass)]
            drawn[name] = np.abs((member * (top - right)[:, None]).T @ weights).sum(axis=0) / total
    whys = []
    for name in (*each, *SELECTIVE, *(_binning(*binning) for binning in BINNINGS)):
        record[f"{name}_ci_low"], record[f"{name}_ci_high"], why = _bounds(record[name], drawn.get(name), confidence)
        whys.append(f"no interval of {name}: {why}" if why else None)
    record["ci_method"] = "percentile bootstrap over items, within class; calibration errors are biased upwards in it"
    if weights is None:
        whys = ["no intervals: some items are not among the readings"]
    return {**record, "why": "; ".join(why for why in whys if why) or None}


def _measured(weight: np.ndarray) -> np.ndarray:
    """Weight of the rows in each draw (draws,), nan where none of them was drawn: such a draw says nothing about them."""
    return np.where(weight > 0, weight, np.nan)


def _bounds(
    estimate: float, drawn: np.ndarray | None, confidence: float
) -> tuple[float | None, float | None, str | None]:
    if drawn is None:
        return None, None, "no draws"
    (found,) = intervals(np.array([estimate]), np.asarray(drawn, dtype=float)[:, None], confidence=confidence)
    return found.low, found.high, found.why


def _selective(top: np.ndarray, right: np.ndarray, weights: np.ndarray) -> dict[str, np.ndarray]:
    step = max(1, AT_ONCE // len(top))
    parts = [selective_draws(top, right, weights[:, k : k + step]) for k in range(0, weights.shape[1], step)]
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in SELECTIVE}


def _curve(confidence: np.ndarray, right: np.ndarray) -> list[Record]:
    """Points of the risk-coverage curve, at most a hundred, the last at full coverage."""
    coverage, risk = risk_coverage(confidence, right)
    n = len(coverage)
    chosen = np.unique(np.ceil(np.arange(1, min(n, CURVE_POINTS) + 1) * n / min(n, CURVE_POINTS)).astype(int) - 1)
    threshold = np.sort(confidence)[::-1]
    return [{"coverage": float(coverage[k]), "risk": float(risk[k]), "threshold": float(threshold[k])} for k in chosen]


def reader_confidence_sections(
    scored: Scored, draws: StudyDraws, *, seed: int, confidence: float
) -> dict[str, list[Record]]:
    """Sections of people who gave confidence: `reader_confidence` (thirds), `reader_calibration`,
    `reader_reliability`, `reader_risk_coverage`."""
    sections: dict[str, list[Record]] = {
        name: [] for name in ("reader_confidence", "reader_calibration", "reader_reliability", "reader_risk_coverage")
    }
    for found in scored.sets("human"):
        rows = found.rows[found.rows["confidence"].notna() & (found.rows["answer"] != "")]
        if rows["confidence"].nunique() < 2:
            continue
        sections["reader_confidence"] += _thirds(found, rows, confidence)
        stated, scale = _as_probability(rows["confidence"].to_numpy())
        record, bins = _people(found, rows, stated, draws, seed, confidence)
        sections["reader_calibration"].append({**found.keys, "readers": rows["reader"].nunique(),
                                               "readings": len(rows), "scale": scale, **record})  # fmt: skip
        sections["reader_reliability"] += [{**found.keys, **vars(b)} for b in bins]
        curve = _curve(rows["confidence"].to_numpy(), rows["correct"].to_numpy())
        sections["reader_risk_coverage"] += [{**found.keys, **point} for point in curve]
    return sections


def _as_probability(given: np.ndarray) -> tuple[np.ndarray | None, str]:
    """Stated confidence as a probability of being right, where its scale is one; else None."""
    low, high = float(given.min()), float(given.max())
    if low >= 0 and high <= 1:
        return given, "probability"
    if low >= 0 and 10 < high <= 100:
        return given / 100, "per cent"
    return None, f"ratings from {low:g} to {high:g}"


def _people(found: ReaderSet, rows: pd.DataFrame, stated, draws: StudyDraws, seed: int, confidence: float):
    """Calibration of stated confidence (where it is a probability) and what it separates; two-way bootstrap."""
    right, given = rows["correct"].to_numpy(), rows["confidence"].to_numpy()
    record: Record = {}
    bins, drawn, whys = [], {}, []
    names = ("ece", "overconfidence", "brier", *SELECTIVE)
    if stated is None:
        record.update(dict.fromkeys((*names[:3], "ece_perfect_mean", "ece_perfect_p95")))
        whys.append("ratings are no probabilities, so their calibration is not defined")
    else:
        bins = reliability_bins(stated, right, bins=10)
        rng = np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(f"stated/{found.label}".encode())]))
        record["ece"] = calibration_error(bins)
        record["ece_perfect_mean"], record["ece_perfect_p95"] = null_band(
            stated, bins=10, mass=False, draws=200, rng=rng
        )
        record["overconfidence"] = float((stated - right).mean())
        record["brier"] = float(((stated - right) ** 2).mean())
        place = bin_places(stated, bins=10, mass=False)
        one = np.zeros(len(rows), dtype=int)
        total = _measured(draws.sums(rows, one, 1)[:, 0])
        gaps = draws.sums(rows, place, 10, stated - right)
        drawn = {"ece": np.abs(gaps).sum(axis=1) / total, "overconfidence": gaps.sum(axis=1) / total,
                 "brier": draws.sums(rows, one, 1, (stated - right) ** 2)[:, 0] / total}  # fmt: skip
    plain = selective_draws(given, right, np.ones((len(rows), 1)))
    record.update({name: float(getattr(plain, name)[0]) for name in SELECTIVE})
    drawn.update(_two_way_selective(rows, given, right, draws))
    by_reader = [auc_of_confidence(own["confidence"], own["correct"]) for _, own in rows.groupby("reader")]
    known = [value for value in by_reader if value is not None]
    record["auc_right_over_wrong"] = float(np.mean(known)) if known else None
    if not known:
        whys.append("no reader had both right and wrong answers")
    for name in names:
        low = high = None
        if record[name] is not None:
            low, high, why = _bounds(record[name], drawn[name], confidence)
            whys.append(f"no interval of {name}: {why}" if why else None)
        record[f"{name}_ci_low"], record[f"{name}_ci_high"] = low, high
    return {**record, "why": "; ".join(why for why in whys if why) or None}, bins


def _two_way_selective(rows, given, right, draws: StudyDraws) -> dict[str, np.ndarray]:
    reader = draws.readers.get_indexer(rows["reader"])
    item = draws.items.get_indexer(rows["item"])
    step = max(1, AT_ONCE // len(rows))
    parts = []
    for k in range(0, draws.draws, step):
        weights = draws.reader_weights[:, k : k + step][reader] * draws.item_weights[:, k : k + step][item]
        parts.append(selective_draws(given, right, weights))
    return {name: np.concatenate([getattr(part, name) for part in parts]) for name in SELECTIVE}


def _thirds(found: ReaderSet, rows: pd.DataFrame, confidence: float) -> list[Record]:
    """Accuracy by the confidence given: thirds of the scale in use, lowest first."""
    third = pd.qcut(rows["confidence"].rank(method="average"), 3, labels=False, duplicates="drop")
    records = []
    for level, own in rows.groupby(third):
        ci = clustered_proportion(own["correct"], own["reader"], own["item"], confidence=confidence)
        records.append(
            {
                **found.keys, "third": int(level) + 1, "confidence_from": own["confidence"].min(),
                "confidence_to": own["confidence"].max(), "readings": len(own), "accuracy": own["correct"].mean(),
                "ci_low": ci.low, "ci_high": ci.high,
            }
        )  # fmt: skip
    return records
