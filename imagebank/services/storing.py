"""Files named by their content: written once, whole or not at all, and found again by a run that was interrupted."""

import hashlib
import os
import tempfile
from pathlib import Path

from django.core.files.storage import default_storage

from .locks import locked


def store_bytes(*, folder: str, suffix: str, data: bytes) -> str:
    """Write `data` below `folder` of the media store under its SHA-256 and return the stored name.

    The file appears under its name only when complete (temporary file, then rename), so a process that is killed
    leaves nothing that looks finished; the same content is written once.
    """
    digest = hashlib.sha256(data).hexdigest()
    name = f"{folder}/{digest[:2]}/{digest}{suffix}"
    target = Path(default_storage.path(name))
    target.parent.mkdir(parents=True, exist_ok=True)
    with locked(target.parent):
        if target.exists():
            os.utime(target)  # wanted anew: `remove_stored` leaves it until its row can be seen
            return name
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    return name


def remove_stored(path: Path, *, wanted_after: float) -> bool:
    """Remove the file unless it was stored again after that moment (seconds); returns whether it is gone."""
    if not path.parent.is_dir():
        return True
    with locked(path.parent):
        if path.exists() and path.stat().st_mtime > wanted_after:
            return False
        path.unlink(missing_ok=True)
    return True
