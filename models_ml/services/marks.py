"""Marked parts of pictures (stickers, watermarks, clothing) that come with an attribution as a ZIP of masks."""

import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

from django.core.exceptions import ValidationError

from models_ml.core.pictures.manifest import Manifest
from models_ml.core.pictures.pixels import decode
from models_ml.errors import core_errors

REGION_NAME = re.compile(r"[a-z][a-z0-9-]{0,29}")
LARGEST_ZIP = 2 * 2**30
EXPECTED = "Name masks REGION/ITEM.png, e.g. sticker/T001.png, white where the region is."


def keep_marks(archive, folder: Path, *, items: set[str]) -> int:
    """Unpack a ZIP of masks into `folder`; all that does not fit is said at once and nothing is kept.

    archive: a path or an open file. items: codes of the items that can be explained.
    """
    try:
        return _unpacked(archive, folder, items)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpacked(archive, folder: Path, items: set[str]) -> int:
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if not m.is_dir() and not _of_the_packer(m.filename)]
            if sum(member.file_size for member in members) > LARGEST_ZIP:
                raise ValidationError(f"The masks would unpack to more than {LARGEST_ZIP // 2**30} GiB.")
            placed = {member.filename: Path(member.filename) for member in members}
            problems = [sentence for name, path in placed.items() if (sentence := _problem(name, path, items))]
            if not members or problems:
                raise ValidationError([*(problems or ["The ZIP holds no mask."])[:20], EXPECTED])
            for member in members:
                path = folder / placed[member.filename]
                path.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as packed, path.open("wb") as mask:
                    shutil.copyfileobj(packed, mask)
    except (zipfile.BadZipFile, OSError, RuntimeError) as error:
        raise ValidationError(f"The masks cannot be unpacked ({error}); make the ZIP again. {EXPECTED}") from error
    with core_errors():
        for path in placed.values():
            decode(folder / path)
    return len(members)


def _of_the_packer(name: str) -> bool:
    """Files that file managers add by themselves."""
    return name.startswith("__MACOSX/") or Path(name).name.startswith(".")


def _problem(name: str, path: Path, items: set[str]) -> str:
    if len(path.parts) != 2 or not REGION_NAME.fullmatch(path.parts[0]) or path.suffix.lower() != ".png":
        return f"{name[:100]} is not REGION/ITEM.png with a region in small letters, digits and hyphens."
    return "" if path.stem in items else f"{name[:100]}: the ensemble has answered no item {path.stem!r}."


def with_marks(manifest: Manifest, folder: Path) -> Manifest:
    """The manifest with the masks in `folder`, if there are any."""
    found: dict[str, list[tuple[str, Path]]] = {}
    for path in sorted(folder.glob("*/*.png")):
        found.setdefault(path.stem, []).append((path.parent.name, path))
    return replace(manifest, items=tuple(replace(i, regions=tuple(found.get(i.id, ()))) for i in manifest.items))
