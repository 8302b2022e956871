"""Line charts as shapes that a template draws as SVG: nothing to load, no script, the page's own colours."""

from dataclasses import dataclass

WIDTH, HEIGHT = 560, 320
LEFT, RIGHT, TOP, BOTTOM = 48, 134, 36, 44


@dataclass(frozen=True)
class Tick:
    place: float
    label: str


@dataclass(frozen=True)
class Line:
    """points: an SVG polyline's; the label stands at the line's right end."""

    name: str
    points: str
    label_y: float


@dataclass(frozen=True)
class LineChart:
    """Shares from 0 to 100 % over a count, with a rule where the present design stands."""

    title: str
    x_label: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    here: float
    target: float
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    tick_x: int = LEFT - 8


def power_chart(title: str, x_label: str, curves, *, here: float, target: float) -> LineChart:
    """A chart of curves that share their x values; `here` is the x of the design that is planned."""
    low, high = curves[0].points[0][0], curves[0].points[-1][0]

    def across(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / ((high - low) or 1), 1)

    def up(share: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)

    ends = _apart([up(curve.points[-1][1]) for curve in curves])
    lines = [
        Line(curve.name, " ".join(f"{across(x)},{up(y)}" for x, y in curve.points), end)
        for curve, end in zip(curves, ends)
    ]
    return LineChart(
        title,
        x_label,
        lines,
        [Tick(across(value), f"{value:,}") for value in _round_numbers(low, high)],
        [Tick(up(share / 100), str(share)) for share in (0, 25, 50, 75, 100)],
        across(here),
        up(target),
    )


def _apart(places: list[float], gap: float = 20) -> list[float]:
    """Labels at the ends of lines, moved so that none covers another."""
    if len(places) == 2 and abs(places[0] - places[1]) < gap:
        middle, sign = sum(places) / 2, 1 if places[0] > places[1] else -1
        return [middle + sign * gap / 2, middle - sign * gap / 2]
    return places


def _round_numbers(low: float, high: float) -> list[int]:
    span = max(high - low, 1)
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 10**6) if span / s <= 6)
    return list(range(int(-(-low // step) * step), int(high) + 1, step))
