"""A drawing: shapes and words at places in points, and its bytes as SVG, PDF and PNG, the same every time.

Figures place every mark themselves, so that one list of shapes serves all three formats and nothing is laid out twice.
Places are points (1/72 inch) from the upper left corner, y downwards.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from typing import Any

from .letters import OWN_FONTS, drawable, families
from .look import FONTS, INK, PAPER

Point = tuple[float, float]
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}


@dataclass(frozen=True)
class Path:
    """A line, or a closed shape when `fill` is set or `closed` is True."""

    points: tuple[Point, ...]
    stroke: str | None = None
    width: float = 0.6
    fill: str | None = None
    closed: bool = False
    dash: tuple[float, ...] = ()
    opacity: float = 1.0


@dataclass(frozen=True)
class Circle:
    x: float
    y: float
    radius: float
    fill: str
    stroke: str | None = None
    width: float = 0.9
    opacity: float = 1.0


@dataclass(frozen=True)
class Words:
    """One line of text; `y` is its baseline and `angle` turns it against the clock around (x, y)."""

    x: float
    y: float
    text: str
    size: float = 8.0
    colour: str = INK
    anchor: str = "start"
    bold: bool = False
    italic: bool = False
    angle: int = 0


@dataclass
class Drawing:
    """width and height in points; title and description are what a screen reader hears."""

    width: float
    height: float
    title: str = ""
    description: str = ""
    items: list[Path | Circle | Words] = field(default_factory=list)

    def line(self, *points: Point, colour: str = INK, width: float = 0.6, dash: Sequence[float] = ()) -> None:
        self.items.append(Path(points, stroke=colour, width=width, dash=tuple(dash)))

    def shape(
        self, points: Iterable[Point], *, fill: str | None, stroke: str | None = None, width: float = 0.6,
        opacity: float = 1.0,
    ) -> None:  # fmt: skip
        self.items.append(Path(tuple(points), stroke=stroke, width=width, fill=fill, closed=True, opacity=opacity))

    def rectangle(
        self, x: float, y: float, width: float, height: float, *, fill: str | None, stroke: str | None = None,
        edge: float = 0.6, faint: float = 1.0,
    ) -> None:  # fmt: skip
        """A rectangle; `faint` below 1 lets the ground shine through its fill, not through its edge."""
        corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
        if fill and faint < 1:
            self.items.append(Path(corners, fill=fill, closed=True, opacity=faint))
            fill = None
        if fill or stroke:
            self.shape(corners, fill=fill, stroke=stroke, width=edge)

    def mark(self, symbol: str, x: float, y: float, size: float, colour: str, *, opacity: float = 1.0) -> None:
        """A dot, ring, square or diamond of `size` points across, centred."""
        half = size / 2
        if symbol == "dot":
            self.items.append(Circle(x, y, half, colour, opacity=opacity))
        elif symbol == "ring":
            self.items.append(Circle(x, y, half - 0.45, PAPER, colour))
        elif symbol == "square":
            self.rectangle(x - half, y - half, size, size, fill=colour)
        else:
            self.shape(
                ((x, y - half), (x + half, y), (x, y + half), (x - half, y)), fill=PAPER, stroke=colour, width=0.9
            )

    def words(self, x: float, y: float, text: str, *, middle: bool = False, **style: Any) -> None:
        """Write `text` on the baseline y, or centred on y when `middle`; several lines go downwards."""
        size, angle = style.get("size", 8.0), style.get("angle", 0)
        lines = text.split("\n")
        if middle and not angle:
            y += 0.35 * size - 0.6 * size * (len(lines) - 1)
        elif middle:
            x += 0.35 * size - 0.6 * size * (len(lines) - 1)
        for number, line in enumerate(lines):
            step = 1.2 * size * number
            self.items.append(Words(x + (step if angle else 0), y + (0 if angle else step), line, **style))

    @property
    def texts(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, Words)]

    @property
    def font_names(self) -> list[str]:
        """The fonts that its words need on paper."""
        return families(self.texts)

    def as_svg(self) -> bytes:
        body = "\n".join(map(_svg_item, self.items))
        family = ", ".join(f"'{name}'" for name in FONTS)
        label = f"<title>{escape(self.title)}</title>\n<desc>{escape(self.description)}</desc>\n"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(self.width)}pt" height="{_n(self.height)}pt"'
            f' viewBox="0 0 {_n(self.width)} {_n(self.height)}" role="img" font-family="{family}, sans-serif">\n'
            f"{label}{body}\n</svg>\n"
        ).encode()

    def as_png(self, *, dpi: int = 300) -> bytes:
        from matplotlib.backends.backend_agg import RendererAgg
        from PIL import Image

        renderer = RendererAgg(round(self.width * dpi / 72), round(self.height * dpi / 72), dpi)
        _paint(renderer, self, dpi / 72, ground=True)
        out = io.BytesIO()
        image = Image.frombuffer("RGBA", renderer.get_canvas_width_height(), renderer.buffer_rgba())
        image.convert("RGB").save(out, "PNG", dpi=(dpi, dpi), compress_level=5)
        return out.getvalue()

    def as_pdf(self) -> bytes:
        import matplotlib
        from matplotlib.backends.backend_pdf import PdfFile, RendererPdf

        # Letters as outlines (3) where they are not from the figures' own small font: to cut such a font of thousands takes seconds.
        kind = 42 if self.font_names == list(OWN_FONTS) else 3
        metadata = dict.fromkeys(("CreationDate", "ModDate", "Producer", "Creator"))
        out = io.BytesIO()
        with matplotlib.rc_context({"pdf.fonttype": kind}):
            file = PdfFile(out, metadata={**metadata, "Title": self.title})
            file.newPage(self.width / 72, self.height / 72)
            renderer = RendererPdf(file, 72, self.height / 72, self.width / 72)
            _paint(renderer, self, 1.0)
            renderer.finalize()
            file.finalize()
            file.close()
        return out.getvalue()

    def as_bytes(self, kind: str) -> bytes:
        """kind: svg, pdf or png."""
        return {"svg": self.as_svg, "pdf": self.as_pdf, "png": self.as_png}[kind]()


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if "." in f"{value:.2f}" else f"{value:.2f}"


def _svg_item(item: Path | Circle | Words) -> str:
    if isinstance(item, Circle):
        edge = f' stroke="{item.stroke}" stroke-width="{_n(item.width)}"' if item.stroke else ""
        faint = f' opacity="{_n(item.opacity)}"' if item.opacity < 1 else ""
        return f'<circle cx="{_n(item.x)}" cy="{_n(item.y)}" r="{_n(item.radius)}" fill="{item.fill}"{edge}{faint}/>'
    if isinstance(item, Words):
        style = f' font-size="{_n(item.size)}" fill="{item.colour}"'
        style += f' text-anchor="{item.anchor}"' if item.anchor != "start" else ""
        style += ' font-weight="bold"' if item.bold else ""
        style += ' font-style="italic"' if item.italic else ""
        style += f' transform="rotate({-item.angle} {_n(item.x)} {_n(item.y)})"' if item.angle else ""
        return f'<text x="{_n(item.x)}" y="{_n(item.y)}"{style}>{escape(item.text, quote=False)}</text>'
    places = " ".join(f"{_n(x)},{_n(y)}" for x, y in item.points)
    edge = f' stroke="{item.stroke}" stroke-width="{_n(item.width)}"' if item.stroke else ""
    edge += f' stroke-dasharray="{" ".join(map(_n, item.dash))}"' if item.dash else ""
    faint = f' opacity="{_n(item.opacity)}"' if item.opacity < 1 else ""
    name = "polygon" if item.closed else "polyline"
    return f'<{name} points="{places}" fill="{item.fill or "none"}"{edge}{faint}/>'


@lru_cache(maxsize=64)
def _font(names: tuple[str, ...], bold: bool, italic: bool, size: float) -> Any:
    """The fonts of these names, each for the letters that those before it lack."""
    from matplotlib.font_manager import FontProperties

    weight, style = "bold" if bold else "normal", "italic" if italic else "normal"
    return FontProperties(family=list(names), weight=weight, style=style, size=size)


@lru_cache(maxsize=4096)
def text_width(text: str, size: float = 8.0, bold: bool = False) -> float:
    """Width in points of the longest line of `text` in the figures' fonts."""
    from matplotlib.font_manager import fontManager, get_font
    from matplotlib.ft2font import LoadFlags

    font = get_font([fontManager.findfont(_font((name,), bold, False, 100.0)) for name in families([text])])
    font.set_size(100, 72)
    widest = 0.0
    for line in drawable(text).split("\n"):
        font.set_text(line, 0.0, flags=LoadFlags.NO_HINTING)
        widest = max(widest, font.get_width_height()[0] / 64)
    return widest * size / 100


def _paint(renderer: Any, drawing: Drawing, scale: float, *, ground: bool = False) -> None:
    """Send the drawing to one of matplotlib's renderers; `scale` is its pixels per point."""
    from matplotlib.path import Path as Outline
    from matplotlib.transforms import Affine2D

    names = tuple(drawing.font_names)
    flip = Affine2D().scale(scale, -scale).translate(0, drawing.height * scale)
    if ground:
        corners = ((0, 0), (drawing.width, 0), (drawing.width, drawing.height), (0, drawing.height))
        _paint_path(renderer, Path(corners, fill=PAPER, closed=True), Outline, flip)
    for item in drawing.items:
        if isinstance(item, Words):
            _paint_words(renderer, item, drawing.height, scale, names)
        elif isinstance(item, Path):
            _paint_path(renderer, item, Outline, flip)
        else:
            outline = Outline.circle((item.x, item.y), item.radius)
            _paint_outline(renderer, outline, item, flip, fill=item.fill, dash=())


def _paint_path(renderer: Any, item: Path, outline: Any, flip: Any) -> None:
    points = [*item.points, item.points[0]] if item.closed else list(item.points)
    codes = None
    if item.closed:
        codes = [outline.MOVETO, *[outline.LINETO] * (len(points) - 2), outline.CLOSEPOLY]
    _paint_outline(renderer, outline(points, codes), item, flip, fill=item.fill, dash=item.dash)


def _paint_outline(
    renderer: Any, outline: Any, item: Path | Circle, flip: Any, *, fill: str | None, dash: tuple
) -> None:
    from matplotlib.colors import to_rgb

    gc = renderer.new_gc()
    gc.set_alpha(item.opacity)
    gc.set_capstyle("butt")
    gc.set_foreground(item.stroke or fill or INK)
    gc.set_linewidth(item.width if item.stroke else 0)
    if dash:
        gc.set_dashes(0, dash)
    renderer.draw_path(gc, outline, flip, to_rgb(fill) if fill else None)
    gc.restore()


def _paint_words(renderer: Any, item: Words, height: float, scale: float, names: tuple[str, ...]) -> None:
    from math import cos, radians, sin

    back = ANCHORS[item.anchor] * text_width(item.text, item.size, item.bold) if item.anchor != "start" else 0.0
    x = item.x - back * cos(radians(item.angle))
    y = item.y + back * sin(radians(item.angle))
    gc = renderer.new_gc()
    gc.set_foreground(item.colour)
    place = y * scale if renderer.flipy() else (height - y) * scale
    renderer.draw_text(gc, x * scale, place, drawable(item.text), _font(names, item.bold, item.italic, item.size), item.angle)
    gc.restore()
