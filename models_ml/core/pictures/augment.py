"""Training-time changes of a whole batch at once, on the device, each picture by its own seed.

Axes: N pictures, C colours, H, W pixels; values 0 to 1. A picture's changes depend on its seed alone, not on its
neighbours in the batch nor on the device's generator, so that resumed and distributed runs see the same pictures.
All movements are composed into one sampling grid: each picture is interpolated once.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from models_ml.core.pictures import augment_ops as ops
from models_ml.core.pictures.feed import as_float

N_DRAWS = 48
CACHE_PIXELS = 2**18  # of one colour, per portion on a processor


@dataclass(frozen=True)
class Strength:
    """Probabilities and ranges; p_* are probabilities, angles in degrees, shifts and sizes as shares of the side."""

    p_transpose: float = 0.5
    p_flip: float = 0.5  # left and right
    p_upend: float = 0.5  # up and down
    brightness: float = 0.2
    contrast: float = 0.2
    p_brightness: float = 0.75
    p_contrast: float = 0.75
    p_affine: float = 0.85
    shift: float = 0.1
    scale: float = 0.1
    rotate_deg: float = 15.0
    p_blur_or_noise: float = 0.0
    p_distort: float = 0.0
    p_clahe: float = 0.0
    p_hsv: float = 0.0
    p_cutout: float = 0.0
    cutout: float = 0.375


# Values of the authors' albumentations pipeline; their order matters little once movements are composed.
STRENGTHS = {
    "light": Strength(brightness=0.1, contrast=0.1),
    "upright": Strength(p_transpose=0.0, p_upend=0.0, brightness=0.1, contrast=0.1),  # up stays up
    "modern": Strength(
        p_affine=1.0, scale=0.2, rotate_deg=30.0, p_hsv=0.5, p_blur_or_noise=0.2, p_cutout=0.3, cutout=0.25
    ),
    "paper": Strength(p_blur_or_noise=0.7, p_distort=0.7, p_clahe=0.7, p_hsv=0.5, p_cutout=0.7),
}


def draws(seed: int, positions_N: np.ndarray, *, fold: int, epoch: int) -> np.ndarray:
    """Uniform numbers in [0, 1), float32 (N, N_DRAWS), a function of (seed, fold, epoch, position) alone.

    SplitMix64 (Steele, Lea, Flood 2014) over a counter: the same on every platform and in any batch.
    """
    with np.errstate(over="ignore"):
        start = np.uint64((seed * 1_000_003 + fold * 10_007 + epoch) % 2**64)
        counter = positions_N.astype(np.uint64)[:, None] * np.uint64(N_DRAWS) + np.arange(N_DRAWS, dtype=np.uint64)
        return (_mix(_mix(start) + counter * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)).astype(np.float32) / 2**24


def _mix(z):
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def augment(batch: torch.Tensor, draws_ND: np.ndarray, kind: str) -> torch.Tensor:
    """Changed copy of the batch, float (N, C, H, W), contiguous. kind: none, light, upright, modern, paper (STRENGTHS).

    batch: float (N, C, H, W), or bytes (N, H, W, C) as a pack holds them.
    """
    as_bytes = batch.dtype == torch.uint8
    if kind == "none":
        return as_float(batch) if as_bytes else batch
    drawn, strength = torch.from_numpy(draws_ND), STRENGTHS[kind]
    matrix_N23, (times_N111, plus_N111) = _symmetry(drawn, strength) @ _affine(drawn, strength), _light(drawn, strength)
    height, width = batch.shape[1:3] if as_bytes else batch.shape[2:]
    # A processor's cache holds a few pictures: the same work in small portions is several times faster.
    few = max(1, CACHE_PIXELS // (height * width) if batch.is_cpu else len(batch))
    out = torch.empty((len(batch), 3, height, width), device=batch.device)
    for part in (slice(i, i + few) for i in range(0, len(batch), few)):
        portion = batch[part].permute(0, 3, 1, 2).float().div_(255) if as_bytes else batch[part]
        moved, image = _moved(portion, matrix_N23[part], drawn[part], strength), out[part]
        times, plus = (number[part].to(batch.device, non_blocking=True) for number in (times_N111, plus_N111))
        torch.mul(moved, times, out=image).add_(plus).clamp_(0, 1)
        _change(image, drawn[part], strength)
    return out


def _change(image: torch.Tensor, drawn: torch.Tensor, strength: Strength) -> None:
    """All that follows movement and light: in place, on the pictures drawn for it alone."""
    u = drawn.to(image.device, non_blocking=True)  # a GPU is never waited for here
    _blur_or_noise(image, drawn, u, strength)
    ops.where_drawn(image, drawn[:, 30] < strength.p_clahe, ops.clahe)
    shift = (drawn[:, 31:34] * 2 - 1) * drawn.new_tensor([10 / 180, 20 / 255, 10 / 255])
    ops.where_drawn(image, drawn[:, 34] < strength.p_hsv, ops.shift_hsv, shift.to(image.device, non_blocking=True))
    _cutout(image, drawn, strength)


def _moved(image: torch.Tensor, matrix_N23: torch.Tensor, u: torch.Tensor, s: Strength) -> torch.Tensor:
    """Shift, scale, rotation, transposition, flips and lens, grid or elastic distortion, by one interpolation.

    Distortions are drawn alike for both axes and directions, so that it makes no difference to a picture's chances that
    they come before flips and transposition here.
    """
    grid = ops.affine_grid(matrix_N23, image)
    distorted = u[:, 5] < s.p_distort
    if distorted.any():
        ops.distort(grid, distorted, (u[:, 6] * 3).long(), u[:, 36:].to(grid.device, non_blocking=True))
    grid = grid.permute(0, 2, 3, 1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _symmetry(u: torch.Tensor, s: Strength) -> torch.Tensor:
    """Flips, then transposition, as matrices (N, 2, 2) with one entry of 1 or -1 in each row."""
    sign = 1 - 2 * (u[:, 8:10] < u.new_tensor([s.p_flip, s.p_upend])).float()
    flips = torch.diag_embed(sign)
    return torch.where((u[:, 7] < s.p_transpose)[:, None, None], flips.flip(1), flips)


def _affine(u: torch.Tensor, s: Strength) -> torch.Tensor:
    """Shift, scale and rotation as matrices (N, 2, 3): from a place in the new picture to the old one's."""
    on = (u[:, 0] < s.p_affine).float()
    angle = on * (u[:, 1] * 2 - 1) * s.rotate_deg * torch.pi / 180
    factor = 1 / (1 + on * (u[:, 2] * 2 - 1) * s.scale)
    cos, sin = angle.cos() * factor, angle.sin() * factor
    x, y = (on[:, None] * (u[:, 3:5] * 2 - 1) * 2 * s.shift).unbind(1)
    rows = [cos, sin, -cos * x - sin * y, -sin, cos, sin * x - cos * y]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def _light(u: torch.Tensor, s: Strength) -> tuple[torch.Tensor, torch.Tensor]:
    """Brightness added, contrast scaled about black, as the authors' library does: what a picture is multiplied by, and
    what is added then, (N, 1, 1, 1) each."""
    add = (u[:, 10] < s.p_brightness).float() * (u[:, 11] * 2 - 1) * s.brightness
    times = 1 + (u[:, 12] < s.p_contrast).float() * (u[:, 13] * 2 - 1) * s.contrast
    return times[:, None, None, None], (add * times)[:, None, None, None]


def _blur_or_noise(image: torch.Tensor, drawn: torch.Tensor, u: torch.Tensor, s: Strength) -> None:
    """One of motion blur, median, Gaussian blur, Gaussian noise."""
    on, which = drawn[:, 14] < s.p_blur_or_noise, (drawn[:, 15] * 4).long()
    ops.where_drawn(image, on & (which == 0), ops.motion_blur, drawn[:, 16])
    ops.where_drawn(image, on & (which == 1), ops.median_blur)
    ops.where_drawn(image, on & (which == 2), ops.gaussian_blur, 0.5 + u[:, 17])
    sigma = (5 + 25 * drawn[:, 18]).sqrt() / 255
    ops.where_drawn(image, on & (which == 3), ops.add_noise, sigma, (drawn[:, 19] * 2**24).long())


def _cutout(image: torch.Tensor, u: torch.Tensor, s: Strength) -> None:
    """A black square whose centre lies anywhere in the picture."""
    sides = image.shape[-2:]
    for n in (u[:, 22] < s.p_cutout).nonzero().flatten().tolist():
        image[n][:, *(ops.stretch(float(u[n, k]), s.cutout, side) for k, side in zip((20, 21), sides))] = 0


def dihedral(image_NCHW: torch.Tensor, view: int) -> torch.Tensor:
    """The ``view``-th (0 to 7) of the eight rotations and mirrorings; 0 is the picture itself."""
    if view >= 4:
        image_NCHW = image_NCHW.transpose(2, 3)
    dims = [[], [2], [3], [2, 3]][view % 4]
    return image_NCHW.flip(dims) if dims else image_NCHW
