"""What a report says about a study that no table of readings can tell: its own record, and its design's certificate.

`facts.toml` (or .json) holds free text per field; every field may be absent and is then reported as not recorded.
"""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any

from .errors import InputError, Problem
from .results import Results
from .untrusted_toml import parse_toml

SCHEMA = "study-facts/1"
FIELDS = {
    "study": (
        "title", "aim", "background", "design", "intended_use", "registration", "protocol", "ethics", "consent", "funding",
        "interests", "data_availability", "code_availability", "involvement", "dates", "setting", "implications",
    ),
    "images": (
        "source", "licence", "eligibility", "exclusions", "series", "devices", "preprocessing", "deidentification",
        "demographics", "skin_tone", "severity", "class_counts", "partition", "leakage_check", "representative",
    ),
    "reference_standard": ("method", "rationale", "assessors", "blinding", "disagreement", "certainty", "interval"),
    "network": (
        "description", "version", "training_data", "auxiliary_data", "development", "initialization", "seeds", "training", "selection",
        "ensemble", "threshold", "test_access", "software", "hardware", "explanation", "availability", "end_user", "external_testing",
    ),
    "readers": ("population", "qualification", "recruitment", "sampling", "incentives", "blinding", "training"),
    "reading": ("order", "response_options", "display", "time_limit", "breaks", "aids", "prevalence_told", "independence", "adverse_events"),
    "sample_size": ("planned",),
    "fairness": ("assessment",),
}  # fmt: skip
STEPS = ("contacted", "agreed", "started", "complete")
COUNTS = ("recruitment", "sittings")
LEFT_OUT = ("unfinished", "too_few")  # sittings that no table of readings holds: not finished, finished with too few answers


def read_facts(path: str | PathLike) -> dict[str, Any]:
    """The study's record from TOML or JSON. Raises InputError naming every field that is not known or not as expected."""
    name = Path(path).name
    try:
        text = Path(path).read_text(encoding="utf-8")
        data = json.loads(text) if name.endswith(".json") else parse_toml(text)
        json.dumps(data, ensure_ascii=False, default=str).encode()  # half a character, written as an escape, fits into no file
        problems = list(_problems(data))
    except RecursionError as error:
        raise InputError(f"A study record of tables with texts was needed; {name} nests deeper than any. Take the nesting out.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"A readable study record was needed; {name} could not be read ({error}).") from error
    if problems:
        raise InputError(f"{name} cannot be used as the study's record; nothing was analysed.", problems)
    return {key: value for key, value in data.items() if key != "schema"}


def _problems(data: Any):
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        yield Problem(
            None,
            "schema",
            f'"{SCHEMA}" was expected, {data.get("schema") if isinstance(data, dict) else data!r} was found.',
        )
        return
    for section, table in data.items():
        if section == "schema":
            continue
        if section not in (*FIELDS, *COUNTS) or not isinstance(table, dict):
            yield Problem(None, section, f"a table named {', '.join((*FIELDS, *COUNTS))} was expected.")
        elif section in COUNTS:
            yield from _bad_counts(section, table)
        else:
            for key, value in table.items():
                if key not in FIELDS[section]:
                    yield Problem(None, f"{section}.{key}", f"is not a field; known are {', '.join(FIELDS[section])}.")
                elif not isinstance(value, str):
                    yield Problem(None, f"{section}.{key}", f"text was expected, {value!r} was found.")
                elif "\x00" in value:
                    yield Problem(None, f"{section}.{key}", "contains a zero character, which no document can hold.")


def _bad_counts(section: str, groups: dict[str, Any]):
    steps = STEPS if section == "recruitment" else LEFT_OUT
    for group, counts in groups.items():
        if "\x00" in group:
            yield Problem(None, section, "the name of a group contains a zero character, which no document can hold.")
        if not isinstance(counts, dict):
            yield Problem(None, f"{section}.{group}", "a table of numbers was expected.")
            continue
        last = None
        for step in steps:
            number = counts.get(step)
            if number is None:
                continue
            if isinstance(number, bool) or not isinstance(number, int) or number < 0:
                yield Problem(None, f"{section}.{group}.{step}", f"a whole number was expected, {number!r} was found.")
            elif section == "recruitment" and last is not None and number > last:
                yield Problem(None, f"{section}.{group}.{step}", f"{number} is more than the step before ({last}).")
            else:
                last = number
        for key in set(counts) - set(steps):
            yield Problem(None, f"{section}.{group}.{key}", f"is not a step; known are {', '.join(steps)}.")


def read_certificate(path: str | PathLike) -> dict[str, Any]:
    """The design's own statement: seed, sets, per_class and certificate of a design.json, with the file's SHA-256."""
    name = Path(path).name
    try:
        content = Path(path).read_bytes()
        design = json.loads(content)
        certificate = design["certificate"]
        properties = [dict(entry) for entry in certificate["properties"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"A design with its certificate was needed; {name} holds none.") from error
    return {
        "file": name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "seed": design.get("seed"),
        "sets": design.get("sets"),
        "per_class": design.get("per_class"),
        "surveys": len(design.get("surveys", [])),
        "promises_hold": bool(certificate.get("promises_hold")),
        "properties": properties,
    }


def described(results: Results, *, facts: dict | None = None, certificate: dict | None = None) -> Results:
    """The results with the study's record and its design's certificate among them, where given.

    Sittings that the record counts and the readings do not hold, begun and not finished among them, join the flow.
    """
    more = {"study": facts, "certificate": certificate}
    if facts and facts.get("sittings"):
        more["flow"] = [_with_left_out(record, facts["sittings"].get(record["group"], {})) for record in results["flow"]]
    return Results({**results.content, **{key: value for key, value in more.items() if value is not None}})


def _with_left_out(record: dict[str, Any], counted: dict[str, int]) -> dict[str, Any]:
    unfinished, too_few = (counted.get(key, 0) for key in LEFT_OUT)
    return {
        **record,
        "sittings": record["sittings"] + unfinished + too_few,
        "incomplete": record["incomplete"] + too_few,
        "unfinished": unfinished,
    }
