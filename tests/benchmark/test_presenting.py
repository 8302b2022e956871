"""How results are printed on pages: reasons as notes, plain words, numbers on either side of a threshold told apart."""

import re

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from benchmark.core.wording import p_value
from benchmark.pages.presenting import section_called, table_of, topic_page
from benchmark.pages.topics import HYPE, Column, Section

METHODS = [
    {"model": "net", "group": "doctor", "view": "close", "method": method, "difference": 0.1, "se": se, "df": None,
     "ci_low": None, "ci_high": None, "p": None, "why": why}
    for method, se, why in (("one", 0.02, None), ("two", None, "too few readers"), ("three", None, "too few readers"))
]  # fmt: skip
COMPARISON = {"pk": 1, "simulated": False, "study": {"slug": "small"}}
BINS = {"model": "net", "view": "close", "binning": "ece_10_equal_mass", "count": 14, "low": 0.2, "high": 0.4,
        "confidence": 0.3, "accuracy": 0.5}  # fmt: skip
PLAN = {"confidence": 0.95, "alpha": 0.05, "declared": True, "secondary": []}
RESULTS = {
    "schema": "results/1", "simulated": False, "plan": PLAN, "design": {"groups": ["doctor"], "models": ["net"]}, "new_images": [],
    "new_images_methods": METHODS, "reliability": [BINS], "deviations": [],
}  # fmt: skip


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
        "Doctors were 5.0 points less accurate on far images than on close images (these images: −15.0 to 5.0, p = .03; new images: −15.0 to 5.0,"
        " p = .03).",
        "On close images, doctors and nurses differed by 0.0 points (these images: −10.0 to 10.0, p = .03; new images: −10.0 to 10.0, p = .03).",
        "Net on close images was 20.0 points more accurate than net on far images (10.0 to 30.0; p = .03 for new images).",
    ]
    assert [line.split(":")[0] for line in page.notes] == [
        "In brackets", "An interval that holds 0 shows neither a difference nor that there is none.",
        "The plan names no analysis beside its contrasts",
    ]  # fmt: skip
    adjusted = [{**networks, "p_adjusted": p} for p in (0.01, 0.04, *[0.2] * 5)]
    many = topic_page({**RESULTS, "views": [views], "networks": adjusted}, "contrasts").answers
    assert many[1].startswith("Of 7 pairs of networks, or of views of one network, 2 differ at the 0.05 level after adjustment")


def test_of_a_confounded_order_the_page_of_views_says_so():
    views = contrast(-0.05, group="doctor", model=None, first_view="close", second_view="far")
    order = {"confounded": True, "statement": "Every reader saw close before far."}
    page = topic_page({**RESULTS, "views": [views], "carry_over": [order]}, "contrasts")
    assert page.answers[1] == "Every reader saw close before far."


def test_an_answer_that_differs_between_the_questions_is_told_for_both():
    gain = {**contrast(0.131, group="doctor", assistant="net", view="close"), "these_images_difference": 0.114}
    (said, *_) = topic_page({**RESULTS, "assistance": [gain]}, "assistance").answers
    assert said == (
        "On close images, doctors gained 13.1 points with the output of net in sight (these images: 11.4 points, 3.1 to 23.1, p = .03; new images:"
        " 3.1 to 23.1, p = .03)."
    )


SECTION = Section("made", "Made", "", (
    Column("name", "Name"), Column("share", "Wrong (%)", "percent"), Column("ci_low", "Interval (%)", "percent", "ci_high", "under"),
    Column("p", "p", "p"), Column("p_adjusted", "p, adjusted", "p", "", "under"),
))  # fmt: skip


def test_an_interval_stands_in_the_cell_of_its_estimate_and_is_a_column_of_a_file():
    record = {"name": "random", "share": 0.379, "ci_low": 0.176, "ci_high": 0.586, "p": 0.02, "p_adjusted": 0.04, "why": None}
    table = table_of({"made": [record]}, SECTION)
    assert [(column.label, below) for column, below in table.headings] == [("Name", ""), ("Wrong (%)", "Interval (%)"), ("p", "p, adjusted")]
    assert [(cell.text, cell.below, cell.rank) for cell in table.rows[0]] == [
        ("random", "", "random"), ("37.9", "17.6 to 58.6", 0.379), (".02", ".04", 0.02),
    ]  # fmt: skip
    shown = render_to_string("benchmark/_table.html", {"table": table, "comparison": COMPARISON, "study": COMPARISON["study"]})
    assert "17.6 to 58.6" in shown
    assert "Interval (%)" in shown
    file = table_of({"made": [record]}, SECTION, on_page=False)
    assert [column.label for column in file.columns] == ["Name", "Wrong (%)", "Interval (%)", "p", "p, adjusted"]
    assert [cell.text for cell in file.rows[0]] == ["random", "37.9", "17.6 to 58.6", ".02", ".04"]


def test_what_stands_under_a_column_that_is_not_shown_stands_alone():
    record = {"name": "random", "share": None, "ci_low": 0.176, "ci_high": 0.586, "p": 0.02, "p_adjusted": None, "why": None}
    table = table_of({"made": [record]}, SECTION)
    assert [(column.label, below) for column, below in table.headings] == [("Name", ""), ("Interval (%)", ""), ("p", "")]


def test_the_error_of_raters_fits_its_page():
    """14 columns and more made readers scroll at 1280 pixels."""
    record = {key: 0.5 for column in HYPE.columns for key in (column.key, column.high) if key} | {"set": "random", "why": None}
    assert len(table_of({"hype": [record]}, HYPE).columns) <= 11
    assert len(table_of({"hype": [record]}, HYPE, on_page=False).columns) == len(HYPE.columns)


@pytest.mark.parametrize(("p", "printed"), [
    (0.0516, "p = .052"), (0.0484, "p = .048"), (0.041, "p = .04"), (0.06, "p = .06"), (0.002, "p = .002"),
])  # fmt: skip
def test_a_p_near_the_border_is_printed_on_its_side_of_it(p, printed):
    assert p_value(p) == printed


def test_every_table_of_these_pages_says_what_it_is_of():
    """A caption is what a screen reader announces, and what a list of tables holds; the heading above is neither."""
    tables = [
        (file.name, opening[:200])
        for file in sorted((settings.BASE_DIR / "templates" / "benchmark").glob("*.html"))
        for opening in re.split(r"<table\b[^>]*>", file.read_text())[1:]
    ]
    assert len(tables) > 15
    assert [name for name, opening in tables if not re.match(r"\s*<caption[^>]*>\s*\S", opening)] == []
