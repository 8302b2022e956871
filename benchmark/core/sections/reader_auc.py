"""AUC of readers who gave confidence: every class against the others, view against view.

A reading scores its class by its confidence: plus the confidence where the class was named, minus it where another was.
With two classes that is the usual score of the one against the other. Unanswered readings have no score and are left out.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.core.inputs.scoring import Scored
from benchmark.core.sections.auc_study import Scores, analyse_scores

Record = dict[str, Any]
BETWEEN = "\x1f"  # joins group and class into the name of one sub-study


def reader_auc_sections(scored: Scored, *, confidence: float) -> dict[str, list[Record]]:
    """`reader_auc`: one record per reader, view and class; `reader_auc_differences`: later view minus earlier one, by
    Obuchowski and Rockette's method where the design is crossed or split-plot, and by the U-statistic in any design."""
    table = score_table(scored)
    if table.empty:
        return {"reader_auc": [], "reader_auc_differences": []}
    views = [view for view in scored.readings.views if view]
    pair = (views[1], views[0]) if len(views) == 2 else (None, None)
    found = analyse_scores(Scores(table, "", ""), first=pair[0], second=pair[1], confidence=confidence)
    return {
        "reader_auc": [_named(record) for record in found["auc_readers"]],
        "reader_auc_differences": [_named(record) for record in found["auc_differences"]],
    }


def score_table(scored: Scored) -> pd.DataFrame:
    """Scores of people with confidence, in the columns of `auc_study.Scores`; of two classes only the first is scored."""
    frame = scored.frame
    rows = frame[(frame["kind"] == "human") & (frame["answer"] != "") & frame["confidence"].notna()]
    classes = [name for name in scored.classes if (rows["truth"] == name).any()]
    if len(classes) < 2:
        return pd.DataFrame(columns=["reader", "case", "modality", "score", "truth", "study"])
    return pd.concat([_one_class(rows, name) for name in (classes[:1] if len(classes) == 2 else classes)], ignore_index=True)


def _one_class(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    sign = (rows["answer"] == name).map({True: 1.0, False: -1.0})
    return pd.DataFrame(
        {
            "reader": rows["reader"],
            "case": rows["item"],
            "modality": rows["view"],
            "score": sign * rows["confidence"].astype(float),
            "truth": rows["truth"] == name,
            "study": rows["group"] + BETWEEN + name,
        }
    )


def _named(record: Record) -> Record:
    group, _, name = record["study"].partition(BETWEEN)
    rest = {key: value for key, value in record.items() if key != "study"}
    return {"group": group, "class": name, **rest}
