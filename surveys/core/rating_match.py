"""How alike the real and the generated single images of a rating study are, counted from its design alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .allocation import SINGLE
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


def condition_properties(
    stimuli: Sequence[Mapping[str, Any]], surveys: Sequence[Mapping[str, Any]]
) -> tuple[Property, ...]:
    """How evenly the conditions of generated images (curated and random, say) are dealt to the raters, counted from the
    sittings; nothing about a kind of stimulus that has a single condition."""
    return tuple(
        _dealt(kind, dealt)
        for kind in ("single", "pair")
        if len(dealt := _by_condition(kind, stimuli, surveys)) > 1
    )


def _by_condition(
    kind: str, stimuli: Sequence[Mapping[str, Any]], surveys: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[int, list[int]]]:
    """For every condition of generated stimuli: how many there are, and how many of them each rater sees."""
    conditions = {
        row["stimulus"]: str(row["condition"] or "no condition")
        for row in stimuli
        if row["kind"] == kind and row["role"] == "rated" and any(f["origin"] == GENERATED for f in row["frames"])
    }
    sizes = Counter(conditions.values())
    seen = [
        Counter(
            conditions[page["stimulus"]]
            for block in survey["blocks"]
            for page in block["pages"]
            if page["kind"] == SINGLE and page["stimulus"] in conditions
        )
        for survey in surveys
    ]
    return {name: (sizes[name], [counts[name] for counts in seen]) for name in sorted(sizes)}


def _dealt(kind: str, dealt: Mapping[str, tuple[int, list[int]]]) -> Property:
    counts = [numbers for _, numbers in dealt.values()]
    return balance(
        f"{kind}: conditions per rater",
        f"{kind.capitalize()}s: largest difference between two raters in the number of generated images of one condition.",
        reached=max(max(numbers) - min(numbers) for numbers in counts),
        best=int(any(sum(numbers) % len(numbers) for numbers in counts)),
        limit=1,
        detail="; ".join(
            f"{name}: {size} images, {min(numbers)} to {max(numbers)} for each rater" for name, (size, numbers) in dealt.items()
        )
        + ".",
    )


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
