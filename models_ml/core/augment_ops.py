"""Single changes of pictures in batches: (N, C, H, W), values 0 to 1, one parameter per picture."""

from collections.abc import Callable

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


def distort(grid_NHW2, on_N, which_N, u_ND, *, p: float) -> torch.Tensor:
    """One of lens distortion, uneven grid, elastic jitter, applied to a sampling grid in [-1, 1].

    The grid distortion draws the widths of five columns and rows between 0 and 2 of their share; the elastic one is a
    smooth field of about one per cent of the side (alpha 3 on the authors' 512 px is half of that at most).
    """
    on, kind = (on_N < p).float()[:, None, None, None], (which_N * 3).long()[:, None, None, None]
    radius2 = (grid_NHW2**2).sum(-1, keepdim=True)
    k = (u_ND[:, 0, None, None, None] * 2 - 1) * 0.5
    lens = grid_NHW2 * (1 + k * radius2)
    steps = torch.stack([u_ND[:, 1:6], u_ND[:, 6:11]], dim=1) * 2 + 1e-3
    knots = F.pad(steps.cumsum(-1) / steps.sum(-1, keepdim=True), (1, 0)) * 2 - 1
    where = ((grid_NHW2.clamp(-1, 1) + 1) * 2.5).clamp(0, 4.9999)
    low = where.floor().long()
    flat = low.permute(0, 3, 1, 2).flatten(2)
    left = knots.gather(2, flat).view(low.permute(0, 3, 1, 2).shape).permute(0, 2, 3, 1)
    right = knots.gather(2, flat + 1).view(low.permute(0, 3, 1, 2).shape).permute(0, 2, 3, 1)
    uneven = left + (right - left) * (where - low)
    phase = u_ND[:, :2, None, None] * 2 * torch.pi
    wave = torch.stack(
        [torch.sin(5 * grid_NHW2[..., 1] + phase[:, 0]), torch.sin(5 * grid_NHW2[..., 0] + phase[:, 1])], dim=-1
    )
    moved = torch.where(kind == 0, lens, torch.where(kind == 1, uneven, grid_NHW2 + 0.012 * wave))
    return grid_NHW2 + on * (moved - grid_NHW2)


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


def median_blur(image: torch.Tensor) -> torch.Tensor:
    """Median of three by three pixels."""
    n, c, height, width = image.shape
    padded = F.pad(image, (1, 1, 1, 1), mode="reflect")
    stack = torch.stack([padded[..., dy : dy + height, dx : dx + width] for dy in range(3) for dx in range(3)])
    return stack.median(dim=0).values.view(n, c, height, width)


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
    tile_y = (torch.arange(height, device=image.device) * tiles // height)[:, None]
    tile_x = (torch.arange(width, device=image.device) * tiles // width)[None, :]
    level = (luma * bins).long().clamp(0, bins - 1)
    owner = (torch.arange(n, device=image.device)[:, None, None] * tiles + tile_y) * tiles + tile_x
    histogram = torch.zeros(n * tiles * tiles * bins, device=image.device)
    histogram.index_add_(0, (owner * bins + level).flatten(), torch.ones(level.numel(), device=image.device))
    histogram = histogram.view(n, tiles, tiles, bins)
    total = histogram.sum(-1, keepdim=True)
    clipped = torch.minimum(histogram, clip * total / bins)
    clipped = clipped + (total - clipped.sum(-1, keepdim=True)) / bins
    curve = clipped.cumsum(-1) / total
    lookup = F.interpolate(curve.permute(0, 3, 1, 2), size=(height, width), mode="bilinear", align_corners=False)
    equalised = lookup.gather(1, level[:, None])
    return (image + equalised - luma[:, None]).clamp(0, 1)
