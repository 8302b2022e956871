"""Images that came twice, and obvious catches: told for themselves, and in no other table."""

import io

import pytest

from benchmark.core.errors import InputError
from benchmark.core.inputs.ratings import read_ratings
from benchmark.core.report.ratings import build_rating_report
from benchmark.core.results import Results
from benchmark.core.sections.ratings import RatingPlan, analyse_ratings

HEADER = "evaluator,image,question,answer,kind,truth,set,label,shown,parts,simulated,showing"
FIRST = [f"r{rater},i{image},origin,{'real' if image % 2 else 'generated'},reality,{'real' if image % 2 else 'generated'},"
         f"{'' if image % 2 else 'random'},,single,1,1," for rater in range(4) for image in range(6)]  # fmt: skip
FIRST += [f"r{rater},i{image},realism,{1 + image},scale,,{'' if image % 2 else 'random'},,single,1,1,"
          for rater in range(4) for image in range(6)]  # fmt: skip
# By hand: of four second answers about i0 three are the same; realism of i1 rises by 2, 1, 0, 0 from 2.
AGAIN = [f"r{rater},i0,origin,{answer},reality,generated,random,,single,1,1,again"
         for rater, answer in enumerate(("generated", "generated", "real", "generated"))]  # fmt: skip
AGAIN += [f"r{rater},i1,realism,{value},scale,,,,single,1,1,again" for rater, value in enumerate((4, 3, 2, 2))]
CATCHES = ["r0,c0,origin,generated,reality,generated,random,,single,1,1,catch",
           "r0,c1,origin,real,reality,generated,random,,single,1,1,catch",
           "r1,c0,origin,generated,reality,generated,random,,single,1,1,catch",
           "r2,c0,origin,,reality,generated,random,,single,1,1,catch"]  # fmt: skip


def analysed(*rows: str) -> Results:
    table = io.StringIO("\n".join([HEADER, *rows]) + "\n")
    return Results(analyse_ratings(read_ratings(table), RatingPlan(draws=50)))


def test_second_answers_are_set_beside_the_first_ones():
    records = {row["question"]: row for row in analysed(*FIRST, *AGAIN).records("self_agreement")}
    origin, realism = records["origin"], records["realism"]
    assert (origin["pairs"], origin["evaluators"], origin["images"], origin["same"]) == (4, 4, 1, 0.75)
    assert 0 <= origin["ci_low"] < 0.75 < origin["ci_high"] <= 1
    assert origin["mean_change"] is None
    # Nominal alpha of (g,g) (g,g) (g,r) (g,g): observed disagreement 1/4, expected 2*7*1/(8*7) = 1/4.
    assert origin["krippendorff_alpha"] == pytest.approx(0)
    assert (realism["same"], realism["mean_change"]) == (0.5, 0.75)
    assert realism["krippendorff_alpha"] < 0.5


def test_repeats_and_catches_stand_in_no_other_table():
    without = analysed(*FIRST).content
    found = analysed(*FIRST, *AGAIN, *CATCHES).content
    assert found["design"] == without["design"]
    for name in ("hype", "evaluators", "scales", "rating_agreement", "pictures", "marks"):
        assert found[name] == without[name]
    assert without["self_agreement"] == without["catches"] == []


def test_catches_are_counted_for_every_rater_who_answered_one():
    assert analysed(*FIRST, *CATCHES).records("catches") == [
        {"evaluator": "r0", "catches": 2, "caught": 1},
        {"evaluator": "r1", "catches": 1, "caught": 1},
    ]


def test_a_pair_alone_has_no_coefficient_and_says_why():
    (record,) = analysed(*FIRST, AGAIN[0]).records("self_agreement")
    assert record["krippendorff_alpha"] is None
    assert record["why"]


def test_the_report_shows_both(tmp_path):
    page = build_rating_report(analysed(*FIRST, *AGAIN, *CATCHES), [], {})
    assert "Do raters agree with themselves?" in page
    assert "Did every rater look?" in page
    assert "Do raters agree with themselves?" not in build_rating_report(analysed(*FIRST), [], {})


@pytest.mark.parametrize(
    ("row", "words"),
    [(AGAIN[0].replace("again", "thrice"), 'an empty cell, "again" or "catch" was expected, "thrice" was found'),
     (FIRST[0], "already answered this question about this image")],
)  # fmt: skip
def test_another_showing_is_refused_with_its_line(row, words):
    with pytest.raises(InputError) as refusal:
        analysed(*FIRST, row)
    assert words in str(refusal.value)
