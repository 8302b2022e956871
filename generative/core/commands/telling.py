"""How far a command is: a bar on a terminal, and a small file for a page to read; and what may follow it."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path

WRITE_EVERY_S = 0.2


class Stages:
    """What is being done, how much of it and of how much: told by calls (what, done, total). `path`: the file, if any; it goes
    when the work ends."""

    def __init__(self, path: Path | None = None):
        self.path, self.what, self.bar, self.written = path, None, None, 0.0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        if self.bar is not None:
            self.bar.close()

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        another = self.what != what
        if another:
            if self.bar is not None:
                self.bar.close()
            self.what, self.bar = what, tqdm(total=total, desc=what, disable=not sys.stderr.isatty())
        self.bar.update(done - self.bar.n)
        if self.path is not None and (another or done == total or time.monotonic() - self.written > WRITE_EVERY_S):
            save_json(self.path, {"what": what, "done": done, "total": total})
            self.written = time.monotonic()


def suggest(*words: object) -> None:
    """The command that usually follows, ready to be copied."""
    print(f"Next: python -m generative.core {shlex.join(map(str, words))}")


def save_json(path: Path, content: dict) -> None:
    from generative.core.networks.weights import atomic_file

    with atomic_file(path) as work:
        work.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
