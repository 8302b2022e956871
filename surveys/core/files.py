"""Designs on disk: written whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .design import Design
from .shape import DesignError


def read_design(path: str | Path) -> Design:
    """The design in a design.json; DesignError when the file cannot be read or holds none."""
    return Design.from_json(_read_text(path))


def read_document(path: str | Path) -> dict[str, Any]:
    """The JSON object in a file, e.g. the design of a rating study; DesignError when there is none."""
    try:
        document = json.loads(_read_text(path))
    except ValueError as error:
        raise DesignError(f"{path} is no JSON: {error}.") from None
    if not isinstance(document, dict):
        raise DesignError(f"{path} should hold a JSON object; it holds a {type(document).__name__}.")
    return document


def _read_text(path: str | Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
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
