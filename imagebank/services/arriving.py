"""A large ZIP that arrives in pieces, so that a line that drops costs one of them and the rest goes on from there."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

from .uploads import ARRIVING, LOOKED_AT, forget_drafts, kept_upload, settle_upload, standing_upload, uploads_folder

PIECE_BYTES = 8 * 2**20  # one request: below what servers in front take, and little to send again
SPARE_BYTES = 256 * 2**20  # left on the disk for everything else


class WrongPlace(Exception):
    """A piece does not begin where the file ends: it came twice, or one before it was lost. `received`: where it ends."""

    def __init__(self, received: int):
        self.received = received
        super().__init__(received)


def most_bytes_now() -> int:
    """How long a ZIP may be: what the setting allows, or what the disk has room for."""
    return max(0, min(settings.ARCHIVE_MAX_BYTES, shutil.disk_usage(uploads_folder()).free - SPARE_BYTES))


def require_room(*, name: str, size: int) -> None:
    """Raise ValidationError where a ZIP of that size cannot be taken in."""
    most = most_bytes_now()
    if size > most:
        why = "may be sent at once" if most == settings.ARCHIVE_MAX_BYTES else "fit on the server's disk now"
        raise ValidationError(
            f"At most {in_words(most)} {why}; {name[:120]} has {in_words(size)}. Make several ZIPs of it and import them one after another, "
            "or ask the administrator for room."
        )


def in_words(size: int) -> str:
    """A size in the unit that people say, as file managers write it."""
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} GB".replace(".0 GB", " GB")


def begin_arrival(*, name: str, size: int) -> str:
    """Make place for a ZIP of `size` bytes; returns the name that its pieces go to. Raises ValidationError where it cannot fit."""
    forget_drafts()
    require_room(name=name, size=size)
    handle, path = tempfile.mkstemp(dir=uploads_folder(), suffix=ARRIVING)
    os.close(handle)
    return Path(path).name


def received_of(kept: str) -> int:
    """How many bytes have come. Raises ValidationError when the file is gone."""
    return kept_upload(kept).stat().st_size


def add_piece(*, kept: str, size: int, offset: int, piece) -> int:
    """Add an uploaded piece that begins at byte `offset` of a ZIP of `size` bytes; returns how many bytes have come.

    A piece that begins elsewhere raises WrongPlace; one that is too long, or cannot be written, raises ValidationError. Then
    the file is as it was.
    """
    with kept_upload(kept).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        received = file.seek(0, os.SEEK_END)
        if offset != received:
            raise WrongPlace(received)
        if piece.size > PIECE_BYTES or received + piece.size > size:
            raise ValidationError(f"A piece of at most {PIECE_BYTES:,} bytes within {size:,} was needed; this one ends at {received + piece.size:,}.")
        try:
            for chunk in piece.chunks():
                file.write(chunk)
            file.flush()
        except OSError as error:
            file.truncate(received)
            raise ValidationError(f"The upload could not be kept: {error.strerror}. Make room and go on.") from error
        return file.tell()


def finish_arrival(*, kept: str, size: int) -> str:
    """The name of the whole ZIP as an upload that was never sent in pieces has one. Raises ValidationError when some is missing."""
    received = standing_upload(kept, suffix=LOOKED_AT).stat().st_size
    if received != size:
        raise ValidationError(f"The ZIP has {size:,} bytes, of which {received:,} have come. Choose it again to go on.")
    return settle_upload(kept, suffix=LOOKED_AT)
