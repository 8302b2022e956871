"""The drawn design of a rating study: certified, balanced in both ways round, the same bytes for the same seed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core import DesignError, RatingPart, counterbalance, draw_rating_design
from surveys.core.__main__ import main
from surveys.core.draw import Draw
from surveys.core.rating_design import verify_rating_design


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


def test_a_changed_design_is_found_out(tmp_path, capsys):
    document = draw_rating_design([part("single", 12, 1, catches=["catch"]), part(repeats=0.3)], raters=6, seed=1)
    path = tmp_path / "design.json"

    def verdict(change):
        changed = json.loads(json.dumps(document))
        change(changed)
        path.write_text(json.dumps(changed))
        code = main(["verify-ratings", str(path)])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    pages = lambda changed, block=0: changed["surveys"][2]["blocks"][block]["pages"]  # noqa: E731
    assert verdict(lambda changed: None)[0] == 0
    assert verdict(lambda changed: pages(changed).pop(0))[0] == 1
    code, words = verdict(lambda changed: pages(changed, 1)[0].update(order=[2, 2]))
    assert code == 1
    assert "is shown in the order [2, 2]" in words
    assert verdict(lambda changed: pages(changed).insert(0, pages(changed)[3]))[0] == 1
    assert verdict(lambda changed: changed.update(schema="survey-design/1"))[0] == 2
    assert verdict(lambda changed: changed.pop("surveys"))[0] == 2


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


def generated(condition, number):
    return {"stimulus": f"{condition}-{number}", "kind": "single", "role": "rated", "condition": condition, "label": "",
            "tone": "", "frames": [{"origin": "generated"}]}  # fmt: skip


def test_the_certificate_says_how_evenly_curated_and_random_images_are_dealt():
    made = [generated(condition, number) for condition in ("curated", "random") for number in range(6)]
    strata = {row["stimulus"]: f"{row['condition']} / {row['stimulus'][-1]}" for row in made}
    of = RatingPart("single", strata, dict.fromkeys(strata, 1), groups={s: s.split(" / ")[0] for s in strata.values()})
    document = draw_rating_design([of], raters=8, seed=2, stimuli=made)
    name = "single: conditions per rater"
    (found,) = [entry for entry in document["certificate"]["properties"] if entry["name"] == name]
    assert found["holds"]
    assert found["detail"] == "curated: 6 images, 4 to 5 for each rater; random: 6 images, 4 to 5 for each rater."
    for survey in document["surveys"][:1]:
        pages = survey["blocks"][0]["pages"]
        survey["blocks"][0]["pages"] = [page for page in pages if page["stimulus"].startswith("random")]
    (again,) = [entry for entry in verify_rating_design(document).to_dict()["properties"] if entry["name"] == name]
    assert not again["holds"]
    assert again["reached"] == 5


def test_a_study_of_one_condition_says_nothing_of_conditions():
    made = [generated("random", number) for number in range(6)]
    strata = dict.fromkeys((row["stimulus"] for row in made), "random")
    document = draw_rating_design([RatingPart("single", strata, dict.fromkeys(strata, 1))], raters=6, seed=2, stimuli=made)
    assert not [entry for entry in document["certificate"]["properties"] if "conditions" in entry["name"]]
