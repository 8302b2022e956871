"""The exported answer log and its chain of hashes, checked without a database.

Every answer seals the one before it: its hash is SHA-256 over the JSON list [previous hash, response, sequence, survey
item, chosen class or null, event, reaction time or null, time of receipt], previous being "" for the first answer of a
response. Answers to questions with a code add [question, value]. Whoever has kept the last hash of a response, or the
seal of one of its blocks, can tell whether anything before it was changed, removed or added.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from .shape import DesignError

NEEDED = ("response", "sequence", "survey_item", "chosen", "event_id", "rt_ms", "received_at", "entry_sha256")


def row_sha256(previous: str, row: Mapping[str, str]) -> str:
    """The hash that a row of answers.csv must carry when the row before it carries `previous`."""
    content = [
        previous,
        row["response"],
        int(row["sequence"]),
        row["survey_item"],
        row["chosen"] or None,
        row["event_id"],
        int(row["rt_ms"]) if row["rt_ms"] else None,
        row["received_at"],
    ]
    if row.get("question"):
        content += [row["question"], json.loads(row["value"]) if row.get("value") else None]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def log_faults(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """The first broken entry of every response, one sentence each; an empty list when the whole log holds."""
    faults: dict[str, str] = {}
    last: dict[str, tuple[int, str]] = {}
    for row in rows:
        response = row["response"]
        if response in faults:
            continue
        sequence, previous = last.get(response, (0, ""))
        if row["sequence"] != str(sequence + 1):
            faults[response] = f"Response {response}: entry {sequence + 1} is missing."
            continue
        try:
            expected = row_sha256(previous, row)
        except ValueError:
            expected = None
        if expected != row["entry_sha256"]:
            faults[response] = f"Response {response}: entry {sequence + 1} was changed after it was recorded."
        last[response] = (sequence + 1, row["entry_sha256"])
    return list(faults.values())


def read_answer_log(path: str | Path) -> list[dict[str, str]]:
    """The rows of an exported answers.csv, apostrophes taken off that protect spreadsheets from formulas."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        table = csv.DictReader(file)
        missing = [name for name in NEEDED if name not in (table.fieldnames or ())]
        if missing:
            raise DesignError(
                f"{Path(path).name} needs the columns {', '.join(NEEDED)}; it lacks {', '.join(missing)}."
            )
        return [{name: _bare(value) for name, value in row.items() if name} for row in table]


def _bare(value: str | None) -> str:
    value = value or ""
    return value[1:] if value[:1] == "'" and value[1:2] in tuple("=+-@\t\r") and len(value) > 1 else value
