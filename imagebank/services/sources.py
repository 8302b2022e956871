"""Where a manifest and its pictures come from: a folder or a ZIP. Nothing outside it can be read, and nothing in it is
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
ZIP_MAX_ENTRIES = 250_000


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


def _composed(name: str) -> str:
    """A name with its accents as spreadsheets write them; some systems store a letter and its accent apart."""
    return unicodedata.normalize("NFC", name)


def _whole(manifest: bytes, name: str) -> bytes:
    """The manifest, unless it is longer than was read: half of one must not be taken for all."""
    if len(manifest) > MANIFEST_MAX_BYTES:
        raise ValidationError(
            f"The manifest of {name} may have at most {MANIFEST_MAX_BYTES:,} bytes; it has more. Split it into several."
        )
    return manifest


class FolderSource:
    """A manifest in a folder, with its pictures beside or below it."""

    def __init__(self, manifest: Path):
        self.root = manifest.parent.resolve()
        self.name = manifest.name
        self._manifest = manifest

    def manifest_bytes(self) -> bytes:
        return _whole(self._read(self._manifest, MANIFEST_MAX_BYTES + 1), self.name)

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
    """A ZIP with manifest.csv at its top, or in the one folder at its top. Members are read, never unpacked."""

    def __init__(self, archive: zipfile.ZipFile, name: str):
        self.name = name
        self._archive = archive
        self._members = {_composed(info.filename): info for info in archive.infolist() if not info.is_dir()}
        if len(self._members) > ZIP_MAX_ENTRIES:
            raise ValidationError(f"{name} has {len(self._members):,} files; at most {ZIP_MAX_ENTRIES:,} are accepted.")
        self._root = self._find_root()

    def manifest_bytes(self) -> bytes:
        return _whole(self._read_member(str(self._root / MANIFEST_NAME), MANIFEST_MAX_BYTES + 1), self.name)

    def read(self, path: str) -> bytes:
        """The bytes of one picture, at most one more than settings.IMAGE_MAX_BYTES. Raises UnreadableFile."""
        return self._read_member(str(self._root / safe_relative(path)), settings.IMAGE_MAX_BYTES + 1)

    def _find_root(self) -> PurePosixPath:
        found = [
            PurePosixPath(name).parent
            for name in self._members
            if PurePosixPath(name).name == MANIFEST_NAME and len(PurePosixPath(name).parts) <= 2
        ]
        if not found:
            raise ValidationError(f"{self.name} needs a {MANIFEST_NAME} at its top; none was found. Add one.")
        return min(found, key=lambda folder: len(folder.parts))

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
    """Open a manifest: a CSV file, a folder with manifest.csv, or a ZIP. Raises ValidationError for anything else.

    name: what messages call a ZIP that is kept under another name.
    """
    manifest = path / MANIFEST_NAME if path.is_dir() else path
    if not manifest.is_file():
        raise ValidationError(f"{manifest} is not there. Give a manifest, a folder with {MANIFEST_NAME}, or a ZIP.")
    if manifest.suffix.lower() == ".csv":
        yield FolderSource(manifest)
        return
    try:
        archive = zipfile.ZipFile(manifest)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValidationError(f"{name or manifest.name} is neither a CSV file nor a readable ZIP ({error}).") from error
    with archive:
        yield ZipSource(archive, name or manifest.name)
