"""The chain of hashes over everything that decides which answer counts; chains begun before waits were part of it go on."""

import pytest

from surveys.core.answer_log import log_faults, row_sha256

FIRST = {
    "response": "r1", "sequence": "1", "survey_item": "i1", "chosen": "NF1", "question": "", "value": "",
    "event_id": "00000000-0000-0000-0000-000000000001", "rt_ms": "2500", "received_at": "2026-11-01T10:00:00+00:00",
    "entry_sha256": "9b19bba66b234b28ae6e6f7e22a58ddecc2ab836ede07e8dc1ce734442f09f78",
}  # fmt: skip
SECOND = FIRST | {
    "sequence": "2", "chosen": "", "question": "sure", "value": "70", "event_id": "00000000-0000-0000-0000-000000000002",
    "rt_ms": "", "entry_sha256": "4ee62ca19fcf6715529b5a77071c6552e0f4d0ced6a2d97d18f02de12fde7908",
}  # fmt: skip


def appended(rows, **values):
    """`rows` and another one as it is written now."""
    row = FIRST | {"sequence": str(len(rows) + 1), "waited_ms": "600000", "hash_version": "2"} | values
    return [*rows, row | {"entry_sha256": row_sha256(rows[-1]["entry_sha256"] if rows else "", row)}]


def test_a_log_written_before_waits_were_sealed_is_whole_and_goes_on():
    """Its hashes were computed by the program of that time; its files had neither column, or a wait that no hash knew of."""
    assert log_faults([FIRST, SECOND]) == []
    assert log_faults(appended([FIRST | {"waited_ms": "7", "hash_version": "1"}, SECOND])) == []
    assert "entry 2 was changed" in log_faults([FIRST, SECOND | {"value": "71"}])[0]


@pytest.mark.parametrize("change", [
    {"waited_ms": "0"}, {"waited_ms": ""}, {"received_at": "2026-11-01T10:00:01+00:00"}, {"hash_version": "1"}, {"hash_version": ""},
    {"hash_version": "3"}, {"hash_version": "x"},
])  # fmt: skip
def test_nothing_that_decides_which_of_two_answers_counts_can_be_changed(change):
    rows = appended(appended([]), sequence="2")
    assert log_faults(rows) == []
    assert log_faults([rows[0] | change, rows[1]]) == ["Response r1: entry 1 was changed after it was recorded."]
