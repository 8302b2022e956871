"""Versions that decide the numbers and the drawings."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from functools import cache
from pathlib import Path

PACKAGES = ("numpy", "pandas", "scipy", "matplotlib")
CORES = ("benchmark/core", "imagebank/core")  # what computes, and how it reads tables


def versions() -> dict[str, str]:
    """Of this program, by what its files hold, of Python, and of the packages."""
    return {
        "diptych": program_sha256()[:12],
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


@cache
def program_sha256() -> str:
    """SHA-256 of the names and bytes of every file of the program: another text is another version, without a number for it."""
    home = Path(__file__).parents[2]
    found = hashlib.sha256()
    for path in sorted(path for core in CORES for path in (home / core).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(f"{path.relative_to(home).as_posix()}\n".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
