"""Versions that decide the numbers and the drawings."""

from __future__ import annotations

import importlib.metadata
import platform

PACKAGES = ("numpy", "pandas", "scipy", "matplotlib")


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in PACKAGES}}
