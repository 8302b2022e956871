"""Image sets: pictures with a manifest and the record that makes them again, byte for byte, on a processor. What a set
looks like on disk stands in `setfiles`."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from generative.core.errors import InputError
from generative.core.networks.weights import NetworkRecord, atomic_folder, file_sha256
from generative.core.sets import latents
from generative.core.sets.projection import styles_of
from generative.core.sets.setfiles import KINDS, SCHEMA, frozen_hash, inert_cell, pack, read_set
from generative.core.sets.strips import save_png
from generative.core.telling import Tell, untold

COLUMNS = ("item", "class", "view", "path", "label", "seed", "position")


@dataclass(frozen=True)
class SetPlan:
    """All that decides the pictures of a set. `labels`: class names to weights, one per picture (sample), the two ends
    (morph), or (rows, columns) (mix). `cutoff`: only so many of the first style layers are truncated; None: all."""

    kind: str
    seeds: tuple[int, ...]
    labels: tuple[dict, ...]
    truncation: float = 1.0
    centre: str = "global"
    noise: str = "const"
    positions: tuple[float, ...] = ()
    spacing: str = "linear"
    column_seeds: tuple[int, ...] = ()
    cut: int | None = None
    cutoff: int | None = None

    @property
    def count(self) -> int:
        """How many pictures the plan asks for."""
        if self.kind == "mix":
            return (len(self.seeds) + 1) * (len(self.column_seeds) + 1) - 1
        return len(self.seeds) * (len(self.positions) if self.kind == "morph" else 1)

    def to_json(self) -> dict:
        """As set.json has it. A cutoff stands in it only where there is one: plans without, and so the names and hashes of
        their pictures, stay what they were before it could be asked for."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "cutoff" or self.cutoff is not None}

    @classmethod
    def from_json(cls, data: dict) -> SetPlan:
        tuples = ("seeds", "labels", "positions", "column_seeds")
        try:
            return cls(**{key: tuple(value) if key in tuples else value for key, value in data.items()})
        except TypeError as error:
            raise InputError(f"The plan of this image set cannot be read: {error}.") from error


@dataclass(frozen=True)
class Picture:
    """One generated picture and what it was asked to be; `note` holds further manifest columns."""

    image: np.ndarray
    label: dict
    seed: str
    position: str = ""
    note: dict = field(default_factory=dict)


def make_pictures(generator, plan: SetPlan, tell: Tell = untold) -> list[Picture]:
    """The pictures of a plan, one at a time, in the plan's order. tell("making the pictures", done, total) is called after each."""
    makers = {"sample": _samples, "morph": _morphs, "mix": _mixes}
    if plan.kind not in makers:
        raise InputError(f"Sets of kind {plan.kind!r} cannot be made from a plan; {', '.join(makers)} can.")
    if not plan.seeds:
        raise InputError("An image set needs at least one seed.")
    numbers = itertools.count(1)
    return makers[plan.kind](generator, plan, lambda: tell("making the pictures", next(numbers), plan.count))


def _samples(generator, plan: SetPlan, made) -> list[Picture]:
    if len(plan.labels) != len(plan.seeds):
        raise InputError(f"A sample set needs one label per seed; found {len(plan.labels)} for {len(plan.seeds)}.")
    images = _render(generator, plan, list(plan.seeds), [dict(label) for label in plan.labels], made)
    return [Picture(image, dict(label), str(seed)) for image, label, seed in zip(images, plan.labels, plan.seeds)]


def _morphs(generator, plan: SetPlan, made) -> list[Picture]:
    """Per seed one strip; all frames of a strip share z and noise."""
    start, end = (next(iter(label)) for label in plan.labels)
    out = []
    for seed in plan.seeds:
        labels = [{start: 1 - t, end: t} if 0 < t < 1 else {end if t else start: 1.0} for t in plan.positions]
        images = _render(generator, plan, [seed] * len(labels), labels, made)
        out += [Picture(image, label, str(seed), f"{t:g}") for image, label, t in zip(images, labels, plan.positions)]
    return out


def _mixes(generator, plan: SetPlan, made) -> list[Picture]:
    """The rows' own pictures, the columns' own, then row by row the mixes: coarse layers (shape) from the column's
    picture, fine ones (colour) from the row's; drawn noise is the column's. Role, row_seed and column_seed tell them apart."""
    if plan.cut is None or not plan.column_seeds:
        raise InputError("A style mix needs column seeds and a cut.")
    row_label, column_label = (dict(label) for label in plan.labels)
    rows = _styles(generator, plan, list(plan.seeds), [row_label] * len(plan.seeds))
    columns = _styles(generator, plan, list(plan.column_seeds), [column_label] * len(plan.column_seeds))
    mixed = latents.mix_styles(rows, columns, plan.cut).flatten(0, 1)
    seeds = [*plan.seeds, *plan.column_seeds, *(list(plan.column_seeds) * len(plan.seeds))]
    images = latents.pictures(generator, torch.cat([rows, columns, mixed]), noise=plan.noise, seeds=seeds, made=made)
    asked = [(row_label, str(row), {"role": "row", "row_seed": row}) for row in plan.seeds]
    asked += [(column_label, str(column), {"role": "column", "column_seed": column}) for column in plan.column_seeds]
    asked += [(column_label, f"{row}x{column}", {"role": "mix", "row_seed": row, "column_seed": column})
              for row in plan.seeds for column in plan.column_seeds]  # fmt: skip
    return [Picture(image, label, seed, note=note)
            for image, (label, seed, note) in zip(images, asked, strict=True)]  # fmt: skip


def _styles(generator, plan: SetPlan, seeds: list[int], labels: list[dict]) -> torch.Tensor:
    shape = generator.shape
    z = latents.draw_z(seeds, shape.z_dim)
    c = torch.stack([latents.label_vector(shape, label) for label in labels])
    return latents.styles(generator, z, c, truncation=plan.truncation, centre=plan.centre, cutoff=plan.cutoff)


def _render(generator, plan: SetPlan, seeds: list[int], labels: list[dict], made) -> np.ndarray:
    return latents.pictures(generator, _styles(generator, plan, seeds, labels), noise=plan.noise, seeds=seeds, made=made)


def projected_picture(generator, plan: dict) -> Picture:
    """The picture of a projection: its style stands in the plan, so nothing is searched again."""
    try:
        w, label, seed = torch.tensor(plan["w"], dtype=torch.float32), dict(plan["label"]), str(plan["seed"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"The plan of this projection cannot be read: {error}.") from error
    if w.shape != (generator.shape.w_dim,):
        raise InputError(f"The plan's style needs {generator.shape.w_dim} numbers; found shape {tuple(w.shape)}.")
    return Picture(latents.pictures(generator, styles_of(generator, w[None]))[0], label, seed)


# --- on disk


def write_set(
    target: Path,
    pictures: list[Picture],
    plan: dict,
    record: NetworkRecord,
    *,
    kind: str,
    extra_files: dict | None = None,
    made_on: str = "cpu",
) -> dict:
    """Write a set folder (or, for a target ending in .zip, a ZIP) atomically; returns what set.json holds.

    made_on: the GPU's name where it was not a processor, which set.json then says: only one of its kind makes the set again.
    extra_files: further file name to a function that writes it at a given path.
    """
    if kind not in KINDS:
        raise InputError(f"The kind of an image set must be one of {', '.join(KINDS)}; found {kind!r}.")
    target = Path(target)
    if target.suffix == ".zip":
        import tempfile

        with tempfile.TemporaryDirectory(prefix="image-set-") as folder:
            written = write_set(Path(folder) / "set", pictures, plan, record, kind=kind, made_on=made_on)
            pack(Path(folder) / "set", target)
        return written
    with atomic_folder(target, mark="set.json") as work:
        rows, hashes, prefix = [], {}, _prefix(plan, record)
        (work / "images").mkdir()
        for i, picture in enumerate(pictures):
            name = f"images/{i:05d}.png"
            save_png(picture.image, work / name)
            hashes[name] = file_sha256(work / name)
            rows.append(_row(f"{prefix}-{i:05d}", name, picture, record))
        _write_manifest(work / "manifest.csv", rows)
        content = describe_set(plan, record, kind, hashes, file_sha256(work / "manifest.csv"))
        if made_on != "cpu":
            content["generator"]["device"] = made_on
        (work / "set.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        for name, writer in (extra_files or {}).items():
            writer(work / name)
    return content


def describe_set(plan: dict, record: NetworkRecord, kind: str, hashes: dict, manifest_sha256: str) -> dict:
    """The JSON of a set; `set_hash` is what it is frozen under."""
    return {
        "schema": SCHEMA,
        "set_hash": frozen_hash(
            kind=kind, plan=plan, weights=record.content_hash, images=hashes, manifest=manifest_sha256
        ),
        "kind": kind,
        "generator": {"name": "StyleGAN2-ADA", "weights": record.content_hash, "licence": record.licence,
                      "classes": list(record.shape.classes), "resolution": record.shape.resolution,
                      "recipe": record.recipe.get("name")},
        "plan": plan,
        "manifest_sha256": manifest_sha256,
        "images": hashes,
    }  # fmt: skip


def _prefix(plan: dict, record: NetworkRecord) -> str:
    """Item names say nothing of class or seed, and differ between sets of one network."""
    text = json.dumps({"plan": plan, "weights": record.content_hash}, sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _row(item: str, name: str, picture: Picture, record: NetworkRecord) -> dict:
    label = "" if not picture.label else ";".join(f"{k}:{v:g}" for k, v in picture.label.items())
    vector = latents.label_vector(record.shape, picture.label) if picture.label else None
    return {
        "item": item,
        "class": latents.nearest_class(record.shape, vector) if vector is not None else "",
        "view": "generated", "path": name, "label": label, "seed": picture.seed, "position": picture.position,
        **picture.note,
    }  # fmt: skip


def _write_manifest(path: Path, rows: list[dict]) -> None:
    columns = [*COLUMNS, *sorted({key for row in rows for key in row} - set(COLUMNS))]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: inert_cell(str(value)) for key, value in row.items()})
    path.write_text(text.getvalue(), encoding="utf-8")


def regenerate(folder: Path, generator, record: NetworkRecord, tell: Tell = untold) -> list[str]:
    """Make a set's pictures again and name those whose bytes differ; other weights are refused."""
    content = read_set(folder)
    if content["generator"]["weights"] != record.content_hash:
        raise InputError(
            f"The set was made by the weights {content['generator']['weights'][:12]}; these are {record.content_hash[:12]}. "
            "Give the network that its set.json names."
        )
    projected = content["kind"] == "projection"
    plan = content["plan"]
    again = [projected_picture(generator, plan)] if projected else make_pictures(generator, SetPlan.from_json(plan), tell)
    import tempfile

    with tempfile.TemporaryDirectory(prefix="image-set-") as work:
        differing = []
        for (name, sha), picture in zip(content["images"].items(), again, strict=True):
            save_png(picture.image, Path(work) / "again.png")
            if file_sha256(Path(work) / "again.png") != sha:
                differing.append(name)
    return differing
