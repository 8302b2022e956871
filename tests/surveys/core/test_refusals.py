"""Impossible designs are refused with the nearest possible ones; bad lists with every bad line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core import DesignError, assemble, nearest_possible, parse_items, read_items

from .studies import founding_items, items_of


def refusal(items, **changes) -> str:
    with pytest.raises(DesignError) as error:
        assemble(items, **{"per_class": 4, "sets": 6, "seed": 1, **changes})
    return str(error.value)


def test_an_uneven_split_names_the_nearest_even_ones():
    assert refusal(founding_items(), per_class=3) == (
        "20 items per class with 3 per survey cannot be split evenly; "
        "nearest: 2 or 4 per class (10 or 5 surveys a set), or 18 or 21 items per class."
    )


def test_more_per_survey_than_there_are():
    assert "nearest: 20 per class (1 survey a set), or 24 items per class." in refusal(founding_items(), per_class=24)


@given(st.integers(1, 200), st.integers(1, 60))
@settings(max_examples=50, deadline=None)
def test_the_nearest_possible_designs_are_possible_and_nearest(items, per_class):
    near = nearest_possible(items, per_class)
    for k in near.per_class:
        assert items % k == 0
    for n in near.items_per_class:
        assert n % per_class == 0
        assert abs(n - items) < per_class
    if items % per_class == 0:
        assert near.per_class == (per_class,)
        assert near.items_per_class == (items,)
    for k in range(min(near.per_class) + 1, max(near.per_class)):
        assert items % k


def test_unequal_classes_are_named_with_what_to_do():
    items = founding_items()
    del items["MA-01"], items["MA-02"]
    text = refusal(items)
    assert "6 of 7 classes have 20, but MA has 18." in text
    assert "leave items out until every class has 16" in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"per_class": 0}, "per_class must be a whole number of at least 1; found 0."),
        ({"sets": -1}, "sets must be a whole number of at least 1; found -1."),
        ({"sets": True}, "sets must be a whole number of at least 1; found True."),
        ({"per_class": 2.0}, "per_class must be a whole number"),
        ({"seed": "7"}, "seed must be a whole number; found '7'."),
        ({"views": []}, "at least one view"),
        ({"views": ["a", "a"]}, "each with a name of its own"),
        ({"view_order": "up"}, "view_order must be one of fixed, counterbalanced, random"),
    ],
)
def test_bad_arguments_are_one_sentence(changes, sentence):
    assert sentence in refusal(founding_items(), **changes)


def test_no_items_and_unprintable_items():
    assert "A design needs items; found none." in refusal({})
    assert "cannot be printed" in refusal({"a\x00b": "A"}, per_class=1)
    assert "needs a code and a class" in refusal({" ": "A"}, per_class=1)


def test_extra_columns_and_blank_lines_and_a_byte_order_mark_do_no_harm(tmp_path):
    path = tmp_path / "items.csv"
    path.write_bytes('\ufeffnote,class, item \n"two\nlines",A,one\n\nx,B,two\n'.encode())
    assert read_items(path) == {"one": "A", "two": "B"}


def test_every_bad_row_is_reported_with_its_line():
    text = 'item,class\na,A\n"b\nc",A\n,A\nd,\na,B\ne\nf,A,extra\n'
    with pytest.raises(DesignError) as error:
        parse_items(text)
    message = str(error.value)
    for expected in (
        "6 bad rows",
        "line 3: the item or its class holds a character that cannot be printed.",
        "line 5: the item is empty.",
        "line 6: the class is empty.",
        "line 7: item a already stands on line 2; every item is listed once.",
        "line 8: expected 2 cells, as in the header; found 1.",
        "line 9: expected 2 cells, as in the header; found 3.",
    ):
        assert expected in message


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "the header should name the columns item and class; found nothing."),
        (b"item|class\na|A\n", "found item|class."),
        (b"item,class,item\na,A,b\n", "names the column item more than once"),
        (b"item,class\n", "lists no items"),
        (b"item,class\na,\xc3\xa4\nb,\xff\n", "UTF-8, but line 3 holds a byte that is not"),
        (b'item,class\n"a,A\n', "opened in the row that begins at line 2 is never closed"),
    ],
)
def test_a_file_that_is_no_list_of_items(tmp_path, data, sentence):
    path = tmp_path / "items.csv"
    path.write_bytes(data)
    with pytest.raises(DesignError) as error:
        read_items(path)
    assert sentence in str(error.value)


def test_items_of_helper_is_even():
    assert len(items_of(3, 4)) == 12
