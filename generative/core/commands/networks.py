"""import, render: a published file into a weights folder, and the exact check of one."""

from __future__ import annotations

import zipfile

import numpy as np

from generative.core.commands.telling import suggest
from generative.core.errors import InputError


def run_import(options) -> int:
    from generative.core.importers.load import import_network

    record = import_network(options.network, options.out, classes=options.classes, licence=options.licence)
    shape = record.shape
    print(
        f"Imported {options.network.name} ({record.source['format']}, {shape.resolution} px, classes "
        f"{', '.join(shape.classes) or 'none'}, licence {record.licence}) into {options.out}."
    )
    ends = shape.classes[:2]
    suggest(*(("morph", options.out, "--from", ends[0], "--to", ends[1]) if len(ends) == 2 else ("generate", options.out)), "--out", "set.zip")
    return 0


def run_render(options) -> int:
    """inputs: z (N, z_dim), c (N, c_dim), optional truncation (scalar) and noise ("const" or "none")."""
    import torch

    from generative.core.networks.weights import atomic_file, load_generator

    generator, _ = load_generator(options.weights)
    shape = generator.shape
    try:
        with np.load(options.inputs, allow_pickle=False) as data:
            given = {key: data[key] for key in data.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{options.inputs} cannot be read as npz: {getattr(error, 'strerror', None) or error}.") from error
    z = _matrix(given, "z", shape.z_dim)
    c = _matrix(given, "c", shape.c_dim) if shape.c_dim else np.zeros((len(z), 0), np.float32)
    if len(z) != len(c):
        raise InputError(f"z has {len(z)} rows and c {len(c)}; they must be the same.")
    noise = str(given.get("noise", "const"))
    if noise not in ("const", "none"):
        raise InputError(f"noise must be const or none; found {noise!r}.")
    truncation = np.asarray(given.get("truncation", 1.0), dtype=np.float64)
    if truncation.size != 1:
        raise InputError(f"truncation must be one number; found {truncation.size}.")
    with torch.no_grad():
        ws = generator.styles(torch.from_numpy(z), torch.from_numpy(c), truncation=float(truncation.reshape(())))
        images = [generator.synthesis(part, noise=noise) for part in ws.split(16)]
    with atomic_file(options.out) as work, open(work, "wb") as handle:
        np.savez(handle, ws=ws.numpy(), images=torch.cat(images).numpy())
    print(f"Wrote {len(z)} images of {shape.resolution} px to {options.out}.")
    return 0


def _matrix(given: dict, name: str, width: int) -> np.ndarray:
    found = given.get(name)
    if found is None or found.ndim != 2 or found.shape[1] != width or not len(found) or found.dtype.kind not in "fiu":
        shape = None if found is None else found.shape
        raise InputError(f"The inputs need {name} of shape (N, {width}); found {shape}.")
    if not np.isfinite(found).all():
        raise InputError(f"{name} holds numbers that are not finite.")
    return found.astype(np.float32)
