"""A study's own letter: words with places for what differs from reader to reader, and nothing else in braces."""

from collections.abc import Mapping
from string import Formatter

from django.core.exceptions import ValidationError

PLACES = {
    "name": "the reader's name, or \"colleague\" where none is kept",
    "study": "the study's title",
    "link": "the personal link",
    "expires": "until when the link works",
    "deadline": "the same as {expires}",
    "group": "what the reader is, e.g. pediatrician",
    "group_plural": "the same for many, e.g. pediatricians",
}
LONGEST_SUBJECT = 200


def check_letter(*, subject: str, body: str) -> None:
    """Raise ValidationError, one sentence for each fault, unless both can be filled for every reader."""
    faults = _faults("invitation_subject", subject, set(PLACES) - {"link"})
    faults += _faults("invitation_body", body, set(PLACES))
    if "\n" in subject.strip() or len(subject) > LONGEST_SUBJECT:
        faults.append(f"invitation_subject needs one line of at most {LONGEST_SUBJECT} characters; it has {len(subject)}.")
    if body.strip() and not faults and "link" not in _named(body):
        faults.append("invitation_body needs {link} where the personal link stands; without it nobody can begin.")
    if faults:
        raise ValidationError(faults)


def fill_letter(text: str, facts: Mapping[str, str]) -> str:
    """`text` with every place filled; facts: by the names in PLACES."""
    return text.format_map(facts)


def _named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _faults(field: str, text: str, known: set[str]) -> list[str]:
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return [f"{field} has a brace without its partner; write {{{{ or }}}} for a brace that is meant as one."]
    wrong = sorted({name for _, name, layout, turn in parts if name is not None and (name not in known or layout or turn)})
    named = ", ".join(f"{{{name}}}" for name in sorted(known))
    return [f"{field} names {{{name[:40]}}}, which no reader has; it may name {named}." for name in wrong]
