"""Results of one analysis: the content of results.json, and nothing that is not in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError

SCHEMA = "results/1"
RATINGS_SCHEMA = "ratings/1"
SECTIONS_FIRST = ("accuracy", "paired", "new_images", "confusion", "agreement")


@dataclass(frozen=True)
class Results:
    """`content` is plain JSON data: facts about the analysis, and sections, each a list of flat records."""

    content: Mapping[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.content[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.content.get(key, default)

    def records(self, section: str, **wanted: Any) -> list[dict[str, Any]]:
        """Records of a section whose fields equal `wanted`; a section that is not there has none."""
        return [r for r in self.content.get(section, []) if all(r.get(k) == v for k, v in wanted.items())]

    @property
    def sections(self) -> tuple[str, ...]:
        """Names of the sections, the contract's own first."""
        names = [
            name
            for name, value in self.content.items()
            if isinstance(value, list) and value and isinstance(value[0], dict)
        ]
        return tuple(
            sorted(names, key=lambda n: SECTIONS_FIRST.index(n) if n in SECTIONS_FIRST else len(SECTIONS_FIRST))
        )

    @property
    def is_simulated(self) -> bool:
        return bool(self.content["simulated"])

    def to_json(self) -> str:
        """The text of results.json: the same bytes for the same analysis. A NaN in it raises ValueError."""
        return json.dumps(self.content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Results:
        content = json.loads(text)
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise InputError(f'results.json with "schema": "{SCHEMA}" was needed; another document was found.')
        return cls(content)

    @classmethod
    def read(cls, path: str | PathLike) -> Results:
        try:
            return cls.from_json(Path(path).read_text(encoding="utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(f"A results.json was needed; {Path(path).name} could not be read as one ({error}).") from error


PLAIN = frozenset((str, int, bool, type(None)))


def plain(value: Any) -> Any:
    """Numpy scalars, arrays and tuples as plain JSON data. NaN and infinity are refused: None with a why is meant."""
    kind = type(value)  # tens of thousands of values, most of them plain already
    if kind in PLAIN:
        return value
    if kind is not float and (kind is dict or isinstance(value, Mapping)):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("A result is not a finite number; it must be null with a why.")
    return value
