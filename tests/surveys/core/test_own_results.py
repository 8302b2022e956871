"""What one reader's answers add up to, by numbers known otherwise."""

import pytest

from benchmark.core.methods.proportions import wilson
from surveys.core.own_results import Judged, Share, by_sureness, confusion, mix_ups, share_right, strip_of

CLASSES = ("A", "B", "C")


@pytest.mark.parametrize(("right", "of"), [(0, 6), (1, 6), (6, 6), (18, 28), (27, 56), (1, 1)])
def test_the_interval_is_that_of_the_reports(right, of):
    assert Share(right, of).interval == pytest.approx(wilson(right, of, confidence=0.95), abs=1e-9)


def test_an_interval_says_only_what_it_can_of_guessing():
    assert Share(20, 28).against(1 / 6) == "above"
    assert Share(2, 6).against(1 / 3) == "around"
    assert Share(5, 6).against(1 / 2) == "around", "six images are few"
    assert Share(2, 40).against(1 / 2) == "below"
    assert (Share(0, 0).percent, Share(0, 0).interval) == (0, (0.0, 0.0))


def test_what_was_left_blank_is_not_right_and_stands_in_a_column_of_its_own():
    judged = [Judged("A", "A"), Judged("A", ""), Judged("B", "C"), Judged("B", "C"), Judged("C", "not_sure")]
    assert (share_right(judged).right, share_right(judged).of) == (1, 5)
    assert confusion(judged, CLASSES) == [[1, 0, 0, 1], [0, 0, 2, 0], [0, 0, 0, 1]]
    assert mix_ups(judged, CLASSES) == [("B", "C", 2)], "what came once is no habit"


def test_sureness_is_told_from_the_surest_down_and_counts_every_answer_once():
    judged = [Judged("A", "A", sure) for sure in (0, 24, 25, 49, 50, 74, 75, 100)] + [Judged("A", "", 80), Judged("A", "B")]
    assert [(low, high, step.of) for low, high, step in by_sureness(judged)] == [(75, 100, 2), (50, 74, 2), (25, 49, 2), (0, 24, 2)]


def test_fewer_than_five_others_are_not_drawn():
    assert strip_of(0.5, [0.1, 0.2, 0.3, 0.4]) is None
    assert len(strip_of(0.5, [0.1, 0.2, 0.3, 0.4, 0.5]).others) == 5


def test_a_strip_tells_no_exact_share_and_keeps_every_dot_inside():
    one, two = strip_of(0.5, [0.501, 0.499, 0.5, 0, 1]), strip_of(0.5, [0.5, 0.5, 0.5, 0, 1])
    assert one.others == two.others
    crowded = strip_of(1.0, [1.0] * 40 + [0.0], chance=0.25)
    assert len(set(crowded.others)) == 41, "equal shares stand above each other"
    assert all(0 <= dot.x <= crowded.width and 0 < dot.y < crowded.floor for dot in (*crowded.others, crowded.own))
    assert crowded.own.y < min(dot.y for dot in crowded.others)
    assert crowded.told_left
