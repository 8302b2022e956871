"""An image set on disk: read, checked and packed without torch, so that a web site can do it too.

SET/manifest.csv   item, class, view, path; ours also label, seed, position and, in a mix, role, row_seed, column_seed
SET/set.json       schema, set_hash, kind, generator (name, weights, licence), plan, manifest_sha256, images (sha256 each)
SET/images/*.png

`set_hash` covers kind, plan, weights, pictures and manifest: equal hashes are equal sets. Any generator may write one; where another one's
pictures come with a manifest alone, `read_or_describe` makes the record from what is there.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import hashlib
import json
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from generative.core.errors import InputError
from generative.core.networks.weights import atomic_file, file_sha256

SCHEMA = "image-set/1"
KINDS = ("sample", "morph", "mix", "projection")
COLUMNS = ("item", "class", "path")
NEEDED = ("schema", "kind", "generator", "plan", "manifest_sha256", "images")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
MAX_ZIP_BYTES, MAX_ZIP_FILES = 4 << 30, 20_000
MAX_RECORD_BYTES = 16 << 20
NAMES_AT_FAULT = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL)  # a name that is another's folder, or too long


def inert_cell(cell: str) -> str:
    """A cell that a spreadsheet will not compute."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def frozen_hash(*, kind: str, plan: dict, weights: str | None, images: dict, manifest: str) -> str:
    """What a set is frozen under: SHA-256 over these as JSON with sorted keys."""
    core = {"kind": kind, "plan": plan, "weights": weights, "images": images, "manifest": manifest}
    return hashlib.sha256(json.dumps(core, sort_keys=True, default=list).encode()).hexdigest()


def pack(folder: Path, target: Path) -> None:
    """The set as a ZIP whose bytes depend on its content alone."""
    names = ["manifest.csv", "set.json", *sorted(f"images/{p.name}" for p in (folder / "images").iterdir())]
    with atomic_file(target) as work, zipfile.ZipFile(work, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (folder / name).read_bytes())


@contextlib.contextmanager
def opened_set(path: Path) -> Iterator[Path]:
    """The set's folder; a ZIP is unpacked into a folder of its own, its names and size checked first."""
    path = Path(path)
    if path.is_dir():
        yield path
        return
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile, ValueError) as error:
        raise InputError(f"{path} is neither a set folder nor a ZIP: {getattr(error, 'strerror', None) or error}.") from error
    with archive, tempfile.TemporaryDirectory(prefix="image-set-") as folder:
        _unpack(archive, path, Path(folder))
        inner = _inner(Path(folder))
        try:
            yield inner
        except InputError as error:  # a sentence about the ZIP names the ZIP, not where it was unpacked
            raise InputError(str(error).replace(str(inner), str(path)).replace(folder, str(path))) from error


def _inner(folder: Path) -> Path:
    """The set itself, where somebody packed its folder instead of what is in it."""
    inside = [entry for entry in folder.iterdir() if entry.name != "__MACOSX"]
    is_set = len(inside) == 1 and any((inside[0] / name).is_file() for name in ("set.json", "manifest.csv"))
    return inside[0] if is_set else folder


def _unpack(archive: zipfile.ZipFile, path: Path, folder: Path) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) > MAX_ZIP_FILES or sum(entry.file_size for entry in entries) > MAX_ZIP_BYTES:
        raise InputError(f"{path} is too large: at most {MAX_ZIP_FILES} files and {MAX_ZIP_BYTES >> 30} GiB unpacked.")
    names: set[Path] = set()
    for entry in entries:
        target = (folder / entry.filename).resolve()
        if not target.is_relative_to(folder.resolve()) or "\x00" in entry.filename:
            raise InputError(f"{path} holds {entry.filename[:80]!r}, which lies outside the set.")
        if target in names:
            raise InputError(f"{path} holds {entry.filename[:80]!r} twice, and which one is meant cannot be told; pack it again.")
        names.add(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(entry) as source, open(target, "wb") as out:
                left = entry.file_size  # a ZIP may lie about it: never write more than announced
                while left > 0 and (block := source.read(min(1 << 20, left))):
                    out.write(block)
                    left -= len(block)
        except OSError as error:
            if error.errno in NAMES_AT_FAULT:
                raise InputError(f"{path}: {entry.filename[:80]!r} cannot be unpacked ({error.strerror}); pack it again.") from error
            raise InputError(f"{path} cannot be unpacked here: {error.strerror or error}; make room and try again.") from error
        # zipfile's own errors: of a compression it does not know, and of an encrypted member, the last two.
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise InputError(f"{path}: {entry.filename[:80]!r} cannot be unpacked ({error}); pack it again.") from error


def read_or_describe(folder: Path) -> dict:
    """`read_set`, or for pictures with a manifest.csv alone the record that freezes them as they are; nothing is written.

    The kind follows from the manifest: a mix where a row has a role, a morph where one has a position, else samples. Its columns
    generator and licence, where there are such, say who made them.
    """
    folder = Path(folder)
    if (folder / "set.json").exists():
        return read_set(folder)
    rows = manifest_rows(folder)
    names = [row["path"] or "" for row in rows]
    absent = [name for name in names if not _is_inside(folder, name)]
    if absent or not rows:
        found = f"no picture {', '.join(absent[:5])}" if absent else "no row"
        raise InputError(f"{folder} is no image set: of its manifest.csv it has {found}. Pack the pictures under the paths that it names.")
    kind = "mix" if any(row.get("role") for row in rows) else "morph" if any(row.get("position") for row in rows) else "sample"
    images = {name: file_sha256(folder / name) for name in names}
    manifest = file_sha256(folder / "manifest.csv")
    said = {key: " and ".join(sorted({row[key] for row in rows if row.get(key)}))[:120] for key in ("generator", "licence")}
    maker = {"name": said["generator"] or "unnamed generator", **({"licence": said["licence"]} if said["licence"] else {})}
    digest = frozen_hash(kind=kind, plan={}, weights=None, images=images, manifest=manifest)
    return {"schema": SCHEMA, "set_hash": digest, "kind": kind, "generator": maker, "plan": {}, "manifest_sha256": manifest, "images": images}


def manifest_rows(folder: Path) -> list[dict]:
    """Rows of a set's manifest.csv, which has a column path; InputError when it is missing or cannot be read."""
    path = folder / "manifest.csv"
    if not path.is_file():
        raise InputError(f"{folder} is no image set: it has neither set.json nor manifest.csv (item, class, path).")
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            rows, columns = list(reader), reader.fieldnames or []
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as UTF-8 CSV: {error}.") from error
    if missing := [name for name in COLUMNS if name not in columns]:
        raise InputError(f"{path} needs the columns {', '.join(COLUMNS)}; it lacks {', '.join(missing)}.")
    return rows


def _is_inside(folder: Path, name: str) -> bool:
    return bool(name) and (folder / name).resolve().is_relative_to(folder.resolve()) and (folder / name).is_file()


def read_set(folder: Path) -> dict:
    """set.json of a set folder, every hash checked; InputError names what differs."""
    folder = Path(folder)
    content = _record(folder)
    wrong = [name for name, sha in content["images"].items() if not _unchanged(folder, name, sha)]
    if not (folder / "manifest.csv").is_file() or file_sha256(folder / "manifest.csv") != content["manifest_sha256"]:
        wrong.append("manifest.csv")
    if wrong:
        raise InputError(f"{folder} differs from its set.json in {', '.join(wrong[:5])}; it is not the frozen set.")
    digest = frozen_hash(
        kind=content["kind"], plan=content["plan"], weights=content["generator"].get("weights"),
        images=content["images"], manifest=content["manifest_sha256"],
    )  # fmt: skip
    if content.setdefault("set_hash", digest) != digest:
        raise InputError(
            f"{folder}/set.json says set {str(content['set_hash'])[:12]}; its content makes {digest[:12]}: "
            "kind, plan, weights or the list of pictures were changed after it was frozen."
        )
    return content


def _record(folder: Path) -> dict:
    path = folder / "set.json"
    if not path.is_file():
        raise InputError(f"{folder} is not an image set: it has no set.json.")
    try:
        if path.stat().st_size > MAX_RECORD_BYTES:
            raise InputError(f"{path} is larger than {MAX_RECORD_BYTES >> 20} MiB, which no set needs.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder} is not an image set: set.json cannot be read ({error}).") from error
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path} has schema {schema!r}, not {SCHEMA!r}.")
    if missing := [key for key in NEEDED if key not in content]:
        raise InputError(f"{path} lacks {', '.join(missing)}; an image set needs {', '.join(NEEDED)}.")
    for key in ("generator", "plan", "images"):
        if not isinstance(content[key], dict):
            raise InputError(f"{path} needs {key} as an object; found {type(content[key]).__name__}.")
    if content["kind"] not in KINDS:
        raise InputError(f"{path} says kind {content['kind']!r}; there are {', '.join(KINDS)}.")
    if not content["images"]:
        raise InputError(f"{path} lists no pictures.")
    return content


def _unchanged(folder: Path, name: str, sha256: str) -> bool:
    return _is_inside(folder, name) and file_sha256(folder / name) == sha256
