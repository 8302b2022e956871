"""One report about an image set against real pictures, as JSON. Any generator's set can be evaluated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generative.core.data import ImageTable, inside, load_picture, opened, read_manifest
from generative.core.errors import InputError
from generative.core.judging import metrics
from generative.core.sets.setfiles import manifest_rows
from generative.core.telling import Tell, untold

SCHEMA = "evaluation/1"
JUDGED_MOST = 256


@dataclass(frozen=True)
class LoadedSet:
    """Pictures of a set with their manifest rows."""

    table: ImageTable
    rows: tuple[dict, ...]


def own_resolution(folder: Path) -> int:
    """The longer side of a set's first picture, JUDGED_MOST at most: what its pictures and the real ones are compared at."""
    first = _rows_to_judge(folder)[0]["path"]
    try:
        with opened(inside(Path(folder), first)) as picture:
            return min(max(picture.size), JUDGED_MOST)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{folder}/{first} cannot be read as a picture: {getattr(error, 'strerror', None) or error}.") from error


def load_set(folder: Path, resolution: int) -> LoadedSet:
    """Pictures and rows of a set's manifest.csv. Pictures without a class count as of class ''. A row whose picture or
    position cannot be read raises InputError with its line."""
    path, rows = Path(folder) / "manifest.csv", _rows_to_judge(folder)
    strange = [f"line {i + 2}: {row['position']!r}" for i, row in enumerate(rows) if row.get("position") and not _is_number(row["position"])]
    if strange:
        raise InputError(f"{path} has positions that are no numbers: {', '.join(strange[:5])}. A frame's lies in 0 to 1.")
    if any(row["class"] for row in rows):
        return LoadedSet(read_manifest(path, resolution=resolution), rows)
    images, problems = [], []
    for i, row in enumerate(rows):
        try:
            images.append(load_picture(inside(Path(folder), row["path"]), resolution))
        except (OSError, ValueError, SyntaxError) as error:
            problems.append(f"line {i + 2}: {row['path']!r} {getattr(error, 'strerror', None) or error}")
    if problems:
        raise InputError(f"{path} has {len(problems)} bad rows: {'; '.join(problems[:5])}.")
    names = tuple(row["item"] for row in rows)
    blank = ImageTable(np.stack(images), np.zeros(len(rows), dtype=int), ("",), names, names, ("train",) * len(rows), names, "")
    return LoadedSet(blank, rows)


def _rows_to_judge(folder: Path) -> tuple[dict, ...]:
    if rows := tuple(manifest_rows(folder)):
        return rows
    raise InputError(f"{folder}/manifest.csv names no picture; there is nothing to judge.")


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def evaluate(
    fake: LoadedSet, train: ImageTable, held_out: ImageTable, features, *, seed: int = 0, k: int = 5, tell: Tell = untold
) -> dict:
    """KID with interval, overall and per class, beside its baselines; overlap; label fidelity; morphs; legacy FID.

    `train` and `held_out` are real pictures of different patients; `features` maps pictures to vectors and, when it is
    a classifier, knows its classes. Everything that cannot be estimated is null with a `why`. tell(what, done, total) is
    called between the parts.
    """
    found, tables = [], (train, held_out, fake.table)
    for i, table in enumerate(tables):
        tell("features of the pictures", i, len(tables))
        found.append(features(table.images) if len(table) else None)
    tell("features of the pictures", len(tables), len(tables))
    real_f, held_f, fake_f = found
    return {
        "schema": SCHEMA,
        "features": features.name,
        "n": {"train": len(train), "held_out": len(held_out), "generated": len(fake.table)},
        "kid": metrics.kid_interval(real_f, fake_f, seed=seed, groups=list(train.groups)).to_json(),
        "kid_baselines": {
            "split_half": metrics.split_half_baseline(real_f, seed=seed, groups=list(train.groups)).to_json(),
            "train_vs_held_out": _between(real_f, held_f, train, seed),
        },
        "kid_by_class": _by_class(real_f, fake_f, train, fake.table, seed),
        "overlap": {**metrics.support(real_f, fake_f, k).to_json(),
                    "intervals": metrics.recall_interval(real_f, fake_f, k=k, seed=seed)},
        "fid_legacy": {"value": metrics.fid_legacy(real_f, fake_f) if min(len(real_f), len(fake_f)) > 1 else None,
                       "note": "biased at this number of pictures: it rewards collapse; use KID"},
        "label_fidelity": _fidelity(features, fake_f, fake).to_json(),
        "morphs": _morphs(features, fake_f, fake),
    }  # fmt: skip


def in_words(report: dict) -> list[str]:
    """What an evaluation found, for a terminal: a line for each question that it answers, with the reason where it cannot."""
    kid, halves, held_out = report["kid"], *(report["kid_baselines"][name] for name in ("split_half", "train_vs_held_out"))
    lines = [
        f"KID {_estimate(kid)}; real pictures: halves {_estimate(halves)}, held out {_estimate(held_out)}",
        *(f"  {row['class']}: {_estimate(row)}" for row in report["kid_by_class"]),
        f"  by {report['features']}",
    ]
    overlap = report["overlap"]
    shown = (f"{name} {overlap[name]:.3f}" for name in ("recall", "coverage", "precision", "density") if overlap[name] is not None)
    lines.append(f"Overlap: {', '.join(shown) or overlap['why']}")
    fidelity = report["label_fidelity"]
    known = fidelity["accuracy"] is not None
    lines.append(f"Pictures that the classifier gives their own label: {format(fidelity['accuracy'], '.3f') if known else fidelity['why']}")
    if strips := [row for row in report["morphs"] if row["unevenness"] is not None]:
        rising = [row["monotony"] for row in strips if row["monotony"] is not None]
        stages = f", stage rising along {np.mean(rising):.0%} of the steps" if rising else ""
        lines.append(
            f"{len(strips)} strips: largest step {np.mean([row['unevenness'] for row in strips]):.2f} times the mean one, path "
            f"{np.mean([row['detour'] for row in strips]):.2f} times as long as straight{stages}"
        )
    return lines


def _estimate(found: dict) -> str:
    if found["value"] is None:
        return f"not estimable ({found['why']})"
    return f"{found['value']:.4g} [{found['low']:.4g}, {found['high']:.4g}]"


def _between(real_f, held_f, train: ImageTable, seed: int) -> dict:
    if held_f is None:
        return metrics.Estimate(None, why="no held-out pictures (split = test) in the manifest").to_json()
    return metrics.kid_interval(real_f, held_f, seed=seed, groups=list(train.groups)).to_json()


def _by_class(real_f, fake_f, train: ImageTable, fake: ImageTable, seed: int) -> list[dict]:
    out = []
    for name in fake.classes:
        if name not in train.classes:
            why = f"no real pictures of class {name!r}"
            out.append({"class": name, **metrics.Estimate(None, why=why).to_json()})
            continue
        rows, own = train.labels == train.classes.index(name), fake.labels == fake.classes.index(name)
        groups = [g for g, keep in zip(train.groups, rows, strict=True) if keep]
        estimate = metrics.kid_interval(real_f[rows], fake_f[own], seed=seed, groups=groups)
        halves = metrics.split_half_baseline(real_f[rows], seed=seed, groups=groups)
        out.append({"class": name, **estimate.to_json(), "split_half": halves.to_json()})
    return out


def _fidelity(features, fake_f, fake: LoadedSet) -> metrics.Fidelity:
    if not features.classes:
        return metrics.Fidelity(None, {}, why="the features are not a classifier's")
    if fake.table.classes == ("",):
        return metrics.Fidelity(None, {}, why="the set has no classes")
    labels = [fake.table.classes[i] for i in fake.table.labels]
    return metrics.label_fidelity(features.probabilities(fake_f), features.classes, labels)


def _morphs(features, fake_f, fake: LoadedSet) -> list[dict]:
    """One record per strip (rows with a position, by seed). The expected stage of a frame is the classifier's mean over the
    classes that the strip passes, from 0 for its first to 1 for its last."""
    strips: dict[str, list[int]] = {}
    for i, row in enumerate(fake.rows):
        if row.get("position"):
            strips.setdefault(row.get("seed", ""), []).append(i)
    out = []
    for seed, index in strips.items():
        index.sort(key=lambda i: float(fake.rows[i]["position"]))
        stages = None
        passed = list(dict.fromkeys(fake.rows[i]["class"] for i in index))
        if len(passed) > 1 and set(passed) <= set(features.classes):
            share = features.probabilities(fake_f[index])[:, [features.classes.index(name) for name in passed]]
            stages = share @ np.linspace(0, 1, len(passed)) / share.sum(axis=1)
        if len(index) > 1:
            out.append({"seed": seed, **metrics.morph_quality(fake_f[index], stages).to_json()})
    return out
