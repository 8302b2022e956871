"""The analysis plan: what was decided before the answers were seen."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError

MISSING_RULES = ("incorrect", "excluded")


@dataclass(frozen=True)
class Plan:
    """Decisions of the primary analysis.

    confidence_level: of every interval. completion_threshold: share of answers that a complete sitting exceeds.
    missing: a blank counts as "incorrect" or is "excluded". primary: (model, group, view) of the contrasts that Holm's
    method adjusts together; empty means all. sha256: of the plan's file.
    """

    confidence_level: float = 0.95
    completion_threshold: float = 0.95
    missing: str = "incorrect"
    primary: tuple[tuple[str, str, str], ...] = ()
    sha256: str = ""

    def __post_init__(self):
        if not 0 < self.confidence_level < 1:
            raise InputError(f"confidence_level must lie between 0 and 1; it is {self.confidence_level}.")
        if not 0 <= self.completion_threshold < 1:
            raise InputError(f"completion_threshold must be at least 0 and below 1; it is {self.completion_threshold}.")
        if self.missing not in MISSING_RULES:
            raise InputError(f'missing must be one of {", ".join(MISSING_RULES)}; it is "{self.missing}".')


def read_plan(path: Path | str) -> Plan:
    """Read analysis.toml. A file that is not TOML, or a value that means nothing, raises InputError."""
    try:
        data = Path(path).read_bytes()
        document = tomllib.loads(data.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The plan {path} cannot be read as TOML: {error}.") from error
    rules, primary = document.get("data", {}), document.get("primary", {})
    try:
        contrasts = tuple((c["model"], c["group"], c.get("view", "")) for c in primary.get("contrasts", []))
    except KeyError as error:
        raise InputError(f"Every primary contrast of {path} needs model and group; {error} is missing.") from error
    return Plan(
        confidence_level=document.get("confidence_level", 0.95),
        completion_threshold=rules.get("completion_threshold", 0.95),
        missing=rules.get("missing", "incorrect"),
        primary=contrasts,
        sha256=hashlib.sha256(data).hexdigest(),
    )
