"""On which device a job computes: the one that was asked for with it, or else its worker's own."""

import re

from django.conf import settings
from django.core.exceptions import ValidationError


def device_asked(name: str) -> dict[str, str]:
    """What a job's payload says of it; nothing where none was asked for. Whether there is such a GPU, only the worker can tell."""
    if name and not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", name):
        raise ValidationError(f"There is no device {name!r}; there are auto, cpu and cuda (cuda:1 is the second GPU).")
    return {"device": name} if name else {}


def device_of(payload: dict) -> str:
    return payload.get("device") or settings.NETWORK_DEVICE
