"""Files named by their content: written once, whole or not at all, and found again by a run that was interrupted.

They lie below MEDIA_ROOT or, where the site has a bucket, in it. Then MEDIA_ROOT holds copies of those that a program needed as
files, and folders that serve as locks.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models.fields.files import FieldFile

from .locks import locked

BUCKET_CLOCK_S = 2  # it tells whole seconds, by a clock of its own


class StoreAway(OSError):
    """The store of files cannot be reached; says so in one sentence for the administrator."""


def store_bytes(*, folder: str, suffix: str, data: bytes) -> str:
    """Write `data` below `folder` of the media store under its SHA-256 and return the stored name.

    The file appears under its name only when complete, so a process that is killed leaves nothing that looks finished; the
    same content is stored once. Raises StoreAway when there is a bucket and it does not answer.
    """
    digest = hashlib.sha256(data).hexdigest()
    name = f"{folder}/{digest[:2]}/{digest}{suffix}"
    place = _place(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(place.parent):
        if settings.AWS_STORAGE_BUCKET_NAME:  # sent even if it is there: `remove_stored` sees that it is wanted anew
            default_storage.save(name, ContentFile(data))
        elif place.exists():
            os.utime(place)  # wanted anew: `remove_stored` leaves it until its row can be seen
        else:
            _write(place, data)
    return name


def local_file(stored: FieldFile) -> Path:
    """The stored file as a file of this machine, for programs that read paths; a bucket's is copied here the first time.

    A file that is missing from the store is missing at the path, too.
    """
    place = _place(stored.name)
    if settings.AWS_STORAGE_BUCKET_NAME and not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with default_storage.open(stored.name) as file:
                data = file.read()
        except FileNotFoundError:
            return place
        with locked(place.parent):
            _write(place, data)
    return place


def stored_at(name: str) -> float:
    """The latest moment at which the file may have been stored, in seconds. Raises FileNotFoundError when it is gone."""
    known_to_s = BUCKET_CLOCK_S if settings.AWS_STORAGE_BUCKET_NAME else 0
    return default_storage.get_modified_time(name).timestamp() + known_to_s


def remove_stored(name: str, *, wanted_after: float) -> bool:
    """Remove the file unless it was stored again after that moment (seconds); returns whether it is gone."""
    place = _place(name)
    if not settings.AWS_STORAGE_BUCKET_NAME and not place.parent.is_dir():
        return True
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(place.parent):
        try:
            if stored_at(name) > wanted_after:
                return False
        except FileNotFoundError:
            pass
        else:
            default_storage.delete(name)
        place.unlink(missing_ok=True)
    return True


def _place(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name


def _write(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
