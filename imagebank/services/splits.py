"""Draw the test set and the folds: by group (photograph or patient), balanced over classes, from a seed."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count

from imagebank.models import Item, Study

from .archive import require_changeable
from .removal import rooms
from .trail import note_deed

ORDERS_TRIED = 200


@dataclass(frozen=True)
class FoldSummary:
    """Items per fold and class: counts[fold][class code]."""

    counts: tuple[dict[str, int], ...]


def standing_against(study: Study, *, test_set: bool) -> list[str]:
    """What rests on the present split, room by room: a new test set, or new folds alone, would make it untrue.

    A room says it in its module `holdings` as `needs_test_set(study)` and `needs_folds(study)`, lists of sentences.
    """
    asked = ("needs_test_set", "needs_folds") if test_set else ("needs_folds",)
    return [reason for room in rooms() for name in asked for reason in getattr(room, name, lambda study: [])(study)]


def placements(study: Study) -> dict[int, tuple[str, int | None]]:
    """Every item's split and fold, by its key, as `hold_split` compares them."""
    return {pk: (split, fold) for pk, split, fold in study.items.values_list("pk", "split", "fold")}


def hold_split(study: Study, *, seen: dict[int, tuple[str, int | None]] | None = None) -> Study:
    """Keep the split of `study` as it is until the transaction around this ends. Whatever comes to rest on a split is
    stored under this lock, which a draw of a split takes before it asks what rests on the present one.

    seen: the placements on which the caller's work was based; others by now raise ValidationError.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)  # rows that only name the study need not wait
    if seen is not None:
        now = placements(study)
        if any(now.get(pk) != placement for pk, placement in seen.items()):
            raise ValidationError(f"The split of {study.title} was changed a moment ago by somebody else. Look at it, then start again.")
    return study


def draw_split(*, study: Study, per_class: int | None, folds: int, seed: int, user=None) -> str:
    """Draw a test set of `per_class` items of every class (None: keep the present one) and `folds` folds of the training
    items (0: none), together or not at all; returns what was done in words, which the study's trail keeps.

    Raises ValidationError where something rests on the present split, or where it cannot be drawn.
    """
    require_changeable(study)
    with transaction.atomic():
        hold_split(study)
        if reasons := standing_against(study, test_set=per_class is not None):
            raise ValidationError(reasons)
        done = []
        if per_class is not None:
            tested = draw_test_set(study=study, per_class=per_class, seed=seed)
            done.append(f"a test set of {tested:,} items, {per_class} of every class")
        if folds:
            assign_folds(study=study, folds=folds, seed=seed)
            done.append(f"{folds} folds of the training items")
        if not done:
            raise ValidationError("A test set, folds or both can be drawn; neither was asked for. Say how many.")
        words = f"drew {' and '.join(done)}, with seed {seed}"
        note_deed(study=study, deed=words, user=user)
    return words


def split_counts(study: Study) -> list[tuple[str, str, dict[str, int]]]:
    """Per class its code, its name, and the included items by split ("train", "test" and "")."""
    rows = study.items.included().photographed().values_list("truth__diagnosis__code", "split").annotate(n=Count("pk"))
    found = {(code, split): number for code, split, number in rows}
    return [
        (code, name, {split: found.get((code, split), 0) for split in (*Item.Split.values, "")})
        for code, name in study.classes.values_list("code", "name")
    ]


def whole_per_class(study: Study) -> dict[str, int]:
    """How many items of every class could be tested: those in groups of which every item has a picture of every view."""
    counts = Counter(item.truth.diagnosis.code for group in _groups(_sorted_items(study)) if _is_whole(group, study) for item in group)
    return {code: counts[code] for code in study.classes.values_list("code", flat=True)}


def most_per_class(study: Study) -> int:
    """The largest number of test items of every class that the bank could give, whole groups aside."""
    return min(whole_per_class(study).values(), default=0)


def draw_test_set(*, study: Study, per_class: int, seed: int) -> int:
    """Choose `per_class` test items of every class; all other included items become training, excluded ones neither, so
    that one that is taken in again tears no group apart. Returns the test items; generated pictures are left as they are.

    Whole groups are taken, so that no test item has a relative in training, and only items with a picture of every view;
    folds are cleared. The same seed and the same items give the same test set. Raises ValidationError, and changes
    nothing, when some class cannot have exactly `per_class` items in whole groups.
    """
    if per_class < 1:
        raise ValidationError(f"A test set needs at least 1 item of every class; {per_class} were asked for.")
    with transaction.atomic():
        items = _locked_items(study)
        classes = list(study.classes.values_list("code", flat=True))
        groups = [group for group in _groups(items) if _is_whole(group, study)]
        chosen, counts = _take_groups(groups, per_class, len(classes), np.random.default_rng(seed))
        if short := [f"{code}: {counts[code]}" for code in classes if counts[code] != per_class]:
            raise ValidationError(
                f"{study.slug} needs {per_class} test items of every class in whole groups; found {', '.join(short)}. "
                "Counted are items with a picture of every view. Lower the number, or add items."
            )
        for item in items:
            item.split = Item.Split.TEST if item.pk in chosen else Item.Split.TRAIN
            item.fold = None
        Item.objects.bulk_update(items, ["split", "fold"], batch_size=500)
        study.items.exclude(excluded_at=None).photographed().update(split="", fold=None)
    return len(chosen)


def assign_folds(*, study: Study, folds: int = 5, seed: int = 0) -> FoldSummary:
    """Give every included training item a fold from 0 to folds - 1; one group's items share a fold.

    Classes are spread as evenly as whole groups allow: the largest groups are placed first, each into the fold where
    it disturbs the balance least. Same seed and items, same folds. Raises ValidationError when there are fewer groups
    than folds, or when a group has items in the test set as well.
    """
    with transaction.atomic():
        everything = _locked_items(study)
        training = [item for item in everything if item.split == Item.Split.TRAIN]
        tested = {item.group for item in everything if item.split == Item.Split.TEST} - {""}
        if torn := sorted({item.group for item in training} & tested):
            raise ValidationError(
                f"{len(torn)} groups have items in training and in the test set ({', '.join(torn[:5])}). "
                "Draw the test set again, or exclude those items."
            )
        groups = _groups(training)
        if not groups:
            raise ValidationError(
                "Folds are drawn of the training items, and there are none yet. Draw a test set as well: all other items become "
                "training items."
            )
        if len(groups) < folds:
            raise ValidationError(
                f"{study.slug} has {len(groups)} training groups; {folds} folds need at least {folds}."
            )
        codes = sorted({item.truth.diagnosis.code for item in training})
        counts_FK = _place_groups(groups, codes, folds, np.random.default_rng(seed))
        Item.objects.bulk_update(training, ["fold"], batch_size=500)
    return FoldSummary(tuple({code: int(n) for code, n in zip(codes, row)} for row in counts_FK))


def _locked_items(study: Study) -> list[Item]:
    """Included items with a reference class, in a fixed order, locked until the end of the transaction."""
    hold_split(study)
    return _sorted_items(study)


def _sorted_items(study: Study) -> list[Item]:
    items = study.items.included().photographed().filter(truth__isnull=False)
    return list(items.select_related("truth__diagnosis").prefetch_related("images").order_by("code"))


def _is_whole(group: Sequence[Item], study: Study) -> bool:
    """Whether every item has a picture of every view, without which no survey can show it."""
    views = set(study.view_codes())
    return all(views <= {image.view for image in item.images.all()} for item in group)


def _groups(items: Sequence[Item]) -> list[list[Item]]:
    """Items by group; an item without a group is a group of its own."""
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[("group", item.group) if item.group else ("item", item.code)].append(item)
    return list(groups.values())


def _class_counts(group: Sequence[Item]) -> Counter:
    return Counter(item.truth.diagnosis.code for item in group)


def _take_groups(groups, per_class: int, classes: int, random: np.random.Generator) -> tuple[set[int], Counter]:
    """Take whole groups in random order while they fit, and again in another order where that leaves a class short.
    Returns the chosen items' keys and the counts per class, the fullest ones found."""
    best: tuple[set[int], Counter] = (set(), Counter())
    added = [_class_counts(group) for group in groups]
    enough = len(total := sum(added, Counter())) == classes and min(total.values()) >= per_class
    for _ in range(ORDERS_TRIED if enough else 1):  # one order says as well what is lacking
        chosen: set[int] = set()
        counts: Counter = Counter()
        for index in random.permutation(len(groups)).tolist():
            if all(counts[code] + number <= per_class for code, number in added[index].items()):
                counts.update(added[index])
                chosen.update(item.pk for item in groups[index])
        if len(chosen) > len(best[0]):
            best = chosen, counts
        if len(best[0]) == per_class * classes:
            break
    return best


def _place_groups(groups, codes: list[str], folds: int, random: np.random.Generator) -> np.ndarray:
    """Set every item's fold; returns counts by fold and class."""
    totals = Counter()
    for group in groups:
        totals += _class_counts(group)
    share_K = np.array([1 / totals[code] for code in codes])
    counts_FK = np.zeros((folds, len(codes)))
    order = sorted(random.permutation(len(groups)).tolist(), key=lambda index: -len(groups[index]))
    for index in order:
        added_K = np.array([_class_counts(groups[index])[code] for code in codes])
        imbalance_F = [
            (
                np.std((counts_FK + np.eye(folds)[fold][:, None] * added_K) * share_K, axis=0).sum(),
                counts_FK[fold].sum(),
            )
            for fold in range(folds)
        ]
        fold = min(range(folds), key=lambda place: imbalance_F[place])
        counts_FK[fold] += added_K
        for item in groups[index]:
            item.fold = fold
    return counts_FK
