"""Pictures and class names from a manifest.csv into one array. All bad rows are reported at once, with their lines."""

from __future__ import annotations

import csv
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from generative.core.errors import InputError

REQUIRED = ("item", "class", "path")
FITS = ("squash", "crop")
MAX_PIXELS = 100_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")  # what Pillow decodes by itself: for others it starts programs, such as Ghostscript
SHOWN = 10


@dataclass(frozen=True)
class ImageTable:
    """images (N, 3, H, W) uint8 and what is known of each; `labels` index into `classes`."""

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    items: tuple[str, ...]
    groups: tuple[str, ...]
    splits: tuple[str, ...]
    paths: tuple[str, ...]
    sha256: str

    def __len__(self) -> int:
        return len(self.images)

    def where(self, chosen) -> ImageTable:
        """Rows of a boolean mask or index array, in order."""
        index = np.flatnonzero(chosen) if np.asarray(chosen).dtype == bool else np.asarray(chosen, dtype=int)

        def pick(values: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(values[i] for i in index)

        return replace(
            self, images=self.images[index], labels=self.labels[index], items=pick(self.items),
            groups=pick(self.groups), splits=pick(self.splits), paths=pick(self.paths),
        )  # fmt: skip

    def split(self, name: str) -> ImageTable:
        return self.where(np.array([split == name for split in self.splits], dtype=bool))

    def of_class(self, name: str) -> ImageTable:
        return self.where(self.labels == self.classes.index(name))

    def one_hot(self) -> np.ndarray:
        """Labels as (N, K) float32."""
        return np.eye(max(len(self.classes), 1), dtype=np.float32)[self.labels][:, : len(self.classes)]


def read_manifest(
    path: Path,
    *,
    resolution: int,
    classes: tuple[str, ...] = (),
    view: str | None = None,
    fit: str = "squash",
) -> ImageTable:
    """Decode every row of a manifest (item, class, path; optional view, split, group) to `resolution` pixels.

    classes: the class names in the order of the label; sorted names when empty. A row of another class is an error, as
    is a picture outside the manifest's folder, missing or damaged. `view` keeps the rows of one view. `fit` squash
    changes the aspect (as the published recipe does), crop takes the central square. Rows without a split count as
    train, without a group as their own.
    """
    path = Path(path)
    if fit not in FITS:
        raise InputError(f"fit must be one of {', '.join(FITS)}; found {fit!r}.")
    rows = _rows(path, view)
    names = tuple(classes) or tuple(sorted({row["class"] for _, row in rows}))
    images, problems, digest = [], [], hashlib.sha256()

    def picture_or_problem(row: dict) -> np.ndarray | str:
        if row["class"] not in names:
            return f"class {row['class']!r} is none of {', '.join(names)}"
        if row.get("split") not in ("", None, "train", "test"):
            return f"split {row['split']!r} is neither train nor test"
        try:
            return load_picture(inside(path.parent, row["path"]), resolution, fit)
        except (OSError, ValueError, SyntaxError) as error:
            return f"{row['path']!r} {error}"

    with ThreadPoolExecutor(processors()) as pool:
        for (line, row), found in zip(rows, pool.map(picture_or_problem, [row for _, row in rows]), strict=True):
            if isinstance(found, str):
                problems.append(f"line {line}: {found}")
                continue
            images.append(found)
            digest.update(found.tobytes() + row["class"].encode())
    if problems:
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        raise InputError(f"{path} has {len(problems)} bad rows: {'; '.join(problems[:SHOWN])}{more}.")
    kept = [row for _, row in rows]
    return ImageTable(
        images=np.stack(images),
        labels=np.array([names.index(row["class"]) for row in kept]),
        classes=names,
        items=tuple(row["item"] for row in kept),
        groups=tuple(row.get("group") or row["item"] for row in kept),
        splits=tuple(row.get("split") or "train" for row in kept),
        paths=tuple(row["path"] for row in kept),
        sha256=digest.hexdigest(),
    )


def processors() -> int:
    """How many this process may use at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rows(path: Path, view: str | None) -> list[tuple[int, dict]]:
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            missing = [name for name in REQUIRED if name not in (reader.fieldnames or [])]
            if missing:
                raise InputError(f"{path} needs the columns {', '.join(REQUIRED)}; it lacks {', '.join(missing)}.")
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read as a manifest: {getattr(error, 'strerror', None) or error}."
        ) from error
    empty = [f"line {line}" for line, row in rows if any(not row[name] for name in REQUIRED)]
    if empty:
        raise InputError(f"{path} has rows without item, class or path: {', '.join(empty[:SHOWN])}.")
    kept = [(line, row) for line, row in rows if view is None or row.get("view") == view]
    if not kept:
        views = ", ".join(sorted({row.get("view") or "none" for _, row in rows})) or "none"
        raise InputError(f"{path} has no row{f' of view {view!r}' if view else ''}; its views are {views}.")
    return kept


def inside(folder: Path, name: str | None) -> Path:
    """The file that a manifest of this folder names; ValueError where it lies elsewhere: a set may come from anybody."""
    target = (folder / (name or "")).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError("lies outside the manifest's folder")
    return target


def upright_rgb(picture):
    """A Pillow picture turned upright, as 8-bit RGB: of 16-bit greys the upper byte, transparent parts on white.

    What is searched for copies must be what is shown, whatever form a file takes.
    """
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I"):
        return upright.point(lambda value: value * (1 / 256)).convert("L").convert("RGB")
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        layer = upright.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return upright.convert("RGB")


@contextmanager
def opened(path: Path):
    """The file as a Pillow picture, nothing of it decoded yet. OSError or ValueError when it is none, or one of too many pixels."""
    from PIL import Image, UnidentifiedImageError

    try:
        picture = Image.open(path, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise ValueError(f"is no picture that can be read ({', '.join(FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise ValueError(f"has more than {MAX_PIXELS} pixels") from error
    with picture:
        if picture.width * picture.height > MAX_PIXELS:
            raise ValueError(f"has {picture.width}x{picture.height} pixels, more than {MAX_PIXELS}")
        yield picture


def load_picture(path: Path, resolution: int, fit: str = "squash") -> np.ndarray:
    """One picture as (3, resolution, resolution) uint8, upright, RGB. OSError or ValueError when it cannot be."""
    from PIL import Image, ImageOps

    with opened(path) as picture:
        upright = upright_rgb(picture)
    if fit == "crop":
        upright = ImageOps.fit(upright, (min(upright.size),) * 2)
    if upright.size != (resolution, resolution):
        upright = upright.resize((resolution, resolution), Image.Resampling.LANCZOS)
    return np.array(upright, dtype=np.uint8).transpose(2, 0, 1)


def to_unit(images_uint8):
    """uint8 (N, 3, H, W), array or tensor, to float32 tensor in [-1, 1]."""
    import torch

    return torch.as_tensor(images_uint8).float() / 127.5 - 1


def to_uint8(images_NCHW) -> np.ndarray:
    """Generated pictures in [-1, 1] to (N, H, W, 3) uint8: x 127.5 + 128, cut to 0..255, truncated; one grey channel is all three."""
    import torch

    images_NCHW = images_NCHW.expand(-1, 3, -1, -1)
    return (images_NCHW * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
