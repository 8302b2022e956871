"""Complete means more than 95 % answered; the first complete sitting per survey and group is analysed."""

import pandas as pd
import pytest

from benchmark.core import CompletionRule, InputError, Readings, complete_sittings
from benchmark.core.inputs.completion import EXTRA, INCOMPLETE, KEPT


def sittings(*specs, questions=56):
    """specs: (reader, group, survey, answered, completed_at); the rows of unanswered questions are left out."""
    rows = [("m", "nets", f"i{q}", "a", "a", "model", "", "") for q in range(questions)]
    for reader, group, survey, answered, time in specs:
        rows += [(reader, group, f"i{q}", "a", "a", "human", survey, time) for q in range(answered)]
    columns = ["reader", "group", "item", "truth", "answer", "kind", "survey", "completed_at"]
    return Readings.from_frame(pd.DataFrame(rows, columns=columns))


def states(completion):
    return {sitting.reader: sitting.state for sitting in completion.sittings}


@pytest.mark.parametrize(("answered", "state"), [(56, KEPT), (54, KEPT), (53, INCOMPLETE)])
def test_54_of_56_answers_are_complete_and_53_are_not(answered, state):
    found = complete_sittings(sittings(("full", "x", "S1", 56, ""), ("ann", "d", "S1", answered, "")))
    assert states(found)["ann"] == state


def test_exactly_the_threshold_is_complete_only_under_at_least():
    readings = sittings(("full", "x", "S1", 20, ""), ("ann", "d", "S1", 19, ""), questions=20)
    assert states(complete_sittings(readings))["ann"] == INCOMPLETE
    assert states(complete_sittings(readings, CompletionRule(0.95, ">=")))["ann"] == KEPT


def test_the_first_complete_sitting_of_a_seat_is_kept_by_server_time_across_zones():
    found = complete_sittings(
        sittings(
            ("late", "d", "S1", 56, "2026-10-01T11:30:00+02:00"),
            ("early", "d", "S1", 56, "2026-10-01T09:00:00Z"),
            ("gave-up", "d", "S1", 10, "2026-10-01T08:00:00Z"),
            ("other-seat", "p", "S1", 56, "2026-10-02T09:00:00Z"),
        )
    )
    assert states(found) == {"late": EXTRA, "early": KEPT, "gave-up": INCOMPLETE, "other-seat": KEPT}
    assert set(found.readings.frame["reader"]) == {"m", "early", "other-seat"}
    assert (found.count(KEPT), found.count(EXTRA, "d"), found.count(INCOMPLETE)) == (2, 1, 1)


def test_two_complete_sittings_without_times_are_refused():
    with pytest.raises(InputError, match='Survey "S1" has 2 complete sittings by group "d"; completed_at is needed'):
        complete_sittings(sittings(("a", "d", "S1", 56, ""), ("b", "d", "S1", 56, "2026-10-02T09:00:00Z")))


def test_applying_the_rule_to_its_own_result_changes_nothing(founding_frame):
    once = complete_sittings(Readings.from_frame(founding_frame)).readings
    pd.testing.assert_frame_equal(complete_sittings(once).readings.frame, once.frame)
