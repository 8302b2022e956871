"""Small pieces of HTML; every text that came from a file is escaped here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from ..figures.look import INK, MUTED, PAPER, RULE


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


def figure(svg: bytes, caption: str, name: str) -> str:
    """A matplotlib SVG set into the page: ids made unique, ink and ground taken from the page's own colours."""
    drawing = svg.decode("utf-8")
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', drawing)
    drawing = re.sub(r'(xlink:href|href)="#([^"]+)"', rf'\1="#{name}-\2"', drawing)
    drawing = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", drawing)
    for colour, role in ((INK, "var(--ink)"), (MUTED, "var(--muted)"), (RULE, "var(--rule)")):
        drawing = drawing.replace(colour, role)
    drawing = drawing.replace(f'style="fill: {PAPER}"', 'style="fill: none"', 1)
    label = escape(caption, quote=True)
    drawing = drawing.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return f'<figure id="{name}">{drawing}<figcaption>{text(caption)}</figcaption></figure>'


def unfold(summary: str, content: str) -> str:
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def _class(css: str) -> str:
    return f' class="{css}"' if css else ""
