"""Pictures side by side: grids and strips as PNG, a morph as animated WebP, and one page that shows an image set."""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generative.core.errors import InputError
from generative.core.networks.weights import atomic_file

LEAST_SHOWN_PX, LEAST_SCROLLED_PX = 128, 64


def tile(images_NHWC: np.ndarray, columns: int) -> np.ndarray:
    """(N, H, W, 3) uint8 row by row into one picture; missing places at the end are white."""
    n, h, w, c = images_NHWC.shape
    rows = -(-n // columns)
    sheet = np.full((rows * columns, h, w, c), 255, np.uint8)
    sheet[:n] = images_NHWC
    return sheet.reshape(rows, columns, h, w, c).transpose(0, 2, 1, 3, 4).reshape(rows * h, columns * w, c)


def mix_sheet(images_NHWC: np.ndarray, *, rows: int, columns: int) -> np.ndarray:
    """One picture of a mix set (rows' own pictures, columns' own, mixes row by row): a white corner, the columns above,
    each row behind its own picture."""
    heads, tops, mixed = np.split(images_NHWC, [rows, rows + columns])
    lines = [np.full_like(heads[:1], 255), tops]
    for i in range(rows):
        lines += [heads[i : i + 1], mixed[i * columns : (i + 1) * columns]]
    return tile(np.concatenate(lines), columns + 1)


def save_png(image_HWC: np.ndarray, path: Path) -> None:
    """Lossless and without metadata, so that equal pixels make equal files."""
    from PIL import Image

    with atomic_file(path) as work:
        Image.fromarray(image_HWC).save(work, format="PNG", compress_level=6)


def save_grid(images_NHWC: np.ndarray, path: Path, *, columns: int) -> None:
    """Several pictures as one PNG, `columns` beside each other."""
    save_png(tile(images_NHWC, columns), path)


def save_animation(frames_NHWC: np.ndarray, path: Path, *, seconds: float = 3.0) -> None:
    """A looping WebP that goes there and back, lossless."""
    from PIL import Image

    if len(frames_NHWC) < 2:
        raise InputError(f"An animation needs two frames or more; found {len(frames_NHWC)}.")
    frames = [Image.fromarray(frame) for frame in [*frames_NHWC, *frames_NHWC[-2:0:-1]]]
    pause_ms = max(int(1000 * seconds / len(frames)), 20)
    with atomic_file(path) as work:
        frames[0].save(work, format="WEBP", save_all=True, append_images=frames[1:], duration=pause_ms, loop=0,
                       lossless=True)  # fmt: skip


def _embedded(path: Path) -> str:
    kind = {".png": "image/png", ".webp": "image/webp"}[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


@dataclass(frozen=True)
class Figure:
    """A captioned picture file of a page: `columns` pictures beside each other, with a word above each of them."""

    caption: str
    file: Path
    columns: int = 1
    heads: tuple[str, ...] = ()


GENERATED = "These pictures are generated; no patient is shown."
STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem}"
    "main{display:flex;flex-wrap:wrap;gap:1.5rem 1rem;align-items:end}figure{margin:0;min-width:0;max-width:100%}"
    "figure>div{overflow-x:auto}img{display:block;width:100%;background:#777}ol{display:grid;list-style:none;margin:0 0 .25rem;padding:0;"
    "font-size:.8125rem;line-height:1.3}li{padding:0 .25rem;min-width:0;overflow-wrap:anywhere;align-self:end;text-align:center}"
    "th{text-align:left;padding-right:1rem;vertical-align:top;font-weight:600}figcaption{margin-top:.25rem}table{margin-top:1.5rem}"
)


def _figure(figure: Figure) -> str:
    """Every picture at least LEAST_SHOWN_PX wide, however few pixels it has; wide sheets are scrolled, not shrunk."""
    from PIL import Image

    with Image.open(figure.file) as picture:
        width = max(picture.width // figure.columns, LEAST_SHOWN_PX) * figure.columns
    words = "".join(f"<li>{html.escape(word)}</li>" for word in figure.heads)
    above = f'<ol style="grid-template-columns:repeat({figure.columns},1fr)">{words}</ol>' if words else ""
    least = min(width, LEAST_SCROLLED_PX * figure.columns)
    caption = html.escape(figure.caption)
    return (
        f'<figure style="width:{width}px"><div tabindex="0"><div style="min-width:{least}px">{above}<img src="{_embedded(figure.file)}" '
        f'alt="{caption}"></div></div><figcaption>{caption}</figcaption></figure>'
    )


def save_page(path: Path, *, title: str, facts: dict, figures: list[Figure], nature: str = GENERATED) -> None:
    """One self-contained page: what the pictures are, a table of facts, captioned figures. Words are escaped; it loads nothing."""
    rows = "".join(
        f'<tr><th scope="row">{html.escape(str(k))}</th><td>{html.escape(str(v))}</td></tr>' for k, v in facts.items()
    )
    text = io.StringIO()
    text.write('<!doctype html><html lang="en"><meta charset="utf-8">')
    text.write('<meta name="viewport" content="width=device-width,initial-scale=1">')
    text.write(f"<title>{html.escape(title)}</title><style>{STYLE}</style><h1>{html.escape(title)}</h1>")
    text.write(f"<p>{html.escape(nature)}</p><main>{''.join(map(_figure, figures))}</main><table>{rows}</table></html>\n")
    with atomic_file(path) as work:
        work.write_text(text.getvalue(), encoding="utf-8")
