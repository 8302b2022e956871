"""Single changes of pictures in batches: (N, C, H, W), values 0 to 1, one parameter per picture."""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F

LUMA = (0.299, 0.587, 0.114)


def where_drawn(
    image: torch.Tensor, drawn_N: torch.Tensor, change: Callable, *parameters: torch.Tensor
) -> torch.Tensor:
    """Apply ``change`` to the drawn pictures alone; ``parameters`` have one row per picture of the batch."""
    chosen = drawn_N.nonzero().squeeze(1)
    if not len(chosen):
        return image
    out = image.clone()
    out[chosen] = change(image[chosen], *(p[chosen] for p in parameters))
    return out


def distort(grid_NHW2: torch.Tensor, on_N: torch.Tensor, which_N: torch.Tensor, u_ND: torch.Tensor) -> torch.Tensor:
    """Lens distortion (which 0), uneven grid (1) or elastic jitter (2) of a sampling grid in [-1, 1]."""
    grid = where_drawn(grid_NHW2, on_N & (which_N == 0), _lens, u_ND)
    grid = where_drawn(grid, on_N & (which_N == 1), _uneven, u_ND)
    return where_drawn(grid, on_N & (which_N == 2), _elastic, u_ND)


def _lens(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    k = (u[:, 0, None, None, None] * 2 - 1) * 0.5
    return grid * (1 + k * (grid**2).sum(-1, keepdim=True))


def _uneven(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """Five columns and five rows whose widths are drawn between 0 and 2 of their share."""
    steps = torch.stack([u[:, 1:6], u[:, 6:11]], dim=1) * 2 + 1e-3
    knots = F.pad(steps.cumsum(-1) / steps.sum(-1, keepdim=True), (1, 0)) * 2 - 1
    where = ((grid.clamp(-1, 1) + 1) * 2.5).clamp(0, 4.9999).permute(0, 3, 1, 2)
    low = where.floor().long()
    left = knots.gather(2, low.flatten(2)).view_as(where)
    right = knots.gather(2, low.flatten(2) + 1).view_as(where)
    return (left + (right - left) * (where - low)).permute(0, 2, 3, 1)


def _elastic(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """A smooth field of about one per cent of the side (alpha 3 on the authors' 512 px is half of that at most)."""
    phase = u[:, :2, None, None] * 2 * torch.pi
    wave = [torch.sin(5 * grid[..., 1] + phase[:, 0]), torch.sin(5 * grid[..., 0] + phase[:, 1])]
    return grid + 0.012 * torch.stack(wave, dim=-1)


def _filter5(image: torch.Tensor, kernel_N55: torch.Tensor) -> torch.Tensor:
    n, c, height, width = image.shape
    kernel = kernel_N55.repeat_interleave(c, dim=0)[:, None]
    padded = F.pad(image, (2, 2, 2, 2), mode="reflect").reshape(1, n * c, height + 4, width + 4)
    return F.conv2d(padded, kernel, groups=n * c).view(n, c, height, width)


def gaussian_blur(image: torch.Tensor, sigma_N: torch.Tensor) -> torch.Tensor:
    """Five by five pixels."""
    taps = torch.exp(-(torch.arange(-2, 3, device=image.device) ** 2) / (2 * sigma_N[:, None] ** 2))
    taps = taps / taps.sum(1, keepdim=True)
    return _filter5(image, taps[:, :, None] * taps[:, None, :])


def motion_blur(image: torch.Tensor, direction_N: torch.Tensor) -> torch.Tensor:
    """Mean of five pixels along one of four directions."""
    lines = torch.zeros(4, 5, 5, device=image.device)
    lines[0, 2], lines[1, :, 2] = 0.2, 0.2
    lines[2] = torch.eye(5, device=image.device) / 5
    lines[3] = lines[2].flip(0)
    return _filter5(image, lines[(direction_N * 4).long().clamp(max=3)])


# Exchanges that bring the median of nine values to place 4 (Paeth 1990).
_MEDIAN_OF_NINE = (
    (1, 2), (4, 5), (7, 8), (0, 1), (3, 4), (6, 7), (1, 2), (4, 5), (7, 8), (0, 3), (5, 8), (4, 7), (3, 6), (1, 4),
    (2, 5), (4, 7), (4, 2), (6, 4), (4, 2),
)  # fmt: skip


def median_blur(image: torch.Tensor) -> torch.Tensor:
    """Median of three by three pixels."""
    _, _, height, width = image.shape
    padded = F.pad(image, (1, 1, 1, 1), mode="reflect")
    p = [padded[..., dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)]
    for i, j in _MEDIAN_OF_NINE:
        p[i], p[j] = torch.minimum(p[i], p[j]), torch.maximum(p[i], p[j])
    return p[4]


def add_noise(image: torch.Tensor, sigma_N: torch.Tensor, seed_N: torch.Tensor) -> torch.Tensor:
    """Gaussian noise; drawn on the processor so that it is the same on every device."""
    noise = [
        torch.randn(image.shape[1:], generator=torch.Generator().manual_seed(int(seed))) for seed in seed_N.tolist()
    ]
    return (image + torch.stack(noise).to(image.device) * sigma_N[:, None, None, None]).clamp(0, 1)


def shift_hsv(image: torch.Tensor, shift_N3: torch.Tensor) -> torch.Tensor:
    """Add to hue (share of the circle), saturation and value."""
    value, _ = image.max(dim=1)
    spread = value - image.min(dim=1).values
    safe = spread.clamp_min(1e-8)
    r, g, b = image.unbind(1)
    hue = (
        torch.where(value == r, ((g - b) / safe) % 6, torch.where(value == g, (b - r) / safe + 2, (r - g) / safe + 4))
        / 6
    )
    saturation = spread / value.clamp_min(1e-8)
    hue = (hue + shift_N3[:, 0, None, None]) % 1
    saturation = (saturation + shift_N3[:, 1, None, None]).clamp(0, 1)
    value = (value + shift_N3[:, 2, None, None]).clamp(0, 1)
    turn = hue[:, None] * 6 + torch.tensor([5.0, 3.0, 1.0], device=image.device)[None, :, None, None]
    k = turn % 6
    return value[:, None] * (1 - saturation[:, None] * torch.minimum(k, 4 - k).clamp(0, 1))


def clahe(image: torch.Tensor, *, tiles: int = 8, bins: int = 64, clip: float = 4.0) -> torch.Tensor:
    """Contrast-limited adaptive histogram equalisation of the luma (Zuiderveld 1994), added to all colours.

    tiles per side, histogram bins, and the clip limit in multiples of a flat histogram's height.
    """
    n, _, height, width = image.shape
    luma = (image * image.new_tensor(LUMA)[None, :, None, None]).sum(1)
    level = (luma * bins).long().clamp(0, bins - 1)
    where_y, where_x = (_tile_places(length, tiles, image.device) for length in (height, width))
    nearest = where_y.own[:, None] * tiles + where_x.own[None, :]
    owner = torch.arange(n, device=image.device)[:, None, None] * tiles**2 + nearest
    histogram = torch.zeros(n * tiles**2 * bins, device=image.device)
    histogram.index_add_(0, (owner * bins + level).flatten(), torch.ones(level.numel(), device=image.device))
    histogram = histogram.view(n, tiles**2, bins)
    total = histogram.sum(-1, keepdim=True).clamp_min(1)
    clipped = torch.minimum(histogram, clip * total / bins)
    clipped = clipped + (total - clipped.sum(-1, keepdim=True)) / bins
    curves = (clipped.cumsum(-1) / total).flatten(1)

    def looked_up(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
        tile = rows[:, None] * tiles + columns[None, :]
        return curves.gather(1, (tile * bins + level).flatten(1)).view_as(luma)

    share_y, share_x = where_y.share[:, None], where_x.share[None, :]
    above = looked_up(where_y.low, where_x.low).lerp_(looked_up(where_y.low, where_x.high), share_x.expand_as(luma))
    below = looked_up(where_y.high, where_x.low).lerp_(looked_up(where_y.high, where_x.high), share_x.expand_as(luma))
    equalised = above.lerp_(below, share_y.expand_as(luma))
    return (image + (equalised - luma)[:, None]).clamp(0, 1)


class _TilePlaces(NamedTuple):
    """For each pixel of one axis: its own tile, the two whose centres enclose it, how far to the upper."""

    own: torch.Tensor
    low: torch.Tensor
    high: torch.Tensor
    share: torch.Tensor


def _tile_places(length: int, tiles: int, device: torch.device) -> _TilePlaces:
    pixel = torch.arange(length, device=device)
    centre = ((pixel + 0.5) * tiles / length - 0.5).clamp(0, tiles - 1)
    low = centre.floor().long()
    return _TilePlaces(pixel * tiles // length, low, (low + 1).clamp(max=tiles - 1), centre - low)
