"""How bad input is told: one clear sentence, and every bad row of a file at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with one place of a file; `line` counts from 1 and includes the header."""

    line: int | None
    column: str | None
    message: str

    def __str__(self) -> str:
        place = ", ".join(
            part
            for part in (f"line {self.line}" if self.line else "", f'column "{self.column}"' if self.column else "")
            if part
        )
        return f"{place}: {self.message}" if place else self.message


class InputError(ValueError):
    """Input that cannot be analysed. `problems` lists all of them, in the order of the file."""

    def __init__(self, summary: str, problems: tuple[Problem, ...] | list[Problem] = ()):
        self.summary = summary
        self.problems = tuple(problems)
        super().__init__("\n".join([summary, *(f"  {problem}" for problem in self.problems)]))


class NotConverged(RuntimeError):
    """A likelihood was not maximised; no estimate is given."""
