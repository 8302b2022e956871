"""Anchors: items that every survey shows, so that readers of different surveys are compared on common ground.

So many items of every class, drawn from the seed or named by the coordinator, stand in every survey; the others are shared
out over the surveys of each set as in a study without anchors. A survey is no longer for them, so a set takes more surveys.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from .certificate import Property, promise
from .design import Anchors, Design
from .draw import Draw
from .shape import DesignError

NAMED_SHOWN = 5


def named_anchors(items: Mapping[str, str], named: Sequence[str]) -> Anchors:
    """The anchors that are named; DesignError where one is unknown or stands twice, or where classes have different numbers."""
    if isinstance(named, str) or not isinstance(named, Sequence):
        raise DesignError(f"anchors is a number of items of each class, or a list of codes; found {named!r}.")
    unknown = [item for item in named if item not in items]
    if unknown:
        raise DesignError(f"Anchors are items of the study; it has no {', '.join(map(str, unknown[:NAMED_SHOWN]))}.")
    twice = sorted(item for item, times in Counter(named).items() if times > 1)
    if twice:
        raise DesignError(f"Every anchor is named once; {', '.join(twice[:NAMED_SHOWN])} stands twice.")
    counts = Counter(items[item] for item in named)
    listed = {name: counts[name] for name in sorted(set(items.values()))}
    if len(set(listed.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in listed.items())
        raise DesignError(f"Every class needs the same number of anchors; named are {said}. Name as many of each.")
    return Anchors(next(iter(listed.values()), 0), True, tuple(sorted(named, key=lambda item: (items[item], item))))


def drawn_anchors(items: Mapping[str, str], per_class: int, seed: int) -> Anchors:
    """`per_class` items of every class, drawn from the seed, each choice equally likely."""
    of_class: dict[str, list[str]] = {}
    for item in sorted(items):
        of_class.setdefault(items[item], []).append(item)
    drawn = (sorted(Draw(seed, "anchors", name).shuffled(of_class[name])[:per_class]) for name in sorted(of_class))
    return Anchors(per_class, False, tuple(item for chosen in drawn for item in chosen))


def promise_of_anchors(design: Design, items: Mapping[str, str]) -> Property:
    """That every survey shows its anchors, and how often everything is read because of that."""
    anchors, surveys = design.anchors, len(design.surveys)
    chosen = "named" if anchors.named else f"drawn by seed {design.seed}"
    return promise(
        "anchors",
        f"{_times(anchors.per_class)} of every class, {chosen}, {'stands' if anchors.per_class == 1 else 'stand'} in every survey.",
        _breaches(design, items),
        detail=f"An anchor is read in all {surveys} surveys, every other item in {design.sets}; two anchors meet in all {surveys} surveys, "
        f"an anchor and another item in {design.sets}.",
    )


def _times(number: int) -> str:
    return f"{number} {'anchor' if number == 1 else 'anchors'}"


def _breaches(design: Design, items: Mapping[str, str]) -> Iterator[str]:
    counts = Counter(items.get(item) for item in design.anchors.items)
    for name in sorted(set(items.values())):
        if counts[name] != design.anchors.per_class:
            yield f"Class {name} has {_times(counts[name])} instead of {design.anchors.per_class}."
    for item in design.anchors.items:
        if item not in items:
            yield f"Anchor {item} is not in the list of items."
        missing = [survey.survey for survey in design.surveys if item not in survey.items()]
        if missing:
            yield f"Anchor {item} is missing in {'survey' if len(missing) == 1 else 'surveys'} {', '.join(map(str, missing[:10]))}."
    if tuple(sorted(set(design.anchors.items))) != tuple(sorted(design.anchors.items)):
        yield "An anchor is listed twice."
