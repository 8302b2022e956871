"""On what the networks run: a processor or a GPU, chosen here for every command."""

from __future__ import annotations

import os
import re

from generative.core.errors import InputError

DEVICES = "auto (a GPU where there is one), cpu, cuda (cuda:1 is the second GPU)"


def device_of(name: str) -> str:
    """auto is a GPU where there is one; a device that cannot be used is refused. Under torchrun every process has the GPU of its
    own number, whose memory alone it may touch."""
    import torch

    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", name):
        raise InputError(f"There is no device {name!r}; give --device {DEVICES}.")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not name.startswith("cuda"):
        return name
    own, count = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        if name != "cuda" or own >= count > 0:
            raise InputError(
                f"torchrun gives every process a GPU of its own: --device cuda or auto, and one process (--nproc-per-node) per GPU; "
                f"found --device {name}, process {own + 1} and {count} GPUs."
            )
        name = f"cuda:{own}"
    elif int(name.partition(":")[2] or 0) >= count > 0:
        raise InputError(f"--device {name} was asked for; this machine's {count} GPU{'s count' if count > 1 else ' counts'} from cuda:0.")
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().splitlines()[0].rstrip(".")
        raise InputError(f"A GPU was asked for (--device {name}) and cannot be used here ({reason}); use --device cpu.") from error
    return name


def device_in_words(name: str) -> str:
    """What a set says of what it was made on: cpu, or the GPU's own name."""
    import torch

    return torch.cuda.get_device_name(name) if name.startswith("cuda") else name
