"""The shape of a design: how many classes, items, sets and surveys; and which shapes arithmetic permits."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass


class DesignError(ValueError):
    """What was asked for cannot be drawn or read; the message is one sentence for the person who asked."""


@dataclass(frozen=True)
class Shape:
    """Counts that fix everything else about a design. Build it with `shape_of`, which refuses impossible ones.

    anchors: items of each class that stand in every survey; per_class and items_per_class count them too.
    """

    classes: int
    items_per_class: int
    per_class: int
    sets: int
    anchors: int = 0

    @property
    def rest(self) -> "Shape":
        """The shape of what is shared out over the surveys of a set: everything but the anchors."""
        return Shape(self.classes, self.items_per_class - self.anchors, self.per_class - self.anchors, self.sets)

    @property
    def surveys_per_set(self) -> int:
        return (self.items_per_class - self.anchors) // (self.per_class - self.anchors)

    @property
    def surveys(self) -> int:
        return self.surveys_per_set * self.sets

    @property
    def items(self) -> int:
        return self.classes * self.items_per_class

    @property
    def block_length(self) -> int:
        """Items in one block of one survey."""
        return self.classes * self.per_class


@dataclass(frozen=True)
class NearestPossible:
    """The possible shapes on either side of an impossible one, the smaller first."""

    per_class: tuple[int, ...]
    items_per_class: tuple[int, ...]


def nearest_possible(items_per_class: int, per_class: int) -> NearestPossible:
    """The values of either number, nearest below and above, that divide evenly when the other one is kept.

    Both must be positive. For 20 items and 3 per class: per_class (2, 4), items_per_class (18, 21).
    """
    if items_per_class < 1 or per_class < 1:
        raise DesignError(f"Items per class and per_class must be positive; found {items_per_class} and {per_class}.")
    divisors = [d for d in range(1, items_per_class + 1) if items_per_class % d == 0]
    below = [d for d in divisors if d <= per_class][-1:]
    above = [d for d in divisors if d >= per_class][:1]
    fewer = items_per_class // per_class * per_class
    more = -(-items_per_class // per_class) * per_class
    return NearestPossible(
        per_class=tuple(sorted({*below, *above})), items_per_class=tuple(sorted({n for n in (fewer, more) if n > 0}))
    )


def shape_of(items: Mapping[str, str], *, per_class: int, sets: int, anchors: int = 0) -> Shape:
    """The shape of a design that covers `items` (item code -> class); DesignError when there is no such design.

    anchors: how many items of each class stand in every survey.
    """
    for name, value in (("per_class", per_class), ("sets", sets)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise DesignError(f"{name} must be a whole number of at least 1; found {value!r}.")
    _check_anchors(anchors, per_class)
    if not items:
        raise DesignError("A design needs items; found none. List every item with its class.")
    counts = Counter(items.values())
    if len(set(counts.values())) > 1:
        raise DesignError(_unequal(counts, per_class, anchors))
    n = next(iter(counts.values()))
    if anchors and n <= per_class:
        raise DesignError(
            f"Every survey of {per_class} items per class would show all {n}, so that every reader reads the same items without any "
            "anchor; leave anchors out, or add items."
        )
    if (n - anchors) % (per_class - anchors):
        raise DesignError(_uneven_beside(n, per_class, anchors) if anchors else _uneven(n, per_class))
    return Shape(classes=len(counts), items_per_class=n, per_class=per_class, sets=sets, anchors=anchors)


def _check_anchors(anchors: int, per_class: int) -> None:
    if isinstance(anchors, bool) or not isinstance(anchors, int) or anchors < 0:
        raise DesignError(f"anchors must be a whole number of at least 0, items of each class; found {anchors!r}.")
    if anchors >= per_class:
        raise DesignError(
            f"A survey with {per_class} items per class has no room for {anchors} anchors per class beside one that is not; "
            f"ask for fewer anchors, or show at least {anchors + 1} items per class."
        )


def _unequal(counts: Counter[str], per_class: int, anchors: int = 0) -> str:
    """Which class has how many, and the size that most classes could have."""
    sizes = Counter(counts.values())
    usual = max(sizes, key=lambda size: (sizes[size], -size))
    odd = sorted(name for name, n in counts.items() if n != usual)
    listed = ", ".join(f"{name} has {counts[name]}" for name in odd[:10])
    if len(odd) > 10:
        listed += f" and {len(odd) - 10} more differ"
    whole = (min(counts.values()) - anchors) // (per_class - anchors)
    target = anchors + whole * (per_class - anchors) if whole > 0 else 0
    hint = f"leave items out until every class has {target}" if target else f"add items until every class has {usual}"
    return (
        f"Every class needs the same number of items; "
        f"{sizes[usual]} of {len(counts)} classes have {usual}, but {listed}. "
        f"Add items to the smaller classes, or {hint}."
    )


def _uneven(n: int, per_class: int) -> str:
    near = nearest_possible(n, per_class)
    per = _either(near.per_class)
    surveys = _either(n // k for k in near.per_class)
    sizes = _either(near.items_per_class)
    plural = "survey" if surveys == "1" else "surveys"
    return (
        f"{n} items per class with {per_class} per survey cannot be split evenly; "
        f"nearest: {per} per class ({surveys} {plural} a set), or {sizes} items per class."
    )


def _uneven_beside(n: int, per_class: int, anchors: int) -> str:
    """Why the items beside the anchors cannot be shared out, and each number that could change alone."""
    shared = per_class - anchors
    fitting = [k for k in range(1, per_class) if (n - k) % (per_class - k) == 0]
    near = nearest_possible(n - anchors, shared)
    ways = [f"{_either(anchors + size for size in near.items_per_class)} items per class"]
    ways += [f"{_either(anchors + k for k in near.per_class if anchors + k < n)} per class in a survey"]
    if fitting:
        nearest = sorted(sorted(fitting, key=lambda k: abs(k - anchors))[:2])
        ways.append(f"{_either(nearest)} {'anchor' if nearest == [1] else 'anchors'}")
    rest = f"the other {n - anchors}"
    return (
        f"{n} items per class with {anchors} {'anchor' if anchors == 1 else 'anchors'}: {rest} cannot be split evenly into surveys with "
        f"{shared} more each; nearest: {', '.join(ways[:-1])}, or {ways[-1]}."
    )


def _either(values) -> str:
    return " or ".join(str(value) for value in values)
