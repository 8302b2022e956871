"""The balance of a design in pictures: what a person sees at a glance, computed from the stored design."""

import json
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from surveys.core import Design, DesignError
from surveys.core.meetings import meeting_histogram, moment
from surveys.core.rating_match import match_counts
from surveys.core.table import Table, table_of
from surveys.models import SurveySet
from surveys.services import classes_of

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 320, 178, 8, 31, 18
MOST_BARS, MOST_CELLS = 60, 4000
NUMBER_PX = 16  # the height of a bar's number and the gap below it


@dataclass(frozen=True)
class Bar:
    """One bar in the picture's own coordinates; `ideal` is the height of the best possible value, if it has one."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: str
    ideal: float | None = None

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 2)

    @property
    def right(self) -> float:
        return round(self.x + self.width, 2)

    @property
    def above(self) -> float:
        """Where the number stands: over the bar, and over the line of the ideal where that would run through it."""
        crossed = self.ideal is not None and self.y - NUMBER_PX < self.ideal < self.y
        return (self.ideal if crossed else self.y) - 4


@dataclass(frozen=True)
class Cell:
    """One square of a grid of counts, `strength` from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    strength: float
    title: str


@dataclass(frozen=True)
class Picture:
    """A titled picture of bars or of cells; `words` say the same for those who do not see it."""

    title: str
    words: str
    axis: str
    bars: list[Bar] = field(default_factory=list)
    cells: list[Cell] = field(default_factory=list)
    ticks: list[tuple[float, str]] = field(default_factory=list)
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def floor(self) -> int:
        return self.height - BOTTOM

    @property
    def tick_y(self) -> int:
        return self.floor + 13

    @property
    def axis_y(self) -> int:
        return self.height - 2


def certificate_pictures(survey_set: SurveySet) -> list[Picture]:
    """Exposures, shared surveys, positions, classes over positions, and the way between the two looks at an item.

    A design that breaks its promises cannot be drawn; then there is no picture, and the certificate says why.
    """
    try:
        design = Design.from_json(json.dumps(survey_set.design))
        table = table_of(design, classes_of(survey_set))
    except (DesignError, KeyError, ValueError, IndexError):
        return []
    pictures = [_exposures(table, design), *_meetings(table), _positions(table), _classes(table)]
    return [picture for picture in [*pictures, *_carry_over(design, table)] if picture is not None]


def match_tables(design: dict) -> list[tuple[str, list[tuple[str, int, int]]]]:
    """Of a rating study: how many of its single images are real and generated, by stated class and by skin tone."""
    stimuli = design.get("stimuli", ())
    tables = []
    for fact, title in (("label", "Stated class"), ("tone", "Skin tone")):
        rows = [(value or "not known", *counts) for value, counts in match_counts(stimuli, fact).items()]
        if sum(real for _, real, _ in rows) and sum(made for _, _, made in rows):
            tables.append((title, rows))
    return tables


def _exposures(table: Table, design: Design) -> Picture:
    seen = Counter(item for survey in design.surveys for item in survey.items())
    times = Counter(seen.values())
    if table.shape.anchors:
        anchors, others, surveys = len(design.anchors.items), table.shape.rest.items, len(design.surveys)
        words = (
            f"Each of the {_times(anchors, 'anchor')} is in {_times(surveys, 'survey')}, each of the {others} other items in {table.shape.sets}, and "
            "so is read that often by each kind of reader."
        )
        return _histogram("How often an item is read", words, "surveys that hold the item", dict(sorted(times.items())))
    every = f"Each of the {table.shape.items} items is in {_times(min(times), 'survey')}" if len(times) == 1 else (
        f"Items are in {min(times)} to {max(times)} surveys"
    )  # fmt: skip
    counts = {number: times.get(number, 0) for number in range(max(times) + 2)}
    return _histogram("How often an item is read", f"{every}, and so is read that often by each kind of reader.",
                      "surveys that hold the item", counts)  # fmt: skip


def _meetings(table: Table) -> list[Picture | None]:
    shape = table.shape
    within = meeting_histogram(table.survey_of, table.class_of)
    every = meeting_histogram(table.survey_of)
    named = (
        ("Two items of the same class in one survey", within, "These are the ones most easily confused."),
        ("Any two items in one survey", every, "A draw by chance spreads wider."),
    )
    pictures = []
    for title, histogram, why in named:
        if not histogram or not sum(histogram):
            continue
        low, extra = divmod(moment(histogram, 1), sum(histogram))
        ideal = {low: sum(histogram) - extra, low + 1: extra}
        top = max(times for times, count in enumerate(histogram) if count)
        counts = {times: histogram[times] if times < len(histogram) else 0 for times in range(max(top, low + 1) + 1)}
        words = (
            f"Of {sum(histogram):,} pairs{' without anchors' if shape.anchors else ''}, the most that meet do so {_times(top, 'time')} in "
            f"{_times(shape.sets, 'set')}. {why} "
            "Dashed: pairs shared out perfectly evenly, were nothing else asked of the design."
        )
        pictures.append(_histogram(title, words, "surveys that a pair shares", counts, ideal))
    return pictures


def _positions(table: Table) -> Picture:
    length = table.shape.block_length
    means = np.concatenate([positions.mean(axis=0) + 1 for positions in table.position_of.values()])
    edges = np.linspace(1, length, min(length, 28) + 1)
    found, _ = np.histogram(means, edges)
    counts = {f"{(low + high) / 2:.1f}": int(count) for low, high, count in zip(edges, edges[1:], found)}
    words = (
        f"Mean position of each item{' that is no anchor' if table.shape.anchors else ''} over its "
        f"{_times(table.shape.sets, 'survey')}, in each view: from {means.min():.1f} to "
        f"{means.max():.1f} of {length}; the middle is {(length + 1) / 2:.1f}. {_always_early_or_late(table)}"
    )
    return _histogram("Early and late", words, f"mean position, 1 to {length}", counts, values=False)


def _always_early_or_late(table: Table) -> str:
    if table.shape.sets == 1:
        return "Each item is read once by each kind of reader, and so at one position only."
    middle = (table.shape.block_length - 1) / 2
    places = list(table.position_of.values())
    one_half = sum(int(((at < middle).all(axis=0) | (at > middle).all(axis=0)).sum()) for at in places)
    if not one_half:
        return "No item is always early or always late."
    return f"{one_half} of {sum(at.shape[1] for at in places)} stand always in the same half of their surveys."


def _from_to(low: int, high: int) -> str:
    return _times(high, "time") if low == high else f"{low} to {high} times"


def _times(number: int, one: str) -> str:
    return f"{number} {one}{'' if number == 1 else 's'}"


def _classes(table: Table) -> Picture | None:
    shape = table.shape
    if shape.classes * shape.block_length > MOST_CELLS:
        return None
    at = np.concatenate(list(table.class_at.values()))
    counts = np.stack([(at == number).sum(axis=0) for number in range(shape.classes)])
    words = (
        f"Each row is a class, each column a position in the block. Every class stands at every position "
        f"{_from_to(counts.min(), counts.max())} in {_times(len(at), 'block')}: an even field gives nothing away."
    )
    return _grid("Classes over positions", words, f"position, 1 to {shape.block_length}", counts)


def _carry_over(design: Design, table: Table) -> list[Picture | None]:
    if len(design.views) < 2:
        return []
    gaps, places = Counter(), np.zeros((table.shape.block_length, table.shape.block_length), dtype=int)
    firsts = Counter()
    for survey in design.surveys:
        first, second = survey.blocks[0].items, survey.blocks[1].items
        firsts[survey.blocks[0].view] += 1
        again = {item: place for place, item in enumerate(second)}
        for place, item in enumerate(first):
            gaps[len(first) - place - 1 + again[item]] += 1
            places[again[item], place] += 1
    most, step = max(gaps), max(1, -(-(max(gaps) + 1) // MOST_BARS))
    counts = {low: sum(gaps[gap] for gap in range(low, low + step)) for low in range(0, most + 1, step)}
    opened = "; ".join(f"{count} surveys begin with {view}" for view, count in sorted(firsts.items()))
    words = (
        f"Images between the first and the second look at the same item: {min(gaps)} to {most}, most often about "
        f"{max(gaps, key=gaps.get)}. {opened[:1].upper()}{opened[1:]}."
    )
    gap = _histogram("Order and carry-over", words, "images between the two looks", counts, values=False)
    if table.shape.block_length > 60:
        return [gap]
    seen = (
        "Where an item stands in the first block (across) against the second (down). An even field: what was seen late "
        "is not seen late again, so that memory helps nobody."
    )
    return [gap, _grid("Order in both blocks", seen, "position in the first block", places)]


def _histogram(
    title: str, words: str, axis: str, counts: dict, ideal: dict | None = None, values: bool = True
) -> Picture:
    ideal = ideal or {}
    top = max([*counts.values(), *ideal.values(), 1])
    slot = (WIDTH - 2 * LEFT) / len(counts)
    room = HEIGHT - BOTTOM - TOP
    bars = []
    for number, (label, count) in enumerate(counts.items()):
        height = room * count / top
        best = room * ideal[label] / top if ideal.get(label) else None
        bars.append(
            Bar(
                x=round(LEFT + number * slot + slot * 0.1, 2),
                y=round(HEIGHT - BOTTOM - height, 2),
                width=round(slot * 0.8, 2),
                height=round(height, 2),
                label=str(label),
                value=f"{count:,}" if values and count else "",
                ideal=None if best is None else round(HEIGHT - BOTTOM - best, 2),
            )
        )
    every = max(1, len(bars) // 8)
    ticks = [(bar.x + bar.width / 2, bar.label) for bar in bars[::every]]
    return Picture(title, words, axis, bars=bars, ticks=ticks)


def _grid(title: str, words: str, axis: str, counts: np.ndarray) -> Picture:
    rows, columns = counts.shape
    width = (WIDTH - 2 * LEFT) / columns
    height = min(width, (HEIGHT - BOTTOM) / rows) if rows < columns else width
    most = max(int(counts.max()), 1)
    cells = [
        Cell(
            x=round(LEFT + column * width, 2),
            y=round(4 + row * height, 2),
            width=round(width * 0.94, 2),
            height=round(height * 0.94, 2),
            strength=round(int(counts[row, column]) / most, 3),
            title=f"{int(counts[row, column])}",
        )
        for row in range(rows)
        for column in range(columns)
    ]
    every = max(1, columns // 7)
    ticks = [(LEFT + (column + 0.5) * width, str(column + 1)) for column in range(0, columns, every)]
    return Picture(title, words, axis, cells=cells, ticks=ticks, height=round(rows * height + 4 + BOTTOM))
