"""Uploaded files, kept from the request that brings them until the work on them is done."""

import os
import tempfile
import time
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ValidationError

LOOKED_AT, DRAFTED = ".draft.zip", ".draft.csv"  # ZIPs that nobody imported yet, and manifests drafted for them
ARRIVING = ".arriving"  # ZIPs of which not all pieces have come
DRAFTS, KEPT_S = (LOOKED_AT, DRAFTED, ".draft.json", ARRIVING), 24 * 3600  # what is kept of them, and how long


def uploads_folder() -> Path:
    folder = Path(settings.VAR_DIR) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def keep_upload(upload, *, suffix: str) -> str:
    """Keep an uploaded file; returns the name under which `kept_upload` finds it.

    What cannot be written raises ValidationError, and then nothing of it stays.
    """
    handle, partial = tempfile.mkstemp(dir=uploads_folder(), suffix=".part")
    whole = Path(partial).with_suffix(suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            for chunk in upload.chunks():
                file.write(chunk)
        os.rename(partial, whole)
    except OSError as error:
        raise ValidationError(f"The upload could not be kept: {error.strerror}. Make room and send it again.") from error
    finally:
        Path(partial).unlink(missing_ok=True)  # half a file would fill the disk that it did not fit on
    return whole.name


def kept_upload(name: str) -> Path:
    """The file of an upload. Raises ValidationError when it is gone."""
    path = uploads_folder() / Path(name).name
    if not path.is_file():
        raise ValidationError("The uploaded file is no longer there. Upload it again.")
    return path


def settled_name(name: str, *, suffix: str) -> str:
    """The name of a kept upload once it has another kind."""
    return Path(name).name.split(".", 1)[0] + suffix


def settle_upload(name: str, *, suffix: str) -> str:
    """Give a kept upload another kind, which `forget_drafts` leaves alone; returns its new name. Again changes nothing."""
    path = standing_upload(name, suffix=suffix)
    return path.rename(path.with_name(settled_name(name, suffix=suffix))).name


def standing_upload(name: str, *, suffix: str) -> Path:
    """The file of an upload that may have been settled as `suffix` before. Raises ValidationError when it is gone."""
    settled = uploads_folder() / settled_name(name, suffix=suffix)
    return settled if settled.is_file() else kept_upload(name)


def forget_upload(name: str) -> None:
    """Remove a kept upload, if it is there."""
    (uploads_folder() / Path(name).name).unlink(missing_ok=True)


def forget_uploads(*, suffix: str, after_s: float) -> None:
    """Remove uploads of one kind that were kept for longer than that many seconds."""
    for old in uploads_folder().glob(f"*{suffix}"):
        if time.time() - old.stat().st_mtime > after_s:
            old.unlink(missing_ok=True)


def forget_drafts() -> None:
    """Remove what was uploaded and drafted for longer than KEPT_S and was not imported."""
    for suffix in DRAFTS:
        forget_uploads(suffix=suffix, after_s=KEPT_S)
