"""Folders of weights: safetensors beside a JSON that says what they are. Nothing in them can run.

weights/network.json                shape, class names, constraint, licence, where they come from, hashes
weights/generator.safetensors       averaged generator, for making pictures
weights/discriminator.safetensors   optional: for fine-tuning
weights/generator_raw.safetensors   optional: the unaveraged generator, for fine-tuning
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from generative.core.errors import InputError
from generative.core.networks.shape import NetworkShape

SCHEMA = "generator-network/1"
PARTS = ("generator", "discriminator", "generator_raw")


@dataclass(frozen=True)
class NetworkRecord:
    """The JSON half: what the weights are. `hashes` gives each part's sha256; `extra` holds training facts."""

    shape: NetworkShape
    licence: str = "unknown"
    source: dict = field(default_factory=dict)
    recipe: dict = field(default_factory=dict)
    extra: dict = field(default_factory=dict)
    hashes: dict = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """One hash over shape and generator weights: two folders with equal hashes make equal pictures."""
        core = {"shape": self.shape.to_json(), "generator": self.hashes.get("generator")}
        return hashlib.sha256(json.dumps(core, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict:
        return {
            "schema": SCHEMA,
            "content_hash": self.content_hash,
            "shape": self.shape.to_json(),
            "licence": self.licence,
            "source": self.source,
            "recipe": self.recipe,
            "extra": self.extra,
            "hashes": self.hashes,
        }


def file_sha256(path: Path) -> str:
    """Hex digest of a file, read in pieces."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def _place_for(target: Path):
    """The folder in which `target` is to appear, made where it is missing; one sentence when nothing can be written there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}; give another place.") from error


@contextmanager
def atomic_folder(target: Path, *, mark: str):
    """Yield an empty folder that replaces `target` when the block ends well, and vanishes when it does not.

    A full disk or a kill in between leaves the former `target` as it was. mark: the file by which a folder of this kind is known;
    a `target` that holds something else is never replaced, so that pictures do not take the place of the network that made them.
    """
    target = Path(target)
    if target.exists() and not (target.is_dir() and ((target / mark).is_file() or not any(target.iterdir()))):
        raise InputError(f"{target} is there and holds no {mark}, so it is not replaced; give --out a new name or an empty folder.")
    with _place_for(target):
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    work.chmod(0o755)
    old = work.with_name(work.name + "-old")
    try:
        yield work
        if target.exists():
            os.rename(target, old)
        os.rename(work, target)
    except InputError as error:  # about a file in the folder, whose place for now is nobody's business
        raise InputError(str(error).replace(str(work), str(target))) from error
    except OSError as error:
        if old.exists() and not target.exists():
            os.rename(old, target)
        raise InputError(
            f"{target} could not be written: {error.strerror or error}; the last good state is kept."
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def atomic_file(target: Path):
    """Yield a temporary path beside `target` that is renamed onto it when the block ends well."""
    target = Path(target)
    with _place_for(target):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}-", suffix=target.suffix, dir=target.parent)
    os.close(handle)
    work = Path(name)
    try:
        yield work
        work.chmod(0o644)
        os.replace(work, target)
    except OSError as error:
        raise InputError(
            f"{target} could not be written: {error.strerror or error}; the former file is kept."
        ) from error
    finally:
        work.unlink(missing_ok=True)


def write_tensors(tensors: dict, path: Path) -> None:
    """Tensors as safetensors. A disk that is full raises OSError, which the library hides in an error of its own."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    try:
        save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, path)
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error


def save_network(folder: Path, record: NetworkRecord, **states: dict) -> NetworkRecord:
    """Write state dicts (named as in PARTS) and their record into `folder`, atomically; returns the hashed record."""
    with atomic_folder(folder, mark="network.json") as work:
        return fill_network_folder(work, record, **states)


def fill_network_folder(work: Path, record: NetworkRecord, **states: dict) -> NetworkRecord:
    """The same into a folder that the caller makes appear at once, such as a snapshot's."""
    hashes = {}
    for part, state in states.items():
        path = work / f"{part}.safetensors"
        write_tensors({name: tensor.float() for name, tensor in state.items()}, path)
        hashes[part] = file_sha256(path)
    record = replace(record, hashes=hashes)
    (work / "network.json").write_text(json.dumps(record.to_json(), indent=1) + "\n", encoding="utf-8")
    return record


def read_record(folder: Path) -> NetworkRecord:
    """The JSON of a weights folder; InputError when it is missing, damaged or of another schema."""
    path = Path(folder) / "network.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if newest := sorted(Path(folder).glob("snapshots/kimg-*/network.json")):
            raise InputError(f"{folder} is a training's folder; its newest weights are {newest[-1].parent}, give those.") from error
        raise InputError(f"{folder} holds no network.json; give the folder of an import, or a snapshot of a training.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise InputError(
            f"{path} has schema {data.get('schema') if isinstance(data, dict) else None!r}, not {SCHEMA!r}."
        )
    keys = ("licence", "source", "recipe", "extra", "hashes")
    wrong = [name for name in ("shape", "hashes", *keys[1:4]) if not isinstance(data.get(name, None if name in ("shape", "hashes") else {}), dict)]
    if wrong:
        raise InputError(f"{path} needs {' and '.join(wrong)}, each an object; copy the folder again.")
    if not isinstance(data.get("licence", ""), str):
        raise InputError(f"{path} needs a licence in words; copy the folder again.")
    return NetworkRecord(NetworkShape.from_json(data["shape"]), **{k: data[k] for k in keys if k in data})


def read_state(folder: Path, part: str, record: NetworkRecord | None = None) -> dict:
    """Tensors of one part, its hash checked against the record."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    record = record or read_record(folder)
    path = Path(folder) / f"{part}.safetensors"
    if not path.exists():
        raise InputError(f"{folder} holds no {part} weights; it has {', '.join(record.hashes) or 'none'}.")
    if record.hashes.get(part) != file_sha256(path):
        raise InputError(f"{path} differs from the hash in network.json; copy the folder again.")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def load_generator(folder: Path, part: str = "generator", *, device: str = "cpu"):
    """Ready generator in evaluation mode on `device`, and its record, from a weights folder."""
    from generative.core.networks.generator import Generator

    record = read_record(folder)
    return build(Generator, record, read_state(folder, part, record), folder).eval().to(device), record


def load_discriminator(folder: Path):
    """Ready discriminator, from a weights folder that has one."""
    from generative.core.networks.discriminator import Discriminator

    record = read_record(folder)
    return build(Discriminator, record, read_state(folder, "discriminator", record), folder)


def build(kind, record: NetworkRecord, state: dict, folder: Path):
    """A network of the record's shape holding exactly `state`; any other name or shape is refused."""
    import torch

    with torch.device("meta"):
        expected = kind(record.shape).state_dict()
    problems = compare_states(expected, state)
    if problems:
        raise InputError(f"The weights in {folder} do not fit their network.json: {'; '.join(problems[:5])}.")
    network = kind(record.shape)
    network.load_state_dict(state)
    return network


def compare_states(expected: dict, found: dict) -> list[str]:
    """Every difference of names and shapes as a phrase, none when they agree."""
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} is unknown" for name in found if name not in expected]
    for name in expected.keys() & found.keys():
        if tuple(expected[name].shape) != tuple(found[name].shape):
            problems.append(f"{name} has shape {tuple(found[name].shape)}, needed {tuple(expected[name].shape)}")
    return sorted(problems)
