"""The recruitment of one group as a flow diagram: boxes downwards, beside each what kept people from the next."""

from dataclasses import dataclass

from surveys.services.recruiting.funnel import STAGES, Funnel

BOX_WIDTH, BOX_HEIGHT, STEP = 150, 44, 96
SIDE_X, SIDE_WIDTH, LINE = 186, 234, 16


@dataclass(frozen=True)
class Box:
    """A box with lines of text (text, baseline)."""

    x: int
    y: int
    width: int
    height: int
    lines: list[tuple[str, int]]


@dataclass(frozen=True)
class Arrow:
    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True)
class FlowFigure:
    """Everything that the drawing needs; `words` say the same for those who do not see it."""

    title: str
    group: str
    words: str
    main: list[Box]
    side: list[Box]
    arrows: list[Arrow]
    height: int
    width: int = SIDE_X + SIDE_WIDTH + 2


def flow_figure(funnel: Funnel) -> FlowFigure:
    main, side, arrows, words = [], [], [], []
    for number, stage in enumerate(STAGES):
        y = 2 + number * STEP
        count = funnel.reached[stage]
        main.append(Box(2, y, BOX_WIDTH, BOX_HEIGHT, [(stage.capitalize(), y + 18), (f"n = {count:,}", y + 35)]))
        words.append(f"{stage} {count}")
        if number + 1 < len(STAGES):
            middle = 2 + BOX_WIDTH // 2
            arrows.append(Arrow(middle, y + BOX_HEIGHT, middle, y + STEP - 4))
            lines = [f"{why}: {found:,}" for why, found in funnel.lost[stage].items() if found]
            if lines:
                words.append("of whom " + ", ".join(lines))
                side.append(_side(y, lines))
                arrows.append(
                    Arrow(
                        middle,
                        y + BOX_HEIGHT + (STEP - BOX_HEIGHT) // 2,
                        SIDE_X - 4,
                        y + BOX_HEIGHT + (STEP - BOX_HEIGHT) // 2,
                    )
                )
    return FlowFigure(
        title=funnel.group.plural.capitalize(),
        group=funnel.group.code,
        words="; ".join(words),
        main=main,
        side=side,
        arrows=arrows,
        height=2 + (len(STAGES) - 1) * STEP + BOX_HEIGHT + 2,
    )


def _side(y: int, lines: list[str]) -> Box:
    height = 12 + LINE * len(lines)
    top = y + BOX_HEIGHT + (STEP - BOX_HEIGHT) // 2 - height // 2
    return Box(SIDE_X, top, SIDE_WIDTH, height, [(text, top + 6 + LINE * n + 12) for n, text in enumerate(lines)])
