"""A large ZIP that arrives in pieces, so that a line that drops costs one of them and the rest goes on from there."""

import fcntl
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError

from imagebank.models import Study

from .uploads import (
    ARRIVING,
    KEPT_S,
    LOOKED_AT,
    forget_drafts,
    kept_upload,
    settle_upload,
    standing_upload,
    uploads_folder,
)

SALT = "a-zip-in-pieces"
GONE = "The part that was sent is no longer there. Upload it from the beginning."
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


@dataclass(frozen=True)
class Arrival:
    """A ZIP on its way: of which study (its key), from whom (theirs), kept under which name; `name` and `size` as its sender said."""

    study: int
    user: int
    kept: str
    name: str
    size: int

    @property
    def token(self) -> str:
        """Names it between requests, for its sender alone."""
        return signing.dumps(asdict(self), salt=SALT)


def begin_arrival(*, study: Study, user, name: str, size: int) -> Arrival:
    """Make place for a ZIP of `size` bytes. Raises ValidationError where it cannot fit, or is none by its name."""
    if not name.lower().endswith(".zip"):
        raise ValidationError(f"Choose a ZIP file; {name or 'what was sent'} is none.")
    forget_drafts()
    require_room(name=name, size=size)
    handle, path = tempfile.mkstemp(dir=uploads_folder(), suffix=ARRIVING)
    os.close(handle)
    return Arrival(study.pk, user.pk, Path(path).name, name, size)


def arrival_of(token: str, *, user) -> Arrival:
    """What a token names. One that is not this person's, or too old, raises ValidationError."""
    try:
        arrival = Arrival(**signing.loads(token, salt=SALT, max_age=KEPT_S))
    except signing.BadSignature as error:
        raise ValidationError(GONE) from error
    if arrival.user != user.pk:
        raise ValidationError(GONE)
    return arrival


def received_of(arrival: Arrival) -> int:
    """How many bytes have come. Raises ValidationError when the file is gone."""
    return kept_upload(arrival.kept).stat().st_size


def add_piece(*, arrival: Arrival, offset: int, piece) -> int:
    """Add an uploaded piece that begins at byte `offset`; returns how many bytes have come.

    A piece that begins elsewhere raises WrongPlace; one that is too long, or cannot be written, raises ValidationError. Then
    the file is as it was.
    """
    with kept_upload(arrival.kept).open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        received = file.seek(0, os.SEEK_END)
        if offset != received:
            raise WrongPlace(received)
        if piece.size > PIECE_BYTES or received + piece.size > arrival.size:
            raise ValidationError(
                f"A piece of at most {PIECE_BYTES:,} bytes within {arrival.size:,} was needed; this one ends at {received + piece.size:,}."
            )
        try:
            for chunk in piece.chunks():
                file.write(chunk)
            file.flush()
        except OSError as error:
            file.truncate(received)
            raise ValidationError(f"The upload could not be kept: {error.strerror}. Make room and go on.") from error
        return file.tell()


def finish_arrival(arrival: Arrival) -> str:
    """The name of the whole ZIP as an upload that was never sent in pieces has one. Raises ValidationError when some is missing."""
    received = standing_upload(arrival.kept, suffix=LOOKED_AT).stat().st_size
    if received != arrival.size:
        raise ValidationError(f"The ZIP has {arrival.size:,} bytes, of which {received:,} have come. Choose it again to go on.")
    return settle_upload(arrival.kept, suffix=LOOKED_AT)
