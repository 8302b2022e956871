"""Agreement within readers: second showings leave every comparison, and what is said of them is true."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.inter_rater import cohens_kappa

from benchmark.core.analysis import analyse
from benchmark.core.commands.main import main
from benchmark.core.errors import InputError
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.inputs.readings import Readings, read_readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.agreement import agreement, count_ratings
from benchmark.core.methods.retest import among_others, clustered, larger_where, retest
from benchmark.core.output.dictionary import dictionary_of, readings_dictionary
from benchmark.core.output.exports import as_csv, as_spss, long_frame
from benchmark.core.plans.plan import Plan
from benchmark.core.report.page import build_report
from benchmark.core.sections.within_reader import within_reader_sections
from benchmark.pages.topics import PLACED
from tests.benchmark.core.within_reader_study import readers_of, study

SECTIONS = ("within_reader", "within_reader_changes", "within_reader_relation", "within_reader_classes", "within_reader_readers")


@pytest.fixture(scope="module")
def results():
    return analyse(study(), plan=Plan(bootstrap_draws=200))


# --- one place, in which second showings leave the comparison


def test_every_other_section_is_what_it_would_be_without_second_showings(results):
    first = study()
    rows = long_frame(first)
    alone = analyse(Readings.from_frame(rows[rows["showing"] == 1].drop(columns="showing")), plan=Plan(bootstrap_draws=200))
    differing = [name for name in alone.content if alone[name] != results[name]]
    assert differing == ["inputs", "notes"]
    assert set(results.content) - set(alone.content) == set(SECTIONS)
    assert "144 readings are second showings" in " ".join(results["notes"])
    assert results["inputs"][0]["rows"] == alone["inputs"][0]["rows"] + 144


def test_a_table_that_names_every_showing_first_is_one_without_the_column():
    plain = readers_of(3, again=0).drop(columns="showing")
    said = Readings.from_frame(plain.assign(showing=1))
    pd.testing.assert_frame_equal(said.frame, Readings.from_frame(plain).frame)
    assert said.second.empty
    assert "showing" not in long_frame(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: {"showing": 3}, 'line 4, column "showing": 1, 2 or an empty cell was expected, "3" was found.'),
        (lambda row: {"item": "c"}, 'line 4, column "showing": reader "R" has no first reading of item "c" in this survey and view.'),
        (lambda row: {"kind": "model"}, 'column "showing": a network reads every image once'),
        (lambda row: {"assistant": "net"}, 'line 4, column "showing": nothing is shown again where a network\'s output was in sight'),
    ],
)
def test_bad_showings_are_told_with_their_line(change, said):
    rows = [{"reader": "R", "group": "g", "item": item, "truth": "A", "answer": "A", "kind": "", "assistant": "", "showing": showing}
            for item, showing in (("a", 1), ("b", ""), ("a", 2))]  # fmt: skip
    rows[2] |= change(rows[2])
    if rows[2]["kind"] == "model":
        rows[2]["reader"] = "net"
    with pytest.raises(InputError) as refusal:
        Readings.from_frame(pd.DataFrame(rows))
    assert any(said in str(problem) for problem in refusal.value.problems)


def test_two_second_showings_of_one_item_are_told():
    rows = [{"reader": "R", "group": "g", "item": "a", "truth": "A", "answer": "A", "showing": showing} for showing in (1, 2, 2)]
    with pytest.raises(InputError) as refusal:
        Readings.from_frame(pd.DataFrame(rows))
    assert [str(problem) for problem in refusal.value.problems] == [
        'line 4, column "item": reader "R" already has a second reading of item "a" in this survey and view.'
    ]


def test_second_showings_of_sittings_that_do_not_count_are_left_out(results):
    """The completion rule drops a sitting with all its showings, and counts first ones alone."""
    rows = long_frame(study()).drop(columns="correct")
    of_one = rows["reader"] == "derm00"
    rows.loc[of_one & (rows["showing"] == 1) & (rows["position"].astype(float) > 50), "answer"] = ""
    plan = Plan.from_toml(text='schema = "analysis-plan/1"\n[data]\nanalysed = "all complete"\n')
    found = analyse(Readings.from_frame(rows), plan=plan)
    states = {sitting["reader"]: (sitting["asked"], sitting["state"]) for sitting in found["sittings"]}
    assert states["derm00"] == (60, "incomplete")
    assert states["derm01"] == (60, "kept")
    assert found["within_reader"][0]["pairs"] == 132


# --- the formulas


def test_cohens_kappa_and_ac1_are_the_published_ones():
    """Gwet (2008), table of 125 subjects: 118 and 0 agree, 5 and 2 do not; AC1 .941, kappa -.023. And statsmodels on any table."""
    pairs = [(0, 0)] * 118 + [(0, 1)] * 5 + [(1, 0)] * 2
    found = retest(*np.array(pairs).T, 2)
    assert found.same.value == pytest.approx(0.944)
    assert found.gwet_ac1.value == pytest.approx(0.9408, abs=5e-5)
    assert found.cohen_kappa.value == pytest.approx(-0.0234, abs=5e-5)
    rng = np.random.default_rng(4)
    first = rng.integers(0, 4, 90)
    second = np.where(rng.random(90) < 0.6, first, rng.integers(0, 4, 90))
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    mine, theirs = retest(first, second, 4).cohen_kappa, cohens_kappa(table)
    assert mine.value == pytest.approx(theirs.kappa)
    assert np.sqrt((mine.influence**2).sum()) == pytest.approx(theirs.std_kappa)  # pairs independent: the classical error


def test_influences_are_derivatives():
    """Each influence is what a little more weight on that reading changes; they add up to nothing."""
    rng = np.random.default_rng(5)
    first, second = rng.integers(0, 3, 40), rng.integers(0, 3, 40)
    for name in ("same", "cohen_kappa", "gwet_ac1"):
        whole = getattr(retest(first, second, 3), name)
        assert whole.influence.sum() == pytest.approx(0, abs=1e-12)
        many = 400  # each reading many times, and one of them once more
        for one in (0, 7):
            often = np.full(40, many)
            often[one] += 1
            more = getattr(retest(np.repeat(first, often), np.repeat(second, often), 3), name).value
            assert (more - whole.value) * many == pytest.approx(whole.influence[one], abs=1e-3)


def test_agreement_of_others_is_that_of_the_agreement_section():
    rng = np.random.default_rng(6)
    item, category = rng.integers(0, 20, 150), rng.integers(0, 3, 150)
    known, mine = agreement(count_ratings(item, category, 3)), among_others(item, category, 3, np.ones(20))
    assert mine.same.value == pytest.approx(known.percent_agreement)
    assert mine.gwet_ac1.value == pytest.approx(known.gwet_ac1)
    assert mine.same.influence.sum() == pytest.approx(0, abs=1e-12)
    assert mine.gwet_ac1.influence.sum() == pytest.approx(0, abs=1e-12)


def test_the_chance_of_the_larger_value_is_counted_from_all_pairs():
    rng = np.random.default_rng(7)
    mark, values = rng.random(30) < 0.6, rng.integers(0, 8, 30).astype(float)
    pairs = [(a > b) + (a == b) / 2 for a in values[mark] for b in values[~mark]]
    found = larger_where(mark, values)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.influence.sum() == pytest.approx(0, abs=1e-12)
    assert larger_where(np.ones(3, bool), values[:3]).value is None


def test_intervals_cover_what_the_readers_were_made_with():
    """Readers whose two answers are the same with chance w^2 + (1 - w^2) / 4, and those of two readers as their leanings meet."""
    w, s, runs = 0.8, 0.75, 60
    meet = (s + (1 - s) / 4) ** 2 + 3 * ((1 - s) / 4) ** 2
    true = {"same": w**2 + (1 - w**2) / 4, "cohen_kappa": w**2, "gwet_ac1": w**2, "between_same": w**2 * meet + (1 - w**2) / 4}
    true["difference"] = true["same"] - true["between_same"]
    inside, estimates = dict.fromkeys(true, 0), {name: [] for name in true}
    for seed in range(runs):
        record = within_reader_sections(Scored(study(seed)), Plan())["within_reader"][0]
        for name, value in true.items():
            ends = "ci" if name == "difference" else f"{name}_ci"
            inside[name] += record[f"{ends}_low"] <= value <= record[f"{ends}_high"]
            estimates[name].append(record[name])
    for name, value in true.items():
        assert np.mean(estimates[name]) == pytest.approx(value, abs=0.02), name
        assert inside[name] >= 0.88 * runs, name  # 95 % are meant; 60 runs fall below 88 % once in a hundred


def test_first_and_second_reading_of_one_cell_count_as_one_reading():
    """What a reader says twice of one item is not two independent readings."""
    influence, labels = np.array([0.1, -0.1, 0.05, -0.05]), ["r1", "r2", "r1", "r2"]
    items, truth = ["i1", "i2", "i1", "i2"], ["A"] * 4
    twice = clustered(0.5, influence, labels, items, truth, confidence=0.95)
    once = clustered(0.5, influence[:2] + influence[2:], labels[:2], items[:2], truth[:2], confidence=0.95)
    assert (twice.n, twice.se) == (2, pytest.approx(once.se))


# --- what is said


def test_changes_times_and_confidence_are_counted(results):
    changes, pairs = results["within_reader_changes"][0], results["within_reader"][0]["pairs"]
    parts = ("right_twice", "right_then_wrong", "wrong_then_right", "wrong_alike", "wrong_otherwise")
    assert sum(changes[name] for name in parts) == changes["pairs"] == pairs == 144
    lost = changes["wrong_then_right"] - changes["right_then_wrong"]
    assert changes["difference"] == pytest.approx(lost / 144)
    assert changes["time_ratio_ci_low"] < 0.8 < changes["time_ratio_ci_high"]  # the second time took 0.8 of the first
    relation = {record["measure"]: record for record in results["within_reader_relation"]}
    assert relation["confidence"]["ci_low"] > 0.5  # kept leanings were given with more confidence
    assert relation["seconds"]["ci_low"] < 0.5 < relation["seconds"]["ci_high"]
    assert relation["pages between"]["ci_low"] < 0.5 < relation["pages between"]["ci_high"]  # these readers remember nothing
    assert sum(record["pairs"] for record in results["within_reader_classes"]) == 144
    assert sum(record["pairs"] for record in results["within_reader_readers"]) == 144


def test_readers_who_remember_what_was_near_are_found_out():
    """Answers to a second showing within 60 pages are the first one's; then near pairs stay the same more often."""
    rows = long_frame(study(9, again=30)).drop(columns="correct")
    first = rows[rows["showing"] == 1].set_index(["reader", "item"])
    second = rows["showing"] == 2
    keys = pd.MultiIndex.from_frame(rows.loc[second, ["reader", "item"]])
    far = np.random.default_rng(1).integers(10, 110, second.sum())
    rows.loc[second, "position"] = first.loc[keys, "position"].to_numpy() + far
    remembered = rows.index[second][far < 60]
    rows.loc[remembered, "answer"] = first.loc[keys[far < 60], "answer"].to_numpy()
    found = within_reader_sections(Scored(Readings.from_frame(rows)), Plan())
    relation = {record["measure"]: record for record in found["within_reader_relation"]}
    assert relation["pages between"]["ci_high"] < 0.5


def test_blanks_are_no_pairs_and_are_counted():
    rows = long_frame(study()).drop(columns="correct")
    second = rows.index[rows["showing"] == 2]
    rows.loc[second[:10], "answer"] = ""
    for missing, pairs in (("incorrect", 144), ("excluded", 134)):
        found = within_reader_sections(Scored(Readings.from_frame(rows), missing), Plan())
        assert found["within_reader"][0]["pairs"] == 134
        assert found["within_reader"][0]["incomplete_pairs"] == (10 if missing == "incorrect" else 0)
        assert found["within_reader_changes"][0]["pairs"] == pairs


@pytest.mark.parametrize("readers", [1, 2])
def test_few_readers_and_perfect_agreement_say_why_there_is_no_number(readers):
    rows = readers_of(2, readers=readers, items=8, again=2, within=1.0, shared=1.0)
    found = within_reader_sections(Scored(Readings.from_frame(rows)), Plan())
    record = found["within_reader"][0]
    assert record["same"] == 1.0
    assert record["same_ci_high"] == 1.0
    assert record["why"]
    assert found["within_reader_relation"][0]["why"] == "every answer stayed the same, or every one changed"


def test_every_number_has_a_place_and_a_meaning(results):
    assert set(SECTIONS) <= PLACED
    unknown = {row["column"] for row in dictionary_of({name: results[name] for name in SECTIONS}) if not row["meaning"]}
    assert unknown == set()
    assert {row["table_holds"] for row in dictionary_of({name: results[name] for name in SECTIONS})} & {""} == set()


def test_the_report_asks_the_question_shows_the_figure_and_says_what_it_bounds(results):
    entries = figures_of(results)
    entry = next(entry for entry in entries if entry.name == "within-reader")
    assert [row["pair"] for row in entry.data()] == ["one reader, both showings", "two readers"]
    page = build_report(results, entries, {entry.name: "<svg></svg>" for entry in entries})
    assert "How far do readers agree with themselves?" in page
    assert "their own agreement is the upper bound" in " ".join(page.split())
    assert "Second answers enter no other result" in " ".join(page.split())
    assert "memory makes answers more alike" in page


def test_a_study_without_second_showings_has_neither_section_nor_figure():
    plain = analyse(study(again=0), plan=Plan(bootstrap_draws=200))
    assert not set(SECTIONS) & set(plain.content)
    assert "within-reader" not in [entry.name for entry in figures_of(plain)]
    assert "agree with themselves" not in build_report(plain, [], {})


# --- out and in again


def test_exported_readings_are_read_back_with_their_showings(tmp_path):
    readings = study()
    path = tmp_path / "readings.csv"
    path.write_bytes(as_csv(readings))
    again = read_readings(path)
    assert len(again.second) == 144
    assert again.extra_columns == ("simulated", "correct")
    pd.testing.assert_frame_equal(again.second[["reader", "item", "answer"]], readings.second[["reader", "item", "answer"]])
    assert readings_dictionary(["showing"])[0]["meaning"].startswith("1, or 2 where the item came a second time")
    assert as_spss(readings)


def test_an_export_of_another_program_says_its_showings_by_map(tmp_path):
    """A wide table with {showing} in its columns' names, and a long one with a column of its own."""
    (tmp_path / "items.csv").write_text("item,class\ni1,A\ni2,B\n")
    wide = tmp_path / "wide.csv"
    wide.write_text("who,i1_1,i2_1,i1_2\nR1,A,A,B\nR2,A,B,A\n")
    (tmp_path / "wide.toml").write_text(
        'schema = "import-map/1"\nsource = "wide"\n[reader]\nid = "who"\ngroup_is = "derm"\n[pattern]\nanswer = "{item}_{showing}"\n'
    )
    long = tmp_path / "long.csv"
    long.write_text("who,case,said,time\nR1,i1,A,1\nR1,i2,A,\nR1,i1,B,2\nR2,i1,A,1\nR2,i2,B,1\nR2,i1,A,2\n")
    (tmp_path / "long.toml").write_text(
        'schema = "import-map/1"\nsource = "long"\n[reader]\nid = "who"\ngroup_is = "derm"\n'
        '[long]\nitem = "case"\nanswer = "said"\nshowing = "time"\n'
    )
    for name in ("wide", "long"):
        out = tmp_path / f"{name}-readings.csv"
        words = ["import", name, str(tmp_path / f"{name}.csv"), "--map", str(tmp_path / f"{name}.toml"), "--truth", str(tmp_path / "items.csv")]
        assert main([*words, "--out", str(out)]) == 0
        rows = list(csv.DictReader(io.StringIO(out.read_text())))
        assert sorted((row["reader"], row["item"], row["answer"]) for row in rows if row["showing"] == "2") == [
            ("R1", "i1", "B"), ("R2", "i1", "A"),
        ]  # fmt: skip
        assert len(read_readings(out).frame) == 4
