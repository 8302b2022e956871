"""What finds out about raters: stimuli that came twice, obvious catches, and how fast they answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.ratings import CHOICE, CLASS, REALITY, SCALE, Ratings
from benchmark.core.methods.agreement import krippendorff_alpha
from benchmark.core.methods.twoway import codes
from benchmark.core.sections.rating_kinds import share

Record = dict[str, Any]
KEYS = ["evaluator", "image", "question"]
FLOOR_S = 1.0  # below it nobody has looked at an image and judged it


def self_agreement_section(ratings: Ratings, confidence: float) -> list[Record]:
    """How far raters agree with themselves, over all repeats of a question: each pair is a first and a second answer.

    same: share of equal answers, with the interval for new raters and new images. mean_change: second answer minus first, of scales.
    Alpha is ordinal for scales, nominal for the others; sides and directions are the stimulus's own, so that pressing the
    same side twice about a pair shown the other way round is no agreement.
    """
    records = []
    for kind in (REALITY, CHOICE, CLASS, SCALE):
        again = ratings.again[(ratings.again["kind"] == kind) & (ratings.again["answer"] != "")]
        first = ratings.frame[ratings.frame["answer"] != ""]
        both = again.merge(first, on=KEYS, suffixes=("_again", ""))
        records += [_record(question, kind, rows, confidence) for question, rows in both.groupby("question", sort=True)]
    return records


def _record(question: str, kind: str, rows: pd.DataFrame, confidence: float) -> Record:
    change = rows["value_again"] - rows["value"]
    equal = (change == 0) if kind == SCALE else (rows["answer_again"] == rows["answer"])
    found = share(rows, equal.to_numpy(float), confidence)
    numbered = codes(np.concatenate([rows["answer"], rows["answer_again"]]))[0].astype(float).reshape(2, -1)
    table = rows[["value", "value_again"]].to_numpy().T if kind == SCALE else numbered
    alpha = krippendorff_alpha(table, level="ordinal" if kind == SCALE else "nominal") if len(rows) > 1 else None
    why = found["why"] or (None if alpha is not None else "one pair alone, or every answer is the same")
    return {
        "question": question, "kind": kind, "shown": rows["shown"].iloc[0], "pairs": len(rows),
        "evaluators": int(rows["evaluator"].nunique()), "images": int(rows["image"].nunique()), "same": found["share"],
        "ci_low": found["ci_low"], "ci_high": found["ci_high"], "krippendorff_alpha": alpha,
        "mean_change": float(change.mean()) if kind == SCALE else None, "why": why,
    }  # fmt: skip


def pace_section(ratings: Ratings) -> list[Record]:
    """For every rater the seconds from the painted image to the first judgment of it, and how many came below FLOOR_S, too soon to have
    looked; a reason to look at these answers, none to leave them out."""
    rows = ratings.frame[ratings.frame["kind"].isin((REALITY, CHOICE)) & (ratings.frame["answer"] != "") & ratings.frame["rt_ms"].notna()]
    return [
        {"evaluator": name, "answers": len(own), "median_s": float(own["rt_ms"].median() / 1000),
         "fastest_s": float(own["rt_ms"].min() / 1000), "too_fast": int((own["rt_ms"] < 1000 * FLOOR_S).sum())}
        for name, own in rows.groupby("evaluator", sort=True)
    ]  # fmt: skip


def catches_section(ratings: Ratings) -> list[Record]:
    """For every rater how many obvious catches were answered, and how many rightly; a miss is a reason to look, none to leave out."""
    rows = ratings.catches[ratings.catches["answer"] != ""]
    right = rows["answer"] == rows["truth"]
    return [
        {"evaluator": name, "catches": len(own), "caught": int(right[own.index].sum())}
        for name, own in rows.groupby("evaluator", sort=True)
    ]  # fmt: skip
