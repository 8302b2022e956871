"""Reading what another process appends to a file of JSON lines."""

import json
from pathlib import Path


class EventTail:
    """The events that come into a file from now on."""

    def __init__(self, path: Path):
        self.path = path
        self.position = path.stat().st_size if path.exists() else 0

    def read(self) -> list[dict]:
        """New whole lines since the last call."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(self.position)
            whole, _, _ = file.read().rpartition(b"\n")
        self.position += len(whole) + 1 if whole else 0
        return [json.loads(line) for line in whole.splitlines() if line]
