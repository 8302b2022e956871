"""The child process that touches an untrusted file: few resources, no environment, no torch.

Called as `worker SOURCE FOLDER`: writes draft.json and one safetensors file per part, or refused.json.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path

REFUSED = 3
DAMAGED = (IndexError, KeyError, TypeError, ValueError, AttributeError, OverflowError, ZeroDivisionError)


def limit_resources(source_bytes: int) -> None:
    """Memory, written bytes, processor seconds and open files in proportion to the file. A published file of 100 MiB takes 2 s."""
    mib = 1 << 20
    for what, most in (
        (resource.RLIMIT_AS, 512 * mib + 8 * source_bytes),
        (resource.RLIMIT_FSIZE, 64 * mib + 4 * source_bytes),
        (resource.RLIMIT_CPU, 60 + source_bytes // (8 * mib)),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def main() -> int:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    limit_resources(source.stat().st_size)
    from safetensors.numpy import save_file

    from generative.core.importers.formats import interpret
    from generative.core.importers.machine import Refused

    try:
        draft = interpret(source.read_bytes())
        description = {name: getattr(draft, name) for name in ("format", "facts", "classes", "average_rows")}
        told = json.dumps(description)
    except (Refused, MemoryError, RecursionError, *DAMAGED) as error:
        spent = "spends" if isinstance(error, MemoryError | RecursionError) else "no such network has, and that ends in"
        found = str(error) if isinstance(error, Refused) else f"content that {spent} {type(error).__name__}"
        (folder / "refused.json").write_text(json.dumps({"found": found}))
        return REFUSED
    for part, state in draft.parts.items():
        save_file(state, folder / f"{part}.safetensors")
    (folder / "draft.json").write_text(told)
    return 0


if __name__ == "__main__":
    os._exit(main())
