"""What a run's attributions come to: items.csv, regions.csv and summary.json, every score with its interval."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from models_ml.core.config import AttributionSpec, to_dict
from models_ml.core.files import write_csv, write_json
from models_ml.core.metrics import clustered
from models_ml.core.regions import RULE, judge

LOCALISATION = ("mass", "rank", "pointing")
SCORES = (*LOCALISATION, "deletion", "insertion", "agreement", "on_skin")


def mean_known(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None


def write_tables(out: Path, spec: AttributionSpec, records: list[dict], controls: int) -> None:
    header = [
        "item",
        "truth",
        "answer",
        "members_used",
        "fallback",
        "target",
        "class",
        "minus",
        "gap",
        "steps",
        *SCORES,
    ]
    rows = [
        [r["item"], r["truth"], r["answer"], r["members_used"], r["fallback"], target, m["target"], m["minus"] or "",
         *("" if m[k] is None else m[k] for k in ("gap", "steps", *SCORES))]
        for r in records for target in spec.targets if (m := r["maps"].get(target))
    ]  # fmt: skip
    write_csv(out / "items.csv", header, rows)
    columns = ("region", "marked", "share", "area", "control")
    parts = [(r["item"], *("" if row[k] is None else row[k] for k in columns)) for r in records for row in r["regions"]]
    write_csv(out / "regions.csv", ("item", *columns), parts)
    clusters = np.array([r["group"] or f"item:{r['item']}" for r in records])
    summary = {
        "schema": "attribution/1",
        "spec": to_dict(spec),
        "controls": controls,
        "items": len(records),
        "targets": {},
    }
    for target in spec.targets:
        found = [r["maps"].get(target, {}) for r in records]
        summary["targets"][target] = {name: _estimate([m.get(name) for m in found], clusters) for name in SCORES}
    predicted = [r["maps"].get("predicted", {}) for r in records]
    for name in LOCALISATION:
        for kind in ("control", "wrong_class"):
            pairs = [(m.get(name), r[kind][name]) for m, r in zip(predicted, records)]
            above = [a - b if a is not None and b is not None else None for a, b in pairs]
            summary.setdefault(kind, {})[name] = _estimate([b for _, b in pairs], clusters)
            summary.setdefault(f"above_{kind}", {})[name] = _estimate(above, clusters)
    summary["regions"], summary["regions_rule"] = judge(records, clusters), RULE
    summary["mask_share"] = _estimate([r["mask_share"] for r in records], clusters)
    write_json(out / "summary.json", summary)


def _estimate(values: Sequence[float | None], clusters: np.ndarray) -> dict:
    known = np.array([v is not None for v in values], dtype=bool)
    if not known.any():
        return {"value": None, "n": 0, "why": "no item has this score (no mask, one member, or a flat map)"}
    numbers = np.array([v for v in values if v is not None])
    found = clustered(numbers, clusters[known], resamples=1000)
    return asdict(found)
