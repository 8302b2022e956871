"""A contact sheet: what a drawn bank looks like, at a glance."""

import csv
from pathlib import Path

from PIL import Image, ImageDraw

from .bank import write_atomically

CELL_PX, MARGIN_PX, LABEL_PX = 176, 6, 58


def contact_sheet(manifest: str | Path, out_file: str | Path, *, per_class: int = 5, split: str = "test") -> Path:
    """Write a sheet with, per class, `per_class` items of a split: the panoramic and beside it a focused picture.

    The type of file follows the name's ending. A split without pictures raises ValueError.
    """
    manifest, out_file = Path(manifest), Path(out_file)
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    if not rows:
        raise ValueError(f'{manifest.name} has no pictures of the split "{split}"; take one of its splits.')
    groups: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row["class"], {}).setdefault(row["group"], {}).setdefault(row["view"], row["path"])
    height = round(CELL_PX * 1.25)
    column = round(CELL_PX * 1.25) + CELL_PX + 3 * MARGIN_PX
    sheet = Image.new("RGB", (LABEL_PX + per_class * column, len(groups) * (height + MARGIN_PX) + 22), (238, 237, 234))
    draw = ImageDraw.Draw(sheet)
    for line, (class_code, items) in enumerate(groups.items()):
        top = line * (height + MARGIN_PX) + MARGIN_PX
        draw.text((8, top + height / 2), class_code, fill=(40, 44, 48))
        for place, views in enumerate(list(items.values())[:per_class]):
            left = LABEL_PX + place * column
            for view, x, size in (
                ("panoramic", 0, (CELL_PX, height)),
                ("focused", CELL_PX + MARGIN_PX, (height, height)),
            ):
                if view in views:
                    with Image.open(manifest.parent / views[view]) as picture:
                        sheet.paste(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS), (left + x, top))
    draw.text((8, sheet.height - 16), f"Drawn, not photographs. {split}: {len(rows)} pictures.", fill=(90, 94, 98))
    write_atomically(out_file, _encoded(sheet, out_file.suffix))
    return out_file


def _encoded(sheet: Image.Image, suffix: str) -> bytes:
    import io

    kind = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}.get(suffix.lower())
    if kind is None:
        raise ValueError(f'A contact sheet is written as .png, .jpg or .webp, found "{suffix}".')
    buffer = io.BytesIO()
    sheet.save(buffer, kind, quality=88)
    return buffer.getvalue()
