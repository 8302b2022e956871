"""Where pictures and their manifest come from: a folder or a ZIP. Nothing outside it can be read, and nothing in it is
ever unpacked to a path that it names."""

import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.exceptions import ValidationError

MANIFEST_NAME = "manifest.csv"
MANIFEST_MAX_BYTES = 64 * 2**20
MAX_FILES = 250_000
LITTER = {"thumbs.db", "desktop.ini"}
DRAFT_IT = "Add one, or let the site or `manage.py draft_manifest` draft it from folders and tables."


class UnreadableFile(ValueError):
    """A file that a manifest names cannot be read; the message says why."""


def safe_relative(path: str) -> PurePosixPath:
    """`path` as a relative path that stays inside its folder. Backslashes count as separators.

    Raises UnreadableFile for absolute paths, drive letters, and any "..".
    """
    relative = PurePosixPath(path.strip().replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or ":" in path or "\x00" in path or not relative.parts:
        raise UnreadableFile(f'"{path}" must be a path inside the folder of the manifest.')
    return relative


def _named(info: zipfile.ZipInfo) -> str:
    """A member's name. Many systems write UTF-8 without saying so, which then is read as the letters of an old PC; letters of
    an old PC are hardly ever UTF-8."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _composed(name: str) -> str:
    """A name with its accents and slashes as spreadsheets write them; some systems store a letter and its accent apart,
    or part folders by backslashes, or begin every name with "./"."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/"))
    return str(PurePosixPath(name)) if "./" in name or "//" in name else name


def _whole(manifest: bytes, name: str) -> bytes:
    """The manifest, unless it is longer than was read: half of one must not be taken for all."""
    if len(manifest) > MANIFEST_MAX_BYTES:
        raise ValidationError(
            f"The manifest of {name} may have at most {MANIFEST_MAX_BYTES:,} bytes; it has more. Split it into several."
        )
    return manifest


def _is_litter(name: str) -> bool:
    """Whether a file is none that a person put there: what systems and editors leave beside pictures."""
    parts = name.split("/")
    return parts[-1].lower() in LITTER or any(part.startswith((".", "__MACOSX")) for part in parts)


def _not_too_many(count: int, name: str) -> None:
    if count > MAX_FILES:
        raise ValidationError(f"{name} has {count:,} files; at most {MAX_FILES:,} are accepted.")


class FolderSource:
    """A folder with pictures in it or below it, and mostly a manifest at its top."""

    def __init__(self, folder: Path, manifest: str = MANIFEST_NAME):
        self.root = folder.resolve()
        self.name = manifest if (self.root / manifest).is_file() else self.root.name
        self._manifest = self.root / manifest

    @property
    def has_manifest(self) -> bool:
        return self._manifest.is_file()

    def encrypted(self) -> int:
        return 0

    def names(self) -> list[str]:
        """All files as paths that `read` takes, in the order of their names."""
        found = [path for path in self.root.rglob("*") if path.is_file() and path.resolve().is_relative_to(self.root)]
        _not_too_many(len(found), self.name)
        names = sorted(path.relative_to(self.root).as_posix() for path in found)
        return [name for name in names if not _is_litter(name)]

    def manifest_bytes(self) -> bytes:
        if not self.has_manifest:
            raise ValidationError(f"{self.name} has no {MANIFEST_NAME}. {DRAFT_IT}")
        return self.table_bytes(self._manifest.name)

    def table_bytes(self, name: str) -> bytes:
        """A whole CSV file. One that is too long raises ValidationError."""
        return _whole(self._read(self.root / safe_relative(name), MANIFEST_MAX_BYTES + 1), name)

    def read(self, path: str) -> bytes:
        """The bytes of one picture, at most one more than settings.IMAGE_MAX_BYTES. Raises UnreadableFile."""
        target = (self.root / safe_relative(path)).resolve()
        if not target.is_relative_to(self.root):
            raise UnreadableFile(f'"{path}" leads out of the folder of the manifest.')
        if not target.is_file():
            raise UnreadableFile(f'"{path}" is not there. Paths are relative to the manifest.')
        return self._read(target, settings.IMAGE_MAX_BYTES + 1)

    @staticmethod
    def _read(path: Path, limit: int) -> bytes:
        with path.open("rb") as file:
            return file.read(limit)


class ZipSource:
    """A ZIP of pictures, mostly with manifest.csv at its top or in the one folder there. Members are read, never unpacked."""

    def __init__(self, archive: zipfile.ZipFile, name: str):
        self.name = name
        self._archive = archive
        self._members = {_composed(_named(info)): info for info in archive.infolist() if not info.is_dir()}
        _not_too_many(len(self._members), name)
        self._root, self.has_manifest = self._find_root()

    def names(self) -> list[str]:
        """All files as paths that `read` takes, in the order of their names."""
        above = "" if self._root == PurePosixPath() else f"{self._root}/"
        inside = sorted(name.removeprefix(above) for name in self._members if name.startswith(above))
        return [name for name in inside if not name.startswith("/") and not _is_litter(name)]

    def manifest_bytes(self) -> bytes:
        if not self.has_manifest:
            raise ValidationError(f"{self.name} needs a {MANIFEST_NAME} at its top; none was found. {DRAFT_IT}")
        return _whole(self._read_member(str(self._root / MANIFEST_NAME), MANIFEST_MAX_BYTES + 1), self.name)

    def table_bytes(self, name: str) -> bytes:
        """A whole CSV file. One that is too long raises ValidationError."""
        return _whole(self._read_member(str(self._root / safe_relative(name)), MANIFEST_MAX_BYTES + 1), name)

    def read(self, path: str) -> bytes:
        """The bytes of one picture, at most one more than settings.IMAGE_MAX_BYTES. Raises UnreadableFile."""
        return self._read_member(str(self._root / safe_relative(path)), settings.IMAGE_MAX_BYTES + 1)

    def encrypted(self) -> int:
        """How many files can only be read with a password."""
        return sum(info.flag_bits & 0x1 for info in self._members.values())

    def bytes_of_tables(self) -> int:
        """How long its tables are together, a workbook as long as it unpacks at most."""
        return sum(info.file_size * (1 if name.lower().endswith(".csv") else 10)
                   for name, info in self._members.items() if name.lower().endswith((".csv", ".tsv", ".xlsx")))  # fmt: skip

    def _find_root(self) -> tuple[PurePosixPath, bool]:
        """The folder that paths count from, and whether a manifest lies in it."""
        named = [PurePosixPath(name) for name in self._members if name.endswith(MANIFEST_NAME)]
        found = [path.parent for path in named if path.name == MANIFEST_NAME and len(path.parts) <= 2]
        if found:
            return min(found, key=lambda folder: len(folder.parts)), True
        return PurePosixPath(), False

    def _read_member(self, name: str, limit: int) -> bytes:
        info = self._members.get(_composed(name))
        if info is None:
            raise UnreadableFile(f'"{name}" is not in the ZIP. Paths are relative to the manifest.')
        if info.flag_bits & 0x1:
            raise UnreadableFile(f'"{name}" is encrypted. Make the ZIP without a password.')
        if stat.S_ISLNK(info.external_attr >> 16):
            raise UnreadableFile(f'"{name}" is a link, not a file.')
        try:
            with self._archive.open(info) as member:
                return member.read(limit)  # stops there, however much the member would unpack to
        except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError) as error:
            raise UnreadableFile(f'"{name}" cannot be read from the ZIP ({error}).') from error
        except Exception as error:  # zlib and lzma raise errors of their own for damaged data
            raise UnreadableFile(f'"{name}" is damaged in the ZIP.') from error


@contextmanager
def open_source(path: Path, name: str = "") -> Iterator[FolderSource | ZipSource]:
    """Open pictures with or without a manifest: a CSV file, a folder, or a ZIP. Raises ValidationError for anything else.

    name: what messages call a ZIP that is kept under another name.
    """
    if path.is_dir():
        yield FolderSource(path)
        return
    if not path.is_file():
        raise ValidationError(f"{path} is not there. Give a manifest, a folder with {MANIFEST_NAME}, or a ZIP.")
    if path.suffix.lower() == ".csv":
        yield FolderSource(path.parent, path.name)
        return
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValidationError(
            f"{name or path.name} is neither a CSV file nor a readable ZIP ({error}). Make the ZIP anew; RAR and 7z are not read."
        ) from error
    with archive:
        yield ZipSource(archive, name or path.name)
