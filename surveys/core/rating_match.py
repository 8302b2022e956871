"""How alike the real and the generated single images of a rating study are, counted from its design alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .certificate import Property, balance

REAL, GENERATED = "real", "generated"
TONES_OFF = 0.1


def match_counts(stimuli: Sequence[Mapping[str, Any]], fact: str) -> dict[str, tuple[int, int]]:
    """For every value of `fact` ("label" or "tone"): how many rated single images are real, how many generated."""
    counts: Counter = Counter(
        (row["frames"][0]["origin"], str(row.get(fact, "")))
        for row in stimuli
        if row["kind"] == "single" and row["role"] == "rated"
    )
    values = sorted({value for _, value in counts}, key=_in_order)
    return {value: (counts[REAL, value], counts[GENERATED, value]) for value in values}


def _in_order(value: str) -> tuple:
    return (not value.isdecimal(), int(value) if value.isdecimal() else 0, value)


def unmatched(counts: Mapping[str, tuple[int, int]]) -> int:
    """The generated images that would have to change their value for real and generated to have the same ones."""
    return sum(max(made - real, 0) for real, made in counts.values())


def match_properties(stimuli: Sequence[Mapping[str, Any]]) -> tuple[Property, ...]:
    """Balances between real and generated single images; none where a study shows only one of the two."""
    labels, tones = match_counts(stimuli, "label"), match_counts(stimuli, "tone")
    real, made = (sum(pair[side] for pair in labels.values()) for side in (0, 1))
    if not real or not made:
        return ()
    halves = balance(
        "single: real and generated",
        "Difference between the number of real single images and of generated ones.",
        reached=abs(real - made),
        best=(real + made) % 2,
        limit=(real + made) % 2,
        detail=f"{real} real, {made} generated.",
    )
    classes = balance(
        "single: classes of real and generated",
        "Generated single images that would have to state another class for both to show the same classes.",
        reached=unmatched(labels),
        best=max(made - real, 0),
        limit=max(made - real, 0),
        detail=_in_words(labels, "no stated class"),
    )
    return (halves, classes, _tones(tones, real, made))


def _tones(tones: Mapping[str, tuple[int, int]], real: int, made: int) -> Property:
    name = "single: skin tones of real and generated"
    meaning = "Generated single images that would have to change their skin tone for both to show the same tones."
    unknown = sum(tones.get("", (0, 0)))
    if unknown:
        why = f"Skin tone is neither recorded nor measurable for {unknown} of {real + made} images, so it was not matched."
        return balance(name, meaning, reached=None, best=None, limit=None, detail=why)
    best = max(made - real, 0)
    limit = max(best, int(TONES_OFF * made))
    return balance(name, meaning, reached=unmatched(tones), best=best, limit=limit, detail=_in_words(tones, ""))


def _in_words(counts: Mapping[str, tuple[int, int]], nameless: str) -> str:
    return (
        "; ".join(f"{value or nameless}: {real} real, {made} generated" for value, (real, made) in counts.items()) + "."
    )
