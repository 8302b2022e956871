"""Items of a reading study that come a second time in their block: drawn evenly, far apart, and checked from the design alone."""

import json

import pytest

from surveys.core import Design, DesignError, assemble, verify
from surveys.core.__main__ import main

from .studies import founding_items

ITEMS = founding_items()


@pytest.fixture(scope="module")
def repeating() -> Design:
    return assemble(ITEMS, per_class=4, sets=6, seed=7, repeats=0.1)


def problems(design: Design, change) -> str:
    """What `verify` says of a design after `change` of its document; it must say something."""
    data = json.loads(design.to_json())
    change(data["surveys"][0]["blocks"][0], data)
    found = verify(Design.from_json(json.dumps(data)), ITEMS, redraw=True)
    assert not found.promises_hold
    return "\n".join(found.problems)


def test_a_study_without_second_showings_says_nothing_of_them(founding):
    """Its design is what it was before there were any, to the byte."""
    assert assemble(ITEMS, per_class=4, sets=6, seed=7, repeats=0).to_json() == founding.to_json()
    assert "repeat_gap" not in founding.to_json()
    assert "second showings" not in {entry.name for entry in founding.certificate.properties}


def test_first_showings_are_those_of_the_study_without_second_ones(founding, repeating):
    """Whoever adds second showings changes nothing of what is compared: items, orders and their balance."""
    for plain, with_them in zip(founding.surveys, repeating.surveys, strict=True):
        assert [block.items for block in plain.blocks] == [block.items for block in with_them.blocks]
    for entry in founding.certificate.properties:
        if entry.name != "no repeats":
            assert repeating.certificate[entry.name] == entry


def test_every_block_repeats_its_share_far_apart_and_evenly(repeating):
    seen = dict.fromkeys(ITEMS, 0)
    for survey in repeating.surveys:
        again_here = []
        for block in survey.blocks:
            pages = block.pages()
            assert len(pages) == 31
            again = [item for item, showing in pages if showing == 2]
            assert len(set(again)) == 3
            assert len({ITEMS[item] for item in again}) == 3  # three classes of seven
            assert all(pages.index((item, 2)) - pages.index((item, 1)) >= 28 // 3 for item in again)
            again_here += again
        assert len(set(again_here)) == len(again_here)  # not in both views of one survey
        for item in again_here:
            seen[item] += 1
    assert set(seen.values()) == {1, 2}  # 180 second showings of 140 items
    certificate = repeating.certificate
    assert certificate.promises_hold
    assert certificate["second showings"].reached == 0
    assert certificate["second showings per item"].reached == certificate["second showings per item"].best == 1
    assert certificate["second showings per class"].reached == certificate["second showings per class"].best == 1


def test_no_class_runs_too_long_with_second_showings_among_the_first(repeating):
    for survey in repeating.surveys:
        for block in survey.blocks:
            classes = [ITEMS[item] for item, _ in block.pages()]
            runs = max(len(run) for run in _runs(classes))
            assert runs <= repeating.max_run


def _runs(values):
    run = [values[0]]
    for value in values[1:]:
        if value != run[-1]:
            yield run
            run = []
        run.append(value)
    yield run


def test_the_design_is_read_back_and_drawn_again(repeating):
    again = Design.from_json(repeating.to_json())
    assert again == repeating
    assert verify(again, ITEMS).promises_hold


def test_another_seed_repeats_other_items(repeating):
    other = assemble(ITEMS, per_class=4, sets=6, seed=8, repeats=0.1)
    assert [b.repeats for s in other.surveys for b in s.blocks] != [b.repeats for s in repeating.surveys for b in s.blocks]


def test_a_missing_second_showing_is_named(repeating):
    def drop(block, data):
        block["repeats"].pop()

    assert "Survey 1 (set 1), block focused: 2 items come again instead of 3." in problems(repeating, drop)


def test_a_second_showing_that_comes_too_soon_is_named(repeating):
    def hurry(block, data):
        pages = Design.from_json(json.dumps(data)).surveys[0].blocks[0].pages()
        first = pages.index((block["repeats"][0]["item"], 1)) + 1
        block["repeats"][0]["page"] = first + 2

    assert "too soon after page" in problems(repeating, hurry)


def test_a_second_showing_without_a_first_is_named(repeating):
    def stranger(block, data):
        block["repeats"][0]["item"] = next(item for item in ITEMS if item not in block["items"])

    assert "as a second showing and has no first" in problems(repeating, stranger)


def test_an_item_shown_three_times_is_named(repeating):
    def thrice(block, data):
        block["repeats"][2]["item"] = block["repeats"][0]["item"]

    assert "comes 3 times" in problems(repeating, thrice)


def test_a_page_that_the_block_does_not_have_is_named(repeating):
    def beyond(block, data):
        block["repeats"][2]["page"] = 400

    assert "more than the block has" in problems(repeating, beyond)


def test_second_showings_that_another_draw_would_give_are_found(repeating):
    """Counts and distances still hold; the seed does not draw this."""

    def later(block, data):
        last = block["repeats"][-1]
        last["page"] = last["page"] + 1 if last["page"] < 31 else last["page"] - 1

    assert "where seed 7 draws" in problems(repeating, later)


def test_second_showings_without_a_share_break_the_promise(repeating):
    def hide(block, data):
        del data["repeats"], data["repeat_gap"]

    assert "3 items come again instead of 0." in problems(repeating, hide)


@pytest.mark.parametrize("share", [-0.1, 0.6, True, "some"])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(DesignError, match="repeats is a share from 0 to 0.5; found"):
        assemble(ITEMS, per_class=4, sets=6, seed=7, repeats=share)


def test_a_block_too_short_for_second_showings_is_refused():
    items = {f"{name}{number}": name for name in "AB" for number in range(4)}
    with pytest.raises(DesignError, match="A block of 4 items is too short .* it needs 6"):
        assemble(items, per_class=2, sets=1, seed=1, views=["photo"], repeats=0.1)


def test_where_no_page_is_left_the_refusal_says_so():
    """Two classes in strict turn: an item can only come again where it makes a pair of one class."""
    items = {f"{name}{number}": name for name in "AB" for number in range(6)}
    with pytest.raises(DesignError, match="No page at least 4 pages after the first is left .* allow longer runs"):
        assemble(items, per_class=6, sets=1, seed=1, views=["photo"], max_run=1, repeats=0.5)


@pytest.mark.parametrize("share", [0.04, 0.25, 0.5])
def test_even_extreme_shares_keep_their_promises(share):
    design = assemble(ITEMS, per_class=4, sets=6, seed=3, repeats=share)
    assert verify(design, ITEMS, redraw=False).promises_hold
    assert design.certificate["second showings per item"].reached <= 2


def test_the_command_draws_and_verifies_second_showings(tmp_path, capsys):
    listed = tmp_path / "items.csv"
    listed.write_text("item,class\n" + "".join(f"{item},{name}\n" for item, name in ITEMS.items()))
    design = tmp_path / "design.json"
    asked = ["assemble", str(listed), "--per-class", "4", "--sets", "2", "--seed", "7", "--repeats", "0.1", "--out", str(design)]
    assert main(asked) == 0
    assert "second showings: holds" in capsys.readouterr().out
    assert main(["verify", str(design), str(listed)]) == 0
