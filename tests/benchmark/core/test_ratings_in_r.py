"""The check of a rating study in base R: it agrees on studies of every shape, and it notices every number that is not right."""

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.core.inputs.ratings import read_ratings
from benchmark.core.output.check import RATING_PARTS, check_program
from benchmark.core.output.writing import write_ratings
from benchmark.core.results import Results
from benchmark.core.sections.ratings import RatingPlan, analyse_ratings

from .test_check_in_r import changed, in_r

pytestmark = pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R: Debian package r-base-core")

BOUNDS = "ci_low ci_high"
COVERED = {
    "inputs": "rows",
    "hype": "evaluators images judgments error fakes_called_real reals_called_fake dprime criterion se df p_chance margin"
    " p_equivalent_to_chance equivalent_to_chance",
    "evaluators": "judgments wrong error p_chance dprime criterion p_adjusted",
    "scales": f"ratings evaluators images mean se df {BOUNDS} lower_quartile median upper_quartile",
    "choices": f"judgments evaluators pairs right se df {BOUNDS} undecided p_chance margin p_equivalent_to_chance"
    " equivalent_to_chance dprime",
    "rating_agreement": "ratings images krippendorff_alpha fleiss_kappa gwet_ac1 percent_agreement",
    "self_agreement": f"pairs evaluators images same {BOUNDS} krippendorff_alpha mean_change",
    "catches": "catches caught",
    "pace": "answers median_s fastest_s too_fast",
    "class_reality": f"evaluators images answers share {BOUNDS}",
    "class_scales": f"evaluators images answers mean se df {BOUNDS}",
    "named_classes": f"evaluators images answers share {BOUNDS} undecided",
    "strips": f"evaluators images answers estimate {BOUNDS} first_fault",
    "marks": f"evaluators images answers share {BOUNDS}",
    "pictures": f"judgments called_generated wrong share_called_generated {BOUNDS} mean_confidence",
}
DRAWN = {"hype": "error fakes_called_real reals_called_fake dprime criterion", "rating_agreement": "krippendorff_alpha gwet_ac1"}
COLUMNS = ["evaluator", "image", "question", "answer", "kind", "truth", "set", "label", "shown", "parts", "confidence", "rt_ms", "showing"]
QUICK = {"draws": 200, "margin": 0.15}


def rating_study(seed: int = 0, raters: int = 9, images: int = 20) -> pd.DataFrame:
    """Every kind of question and of stimulus, two conditions, two classes, blanks, repeats, catches; incomplete blocks."""
    rng, rows = np.random.default_rng(seed), []

    def ask(rater, image, question, answer, kind, truth="", name="", label="", shown="single", parts=1, showing=""):
        said = answer if rng.random() > 0.04 else ""
        sure, ms = (rng.integers(101), rng.integers(600, 9000)) if kind in ("reality", "choice") else ("", "")
        rows.append([f"r{rater}", image, question, said, kind, truth, name, label, shown, parts, sure, ms, showing])

    def single(rater, place, showing=""):
        truth, name, label = "real" if place % 2 else "generated", "" if place % 2 else ("curated", "random")[place // 2 % 2], "AB"[place // 4 % 2]
        odd = {"": 0.25, "curated": 0.45, "random": 0.7}[name] + 0.05 * (rater % 3)
        own = {"name": name, "label": label, "showing": showing}
        ask(rater, f"i{place:02d}", "origin", rng.choice(["generated", "real"], p=[odd, 1 - odd]), "reality", truth, **own)
        ask(rater, f"i{place:02d}", "realism", int(np.clip(6 - 4 * odd + rng.normal(0, 1.2), 1, 7)), "scale", **own)
        ask(rater, f"i{place:02d}", "stage", rng.choice([label, "C", "cannot_tell"], p=[0.6, 0.3, 0.1]), "class", label, **own)
        if not showing:
            ask(rater, f"i{place:02d}", "artefacts: hair", rng.choice(["yes", "no"], p=[0.3, 0.7]), "mark", **own)

    for rater in range(raters):
        for place in range(images):
            if (place + rater) % 4:
                single(rater, place)
        single(rater, 1 + rater % 3, "again")
        single(rater, 5 + rater % 3, "again")
        ask(rater, "catch", "origin", rng.choice(["generated", "real"], p=[0.8, 0.2]), "reality", "generated", "catch", showing="catch")
        for pair in range(4):
            side = rng.choice(["left", "right", "not_sure"], p=[0.3, 0.5, 0.2])
            ask(rater, f"p{pair}", "which", side, "choice", "right", ("curated", "random")[pair % 2], shown="pair", parts=2)
        for strip in range(6):
            of = {"name": ("morph", "shuffled")[strip % 2], "shown": "strip", "parts": 5}
            ask(rater, f"s{strip}", "direction", rng.choice(["forward", "reversed", "cannot_tell"], p=[0.6, 0.3, 0.1]), "choice", "forward", **of)
            ask(rater, f"s{strip}", "smooth", rng.integers(1, 8), "scale", **of)
            ask(rater, f"s{strip}", "fault", rng.choice([0, 0, 2, 4, 5]), "frame", **of)
        for cell in range(4):
            ask(rater, f"g cell {cell}", "odd", rng.choice(["yes", "no"]), "mark", "", "style mix", shown="grid", parts=4)
    return pd.DataFrame(rows, columns=COLUMNS)


def odd_study() -> pd.DataFrame:
    """Names that spreadsheets take for formulas, quotes, letters beyond ASCII; kinds that have to be guessed; then questions about real
    images alone, and two raters of two images who always say the same."""
    frame = rating_study(1).query("set != 'random' and kind in ('reality', 'scale', 'choice')").assign(kind="")
    real = rating_study(2).query("question == 'origin' and truth == 'real' and showing == ''").assign(question="real ones", showing="")
    alike = [[rater, image, "alike", "real", "", truth] for rater in "ab" for image, truth in (("x1", "real"), ("x2", "generated"))]
    few = pd.DataFrame([*alike, ["a", "x1", "four", "4", "", ""], ["b", "x1", "four", "4", "", ""]], columns=COLUMNS[:6])
    frame = pd.concat([frame, real, few]).astype(object).fillna("")
    frame["evaluator"] = "=" + frame["evaluator"] + ', "ß"'
    return frame.replace({"curated": "-Ärzte", "origin": "@woher?", "realism": "+x", "i01": "=i01", "A": "Übel"})


def analysed(frame: pd.DataFrame, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "ratings.csv", index=False)
    found = analyse_ratings(read_ratings(folder / "ratings.csv"), RatingPlan(**QUICK))
    write_without_figures(Results(found), folder)
    return folder


def write_without_figures(results: Results, folder: Path) -> None:
    from unittest.mock import patch

    with patch("benchmark.core.figures.ratings.rating_figures", lambda results: []):
        write_ratings(results, folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return analysed(rating_study(), tmp_path_factory.mktemp("right") / "study")


def test_r_computes_the_same_numbers_from_the_raw_answers(tmp_path):
    status, text, agree, differ = in_r(analysed(odd_study(), tmp_path / "study"))
    assert (status, differ) == (0, 0), text
    assert agree >= 560


def test_every_covered_column_is_compared_to_eight_digits(results, tmp_path):
    """One cell of every column is changed in its eighth digit (a yes to a no), and each is found, no more and no fewer."""
    altered = 0

    def alter(frame):
        nonlocal altered
        for column in [*COVERED[table].split(), *(name for name in frame.columns if re.match("mean (?!_)", name))]:
            row = frame.index[frame[column] != ""][0]
            value = frame.at[row, column]
            other = {"True": "False", "False": "True"}.get(value)
            frame.at[row, column] = other or repr(float(value) * (1 + 3e-8) + (3e-8 if float(value) == 0 else 0))
            altered += 1
        return frame

    for table in COVERED:
        changed(results, tmp_path / "wrong", table, alter)
    status, text, agree, differ = in_r(tmp_path / "wrong")
    assert (status, differ) == (1, altered), text
    assert agree > 500, text
    drawn = sum(len(names.split()) for names in DRAWN.values())
    assert int(re.search(r"(\d+) drawn quantities lie within", text)[1]) > 2 * drawn


def test_a_lost_record_a_drawn_interval_elsewhere_or_another_answer_is_no_agreement(results, tmp_path):
    """Every table without its last row; an interval of half its width is more than chance does to so many draws."""

    def halve(frame):
        low, high = (frame[name].astype(float) for name in BOUNDS.split())
        return frame.assign(ci_low=((low + 3 * high) / 4).map(repr), ci_high=((low + 5 * high) / 6).map(repr))[:-1]

    tables = [name for name in COVERED if name != "inputs"]
    for table in tables:
        changed(results, tmp_path / "short", table, halve if table == "hype" else lambda frame: frame[:-1])
    status, text, *_ = in_r(tmp_path / "short")
    assert status == 1
    assert len(re.findall(r"records .* DIFFERS", text)) == len(tables), text
    assert len(re.findall(r"ci_low .*drawn: .* TOO FAR OFF", text)) == 2, text
    frame = pd.read_csv(results / "ratings.csv", dtype=str, keep_default_na=False)
    row = frame.index[(frame["answer"] == "generated") & (frame["showing"] == "")][0]
    frame.at[row, "answer"] = "real"
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    status, text, _, differ = in_r(results, tmp_path / "ratings.csv")
    assert (status, differ > 10) == (1, True), text


def test_it_needs_nothing_but_base_r_and_says_what_it_needs(results, tmp_path):
    assert not re.search(r"\b(library|require|requireNamespace|loadNamespace|source)\(|\w:::?\w", check_program(RATING_PARTS))
    shutil.copytree(results, tmp_path / "alone")
    (tmp_path / "alone" / "ratings.csv").unlink()
    status, text, *_ = in_r(tmp_path / "alone")
    assert (status, "ratings.csv is needed beside check.R or in ../inputs/" in text) == (1, True)


def test_a_table_says_which_question_each_of_its_rows_is_about(results):
    """Without the question nobody knows which artefact a share of marks.csv is of."""
    for table in ("hype", "scales", "choices", "marks", "strips", "rating_agreement", "self_agreement", "pictures"):
        header, row = (results / "tables" / f"{table}.csv").read_text().splitlines()[:2]
        assert dict(zip(header.split(","), row.split(",")))["question"], table
    assert io.StringIO((results / "tables" / "plan.csv").read_text()).readline() == "rule,setting\n"


def test_the_dictionary_explains_every_column_of_every_table(results):
    rows = pd.read_csv(results / "tables" / "dictionary.csv", keep_default_na=False)
    assert {*COVERED, "reality_models", "scale_models", "plan"} <= set(rows["table"])
    assert rows[(rows["meaning"] == "") | (rows["table_holds"] == "")][["table", "column"]].values.tolist() == []
    told = dict(zip(rows["column"], rows["meaning"]))
    assert told["mean realism"] == "mean rating of the image on the scale realism"
    assert told["kind"].startswith("kind of question")
