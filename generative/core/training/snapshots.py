"""Complete states of a run on disk: atomic, hashed, resumable to the bit.

OUT/snapshots/kimg-0000012.345/   a weights folder plus training.safetensors and training.json
OUT/events.jsonl                  one line per event
OUT/grids/                        pictures over time
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch

from generative.core.errors import InputError
from generative.core.networks.weights import (
    NetworkRecord,
    atomic_folder,
    file_sha256,
    fill_network_folder,
    write_tensors,
)

SCHEMA = "generator-training/1"


def latest_snapshot(out: Path) -> Path | None:
    """The newest complete snapshot; a folder appears under its name only when it is complete."""
    found = sorted(Path(out).glob("snapshots/kimg-*/training.json"))
    return found[-1].parent if found else None


def clear_leftovers(out: Path) -> None:
    """Remove what a killed save left behind."""
    for folder in Path(out).glob("snapshots/.kimg-*"):
        shutil.rmtree(folder, ignore_errors=True)


def save_snapshot(
    out: Path, record: NetworkRecord, networks: dict, tensors: dict, facts: dict, *, keep: int = 0
) -> Path:
    """Write one snapshot; `networks` maps parts to modules, `tensors` and `facts` are the rest of the state.

    keep: how many of the newest to keep; 0 keeps all.
    """
    name = f"kimg-{facts['images'] / 1000:011.3f}"
    target = Path(out) / "snapshots" / name
    with atomic_folder(target, mark="network.json") as work:
        fill_network_folder(work, record, **{part: net.state_dict() for part, net in networks.items()})
        path = work / "training.safetensors"
        write_tensors(tensors, path)
        text = json.dumps({"schema": SCHEMA, "sha256": file_sha256(path), **facts}, indent=1)
        (work / "training.json").write_text(text + "\n", encoding="utf-8")
    if keep:
        for old in sorted((Path(out) / "snapshots").glob("kimg-*"))[:-keep]:
            shutil.rmtree(old, ignore_errors=True)
    return target


def read_facts(folder: Path) -> dict:
    """What a snapshot says of its run: recipe, seed, step, pictures shown."""
    try:
        return json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} holds no readable training.json: {error}.") from error


def read_training(folder: Path) -> tuple[dict, dict]:
    """(tensors, facts) of a snapshot, their hash checked."""
    from safetensors.torch import load_file

    facts = read_facts(folder)
    path = folder / "training.safetensors"
    if facts.get("schema") != SCHEMA or not path.exists() or facts["sha256"] != file_sha256(path):
        raise InputError(f"{folder} is not a complete snapshot; delete it to go on from the one before.")
    return load_file(path), facts


def optimiser_tensors(label: str, network: torch.nn.Module, optimiser: torch.optim.Optimizer) -> dict:
    """Adam's moments by parameter name."""
    out = {}
    for name, parameter in network.named_parameters():
        for key, value in optimiser.state.get(parameter, {}).items():
            out[f"{label}/{name}/{key}"] = value
    return out


def restore_optimiser(label: str, network: torch.nn.Module, optimiser: torch.optim.Optimizer, tensors: dict) -> None:
    """Through the optimiser's own loading, which knows what lies where: a fused one counts its steps on the GPU, and would read
    a number that lies on the processor as if it did."""
    stored: dict[str, dict] = {}
    for key, value in tensors.items():
        if key.startswith(f"{label}/"):
            name, field = key.removeprefix(f"{label}/").rsplit("/", 1)
            stored.setdefault(name, {})[field] = value
    places = {parameter: k for k, parameter in enumerate(p for group in optimiser.param_groups for p in group["params"])}
    found = {places[p]: stored[name] for name, p in network.named_parameters() if name in stored and p in places}
    optimiser.load_state_dict({**optimiser.state_dict(), "state": found})
