"""Take image sets in, ours or any generator's, and write them out again to the byte."""

import csv
import io
import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import transaction

from generative.core.errors import InputError
from generative.core.sets.setfiles import opened_set, read_or_describe
from generative.models import Generator, ImageSet, Sample
from imagebank.models import Study
from imagebank.services.decoding import RefusedImage, decode_image
from imagebank.services.storing import store_bytes

NEEDED = ("item", "class", "path")
KNOWN = (*NEEDED, "view", "label", "seed", "position")
MAX_PICTURES = 5_000
CODE_MOST, LEAST_PX = 120, 8
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True)
class Picture:
    """One row of a set's manifest with its checked file."""

    row: dict
    label: dict
    position: float | None
    data: bytes
    suffix: str
    size: tuple[int, int]


def add_set(
    *,
    study: Study,
    path: Path,
    title: str,
    condition: str,
    generator: Generator | None = None,
    user=None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageSet:
    """Freeze the image set in `path` (folder or ZIP with manifest.csv and, where its generator writes one, set.json) under its hash.

    condition: "random" or "curated", said by whoever adds it; generator: the row it was made with, found by its weights
    when left out. The same set again returns the one there is. A ZIP that is too large, climbs out of its folder, or
    differs from its own hashes is refused whole, with one sentence.
    """
    if condition not in ImageSet.Condition.values:
        raise ValidationError(f'The condition of a set is random or curated; found "{condition}".')
    try:
        with opened_set(path) as folder:
            record = read_or_describe(folder)
            known = ImageSet.objects.filter(study=study, set_hash=record["set_hash"]).first()
            if known:
                return known
            manifest = (folder / "manifest.csv").read_bytes()
            pictures = _read_pictures(folder, record, manifest, progress)
    except InputError as error:
        raise ValidationError(_without_folder(str(error), path)) from error
    generator = generator or _maker(study, record)
    facts = record["generator"]
    row = ImageSet(
        study=study, title=title.strip()[:120], set_hash=record["set_hash"], kind=record["kind"], condition=condition,
        generator=generator, made_by=str(generator.title if generator else facts.get("name") or "unnamed generator")[:120],
        licence=str(facts.get("licence") or "")[:120], record=record, manifest=manifest.decode("utf-8"),
        resolution=max(max(picture.size) for picture in pictures), created_by=user,
    )  # fmt: skip
    row.title = row.title or f"{row.get_kind_display()} by {row.made_by}"[:120]
    row.full_clean()
    with transaction.atomic():
        row.save()
        Sample.objects.bulk_create(_sample(row, index, picture) for index, picture in enumerate(pictures))
    return row


def _without_folder(sentence: str, path: Path) -> str:
    """The core names the unpacked folder; the person knows the file."""
    name = Path(path).name
    return re.sub(r"/\S*image-set-[\w-]+(/?)", lambda found: f"{name}: " if found[1] else name, sentence).replace(str(path), name)


def _maker(study: Study, record: dict) -> Generator | None:
    weights = record["generator"].get("weights")
    return study.generators.filter(weights_hash=weights).first() if isinstance(weights, str) else None


def _read_pictures(folder: Path, record: dict, manifest: bytes, progress) -> list[Picture]:
    try:
        reader = csv.DictReader(io.StringIO(manifest.decode("utf-8-sig"), newline=""))
        missing = [column for column in NEEDED if column not in (reader.fieldnames or [])]
        rows = [] if missing else list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValidationError(f"The manifest of the set cannot be read as UTF-8 CSV: {error}.") from error
    if missing:
        raise ValidationError(f"The manifest of a set needs {', '.join(NEEDED)}; it lacks {', '.join(missing)}.")
    if not 1 <= len(rows) <= MAX_PICTURES:
        raise ValidationError(
            f"A set holds 1 to {MAX_PICTURES:,} pictures; this one has {len(rows):,}. Make several sets."
        )
    problems, pictures = [], []
    unlisted = [row["path"] for row in rows if row["path"] not in record["images"]]
    if unlisted:
        raise ValidationError(
            f"set.json gives no hash for {', '.join(map(str, unlisted[:5]))}; every picture needs one."
        )
    for number, row in enumerate(rows):
        try:
            pictures.append(_read_picture(folder, row))
        except (RefusedImage, ValueError) as error:
            problems.append(f"line {number + 2}: {error}")
        if progress:
            progress(number + 1, len(rows))
    if problems:
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        rows_word = "bad row" if len(problems) == 1 else "bad rows"
        shown = "; ".join(problem.rstrip(".") for problem in problems[:10])
        raise ValidationError(f"The set has {len(problems)} {rows_word}: {shown}{more}.")
    _require_distinct(rows)
    _require_kind(record["kind"], pictures)
    return pictures


def _require_distinct(rows: list[dict]) -> None:
    """An audit finds pictures by their item, and nobody rates one picture as two."""
    for column in ("item", "path"):
        twice = [value for value, count in Counter(row[column] for row in rows).items() if count > 1]
        if twice:
            raise ValidationError(f"Every {column} stands once in the manifest of a set; {twice[0][:80]} stands twice or more.")


def _require_kind(kind: str, pictures: list[Picture]) -> None:
    """Strips and grids hold together: one size, and for a strip seed and position of every frame."""
    if kind not in (ImageSet.Kind.MORPH, ImageSet.Kind.MIX):
        return
    sizes = sorted({picture.size for picture in pictures})
    if len(sizes) > 1:
        found = " and ".join(f"{width} x {height}" for width, height in sizes[:2])
        raise ValidationError(f"All pictures of a {kind} set have one size; found {found} px. Save them at one size.")
    if kind == ImageSet.Kind.MIX:
        return
    lacking = sum(picture.position is None or not picture.row.get("seed") for picture in pictures)
    if lacking:
        raise ValidationError(
            f"Every frame of a morph needs a seed, which names its strip, and a position from 0 to 1; {lacking} of "
            f"{len(pictures)} lack one. Add the columns seed and position."
        )
    places = Counter((picture.row["seed"], picture.position) for picture in pictures)
    if (frame := places.most_common(1)[0])[1] > 1:
        raise ValidationError(f"The strip of seed {frame[0][0][:40]} has more than one frame at position {frame[0][1]:g}.")


def _read_picture(folder: Path, row: dict) -> Picture:
    if not row["item"] or None in row or None in row.values():
        raise ValueError("a row needs an item and as many cells as the header has.")
    if len(row["item"]) > CODE_MOST:
        raise ValueError(f"an item has at most {CODE_MOST} characters; {row['item'][:30]}... has {len(row['item'])}.")
    suffix = PurePosixPath(row["path"]).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{row['path']} must end in one of {', '.join(SUFFIXES)}.")
    data = (folder / row["path"]).read_bytes()
    decoded = decode_image(data, name=row["path"])
    label = _label(row.get("label") or "") or ({row["class"]: 1.0} if row["class"] else {})
    if min(decoded.width, decoded.height) < LEAST_PX:
        raise ValueError(f"{row['path']} has {decoded.width} x {decoded.height} px; {LEAST_PX} on each side are needed.")
    return Picture(row, label, _position(row.get("position")), data, suffix, (decoded.width, decoded.height))


def _position(text: str | None) -> float | None:
    if not text:
        return None
    try:
        position = float(text)
    except ValueError:
        position = math.nan
    if not 0 <= position <= 1:
        raise ValueError(f"position must be a number from 0, the start of a strip, to 1, its end; found {text[:30]!r}.")
    return position


def _label(text: str) -> dict[str, float]:
    """ "early:0.75;late:0.25" as names and shares."""
    parts = [part.rpartition(":") for part in text.split(";") if part]
    try:
        label = {name.strip(): float(share) for name, _, share in parts}
    except ValueError:
        label = {"": 0.0}
    if "" in label or not all(0 <= share <= 1 for share in label.values()):
        raise ValueError(f"label {text[:60]!r} must read like early:0.75;late:0.25, with shares from 0 to 1.")
    return label


def _sample(row: ImageSet, index: int, picture: Picture) -> Sample:
    cells = picture.row
    return Sample(
        image_set=row, index=index, code=cells["item"], class_name=cells["class"][:150], label=picture.label,
        seed=(cells.get("seed") or "")[:60], position=picture.position,
        note={key: value for key, value in cells.items() if key not in KNOWN and value},
        file=store_bytes(folder="generated", suffix=picture.suffix, data=picture.data),
        sha256=row.record["images"][cells["path"]],
    )  # fmt: skip


def write_set_folder(*, image_set: ImageSet, folder: Path) -> Path:
    """The set as it came: manifest.csv, set.json and every picture under its own path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.csv").write_bytes(_manifest_bytes(image_set))
    (folder / "set.json").write_text(json.dumps(image_set.record, indent=1) + "\n", encoding="utf-8")
    for sample, path in _paths(image_set):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_bytes_of(sample))
    return folder


def write_set_zip(*, image_set: ImageSet, out: BinaryIO) -> None:
    """The set as a ZIP whose bytes depend on its content alone."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:

        def put(name: str, data: bytes) -> None:
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), data)

        put("manifest.csv", _manifest_bytes(image_set))
        put("set.json", (json.dumps(image_set.record, indent=1) + "\n").encode())
        for sample, path in _paths(image_set):
            put(path, _bytes_of(sample))


def _manifest_bytes(image_set: ImageSet) -> bytes:
    return image_set.manifest.encode("utf-8")


def _paths(image_set: ImageSet) -> list[tuple[Sample, str]]:
    rows = csv.DictReader(io.StringIO(image_set.manifest.removeprefix("\ufeff"), newline=""))
    return [(sample, row["path"]) for sample, row in zip(image_set.samples.all(), rows, strict=True)]


def _bytes_of(sample: Sample) -> bytes:
    try:
        with default_storage.open(sample.file.name, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise ValidationError(
            f"The file of {sample} is missing from the store; look after the media folder."
        ) from error
