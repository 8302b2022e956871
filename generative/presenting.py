"""Sets and samples as pages show them: in words, strips and grids."""

import math
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet

from generative.curves import Curve, distance_curve
from generative.models import Audit, ImageSet, Sample
from generative.services.pictures import class_names
from imagebank.models import ItemImage


def set_rows(sets: QuerySet) -> QuerySet:
    """Sets with what a list shows of each."""
    return sets.annotate(
        pictures=Count("samples", distinct=True),
        suspected=Count("samples", filter=Q(samples__quarantined=True), distinct=True),
    )


def option_words(options: dict) -> list[str]:
    """Recipe options as one says them, by name, since databases keep no order: "gamma 0.1", "transition 20 to 200", "not mirror"."""
    words = []
    for name, value in sorted(options.items()):
        shown = name.replace("_", " ")
        if isinstance(value, bool):
            words.append(shown if value else f"not {shown}")
        elif isinstance(value, list | tuple):
            words.append(f"{shown} {' to '.join(f'{part:g}' if isinstance(part, float) else str(part) for part in value)}")
        else:
            words.append(f"{shown} {value:.4g}" if isinstance(value, float) else f"{shown} {value}")
    return words


def shown_label(sample: Sample, names: dict[str, str]) -> str:
    """The label in the study's words: "Early stage", or "Early stage 70 %, Late stage 30 %"."""
    if len(sample.label) == 1:
        return names[next(iter(sample.label))]
    return ", ".join(f"{names[name]} {100 * share:.0f} %" for name, share in sample.label.items())


@dataclass(frozen=True)
class Strip:
    """One morph: its frames from start to end."""

    seed: str
    start: str
    end: str
    frames: tuple[Sample, ...]


def strips_of(samples: list[Sample]) -> list[Strip]:
    """Samples that carry their `words`, by seed, each strip in its order."""
    by_seed: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_seed[sample.seed].append(sample)
    strips = []
    for seed, frames in by_seed.items():
        frames.sort(key=lambda frame: frame.position or 0.0)
        for frame in frames:
            frame.share = f"{100 * (frame.position or 0.0):.0f} %"
        strips.append(Strip(seed, frames[0].words, frames[-1].words, tuple(frames)))
    return strips


def grid_rows(samples: list[Sample]) -> dict:
    """The style grid: column sources, and per row its source and its mixes."""
    by_role: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        by_role[sample.note.get("role", "mix")].append(sample)
    columns, width = by_role["column"], max(len(by_role["column"]), 1)
    lines = [
        {"source": source, "cells": by_role["mix"][i * width : (i + 1) * width]}
        for i, source in enumerate(by_role["row"])
    ]
    return {"columns": columns, "lines": lines}


def audit_numbers(audit: Audit | None) -> list[dict]:
    """Per space of the comparison: threshold, share below it, authenticity, asymmetry."""
    if audit is None:
        return []
    report = audit.report
    return [
        {
            "space": space, "threshold": threshold, "below": report["share_below"][space],
            "authenticity": report["authenticity"][space], "asymmetry": report["asymmetry"][space],
        }
        for space, threshold in report.get("thresholds", {}).items()
    ]  # fmt: skip


@dataclass(frozen=True)
class ShownProjection:
    """A projection beside the picture it was made from; `real` is None when that is no longer in the study."""

    sample: Sample
    real: ItemImage | None
    words: str
    start: float | None
    distance: float | None
    share: float | None
    curve: Curve | None


def projection_of(image_set: ImageSet, sample: Sample) -> ShownProjection:
    """What the record of a projection set says, ours or another's that left numbers out."""
    plan = image_set.record["plan"]
    images = ItemImage.objects.filter(item__study=image_set.study).select_related("item")
    real = images.filter(public_id=str(plan.get("of"))).first()
    start, distance = (_number(plan.get(key)) for key in ("start_distance", "distance"))
    steps = [_number(value) for value in plan.get("curve") or []]
    names = class_names(image_set.study, list(sample.label))
    return ShownProjection(
        sample, real, shown_label(sample, names) if sample.label else "", start, distance,
        100 * distance / start if start and distance is not None else None,
        None if None in steps else distance_curve(steps),
    )  # fmt: skip


def _number(value) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


@dataclass(frozen=True)
class Measure:
    """One line of "how good": a value with its interval, or why there is none, and what to read it beside."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""
    beside: str = ""
    digits: int = 4

    @property
    def shown(self) -> str:
        return _written(self.value, self.digits) if self.value is not None else self.why or "not estimable"

    @property
    def interval(self) -> str:
        return _interval(self.low, self.high, self.digits) if self.low is not None else ""


def _written(value: float, digits: int) -> str:
    return f"{value:.{digits}f}".replace("-", "−")


def _interval(low: float, high: float, digits: int) -> str:
    return f"{_written(low, digits)} to {_written(high, digits)}"


def judged(report: dict, names: dict[str, str]) -> list[Measure]:
    """An evaluation/1 report as lines; an empty report gives none."""
    if not report:
        return []
    base = report["kid_baselines"]
    rows = [
        _estimate("KID", report["kid"], "0 when alike; the two lines below"),
        _estimate("KID of real halves", base["split_half"], "what chance alone makes"),
        _estimate("KID of held-out pictures", base["train_vs_held_out"], "what other patients make"),
        *(_estimate(f"KID, {names.get(row['class'], row['class'])}", row, _halves(row)) for row in report["kid_by_class"]),
    ]
    overlap, spread = report["overlap"], report["overlap"]["intervals"]
    for name, why in (("recall", "share of real pictures it reaches"), ("coverage", "the same, robust to outliers")):
        low, high = spread.get(name) or (None, None)
        rows.append(Measure(name.capitalize(), overlap[name], low, high, overlap.get("why") or "", why, 3))
    rows.append(
        Measure(
            "Precision",
            overlap["precision"],
            why=overlap.get("why") or "",
            beside="share inside the real set",
            digits=3,
        )
    )
    fidelity = report["label_fidelity"]
    rows.append(Measure("Label fidelity", fidelity["accuracy"], why=fidelity.get("why") or "", digits=3,
                        beside="share to which the classifier gives the label asked for"))  # fmt: skip
    rows += _morph_measures(report["morphs"])
    rows.append(Measure("FID (legacy)", report["fid_legacy"]["value"], beside=report["fid_legacy"]["note"], digits=2))
    return rows


def _estimate(name: str, estimate: dict, beside: str = "") -> Measure:
    return Measure(name, estimate["value"], estimate["low"], estimate["high"], estimate.get("why") or "", beside)


def _halves(row: dict) -> str:
    """What chance alone makes of this class's real halves."""
    found = row.get("split_half") or {}
    return f"real halves {_interval(found['low'], found['high'], 4)}" if found.get("low") is not None else ""


def _morph_measures(morphs: list[dict]) -> list[Measure]:
    """Means over the strips."""
    wanted = (
        ("unevenness", "Unevenness of morphs", "largest step over the mean one; 1 is even"),
        ("detour", "Detour of morphs", "path over the distance of its ends; 1 is straight"),
        ("monotony", "Monotony of stages", "share of steps along which the stage does not fall back"),
        ("midpoint", "Stage of the middle frame", "as the classifier sees it: 0 the first class, 1 the last"),
    )
    rows = []
    for key, name, beside in wanted:
        values = [strip[key] for strip in morphs if strip.get(key) is not None]
        why = next((strip["stages_why"] for strip in morphs if strip.get("stages_why")), "") if key in ("monotony", "midpoint") else ""
        if values:
            rows.append(Measure(name, sum(values) / len(values), beside=beside, digits=2))
        elif why:
            rows.append(Measure(name, None, why=why, beside=beside))
    return rows
