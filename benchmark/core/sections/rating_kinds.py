"""Ratings class by class, answers that name a class, marks, and strips of frames against their controls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.core.inputs.ratings import (
    CHOICE,
    CLASS,
    FRAME,
    GENERATED,
    MARK,
    REAL,
    REALITY,
    SCALE,
    SINGLE,
    UNDECIDED,
    Ratings,
)
from benchmark.core.methods.proportions import clustered_proportion
from benchmark.core.methods.twoway import two_way_mean

Record = dict[str, Any]
STRIP = "strip"


def share(rows: pd.DataFrame, yes: np.ndarray, confidence: float) -> Record:
    """Share of `yes` (0 to 1 per row) with the interval for new evaluators and new images."""
    found = clustered_proportion(yes, rows["evaluator"], rows["image"], confidence=confidence)
    return {"share": float(np.mean(yes)), "ci_low": found.low, "ci_high": found.high, "why": found.why}


def mean_rating(rows: pd.DataFrame, confidence: float) -> Record:
    """Mean of a scale with the two-way interval; none where so few evaluators or images make it wider than the scale."""
    values = rows["value"].to_numpy()
    test = two_way_mean(values, rows["evaluator"], rows["image"], confidence=confidence)
    record = {"mean": test.estimate, "se": test.se, "df": test.df, "ci_low": test.ci_low, "ci_high": test.ci_high}
    if test.ci_low is not None and test.ci_high - test.ci_low > max(np.ptp(values), 1.0):
        few = f"{test.readers} evaluators and {test.items} images are too few: the interval would be wider than the scale"
        return {**record, "ci_low": None, "ci_high": None, "why": few}
    return {**record, "why": test.why}


def _counted(rows: pd.DataFrame) -> Record:
    return {"evaluators": int(rows["evaluator"].nunique()), "images": int(rows["image"].nunique()), "answers": len(rows)}


def class_reality_section(ratings: Ratings, confidence: float) -> list[Record]:
    """How often images of each stated class were called generated: the real ones, and those of every set."""
    records = []
    for question, rows in ratings.of_kind(REALITY):
        labelled = rows[rows["label"] != ""]
        for (label, truth, name), own in labelled.groupby(["label", "truth", "set"], sort=True):
            called = (own["answer"] == GENERATED).to_numpy(float)
            keys = {"question": question, "class": label, "set": name or truth, "truth": truth, **_counted(own)}
            records.append({**keys, **share(own, called, confidence)})
    return records


def class_scales_section(ratings: Ratings, confidence: float) -> list[Record]:
    """Mean rating of each scale on single images, per stated class and set."""
    records = []
    for question, rows in ratings.of_kind(SCALE):
        labelled = rows[(rows["label"] != "") & (rows["shown"] == SINGLE)]
        for (label, name), own in labelled.groupby(["label", "set"], sort=True):
            keys = {"question": question, "class": label, "set": name or REAL, **_counted(own)}
            records.append({**keys, **mean_rating(own, confidence)})
    return records


def named_classes_section(ratings: Ratings, confidence: float) -> list[Record]:
    """How often the class that an image is stated to show was named, over all classes and one by one."""
    records = []
    for question, rows in ratings.of_kind(CLASS):
        for name, of_set in rows.groupby("set", sort=True):
            for label, own in [("", of_set), *of_set.groupby("truth", sort=True)]:
                named = (own["answer"] == own["truth"]).to_numpy(float)
                keys = {"question": question, "set": name or REAL, "class": label or None, **_counted(own)}
                undecided = float(own["answer"].isin(UNDECIDED).mean())
                records.append({**keys, **share(own, named, confidence), "undecided": undecided})
    return records


def marks_section(ratings: Ratings, confidence: float) -> list[Record]:
    """How often each thing that can be marked was marked, per set."""
    records = []
    for question, rows in ratings.of_kind(MARK):
        for name, own in rows.groupby("set", sort=True):
            yes = (own["answer"] == "yes").to_numpy(float)
            keys = {"question": question, "set": name or REAL, "shown": own["shown"].iloc[0], **_counted(own)}
            records.append({**keys, **share(own, yes, confidence)})
    return records


def strips_section(ratings: Ratings, confidence: float) -> list[Record]:
    """Strips of frames per condition, morphs beside their controls: what each question says about monotony.

    A direction that is seen right more often than half of the time (undecided answers count half) means that raters see
    the strip advance. without_fault: share of ratings that named no implausible frame; first_fault: median place of the
    first implausible frame among the others, as a share of the strip.
    """
    strips = ratings.frame[(ratings.frame["shown"] == STRIP) & (ratings.frame["answer"] != "")]
    return [
        record
        for name, of_set in strips.groupby("set", sort=True)
        for (kind, question), own in of_set.groupby(["kind", "question"], sort=True)
        if (record := _strip_record(name or REAL, kind, question, own, confidence)) is not None
    ]


def _strip_record(name: str, kind: str, question: str, own: pd.DataFrame, confidence: float) -> Record | None:
    record: Record = {"set": name, "question": question, "kind": kind, **_counted(own)}
    if kind == SCALE:
        found = mean_rating(own, confidence)
        bounds = {key: found[key] for key in ("ci_low", "ci_high", "why")}
        return {**record, "measure": "mean", "estimate": found["mean"], **bounds}
    if kind == CHOICE:
        measure, yes = "share right", credit(own)
    elif kind == MARK:
        measure, yes = "share yes", (own["answer"] == "yes").to_numpy(float)
    elif kind == FRAME:
        measure, yes = "share without an implausible frame", (own["value"] == 0).to_numpy(float)
    else:
        return None
    found = share(own, yes, confidence)
    record = {**record, "measure": measure, "estimate": found.pop("share"), **found}
    if kind == FRAME:
        parts = pd.to_numeric(own["parts"], errors="coerce")
        places = (own["value"] / parts)[(own["value"] > 0) & (parts > 0)]
        record["first_fault"] = float(places.median()) if len(places) else None
    return record


def credit(rows: pd.DataFrame) -> np.ndarray:
    """1 for the right side, 0 for the other, a half for an answer that names none, as guessing would earn."""
    right = (rows["answer"] == rows["truth"]).to_numpy(float)
    return np.where(rows["answer"].isin(UNDECIDED), 0.5, right)
