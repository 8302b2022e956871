"""Sections that describe: accuracy per group and reader; confusion matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.confusion import cell_intervals, confusion_matrix
from benchmark.core.methods.proportions import WILSON, clustered_proportion, wilson
from benchmark.core.methods.weighting import mean_over, weights_of

Record = dict[str, Any]


def accuracy_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One record per reader group (or network) and view."""
    records = []
    for found in scored.sets():
        rows = found.rows
        ci = clustered_proportion(
            rows["correct"], rows["reader"], rows["item"], rows["truth"], confidence=confidence, weights=weights_of(rows)
        )
        records.append({**found.keys, **counts_of(rows), "ci_low": ci.low, "ci_high": ci.high, "ci_method": ci.method})
    return records


def reader_accuracy_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One record per reader and view; the interval is over items like the reader's own (Wilson)."""
    records = []
    for found in scored.sets():
        rows = found.rows.assign(answered=found.rows["answer"] != "")
        by_reader = rows.groupby("reader", sort=True).agg(
            items=("item", "nunique"), readings=("item", "size"), answered=("answered", "sum"), correct=("correct", "sum")
        )
        sat = rows.drop_duplicates(["reader", "survey"]).sort_values("survey").groupby("reader")["survey"].agg(list)
        for own in by_reader.itertuples():
            right, n = int(own.correct), int(own.readings)
            low, high = wilson(right, n, confidence=confidence)
            surveys = " ".join(name for name in sat[own.Index] if name) if found.kind == "human" else ""
            records.append({
                **found.keys, "reader": own.Index, "surveys": surveys, "readers": 1, "items": int(own.items),
                "readings": n, "answered": int(own.answered), "correct": right, "accuracy": right / n, "ci_low": low,
                "ci_high": high, "ci_method": WILSON,
            })  # fmt: skip
    return records


def confusion_section(scored: Scored, *, confidence: float) -> list[Record]:
    """One matrix per group (or network) and view, with the interval of every cell's share of its row, in per cent."""
    records = []
    for found in scored.sets():
        matrix = confusion_matrix(found.rows["truth"], found.rows["answer"], scored.classes, weights_of(found.rows))
        percent = [[None if np.isnan(cell) else float(cell) for cell in row] for row in matrix.row_percent]
        intervals = cell_intervals(found.rows, scored.classes, confidence=confidence)
        record = {
            **found.keys,
            "classes": list(scored.classes),
            "counts": matrix.counts.tolist(),
            "row_percent": percent,
        }
        record["row_ci"] = [[ci and [100 * ci[0], 100 * ci[1]] for ci in row] for row in intervals]
        if any(row[0] is None for row in percent):
            record["why"] = "a class without items has no row percentages"
        records.append(record)
    return records


def counts_of(rows: pd.DataFrame) -> Record:
    readings, correct = len(rows), int(rows["correct"].sum())
    return {
        "readers": int(rows["reader"].nunique()),
        "items": int(rows["item"].nunique()),
        "readings": readings,
        "answered": int((rows["answer"] != "").sum()),
        "correct": correct,
        "accuracy": correct / readings if weights_of(rows) is None else mean_over(rows, rows["correct"]),
    }
