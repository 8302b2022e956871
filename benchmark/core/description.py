"""Sections that describe: accuracy per group, reader and class; confusion matrices; agreement."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pandas as pd

from .agreement import COEFFICIENTS, agreement, agreement_intervals, category_codes, count_ratings
from .confusion import confusion_matrix, diagonal_intervals
from .proportions import WILSON, clustered_proportion, wilson
from .scoring import Scored

Record = dict[str, Any]


def accuracy_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One record per reader group (or network) and view."""
    records = []
    for found in scored.sets():
        rows = found.rows
        ci = clustered_proportion(rows["correct"], rows["reader"], rows["item"], rows["truth"], confidence=confidence)
        records.append({**found.keys, **_counts(rows), "ci_low": ci.low, "ci_high": ci.high, "ci_method": ci.method})
    return records


def reader_accuracy_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One record per reader and view; the interval is over items like the reader's own (Wilson)."""
    records = []
    for found in scored.sets():
        for reader, rows in found.rows.groupby("reader", sort=True):
            low, high = wilson(int(rows["correct"].sum()), len(rows), confidence=confidence)
            surveys = sorted(set(rows["survey"]) - {""}) if found.kind == "human" else []
            record = {**found.keys, "reader": reader, "surveys": " ".join(surveys), **_counts(rows)}
            records.append({**record, "ci_low": low, "ci_high": high, "ci_method": WILSON})
    return records


def class_accuracy_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One record per group (or network), view and true class: sensitivity for the class, with interval."""
    records = []
    for found in scored.sets():
        for name in scored.classes:
            rows = found.rows[found.rows["truth"] == name]
            if rows.empty:
                continue
            ci = clustered_proportion(rows["correct"], rows["reader"], rows["item"], confidence=confidence)
            records.append(
                {
                    **found.keys,
                    "class": name,
                    **_counts(rows),
                    "ci_low": ci.low,
                    "ci_high": ci.high,
                    "ci_method": ci.method,
                }
            )
    return records


def confusion_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One matrix per group (or network) and view, with the interval of each diagonal cell."""
    records = []
    for found in scored.sets():
        matrix = confusion_matrix(found.rows["truth"], found.rows["answer"], scored.classes)
        percent = [[None if np.isnan(cell) else float(cell) for cell in row] for row in matrix.row_percent]
        intervals = diagonal_intervals(found.rows, scored.classes, confidence=confidence)
        record = {
            **found.keys,
            "classes": list(scored.classes),
            "counts": matrix.counts.tolist(),
            "row_percent": percent,
        }
        record["diagonal_ci"] = [None if ci is None else [100 * ci[0], 100 * ci[1]] for ci in intervals]
        if any(row[0] is None for row in percent):
            record["why"] = "a class without items has no row percentages"
        records.append(record)
    return records


def agreement_section(scored: Scored, *, seed: int, draws: int, confidence: float) -> list[Record]:
    """One record per human group and view.

    Fleiss' kappa and observed agreement take "no answer" as a category of its own (every item keeps its number of
    raters); alpha and AC1 leave missing answers out. Each fleiss_kappa_answered is the kappa without missing answers.
    """
    records = []
    for found in scored.sets("human"):
        item = np.unique(found.rows["item"].to_numpy(dtype=str), return_inverse=True)[1]
        answer = category_codes(found.rows["answer"], scored.classes)
        width = len(scored.classes)
        answered = count_ratings(item, answer, width)
        everything = count_ratings(item, np.where(answer < 0, width, answer), width + 1)
        kept, whole = agreement(answered), agreement(everything)
        stream = np.random.SeedSequence([seed, zlib.crc32(f"agreement/{found.group}/{found.view}".encode())])
        ci_kept = agreement_intervals(answered, np.random.default_rng(stream), draws=draws, confidence=confidence)
        ci_whole = agreement_intervals(everything, np.random.default_rng(stream), draws=draws, confidence=confidence)
        record = {
            **found.keys,
            "readers": found.rows["reader"].nunique(),
            "items": whole.items,
            "ratings": kept.ratings,
        }
        for name in COEFFICIENTS:
            counts_missing = name in ("fleiss_kappa", "percent_agreement")
            source, intervals = (whole, ci_whole) if counts_missing else (kept, ci_kept)
            record[name] = getattr(source, name)
            ci = intervals[name]
            record[f"{name}_ci_low"], record[f"{name}_ci_high"] = (
                ci if ci and record[name] is not None else (None, None)
            )
        record["fleiss_kappa_answered"] = kept.fleiss_kappa
        record["ci_method"] = f"percentile bootstrap over items, {draws} draws"
        record["why"] = kept.why or whole.why
        records.append(record)
    return records


def _counts(rows: pd.DataFrame) -> Record:
    readings, correct = len(rows), int(rows["correct"].sum())
    return {
        "readers": int(rows["reader"].nunique()),
        "items": int(rows["item"].nunique()),
        "readings": readings,
        "answered": int((rows["answer"] != "").sum()),
        "correct": correct,
        "accuracy": correct / readings,
    }
