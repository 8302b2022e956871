"""What a command did: a line for the person at the terminal, and the same as JSON for a script."""

import json
import sys
from dataclasses import dataclass, field

from django.core.management.base import BaseCommand, CommandParser


@dataclass(frozen=True)
class Outcome:
    """text: what a person reads. facts: what `--json` prints, one object. exit_code: 1 where a check found something."""

    text: str
    facts: dict = field(default_factory=dict)
    exit_code: int = 0


def add_json_argument(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")


def tell(command: BaseCommand, outcome: Outcome, *, as_json: bool) -> None:
    """Print the outcome, and leave with its exit code where that is not 0."""
    command.stdout.write(json.dumps(outcome.facts, default=str) if as_json else outcome.text)
    if outcome.exit_code:
        sys.exit(outcome.exit_code)
