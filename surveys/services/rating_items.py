"""Choose what a rating study shows from the items of the bank: real beside generated, matched one by one."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError

from imagebank.models import Item, ItemImage, Study
from surveys.models import Stimulus

from .rating import GENERATED, REAL, StimulusSpec, pair, sheet, single, strip

Couple = tuple[str, ItemImage, ItemImage]
GENERATED_VIEW = "generated"


@dataclass
class _Bank:
    """What there is: single pictures by class, real ones made to match, frames of strips, sheets of grids."""

    made: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))
    real: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))
    matching: dict[str, ItemImage] = field(default_factory=dict)
    strips: dict[str, list[ItemImage]] = field(default_factory=lambda: defaultdict(list))
    sheets: list[ItemImage] = field(default_factory=list)
    others: list[StimulusSpec] = field(default_factory=list)


def stimuli_from_items(
    *, sources: Sequence[Study], real_view: str, singles: int, pairs: int, practice: int = 3, seed: int
) -> list[StimulusSpec]:
    """Stimuli from the items of `sources`: half of the singles real, half generated, equally many of each class.

    Generated are pictures in the view "generated" and items whose attribute `generated` is true; its `stated_class` is the
    stated label and its `condition` what the analysis compares. A generated picture is accompanied by the real item that
    names it in `matches`, else by a test item of its class in `real_view`. Items of the kind morph-frame make strips
    (`strip`, `frame`, `control`), items of the kind mix-grid make grids (`rows`, `columns`, `tile_px`). An attribute `role`
    makes an item a catch, or practice. Pairs and practice are made of pictures that are no singles. Too few pictures raise
    ValidationError.
    """
    from surveys.core.draw import Draw

    bank = _sorted_bank(sources, real_view)
    draw = Draw(seed, "stimuli")
    for images in (*bank.made.values(), *bank.real.values()):
        draw.shuffle(images)
    couples = _couples(bank)
    wanted = singles // 2 + pairs
    if wanted > len(couples):
        raise ValidationError(
            f"{singles} singles and {pairs} pairs need {wanted} generated images with a real one of the same class each; "
            f"there are {len(couples)}. Publish more images or ask for fewer."
        )
    stimuli: list[StimulusSpec] = []
    for label, real, made in couples[: singles // 2]:
        stimuli += [single(real, REAL, condition="real", label=label),
                    single(made, GENERATED, condition=_condition(made), label=label)]  # fmt: skip
    stimuli += [pair(real, made, condition=_condition(made), label=label)
                for label, real, made in couples[singles // 2 : wanted]]  # fmt: skip
    return stimuli + _practice(couples[wanted:], bank, practice) + _strips(bank) + _grids(bank) + bank.others


def _sorted_bank(sources: Sequence[Study], real_view: str) -> _Bank:
    bank = _Bank()
    images = ItemImage.objects.filter(item__in=Item.objects.filter(study__in=sources).included())
    for image in images.select_related("item__truth__diagnosis").order_by("item__study", "item__code", "view"):
        facts, label = image.item.attributes, _label(image.item)
        made = bool(facts.get("generated")) or image.view == GENERATED_VIEW
        kind, role = facts.get("kind", ""), facts.get("role", "")
        if role in (Stimulus.Role.CATCH, Stimulus.Role.PRACTICE):
            bank.others.append(single(image, GENERATED if made else REAL, role=role, label=label))
        elif kind == "morph-frame":
            bank.strips[str(facts.get("strip"))].append(image)
        elif kind == "mix-grid":
            bank.sheets.append(image)
        elif kind == "matched-real":
            bank.matching[str(facts.get("matches"))] = image
        elif made and kind in ("", "sample"):
            bank.made[label].append(image)
        elif not made and image.view == real_view and image.item.split == Item.Split.TEST:
            bank.real[label].append(image)
    return bank


def _label(item: Item) -> str:
    if "stated_class" in item.attributes:
        return str(item.attributes["stated_class"])
    return item.truth.diagnosis.code if hasattr(item, "truth") else ""


def _condition(image: ItemImage) -> str:
    return str(image.item.attributes.get("condition") or "generated")


def _couples(bank: _Bank) -> list[Couple]:
    """Every generated picture with a real one of its class, the classes in turns; none is used twice."""
    by_class: list[list[Couple]] = []
    for label in sorted(bank.made):
        unmatched = list(bank.real[label])
        own = []
        for made in bank.made[label]:
            real = bank.matching.get(made.item.code) or (unmatched.pop() if unmatched else None)
            if real is not None:
                own.append((label, real, made))
        bank.real[label] = unmatched
        by_class.append(own)
    longest = max(map(len, by_class), default=0)
    return [own[turn] for turn in range(longest) for own in by_class if turn < len(own)]


def _practice(couples: Sequence[Couple], bank: _Bank, count: int) -> list[StimulusSpec]:
    """Pictures that are rated nowhere: of couples that were not needed, then real ones without a partner."""
    left = [(origin, label, image) for label, real, made in couples for origin, image in ((REAL, real), (GENERATED, made))]
    left += [(REAL, label, image) for label in sorted(bank.real) for image in bank.real[label]]
    return [single(image, origin, role=Stimulus.Role.PRACTICE, label=label) for origin, label, image in left[:count]]


def _number(image: ItemImage, name: str) -> int:
    try:
        return int(image.item.attributes[name])
    except (KeyError, TypeError, ValueError):
        raise ValidationError(f"Item {image.item.code} needs the attribute {name} as a whole number; add it.") from None


def _strips(bank: _Bank) -> list[StimulusSpec]:
    stimuli = []
    for code, frames in sorted(bank.strips.items()):
        ordered = sorted(frames, key=lambda image: _number(image, "frame"))
        control = str(ordered[0].item.attributes.get("control") or "morph")
        stimuli.append(strip(code, ordered, condition=control))
    return stimuli


def _grids(bank: _Bank) -> list[StimulusSpec]:
    return [
        sheet(
            image,
            rows=_number(image, "rows"),
            columns=_number(image, "columns"),
            tile_px=_number(image, "tile_px"),
            condition="style mix",
        )
        for image in bank.sheets
    ]
