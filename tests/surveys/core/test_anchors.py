"""Items that every survey shows: drawn or named, spread over all blocks, and checked from the design alone."""

import json
from collections import Counter
from itertools import combinations

import pytest

from surveys.core import Anchors, Design, DesignError, assemble, verify
from surveys.core.__main__ import main

from .studies import founding_items, items_of

ITEMS = founding_items()
NAMED = [f"{name}-{number:02d}" for name in sorted(set(ITEMS.values())) for number in (3, 17)]


@pytest.fixture(scope="module")
def anchored() -> Design:
    return assemble(ITEMS, per_class=4, sets=3, seed=7, anchors=2)


def problems(design: Design, change, *, redraw: bool = True) -> str:
    """What `verify` says of a design after `change` of its document; it must say something."""
    data = json.loads(design.to_json())
    change(data)
    found = verify(Design.from_json(json.dumps(data)), ITEMS, redraw=redraw)
    assert not found.promises_hold
    return "\n".join(found.problems)


def test_a_study_without_anchors_says_nothing_of_them(founding):
    """Its design is what it was before there were any, to the byte; `same_designs.json` holds older ones."""
    assert assemble(ITEMS, per_class=4, sets=6, seed=7, anchors=0).to_json() == founding.to_json()
    assert "anchor" not in founding.to_json()


def test_every_survey_shows_the_anchors_and_shares_the_others_out(anchored):
    anchors = set(anchored.anchors.items)
    assert Counter(ITEMS[item] for item in anchors) == dict.fromkeys(ITEMS.values(), 2)
    assert len(anchored.surveys) == 3 * 9  # 18 others of a class, 2 in each survey
    read = Counter()
    for survey in anchored.surveys:
        assert anchors < set(survey.items())
        for block in survey.blocks:
            assert Counter(ITEMS[item] for item in block.items) == dict.fromkeys(ITEMS.values(), 4)
        read.update(survey.items())
    assert {read[item] for item in anchors} == {27}
    assert {read[item] for item in set(ITEMS) - anchors} == {3}
    for number in (1, 2, 3):
        others = [item for survey in anchored.surveys if survey.set == number for item in survey.items() if item not in anchors]
        assert sorted(others) == sorted(set(ITEMS) - anchors)


def test_the_others_meet_as_rarely_as_in_a_study_of_their_own(anchored):
    """The certificate counts pairs without an anchor, and says so."""
    met = Counter()
    for survey in anchored.surveys:
        met.update(combinations(sorted(set(survey.items()) - set(anchored.anchors.items)), 2))
    entry = anchored.certificate["repeats over all pairs"]
    assert entry.reached == sum(times * (times - 1) // 2 for times in met.values())
    assert entry.meaning.endswith("Anchors, which meet every item, are not counted.")
    assert anchored.certificate["repeats within classes"].reached == 0


def test_anchors_stand_everywhere_in_the_blocks(anchored):
    certificate = anchored.certificate
    assert all(entry.holds for entry in certificate.properties)
    halves = {(block.view, item): [] for block in anchored.surveys[0].blocks for item in anchored.anchors.items}
    for survey in anchored.surveys:
        for block in survey.blocks:
            for item in anchored.anchors.items:
                halves[block.view, item].append(1 if block.items.index(item) >= 14 else -1)
    assert certificate["anchors early and late"].reached == max(abs(sum(sides)) for sides in halves.values()) == 1
    assert certificate["mean position of anchors"].reached < 1


def test_the_certificate_says_how_often_everything_is_read(anchored):
    assert anchored.certificate["anchors"].detail == (
        "An anchor is read in all 27 surveys, every other item in 3; two anchors meet in all 27 surveys, an anchor and another item in 3."
    )
    assert anchored.certificate["once per set"].meaning == "Every item that is no anchor stands in exactly one survey of every set."


def test_the_design_is_read_back_and_drawn_again(anchored):
    again = Design.from_json(anchored.to_json())
    assert again == anchored
    assert verify(again, ITEMS).promises_hold


def test_another_seed_draws_other_anchors(anchored):
    assert assemble(ITEMS, per_class=4, sets=1, seed=8, anchors=2).anchors != anchored.anchors


def test_named_anchors_are_those_and_are_verified_as_such():
    design = assemble(ITEMS, per_class=4, sets=2, seed=7, anchors=NAMED)
    assert design.anchors == Anchors(2, True, tuple(sorted(NAMED, key=lambda item: (ITEMS[item], item))))
    assert design.certificate["anchors"].meaning == "2 anchors of every class, named, stand in every survey."
    assert verify(Design.from_json(design.to_json()), ITEMS).promises_hold


def test_named_anchors_that_are_called_drawn_are_found():
    """Whoever picks items may not say that chance did."""
    design = assemble(ITEMS, per_class=4, sets=2, seed=7, anchors=NAMED)

    def pretend(data):
        data["anchors"]["chosen"] = "drawn"

    assert "where seed 7 draws" in problems(design, pretend)


def test_an_anchor_that_a_survey_lacks_is_named(anchored):
    anchor = anchored.anchors.items[0]

    def drop(data):
        blocks = data["surveys"][4]["blocks"]
        other = next(item for item in ITEMS if ITEMS[item] == ITEMS[anchor] and item not in blocks[0]["items"])
        for block in blocks:
            block["items"][block["items"].index(anchor)] = other

    said = problems(anchored, drop)
    assert f"Anchor {anchor} is missing in survey 5." in said
    assert "stands in surveys" in said


def test_a_design_that_hides_its_anchors_breaks_its_promises(anchored):
    def hide(data):
        del data["anchors"]

    assert "stands in surveys 1, 2, 3" in problems(anchored, hide)


def test_a_design_that_counts_other_anchors_than_it_lists_is_found(anchored):
    def fewer(data):
        data["anchors"]["items"].pop()

    assert "Class TSC has 1 anchor instead of 2." in problems(anchored, fewer)


def test_anchors_and_second_showings_go_together(anchored):
    design = assemble(ITEMS, per_class=4, sets=3, seed=7, anchors=2, repeats=0.1)
    assert [block.items for survey in design.surveys for block in survey.blocks] == [
        block.items for survey in anchored.surveys for block in survey.blocks
    ]
    assert verify(design, ITEMS, redraw=False).promises_hold
    assert all(entry.holds for entry in design.certificate.properties)


@pytest.mark.parametrize("order", ["counterbalanced", "random"])
def test_anchors_meet_each_order_of_views_equally_often(order):
    design = assemble(ITEMS, per_class=4, sets=2, seed=7, anchors=2, view_order=order)
    assert verify(design, ITEMS).promises_hold
    if order == "counterbalanced":
        assert design.certificate["order of views"].reached <= 1


@pytest.mark.parametrize(
    ("per_class", "anchors", "said"),
    [
        (4, 4, "A survey with 4 items per class has no room for 4 anchors per class beside one that is not; ask for fewer anchors"),
        (4, -1, "anchors must be a whole number of at least 0"),
        (4, True, "anchors must be a whole number of at least 0"),
        (4, 1, "20 items per class with 1 anchor: the other 19 cannot be split evenly into surveys with 3 more each; nearest: 19 or 22 items "
         "per class, 2 per class in a survey, or 2 or 3 anchors."),
        (20, 2, "Every survey of 20 items per class would show all 20"),
        (25, 2, "Every survey of 25 items per class would show all 20"),
        (4, "HMI-01", "anchors is a number of items of each class, or a list of codes; found 'HMI-01'"),
        (4, 1.5, "anchors is a number of items of each class, or a list of codes; found 1.5"),
        (4, ["HMI-01", "X-1"], "Anchors are items of the study; it has no X-1."),
        (4, [*NAMED, NAMED[0]], "Every anchor is named once; HMI-03 stands twice."),
        (4, NAMED[:-1], "Every class needs the same number of anchors; named are HMI 2, IP 2, MA 2, ML 2, NF1 2, Other 2, TSC 1."),
    ],
)  # fmt: skip
def test_anchors_that_cannot_be_are_refused_in_one_sentence(per_class, anchors, said):
    with pytest.raises(DesignError) as refused:
        assemble(ITEMS, per_class=per_class, sets=2, seed=7, anchors=anchors)
    assert str(refused.value).startswith(said)


def test_every_way_out_that_a_refusal_names_is_one():
    for per_class, anchors, items in ((4, 1, 19), (4, 1, 22), (2, 1, 20), (4, 2, 20), (4, 3, 20)):
        assemble(items_of(2, items), per_class=per_class, sets=1, seed=1, views=["photo"], anchors=anchors)


def test_unequal_classes_are_told_a_size_that_fits_the_anchors():
    items = {item: name for item, name in ITEMS.items() if item not in ("HMI-01", "HMI-02")}
    with pytest.raises(DesignError, match="HMI has 18.* leave items out until every class has 17"):
        assemble(items, per_class=5, sets=1, seed=1, anchors=2)


@pytest.mark.parametrize("table", [{"per_class": 0}, {"chosen": "guessed"}, {"items": "HMI-01"}, {"per_class": True}])
def test_a_design_with_a_strange_table_of_anchors_is_refused(anchored, table):
    data = json.loads(anchored.to_json())
    data["anchors"] |= table
    with pytest.raises(DesignError, match="the anchors"):
        Design.from_json(json.dumps(data))


def _listed(tmp_path, marked=(), word="yes"):
    listed = tmp_path / "items.csv"
    rows = [f"{item},{name},{word if item in marked else ''}\n" for item, name in ITEMS.items()]
    listed.write_text("item,class,anchor\n" + "".join(rows))
    return listed


def test_the_command_draws_and_verifies_anchors(tmp_path, capsys):
    listed, design = _listed(tmp_path), tmp_path / "design.json"
    asked = ["assemble", str(listed), "--per-class", "4", "--sets", "1", "--seed", "7", "--anchors", "2", "--out", str(design)]
    assert main(asked) == 0
    assert "anchors: holds" in capsys.readouterr().out
    assert main(["verify", str(design), str(listed)]) == 0


def test_the_command_takes_the_anchors_that_the_table_marks(tmp_path):
    listed, design = _listed(tmp_path, NAMED), tmp_path / "design.json"
    asked = ["assemble", str(listed), "--per-class", "4", "--sets", "1", "--seed", "7", "--anchors", "marked", "--out", str(design)]
    assert main(asked) == 0
    assert sorted(json.loads(design.read_text())["anchors"]["items"]) == sorted(NAMED)


@pytest.mark.parametrize(("marked", "word", "said"), [((), "yes", "marks no anchor"), (NAMED, "x", "line 4: anchor is 'x', expected yes")])
def test_a_table_that_marks_badly_is_refused(tmp_path, capsys, marked, word, said):
    listed = _listed(tmp_path, marked, word)
    asked = ["assemble", str(listed), "--per-class", "4", "--sets", "1", "--seed", "7", "--anchors", "marked", "--out", str(tmp_path / "d")]
    assert main(asked) == 2
    assert said in capsys.readouterr().err
