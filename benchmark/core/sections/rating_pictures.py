"""Every single image of a rating study: how often it passed for the other kind, and its mean ratings."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.core.inputs.ratings import GENERATED, REALITY, SCALE, SINGLE, Ratings
from benchmark.core.methods.proportions import wilson

Record = dict[str, Any]
MEAN = "mean "


def pictures_section(ratings: Ratings, confidence: float) -> list[Record]:
    """One record per single image and question about reality, those most often called generated first.

    wrong: how many took it for what it is not. "mean QUESTION": its mean on every scale. The interval is over evaluators
    (Wilson) and holds for this image.
    """
    frame = ratings.frame
    scales = frame[(frame["kind"] == SCALE) & (frame["shown"] == SINGLE) & (frame["answer"] != "")]
    means = scales.pivot_table(index="image", columns="question", values="value", aggfunc="mean")
    records = []
    for question, rows in ratings.of_kind(REALITY):
        own = [_picture(question, image, judged, means, confidence) for image, judged in rows.groupby("image", sort=True)]
        records += sorted(own, key=lambda r: (-r["called_generated"] / r["judgments"], r["image"]))
    return records


def _picture(question: str, image: str, rows: pd.DataFrame, means: pd.DataFrame, confidence: float) -> Record:
    called, judgments, truth = int((rows["answer"] == GENERATED).sum()), len(rows), rows["truth"].iloc[0]
    low, high = wilson(called, judgments, confidence=confidence)
    sure = rows["confidence"].dropna()
    rated = means.loc[image] if image in means.index else {}
    return {
        "question": question, "image": image, "truth": truth, "set": rows["set"].iloc[0] or truth,
        "class": rows["label"].iloc[0] or None, "judgments": judgments, "called_generated": called,
        "wrong": called if truth != GENERATED else judgments - called,
        "share_called_generated": called / judgments, "ci_low": low, "ci_high": high,
        "mean_confidence": float(sure.mean()) if len(sure) else None,
        **{f"{MEAN}{name}": None if pd.isna(value) else float(value) for name, value in dict(rated).items()},
    }  # fmt: skip


def best_and_worst(records: list[Record], many: int = 12) -> list[tuple[str, list[Record]]]:
    """Generated images that passed for real most often, those that did so least, and real ones taken for generated."""
    made = [r for r in records if r["truth"] == GENERATED]
    real = [r for r in records if r["truth"] != GENERATED]
    by_share = sorted(made, key=lambda r: (r["share_called_generated"], -_realism(r), r["image"]))
    half = max(1, len(made) // 2)
    found = [
        ("Generated, most often taken for real", by_share[: min(many, half)]),
        ("Generated, most often found out", by_share[::-1][: min(many, half)]),
        ("Real, most often taken for generated", [r for r in real if r["called_generated"]][:many]),
    ]
    return [(title, own) for title, own in found if own]


def _realism(record: Record) -> float:
    means = [value for name, value in record.items() if name.startswith(MEAN) and value is not None]
    return sum(means) / len(means) if means else 0.0
