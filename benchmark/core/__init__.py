"""Benchmark: humans against models, from one long table of readings. Plain Python; importing it loads nothing heavy.

from benchmark.core import analyse, read_readings, write_analysis
results = analyse(read_readings("readings.csv"))
write_analysis(results, "out")
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "InputError": "errors",
    "Problem": "errors",
    "Readings": "inputs.readings",
    "read_readings": "inputs.readings",
    "Predictions": "inputs.predictions",
    "read_predictions": "inputs.predictions",
    "Plan": "plans.plan",
    "CompletionRule": "inputs.completion",
    "Completion": "inputs.completion",
    "complete_sittings": "inputs.completion",
    "Results": "results",
    "analyse": "analysis",
    "write_analysis": "output.writing",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
