"""Small pieces of HTML; every text that came from a file is escaped here and nowhere else."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from benchmark.core.figures.catalogue import FigureEntry
from benchmark.core.figures.look import AMBER, FURTHER, INK, MUTED, OCHRE, PAPER, PLUM, RED, RULE, TEAL
from benchmark.core.wording import unbroken

LONGEST_NUMBER = 40  # characters of a cell that can still be a number, such as an interval
NUMBER = re.compile(r"(p\s)?[<=>]?\s?[−+-]?\.?\d")  # how a number, an interval or a p begins
NO_NUMBER = ("", "–", "not estimable")
THEMED = (
    (INK, "--ink"),
    (MUTED, "--muted"),
    (RULE, "--rule"),
    (PAPER, "--ground"),
    (TEAL, "--teal"),
    (OCHRE, "--ochre"),
    (PLUM, "--plum"),
    (RED, "--red"),
    (AMBER, "--amber"),
    *((colour, f"--further-{place}") for place, colour in enumerate(FURTHER)),
)


def text(value: object) -> str:
    """Escaped text whose p values, powers of ten and per cents do not break over lines."""
    return escape(unbroken(value))


def paragraph(value: object, css: str = "") -> str:
    return f"<p{_class(css)}>{text(value)}</p>"


def heading(level: int, value: object, anchor: str = "") -> str:
    mark = f' id="{escape(anchor, quote=True)}"' if anchor else ""
    return f"<h{level}{mark}>{text(value)}</h{level}>"


def notice(label: str, message: str) -> str:
    return f'<div class="notice" role="note"><strong>{text(label)}</strong>{text(message)}</div>'


def table(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, wrap: bool = False, css: str = ""
) -> str:
    """A table whose columns of numbers are set right, in tabular figures; `wrap` for tables of words, set left."""
    right = [not wrap and i > 0 and _is_numeric([row[i] for row in rows]) for i in range(len(header))]
    sides = ["n" if flag else "" for flag in right]
    head = "".join(f'<th scope="col"{_class(c)}>{text(h)}</th>' for c, h in zip(sides, header))
    body = "".join(
        f'<tr><th scope="row">{text(row[0])}</th>'
        + "".join(f"<td{_class(c)}>{text(v)}</td>" for c, v in zip(sides[1:], row[1:]))
        + "</tr>"
        for row in rows
    )
    told = f"<caption>{text(caption)}</caption>" if caption else ""
    kind = _class(f"{'words' if wrap else ''} {css}".strip())
    return (
        f'<div class="scroll" tabindex="0"><table{kind}>{told}<thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _is_numeric(cells: Sequence[str]) -> bool:
    """Every cell that says anything begins with a number, and none is a sentence."""
    told = [cell for cell in cells if cell not in NO_NUMBER]
    return bool(told) and all(NUMBER.match(cell) and len(cell) <= LONGEST_NUMBER for cell in told)


def bullets(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ul>" if lines else ""


def numbered_list(lines: Sequence[str]) -> str:
    return '<ol class="references">' + "".join(f"<li>{text(line)}</li>" for line in lines) + "</ol>" if lines else ""


def tag(label: str, css: str = "") -> str:
    return f'<span class="{f"tag {css}".strip()}">{text(label)}</span>'


def figure(svg: str, entry: FigureEntry, *, printed: bool = False) -> str:
    """A figure with its words for those who cannot see it; on a screen its ink and ground follow the page's theme.

    printed: as a picture, which a tagged PDF carries with its alternative text.
    """
    label = escape(entry.words, quote=True)
    if printed:
        data = b64encode(svg.encode()).decode("ascii")
        drawing = f'<img alt="{label}" src="data:image/svg+xml;base64,{data}">'
    else:
        wide, small = (themed(form, entry.words) for form in (svg, entry.draw_narrow().as_svg().decode("utf-8")))
        drawing = f'<div class="wide">{wide}</div><div class="narrow">{small}</div>'
    caption = f"<strong>{text(entry.title)}.</strong> {text(entry.caption)}"
    return f'<figure id="drawn-{entry.name}"><div class="scroll">{drawing}</div><figcaption>{caption}</figcaption></figure>'


def themed(svg: str, words: str) -> str:
    """A drawing inside the page, its ink and ground those of the page's theme. words: for those who cannot see it."""
    drawing = re.sub(r"<title>.*?</title>\n<desc>.*?</desc>\n", "", svg, flags=re.DOTALL)
    for colour, role in THEMED:
        drawing = drawing.replace(colour, f"var({role})")
    return drawing.replace('role="img"', f'role="img" aria-label="{escape(words, quote=True)}"', 1)


def picture_card(lines: Sequence[str], picture: bytes | None, words: str) -> str:
    """One place of a gallery: a JPEG, or the words that there is none, with lines below it. words: for those who cannot
    see the picture."""
    image = '<span class="none">no picture</span>'
    if picture is not None:
        data = b64encode(picture).decode("ascii")
        image = f'<img alt="{escape(words, quote=True)}" src="data:image/jpeg;base64,{data}">'
    return f"<li>{image}<span>{'<br>'.join(map(text, lines))}</span></li>"


def gallery(cards: Sequence[str]) -> str:
    return '<ul class="gallery">' + "".join(cards) + "</ul>"


def unfold(summary: str, content: str) -> str:
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def _class(css: str) -> str:
    return f' class="{css}"' if css else ""
