"""Adaptive discriminator augmentation (arXiv 2006.06676), its controller, and DiffAugment (2006.10738).

Pictures are N, C, H, W in [-1, 1]. Every operation fires independently, per picture, with probability p. Geometry is
composed into one matrix and applied once, between two low-pass filters; colours are one 4x4 matrix.
"""

from __future__ import annotations

import functools
import math
from dataclasses import asdict, dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from generative.core.networks import ops

# Symlet with six vanishing moments (Daubechies 1992), scaling filter.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
SHIFT_MOST, SCALE_STD, SHIFT_STD = 0.125, 0.2, 0.125
BRIGHTNESS_STD, CONTRAST_STD, SATURATION_STD = 0.2, 0.5, 1.0


@dataclass(frozen=True)
class Operations:
    """Which operations may fire. Geometry `b` blits pixels, `g` resamples, `c` recolours."""

    xflip: bool = False
    rotate90: bool = False
    xint: bool = False
    scale: bool = False
    rotate: bool = False
    aniso: bool = False
    xfrac: bool = False
    brightness: bool = False
    contrast: bool = False
    lumaflip: bool = False
    hue: bool = False
    saturation: bool = False

    @classmethod
    def named(cls, *names: str) -> Operations:
        return cls(**dict.fromkeys(names, True))

    def any_of(self, names: tuple[str, ...]) -> bool:
        return any(asdict(self)[name] for name in names)


ALL_OPERATIONS = tuple(field.name for field in fields(Operations))
GEOMETRY, COLOUR = ALL_OPERATIONS[:7], ALL_OPERATIONS[7:]
PIPELINES = {
    "none": Operations(),
    "b": Operations.named(*GEOMETRY[:3]),
    "bg": Operations.named(*GEOMETRY),
    "bgc": Operations.named(*ALL_OPERATIONS),
    "skin": Operations.named(*GEOMETRY, "brightness", "contrast"),
}


@dataclass
class Draws:
    """Random numbers per picture, drawn on the processor: they are few, and a GPU need not be waited for.

    `percentile` fixes every draw instead, and every operation fires, for checks.
    """

    count: int
    generator: torch.Generator | None = None
    percentile: float | None = None

    def uniform(self, columns: int = 1) -> Tensor:
        """(count, columns) in [0, 1)."""
        if self.percentile is not None:
            return torch.full((self.count, columns), self.percentile)
        return torch.rand((self.count, columns), generator=self.generator)

    def symmetric(self, columns: int = 1) -> Tensor:
        """(count, columns), uniform in [-1, 1)."""
        return self.uniform(columns) * 2 - 1

    def normal(self, columns: int = 1) -> Tensor:
        if self.percentile is not None:  # the stored checks leave out the sqrt(2) of a true quantile
            return torch.erfinv(self.symmetric(columns))
        return torch.randn((self.count, columns), generator=self.generator)

    def where_fires(self, p: Tensor | float, value: Tensor, otherwise: float) -> Tensor:
        """`value` where the operation fires (probability p, one decision per picture), `otherwise` elsewhere."""
        chance = torch.rand((self.count, 1), generator=self.generator)
        if self.percentile is not None:
            return value
        return torch.where(chance < p, value, torch.full_like(value, otherwise))


def _affine(rows: list[list], like: Tensor) -> Tensor:
    """Matrices (N, k, k) from entries that are numbers or (N,) tensors."""
    flat = [x if isinstance(x, Tensor) else torch.full_like(like, x) for row in rows for x in row]
    return torch.stack(flat, dim=-1).reshape(-1, len(rows), len(rows[0]))


def _scale(sx: Tensor, sy: Tensor) -> Tensor:
    return _affine([[sx, 0.0, 0.0], [0.0, sy, 0.0], [0.0, 0.0, 1.0]], sx)


def _translate(tx: Tensor, ty: Tensor) -> Tensor:
    return _affine([[1.0, 0.0, tx], [0.0, 1.0, ty], [0.0, 0.0, 1.0]], tx)


def _rotate(angle: Tensor) -> Tensor:
    c, s = angle.cos(), angle.sin()
    return _affine([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]], angle)


def geometry_matrix(draws: Draws, p, operations: Operations, width: int, height: int) -> Tensor:
    """Inverse transforms (N, 3, 3): from output pixels, centred, to input pixels."""
    inverse = torch.eye(3).expand(draws.count, 3, 3)
    if operations.xflip:
        i = draws.where_fires(p, (draws.uniform() * 2).floor(), 0.0)[:, 0]
        inverse = inverse @ _scale(1 - 2 * i, torch.ones_like(i))
    if operations.rotate90:
        i = draws.where_fires(p, (draws.uniform() * 4).floor(), 0.0)[:, 0]
        inverse = inverse @ _rotate(i * (math.pi / 2))
    if operations.xint:
        t = draws.where_fires(p, draws.symmetric(2) * SHIFT_MOST, 0.0)
        inverse = inverse @ _translate(-(t[:, 0] * width).round(), -(t[:, 1] * height).round())
    if operations.scale:
        s = draws.where_fires(p, torch.exp2(draws.normal() * SCALE_STD), 1.0)[:, 0]
        inverse = inverse @ _scale(1 / s, 1 / s)
    p_rotate = 1 - math.sqrt(max(1 - float(p), 0.0))  # two chances of the same angle make p together
    if operations.rotate:
        angle = draws.where_fires(p_rotate, draws.symmetric() * math.pi, 0.0)[:, 0]
        inverse = inverse @ _rotate(angle)
    if operations.aniso:
        s = draws.where_fires(p, torch.exp2(draws.normal() * SCALE_STD), 1.0)[:, 0]
        inverse = inverse @ _scale(1 / s, s)
    if operations.rotate:
        angle = draws.where_fires(p_rotate, draws.symmetric() * math.pi, 0.0)[:, 0]
        if draws.percentile is None:  # the stored checks force the second rotation to nothing
            inverse = inverse @ _rotate(angle)
    if operations.xfrac:
        t = draws.where_fires(p, draws.normal(2) * SHIFT_STD, 0.0)
        inverse = inverse @ _translate(-t[:, 0] * width, -t[:, 1] * height)
    return inverse


def _margins(inverse: Tensor, width: int, height: int, taps: int) -> tuple[int, int, int, int]:
    """How far (left, top, right, bottom) the batch's transforms look beyond the picture, at most its own size.

    Rounded up to eighths of the picture: new sizes cost more than pixels, since convolutions are prepared per size.
    """
    cx, cy = (width - 1) / 2, (height - 1) / 2
    corners = torch.tensor([[-cx, -cy, 1], [cx, -cy, 1], [cx, cy, 1], [-cx, cy, 1]], device=inverse.device)
    seen = (inverse @ corners.t())[:, :2].permute(1, 0, 2).flatten(1)
    reach = torch.cat([-seen, seen]).amax(dim=1)
    reach = reach + torch.tensor([taps * 2 - cx, taps * 2 - cy] * 2, device=inverse.device)
    most = torch.tensor([width - 1, height - 1] * 2, device=inverse.device)
    unit = torch.tensor([max(width // 8, 1), max(height // 8, 1)] * 2, device=inverse.device)
    reach = (reach.clamp(min=0) / unit).ceil() * unit
    left, top, right, bottom = reach.minimum(most).int().tolist()
    return left, top, right, bottom


def warp(image_NCHW: Tensor, inverse_N33: Tensor) -> Tensor:
    """Apply transforms once: reflect, twice the size through sym6, sample, back through sym6, crop.

    The transforms may lie on the processor whatever the pictures' device: how far they look decides sizes.
    """
    n, c, height, width = image_NCHW.shape
    line = _wavelet(image_NCHW.device)
    taps = len(SYM6) // 4
    left, top, right, bottom = _margins(inverse_N33, width, height, taps)
    x = F.pad(image_NCHW, [left, right, top, bottom], mode="reflect")
    one = torch.ones(n, device=inverse_N33.device)
    inverse = _translate(one * ((left - right) / 2), one * ((top - bottom) / 2)) @ inverse_N33
    before, after = (len(SYM6) + 1) // 2, (len(SYM6) - 2) // 2
    spread = ops.pad2d(ops.insert_zeros(x, 2), (before, after, before, after))
    x = ops.filter2d(spread, line, gain=4.0)
    inverse = _scale(one * 2, one * 2) @ inverse @ _scale(one / 2, one / 2)
    inverse = _translate(-one / 2, -one / 2) @ inverse @ _translate(one / 2, one / 2)
    size = (height + taps * 2) * 2, (width + taps * 2) * 2
    to_unit = _scale(one * (2 / x.shape[3]), one * (2 / x.shape[2]))
    inverse = to_unit @ inverse @ _scale(one * (size[1] / 2), one * (size[0] / 2))
    grid = F.affine_grid(inverse[:, :2].to(x.device, non_blocking=True), [n, c, *size], align_corners=False)
    x = ops.sample_bilinear(x, grid)
    trim = -taps * 2
    before, after = (len(SYM6) - 1) // 2 + trim, (len(SYM6) - 2) // 2 + trim
    return ops.filter2d(ops.pad2d(x, (before, after, before, after)), line, stride=2, flip=True)


@functools.cache
def _wavelet(device: torch.device) -> Tensor:
    line = torch.tensor(SYM6, device=device, dtype=torch.float32)
    return line / line.sum()


def colour_matrix(draws: Draws, p, operations: Operations) -> Tensor:
    """Colour transforms (N, 4, 4) on (R, G, B, 1)."""
    one = torch.ones(draws.count)
    eye = torch.eye(4)
    matrix = eye.expand(draws.count, 4, 4)
    luma = torch.tensor([1.0, 1.0, 1.0, 0.0]) / math.sqrt(3)
    grey = torch.outer(luma, luma)
    if operations.brightness:
        b = draws.where_fires(p, draws.normal() * BRIGHTNESS_STD, 0.0)[:, 0]
        lift = [[1.0, 0.0, 0.0, b], [0.0, 1.0, 0.0, b], [0.0, 0.0, 1.0, b], [0.0, 0.0, 0.0, 1.0]]
        matrix = _affine(lift, one) @ matrix
    if operations.contrast:
        c = draws.where_fires(p, torch.exp2(draws.normal() * CONTRAST_STD), 1.0)[:, 0]
        stretch = [[c, 0.0, 0.0, 0.0], [0.0, c, 0.0, 0.0], [0.0, 0.0, c, 0.0], [0.0, 0.0, 0.0, 1.0]]
        matrix = _affine(stretch, one) @ matrix
    if operations.lumaflip:
        i = draws.where_fires(p, (draws.uniform() * 2).floor(), 0.0)
        matrix = (eye - 2 * grey * i[:, :, None]) @ matrix
    if operations.hue:
        angle = draws.where_fires(p, draws.symmetric() * math.pi, 0.0)[:, 0]
        matrix = _turn_about_grey(angle) @ matrix
    if operations.saturation:
        s = draws.where_fires(p, torch.exp2(draws.normal() * SATURATION_STD), 1.0)
        matrix = (grey + (eye - grey) * s[:, :, None]) @ matrix
    return matrix


def _turn_about_grey(angle: Tensor) -> Tensor:
    """Rotation about the axis of equal red, green and blue (Rodrigues)."""
    c, s = angle.cos(), angle.sin()
    same, ahead, behind = (1 - c) / 3 + c, (1 - c) / 3 - s / math.sqrt(3), (1 - c) / 3 + s / math.sqrt(3)
    rows = [[same, ahead, behind, 0.0], [behind, same, ahead, 0.0], [ahead, behind, same, 0.0], [0.0, 0.0, 0.0, 1.0]]
    return _affine(rows, angle)


def recolour(image_NCHW: Tensor, matrix_N44: Tensor) -> Tensor:
    """Colours through the matrix; a grey picture uses the mean of its rows."""
    n, c, h, w = image_NCHW.shape
    if c == 1:
        row = matrix_N44[:, :3].mean(dim=1)
        return image_NCHW * row[:, :3].sum(dim=1).reshape(n, 1, 1, 1) + row[:, 3].reshape(n, 1, 1, 1)
    flat = image_NCHW.reshape(n, c, h * w)
    return (matrix_N44[:, :3, :3] @ flat + matrix_N44[:, :3, 3:]).reshape(n, c, h, w)


def augment(
    image_NCHW: Tensor,
    p: float,
    operations: Operations,
    *,
    generator: torch.Generator | None = None,
    percentile: float | None = None,
) -> Tensor:
    """The ADA pipeline at probability p, differentiable twice in the pictures. p = 0 returns them untouched.

    generator: on the processor, whatever the pictures' device.
    """
    if p <= 0 and percentile is None:
        return image_NCHW
    n, _, height, width = image_NCHW.shape
    draws = Draws(n, generator, percentile)
    x = image_NCHW
    if operations.any_of(GEOMETRY):
        x = warp(x, geometry_matrix(draws, p, operations, width, height))
    if operations.any_of(COLOUR):
        x = recolour(x, colour_matrix(draws, p, operations).to(x.device, non_blocking=True))
    return x


@dataclass
class AdaController:
    """Raises or lowers p so that the discriminator's mean sign on real pictures approaches `target`.

    kimg: pictures (thousands) it takes p to go from 0 to 1 at most; `most` caps p, since colour and geometry leak into
    the generated pictures above about .8.
    """

    target: float = 0.6
    kimg: float = 500.0
    most: float = 0.8
    p: float = 0.0
    interval: int = 4

    def update(self, mean_sign: float, batch: int) -> float:
        """Once per `interval` batches, with E[sign D(real)] since the last time."""
        step = math.copysign(1.0, mean_sign - self.target) if mean_sign != self.target else 0.0
        self.p = min(max(self.p + step * batch * self.interval / (self.kimg * 1000), 0.0), self.most)
        return self.p


def diff_augment(image_NCHW: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """DiffAugment: colour, translation (1/8) and cutout (half the side), always on, differentiable."""
    n, _, h, w = image_NCHW.shape
    draws = Draws(n, generator)

    def per_image(values: Tensor) -> Tensor:
        return values.to(image_NCHW.device, non_blocking=True).reshape(n, 1, 1, 1)

    x = image_NCHW + per_image(draws.uniform() - 0.5)
    grey = x.mean(dim=1, keepdim=True)
    x = (x - grey) * per_image(draws.uniform() * 2) + grey
    level = x.mean(dim=(1, 2, 3), keepdim=True)
    x = (x - level) * per_image(draws.uniform() + 0.5) + level
    rows, columns = torch.arange(h, device=x.device), torch.arange(w, device=x.device)
    shift = (draws.symmetric(2) * torch.tensor([h / 8, w / 8])).round().long().to(x.device, non_blocking=True)
    from_row, from_column = rows[None] + shift[:, :1], columns[None] + shift[:, 1:]
    inside = ((from_row >= 0) & (from_row < h))[:, None, :, None] & ((from_column >= 0) & (from_column < w))[
        :, None, None
    ]
    each = torch.arange(n, device=x.device)[:, None, None]
    x = x.permute(0, 2, 3, 1)[each, from_row.clamp(0, h - 1)[:, :, None], from_column.clamp(0, w - 1)[:, None, :]]
    x = x.permute(0, 3, 1, 2) * inside
    centre = (draws.uniform(2) * torch.tensor([h, w])).floor().to(x.device, non_blocking=True)
    hidden = ((rows[None] - centre[:, :1]).abs() < h / 4)[:, None, :, None]
    hidden = hidden & ((columns[None] - centre[:, 1:]).abs() < w / 4)[:, None, None]
    return x * ~hidden
