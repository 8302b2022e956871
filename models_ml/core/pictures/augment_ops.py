"""Single changes of pictures in batches: (N, C, H, W), values 0 to 1, one parameter per picture.

A change may work in place on the batch it is given, and returns its outcome. Arithmetic stays in few passes over
memory: on a processor these decide the time. There, too, two operands are vectorised when one is a single number per
picture; three are not: hence a product and a sum where ``addcmul`` would do.
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
        there = chosen.to(batch.device, non_blocking=True)
        batch[there] = change(batch[there], *(p[chosen if p.is_cpu else there] for p in parameters))


def affine_grid(matrix_N23: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Sampling grid in [-1, 1] of the pixels' centres under ``matrix`` (x, y, 1): planes x and y, (N, 2, H, W)."""
    height, width = image.shape[-2:]
    axis_y, axis_x = ((torch.arange(k, device=image.device) * 2 + 1) / k - 1 for k in (height, width))
    matrix = matrix_N23.to(image.device, non_blocking=True)[..., None, None]
    return matrix[:, :, 0] * axis_x + (matrix[:, :, 1] * axis_y[:, None] + matrix[:, :, 2])


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
    borders, bends = [0.4 * k - 1 for k in range(1, 5)], slope.diff(dim=2).unbind(2)
    grid.clamp_(-1, 1)
    # slope * (x + 1) - 1 + sum of bend * (max(x, border) - border), the constants taken together
    constant = slope[:, :, 0] - 1 - sum(bend * border for bend, border in zip(bends, borders))
    out, beyond = (grid * slope[:, :, 0]).add_(constant), torch.empty_like(grid)
    for bend, border in zip(bends, borders):
        out.add_(torch.clamp(grid, min=border, out=beyond).mul_(bend))
    return out


def _elastic(grid: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """A smooth field of about one per cent of the side (alpha 3 on the authors' 512 px is half of that at most)."""
    phase_x, phase_y = (u[:, :2, None, None] * 2 * torch.pi).unbind(1)
    x, y = grid.unbind(1)
    wave_x, wave_y = torch.add(phase_x, y, alpha=5).sin_(), torch.add(phase_y, x, alpha=5).sin_()
    x.add_(wave_x, alpha=0.012)
    y.add_(wave_y, alpha=0.012)
    return grid


def _shifted(image: torch.Tensor, reach: int) -> Callable[[int, int], torch.Tensor]:
    """Views of the mirrored picture moved by (dy, dx), each at most ``reach``."""
    _, _, height, width = image.shape
    padded = F.pad(image, (reach,) * 4, mode="reflect")
    return lambda dy, dx: padded[..., reach + dy : reach + dy + height, reach + dx : reach + dx + width]


def gaussian_blur(image: torch.Tensor, sigma_N: torch.Tensor) -> torch.Tensor:
    """Five by five pixels, rows after columns."""
    taps = torch.exp(-(torch.arange(-2, 3, device=image.device) ** 2) / (2 * sigma_N[:, None] ** 2))
    taps = (taps / taps.sum(1, keepdim=True))[:, :, None, None, None]
    pair = torch.empty_like(image)
    for axis in (0, 1):
        at = _shifted(image, 2)
        torch.mul(at(0, 0), taps[:, 2], out=image)
        for far in (1, 2):
            there, back = ((far, 0), (-far, 0)) if axis == 0 else ((0, far), (0, -far))
            image.add_(torch.add(at(*there), at(*back), out=pair).mul_(taps[:, 2 + far]))
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
    torch.add(at(-2 * dy, -2 * dx), at(-dy, -dx), out=image)
    for far in (0, 1, 2):
        image += at(far * dy, far * dx)
    return image.mul_(0.2)


def median_blur(image: torch.Tensor) -> torch.Tensor:
    """Median of three by three pixels, in bytes: sorted columns are shared by three neighbours, and the median is the
    middle of the largest low, the middle medium and the smallest high."""
    width, padded = image.shape[-1], F.pad(image, (1, 1, 1, 1), mode="reflect").mul_(255).round_()
    padded = padded.short().byte()  # vectorised, which floats to bytes at once are not
    low, mid, high = padded[..., :-2, :], padded[..., 1:-1, :], padded[..., 2:, :]
    low, mid = torch.minimum(low, mid), torch.maximum(low, mid)
    mid, high = torch.minimum(mid, high), torch.maximum(mid, high)
    low, mid = torch.minimum(low, mid), torch.maximum(low, mid)

    def across(rows: torch.Tensor) -> list[torch.Tensor]:
        return [rows[..., dx : dx + width] for dx in range(3)]

    (a, b, c), (d, e, f) = across(low), across(high)
    found = _middle(torch.maximum(a, b).maximum(c), _middle(*across(mid)), torch.minimum(d, e).minimum(f))
    return image.copy_(found).mul_(1 / 255)


def _middle(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    return torch.maximum(torch.minimum(a, b), torch.maximum(a, b).minimum(c))


def add_noise(image: torch.Tensor, sigma_N: torch.Tensor, seed_N: torch.Tensor) -> torch.Tensor:
    """Gaussian noise: a picture takes a stretch of one long series, from a place that its seed decides.

    The series is drawn on the processor, so that it is the same on every device, and once: drawing costs more than
    everything else that is done to a picture.
    """
    length = image[0].numel()
    series = _noise(max(NOISE_LENGTH, 2 * length), image.device)
    for one, sigma, seed in zip(image, sigma_N.tolist(), seed_N.tolist()):
        start = seed % (len(series) - length)
        one.add_(series[start : start + length].view_as(one), alpha=sigma)
    return image.clamp_(0, 1)


NOISE_LENGTH = 2**22


@lru_cache(maxsize=2)
def _noise(length: int, device: torch.device) -> torch.Tensor:
    return torch.randn(length, generator=torch.Generator().manual_seed(0)).to(device)


def stretch(centre: float, share: float, side: int) -> slice:
    """The pixels of an axis whose centres lie within ``share`` of the side about ``centre`` (0 to 1)."""
    first, last = (centre - share / 2) * side - 0.5, (centre + share / 2) * side - 0.5
    return slice(max(0, math.floor(first) + 1), max(0, math.ceil(last)))


def shift_hsv(image: torch.Tensor, shift_N3: torch.Tensor) -> torch.Tensor:
    """Add to hue (share of the circle), saturation and value.

    Each colour is value - chroma * w, where w falls from 1 to 0 with the hue's distance on the circle from that
    colour's opposite; comparisons become factors of 0 and 1, which is far cheaper than choosing pixel by pixel.
    """
    shift_N3 = shift_N3[..., None, None]
    turn = 6 * (shift_N3[:, 0] - shift_N3[:, 0].round())  # more than half of the circle is less the other way
    r, g, b = image.unbind(1)
    value = torch.maximum(r, g)
    torch.maximum(value, b, out=value)
    chroma = torch.minimum(r, g)
    torch.minimum(chroma, b, out=chroma)
    torch.sub(value, chroma, out=chroma)  # the spread, so far
    hue, away = _hue(r, g, b, value, chroma), torch.empty_like(value)
    hue.add_(turn)
    chroma.div_(torch.clamp(value, min=1e-8, out=away)).add_(shift_N3[:, 1]).clamp_(0, 1)
    chroma.mul_(value.add_(shift_N3[:, 2]).clamp_(0, 1))
    value.add_(chroma)  # because w is computed too high by 1, which saves a pass
    # Hues lie between -1 and 5 plus the turn: with these opposites none is farther than 7, where w needs no wrapping.
    green_opposite = torch.where(turn < 0, -1.0, 5.0)
    for colour, opposite in zip((r, g, b), (3.0, green_opposite, 1.0)):
        torch.sub(hue, opposite, out=away).abs_().sub_(3).abs_().clamp_(1, 2)
        torch.addcmul(value, chroma, away, value=-1, out=colour)
    return image


def _hue(r, g, b, value, spread) -> torch.Tensor:
    """Every pixel's hue in sixths of the circle, from -1 (0 is red) to 5; grey is 0 or 4."""
    red, green = r.clone().eq_(value), g.clone().eq_(value)
    green.addcmul_(green, red, value=-1)
    hue, other = torch.sub(r, g), torch.sub(g, b)  # of blue; of red
    change = torch.sub(other, hue)
    change.mul_(red)
    other.add_(hue, alpha=2).mul_(green)  # of green it is -hue - other
    hue.add_(change).sub_(other).div_(torch.clamp(spread, min=1e-8, out=change))
    return hue.add_(red, alpha=-4).add_(green, alpha=-2).add_(4)


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
    histogram = _counts((places.own + level).flatten(), n * tiles**2 * bins).view(n, tiles**2, bins)
    total = histogram.sum(-1, keepdim=True).clamp_min(1)
    clipped = torch.minimum(histogram, clip * total / bins)
    clipped = clipped + (total - clipped.sum(-1, keepdim=True)) / bins
    curves = (clipped.cumsum(-1) / total).view(n, tiles, tiles, bins)
    # Left and right neighbour in one look: as the two halves of a complex number.
    right = torch.cat([curves[:, :, 1:], curves[:, :, -1:]], dim=2)
    pairs = torch.complex(curves, right).flatten()

    def looked_up(tile: torch.Tensor) -> torch.Tensor:
        found = torch.view_as_real(pairs.index_select(0, (level + tile).flatten())).view(*luma.shape, 2)
        return torch.lerp(found[..., 0], found[..., 1], places.share_x)

    above, below = (looked_up(tile) for tile in places.around)
    equalised = above.lerp_(below, places.share_y)
    return image.add_(equalised.sub_(luma)[:, None]).clamp_(0, 1)


def _counts(values: torch.Tensor, length: int) -> torch.Tensor:
    """How often each of 0 to length - 1 occurs, as floats. On a GPU bincount would wait for the largest value."""
    if values.is_cpu:
        return torch.bincount(values, minlength=length).float()
    ones = values.new_ones(1, dtype=torch.float32).expand(len(values))
    return ones.new_zeros(length).scatter_add_(0, values.long(), ones)


class _TilePlaces(NamedTuple):
    """For each pixel, as offsets into the curves: its own tile, and of the four whose centres enclose it the left ones
    above and below; how far it is to the right ones and to the lower ones."""

    own: torch.Tensor
    around: tuple[torch.Tensor, torch.Tensor]
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
    own_x, low_x, _, share_x = axis(width)
    around = offsets(low_y, low_x), offsets(high_y, low_x)
    shares = share_x[None, :].expand(height, width).contiguous(), share_y[:, None].expand(height, width).contiguous()
    return _TilePlaces(offsets(own_y, own_x), around, *shares)
