"""The draw of the control arm: every count is the share rounded up or down, every place has the same chance, one seed one draw."""

import math
from collections import Counter
from fractions import Fraction

import pytest

from surveys.core.control import Place, draw_control

CLASSES, PER_CLASS, SURVEYS, GROUPS, VIEWS = 3, 3, 6, ("gen", "ped"), ("focused", "panoramic")


def places(per_class: int = PER_CLASS) -> list[Place]:
    """Six surveys, every item in two of them, two groups, two views."""
    found = []
    for group in GROUPS:
        for survey in range(SURVEYS):
            for view in VIEWS:
                for number in range(CLASSES):
                    for place in range(per_class):
                        item = f"{number}-{survey % (SURVEYS // 2) * per_class + place}"
                        name = f"{group}/{survey}/{view}/{item}"
                        found.append(Place(name, group, str(survey), view, item, str(number)))
    return found


COUNTS = {
    "all": lambda place: (),
    "seat": lambda place: (place.group, place.survey),
    "block": lambda place: (place.group, place.survey, place.view),
    "class of a block": lambda place: (place.group, place.survey, place.view, place.item_class),
    "item": lambda place: (place.view, place.item),
    "item of a group": lambda place: (place.group, place.view, place.item),
    "class": lambda place: (place.view, place.item_class),
}


@pytest.mark.parametrize("share", [Fraction(1, 4), Fraction(33, 100), Fraction(1, 2), Fraction(0)])
def test_every_count_is_the_share_rounded_up_or_down(share):
    every = places()
    for seed in range(20):
        drawn = draw_control(every, share=share, seed=seed)
        for name, key in COUNTS.items():
            size, control = Counter(map(key, every)), Counter(key(place) for place in every if place.name in drawn)
            for group, count in size.items():
                exact = share * count
                assert math.floor(exact) <= control[group] <= math.ceil(exact), (name, group, seed)


def test_every_place_is_control_as_often_as_the_share_says():
    every, share, draws = places(per_class=2), Fraction(3, 10), 1500
    counted = Counter(name for seed in range(draws) for name in draw_control(every, share=share, seed=seed))
    spread = math.sqrt(draws * 0.3 * 0.7)
    assert max(abs(counted[place.name] - 0.3 * draws) for place in every) < 4.5 * spread
    # Chance, not the order of the file: two places of one class in one block are control in turns.
    assert sum(counted.values()) == pytest.approx(0.3 * draws * len(every), rel=0.01)


def test_one_seed_one_draw_whatever_the_order():
    every = places()
    drawn = draw_control(every, share=Fraction(1, 4), seed=3)
    assert draw_control(every[::-1], share=Fraction(1, 4), seed=3) == drawn
    assert draw_control(every, share=Fraction(1, 4), seed=4) != drawn


def test_an_impossible_draw_is_one_sentence():
    with pytest.raises(ValueError, match="from 0 to below 1 is needed; it is 1"):
        draw_control(places(), share=Fraction(1), seed=1)
    with pytest.raises(ValueError, match="same name"):
        draw_control(places()[:1] * 2, share=Fraction(1, 2), seed=1)
