"""Draw the test set and the folds: by group (photograph or patient), balanced over classes, from a seed."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.core.exceptions import ValidationError
from django.db import transaction

from imagebank.models import Item, Study


@dataclass(frozen=True)
class FoldSummary:
    """Items per fold and class: counts[fold][class code]."""

    counts: tuple[dict[str, int], ...]


def draw_test_set(*, study: Study, per_class: int, seed: int) -> int:
    """Choose `per_class` test items of every class; all other included items become training. Returns the test items.

    Whole groups are taken, so that no test item has a relative in training; folds are cleared. The same seed and the
    same items give the same test set. Raises ValidationError, and changes nothing, when some class cannot have
    exactly `per_class` items in whole groups.
    """
    with transaction.atomic():
        items = _locked_items(study)
        chosen, counts = _take_groups(items, per_class, np.random.default_rng(seed))
        classes = list(study.classes.values_list("code", flat=True))
        if short := [f"{code}: {counts[code]}" for code in classes if counts[code] != per_class]:
            raise ValidationError(
                f"{study.slug} needs {per_class} test items of every class in whole groups; found {', '.join(short)}. "
                "Lower the number, add items, or try another seed."
            )
        for item in items:
            item.split = Item.Split.TEST if item.pk in chosen else Item.Split.TRAIN
            item.fold = None
        Item.objects.bulk_update(items, ["split", "fold"], batch_size=500)
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
    Study.objects.select_for_update().get(pk=study.pk)
    return list(study.items.included().filter(truth__isnull=False).select_related("truth__diagnosis").order_by("code"))


def _groups(items: Sequence[Item]) -> list[list[Item]]:
    """Items by group; an item without a group is a group of its own."""
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[("group", item.group) if item.group else ("item", item.code)].append(item)
    return list(groups.values())


def _class_counts(group: Sequence[Item]) -> Counter:
    return Counter(item.truth.diagnosis.code for item in group)


def _take_groups(items: Sequence[Item], per_class: int, random: np.random.Generator) -> tuple[set[int], Counter]:
    """Take whole groups in random order while they fit. Returns the chosen items' keys and the counts per class."""
    groups = _groups(items)
    chosen: set[int] = set()
    counts: Counter = Counter()
    for index in random.permutation(len(groups)).tolist():
        added = _class_counts(groups[index])
        if all(counts[code] + number <= per_class for code, number in added.items()):
            counts += added
            chosen.update(item.pk for item in groups[index])
    return chosen, counts


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
