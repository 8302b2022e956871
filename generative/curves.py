"""A run's events as line drawings: positions for one small SVG each, drawn by the template, no script needed."""

import math
from dataclasses import dataclass

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 68, 8, 12, 28
POINTS_MOST = 240


@dataclass(frozen=True)
class Line:
    """One named line; `points` is the SVG's own list of positions, `last` its newest value."""

    name: str
    number: int
    points: str
    last: float


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Curve:
    """One drawing with its axes; `across` is what runs from left to right. `table` holds at most a dozen rows (that, then
    one value per line) for people who cannot see it."""

    title: str
    across: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    table: tuple[tuple, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT


CHARTS = (
    ("Losses", "progress", (("generator", "loss_g"), ("discriminator", "loss_d"))),
    ("Augmentation probability", "progress", (("p", "ada_p"),)),
    ("KID against the training pictures", "kid", (("KID", "kid"),)),
)


def run_curves(events: list[dict]) -> list[Curve]:
    """The charts for which the events hold at least two points."""
    found = []
    for title, kind, series in CHARTS:
        lines = {name: [(e["kimg"], e[key]) for e in events if e["event"] == kind and e.get(key) is not None]
                 for name, key in series}  # fmt: skip
        if all(len(points) > 1 for points in lines.values()):
            found.append(_curve(title, "kimg", {name: _thinned(points) for name, points in lines.items()}))
    return found


def distance_curve(distances: list[float]) -> Curve | None:
    """How a projection came nearer, step by step; None for fewer than two steps."""
    points = [(float(step), float(value)) for step, value in enumerate(distances, 1)]
    return _curve("Distance to the real picture", "step", {"distance": _thinned(points)}) if len(points) > 1 else None


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most POINTS_MOST points, each the mean of its neighbours."""
    size = -(-len(points) // POINTS_MOST)
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _curve(title: str, across_name: str, lines: dict[str, list[tuple[float, float]]]) -> Curve:
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    x_ticks, y_ticks = _ticks(min(xs), max(xs)), _ticks(min(0.0, *ys), max(ys))
    x_low, x_high, y_low, y_high = min(xs), max(xs), min(y_ticks[0], *ys), max(y_ticks[-1], *ys)

    def across(x: float) -> float:
        return round(LEFT + (x - x_low) / ((x_high - x_low) or 1) * (WIDTH - LEFT - RIGHT), 1)

    def down(y: float) -> float:
        return round(HEIGHT - BOTTOM - (y - y_low) / ((y_high - y_low) or 1) * (HEIGHT - TOP - BOTTOM), 1)

    drawn = tuple(
        Line(name, number, " ".join(f"{across(x)},{down(y)}" for x, y in points), points[-1][1])
        for number, (name, points) in enumerate(lines.items(), 1)
    )
    first = next(iter(lines.values()))
    rows = sorted({round(i * (len(first) - 1) / 11) for i in range(12)})
    table = tuple((first[i][0], *(points[i][1] for points in lines.values())) for i in rows)
    return Curve(
        title, across_name, drawn,
        tuple(Tick(across(x), f"{x:g}") for x in x_ticks if x_low <= x <= x_high),
        tuple(Tick(down(y), f"{y:g}") for y in y_ticks), table,
    )  # fmt: skip


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers from at or below `low` to at or above `high`; a flat line gets an axis of height 1."""
    high = high if high > low else low + 1.0
    least = (high - low) / 4
    power = 10.0 ** math.floor(math.log10(least))
    step = next(unit * power for unit in (1, 2, 5, 10) if unit * power >= least)
    first = math.floor(low / step)
    return [round((first + i) * step, 10) for i in range(math.ceil(high / step - first) + 1)]
