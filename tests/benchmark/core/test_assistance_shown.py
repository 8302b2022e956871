"""Assisted reading on paper: figures, report, methods, limitations and checklists; and nothing of it in other studies."""

import json
import re
from html import unescape

import plotly.graph_objects as go
import pytest

from benchmark.core import Plan, Readings, Results, analyse
from benchmark.core.commands.main import main
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.figures.drawing import Words, text_width
from benchmark.core.output.tables import paper_tables
from benchmark.core.report.checklists import checklist
from benchmark.core.report.limitations import limitations
from benchmark.core.report.methods import methods
from benchmark.core.report.page import build_report

from .assisted_study import assisted_study

LONG = "consultant in a very long specialty of pediatric dermatology and genetics"


@pytest.fixture(scope="module")
def results():
    frame = assisted_study(1, readers=5, blank=0.02, silent=0.05)
    return analyse(Readings.from_frame(frame), plan=Plan(bootstrap_draws=100, mixed_models="never"))


def figure(results, name):
    return next(entry for entry in figures_of(results) if entry.name == name)


def test_the_slopes_hold_every_reader_the_mean_and_the_network(results):
    entry = figure(results, "assistance")
    svg, live = entry.draw().as_svg().decode(), go.Figure(entry.page())
    readers = results["assistance_readers"]
    slopes = [trace for trace in live.data if list(trace.x or ()) == [0, 1] and trace.mode == "lines"]
    assert sorted(tuple(t.y) for t in slopes) == sorted(
        (100 * r["accuracy_alone"], 100 * r["accuracy_assisted"]) for r in readers
    )
    for record in results["assistance"]:
        assert f"classifier {100 * record['accuracy_network']:.1f} %" in svg
    assert entry.data() == [*results["assistance"], *readers]
    assert "simulated readers or drawn images" in svg


def test_the_ribbons_are_the_readings(results):
    entry = figure(results, "assistance-changes")
    rows = entry.data()
    words = [item.text for item in entry.draw().items if isinstance(item, Words)]
    for record in results["assistance"]:
        own = [r for r in rows if (r["group"], r["view"]) == (record["group"], record["view"])]
        moved = {side: sum(r["readings"] for r in own if (r["before"], r["after"]) == side) for side in
                 (("wrong", "right"), ("right", "wrong"))}  # fmt: skip
        assert list(moved.values()) == [record["gained"], record["lost"]]
        assert sum(r["readings"] for r in own) == record["readings"]
        for network in {r["network"] for r in own}:
            assert sum(r["share"] for r in own if r["network"] == network) == pytest.approx(1)
    for row in rows:
        if row["before"] != row["after"] and row["readings"]:
            assert f"{row['readings']} now {row['after']}" in words
    go.Figure(entry.page())


@pytest.mark.parametrize("names", ["short", "long"])
def test_no_word_leaves_the_paper(results, names):
    text = json.dumps(results.content)
    if names == "long":
        text = text.replace('"pediatrician"', json.dumps(LONG)).replace('"classifier"', '"an ensemble with a long name"')
    for entry in figures_of(Results(json.loads(text))):
        if not entry.name.startswith("assistance"):
            continue
        drawing = entry.draw()
        for words in (item for item in drawing.items if isinstance(item, Words) and not item.angle):
            width = text_width(words.text, words.size, words.bold)
            left = words.x - {"start": 0, "middle": 0.5, "end": 1}[words.anchor] * width
            assert left >= -1, (entry.name, words.text)
            assert left + width <= drawing.width + 1, (entry.name, words.text)


def test_the_report_asks_answers_and_warns(results):
    entries = figures_of(results)
    report = build_report(results, entries, {entry.name: entry.draw().as_svg().decode() for entry in entries})
    plain = unescape(report).replace("\u00a0", " ")
    for record in results["assistance"]:
        for key in ("question", "answer", "these_images_answer"):
            assert record[key] in plain
    ids = re.findall(r' id="([^"]+)"', report)
    assert len(ids) == len(set(ids))
    assert "cannot be told apart here" in plain
    assert "Schemmer M" in plain
    assert "Beiden SV" in plain
    told = " ".join(methods(results))
    assert "(Schemmer 2023)" in told
    assert "(Beiden 2002; Schalekamp 2014)" in told
    assert "Obuchowski and Rockette" in told
    assert any("A second look alone may change answers" in sentence for sentence in limitations(results))
    answers = {(item.guideline, item.identifier): item.answer for item in checklist(results)}
    assert "answered alone, then with the output of classifier" in answers["TRIPOD+AI", "27b"]
    assert "second answers are missing" in answers["STARD-AI", "20"]
    assert results["assistance"][0]["question"] in answers["STARD-AI", "4"]
    assert len(paper_tables(results)["assistance"][2]) == len(results["assistance"])


def test_nothing_of_it_is_shown_where_no_output_was_shown(founding_results):
    assert not [entry for entry in figures_of(founding_results) if entry.name.startswith("assistance")]
    assert "assistance" not in paper_tables(founding_results)
    for text in (*methods(founding_results), *limitations(founding_results)):
        assert "second look alone" not in text
        assert "RAIR" not in text
    answers = {(item.guideline, item.identifier): item.answer for item in checklist(founding_results)}
    assert answers["TRIPOD+AI", "27b"] is None


def test_the_command_says_every_gain(tmp_path, capsys):
    table, out = tmp_path / "readings.csv", tmp_path / "out"
    assisted_study(2, readers=3, items=12, views=("focused",)).to_csv(table, index=False)
    assert main(["analyse", str(table), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    content = json.loads((out / "results.json").read_text())
    for record in content["assistance"]:
        assert record["answer"] in told
        assert record["these_images_answer"] in told
    for name in [name for name, value in content.items() if name.startswith("assistance") and value]:
        assert (out / "tables" / f"{name}.csv").exists()
    assert (out / "tables" / "assistance.tex").exists()
