"""Pictures side by side: grids and strips as PNG, a morph as animated WebP, and one page that shows an image set."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

import numpy as np

from generative.core.errors import InputError
from generative.core.weights import atomic_file


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


def save_page(path: Path, *, title: str, facts: dict, figures: list[tuple[str, Path]]) -> None:
    """One self-contained page: a table of facts and captioned pictures. Every word is escaped; it loads nothing."""
    rows = "".join(f"<tr><th>{html.escape(str(k))}</th><td>{html.escape(str(v))}</td></tr>" for k, v in facts.items())
    shown = "".join(
        f'<figure><img src="{_embedded(file)}" alt="{html.escape(caption)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        for caption, file in figures
    )
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "img{max-width:100%;image-rendering:auto}figure{margin:1.5rem 0}th{text-align:left;padding-right:1rem}"
    )
    text = io.StringIO()
    text.write('<!doctype html><html lang="en"><meta charset="utf-8">')
    text.write('<meta name="viewport" content="width=device-width,initial-scale=1">')
    text.write(f"<title>{html.escape(title)}</title><style>{style}</style><h1>{html.escape(title)}</h1>")
    text.write(f"<p>These pictures are generated; no patient is shown.</p><table>{rows}</table>{shown}</html>\n")
    with atomic_file(path) as work:
        work.write_text(text.getvalue(), encoding="utf-8")
