"""`verify` accepts the true design and names what is wrong with every other one."""

import copy
import json

import pytest

from surveys.core import Design, DesignError, verify

from .studies import founding_items


@pytest.fixture
def data(founding):
    return json.loads(founding.to_json())


def problems(data, items=None, *, redraw=False) -> str:
    certificate = verify(Design.from_json(json.dumps(data)), items or founding_items(), redraw=redraw)
    assert not certificate.promises_hold
    return "\n".join(certificate.problems)


def blocks(data, survey):
    return data["surveys"][survey - 1]["blocks"]


def test_the_true_design_is_accepted(founding):
    certificate = verify(founding, founding_items())
    assert certificate.promises_hold
    assert certificate.problems == ()
    assert certificate["seed"].holds
    assert certificate["stored certificate"].holds


def test_items_swapped_between_surveys_in_one_block(data):
    first, second = blocks(data, 1)[0]["items"], blocks(data, 2)[0]["items"]
    a, b = first[0], second[0]
    first[0], second[0] = b, a
    text = problems(data)
    assert f"Survey 1 (set 1): item {a} is in block panoramic but not in block focused." in text
    assert f"Set 1: item {a} stands in surveys 1 and 2." in text


@pytest.mark.parametrize("same_class", [True, False])
def test_items_swapped_between_surveys_in_all_blocks(data, same_class):
    """With both of one class every count is still right; only the meetings and the seed can tell."""
    items = founding_items()
    a = blocks(data, 1)[0]["items"][0]
    b = next(item for item in blocks(data, 2)[0]["items"] if (items[item] == items[a]) is same_class)
    for survey, old, new in ((1, a, b), (2, b, a)):
        for block in blocks(data, survey):
            block["items"] = [new if item == old else item for item in block["items"]]
    text = problems(data, redraw=True)
    if same_class:
        assert f"item {b} stands where seed 7 draws {a}" in text
        assert "stored certificate" in text
    else:
        assert f"Survey 1 (set 1), block focused: class {items[b]} has 5 items instead of 4" in text
        assert f"Survey 1 (set 1), block focused: class {items[a]} has 3 items instead of 4" in text


def test_two_items_exchanged_within_a_block(data):
    listed = blocks(data, 3)[1]["items"]
    listed[4], listed[20] = listed[20], listed[4]
    assert (
        f"Survey 3 (set 1), block panoramic, position 5: item {listed[4]} stands where seed 7 draws {listed[20]}"
        in problems(data, redraw=True)
    )


def test_a_missing_item(data):
    gone = blocks(data, 4)[0]["items"].pop()
    blocks(data, 4)[1]["items"].remove(gone)
    assert f"Set 1: item {gone} is missing; it stands in no survey of the set." in problems(data)


def test_an_item_missing_in_one_block(data):
    gone = blocks(data, 4)[1]["items"].pop()
    assert f"Survey 4 (set 1): item {gone} is in block focused but not in block panoramic." in problems(data)


def test_a_repeated_item(data):
    listed = blocks(data, 6)[0]["items"]
    listed[9] = listed[2]
    assert f"Survey 6 (set 2), block focused: item {listed[2]} stands at positions 3 and 10." in problems(data)


def test_an_unknown_item(data):
    blocks(data, 30)[1]["items"][27] = "NF1-99"
    assert "Survey 30 (set 6), block panoramic: item NF1-99 at position 28 is not in the list of items." in problems(
        data
    )


def test_a_wrong_class(data):
    items = founding_items() | {"MA-03": "ML"}
    text = problems(data, items)
    assert "Every class needs the same number of items" in text
    assert "MA has 19, ML has 21" in text
    assert "class ML has 5 items instead of 4" in text


def test_two_classes_exchanged_keep_all_counts_but_not_the_hash(data):
    items = founding_items()
    listed = blocks(data, 1)[0]["items"]
    swapped = {**items, **{name: {"MA": "ML", "ML": "MA"}.get(items[name], items[name]) for name in items}}
    assert len(listed) == 28
    assert "is not the one that the design was drawn for" in problems(data, swapped)


@pytest.mark.parametrize("key", ["seed", "max_run"])
def test_a_changed_number(data, key):
    data[key] += 1
    assert "stands where seed" in problems(data, redraw=True)


@pytest.mark.parametrize(("key", "value"), [("per_class", 2), ("sets", 5), ("sets", 10**12), ("per_class", 3)])
def test_a_changed_shape_is_found_and_costs_nothing(data, key, value):
    data[key] = value
    assert problems(data, redraw=True)


def test_a_changed_certificate(data):
    entry = next(e for e in data["certificate"]["properties"] if e["name"] == "repeats within classes")
    true = entry["reached"]
    entry["reached"] = 0
    expected = f'The stored certificate says of "repeats within classes" that reached is 0; recomputed it is {true}.'
    assert expected in problems(data)


def test_a_certificate_that_leaves_something_out_or_adds_something(data):
    left_out, added = copy.deepcopy(data), copy.deepcopy(data)
    del left_out["certificate"]["properties"][3]
    assert 'The stored certificate does not mention "no repeats".' in problems(left_out)
    added["certificate"]["properties"].append({**data["certificate"]["properties"][0], "name": "perfect"})
    assert 'mentions "perfect"' in problems(added)
    left_out["certificate"]["properties"] = []
    assert "The design carries no certificate." in problems(left_out)


def test_surveys_out_of_order_missing_or_in_another_set(data):
    missing, moved, renamed = (copy.deepcopy(data) for _ in range(3))
    del missing["surveys"][29]
    assert "The design has 29 surveys; 6 sets of 5 need 30." in problems(missing)
    moved["surveys"][0], moved["surveys"][1] = moved["surveys"][1], moved["surveys"][0]
    assert "Survey 2 (set 1) stands where survey 1 of set 1 belongs." in problems(moved)
    renamed["surveys"][7]["set"] = 3
    assert "Survey 8 (set 3) stands where survey 8 of set 2 belongs." in problems(renamed)


def test_blocks_in_the_wrong_order_or_of_a_wrong_view(data):
    turned, wrong = copy.deepcopy(data), copy.deepcopy(data)
    blocks(turned, 9).reverse()
    assert "Survey 9 (set 2): the blocks come in the order panoramic and focused" in problems(turned)
    blocks(wrong, 9)[1]["view"] = "close"
    assert "Survey 9 (set 2): the blocks are focused and close; they should be focused and panoramic." in problems(
        wrong
    )


def test_a_run_of_one_class(data):
    items = founding_items()
    listed = blocks(data, 2)[0]["items"]
    listed.sort(key=lambda item: items[item])
    assert (
        f"Survey 2 (set 1), block focused: 4 items of class HMI in a row, from item {listed[0]} at position 1."
        in problems(data)
    )


def test_a_design_of_an_unknown_method_cannot_claim_its_seed(data):
    data["method"] = "assembly/0"
    assert "this version knows only 'assembly/1'" in problems(data, redraw=True)


def test_every_truncation_is_one_clear_sentence(founding):
    text = founding.to_json()
    for end in range(0, len(text) - 2, 997):
        with pytest.raises(DesignError, match="not complete JSON"):
            Design.from_json(text[:end])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d.pop("seed"), '"seed" is missing in the design'),
        (lambda d: d.update(seed="7"), '"seed" in the design should be a whole number; found a text'),
        (lambda d: d.update(seed=True), "found true or false"),
        (lambda d: d.update(schema="survey-design/9"), "This is not a survey design"),
        (lambda d: d.update(sets=0), '"sets" should be at least 1'),
        (lambda d: d.update(surveys={}), '"surveys" in the design should be a list; found an object'),
        (lambda d: d["surveys"][4].pop("blocks"), '"blocks" is missing in survey 5'),
        (
            lambda d: d["surveys"][4]["blocks"][0]["items"].insert(2, 3),
            'Entry 3 of "items" in survey 5 should be a text',
        ),
        (lambda d: d["surveys"][4]["blocks"][0]["items"].insert(0, "\x1b[2J"), "cannot be printed"),
        (lambda d: d.update(certificate=None), '"certificate" should be an object'),
        (lambda d: d["certificate"]["properties"][0].update(holds="yes"), '"holds" is missing or of the wrong kind'),
        (lambda d: d.update(view_order="sideways"), '"view_order" should be one of fixed, counterbalanced, random'),
    ],
)
def test_a_malformed_design_is_refused_with_a_sentence(data, change, sentence):
    change(data)
    with pytest.raises(DesignError) as error:
        Design.from_json(json.dumps(data))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        '{"seed": 1, "seed": 2}',
        '{"seed": NaN}',
        "[" * 100_000,
        '{"seed": ' + "9" * 5000 + "}",
        '{"a": "\\ud800"}',
    ],
)
def test_hostile_text_is_refused(text):
    with pytest.raises(DesignError):
        Design.from_json(text)
