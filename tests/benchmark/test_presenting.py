"""How results are printed on pages: reasons as notes, plain words, numbers on either side of a threshold told apart."""

import pytest

from benchmark.core.wording import p_value
from benchmark.pages.presenting import section_called, table_of, topic_page

METHODS = [
    {"model": "net", "group": "doctor", "view": "close", "method": method, "difference": 0.1, "se": se, "df": None,
     "ci_low": None, "ci_high": None, "p": None, "why": why}
    for method, se, why in (("one", 0.02, None), ("two", None, "too few readers"), ("three", None, "too few readers"))
]  # fmt: skip
BINS = {"model": "net", "view": "close", "binning": "ece_10_equal_mass", "count": 14, "low": 0.2, "high": 0.4,
        "confidence": 0.3, "accuracy": 0.5}  # fmt: skip
RESULTS = {"schema": "results/1", "new_images_methods": METHODS, "reliability": [BINS], "deviations": []}


def test_a_reason_is_a_note_below_the_table_said_once():
    table = table_of(RESULTS, section_called(RESULTS, "new_images_methods"))
    assert table.notes == ("too few readers",)
    assert [row[0].note for row in table.rows] == [0, 1, 1]
    assert "Why not" not in [column.label for column in table.columns]


def test_in_a_file_the_reason_has_a_column_of_its_own():
    table = table_of(RESULTS, section_called(RESULTS, "new_images_methods"), on_page=False)
    assert table.columns[-1].label == "Why not"
    assert [row[-1].text for row in table.rows] == ["–", "too few readers", "too few readers"]


def test_groups_of_probabilities_are_named_in_words():
    table = table_of(RESULTS, section_called(RESULTS, "reliability"))
    assert "10 of equal count" in [cell.text for cell in table.rows[0]]


def test_no_deviation_is_a_finding_and_not_a_missing_part():
    page = topic_page(RESULTS, "robustness")
    assert [section.name for section in page.clean] == ["deviations"]
    assert "deviations" not in [section.name for section in page.absent]


def contrast(difference: float, **more) -> dict:
    ends = {"ci_low": difference - 0.1, "ci_high": difference + 0.1, "p": 0.03, "why": None}
    return {"difference": difference, **ends, **{f"these_images_{key}": value for key, value in ends.items()}, **more}


def test_a_page_answers_its_question_in_sentences_with_both_intervals():
    views = contrast(-0.05, group="doctor", model=None, first_view="close", second_view="far")
    groups = contrast(0.0, first="doctor", second="nurse", view="close")
    networks = contrast(0.2, first="net", first_view="close", second="net", second_view="far")
    page = topic_page({**RESULTS, "views": [views], "groups": [groups], "networks": [networks]}, "contrasts")
    assert page.answers == [
        "Doctors were 5.0 points less accurate on far images than on close images: −15.0 to 5.0, p = .03 for these images; −15.0 to 5.0, p = .03 for"
        " new images.",
        "Doctors and nurses differed by 0.0 points on close images: −10.0 to 10.0, p = .03 for these images; −10.0 to 10.0, p = .03 for new images.",
        "Net on close images was 20.0 points more accurate than net on far images: 10.0 to 30.0, p = .03, new images.",
    ]
    many = topic_page({**RESULTS, "views": [views], "networks": [networks] * 7}, "contrasts")
    assert len(many.answers) == 1
    assert topic_page(RESULTS, "robustness").answers == []


@pytest.mark.parametrize(("p", "printed"), [
    (0.0516, "p = .052"), (0.0484, "p = .048"), (0.041, "p = .04"), (0.06, "p = .06"), (0.002, "p = .002"),
])  # fmt: skip
def test_a_p_near_the_border_is_printed_on_its_side_of_it(p, printed):
    assert p_value(p) == printed
