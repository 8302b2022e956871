"""The study's course as a drawing: images, surveys, readers beside networks, blocks, comparison."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.core.figures.chart import folded
from benchmark.core.figures.drawing import Drawing
from benchmark.core.figures.look import INK, MUTED, OCHRE, TEAL

from .facts import Given

WIDTH, GAP, SIZE, LINE, PAD = 300.0, 20.0, 9.0, 11.5, 8.0
WHOLE, HALF = 52, 24  # characters of a line in a box of the whole width, and of half of it


def draw_flow(given: Given) -> Drawing:
    """Boxes from top to bottom; narrow enough for a telephone."""
    images, surveys, people, networks, blocks, end = _boxes(given)
    drawing = Drawing(WIDTH, 0, "Flow of the study", _in_words(given))
    y = 2.0
    half = (WIDTH - 2 - GAP) / 2
    left, right = 1.0, 1 + half + GAP
    both = (left + half / 2, right + half / 2) if networks[1] else (WIDTH / 2,)
    y = _down(drawing, _box(drawing, 1, y, WIDTH - 2, *images, WHOLE, INK))
    y = _down(drawing, _box(drawing, 1, y, WIDTH - 2, *surveys, WHOLE, INK), both)
    if networks[1]:
        height = max(_height(people[1], HALF), _height(networks[1], HALF))
        _box(drawing, left, y, half, *people, HALF, OCHRE, height)
        y = _down(drawing, _box(drawing, right, y, half, *networks, HALF, TEAL, height), both)
    else:
        y = _down(drawing, _box(drawing, 1, y, WIDTH - 2, *people, WHOLE, OCHRE))
    y = _down(drawing, _box(drawing, 1, y, WIDTH - 2, *blocks, WHOLE, INK))
    drawing.height = _box(drawing, 1, y, WIDTH - 2, *end, WHOLE, INK) + 2
    return drawing


def _boxes(given: Given) -> list[tuple[str, list[str]]]:
    surveys = given["surveys"]
    readers = f"{given.reader.capitalize()}s"
    people = [f"{group['seats']} {group['plural']}" for group in given.people]
    networks = [network["name"] for network in given["networks"]]
    blocks = [f"{number}. {block['counted']}" for number, block in enumerate(surveys["blocks"], start=1)]
    if surveys["control"] is not None:
        blocks.append("Each image twice: alone, then a second look")
    contrasts = len(given.plan.primary) if given.plan else 0
    end = [f"{contrasts} registered contrast{'' if contrasts == 1 else 's'}"] if contrasts else []
    if given.is_rating and given.plan:
        end.append("Real or generated, realism, agreement")
    elif not given.is_rating:
        end.append("For these images, and for new images")
    return [
        ("Stimuli" if given.is_rating else "Images", _image_lines(given)),
        ("Sittings" if given.is_rating else "Surveys", _survey_lines(given)),
        (readers, people or ["no group yet"]),
        ("Networks", networks),
        ("Blocks of a sitting", blocks or ["not drawn yet"]),
        ("Analysis" if given.is_rating else "Comparison", end or ["no analysis plan yet"]),
    ]


def _image_lines(given: Given) -> list[str]:
    if given.is_rating:
        return [
            f"{kind['rated']} {kind['one'] if kind['rated'] == 1 else kind['many']}" for kind in (given["stimuli"] or {}).get("kinds", [])
        ]
    items, classes = given["surveys"]["items"], len(given["classes"])
    views = ", ".join(view["label"] for view in given["views"])
    return [f"{items:,} items of {classes} classes" if items else f"{classes} classes", f"Views: {views}"]


def _survey_lines(given: Given) -> list[str]:
    surveys = given["surveys"]
    count = surveys["surveys"]
    if not count:
        return ["not drawn yet"]
    drawn = f"drawn from seed {surveys['seed']}" if surveys["drawn"] else "planned, not drawn yet"
    if given.is_rating:
        return [f"{count} sittings, {drawn}"]
    return [f"{count} surveys of {surveys['per_survey']} items, {drawn}", _sets(surveys["sets"])]


def _sets(count: int) -> str:
    return "One set, which covers every item once" if count == 1 else f"{count} sets, each covers every item once"


def _box(
    drawing: Drawing, x: float, y: float, width: float, title: str, lines: Sequence[str], characters: int, colour: str,
    height: float | None = None,
) -> float:  # fmt: skip
    """Draw a box with a title and lines; returns where it ends."""
    height = height or _height(lines, characters)
    drawing.rectangle(x, y, width, height, fill=colour, stroke=colour, faint=0.07)
    drawing.words(x + PAD, y + PAD + SIZE, title, size=SIZE, bold=True)
    text = "\n".join(folded(line, characters, 3) for line in lines)
    if text:
        drawing.words(x + PAD, y + PAD + SIZE + LINE + 2, text, size=SIZE)
    return y + height


def _height(lines: Sequence[str], characters: int) -> float:
    rows = sum(folded(line, characters, 3).count("\n") + 1 for line in lines)
    return 2 * PAD + SIZE + LINE * rows + 2


def _down(drawing: Drawing, bottom: float, places: Sequence[float] = (WIDTH / 2,)) -> float:
    """Arrows down from where a box ends, at these places; returns where the next box begins."""
    for at in places:
        drawing.line((at, bottom), (at, bottom + GAP - 4), colour=MUTED, width=0.8)
        drawing.shape(((at - 2.6, bottom + GAP - 5), (at + 2.6, bottom + GAP - 5), (at, bottom + GAP)), fill=MUTED)
    return bottom + GAP


def _in_words(given: Given) -> str:
    return "Flow of the study. " + "; ".join(f"{title}: {', '.join(lines)}" for title, lines in _boxes(given) if lines) + "."
