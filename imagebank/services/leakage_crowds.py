"""Groups of alike pictures in a leakage report: what nobody would read pair by pair."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from imagebank.leakage import CROWD
from imagebank.models import ItemImage, LeakageFinding, LeakageReport

ALIKE = (LeakageFinding.Kind.BYTES, LeakageFinding.Kind.PIXELS, LeakageFinding.Kind.NEAR)
EXAMPLES = 6


@dataclass(frozen=True)
class Crowd:
    """More than CROWD pictures that hang together by likeness.

    places: how many of them lie where, in words, the largest first. examples: some pictures, of every place if there is room.
    names: the items' codes in order. crosses_split, crosses_fold: whether any finding among them does.
    """

    pictures: int
    places: tuple[tuple[str, int], ...]
    examples: tuple[ItemImage, ...]
    names: tuple[str, ...]
    crosses_split: bool
    crosses_fold: bool


@dataclass(frozen=True)
class ReadReport:
    """A report as a person reads it: crowds, those across the split first, and the other findings' keys, worst first; `borders`
    of these cross a split or a fold."""

    crowds: tuple[Crowd, ...]
    pairs: tuple[int, ...]
    borders: int

    @property
    def crowds_across(self) -> int:
        return sum(crowd.crosses_split or crowd.crosses_fold for crowd in self.crowds)


def read_report(report: LeakageReport) -> ReadReport:
    """Gather a report's findings of alike pictures into crowds; smaller groups stay pairs."""
    rows = list(report.findings.with_items().values_list("pk", "kind", "first", "second", "crosses_split", "crosses_fold"))
    alike = [(first, second) for _, kind, first, second, _, _ in rows if kind in ALIKE]
    crowd_of = _crowds(alike)
    across: dict[int, list[bool]] = defaultdict(lambda: [False, False])
    pairs, borders = [], 0
    for pk, kind, first, _, split, fold in rows:
        crowd = crowd_of.get(first) if kind in ALIKE else None
        if crowd is None:
            pairs.append(pk)
            borders += split or fold
        else:
            across[crowd][0] |= split
            across[crowd][1] |= fold
    members: dict[int, list[int]] = defaultdict(list)
    for picture, crowd in crowd_of.items():
        members[crowd].append(picture)
    crowds = [_described(members[crowd], *across[crowd]) for crowd in members]
    crowds.sort(key=lambda crowd: (not crowd.crosses_split, not crowd.crosses_fold, -crowd.pictures))
    return ReadReport(tuple(crowds), tuple(pairs), borders)


def _crowds(pairs: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Every picture that hangs together with more than CROWD - 1 others, with one of these that stands for all."""
    above: dict[int, int] = {}

    def top(one: int) -> int:
        while above.setdefault(one, one) != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    for first, second in pairs:
        above[top(first)] = top(second)
    size = Counter(top(one) for one in list(above))
    return {one: top(one) for one in list(above) if size[top(one)] > CROWD}


def _described(pictures: list[int], crosses_split: bool, crosses_fold: bool) -> Crowd:
    wanted = set(pictures)
    study = ItemImage.objects.filter(pk=pictures[0]).values_list("item__study", flat=True).get()
    rows = ItemImage.objects.filter(item__study=study).order_by("pk").values_list("pk", "item__code", "item__split", "item__fold")
    rows = [row for row in rows if row[0] in wanted]  # thousands of keys are more than a database takes in one question
    by_place: dict[tuple, list[int]] = defaultdict(list)
    for pk, _, split, fold in rows:
        by_place[split, fold].append(pk)
    shown = [keys[number] for number in range(EXAMPLES) for keys in by_place.values() if number < len(keys)][:EXAMPLES]
    examples = ItemImage.objects.select_related("item").in_bulk(shown)
    places = sorted(((_in_words(*place), len(keys)) for place, keys in by_place.items()), key=lambda each: (-each[1], each[0]))
    names = tuple(sorted({code for _, code, _, _ in rows}))
    return Crowd(len(pictures), tuple(places), tuple(examples[key] for key in shown), names, crosses_split, crosses_fold)


def _in_words(split: str, fold: int | None) -> str:
    return {"train": "training", "": "no split"}.get(split, split) + ("" if fold is None else f", fold {fold}")
