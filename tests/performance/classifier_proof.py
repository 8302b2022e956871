"""Proof on real, openly licensed pictures: transfer learning, grouped folds, attribution measured on expert masks.

    python -m tests.performance.classifier_proof blood DATA OUT      # pbc-blood-8 with real MobileNetV2 weights
    python -m tests.performance.classifier_proof patients DATA OUT   # pad-ufes-20-subset: folds by patient
    python -m tests.performance.classifier_proof masks DATA OUT      # isic2017-256: attribution and its controls; half an hour
    python -m tests.performance.classifier_proof masks DATA OUT blur=30 zero=30   # these baselines, on so many pictures

DATA holds the folders pbc-blood-8, mobilenetv2-imagenet, pad-ufes-20-subset and isic2017-256 (sources and licences
stand in docs/results/classifier.md). Each part prints one JSON document, may be interrupted, and continues when started
again with the same OUT. One processor thread; minutes each.
"""

import csv
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from models_ml.core import predict_items, read_manifest, train_ensemble
from models_ml.core.answers.evaluate import evaluate_predictions
from models_ml.core.answers.metrics import clustered
from models_ml.core.attribution.run import explain_items
from models_ml.core.attribution.tables import SCORES
from models_ml.core.config import DataSpec, ModelSpec, RunConfig, preset
from models_ml.core.events import ProgressBar
from models_ml.core.files import write_csv
from models_ml.core.pictures.audit import audit
from models_ml.core.pictures.folds import split

# Pictures by baseline, taken in turn from the classes: maps are dear on a processor.
BASELINES = ("blur=150", "zero=30")


def _weights(data: Path) -> ModelSpec:
    from models_ml.core.files import sha256_file

    path = data / "mobilenetv2-imagenet/mobilenetv2_100.safetensors"
    return ModelSpec(
        backbone="mobilenetv2_100", backbone_args={"pad_type": "same"}, weights=str(path),
        weights_sha256=sha256_file(path),
        head_dropouts=5, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
    )  # fmt: skip


def _config(model: ModelSpec, size_px: int, **recipe) -> RunConfig:
    settings = {"batch_size": 32, "lr": 1e-3, "weight_decay": 0.02, "warmup_epochs": 1.0, "ema_decay": 0.95,
                "clip_norm": 1.0, "sampler": "balanced", "patience": 0, **recipe}  # fmt: skip
    data = DataSpec(size_px=size_px, augment="light")
    return replace(preset("tiny", **settings), name=model.backbone, model=model, data=data)


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def _short(found: dict) -> dict:
    keys = ("accuracy", "accuracy_clustered", "balanced_accuracy", "brier", "log_loss")
    return {k: found[k] for k in keys} | {"ece": found["calibration"]["ece"]}


def blood(data: Path, out: Path) -> dict:
    """Five folds from ImageNet weights and, by the same recipe, two from random ones; the published split."""
    source = data / "pbc-blood-8"
    rows = [
        (r["file"], r["label"], "blood", str(source / r["file"]), r["split"], r["fold"])
        for r in _rows(source / "labels.csv")
    ]
    write_csv(out / "manifest.csv", ("item", "class", "view", "path", "split", "fold"), rows)
    manifest, result = read_manifest(out / "manifest.csv"), {}
    pretrained = _weights(data)
    for name, model in (("imagenet", pretrained), ("random", replace(pretrained, weights="none", weights_sha256=""))):
        cfg, began = _config(model, 96, epochs=4), time.process_time()
        folds = None if name == "imagenet" else [0, 1]  # two members suffice to see what the weights are worth
        run = train_ensemble(cfg, manifest, out / name, ProgressBar(), folds=folds, state_every_s=30)
        trained_s = sum(fold.seconds for fold in run.folds)
        predictions = predict_items(out / name, manifest, split="test", out=out / name / "predictions.csv")
        found = evaluate_predictions(predictions, cfg.ensemble, manifest=manifest)
        calibrated = evaluate_predictions(predictions, cfg.ensemble, manifest=manifest, temperature=run.temperature)
        result[name] = {
            "ensemble": _short(found["ensemble"]),
            "members": {m: v["accuracy"]["value"] for m, v in found["members"].items()},
            "mean_member": found["mean_member_accuracy"],
            "held_out": [fold.score for fold in run.folds],
            "temperature": run.temperature,
            "ece_after_temperature": calibrated["ensemble"]["calibration"]["ece"],
            "training_s": trained_s, "cpu_s_of_this_call": time.process_time() - began,
        }  # fmt: skip
    return result


def patients(data: Path, out: Path) -> dict:
    """Folds by patient: nobody straddles; class counts per fold."""
    source = data / "pad-ufes-20-subset"
    rows = [
        (r["img_id"], r["diagnostic"], "clinical", str(source / r["file"]), r["patient_id"], r["fitzpatrick"])
        for r in _rows(source / "labels.csv")
    ]
    write_csv(out / "manifest.csv", ("item", "class", "view", "path", "group", "skin_tone"), rows)
    manifest = split(read_manifest(out / "manifest.csv"), folds=5, seed=0)
    manifest.write(out / "folds.csv")
    folds_of: dict[str, set] = {}
    for item in manifest.items:
        folds_of.setdefault(item.group, set()).add(item.fold)
    ungrouped = split(replace(manifest, items=tuple(replace(i, group="") for i in manifest.items)), folds=5, seed=0)
    straddling: dict[str, set] = {}
    for item, other in zip(manifest.items, ungrouped.items):
        straddling.setdefault(item.group, set()).add(other.fold)
    classes = sorted({i.label for i in manifest.items})
    return {
        "patients": len(folds_of),
        "patients_in_several_folds": sum(len(f) > 1 for f in folds_of.values()),
        "patients_in_several_folds_without_grouping": sum(len(f) > 1 for f in straddling.values()),
        "counts": {c: [sum(i.label == c and i.fold == k for i in manifest.items) for k in range(5)] for c in classes},
        "audit": {"pairs": len(audit(manifest).pairs), "leaks": len(audit(manifest).leaks)},
    }


def masks(data: Path, out: Path, *asked: str) -> dict:
    """Two members on the training split, explained on the 150 validation pictures with expert masks.

    asked: baselines with the number of pictures, e.g. ``zero=30``.
    """
    source, rng = data / "isic2017-256", np.random.default_rng(0)
    rows, table = [], _rows(source / "labels.csv")
    by_class: dict[str, list] = {}
    for r in table:
        if r["split"] == "train":
            by_class.setdefault(r["diagnosis"], []).append(r)
    chosen = [r for group in by_class.values() for r in (group[k] for k in rng.permutation(len(group))[:200])]
    validation = [r for r in table if r["mask"]]
    duplicates = {"ISIC_0012970", "ISIC_0012175", "ISIC_0012271", "ISIC_0012221", "ISIC_0012152", "ISIC_0012176"}
    for r in chosen + validation:
        mask = str(source / r["mask"]) if r["mask"] else ""
        split_name = "test" if r["mask"] else "train"
        if r["mask"] or r["image_id"] not in duplicates:
            rows.append((r["image_id"], r["diagnosis"], "dermoscopy", str(source / r["file"]), split_name, mask))
    write_csv(out / "manifest.csv", ("item", "class", "view", "path", "split", "mask"), rows)
    manifest = read_manifest(out / "manifest.csv")
    cfg = _config(_weights(data), 96, epochs=5)
    cfg = replace(cfg, data=replace(cfg.data, folds=2))
    train_ensemble(cfg, manifest, out / "run", ProgressBar(), state_every_s=30)
    predictions = predict_items(out / "run", manifest, split="test")
    found = evaluate_predictions(predictions, cfg.ensemble)
    settings = ['targets=["predicted"]', "steps=16", "max_steps=2048"]
    result = {"accuracy": found["ensemble"]["accuracy"], "balanced_accuracy": found["ensemble"]["balanced_accuracy"]}
    for baseline, limit in (text.split("=") for text in asked or BASELINES):
        folder, began = out / f"explained-{baseline}", time.process_time()
        done = explain_items(
            out / "run", manifest, folder, settings=[*settings, f"baseline={baseline}"], limit=int(limit),
            on_event=ProgressBar(),
        )  # fmt: skip
        summary = json.loads((folder / "summary.json").read_text())
        result[baseline] = {k: summary[k] for k in ("targets", "control", "above_control", "wrong_class", "mask_share")}
        result[baseline] |= {"worst_gap": done.worst_gap, "gaps": _gaps(folder), "regions": summary["regions"]}
        result[baseline] |= {"pictures": done.n_items, "cpu_s_of_this_call": time.process_time() - began}
    if len(asked or BASELINES) > 1:
        result["side_by_side"] = _side_by_side(out, [text.split("=")[0] for text in asked or BASELINES])
    return result


def _side_by_side(out: Path, baselines: list[str]) -> dict:
    """The baselines on the pictures that all of them explained: means, and the share beyond random weights."""
    records = [
        {r["item"]: r for r in (json.loads(p.read_text()) for p in (out / f"explained-{b}" / "items").glob("*.json"))}
        for b in baselines
    ]
    items = sorted(set.intersection(*map(set, records)))
    means = {"pictures": len(items), "area": float(np.mean([records[0][item]["mask_share"] for item in items]))}
    for name in SCORES:
        for baseline, by_item in zip(baselines, records):
            values = np.array([by_item[i]["maps"]["predicted"][name] for i in items], dtype=float)
            control = np.array([by_item[i]["maps"]["predicted"]["control"][name] for i in items], dtype=float)
            above = clustered(values - control, np.array(items), resamples=1000)
            means[f"{name}, {baseline}"] = {
                "mean": float(values.mean()), "random weights": float(control.mean()), "above": asdict(above),
            }  # fmt: skip
    return means


def _gaps(folder: Path) -> dict:
    """How many maps reached the completeness asked for, and in how many steps."""
    facts = [json.loads(path.read_text())["maps"]["predicted"] for path in (folder / "items").glob("*.json")]
    gaps, steps = (np.array([fact[key] for fact in facts], dtype=float) for key in ("gap", "steps"))
    return {
        "within_one_percent": float((gaps <= 0.01).mean()), "median": float(np.median(gaps)),
        "largest": float(np.max(gaps)), "steps_median": float(np.median(steps)), "steps_mean": float(steps.mean()),
        "steps_largest": float(steps.max()), "stopped": [fact["why"] for fact in facts if fact["why"]],
    }  # fmt: skip


if __name__ == "__main__":
    parts = {"blood": blood, "patients": patients, "masks": masks}
    if len(sys.argv) < 4 or sys.argv[1] not in parts or (len(sys.argv) > 4 and sys.argv[1] != "masks"):
        sys.exit(__doc__)
    import torch

    torch.set_num_threads(1)
    folder = Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    outcome = parts[sys.argv[1]](Path(sys.argv[2]).absolute(), folder.absolute(), *sys.argv[4:])
    (folder / "result.json").write_text(json.dumps(outcome, indent=1, default=asdict))
    print(json.dumps(outcome, indent=1, default=asdict))
