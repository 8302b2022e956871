"""Choose what a rating study shows from the items of the bank: real beside generated, matched class by class."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from imagebank.models import Item, ItemImage, Study
from surveys.models import Stimulus

from .rating import GENERATED, REAL, StimulusSpec, grid, pair, single, strip

GENERATED_VIEW = "generated"


@dataclass
class _Bank:
    """Images by class, and the frames of strips and grids by their name."""

    real: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))
    generated: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))
    others: list[StimulusSpec] = field(default_factory=list)
    strips: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))
    grids: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))


def stimuli_from_items(
    *, sources: Sequence[Study], real_view: str, singles: int, pairs: int, practice: int = 3, seed: int
) -> list[StimulusSpec]:
    """Stimuli from the items of `sources`, half of the singles real, half generated, equally many of each class.

    Real are the test items' pictures in `real_view`; generated are pictures whose view is "generated", or whose item's
    attribute `origin` says so. Further attributes of a generated item: `condition`; `role` catch or practice; `strip` and
    `frame`, `grid`, `row` and `column` for the frames of strips and grids. Its class is the stated label. Images of practice
    and of pairs come from those that are no singles. ValidationError when there are too few.
    """
    from surveys.core.draw import Draw

    bank = _sorted_bank(sources, real_view)
    draw = Draw(seed, "stimuli")
    for images in (*bank.real.values(), *bank.generated.values()):
        draw.shuffle(images)
    stimuli = _singles(bank, singles) + _practice(bank, practice) + _pairs(bank, pairs)
    stimuli += [strip(name, _in_order(frames, "frame"), condition=_condition(frames[0]))
                for name, frames in sorted(bank.strips.items())]  # fmt: skip
    for name, frames in sorted(bank.grids.items()):
        columns = len({_number(image, "column") for image in frames})
        stimuli.append(grid(name, _in_order(frames, "row", "column"), columns=columns, condition=_condition(frames[0])))
    return stimuli + bank.others


def _sorted_bank(sources: Sequence[Study], real_view: str) -> _Bank:
    bank = _Bank()
    images = ItemImage.objects.filter(item__in=Item.objects.filter(study__in=sources).included())
    for image in images.select_related("item__truth__diagnosis").order_by("item__study", "item__code", "view"):
        item = image.item
        made = image.view == GENERATED_VIEW or item.attributes.get("origin") == GENERATED
        label = item.truth.diagnosis.code if hasattr(item, "truth") else ""
        role = item.attributes.get("role", "")
        if role in (Stimulus.Role.CATCH, Stimulus.Role.PRACTICE):
            origin = GENERATED if made else REAL
            bank.others.append(single(image, origin, role=role, condition=_condition(image), label=label))
        elif made and item.attributes.get("strip"):
            bank.strips[str(item.attributes["strip"])].append(image)
        elif made and item.attributes.get("grid"):
            bank.grids[str(item.attributes["grid"])].append(image)
        elif made:
            bank.generated[label].append(image)
        elif image.view == real_view and item.split == Item.Split.TEST:
            bank.real[label].append(image)
    return bank


def _condition(image: ItemImage) -> str:
    return str(image.item.attributes.get("condition", "") or "generated")


def _number(image: ItemImage, name: str) -> int:
    try:
        return int(image.item.attributes[name])
    except (KeyError, TypeError, ValueError):
        raise ValidationError(
            f"Item {image.item.code} needs the attribute {name} as a number, for its place; add it."
        ) from None


def _in_order(images: Sequence[ItemImage], *names: str) -> list[ItemImage]:
    return sorted(images, key=lambda image: [_number(image, name) for name in names])


def _matched(bank: _Bank) -> list[str]:
    """Classes with real and generated pictures left, those with most first."""
    left = {label: min(len(bank.real[label]), len(bank.generated[label])) for label in sorted(bank.generated)}
    return sorted((label for label in left if left[label]), key=lambda label: -left[label])


def _take(bank: _Bank, count: int, what: str) -> list[tuple[str, ItemImage, ItemImage]]:
    """`count` couples of a real and a generated picture of one class, the classes in turns."""
    taken: list[tuple[str, ItemImage, ItemImage]] = []
    while len(taken) < count:
        labels = _matched(bank)
        if not labels:
            raise ValidationError(
                f"{count} {what} need a real and a generated image of the same class each; there are {len(taken)}. "
                "Publish more generated images or ask for fewer."
            )
        for label in labels[: count - len(taken)]:
            taken.append((label, bank.real[label].pop(), bank.generated[label].pop()))
    return taken


def _singles(bank: _Bank, count: int) -> list[StimulusSpec]:
    stimuli = []
    for label, real, made in _take(bank, count // 2, "pairs of singles"):
        stimuli.append(single(real, REAL, condition="real", label=label))
        stimuli.append(single(made, GENERATED, condition=_condition(made), label=label))
    return stimuli


def _practice(bank: _Bank, count: int) -> list[StimulusSpec]:
    """Pictures that are rated nowhere, real and generated in turns while there are any."""
    left = [
        (origin, label, image)
        for origin, images in ((REAL, bank.real), (GENERATED, bank.generated))
        for label in sorted(images)
        for image in images[label][-1:]
    ]
    real, made = ([entry for entry in left if entry[0] == origin] for origin in (REAL, GENERATED))
    turns = [entry for couple in zip(real, made, strict=False) for entry in couple] or real
    stimuli = []
    for origin, label, image in turns[:count]:
        (bank.real if origin == REAL else bank.generated)[label].remove(image)
        stimuli.append(single(image, origin, role=Stimulus.Role.PRACTICE, label=label))
    return stimuli


def _pairs(bank: _Bank, count: int) -> list[StimulusSpec]:
    return [
        pair(real, made, condition=_condition(made), label=label) for label, real, made in _take(bank, count, "pairs")
    ]
