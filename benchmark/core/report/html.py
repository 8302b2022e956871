"""Small pieces of HTML; every text that came from a file is escaped here and nowhere else."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from html import escape

from ..figures.catalogue import FigureEntry
from ..figures.look import INK, MUTED, PAPER, RULE

THEMED = ((INK, "--ink"), (MUTED, "--muted"), (RULE, "--rule"), (PAPER, "--ground"))


def text(value: object) -> str:
    return escape(str(value))


def paragraph(value: object, css: str = "") -> str:
    return f"<p{_class(css)}>{text(value)}</p>"


def heading(level: int, value: object, anchor: str = "") -> str:
    mark = f' id="{escape(anchor, quote=True)}"' if anchor else ""
    return f"<h{level}{mark}>{text(value)}</h{level}>"


def notice(label: str, message: str) -> str:
    return f'<div class="notice" role="note"><strong>{text(label)}</strong>{text(message)}</div>'


def table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns with digits are set right, in tabular figures."""
    numeric = [any(any(ch.isdigit() for ch in row[i]) for row in rows) and i > 0 for i in range(len(header))]
    css = ["n" if flag else "" for flag in numeric]
    head = "".join(f'<th scope="col"{_class(c)}>{text(h)}</th>' for c, h in zip(css, header))
    body = "".join(
        "<tr>" + "".join(f"<td{_class(c)}>{text(v)}</td>" for c, v in zip(css, row)) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table><caption>{text(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(svg: str, entry: FigureEntry, *, printed: bool = False) -> str:
    """A figure with its words for those who cannot see it; on a screen its ink and ground follow the page's theme.

    printed: as a picture, which a tagged PDF carries with its alternative text.
    """
    label = escape(entry.words, quote=True)
    if printed:
        data = b64encode(svg.encode()).decode("ascii")
        drawing = f'<img alt="{label}" src="data:image/svg+xml;base64,{data}">'
    else:
        drawing = re.sub(r"<title>.*?</title>\n<desc>.*?</desc>\n", "", svg, flags=re.DOTALL)
        for colour, role in THEMED:
            drawing = drawing.replace(colour, f"var({role})")
        drawing = drawing.replace('role="img"', f'role="img" aria-label="{label}"', 1)
    caption = f"<strong>{text(entry.title)}.</strong> {text(entry.caption)}"
    return f'<figure id="{entry.name}"><div class="scroll">{drawing}</div><figcaption>{caption}</figcaption></figure>'


def unfold(summary: str, content: str) -> str:
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def _class(css: str) -> str:
    return f' class="{css}"' if css else ""
