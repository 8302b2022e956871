"""The drawn design of a rating study: certified, balanced in both ways round, the same bytes for the same seed."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core import DesignError, RatingPart, counterbalance, draw_rating_design
from surveys.core.__main__ import main
from surveys.core.draw import Draw
from surveys.core.rating_design import verify_rating_design
from surveys.core.repeats import bounds, deal_repeats, share_of_repeats


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


SHIPPED = {"single": (1, 0.08, 60), "pair": (2, 0.05, 40), "strip": (5, 0.1, 16), "grid": (4, 0, 8)}


def shipped(**counts):
    """Parts with the shares and limits of the shipped preset."""
    return [part(kind, count, SHIPPED[kind][0], repeats=SHIPPED[kind][1], per_rater_max=SHIPPED[kind][2])
            for kind, count in counts.items()]  # fmt: skip


def repeats_of_raters(document):
    """For every rater (repeats, stimuli seen the first time) of the kinds of which six or more are seen, and repeats of the others."""
    for survey in document["surveys"]:
        pages = [[page["kind"] for page in block["pages"]] for block in survey["blocks"] if block["view"] != "grid"]
        many = [kinds for kinds in pages if kinds.count("single") >= 6]
        few = [kinds for kinds in pages if kinds.count("single") < 6]
        yield sum(k.count("repeat") for k in many), sum(k.count("single") for k in many), sum(k.count("repeat") for k in few)


@pytest.mark.parametrize(
    ("counts", "raters"),
    [
        ({"single": 24, "pair": 6, "strip": 16}, 12),
        ({"single": 24, "pair": 4, "strip": 14, "grid": 2}, 12),
        ({"single": 40, "pair": 12, "strip": 4}, 12),
        ({"single": 200, "pair": 40, "strip": 14}, 24),
        ({"single": 112}, 12),
    ],
)
def test_every_rater_sees_five_to_ten_per_cent_again_whatever_kinds_there_are(counts, raters):
    """Seven strips with one repeat of their own would be 14 %, three pairs 33 %."""
    document = draw_rating_design(shipped(**counts), raters=raters, seed=3)
    assert document["certificate"]["promises_hold"]
    for repeats, seen, of_few in repeats_of_raters(document):
        assert of_few == 0
        assert 0.05 <= repeats / seen <= 0.1
    (entry,) = [row for row in document["certificate"]["properties"] if row["name"] == "repeats of a sitting"]
    assert (entry["holds"], entry["reached"]) == (True, 0)
    assert f" at {raters} raters; singles: " in entry["detail"]


def test_where_a_rater_sees_fewer_than_ten_the_share_is_kept_over_all_raters():
    """A tenth of seven is no number of strips: some raters see one again, some none, and the certificate says so."""
    document = draw_rating_design(shipped(strip=14), raters=12, seed=3)
    found = [repeats for repeats, seen, _ in repeats_of_raters(document) if seen == 7]
    assert len(found) == 12
    assert set(found) == {0, 1}
    assert 0.05 <= sum(found) / (7 * 12) <= 0.1
    (entry,) = [row for row in document["certificate"]["properties"] if row["name"] == "repeats of a sitting"]
    assert entry["detail"] == "one at most at 12 raters with too few; strips: 8 of 84 over all raters (9.5 %)."


def test_a_sitting_with_more_repeats_than_promised_misses_the_limit():
    document = draw_rating_design(shipped(single=24, strip=14), raters=12, seed=3)
    strips = document["surveys"][0]["blocks"][1]["pages"]
    strips += [{"stimulus": page["stimulus"], "kind": "repeat", "order": page["order"][::-1]} for page in strips[:3]]
    (entry,) = [row for row in verify_rating_design(document).to_dict()["properties"] if row["name"] == "repeats of a sitting"]
    assert not entry["holds"]
    assert entry["reached"] >= 2


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({"single": st.integers(0, 57), "pair": st.integers(0, 39), "strip": st.integers(0, 16)}),
             min_size=1, max_size=30),
    st.fixed_dictionaries({"single": st.sampled_from([0, 0.05, 0.08, 0.3]), "pair": st.sampled_from([0, 0.05]),
                           "strip": st.sampled_from([0, 0.1, 0.02])}),
    st.integers(0, 1000),
)  # fmt: skip
def test_dealt_repeats_keep_every_raters_share(loads, shares, seed):
    room = [dict.fromkeys(own, 100) for own in loads]
    dealt = deal_repeats(loads, shares, room, draw=Draw(seed, "repeats"))
    assert dealt == deal_repeats(loads, shares, room, draw=Draw(seed, "repeats"))
    for own, counts in zip(loads, dealt, strict=True):
        many = {kind: own[kind] for kind in own if shares[kind] and own[kind] >= 6}
        fewest, most = bounds(sum(many.values()), share_of_repeats(list(shares.values())))
        assert fewest <= sum(counts.values()) <= most
        assert all(counts[kind] <= own[kind] // 2 for kind in own)
        assert all(counts[kind] == 0 for kind in set(own) - set(many))


def test_a_design_published_before_repeats_were_counted_by_sitting_keeps_its_certificate_to_the_letter():
    document = json.loads(Path(__file__).with_name("published_rating_design.json").read_text(encoding="utf-8"))
    assert "repeats" not in document
    assert verify_rating_design(document).to_dict() == document["certificate"]
    assert "Repeats are 33.3 to 50.0 % of a rater's images." in json.dumps(document["certificate"])


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
