"""Which way round each rater sees each stimulus: half of every rater's one way, half of every stimulus's one way."""

from collections.abc import Hashable, Sequence

from .draw import Draw


def counterbalance(pages: Sequence[tuple[Hashable, Hashable]], *, draw: Draw) -> list[bool]:
    """For every (rater, stimulus) whether it is turned round; at each rater and each stimulus both ways differ by one at most.

    Raters and stimuli are the two sides of a graph and pages its lines. Joined by extra lines until every point has an
    even number of them, the graph falls into round walks; these are of even length because the two sides
    alternate, so that taking the lines of a walk in turns divides every point's lines in half.
    """
    lines = [(("rater", rater), ("stimulus", stimulus)) for rater, stimulus in pages]
    ends: dict[tuple, list[int]] = {}
    for number, line in enumerate(lines):
        for point in line:
            ends.setdefault(point, []).append(number)
    spare = {"rater": ("stimulus", None), "stimulus": ("rater", None)}
    for point in [point for point, touching in ends.items() if len(touching) % 2]:
        _join(lines, ends, point, spare[point[0]])
    if len(ends.get(spare["rater"], ())) % 2:
        _join(lines, ends, spare["stimulus"], spare["rater"])
    for point in ends:
        ends[point] = draw.shuffled(ends[point])
    turned: list[bool | None] = [None] * len(lines)
    for start in ends:
        while any(turned[line] is None for line in ends[start]):
            _walk(start, lines, ends, turned, draw.below(2) == 1)
    return [bool(turn) for turn in turned[: len(pages)]]


def _join(lines: list, ends: dict, first: tuple, second: tuple) -> None:
    for point in (first, second):
        ends.setdefault(point, []).append(len(lines))
    lines.append((first, second))


def _walk(start: tuple, lines: list, ends: dict, turned: list, turn: bool) -> None:
    """Walk along unused lines until back at the start, turning every second one round."""
    point = start
    while True:
        line = next((line for line in ends[point] if turned[line] is None), None)
        if line is None:
            return
        turned[line] = turn
        turn = not turn
        first, second = lines[line]
        point = second if point == first else first
