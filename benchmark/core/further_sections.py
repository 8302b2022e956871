"""Sections beyond the comparisons: metrics, standing, items, error consistency, order and time, probabilities,
teams."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd

from .calibration import calibration_error, classwise_error, null_band, reliability_bins, scores_of
from .comparisons import matchups
from .confusion import confusion_matrix
from .error_consistency import error_consistency
from .metrics import metrics_of
from .predictions import Predictions
from .proportions import clustered_proportion
from .scoring import Scored
from .teams import oracle_accuracy, tuned_defer_accuracy, vote_accuracy
from .twoway import two_way_mean

Record = dict[str, Any]
BINNINGS = ((10, True), (15, False))
TEAM_SIZES = range(1, 7)


def metrics_section(scored: Scored) -> list[Record]:
    """Balanced accuracy, macro-F1 and kappa against truth, per group (or network) and view."""
    records = []
    for found in scored.sets():
        metrics = metrics_of(confusion_matrix(found.rows["truth"], found.rows["answer"], scored.classes).counts)
        records.append({**found.keys, **vars(metrics)})
    return records


def standing_section(scored: Scored) -> list[Record]:
    """Where each network stands among the readers, each met on his or her own items."""
    records = []
    for match in matchups(scored):
        own = match.rows.groupby("reader")[["model_correct", "correct"]].sum()
        gap = own["model_correct"] - own["correct"]
        beaten, equal = int((gap > 0).sum()), int((gap == 0).sum())
        share = (beaten + equal / 2) / len(own)
        records.append(
            {**match.keys, "readers": len(own), "beaten": beaten, "equalled": equal, "percentile": 100 * share}
        )
    return records


def items_section(scored: Scored) -> list[Record]:
    """Each item's share of right answers among people, hardest first, with the networks that had it right."""
    records = []
    for view in scored.readings.views:
        rows = scored.frame[scored.frame["view"] == view]
        people = (
            rows[rows["kind"] == "human"]
            .groupby("item")
            .agg(truth=("truth", "first"), readings=("correct", "size"), correct=("correct", "sum"))
        )
        right = (
            rows[(rows["kind"] == "model") & rows["correct"]]
            .groupby("item")["reader"]
            .agg(lambda r: " ".join(sorted(r)))
        )
        table = people.assign(share=people["correct"] / people["readings"], networks=right).fillna({"networks": ""})
        records += [
            {
                "item": row.Index,
                "view": view or None,
                "truth": row.truth,
                "readings": int(row.readings),
                "correct": int(row.correct),
                "share_correct": row.share,
                "networks_correct": row.networks,
            }
            for row in table.reset_index().sort_values(["share", "item"]).set_index("item").itertuples()
        ]
    return records


def consistency_section(scored: Scored) -> list[Record]:
    """Error consistency between groups and networks: the mean over pairs of readers who share items."""
    records = []
    for view in scored.readings.views:
        rows = scored.frame[scored.frame["view"] == view].drop_duplicates(["reader", "item"])
        side = np.where(rows["kind"] == "model", rows["reader"], rows["group"])
        right = rows.pivot(index="reader", columns="item", values="correct")
        label = pd.Series(side, index=rows["reader"]).groupby(level=0).first()[right.index].to_numpy()
        found = error_consistency(right.eq(True).to_numpy(), right.notna().to_numpy())
        names = sorted(set(label))
        for i, first in enumerate(names):
            for second in names[i:]:
                chosen = np.outer(label == first, label == second) & ~np.eye(len(label), dtype=bool)
                if not chosen.any():
                    continue
                values = found.kappa[chosen]
                values = values[np.isfinite(values)]
                records.append(
                    {
                        "first": first,
                        "second": second,
                        "view": view or None,
                        "pairs": int(len(values)),
                        "error_consistency": float(values.mean()) if len(values) else None,
                        "why": None if len(values) else "no pair of readers shares items on which their errors vary",
                    }
                )
    return records


def order_section(scored: Scored, *, confidence: float) -> list[Record]:
    """Later minus earlier half of each block (learning or fatigue), and whether views and order can be told apart."""
    records = []
    for found in scored.sets("human"):
        rows = found.rows[found.rows["position"].notna()]
        if rows.empty:
            continue
        middle = rows.groupby(["reader", "survey"])["position"].transform("median")
        late = rows["position"] > middle
        # Each half's deviation from the reader's own mean, so that a difference of halves is a mean over readings.
        sign = np.where(late, 1.0, -1.0)
        half = rows.groupby(["reader", "survey"])["position"].transform("size") / 2
        values = sign * rows["correct"] / half * (len(rows) / rows.groupby(["reader", "survey"]).ngroups)
        test = two_way_mean(values.to_numpy(), rows["reader"], rows["item"], rows["truth"], confidence=confidence)
        records.append(
            {
                **found.keys,
                "contrast": "later half minus earlier half",
                "readings": len(rows),
                "difference": test.estimate,
                "se": test.se,
                "df": test.df,
                "p": test.p,
                "ci_low": test.ci_low,
                "ci_high": test.ci_high,
                "why": test.why,
            }
        )
    return records


def time_section(scored: Scored) -> list[Record]:
    """Response times per group and view: quartiles in seconds, and of right and wrong answers."""
    records = []
    for found in scored.sets("human"):
        rows = found.rows[found.rows["rt_ms"].notna()]
        if rows.empty:
            continue
        seconds = rows["rt_ms"] / 1000
        low, middle, high = np.percentile(seconds, [25, 50, 75])
        right, wrong = seconds[rows["correct"]], seconds[~rows["correct"]]
        records.append(
            {
                **found.keys,
                "readings": len(rows),
                "lower_quartile_s": low,
                "median_s": middle,
                "upper_quartile_s": high,
                "median_right_s": float(right.median()) if len(right) else None,
                "median_wrong_s": float(wrong.median()) if len(wrong) else None,
                "why": None if len(right) and len(wrong) else "all answers were right, or all were wrong",
            }
        )
    return records


def probability_sections(predictions: Predictions, *, seed: int) -> dict[str, list[Record]]:
    """Sections `calibration` (one record per model and view) and `reliability` (its bins)."""
    calibration, reliability = [], []
    place = {name: index for index, name in enumerate(predictions.classes)}
    for model, view in predictions.model_views():
        rows = predictions.final(model, view)
        if rows.empty:
            continue
        p = predictions.probabilities(rows)
        truth = rows["truth"].map(place).to_numpy()
        confidence, right = p.max(axis=1), p.argmax(axis=1) == truth
        rng = np.random.default_rng(np.random.SeedSequence([seed, zlib.crc32(f"calibration/{model}/{view}".encode())]))
        record = {
            "model": model,
            "view": view or None,
            "items": len(rows),
            **vars(scores_of(p, truth)),
            "classwise_ece": classwise_error(p, truth),
        }
        for bins, mass in BINNINGS:
            name = f"ece_{bins}_{'equal_mass' if mass else 'equal_width'}"
            found = reliability_bins(confidence, right, bins=bins, mass=mass)
            record[name] = calibration_error(found)
            record[f"{name}_perfect_mean"], record[f"{name}_perfect_p95"] = null_band(
                confidence, bins=bins, mass=mass, draws=2000, rng=rng
            )
            reliability += [{"model": model, "view": view or None, "binning": name, **vars(b)} for b in found]
        calibration.append(record)
    return {"calibration": calibration, "reliability": reliability}


def teams_section(scored: Scored, predictions: Predictions | None) -> list[Record]:
    """Votes of readers, and readers with a network: bound, complementarity, deferral tuned across items."""
    records = []
    for people in scored.sets("human"):
        rows = people.rows[people.rows["answer"] != ""]
        counts = pd.crosstab(rows["item"], rows["answer"]).reindex(columns=list(scored.classes), fill_value=0)
        truth_of = rows.drop_duplicates("item").set_index("item")["truth"].reindex(counts.index)
        truth = truth_of.map({name: k for k, name in enumerate(scored.classes)}).to_numpy()
        alone = None
        for size in TEAM_SIZES:
            chances = vote_accuracy(counts.to_numpy(), truth, size) if len(counts) else None
            if chances is None:
                break
            alone = chances.mean() if alone is None else alone
            records.append(
                {
                    **_team(people),
                    "team": f"vote of {size}",
                    "model": None,
                    "items": len(counts),
                    "accuracy": chances.mean(),
                    "gain_over_best_alone": chances.mean() - alone,
                    "why": None,
                }
            )
        records += _with_networks(scored, people, predictions)
    return records


def _team(people) -> Record:
    return {"group": people.group, "view": people.view or None}


def _with_networks(scored: Scored, people, predictions: Predictions | None) -> list[Record]:
    records = []
    human = people.rows.groupby("item")["correct"].mean()
    for model in (m for m in scored.sets("model") if m.view == people.view):
        network = model.rows.set_index("item")["correct"].astype(float)
        shared = human.index.intersection(network.index)
        if shared.empty:
            continue
        h, n = human[shared].to_numpy(), network[shared].to_numpy()
        best = max(h.mean(), n.mean())
        teams = {"one reader or the network, whichever is right (bound)": oracle_accuracy(h, n)}
        confidence = model.rows.set_index("item")["confidence"].reindex(shared)
        if predictions is not None:
            final = predictions.final(model.reader, model.view)
            if not final.empty:
                top = pd.Series(predictions.probabilities(final).max(axis=1), index=final["item"].to_numpy())
                confidence = top.reindex(shared)
        if confidence.notna().all():
            folds = np.arange(len(shared)) % 5
            teams["network where confident, else a reader"] = tuned_defer_accuracy(h, n, confidence.to_numpy(), folds)
        records += [
            {
                **_team(people),
                "team": name,
                "model": model.reader,
                "items": len(shared),
                "accuracy": value,
                "gain_over_best_alone": value - best,
                "why": None,
            }
            for name, value in teams.items()
        ]
    return records


def reader_confidence_section(scored: Scored, *, confidence: float) -> list[Record]:
    """Accuracy of people by the confidence they gave: thirds of the scale in use, lowest first."""
    records = []
    for found in scored.sets("human"):
        rows = found.rows[found.rows["confidence"].notna()]
        if rows["confidence"].nunique() < 2:
            continue
        third = pd.qcut(rows["confidence"].rank(method="average"), 3, labels=False, duplicates="drop")
        for level, own in rows.groupby(third):
            ci = clustered_proportion(own["correct"], own["reader"], own["item"], confidence=confidence)
            records.append(
                {
                    **found.keys,
                    "third": int(level) + 1,
                    "confidence_from": own["confidence"].min(),
                    "confidence_to": own["confidence"].max(),
                    "readings": len(own),
                    "accuracy": own["correct"].mean(),
                    "ci_low": ci.low,
                    "ci_high": ci.high,
                }
            )
    return records
