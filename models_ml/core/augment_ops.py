"""Single changes of pictures in batches: (N, C, H, W), values 0 to 1, one parameter per picture.

A change may work in place on the batch it is given, and returns its outcome. Arithmetic stays in few passes over
memory: on a processor these decide the time.
"""

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F

LUMA = (0.299, 0.587, 0.114)


def where_drawn(batch: torch.Tensor, drawn_N: torch.Tensor, change: Callable, *parameters: torch.Tensor) -> None:
    """Apply ``change`` in place to the drawn rows alone; ``parameters`` have one row per row of the batch."""
    chosen = drawn_N.nonzero().squeeze(1)
    if len(chosen) == len(batch):
        outcome = change(batch, *parameters)
        if outcome is not batch:
            batch.copy_(outcome)
    elif len(chosen):
        there = chosen.to(batch.device)
        batch[there] = change(batch[there], *(p[chosen if p.is_cpu else there] for p in parameters))


def affine_grid(matrix_N23: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Sampling grid in [-1, 1] of the pixels' centres under ``matrix`` (x, y, 1): planes x and y, (N, 2, H, W)."""
    height, width = image.shape[-2:]
    axis_y, axis_x = ((torch.arange(k, device=image.device) * 2 + 1) / k - 1 for k in (height, width))
    matrix = matrix_N23.to(image.device)[..., None, None]
    return matrix[:, :, 0] * axis_x + (matrix[:, :, 1] * axis_y[:, None] + matrix[:, :, 2])


def turned(grid_N2HW: torch.Tensor, symmetry_N22: torch.Tensor) -> torch.Tensor:
    """The grid's two planes exchanged or with the other sign, as ``symmetry`` says."""
    which = symmetry_N22.abs().argmax(2)
    planes = grid_N2HW.gather(1, which[..., None, None].to(grid_N2HW.device).expand_as(grid_N2HW))
    return planes.mul_(symmetry_N22.sum(2)[..., None, None].to(planes.device))


def distort(grid_N2HW: torch.Tensor, on_N: torch.Tensor, which_N: torch.Tensor, u_ND: torch.Tensor) -> None:
    """Lens distortion (which 0), uneven grid (1) or elastic jitter (2) of a sampling grid in [-1, 1], in place."""
    for number, change in enumerate((_lens, _uneven, _elastic)):
        where_drawn(grid_N2HW, on_N & (which_N == number), change, u_ND)


def _lens(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    k = (u[:, 0, None, None] * 2 - 1) * 0.5
    x, y = grid.unbind(1)
    return grid.mul_((x * x).addcmul_(y, y).mul_(k).add_(1)[:, None])


def _uneven(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Five columns and five rows whose widths are drawn between 0 and 2 of their share: a broken line of five pieces,
    the same line everywhere plus a bend at each of the four inner borders."""
    steps = torch.stack([u[:, 1:6], u[:, 6:11]], dim=1) * 2 + 1e-3
    slope = (5 * steps / steps.sum(-1, keepdim=True))[..., None, None]
    grid.clamp_(-1, 1).add_(1)  # 0 to 2, a border every 0.4
    out = (grid * slope[:, :, 0]).sub_(1)
    for k in range(1, 5):
        out.addcmul_(grid.sub(0.4 * k).relu_(), slope[:, :, k] - slope[:, :, k - 1])
    return out


def _elastic(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """A smooth field of about one per cent of the side (alpha 3 on the authors' 512 px is half of that at most)."""
    phase = u[:, :2, None, None] * 2 * torch.pi
    return grid.add_((grid.flip(1) * 5).add_(phase).sin_(), alpha=0.012)


def _shifted(image: torch.Tensor, reach: int) -> Callable[[int, int], torch.Tensor]:
    """Views of the mirrored picture moved by (dy, dx), each at most ``reach``."""
    _, _, height, width = image.shape
    padded = F.pad(image, (reach,) * 4, mode="reflect")
    return lambda dy, dx: padded[..., reach + dy : reach + dy + height, reach + dx : reach + dx + width]


def gaussian_blur(image: torch.Tensor, sigma_N: torch.Tensor) -> torch.Tensor:
    """Five by five pixels, rows after columns."""
    taps = torch.exp(-(torch.arange(-2, 3, device=image.device) ** 2) / (2 * sigma_N[:, None] ** 2))
    taps = (taps / taps.sum(1, keepdim=True))[:, :, None, None, None]
    for axis in (0, 1):
        at = _shifted(image, 2)
        image = at(0, 0) * taps[:, 2]
        for far in (1, 2):
            there, back = ((far, 0), (-far, 0)) if axis == 0 else ((0, far), (0, -far))
            image.addcmul_(at(*there) + at(*back), taps[:, 2 + far])
    return image


MOTIONS = ((0, 1), (1, 0), (1, 1), (1, -1))


def motion_blur(image: torch.Tensor, direction_N: torch.Tensor) -> torch.Tensor:
    """Mean of five pixels along one of four directions."""
    which = (direction_N * 4).long().clamp(max=3)
    for number, (dy, dx) in enumerate(MOTIONS):
        where_drawn(image, which == number, lambda part, dy=dy, dx=dx: _mean_along(part, dy, dx))
    return image


def _mean_along(image: torch.Tensor, dy: int, dx: int) -> torch.Tensor:
    at = _shifted(image, 2)
    total = at(-2 * dy, -2 * dx) + at(-dy, -dx)
    for far in (0, 1, 2):
        total += at(far * dy, far * dx)
    return total.mul_(0.2)


def median_blur(image: torch.Tensor) -> torch.Tensor:
    """Median of three by three pixels: sorted columns are shared by three neighbours, and the median is the middle of
    the largest low, the middle medium and the smallest high."""
    width = image.shape[-1]
    padded = F.pad(image, (1, 1, 1, 1), mode="reflect")
    low, mid, high = padded[..., :-2, :], padded[..., 1:-1, :], padded[..., 2:, :]
    low, mid = torch.minimum(low, mid), torch.maximum(low, mid)
    mid, high = torch.minimum(mid, high), torch.maximum(mid, high)
    low, mid = torch.minimum(low, mid), torch.maximum(low, mid)

    def across(rows: torch.Tensor) -> list[torch.Tensor]:
        return [rows[..., dx : dx + width] for dx in range(3)]

    (a, b, c), (d, e, f) = across(low), across(high)
    return _middle(
        torch.maximum(a, b).maximum(c), _middle(*across(mid)), torch.minimum(d, e).minimum(f)
    )  # fmt: skip


def _middle(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    return torch.maximum(torch.minimum(a, b), torch.maximum(a, b).minimum(c))


def add_noise(image: torch.Tensor, sigma_N: torch.Tensor, seed_N: torch.Tensor) -> torch.Tensor:
    """Gaussian noise; drawn on the processor so that it is the same on every device."""
    noise = [
        torch.randn(image.shape[1:], generator=torch.Generator().manual_seed(int(seed))) for seed in seed_N.tolist()
    ]
    noise = noise[0][None] if len(noise) == 1 else torch.stack(noise)
    return image.addcmul_(noise.to(image.device), sigma_N[:, None, None, None]).clamp_(0, 1)


def stretch(centre: float, share: float, side: int) -> slice:
    """The pixels of an axis whose centres lie within ``share`` of the side about ``centre`` (0 to 1)."""
    first, last = (centre - share / 2) * side - 0.5, (centre + share / 2) * side - 0.5
    return slice(max(0, math.floor(first) + 1), max(0, math.ceil(last)))


def shift_hsv(image: torch.Tensor, shift_N3: torch.Tensor) -> torch.Tensor:
    """Add to hue (share of the circle), saturation and value.

    Each colour is value - chroma * w, where w falls from 1 to 0 with the hue's distance on the circle from that
    colour's opposite; comparisons become factors of 0 and 1, which is far cheaper than choosing pixel by pixel.
    """
    hue_shift, more_saturation, more_value = (shift_N3[:, k, None, None] for k in range(3))
    r, g, b = image.unbind(1)
    value = torch.maximum(torch.maximum(r, g), b)
    spread = value - torch.minimum(torch.minimum(r, g), b)
    red = (value == r).float()
    green = (value == g).float().mul_(1 - red)
    blue = 1 - red - green
    hue = red.mul_(g - b).addcmul_(green, b - r).addcmul_(blue, r - g).div_(spread.clamp(min=1e-8))
    hue.add_(green, alpha=2).add_(blue, alpha=4).add_(6 * hue_shift)
    hue.sub_((hue / 6).floor_(), alpha=6)
    saturation = spread.div_(value.clamp(min=1e-8)).add_(more_saturation).clamp_(0, 1)
    value.add_(more_value).clamp_(0, 1)
    chroma = saturation.mul_(value)
    for colour, opposite in zip((r, g, b), (3.0, 5.0, 1.0)):
        away = hue.sub(opposite).abs_().sub_(3).abs_().sub_(1).clamp_(0, 1)
        torch.addcmul(value, chroma, away, value=-1, out=colour)
    return image


def clahe(image: torch.Tensor, *, tiles: int = 8, bins: int = 64, clip: float = 4.0) -> torch.Tensor:
    """Contrast-limited adaptive histogram equalisation of the luma (Zuiderveld 1994), added to all colours.

    tiles per side, histogram bins, and the clip limit in multiples of a flat histogram's height.
    """
    n, _, height, width = image.shape
    r, g, b = image.unbind(1)
    luma = (r * LUMA[0]).add_(g, alpha=LUMA[1]).add_(b, alpha=LUMA[2])
    level = (luma * bins).int().clamp_(0, bins - 1)
    places = _tile_places(height, width, tiles, bins, image.device)
    level += torch.arange(n, device=image.device, dtype=torch.int32)[:, None, None] * (tiles**2 * bins)
    histogram = torch.bincount((places.own + level).flatten(), minlength=n * tiles**2 * bins)
    histogram = histogram.view(n, tiles**2, bins).float()
    total = histogram.sum(-1, keepdim=True).clamp_min(1)
    clipped = torch.minimum(histogram, clip * total / bins)
    clipped = clipped + (total - clipped.sum(-1, keepdim=True)) / bins
    curves = (clipped.cumsum(-1) / total).flatten()

    def looked_up(tile: torch.Tensor) -> torch.Tensor:
        return curves.index_select(0, (level + tile).flatten()).view_as(luma)

    above, below = (looked_up(left).lerp_(looked_up(right), places.share_x) for left, right in places.around)
    equalised = above.lerp_(below, places.share_y)
    return image.add_(equalised.sub_(luma)[:, None]).clamp_(0, 1)


class _TilePlaces(NamedTuple):
    """For each pixel, as offsets into the curves: its own tile, the four whose centres enclose it (above and below, each
    left and right); how far it is to the right ones and to the lower ones."""

    own: torch.Tensor
    around: tuple[tuple[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    share_x: torch.Tensor
    share_y: torch.Tensor


@lru_cache(maxsize=8)
def _tile_places(height: int, width: int, tiles: int, bins: int, device: torch.device) -> _TilePlaces:
    def axis(length: int):
        pixel = torch.arange(length, device=device)
        centre = ((pixel + 0.5) * tiles / length - 0.5).clamp(0, tiles - 1)
        low = centre.floor().long()
        return pixel * tiles // length, low, (low + 1).clamp(max=tiles - 1), centre - low

    def offsets(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        return ((rows[:, None] * tiles + columns[None, :]) * bins).int()

    own_y, low_y, high_y, share_y = axis(height)
    own_x, low_x, high_x, share_x = axis(width)
    around = tuple((offsets(y, low_x), offsets(y, high_x)) for y in (low_y, high_y))
    shares = share_x[None, :].expand(height, width).contiguous(), share_y[:, None].expand(height, width).contiguous()
    return _TilePlaces(offsets(own_y, own_x), around, *shares)
