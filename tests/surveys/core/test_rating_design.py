"""The drawn design of a rating study: certified, balanced in both ways round, the same bytes for the same seed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core import DesignError, RatingPart, counterbalance, draw_rating_design
from surveys.core.draw import Draw


def part(kind="pair", count=11, frames=2, **changes):
    codes = [f"{kind}-{number}" for number in range(count)]
    values = {"stimuli": {code: "a" if code < codes[count // 2] else "b" for code in codes}}
    return RatingPart(kind=kind, frames=dict.fromkeys([*codes, "catch"], frames), **values | changes)


def test_the_same_arguments_give_the_same_design_with_every_promise_kept():
    parts = [part("single", 20, 1, catches=["catch"]), part("strip", 7, 5, repeats=0.1)]
    first, second = (draw_rating_design(parts, raters=9, seed=3) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)
    assert first["certificate"]["promises_hold"]
    assert first != draw_rating_design(parts, raters=9, seed=4)
    assert [block["view"] for block in first["surveys"][0]["blocks"]] == ["single", "strip"]


def test_a_repeat_is_shown_the_other_way_round():
    document = draw_rating_design([part(repeats=0.3)], raters=8, seed=1)
    repeats = 0
    for survey in document["surveys"]:
        pages = survey["blocks"][0]["pages"]
        first = {page["stimulus"]: page["order"] for page in pages if page["kind"] == "single"}
        for page in pages:
            if page["kind"] == "repeat":
                repeats += 1
                assert page["order"] == first[page["stimulus"]][::-1]
    assert repeats >= 8


def test_single_images_and_grids_are_never_turned():
    document = draw_rating_design([part("grid", 6, 4)], raters=6, seed=1)
    orders = [page["order"] for survey in document["surveys"] for page in survey["blocks"][0]["pages"]]
    assert all(order == [1, 2, 3, 4] for order in orders)


def test_too_few_raters_are_refused_with_how_many_would_do():
    with pytest.raises(DesignError, match="need at least 6 raters"):
        draw_rating_design([part()], raters=4, seed=1)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 9)), min_size=1), st.integers(0, 1000))
def test_both_ways_round_are_balanced_at_every_rater_and_every_stimulus(pages, seed):
    pages = sorted(pages)
    turned = counterbalance(pages, draw=Draw(seed, "turns"))
    for side in (0, 1):
        for name in {page[side] for page in pages}:
            ways = [1 if turn else -1 for page, turn in zip(pages, turned, strict=True) if page[side] == name]
            assert abs(sum(ways)) == len(ways) % 2
