"""Pure latent arithmetic: seeds to z, class names to label vectors, truncation, style mixing, morph paths.

Axes: N picture, Z noise dimension, K class, L layer, D style dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from generative.core.errors import InputError
from generative.core.networks.shape import NetworkShape

CENTRES = ("global", "class")
SPACINGS = ("linear", "perceptual")
NOISES = ("seed", "const", "none")
CENTRE_DRAWS = 4096
FINE_STEPS = 65


@contextmanager
def one_thread() -> Iterator[None]:
    """Threads divide a sum in their own way, which shows in a last bit and now and then in a pixel; on one thread a set is made
    again byte for byte, however many the machine has."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def draw_z(seeds: list[int], z_dim: int) -> Tensor:
    """One row per seed, each from its own generator, so that a picture depends on its seed alone."""
    bad = [seed for seed in seeds if not 0 <= seed < 2**32]
    if bad:
        raise InputError(f"Seeds must lie in 0 to 4294967295; found {bad[0]}.")
    return torch.from_numpy(np.stack([np.random.RandomState(seed).randn(z_dim) for seed in seeds]).astype(np.float32))


def label_vector(shape: NetworkShape, parts: dict[str, float]) -> Tensor:
    """(K,) from class names and weights that sum to 1; unknown names are refused with the known ones."""
    vector = torch.zeros(shape.c_dim)
    for name, weight in parts.items():
        vector[shape.class_index(name)] += weight
    if shape.c_dim and abs(float(vector.sum()) - 1) > 1e-6:
        raise InputError(f"Label weights must sum to 1; {parts} sum to {float(vector.sum()):g}.")
    return vector


def label_path(shape: NetworkShape, start: str, end: str, positions: list[float]) -> Tensor:
    """(N, K): straight from one class's label to another's; position 0 is the start, 1 the end."""
    a, b = label_vector(shape, {start: 1.0}), label_vector(shape, {end: 1.0})
    return torch.stack([torch.lerp(a, b, float(t)) for t in positions])


def nearest_class(shape: NetworkShape, label_K: Tensor) -> str:
    """The class whose label row is nearest; with an ordinal constraint the half-way label is the middle class."""
    if not shape.classes:
        return ""
    ties = shape.free_rows(generator=True)
    rows = torch.tensor(ties) if ties else torch.eye(shape.c_dim)
    gaps = (rows - label_K @ rows).norm(dim=1)
    return shape.classes[int((gaps - 1e-6 * torch.arange(len(gaps)).flip(0)).argmin())]


@one_thread()
@torch.no_grad()
def class_centre(generator, label_K: Tensor) -> Tensor:
    """Mean style (D,) of many seeded z under one label: truncating to it keeps the label's own look."""
    draw = torch.Generator().manual_seed(0)
    z = torch.randn(CENTRE_DRAWS, generator.shape.z_dim, generator=draw).to(generator.device)
    return generator.mapping(z, label_K.expand(CENTRE_DRAWS, -1)).mean(dim=0)


@one_thread()
@torch.no_grad()
def styles(
    generator, z_NZ: Tensor, c_NK: Tensor, *, truncation: float, centre: str, cutoff: int | None = None
) -> Tensor:
    """Truncated styles (N, L, D). centre `global` pulls to the network's running mean, which also shrinks the effect
    of the label; `class` to the mean of each picture's own label. cutoff: only the first so many layers are pulled, and
    the finer ones keep their variety; None: all. Pictures are computed one by one: the result does not depend on which
    others are asked for."""
    if centre not in CENTRES:
        raise InputError(f"The truncation centre must be one of {', '.join(CENTRES)}; found {centre!r}.")
    if not 0 <= truncation <= 2:
        raise InputError(f"Truncation must lie in 0 to 2; found {truncation}.")
    if cutoff is not None and not 1 <= cutoff <= generator.shape.num_ws:
        raise InputError(f"Truncation may be of the first 1 to {generator.shape.num_ws} layers of this network; found {cutoff}.")
    known: dict = {}
    out = []
    for z, c, own in zip(z_NZ.to(generator.device).split(1), c_NK.to(generator.device).split(1), c_NK.tolist(), strict=True):
        middle = None
        if centre == "class" and truncation != 1:
            key = tuple(own)
            middle = known[key] if key in known else known.setdefault(key, class_centre(generator, c[0])[None])
        out.append(generator.styles(z, c, truncation=truncation, cutoff=cutoff, centre_ND=middle))
    return torch.cat(out)


def drawn_noise(generator, seed: int) -> list[Tensor]:
    """A noise map (H, W) per layer, coarse to fine: what the seed's series gives after z, as the published scripts draw them."""
    series = np.random.RandomState(seed)
    series.randn(generator.shape.z_dim)
    sides = [layer.resolution for layer in generator.synthesis.layers]
    return [torch.from_numpy(series.randn(side, side).astype(np.float32)).to(generator.device) for side in sides]


@one_thread()
@torch.no_grad()
def pictures(
    generator, ws_NLD: Tensor, *, noise: str = "const", seeds: list[int] | None = None, made: Callable[[], None] = lambda: None
) -> np.ndarray:
    """(N, H, W, 3) uint8, one picture at a time. noise: `seed` draws it from each picture's own seed (pictures of one
    seed share it), `const` takes the network's stored maps (all pictures share them), `none` leaves it out. made() is called
    after each."""
    from generative.core.data import to_uint8

    if noise not in NOISES:
        raise InputError(f"Noise must be one of {', '.join(NOISES)}, so that a set can be made again; found {noise!r}.")
    noises = [drawn_noise(generator, seed) for seed in seeds] if noise == "seed" else [noise] * len(ws_NLD)
    images = []
    for ws, one in zip(ws_NLD.to(generator.device).split(1), noises, strict=True):
        images.append(to_uint8(generator.synthesis(ws, noise=one)))
        made()
    return np.concatenate(images)


def cut_layer(shape: NetworkShape, resolution: int) -> int:
    """Number of style layers up to and including a resolution: 4 px has one, every other two, the last all."""
    if resolution not in shape.resolutions:
        known = ", ".join(str(r) for r in shape.resolutions)
        raise InputError(f"There is no layer of {resolution} px in this network; its resolutions are {known}.")
    return 2 * shape.resolutions.index(resolution) + 1 if resolution < shape.resolution else shape.num_ws


def mix_styles(rows_NLD: Tensor, columns_NLD: Tensor, cut: int) -> Tensor:
    """(rows, columns, L, D): the first `cut` layers (shape) from the column, the rest (colour) from the row.

    cut 0 gives the rows' pictures, cut L the columns'.
    """
    layers = rows_NLD.shape[1]
    if not 0 <= cut <= layers:
        raise InputError(f"The cut must lie in 0 to {layers} layers; found {cut}.")
    shape = (len(rows_NLD), len(columns_NLD), cut, rows_NLD.shape[2])
    coarse = columns_NLD[None, :, :cut].expand(shape)
    fine = rows_NLD[:, None, cut:].expand(shape[0], shape[1], layers - cut, shape[3])
    return torch.cat([coarse, fine], dim=2)


def morph_positions(steps: int, spacing: str, path: Callable[[list[float]], np.ndarray] | None = None) -> list[float]:
    """Positions along a morph from 0 to 1.

    linear: equal steps of the label. perceptual: equal steps of feature distance along `path`, a function from
    positions to features (N, D); normalisation makes equal label steps uneven to the eye. Ends are always 0 and 1.
    """
    if steps < 2:
        raise InputError(f"A morph needs 2 frames or more; found {steps}.")
    if spacing not in SPACINGS:
        raise InputError(f"Spacing must be one of {', '.join(SPACINGS)}; found {spacing!r}.")
    even = np.linspace(0, 1, steps)
    if spacing == "linear":
        return even.tolist()
    fine = np.linspace(0, 1, FINE_STEPS)
    travelled = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path(fine.tolist()), axis=0), axis=1))])
    if travelled[-1] <= 0:
        return even.tolist()
    found = np.interp(even * travelled[-1], travelled, fine)
    found[0], found[-1] = 0.0, 1.0
    return [round(float(t), 9) for t in found]
