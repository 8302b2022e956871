"""Maps drawn for people: overlay, side by side, contact sheet, page. Red speaks for the answer, blue against it."""

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from models_ml.core.files import replacing, write_text

FOR, AGAINST = np.array((178, 24, 43), dtype=np.uint8), np.array((33, 102, 172), dtype=np.uint8)
GAP, SIDE_PX = 4, 320  # between two pictures; of the pictures on the page


def colours(map_HW: np.ndarray, *, percentile: float = 99.0) -> np.ndarray:
    """RGBA uint8 (H, W, 4): hue by sign, opacity by size relative to the ``percentile`` of the sizes; zero is clear."""
    size = np.abs(map_HW)
    scale = np.percentile(size, percentile)
    strength = size / scale if scale > 0 else np.zeros_like(size)
    np.clip(strength, 0, 1, out=strength)
    strength *= 230
    out = np.empty((*map_HW.shape, 4), dtype=np.uint8)
    out[..., :3] = np.where(map_HW[..., None] >= 0, FOR, AGAINST)
    out[..., 3] = np.rint(strength, out=strength)
    return out


def smooth(map_HW: np.ndarray, sigma_px: float) -> np.ndarray:
    """The map smoothed for the eye; numbers are computed on the raw one."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(map_HW, sigma_px)


def layer(map_HW: np.ndarray) -> Image.Image:
    """The map as a picture to lie over another."""
    return Image.fromarray(colours(map_HW), "RGBA")


def overlay(picture: Image.Image, layer: Image.Image) -> Image.Image:
    """The map's layer over the picture in grey; both of the picture's size."""
    grey = picture.convert("L").convert("RGBA")
    return Image.alpha_composite(grey, layer).convert("RGB")


def side_by_side(picture: Image.Image, over: Image.Image) -> Image.Image:
    out = Image.new("RGB", (picture.width * 2 + GAP, picture.height), "white")
    out.paste(picture, (0, 0))
    out.paste(over, (picture.width + GAP, 0))
    return out


def contact_sheet(pairs: Sequence[tuple[str, Image.Image]], *, columns: int = 8, side_px: int = 160) -> Image.Image:
    """All pictures in a grid, each under its caption."""
    rows = -(-len(pairs) // columns)
    cell = (side_px + GAP, side_px + 16)
    sheet = Image.new("RGB", (cell[0] * min(columns, len(pairs)), cell[1] * rows), "white")
    draw = ImageDraw.Draw(sheet)
    for k, (caption, picture) in enumerate(pairs):
        small = picture.copy()
        small.thumbnail((side_px, side_px))
        x, y = k % columns * cell[0], k // columns * cell[1]
        draw.text((x + 1, y + 2), caption[: side_px // 6], fill="black")
        sheet.paste(small, (x, y + 15))
    return sheet


def save(image: Image.Image, path: Path) -> None:
    with replacing(path) as part:
        image.save(part, "PNG")


def _data_url(image: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def page(
    path: Path,
    title: str,
    entries: Sequence[tuple[str, Image.Image, Image.Image]],
    scores: Sequence[Sequence[str]],
    sentences: Sequence[str],
) -> None:
    """One file without outside parts: the scores beside their controls, what is to be said about parts of the pictures,
    every picture with its map above it, and one slider for the maps' opacity.

    entries: caption, picture, the map's layer of the same size. scores: name, meaning, this network, random weights, difference, wrong class.
    """
    figures = []
    for caption, picture, layer in entries:
        figures.append(
            f'<figure><div><img alt="" src="{_data_url(picture, "JPEG")}"><img class="map" alt="attribution map" '
            f'src="{_data_url(layer, "PNG")}"></div><figcaption>{html.escape(caption)}</figcaption></figure>'
        )
    rows = [
        f'<tr><th scope="row">{html.escape(name)}<small>{html.escape(meaning)}</small></th>'
        + "".join(f"<td>{html.escape(cell) or '&ndash;'}</td>" for cell in cells)
        + "</tr>"
        for name, meaning, *cells in scores
    ]
    said = "\n".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    parts = {"rows": "\n".join(rows), "sentences": said, "figures": "\n".join(figures)}
    write_text(path, PAGE.format(title=html.escape(title), **parts))


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 1rem; }}
main {{ display: flex; flex-wrap: wrap; gap: 1rem; }}
figure {{ margin: 0; }} figure div {{ position: relative; display: inline-block; }}
.map {{ position: absolute; left: 0; top: 0; opacity: var(--opacity, .7); }}
header {{ position: sticky; top: 0; background: Canvas; padding: .5rem 0; z-index: 1; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }} section {{ overflow-x: auto; }}
th, td {{ padding: .4rem .75rem; border-bottom: 1px solid; text-align: right; }} th:first-child {{ text-align: left; }}
small {{ display: block; font-weight: normal; }} td {{ white-space: nowrap; }}
:root {{ color-scheme: light dark; }}
</style>
<h1>{title}</h1>
<section tabindex="0" aria-label="Scores"><table><thead><tr><th scope="col">Predicted class, all items</th>
<th scope="col">These networks</th><th scope="col">Random weights</th><th scope="col">Difference</th>
<th scope="col">Least probable class</th></tr></thead><tbody>
{rows}
</tbody></table></section>
<p>Means over the items; in brackets 95 % intervals over photographs or patients. Edges alone give random weights a
share of every score: the difference is what counts. What deletion and insertion of a map do to the answer is judged
by the trained networks, whoever made the map.</p>
<ul>
{sentences}
</ul>
<header>
<label>Opacity of the maps <input id="opacity" type="range" min="0" max="100" value="70"></label>
<p>Red pixels speak for the answer explained, blue ones against it.</p></header>
<main>
{figures}
</main>
<script>
document.getElementById("opacity").addEventListener("input", (event) =>
  document.documentElement.style.setProperty("--opacity", event.target.value / 100));
</script>
</html>
"""
