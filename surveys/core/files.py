"""Designs on disk: written whole or not at all."""

import os
import tempfile
from pathlib import Path

from .design import Design
from .shape import DesignError


def read_design(path: str | Path) -> Design:
    """The design in a design.json; DesignError when the file cannot be read or holds none."""
    try:
        return Design.from_json(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DesignError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise DesignError(f"{path} is not UTF-8 text (byte {error.start}); a design is JSON in UTF-8.") from None


def write_design(design: Design, path: str | Path) -> None:
    """Write design.json through a temporary file beside it, so that a reader sees the old file or the new one."""
    path = Path(path)
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise DesignError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(design.to_json())
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise DesignError(f"{path} cannot be written: {error.strerror}.") from None
        raise
