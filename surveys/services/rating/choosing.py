"""Choose what a rating study shows from the items of the bank: real beside generated, matched one by one."""

from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from itertools import zip_longest

from django.core.exceptions import ValidationError

from imagebank.models import Item, ItemImage, Study
from surveys.models import Stimulus

from .practice import Spare, practice_of_others
from .setting_up import GENERATED, REAL, StimulusSpec, pair, sheet, single, strip
from .tones import recorded_tone, tones_of

TONE_STEPS = 1


@dataclass(frozen=True)
class Couple:
    """A real image and a generated one of the same class; steps: between their skin tones, None where one is unknown."""

    label: str
    real: ItemImage
    made: ItemImage
    tones: tuple[str, str] = ("", "")

    @property
    def steps(self) -> int | None:
        return tone_steps(*self.tones)


def tone_steps(first: str, second: str) -> int | None:
    """Steps between two tones of one scale; of tones with other names whether they differ; None where one is unknown."""
    if not first or not second:
        return None
    if first.isdecimal() and second.isdecimal():
        return abs(int(first) - int(second))
    return int(first != second)


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
    toned: list[ItemImage] = field(default_factory=list)


def stimuli_from_items(
    *, sources: Sequence[Study], real_view: str, singles: int, pairs: int, practice: int = 3, practice_others: int = 0, seed: int,
    strips: int | None = None, image_sets: Sequence[str] = (), require_tones: bool = False,
) -> list[StimulusSpec]:  # fmt: skip
    """Stimuli from the items of `sources`: half of the singles real, half generated, equally many of each class.

    Generated are pictures in the view "generated" and items whose attribute `generated` is true; its `stated_class` is the
    stated label and its `condition` what the analysis compares. A generated picture is accompanied by the real item that
    names it in `matches`, else by a test item of its class in `real_view` whose skin tone is nearest (rating_tones.py);
    couples that match best are taken first, of every condition equally many as far as there are enough. image_sets: hashes,
    or their beginnings, of the published sets to show; all when empty. require_tones: refuse where the tones of a couple are
    unknown or more than one step apart. Items of the kind morph-frame make strips (`strip`, `frame`, `control`), at most
    `strips` of them, of morphs and of every control equally many; items of the kind mix-grid make grids (`rows`, `columns`,
    `tile_px`). An attribute `role` makes an item a catch, or practice. Pairs and practice are made of pictures that are no
    singles. practice_others: of pairs, strips and grids, where they are shown, so many each to practise with, as far as pictures
    are left that are rated nowhere (rating_practice.py). Too few pictures raise ValidationError.
    """
    from surveys.core.draw import Draw

    bank = _sorted_bank(sources, real_view, image_sets)
    draw = Draw(seed, "stimuli")
    for images in (*bank.made.values(), *bank.real.values()):
        draw.shuffle(images)
    wanted = singles // 2 + pairs
    couples = _couples(bank, wanted)
    if wanted > len(couples):
        raise ValidationError(
            f"{singles} singles and {pairs} pairs need {wanted} generated images with a real one of the same class each; "
            f"there are {len(couples)}. Publish more images or ask for fewer."
        )
    if require_tones:
        _require_tones(couples[:wanted])
    stimuli: list[StimulusSpec] = []
    for couple in couples[: singles // 2]:
        label, (real_tone, made_tone) = couple.label, couple.tones
        stimuli += [single(couple.real, REAL, condition="real", label=label, tone=real_tone),
                    single(couple.made, GENERATED, condition=_condition(couple.made), label=label, tone=made_tone)]  # fmt: skip
    stimuli += [pair(couple.real, couple.made, condition=_condition(couple.made), label=couple.label)
                for couple in couples[singles // 2 : wanted]]  # fmt: skip
    others = [spec for spec in bank.others if singles or spec.role == Stimulus.Role.PRACTICE]
    spare = Spare.of([(couple.label, couple.real, couple.made) for couple in couples[wanted:]],
                     [(label, image) for label in sorted(bank.real) for image in bank.real[label]])  # fmt: skip
    stimuli += spare.singles(practice)
    rated = [spec for spec in stimuli if spec.role == Stimulus.Role.RATED] + _strips(bank, strips, draw) + _grids(bank)
    shown = {spec.code for spec in rated}
    unshown = [spec for spec in _strips(bank, None, draw) if spec.code not in shown] if strips is not None else []
    drawn = stimuli + [spec for spec in rated if spec.kind in ("strip", "grid")]
    return drawn + practice_of_others(rated, spare=spare, strips=unshown, each=practice_others) + others


def _require_tones(couples: Sequence[Couple]) -> None:
    far = [couple for couple in couples if couple.steps is None or couple.steps > TONE_STEPS]
    if far:
        worst = far[0]
        known = f"tone {worst.tones[1]} beside tone {worst.tones[0]}" if worst.steps is not None else "a tone that is unknown"
        raise ValidationError(
            f"{len(far)} of {len(couples)} generated images have no real one of their class within {TONE_STEPS} step of skin "
            f"tone (class {worst.label}: {known}). Add real test images of such tones, ask for fewer, or do not require it."
        )


def _sorted_bank(sources: Sequence[Study], real_view: str, image_sets: Sequence[str]) -> _Bank:
    bank, unseen = _Bank(), set(image_sets)
    images = ItemImage.objects.filter(item__in=Item.objects.filter(study__in=sources).included())
    for image in images.select_related("item__truth__diagnosis").order_by("item__study", "item__code", "view"):
        facts, label = image.item.attributes, _label(image.item)
        made = bool(facts.get("generated")) or image.view == GENERATED_VIEW
        kind, role = facts.get("kind", ""), facts.get("role", "")
        if made and image_sets:
            own = [name for name in image_sets if str(facts.get("image_set", "")).startswith(name)]
            unseen.difference_update(own)
            if not own:
                continue
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
        if not made and image.view == real_view and recorded_tone(image):
            bank.toned.append(image)
    if unseen:
        raise ValidationError(
            f"No picture of the image set {sorted(unseen)[0]} is published in {', '.join(row.slug for row in sources)}; "
            "publish it there first, or give the beginning of its hash."
        )
    return bank


def _label(item: Item) -> str:
    if "stated_class" in item.attributes:
        return str(item.attributes["stated_class"])
    return item.truth.diagnosis.code if hasattr(item, "truth") else ""


def _condition(image: ItemImage) -> str:
    return str(image.item.attributes.get("condition") or "generated")


def _couples(bank: _Bank, wanted: int) -> list[Couple]:
    """Every generated picture with a real one of its class, none used twice; the first `wanted` are those to be shown.

    Classes take turns, and within a class so do the conditions (curated, random); of each, those come first for which there is
    a real picture of the nearest skin tone. Then those to be shown choose anew, before all others.
    """
    shown = [image for images in (*bank.made.values(), *bank.real.values()) for image in images]
    tones = tones_of([*shown, *bank.matching.values()], known=bank.toned)
    order = [couple.made.pk for couple in _in_turns(_paired(bank, tones))]
    first = set(order[:wanted])
    again = {couple.made.pk: couple for own in _paired(bank, tones, first=first) for couple in own}
    taken = {couple.real.pk for couple in again.values()}
    for label, images in bank.real.items():
        bank.real[label] = [real for real in images if real.pk not in taken]
    return [again[pk] for pk in order if pk in again]


def _paired(bank: _Bank, tones: dict[int, str], first: Set[int] = frozenset()) -> list[list[Couple]]:
    """Couples class by class, the nearest in tone first: real and generated differ least in all, for the generated
    pictures `first`, then for the others. A real picture that names its generated one stays with it."""
    by_class: list[list[Couple]] = []
    for label in sorted(bank.made):
        chosen = {made.pk: bank.matching[made.item.code] for made in bank.made[label] if made.item.code in bank.matching}
        for shown in (True, False):
            free = [made for made in bank.made[label] if made.pk not in chosen and (made.pk in first) == shown]
            taken = {real.pk for real in chosen.values()}
            chosen |= _nearest(free, [real for real in bank.real[label] if real.pk not in taken], tones)
        own = [Couple(label, chosen[made.pk], made, (tones[chosen[made.pk].pk], tones[made.pk]))
               for made in bank.made[label] if made.pk in chosen]  # fmt: skip
        by_class.append(sorted(own, key=lambda couple: _cost(*couple.tones)))
    return by_class


def _in_turns(by_class: Sequence[list[Couple]]) -> list[Couple]:
    """Class by class, each time of the condition that this class, then all of them, had least often so far."""
    ordered: list[Couple] = []
    so_far: Counter = Counter()
    waiting = [list(own) for own in by_class]
    while any(waiting):
        for own in filter(None, waiting):
            label = own[0].label
            conditions = list(dict.fromkeys(_condition(couple.made) for couple in own))
            wanted = min(conditions, key=lambda name, label=label: (so_far[label, name], so_far[name], name))
            couple = next(couple for couple in own if _condition(couple.made) == wanted)
            own.remove(couple)
            ordered.append(couple)
            so_far.update([wanted, (label, wanted)])
    return ordered


def _cost(first: str, second: str) -> int:
    steps = tone_steps(first, second)
    return TONE_STEPS if steps is None else steps


def _nearest(made: Sequence[ItemImage], real: Sequence[ItemImage], tones: dict[int, str]) -> dict[int, ItemImage]:
    """A real image for as many generated ones as there are, by primary key, with the least sum of steps between tones."""
    from scipy.optimize import linear_sum_assignment

    if not made or not real:
        return {}
    rows, columns = linear_sum_assignment([[_cost(tones[r.pk], tones[m.pk]) for r in real] for m in made])
    return {made[row].pk: real[column] for row, column in zip(rows, columns, strict=True)}


def _number(image: ItemImage, name: str) -> int:
    try:
        return int(image.item.attributes[name])
    except (KeyError, TypeError, ValueError):
        raise ValidationError(f"Item {image.item.code} needs the attribute {name} as a whole number; add it.") from None


def _strips(bank: _Bank, most: int | None, draw) -> list[StimulusSpec]:
    """All strips, or `most` of them by lot, of morphs and of each control in turn."""
    stimuli = []
    for code, frames in sorted(bank.strips.items()):
        ordered = sorted(frames, key=lambda image: _number(image, "frame"))
        control = str(ordered[0].item.attributes.get("control") or "morph")
        stimuli.append(strip(code, ordered, condition=control))
    if most is None:
        return stimuli
    by_control: dict[str, list[StimulusSpec]] = defaultdict(list)
    for spec in stimuli:
        by_control[spec.condition].append(spec)
    for own in by_control.values():
        draw.shuffle(own)
    first = sorted(by_control, key=lambda control: (control != "morph", control))
    turns = zip_longest(*(by_control[control] for control in first))
    return [spec for turn in turns for spec in turn if spec][:most]


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
