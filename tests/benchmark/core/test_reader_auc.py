"""AUC of readers who gave confidence: scores by one rule, compared by both methods, absent without confidence."""

import numpy as np
import pandas as pd
import pytest

from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.auc import empirical_auc
from benchmark.core.plans.plan import Plan
from benchmark.core.sections.reader_auc import reader_auc_sections, score_table


def crossed(classes=("ill", "well"), *, confidence=True) -> Scored:
    """Five readers read 20 items in two views; the second view helps."""
    rng = np.random.default_rng(4)
    rows = []
    for reader in range(5):
        for view, skill in (("plain", 0.6), ("enhanced", 0.9)):
            for item in range(20):
                truth = classes[item % len(classes)]
                right = rng.random() < skill
                answer = truth if right else classes[(item + 1) % len(classes)]
                sure = float(rng.integers(40, 101)) if confidence else np.nan
                rows.append({"reader": f"r{reader}", "group": "nurse", "item": f"i{item}", "truth": truth, "answer": answer,
                             "kind": "human", "survey": "", "view": view, "block": "", "position": np.nan,
                             "confidence": sure, "rt_ms": np.nan, "answered_at": "", "completed_at": "",
                             "simulated": False})  # fmt: skip
    return Scored(Readings(pd.DataFrame(rows), "made.csv", "0" * 64), "incorrect", Plan().classes)


def test_a_reading_scores_its_class_by_its_confidence():
    scored = crossed()
    table = score_table(scored)
    assert set(table["study"]) == {"nurse\x1fill"}, "of two classes one is scored"
    found = reader_auc_sections(scored, confidence=0.95)
    record = next(r for r in found["reader_auc"] if r["reader"] == "r0" and r["modality"] == "plain")
    own = table[(table["reader"] == "r0") & (table["modality"] == "plain")]
    expected = empirical_auc(own.loc[own["truth"], "score"].to_numpy(), own.loc[~own["truth"], "score"].to_numpy())
    assert record["auc"] == pytest.approx(expected)


def test_views_are_compared_by_both_methods_and_they_agree_where_all_read_all():
    records = reader_auc_sections(crossed(), confidence=0.95)["reader_auc_differences"]
    assert {r["method"].split(",")[0] for r in records} == {"U-statistic", "Obuchowski-Rockette"}
    one, other = records
    assert one["difference"] == pytest.approx(other["difference"])
    assert one["se"] is not None
    assert other["se"] is not None


def test_many_classes_are_scored_one_against_the_others_and_without_confidence_there_is_nothing():
    many = reader_auc_sections(crossed(("a", "b", "c")), confidence=0.95)["reader_auc"]
    assert {r["class"] for r in many} == {"a", "b", "c"}
    assert reader_auc_sections(crossed(confidence=False), confidence=0.95) == {"reader_auc": [], "reader_auc_differences": []}
