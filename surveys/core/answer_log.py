"""The exported answer log and its chain of hashes, checked without a database.

Every answer seals the one before it: its hash is SHA-256 over the JSON list [previous hash, response, sequence, survey
item, chosen class or null, event, reaction time or null, time of receipt, wait or null, question, value or null], previous
being "" for the first answer of a response. The wait is how long a device kept the answer: with the time of receipt it says
when it was chosen, and so which of two devices' answers counts. Rows of version 1 were written before waits were part of it:
theirs ends with the time of receipt, and with [question, value] where the question has a code. Whoever has kept the last hash
of a response, or the seal of one of its blocks, can tell whether anything before it was changed, removed or added.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from .shape import DesignError

VERSION = 2
NEEDED = ("response", "sequence", "survey_item", "chosen", "event_id", "rt_ms", "received_at", "entry_sha256")


def entry_sha256(
    previous: str,
    *,
    version: int,
    response: str,
    sequence: int,
    survey_item: str,
    chosen: str | None,
    event_id: str,
    rt_ms: int | None,
    received_at: str,
    waited_ms: int | None,
    question: str,
    value,
) -> str:
    """Hash of an answer's content and of the entry before it. received_at: ISO 8601. A version that is none raises ValueError."""
    content = [previous, response, sequence, survey_item, chosen, event_id, rt_ms, received_at]
    if version == VERSION:
        content += [waited_ms, question, value]
    elif version != 1:
        raise ValueError(f"There is no version {version} of the answer log's hashes.")
    elif question:
        content += [question, value]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def row_sha256(previous: str, row: Mapping[str, str]) -> str:
    """The hash that a row of answers.csv must carry when the row before it carries `previous`."""
    return entry_sha256(
        previous,
        version=int(row.get("hash_version") or 1),
        response=row["response"],
        sequence=int(row["sequence"]),
        survey_item=row["survey_item"],
        chosen=row["chosen"] or None,
        event_id=row["event_id"],
        rt_ms=int(row["rt_ms"]) if row["rt_ms"] else None,
        received_at=row["received_at"],
        waited_ms=int(row["waited_ms"]) if row.get("waited_ms") else None,
        question=row.get("question") or "",
        value=json.loads(row["value"]) if row.get("value") else None,
    )


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
