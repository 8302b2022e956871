"""Bounds that no design may beat, held against brute force and against counts of real designs."""

from fractions import Fraction
from itertools import combinations, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveys.core.bounds import least_equal_pairs, least_maximum, least_meetings, random_repeats, total_meetings
from surveys.core.meetings import _by_agreement, _by_pairs, largest_overlap, meeting_histogram, moment
from surveys.core.shape import Shape


def test_equal_cells_are_the_least_by_trying_all():
    for total, cells in product(range(7), range(1, 4)):
        tried = [
            sum(comb(size, 2) for size in sizes)
            for sizes in product(range(total + 1), repeat=cells)
            if sum(sizes) == total
        ]
        assert least_equal_pairs(total, cells) == min(tried)


def test_bounds_are_reached_by_a_code_that_is_known_to_be_best():
    """Polynomials of degree below 3 over the field of 5, at its 5 points: 125 words that agree at most twice."""
    words = np.array([[(a + b * x + c * x * x) % 5 for x in range(5)] for a, b, c in product(range(5), repeat=3)]).T
    shape = Shape(classes=1, items_per_class=125, per_class=25, sets=5)
    histogram = meeting_histogram(words)
    assert max(times for times, count in enumerate(histogram) if count) == least_maximum(125, shape) == 2
    for order in (1, 2, 3):
        assert moment(histogram, order) == least_meetings(125, shape, order)


@pytest.mark.parametrize(
    ("shape", "least"),
    [
        (Shape(7, 20, 4, 6), 3),  # 140 items are more than 5**3 = 125 words, so some pair agrees three times
        (Shape(1, 20, 4, 6), 1),
        (Shape(1, 8, 4, 2), 2),  # two groups of four meet two new groups: some pair must meet again
        (Shape(3, 4, 4, 5), 5),  # one survey a set: everybody meets every time
        (Shape(5, 1, 1, 1), 1),
    ],
)
def test_least_maximum_of_shapes_worked_by_hand(shape, least):
    assert least_maximum(shape.items, shape) == least


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_no_random_division_beats_a_bound(classes, surveys, per_class, sets, seed):
    shape = Shape(classes, surveys * per_class, per_class, sets)
    generator = np.random.default_rng(seed)
    one_class = np.repeat(np.arange(surveys), per_class)
    codes = np.stack([np.concatenate([generator.permutation(one_class) for _ in range(classes)]) for _ in range(sets)])
    groups = np.repeat(np.arange(classes), shape.items_per_class)
    every, within = meeting_histogram(codes), meeting_histogram(codes, groups)
    assert moment(every, 1) == total_meetings(shape.items, shape)
    for order in range(1, sets + 1):
        assert moment(every, order) >= least_meetings(shape.items, shape, order)
        assert moment(within, order) >= classes * least_meetings(shape.items_per_class, shape, order)
    assert max((m for m, count in enumerate(every) if count), default=0) >= least_maximum(shape.items, shape)


@given(st.integers(1, 6), st.integers(1, 30), st.integers(1, 4), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_both_ways_of_counting_meetings_equal_looking_at_every_pair(sets, items, letters, seed):
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, letters, size=(sets, items))
    groups = generator.integers(0, 3, size=items)
    for restriction in (None, groups):
        expected = [0] * (sets + 1)
        for a, b in combinations(range(items), 2):
            if restriction is None or restriction[a] == restriction[b]:
                expected[int((codes[:, a] == codes[:, b]).sum())] += 1
        assert _by_pairs(codes, restriction) == expected
        assert _by_agreement(codes, restriction) == expected


def test_overlap_of_surveys_by_hand():
    codes = np.array([[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1]])
    assert largest_overlap(codes, 2) == (0, 2)
    assert largest_overlap(codes[:1], 2) == (0, 0)


def test_expected_repeats_of_a_random_draw():
    """20 items in groups of 4: a pair meets in a set with probability 3/19."""
    assert random_repeats(20, Shape(1, 20, 4, 6)) == 190 * 15 * Fraction(9, 361)
