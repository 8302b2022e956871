"""Files that are either the old one or the new one, never half of it; and their hashes."""

import csv
import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from models_ml.core.errors import CoreError

try:
    import fcntl
except ImportError:  # a system without such locks; there, what a killed process had begun to write stays
    fcntl = None

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it takes the place of ``path`` in one step.

    A full disk, or any other refusal to write, is one sentence; the former file stands.
    """
    path, part, handle = Path(path), None, None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = _begun(path)
        os.chmod(part, 0o666 & ~_umask())
        yield part
        with open(part, "rb") as written:
            os.fsync(written.fileno())
        os.replace(part, path)
    except BaseException as error:
        if part is not None:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise not_written(path, error) from error
        raise
    finally:
        if handle is not None:
            os.close(handle)


def _begun(path: Path) -> tuple[int | None, Path]:
    """An empty file beside ``path``, locked while it is written: by that ``clear_parts`` tells it from one of a process that died."""
    while True:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        if fcntl is None:
            os.close(handle)
            return None, Path(name)
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # cleared away by another process before it was locked


def clear_parts(folder: Path | str) -> None:
    """Remove what killed processes had begun to write into this folder; what is being written now stays."""
    for part in Path(folder).glob(".*.part") if fcntl else ():
        with suppress(OSError), open(part, "r+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def not_written(path: Path | str, error: OSError) -> CoreError:
    """What to say when a file cannot be written."""
    return CoreError(
        f"{path} could not be written ({error.strerror or error}); what was saved before is kept. Make room, or choose a "
        "folder that may be written to, and start the same command again."
    )


_ASKING = threading.Lock()  # the umask is told by setting it, for the whole process


def _umask() -> int:
    with _ASKING:
        current = os.umask(0o022)
        os.umask(current)
    return current


def read_text(path: Path | str, expected: str) -> str:
    """The file's text; ``expected`` begins the sentence when there is none: "A configuration in TOML was"."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _not_read(path, expected, error) from error


def read_csv(path: Path | str, expected: str) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header, and every row with its line; ``expected`` as in ``read_text``."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            return list(reader.fieldnames or ()), [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _not_read(path, expected, error) from error


def _not_read(path: Path | str, expected: str, error: Exception) -> CoreError:
    reason = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else getattr(error, "strerror", None)
    return CoreError(f"{expected} expected at {path}: {reason or error}.")


def write_text(path: Path | str, text: str) -> None:
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: object) -> None:
    """JSON without NaN: a quantity that is unknown has to be None with a reason beside it."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def spreadsheet_safe(cell: object) -> object:
    """A text cell that a spreadsheet would run as a formula gets a leading apostrophe; numbers pass unchanged."""
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return "'" + cell
    return cell


def plain_text(cell: str | None) -> str:
    """What ``spreadsheet_safe`` was given, without surrounding blanks: for reading files of our own back."""
    text = (cell or "").strip()
    return text[1:] if text[:1] == "'" and text[1:2] in FORMULA_STARTS and len(text) > 1 else text


def write_csv(path: Path | str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with replacing(path) as part, open(part, "w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([spreadsheet_safe(cell) for cell in row] for row in rows)


def sha256_file(path: Path | str) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_json(value: object) -> str:
    """Hash of a value's canonical JSON: equal values give equal hashes on every platform."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
