"""Geometry of the small pictures on the pages: plain numbers that a template turns into SVG, no script needed.

Every chart is drawn in a box of its own units, y downwards, and scales with the page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models_ml.core import CoreError
from models_ml.core.training.checkpoint import fold_folder, read_metrics

WIDTH, HEIGHT = 520, 260
LEFT, RIGHT, TOP, BOTTOM = 48, 76, 12, 34


@dataclass(frozen=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """One curve: `points` for a polyline, its name at its right end, and a style by number and kind."""

    name: str
    points: str
    number: int
    kind: str = ""
    end_x: float = 0
    end_y: float = 0


@dataclass(frozen=True)
class Chart:
    title: str
    lines: list[Line]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    x_label: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    rows: list[dict] = field(default_factory=list)  # the numbers themselves, for the table below


def read_curves(folder: Path, folds: Sequence[int]) -> dict[int, list[dict]]:
    """Metrics of every ended epoch of every fold that has begun; a file that cannot be read has no curve."""
    curves = {}
    for fold in folds:
        try:
            curves[fold] = read_metrics(fold_folder(folder, fold))
        except CoreError:
            continue
    return {fold: rows for fold, rows in curves.items() if rows}


def learning_curves(curves: dict[int, list[dict]], *, epochs: int = 1) -> list[Chart]:
    """Loss (training dashed, held out solid) and held-out balanced accuracy, by epoch and fold. Nothing: no chart.

    epochs: where the axis ends at the least, so that it stands still while a run trains.
    """
    if not curves:
        return []
    table = [{"fold": fold, **row} for fold, rows in curves.items() for row in rows]
    loss = [(f"fold {fold}", fold, kind, [(row["epoch"], row[key]) for row in rows])
            for fold, rows in curves.items() for kind, key in (("train", "train_loss"), ("held-out", "held_out_loss"))]  # fmt: skip
    accuracy = [
        (f"fold {fold}", fold, "held-out", [(row["epoch"], row["balanced_accuracy"]) for row in rows])
        for fold, rows in curves.items()
    ]
    return [
        _chart("Loss: training dashed, held out solid", loss, table, epochs, floor=0.0),
        _chart("Balanced accuracy on the held-out fold", accuracy, table, epochs, floor=0.0, ceiling=1.0, percent=True),
    ]


def compared_curves(curves: Sequence[dict[int, list[dict]]]) -> list[Chart]:
    """Several runs in the same axes, a colour each: the mean of the folds that reached an epoch thick, each fold thin."""
    keys = (("Held-out loss", "held_out_loss", None), ("Balanced accuracy on the held-out fold", "balanced_accuracy", 1.0))
    if not any(curves):
        return []
    charts = []
    for title, key, ceiling in keys:
        series = []
        for number, folds in enumerate(curves):
            lines = [[(row["epoch"], row[key]) for row in rows if row[key] is not None] for rows in folds.values()]
            series += [("", number, "fold", points) for points in lines]
            series.append(("", number, "mean", _mean_line(lines)))
        charts.append(_chart(title, series, [], 1, floor=0.0, ceiling=ceiling, percent=ceiling is not None))
    return charts


def _mean_line(lines: Sequence[Sequence[tuple]]) -> list[tuple]:
    by_epoch: dict[int, list[float]] = {}
    for epoch, value in (point for line in lines for point in line):
        by_epoch.setdefault(epoch, []).append(value)
    return [(epoch, sum(values) / len(values)) for epoch, values in sorted(by_epoch.items())]


def _chart(
    title: str, series: list[tuple], table: list[dict], epochs: int, *, floor: float, ceiling: float | None = None,
    percent: bool = False,
) -> Chart:  # fmt: skip
    known = [(x, y) for _, _, _, points in series for x, y in points if y is not None]
    last = max([epochs, *(x for x, _ in known)])
    step = round_step((ceiling if ceiling is not None else max((y for _, y in known), default=1.0)) - floor, 4)
    top = ceiling if ceiling is not None else floor + step * math.ceil(max((y for _, y in known), default=1.0) / step)
    chart = Chart(title, [], [], [], "epoch", rows=table)

    def x(epoch: float) -> float:
        return chart.left + (epoch - 1) / max(1, last - 1) * (chart.right - chart.left)

    def y(value: float) -> float:
        return chart.bottom - (min(value, top) - floor) / max(1e-9, top - floor) * (chart.bottom - chart.top)

    lines = []
    for name, number, kind, points in series:
        drawn = [(x(epoch), y(value)) for epoch, value in points if value is not None]
        if drawn:
            text = " ".join(f"{a:.1f},{b:.1f}" for a, b in (drawn * 2 if len(drawn) == 1 else drawn))  # a single one: a dot
            lines.append(Line(name if kind != "train" else "", text, number % 8, kind, *drawn[-1]))
    chart.lines.extend(_apart(lines))
    chart.x_ticks.extend(Tick(x(epoch), str(epoch)) for epoch in _whole_steps(last))
    digits = len(f"{step:.8f}".rstrip("0").partition(".")[2])
    steps = [floor + step * k for k in range(round((top - floor) / step) + 1)]
    chart.y_ticks.extend(Tick(y(v), f"{100 * v:.0f}%" if percent else f"{v:.{digits}f}") for v in steps)
    return chart


def _apart(lines: list[Line], least: float = 13.0) -> list[Line]:
    """The same lines with their names moved down so far that they do not cover one another."""
    from dataclasses import replace

    placed, free = [], 0.0
    for line in sorted(lines, key=lambda one: one.end_y):
        if line.name:
            free = max(line.end_y + 4, free + least)
            line = replace(line, end_y=free)
        placed.append(line)
    return placed


def round_step(length: float, parts: int) -> float:
    """1, 2, 2.5 or 5 times a power of ten: the step that cuts a positive length into about so many parts."""
    raw = max(length, 1e-6) / parts
    power = 10.0 ** math.floor(math.log10(raw))
    return power * min((1, 2, 2.5, 5, 10), key=lambda times: abs(math.log(raw / (times * power))))


def _whole_steps(last: int) -> list[int]:
    """Epochs to be named: the first, and round ones up to the last."""
    step = max(1, round(round_step(last, 6)))
    return sorted({1, *range(step, last + 1, step)})


@dataclass(frozen=True)
class Interval:
    """One row of a forest plot: a point with its interval; x in per cent of the plot's width."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    n: int
    strong: bool = False
    x: float = 0
    x_low: float = 0
    x_high: float = 0


@dataclass(frozen=True)
class Forest:
    rows: list[Interval]
    ticks: list[Tick]


def forest(rows: Sequence[tuple[str, dict, bool]]) -> Forest:
    """Shares with intervals, one under another: (name, estimate as core.metrics.Estimate, drawn strong)."""
    drawn = []
    for name, estimate, strong in rows:
        value, low, high = estimate.get("value"), estimate.get("ci_low"), estimate.get("ci_high")
        drawn.append(
            Interval(
                name, value, low, high, share_text(estimate), estimate.get("n", 0), strong,
                x=100 * (value or 0), x_low=100 * (low if low is not None else value or 0),
                x_high=100 * (high if high is not None else value or 0),
            )
        )  # fmt: skip
    return Forest(drawn, [Tick(100 * share, f"{100 * share:.0f}%") for share in (0, 0.25, 0.5, 0.75, 1)])


def share_text(estimate: dict) -> str:
    """ "69.3% (61.4 to 76.4)", or why not."""
    if estimate.get("value") is None:
        return estimate.get("why") or "not known"
    text = f"{100 * estimate['value']:.1f}%"
    if estimate.get("ci_low") is None:
        return text
    return f"{text} ({100 * estimate['ci_low']:.1f} to {100 * estimate['ci_high']:.1f})"


@dataclass(frozen=True)
class Cell:
    count: int
    percent: float
    shade: int  # 0 to 9
    right: bool
    answer: str  # the column's class, "none" for no answer: what the prediction browser calls it


@dataclass(frozen=True)
class ConfusionRow:
    name: str
    cells: list[Cell]
    n: int


@dataclass(frozen=True)
class Confusion:
    """Rows truth, columns answer; the last column counts items without an answer and is left out when empty."""

    columns: list[str]
    rows: list[ConfusionRow]


def confusion(given: dict) -> Confusion | None:
    if not given:
        return None
    names, counts = given["classes"], given["counts"]
    abstained = any(row[-1] for row in counts)
    answered = [k for k in range(len(names)) if any(row[k] for row in counts) or sum(counts[k])]
    kept = [*answered, len(names)] if abstained else answered
    rows = []
    for k, (name, row) in enumerate(zip(names, counts)):
        n = sum(row)
        if n:
            cells = [
                Cell(row[c], 100 * row[c] / n, min(9, int(10 * row[c] / n)), c == k, [*names, "none"][c]) for c in kept
            ]
            rows.append(ConfusionRow(name, cells, n))
    return Confusion([[*names, "no answer"][c] for c in kept], rows)


@dataclass(frozen=True)
class Bin:
    x: float
    y: float
    radius: float
    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class Reliability:
    """Confidence against accuracy, in a square of side `side`; a point's area grows with its count."""

    bins: list[Bin]
    ece: float
    side: int = 240
    left: int = 44
    top: int = 10


def reliability(given: dict) -> Reliability | None:
    if not given:
        return None
    chart = Reliability([], given["ece"])
    largest = max(given["counts"]) or 1
    for confidence, accuracy, count in zip(given["confidence"], given["accuracy"], given["counts"]):
        if count:
            x, y = chart.left + confidence * chart.side, chart.top + (1 - accuracy) * chart.side
            chart.bins.append(Bin(x, y, 3 + 9 * (count / largest) ** 0.5, confidence, accuracy, count))
    return chart
