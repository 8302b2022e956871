"""Figures show every point and number of the results, on paper and on the page alike, with their data beside them."""

import io
import json

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from scipy import stats

from benchmark.core import Plan, Readings, Results, analyse, write_analysis
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.figures.chart import apart, folded, round_ticks
from benchmark.core.figures.drawing import Circle, Words, text_width
from benchmark.core.figures.look import OCHRE, PLUM, TEAL, cell_colour, colours, contrast, ink_on
from benchmark.core.figures.paper import five_numbers

from .crossed_study import small_study


@pytest.fixture(scope="module")
def full_results(founding_results):
    """The founding results with the sections that need probabilities, times and a recruitment record (made up)."""
    rng = np.random.default_rng(1)
    views = founding_results["design"]["views"]
    bins = [
        {"model": "classifier", "view": view, "binning": "ece_10_equal_mass", "low": p, "high": p + 0.1, "count": 14,
         "confidence": p + 0.05, "accuracy": min(1.0, p + float(rng.normal(0, 0.1)))}
        for view in views for p in np.arange(0.2, 0.9, 0.1).tolist()
    ]  # fmt: skip
    calibration = [
        {"model": "classifier", "view": view, "items": 140, "aurc": 0.1, "accuracy_at_80": 0.8, "accuracy_at_90": 0.75,
         "brier": 0.3, "log_loss": 0.8, "ece_10_equal_mass": 0.07, "ece_10_equal_mass_perfect_mean": 0.06,
         "ece_10_equal_mass_perfect_p95": 0.09}
        for view in views
    ]  # fmt: skip
    risk = [
        {"model": "classifier", "view": view, "coverage": k / 20, "risk": k / 80}
        for view in views
        for k in range(1, 21)
    ]
    groups = founding_results["design"]["groups"]
    people = [
        {"view": view, "reader": f"{group[:3]}-{k:02d}", "group": group, "kind": "human", "ability": k / 10 - 1, "se": 0.4}
        for view in views for group in groups for k in range(20)
    ]  # fmt: skip
    network = [
        {"view": view, "reader": "classifier", "group": "classifier", "kind": "model", "ability": 1.2, "se": 0.3}
        for view in views
    ]
    items = [
        {"view": v, "item": f"I{k}", "truth": "IP", "difficulty": k / 40 - 2, "se": 0.4}
        for v in views
        for k in range(140)
    ]
    times = [
        {"group": group, "kind": "human", "reader": None, "view": view, "readings": 840, "lower_quartile_s": 5.0,
         "median_s": 8.0, "upper_quartile_s": 13.0, "median_right_s": 7.5, "median_wrong_s": None, "why": "all right"}
        for group in groups for view in views
    ]  # fmt: skip
    speed = [
        {"group": group, "kind": "human", "view": view, "fifth": k, "readings": 168, "median_s": 2.0 * k, "accuracy": 0.8 - k / 20,
         "ci_low": 0.7 - k / 20, "ci_high": 0.86 - k / 20}
        for group in groups for view in views for k in range(1, 6)
    ]  # fmt: skip
    study = {"recruitment": {groups[0]: {"contacted": 105, "agreed": 37, "complete": 32}}}
    more = {"reliability": bins, "calibration": calibration, "risk_coverage": risk, "rasch_readers": people + network,
            "rasch_items": items, "times": times, "speed_accuracy": speed, "study": study}  # fmt: skip
    return Results({**founding_results.content, **more})


def figure(results, name):
    return next(entry for entry in figures_of(results) if entry.name == name)


ALL = ["flow", "figure-2a", "forest", "normal-plot", "figure-2b", "figure-2c", "readers", "classes",
       "class-differences", "difficulty", "wright-map", "times", "speed-accuracy",
       "reliability", "risk-coverage"]  # fmt: skip


def test_colours_follow_the_groups():
    found = colours(["medical-geneticist", "pediatrician", "nurses"], ["classifier"])
    assert (found["classifier"], found["medical-geneticist"], found["pediatrician"]) == (TEAL, OCHRE, PLUM)
    assert len(set(found.values())) == 4


def test_every_figure_is_drawn_and_is_a_valid_plotly_figure(full_results):
    entries = figures_of(full_results)
    assert [entry.name for entry in entries] == ALL
    for entry in entries:
        go.Figure(entry.page())
        svg = entry.draw().as_svg().decode()
        assert entry.title
        assert entry.words in svg.replace("&amp;", "&").replace("&#x27;", "'")
        assert "simulated readers or drawn images" in svg
        assert "simulated readers or drawn images" in json.dumps(entry.page()) or entry.name == "flow"
        assert entry.data()
        assert "nan," not in svg
        small, narrow = entry.page_narrow(), entry.draw_narrow()
        go.Figure(small)
        assert narrow.width <= 240
        numbers = {word for word in said_by(entry.draw()) if word[:1].isdigit() and "." in word and " " not in word}
        assert said_by(narrow) >= numbers, entry.name
        assert dots(narrow) == dots(entry.draw()), entry.name
        assert "simulated readers or drawn images" in said_by(narrow)


def said_by(drawing):
    """All words of a drawing, and the numbers among them one by one."""
    texts = [item.text for item in drawing.items if isinstance(item, Words)]
    return {*texts, *(word for text in texts for word in text.replace("(", "").replace(")", "").replace(",", "").split())}


def dots(drawing):
    return sum(isinstance(item, Circle) for item in drawing.items)


LONG = "consultant in a very long specialty of pediatric dermatology and genetics"


@pytest.mark.parametrize("names", ["short", "long"])
def test_no_word_leaves_the_paper_however_long_the_names(full_results, names):
    text = json.dumps(full_results.content)
    if names == "long":
        text = text.replace('"pediatrician"', json.dumps(LONG)).replace('"Other"', '"Another condition altogether"')
    drawn = [(entry.name, form()) for entry in figures_of(Results(json.loads(text))) for form in (entry.draw, entry.draw_narrow)]
    for name, drawing in drawn:
        for words in (item for item in drawing.items if isinstance(item, Words)):
            width = text_width(words.text, words.size, words.bold)
            back = {"start": 0, "middle": 0.5, "end": 1}[words.anchor] * width
            across, down = (0, width) if words.angle else (width, words.size)
            left, top = (words.x - words.size, words.y + back - width) if words.angle else (words.x - back, words.y - down)
            assert left >= -1, (name, words.text)
            assert left + across <= drawing.width + 1, (name, words.text)
            assert -2 <= top <= drawing.height, (name, words.text)


@pytest.mark.parametrize("kind", ["svg", "pdf", "png"])
def test_the_same_figure_gives_the_same_bytes(full_results, kind):
    for name in ("flow", "figure-2a", "reliability"):
        first, again = (figure(full_results, name).draw().as_bytes(kind) for _ in range(2))
        assert first == again
        assert b"CreationDate" not in first


def test_figure_2a_holds_every_survey_the_zero_line_mean_and_p(founding_results):
    live = figure(founding_results, "figure-2a").page()
    points = [trace for trace in live["data"] if trace.get("mode") == "markers" and len(trace["x"]) == 30]
    assert len(points) == 4
    assert sum(points[0]["y"]) / 30 == pytest.approx(100 * founding_results["paired"][0]["mean_difference"])
    assert [(shape["y0"], shape["y1"]) for shape in live["layout"]["shapes"]] == [(0, 0), (0, 0)]
    svg = figure(founding_results, "figure-2a").draw().as_svg().decode()
    for record in founding_results["paired"]:
        assert f"mean +{100 * record['mean_difference']:.1f} points" in svg
    accuracy = founding_results.records("accuracy", kind="model", view="focused")[0]["accuracy"]
    assert f"red line: classifier, {100 * accuracy:.1f} % correct" in svg
    assert svg.count("<circle") == 4 * 30


def test_confusion_matrix_prints_each_cell(founding_results):
    record = founding_results.records("confusion", group="pediatrician", view="focused")[0]
    assert all(sum(row) == pytest.approx(100) for row in record["row_percent"])
    assert [sum(row) for row in record["counts"]] == [120] * 7
    heat = [trace for trace in figure(founding_results, "figure-2b").page()["data"] if trace["type"] == "heatmap"]
    assert len(heat) == 3
    assert heat[1]["customdata"][0][-1][1] == "no answer"
    svg = figure(founding_results, "figure-2b").draw().as_svg().decode()
    for row in record["row_percent"]:
        assert f">{row[0]:.1f}<" in svg or row[0] in (0, 100)
    assert "no answer" in svg


def of_many_classes(results, n):
    """The results with confusion matrices of n classes: each right half of the time, else the next class."""
    names = [f"class {k}" for k in range(n)]
    share = [[50 if j in (i, (i + 1) % n) else 0 for j in range(n + 1)] for i in range(n)]
    records = [r | {"classes": names, "row_percent": share, "counts": share, "row_ci": None} for r in results["confusion"]]
    return Results({**results.content, "confusion": records})


@pytest.mark.parametrize(("classes", "at_least"), [(7, 7.0), (16, 5.5), (40, 7.0)])
def test_every_number_of_a_confusion_matrix_can_be_read_on_a_phone(founding_results, classes, at_least):
    """A phone shows a point half larger; where cells would be too small, every class has a row with its mistakes in words."""
    results = founding_results if classes == 7 else of_many_classes(founding_results, classes)
    drawing = figure(results, "figure-2b").draw_narrow()
    numbers = [words for words in drawing.items if isinstance(words, Words) and words.text[:1].isdigit()]
    assert min(words.size for words in numbers) >= at_least
    if classes == 7:
        found = {words.text for words in numbers}
        shares = [share for record in results.records("confusion", view="focused") for row in record["row_percent"] for share in row]
        assert {f"{share:.1f}" for share in shares if share not in (0, 100)} <= found
    elif classes == 40:
        assert "50 %; class 4 50" in {words.text for words in drawing.items if isinstance(words, Words)}


def test_words_on_a_matrix_stand_out_from_every_cell():
    for share in range(101):
        assert contrast(ink_on(cell_colour(share / 100)), cell_colour(share / 100)) >= 4


def test_the_normal_plot_holds_every_unit_over_its_normal_score(founding_results):
    rows = figure(founding_results, "normal-plot").data()
    assert len(rows) == len(founding_results["paired_units"])
    own = [row for row in rows if row["group"] == rows[0]["group"] and row["view"] == rows[0]["view"]]
    assert [row["difference"] for row in own] == sorted(row["difference"] for row in own)
    assert [row["expected"] for row in own] == pytest.approx(stats.norm.ppf((np.arange(1, 31) - 0.375) / 30.25))
    svg = figure(founding_results, "normal-plot").draw().as_svg().decode()
    for record in founding_results["paired"]:
        assert f"W = {record['shapiro_w']:.3f}" in svg


def test_forest_holds_both_questions_with_their_bounds(founding_results):
    rows = figure(founding_results, "forest").data()
    assert [row["question"] for row in rows] == ["these images, new readers", "new images, new readers"] * 4
    assert rows[1]["ci_low"] == pytest.approx(100 * founding_results["new_images"][0]["ci_low"])
    svg = figure(founding_results, "forest").draw().as_svg().decode()
    assert svg.count(" to ") >= 8


def test_flow_says_what_is_not_recorded(full_results):
    entry = figure(full_results, "flow")
    known = {(row["group"], row["step"]): row["people"] for row in entry.data()}
    assert known["medical-geneticist", "contacted"] == 105
    assert known["pediatrician", "contacted"] is None
    assert known["pediatrician", "analysed"] == 30
    svg = entry.draw().as_svg().decode()
    assert "68 did not agree or answer" in svg
    assert "5 did not complete" in svg
    assert "not recorded" in svg


def test_whiskers_are_tukeys():
    values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 30]
    low, q1, middle, q3, high = five_numbers(values)
    assert (low, middle, high) == (1, 5.5, 9)
    assert (q1, q3) == tuple(np.percentile(values, [25, 75]))


def test_long_names_fold_and_end_in_an_ellipsis():
    assert folded("medical geneticists", 16) == "medical\ngeneticists"
    assert folded("one two three four", 5, 2) == "one\ntwo …"


def test_ticks_are_round_and_labels_stand_apart():
    assert round_ticks(-78, 12) == (-60, -40, -20, 0)
    assert round_ticks(0, 1, 6) == (0, 0.2, 0.4, 0.6, 0.8, 1.0)
    places = apart([48.8, 48.1, 54.0], 3)
    assert min(np.diff(sorted(places))) == pytest.approx(3)
    assert places[1] < places[0] < places[2]


def test_every_figure_lies_in_five_forms_around_one_library(founding_results, tmp_path):
    write_analysis(founding_results, tmp_path)
    listed = json.loads((tmp_path / "figures/figures.json").read_text())
    for entry in listed:
        for name in entry["files"].values():
            assert (tmp_path / "figures" / name).stat().st_size > 0
        small, wide = ((tmp_path / "figures" / entry["files"][form]).read_text() for form in ("narrow", "svg"))
        assert small != wide
        page = (tmp_path / "figures" / entry["files"]["html"]).read_text()
        assert page.count("plotly.min.js") == 1
        assert len(page) < 400_000
    assert len(list((tmp_path / "figures").glob("*.js"))) == 1
    table = pd.read_csv(io.StringIO((tmp_path / "figures/figure-2a.csv").read_text()))
    first = founding_results["paired"][0]
    own = table[(table["group"] == first["group"]) & (table["view"] == first["view"])]
    assert own["difference"].mean() == pytest.approx(first["mean_difference"])


def test_readers_who_say_how_sure_they_are_have_the_same_diagrams_as_networks():
    frame = small_study()
    results = analyse(Readings.from_frame(frame), plan=Plan(bootstrap_draws=200, mixed_models="never"))
    entries = {entry.name: entry for entry in figures_of(results)}
    bins = entries["reader-reliability"].data()
    assert {(row["group"], row["view"]) for row in bins} == {(r["group"], r["view"]) for r in results["reader_calibration"]}
    assert all(row["perfect_low"] <= row["confidence"] + 1e-9 and row["accuracy"] <= 1 for row in bins)
    assert sum(row["count"] for row in bins) == sum(r["readings"] for r in results["reader_calibration"])
    words = {node.text for node in entries["reader-risk-coverage"].draw().items if isinstance(node, Words)}
    assert "Answers, surest first (%)" in words
    assert entries["reader-risk-coverage"].data() == results["reader_risk_coverage"]
    assert "area" in entries["reader-risk-coverage"].words
    rated = frame.assign(confidence=frame["confidence"].map(lambda sure: round(1 + 4 * sure) if sure != "" else ""))
    names = [e.name for e in figures_of(analyse(Readings.from_frame(rated), plan=Plan(bootstrap_draws=200, mixed_models="never")))]
    assert "reader-reliability" not in names  # ratings are no probabilities
    assert "reader-risk-coverage" in names
