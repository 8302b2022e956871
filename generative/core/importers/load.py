"""Import of a published network file into a weights folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from generative.core.errors import InputError, plain
from generative.core.importers.worker import REFUSED
from generative.core.networks.shape import LabelConstraint, NetworkShape
from generative.core.networks.weights import NetworkRecord, compare_states, file_sha256, save_network

MAX_FILE_BYTES = 2 << 30
AVERAGED_ROWS = ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5))
ROOT = Path(__file__).resolve().parents[3]
_START = (
    "import sys; sys.path.insert(0, {root!r}); from generative.core.importers.worker import main; import os; "
    "os._exit(main())"
)


def import_network(
    source: Path, out: Path, *, classes: tuple[str, ...] = (), licence: str = "unknown", timeout_s: float = 600.0
) -> NetworkRecord:
    """Read an official PyTorch or TensorFlow StyleGAN2-ADA file into a weights folder, running nothing in it.

    classes: names in the file's own label order; "class 0", "class 1", ... when none are given. For the authors'
    averaged embedding the third class is held at the mean of the first two. `licence` is the tag that travels with
    the weights. Raises InputError naming what was found when the file holds anything else than such networks, or
    tensors of other names or shapes than ours; nothing is left in `out` then.
    """
    source = Path(source)
    try:
        size = source.stat().st_size
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror}.") from error
    if not source.is_file() or not 0 < size <= MAX_FILE_BYTES:
        raise InputError(f"{source} must be a file of 1 byte to {MAX_FILE_BYTES >> 30} GiB; it has {size} bytes.")
    with tempfile.TemporaryDirectory(prefix="network-import-") as folder:
        draft, states = _read_in_child(source, Path(folder), timeout_s)
        shape = _shape(draft, classes, source)
        _check(shape, states, source)
        origin = {"file": source.name, "sha256": file_sha256(source), "format": draft["format"]}
        record = NetworkRecord(shape, licence=licence, source=origin)
        return save_network(out, record, **states)


def _read_in_child(source: Path, folder: Path, timeout_s: float) -> tuple[dict, dict]:
    from safetensors.torch import load_file

    command = [sys.executable, "-I", "-c", _START.format(root=str(ROOT)), str(source.resolve()), str(folder)]
    environment = {"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(
            command, env=environment, cwd=folder, timeout=timeout_s, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{source} was refused: reading it took more than {timeout_s:g} s.") from error
    if done.returncode == REFUSED:
        found = json.loads((folder / "refused.json").read_text())["found"]
        raise InputError(f"{source} was refused: it holds {found}. Nothing in it was run or kept.")
    if done.returncode or not (folder / "draft.json").exists():
        if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
            raise InputError(f"{source} was refused: reading it took more time or memory than a published file of its size needs.")
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise InputError(f"{source} was refused: reading it failed ({plain(last[0][:200])}).")
    draft = json.loads((folder / "draft.json").read_text())
    return draft, {path.stem: load_file(path) for path in sorted(folder.glob("*.safetensors"))}


def _shape(draft: dict, classes: tuple[str, ...], source: Path) -> NetworkShape:
    count = draft["classes"]
    names = tuple(classes) or tuple(f"class {i}" for i in range(count))
    if len(names) != count:
        raise InputError(
            f"This network has {count} classes; {len(names)} names were given ({', '.join(names)}). "
            "Give one name per class in the network's own order."
        )
    tie = LabelConstraint(AVERAGED_ROWS) if draft["average_rows"] else None
    try:
        return NetworkShape(classes=names, constraint=tie, **draft["facts"])
    except InputError as error:
        raise InputError(f"{source} was refused: {error}") from error


def _check(shape: NetworkShape, states: dict, source: Path) -> None:
    """Every name and shape against our own networks, built without memory."""
    import torch

    from generative.core.networks.discriminator import Discriminator
    from generative.core.networks.generator import Generator

    with torch.device("meta"):
        g, d = Generator(shape).state_dict(), Discriminator(shape).state_dict()
    problems = []
    for part, expected in (("generator", g), ("generator_raw", g), ("discriminator", d)):
        problems += [f"{part}: {problem}" for problem in compare_states(expected, states[part])]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise InputError(f"{source} was refused: its tensors are not this network's: {'; '.join(problems[:5])}{more}.")
