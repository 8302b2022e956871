"""What a protocol is made of, as plain data, and what of it has changed since an earlier protocol.

`facts` (schema protocol-facts/1) holds:

- written_on: the day, in words; study: title, slug, summary, citation, nature, kind (reading, rating or imported), question,
  language and language_name, simulated (readers), rehearsal_of, answers (of people, so far); classes; views (in order of reading)
- record: the study's own record as `benchmark.core.facts` knows it; every field may be absent and is then a blank
- plan: version, sha256, stamped_on, before_first_answer and text of the analysis plan, or None
- images: sections of the data card, the bank's fingerprint, titles of other studies whose pictures are shown; stimuli of a rating study
- surveys: how many, how assembled, and the certificate; groups: who reads; reading: the rules
- letter and pages: the words that readers get, in their order; networks and assistance: what takes part, and how it is frozen
- privacy: what is stored where, who sees it, for how long; exports: what a data set holds; assumed: the world that power is computed in
- rating_design: raters, each (single images of a rater) and images of a drawn rating study, or None
- stands_on: the study's own data behind each of PARTS, of which its hash is taken
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.core.plans.plan import Plan
from benchmark.core.wording import plural

from .document import UNFIT, blank

SCHEMA = "protocol-facts/1"
# What is told apart when a protocol that was handed out is held against the study.
PARTS = ("study", "plan", "images", "surveys", "readers", "words", "networks", "data")
SHORT = 8  # hexadecimal digits of a part's hash, as the study's log keeps it


@dataclass(frozen=True)
class Given:
    """The facts with their plan read; what every chapter takes."""

    facts: Mapping[str, Any]
    plan: Plan | None

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Given:
        stamped = facts["plan"]
        facts = fitting(facts)
        return cls(facts, Plan.from_toml(text=stamped["text"]) if stamped else None)

    def __getitem__(self, name: str) -> Any:
        return self.facts[name]

    @property
    def is_rating(self) -> bool:
        return self.facts["study"]["kind"] == "rating"

    @property
    def people(self) -> list[dict]:
        return [group for group in self.facts["groups"] if group["kind"] == "human"]

    @property
    def reader(self) -> str:
        """What a person who answers is called: "reader" or "rater"."""
        return "rater" if self.is_rating else "reader"

    def told(self, field: str, what: str) -> str:
        """A field of the study's record, e.g. "study.funding", or the blank for it."""
        return self.recorded(field) or blank(what)

    def recorded(self, field: str) -> str:
        section, _, name = field.partition(".")
        return str(self.facts["record"].get(section, {}).get(name, "")).strip()

    def view(self, code: str | None) -> str:
        return next((view["label"] for view in self.facts["views"] if view["code"] == code), code or "")

    def group(self, code: str) -> str:
        return next((group["plural"] for group in self.facts["groups"] if group["code"] == code), plural(code))


def fitting(content: Any) -> Any:
    """The same content without the characters that no drawing and no office document can hold."""
    if isinstance(content, str):
        return UNFIT.sub("", content)
    if isinstance(content, Mapping):
        return {name: fitting(value) for name, value in content.items()}
    return [fitting(value) for value in content] if isinstance(content, list | tuple) else content


def fingerprints(facts: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of what each of PARTS stands on; neither our words, nor the day, nor what has happened since, is in any of them."""
    return {part: _sha256(facts["stands_on"][part]) for part in PARTS}


def fingerprint(facts: Mapping[str, Any]) -> str:
    """One SHA-256 over all parts, and over the world that power is computed in: what a protocol is known by."""
    return _sha256({**fingerprints(facts), "assumed": facts["assumed"]})


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False, default=str).encode()).hexdigest()
