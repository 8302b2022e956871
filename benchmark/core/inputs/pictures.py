"""Pictures of items for a report: a folder of JPEG or PNG files, made small where they are shown.

With a pictures.csv in the folder (item, view, file; optional credit: the words that a licence asks for) files may have any
name. Without it they are named by item, ITEM.jpg for every view or VIEW/ITEM.jpg.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.errors import InputError, Problem
from benchmark.core.inputs.long_table import read_text_table, rejected

LIST = "pictures.csv"
COLUMNS = ("item", "view", "file", "credit")
ENDINGS = (".jpg", ".jpeg", ".png")
SIDE = 240  # pixels of the longer side in a report
QUALITY = 85


@dataclass(frozen=True)
class Pictures:
    """Where each item's picture lies, by item and view ("": any view), and what must be said beside it."""

    files: dict[tuple[str, str], Path] = field(default_factory=dict)
    credits: dict[tuple[str, str], str] = field(default_factory=dict)

    def small(self, item: str, view: str | None) -> bytes | None:
        """The picture as a JPEG of at most SIDE pixels, upright, without any metadata; None where there is none."""
        path = self.files.get((item, view or "")) or self.files.get((item, ""))
        return None if path is None else _small(path)

    def credit(self, item: str, view: str | None) -> str:
        return self.credits.get((item, view or "")) or self.credits.get((item, ""), "")


def read_item_pictures(folder: Path) -> Pictures:
    """The pictures of a folder. A folder that cannot be read, or a list that names files which are not there, raises
    InputError with every such line."""
    if not folder.is_dir():
        raise InputError(f"A folder of JPEG or PNG files was needed; {folder} is none.")
    if not (folder / LIST).exists():
        return _by_name(folder)
    table = read_text_table(folder / LIST, ("item", "view", "file"))
    files, credits, problems = {}, {}, []
    for line, row in zip(table.lines, table.frame.to_dict("records")):
        key, path = (row["item"], row["view"]), folder / row["file"]
        if row["file"] and not (path.resolve().is_relative_to(folder.resolve()) and path.is_file()):
            problems.append(Problem(line, "file", f'"{row["file"]}" is not in the folder {folder.name}.'))
        elif row["file"]:
            files[key] = path
        if row.get("credit"):
            credits[key] = row["credit"]
    if problems:
        raise rejected(f"{folder.name}/{LIST}", problems)
    return Pictures(files, credits)


def _by_name(folder: Path) -> Pictures:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    places = {path: path.relative_to(folder).parent.as_posix() for path in found}
    return Pictures({(path.stem, "" if place == "." else place): path for path, place in places.items()})


def _small(path: Path) -> bytes:
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=("JPEG", "PNG")) as opened:
            picture = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"A JPEG or PNG file was needed; {path.name} could not be read as one.") from error
    picture.thumbnail((SIDE, SIDE))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
