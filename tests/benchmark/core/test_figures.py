"""Figures show every point and number of the results, on paper and on the page alike."""

import plotly.graph_objects as go
import pytest

from benchmark.core.figures.catalogue import figures_of
from benchmark.core.figures.confusions import confusion_figure, draw_confusions
from benchmark.core.figures.differences import draw_figure_2a, figure_2a
from benchmark.core.figures.look import OCHRE, PLUM, TEAL, colours, file_bytes


def test_colours_follow_the_groups():
    found = colours(["medical-geneticist", "pediatrician", "nurses"], ["classifier"])
    assert (found["classifier"], found["medical-geneticist"], found["pediatrician"]) == (TEAL, OCHRE, PLUM)
    assert len(set(found.values())) == 4


def test_every_figure_is_a_valid_plotly_figure(founding_results):
    for entry in figures_of(founding_results):
        go.Figure(entry.page())


def test_figure_2a_holds_every_survey_the_zero_line_mean_and_p(founding_results):
    figure = figure_2a(founding_results)
    points = [trace for trace in figure["data"] if trace.get("mode") == "markers" and len(trace["x"]) == 30]
    assert len(points) == 4
    assert sum(points[0]["y"]) / 30 == pytest.approx(100 * founding_results["paired"][0]["mean_difference"])
    assert [(shape["y0"], shape["y1"]) for shape in figure["layout"]["shapes"]] == [(0, 0), (0, 0)]
    svg = file_bytes(draw_figure_2a(founding_results), "svg").decode()
    for record in founding_results["paired"]:
        assert f"mean +{100 * record['mean_difference']:.1f} points" in svg
    assert "red line: classifier" in svg


def test_confusion_matrix_prints_each_cell(founding_results):
    record = founding_results.records("confusion", group="pediatrician", view="focused")[0]
    assert all(sum(row) == pytest.approx(100) for row in record["row_percent"])
    assert [sum(row) for row in record["counts"]] == [120] * 7
    heat = confusion_figure(founding_results, "focused")["data"]
    assert len(heat) == 3
    assert heat[1]["x"][-1] == "no answer"
    svg = file_bytes(draw_confusions(founding_results, "focused"), "svg").decode()
    assert f"{record['row_percent'][0][0]:.1f}" in svg
    assert "no answer" in svg


def test_report_stands_alone(founding_results, tmp_path):
    from benchmark.core import write_analysis

    write_analysis(founding_results, tmp_path)
    report = (tmp_path / "report.html").read_text()
    assert "<script" not in report
    assert "http://" not in report.replace("http://www.w3.org", "")
    assert "src=" not in report
    assert report.count("<svg") == 5
    ids = [part.split('"')[0] for part in report.split(' id="')[1:]]
    assert len(ids) == len(set(ids))
    for record in founding_results["paired"]:
        assert record["question"] in report
