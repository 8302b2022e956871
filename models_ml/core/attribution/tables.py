"""What a run's attributions come to: items.csv, regions.csv and summary.json, every score beside its control."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from models_ml.core.answers.metrics import clustered
from models_ml.core.attribution.regions import RULE, judge
from models_ml.core.config import AttributionSpec, to_dict
from models_ml.core.files import write_csv, write_json

LOCALISATION = ("mass", "rank", "pointing")
SCORES = (*LOCALISATION, "deletion", "insertion", "agreement", "on_skin")
BESIDE = ("control", "wrong_class")
FEWEST = 3  # pictures of a class of which something is said
WORDS = {
    "mass": ("Relevance on the lesion", "share of the positive relevance inside the mask"),
    "rank": ("Most relevant pixels on the lesion", "of as many top pixels as the mask has"),
    "pointing": ("Pointing game", "the peak lies on the lesion"),
    "insertion": ("Insertion", "area under the probability; larger is better"),
    "deletion": ("Deletion", "area under the probability; smaller is better"),
    "agreement": ("Agreement between members", "mean rank correlation of their maps"),
    "on_skin": ("Relevance on skin", "by colour; the rest lies on background, clothing or dark lesions"),
}
WHY = {
    "agreement": "fewer than two members or random networks, or a flat map",
    "deletion": "no item was explained",
    "insertion": "no item was explained",
    "on_skin": "no map has positive relevance",
}


def mean_known(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def write_tables(out: Path, spec: AttributionSpec, records: list[dict], controls: int) -> dict:
    """Write the three tables; the summary is returned."""
    _write_items(out / "items.csv", spec, records)
    columns = ("region", "marked", "share", "area", "control")
    parts = [(r["item"], *("" if row[k] is None else row[k] for k in columns)) for r in records for row in r["regions"]]
    write_csv(out / "regions.csv", ("item", *columns), parts)
    summary = summarised(spec, records, controls)
    write_json(out / "summary.json", summary)
    return summary


def _write_items(path: Path, spec: AttributionSpec, records: list[dict]) -> None:
    """A row per item and target. The wrong class was explained once per item and stands beside the predicted one."""
    facts = ("score", "baseline_score", "gap", "steps", *SCORES)
    header = ["item", "truth", "answer", "members_used", "fallback", "target", "class", "minus", *facts]
    header += [f"{kind}_{name}" for kind in BESIDE for name in SCORES]
    rows = []
    for r in records:
        for target in spec.targets:
            if one := r["maps"].get(target):
                values = [one.get(name) for name in facts]  # what was explained by an earlier version has no baseline_score
                values += [_beside(r, target, kind).get(name) for kind in BESIDE for name in SCORES]
                row = [r["item"], r["truth"], r["answer"], r["members_used"], r["fallback"], target, one["target"]]
                rows.append([*row, one["minus"] or "", *("" if v is None else v for v in values)])
    write_csv(path, header, rows)


def _beside(record: dict, target: str, kind: str) -> dict[str, float | None]:
    """The same scores of the random networks for this target, or of the least probable class beside the answer."""
    if kind == "control":
        return record["maps"].get(target, {}).get("control", {})
    return record["wrong_class"] if target == "predicted" else {}


def summarised(spec: AttributionSpec, records: list[dict], controls: int) -> dict:
    """Means over the items with intervals over photographs or patients: of every target's scores, of those of random
    weights (``control``) and of the least probable class (``wrong_class``), and of the differences to both, taken
    item by item (``above_...``)."""
    clusters = np.array([r["group"] or f"item:{r['item']}" for r in records])
    summary = {
        "schema": "attribution/2", "spec": to_dict(spec), "controls": controls, "items": len(records), "targets": {},
        **{f"{prefix}{kind}": {} for kind in BESIDE for prefix in ("", "above_")},
    }  # fmt: skip
    for target in spec.targets:
        own = [r["maps"].get(target, {}) for r in records]
        summary["targets"][target] = {name: _estimate(name, [m.get(name) for m in own], clusters) for name in SCORES}
        for kind in BESIDE:
            if kind == "wrong_class" and target != "predicted":
                continue
            beside = [_beside(r, target, kind) if m else {} for r, m in zip(records, own)]
            pairs = {name: [(m.get(name), b.get(name)) for m, b in zip(own, beside)] for name in SCORES}
            summary[kind][target] = {n: _estimate(n, [b for _, b in pairs[n]], clusters) for n in SCORES}
            summary[f"above_{kind}"][target] = {
                n: _estimate(n, [None if None in pair else pair[0] - pair[1] for pair in pairs[n]], clusters)
                for n in SCORES
            }
    summary["by_class"] = _by_class(records, clusters)
    summary["completeness"] = {t: _completeness([r["maps"].get(t) for r in records], spec.gap) for t in spec.targets}
    summary["regions"], summary["regions_rule"] = judge(records, clusters), RULE
    summary["mask_share"] = _estimate("mask_share", [r["mask_share"] for r in records], clusters)
    return summary


def _by_class(records: list[dict], clusters: np.ndarray) -> dict:
    """Relevance on the lesion, of the predicted class's maps, for the pictures of each reference class that have a mask."""
    found = {}
    for name in sorted({r["truth"] for r in records} - {""}):
        some = [(r["maps"].get("predicted", {}), c) for r, c in zip(records, clusters) if r["truth"] == name]
        known = [(m["mass"], m["control"]["mass"], c) for m, c in some if m and None not in (m["mass"], m["control"].get("mass"))]
        if known:
            own, beside, of = map(np.array, zip(*known))
            parts = {"mass": own, "control": beside, "above_control": own - beside}
            found[name] = {key: asdict(clustered(values, of, resamples=1000)) for key, values in parts.items()}
    return found


def not_located_in_words(by_class: dict | None) -> str:
    """The classes on whose lesions the maps lie no more, as far as is known, than those of random weights."""
    beside = {name: one["above_control"] for name, one in (by_class or {}).items()}
    names = [
        f"{name} ({one['n']})" for name, one in beside.items()
        if one["n"] >= FEWEST and one["ci_low"] is not None and one["ci_low"] <= 0
    ]  # fmt: skip
    if not names:
        return ""
    return (
        f"Not surely more relevance on the lesion than by networks of random weights, by class (pictures): {', '.join(names)}. Where "
        "these lesions are, such maps do not tell."
    )


def _completeness(facts: list[dict | None], asked: float) -> dict:
    """How many maps add up to the difference of outputs as exactly as was asked, and in how many steps."""
    known = [one for one in facts if one and one["gap"] is not None]
    if not known:
        return {"maps": 0, "why": "no map has a completeness gap by this method"}
    gaps, steps = (np.array([one[key] for one in known], dtype=float) for key in ("gap", "steps"))
    return {
        "asked": asked, "maps": len(known), "within": int((gaps <= asked).sum()), "median": float(np.median(gaps)),
        "largest": float(gaps.max()), "steps_median": float(np.median(steps)), "steps_largest": int(steps.max()),
    }  # fmt: skip


def completeness_in_words(found: dict | None) -> str:
    if not found or not found["maps"]:
        return ""
    return (
        f"{found['within']} of {found['maps']} maps add up to the difference of outputs to within {found['asked']:.0%} "
        f"(median gap {found['median']:.1%}, largest {found['largest']:.1%}; median {found['steps_median']:.0f} steps, "
        f"most {found['steps_largest']})."
    )


def _estimate(name: str, values: Sequence[float | None], clusters: np.ndarray) -> dict:
    known = np.array([v is not None for v in values], dtype=bool)
    if not known.any():
        return {"value": None, "n": 0, "why": WHY.get(name, "no item has a mask, or every map is flat")}
    numbers = np.array([v for v in values if v is not None])
    return asdict(clustered(numbers, clusters[known], resamples=1000))


def _two_digits(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # what rounds to nothing has no sign


def in_words(estimate: dict | None) -> str:
    """ "0.42 (0.36 to 0.47)", or why there is none."""
    if not estimate:
        return ""
    if estimate.get("value") is None:
        return estimate.get("why", "not known")
    text = _two_digits(estimate["value"])
    if estimate.get("ci_low") is not None:
        text = f"{text} ({_two_digits(estimate['ci_low'])} to {_two_digits(estimate['ci_high'])})"
    return text.replace("-", "\N{MINUS SIGN}")


def score_rows(summary: dict, target: str) -> list[tuple[str, ...]]:
    """Per score: its name, meaning, and in words its value, the control's, the difference, and the wrong class's."""
    places = ("targets", "control", "above_control", "wrong_class")
    found = [summary.get(place, {}).get(target, {}) for place in places]
    return [(title, meaning, *(in_words(one.get(name)) for one in found)) for name, (title, meaning) in WORDS.items()]
