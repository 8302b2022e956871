"""The whole analysis: the contract of results.json, real published accuracies, and invariances."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.core import CompletionRule, InputError, Plan, Readings, Results, analyse, write_analysis
from benchmark.core.plans.plan import Contrast
from tests.performance.pairing_units import rejections

CONTRACT = {
    "accuracy": "group kind view readers items readings answered correct accuracy ci_low ci_high ci_method",
    "paired": "model group view unit n mean_difference sd t df p ci_low ci_high cohens_dz wilcoxon_p sign_flip_p",
    "new_images": "model group view difference se t df p ci_low ci_high var_reader var_item var_both",
    "confusion": "group view classes counts row_percent",
    "agreement": "group view fleiss_kappa krippendorff_alpha gwet_ac1 percent_agreement",
}


def test_results_hold_every_field_of_the_contract(founding_results):
    assert founding_results["schema"] == "results/1"
    for section, fields in CONTRACT.items():
        assert founding_results[section]
        for record in founding_results[section]:
            assert set(fields.split()) <= set(record)
    assert json.loads(founding_results.to_json())["schema"] == "results/1"


def test_paired_test_equals_scipys_on_the_readings(founding_frame, founding_results):
    people = founding_frame[founding_frame["kind"] == "human"]
    model = founding_frame[founding_frame["kind"] == "model"]
    for record in founding_results["paired"]:
        own = people[(people["group"] == record["group"]) & (people["view"] == record["view"])]
        marks = model[model["view"] == record["view"]].set_index("item")
        right = own["answer"] == own["truth"]
        net = own["item"].map(marks["answer"] == marks["truth"])
        by_survey = pd.DataFrame({"survey": own["survey"], "net": net, "people": right}).groupby("survey").mean()
        expected = stats.ttest_rel(by_survey["net"].astype(float), by_survey["people"].astype(float))
        assert (record["n"], record["unit"]) == (30, "survey")
        assert record["t"] == pytest.approx(expected.statistic)
        assert record["p"] == pytest.approx(expected.pvalue)


def test_real_people_and_networks_come_out_as_published(real_frame):
    results = analyse(Readings.from_frame(real_frame))
    published = {"silhouette": {"alexnet": 44, "googlenet": 49, "vgg": 48, "resnet50": 54, "people": 75.31},
                 "edge": {"alexnet": 40, "googlenet": 28, "vgg": 24, "resnet50": 18, "people": 87.12}}  # fmt: skip
    for record in results["accuracy"]:
        expected = published[record["view"]][record["reader"] or record["group"]]
        assert 100 * record["accuracy"] == pytest.approx(expected, abs=0.51 if isinstance(expected, int) else 0.006)
    kappa = {record["view"]: record["fleiss_kappa"] for record in results["agreement"]}
    assert kappa == {"edge": pytest.approx(0.7902, abs=5e-5), "silhouette": pytest.approx(0.6772, abs=5e-5)}
    assert {(record["unit"], record["n"]) for record in results["paired"]} == {("reader", 10)}


@pytest.fixture
def crossed_frame(crossed_small):
    """The published crossed example as readings: 5 readers of the same 20 items, and a network."""
    human, model = crossed_small
    marks = [*((f"r{k}", "people", "human", row) for k, row in enumerate(human)), ("net", "nets", "model", model)]
    rows = [(name, group, kind, f"i{i:02d}", "a", "ba"[mark]) for name, group, kind, row in marks
            for i, mark in enumerate(row)]  # fmt: skip
    return pd.DataFrame(rows, columns=["reader", "group", "kind", "item", "truth", "answer"])


def test_paired_units_are_surveys_and_readers_where_there_are_none(founding_frame, founding_results):
    assert {record["unit"] for record in founding_results["paired"]} == {"survey"}
    without = analyse(Readings.from_frame(founding_frame.assign(survey="")), plan=Plan(mixed_models="never"))
    assert {record["unit"] for record in without["paired"]} == {"reader"}


def test_one_survey_read_by_all_is_tested_over_its_readers(crossed_frame, reference):
    """Over surveys n would be 1 and nothing could be tested; over readers it is the published test of fixed cases."""
    expected = reference["crossed_small_single_modality_percent_correct"]["expected"]
    one_survey = Readings.from_frame(crossed_frame.assign(survey=np.where(crossed_frame["kind"] == "human", "S1", "")))
    (found,) = analyse(one_survey)["paired"]
    assert (found["unit"], found["n"]) == ("reader", 5)
    assert (found["t"], found["p"]) == pytest.approx((expected["rrfc_t"], expected["rrfc_p"]), abs=1e-9)
    (planned,) = analyse(one_survey, plan=Plan(unit="survey"))["paired"]
    assert (planned["unit"], planned["n"], planned["p"]) == ("survey", 1, None)
    assert "two surveys" in planned["why"]


def test_surveys_that_share_their_readers_are_no_units(founding_frame):
    """Where all read the same surveys, a test over surveys takes what readers have in common for certainty."""
    rates = rejections(10, 5, 400, seed=3)
    assert rates["survey"] > 0.3
    assert rates["reader"] < 0.08
    people = founding_frame["kind"] == "human"
    twice = founding_frame.assign(reader=founding_frame["reader"].where(~people, founding_frame["reader"].str.replace(
        r"-(\d\d)$", lambda found: f"-{(int(found[1]) + 1) // 2:02d}", regex=True)))  # fmt: skip
    shared = analyse(Readings.from_frame(twice), plan=Plan(mixed_models="never"))
    assert {(record["unit"], record["n"]) for record in shared["paired"]} == {("reader", 15)}
    one = founding_frame.replace({"reader": {"med-02": "med-01"}})
    some = analyse(Readings.from_frame(one), plan=Plan(mixed_models="never"))
    assert {record["unit"] for record in some["paired"]} == {"survey"}
    assert any(note.startswith("One reader read more than one survey") for note in some["notes"])


def test_the_planned_unit_is_used_where_the_readings_allow_it(founding_frame):
    plan = Plan(unit="reader", mixed_models="never", declared=True, text="x")
    results = analyse(Readings.from_frame(founding_frame), plan=plan)
    assert {record["unit"] for record in results["paired"]} == {"reader"}
    assert "other unit than planned" not in {record["kind"] for record in results["deviations"]}


def test_order_of_rows_changes_no_number(founding_frame, founding_results):
    shuffled = analyse(Readings.from_frame(founding_frame.sample(frac=1, random_state=2)))
    for section in founding_results.sections:
        if section != "inputs":
            pd.testing.assert_frame_equal(pd.DataFrame(shuffled[section]), pd.DataFrame(founding_results[section]))


def test_a_network_that_answers_like_the_reader_differs_by_nothing():
    people = pd.DataFrame(
        [("ann", "d", f"i{k}", "ab"[k % 2], "a", "human") for k in range(20)]
        + [("bob", "d", f"i{k}", "ab"[k % 2], "a", "human") for k in range(20)]
        + [("net", "n", f"i{k}", "ab"[k % 2], "a", "model") for k in range(20)],
        columns=["reader", "group", "item", "truth", "answer", "kind"],
    )
    results = analyse(Readings.from_frame(people))
    (paired,), (new) = results["paired"], results["new_images"][0]
    assert (paired["mean_difference"], paired["p"], new["p"]) == (0, None, None)
    assert "same" in paired["why"]
    assert results["agreement"][0]["fleiss_kappa"] is None
    results.to_json()


@pytest.mark.parametrize("answers", ["all right", "all missing", "one class", "one reader", "no model"])
def test_degenerate_studies_are_told_and_never_nan(founding_frame, answers, tmp_path):
    frame = founding_frame[founding_frame["survey"].isin(["", "S01", "S02", "S03"])].copy()
    if answers == "all right":
        frame["answer"] = frame["truth"]
    elif answers == "all missing":
        frame["answer"] = ""
    elif answers == "one class":
        frame = frame[frame["truth"] == "IP"]
    elif answers == "one reader":
        frame = frame[(frame["kind"] == "model") | (frame["reader"] == "med-01")]
    else:
        frame = frame[frame["kind"] == "human"]
    results = analyse(Readings.from_frame(frame))
    write_analysis(results, tmp_path, figures=answers in ("all missing", "no model"))
    for section in results.sections:
        for record in results[section]:
            for name, value in record.items():
                if value is None and name not in (
                    "reader",
                    "model",
                    "view",
                    "why",
                    "ci_low",
                    "ci_high",
                    "p_adjusted",
                    "adjustment",
                ):
                    assert record.get("why"), (section, name)


def test_missing_answers_are_wrong_or_excluded_as_the_plan_says():
    rows = [
        (f"r{r}", "d", f"i{k}", "ab"[k % 2], "" if k == r else "ab"[k % 2], "human")
        for r in range(3)
        for k in range(10)
    ]
    readings = Readings.from_frame(pd.DataFrame(rows, columns=["reader", "group", "item", "truth", "answer", "kind"]))
    assert analyse(readings)["accuracy"][0]["accuracy"] == pytest.approx(0.9)
    assert analyse(readings, plan=Plan(missing="excluded"))["accuracy"][0]["accuracy"] == 1.0
    no_answer = np.array(analyse(readings)["confusion"][0]["counts"])[:, -1]
    assert no_answer.tolist() == [2, 1]


def test_holm_runs_over_the_planned_family_only(founding_frame):
    plan = Plan(
        primary=(Contrast("classifier", "pediatrician", "focused"), Contrast("classifier", "pediatrician", "panoramic"))
    )
    records = analyse(Readings.from_frame(founding_frame), plan=plan)["paired"]
    family = [record for record in records if record["family"] == "primary"]
    low, high = sorted(family, key=lambda record: record["p"])
    assert low["p_adjusted"] == pytest.approx(2 * low["p"])
    assert high["p_adjusted"] == pytest.approx(max(high["p"], 2 * low["p"]))
    assert all(record["p_adjusted"] is None for record in records if record["family"] == "exploratory")


def test_badge_stands_where_the_two_questions_disagree(founding_results):
    for these, new in zip(founding_results["paired"], founding_results["new_images"]):
        assert new["conclusions_differ"] == ((these["p"] < 0.05) != (new["p"] < 0.05))
        assert new["se_ratio"] == pytest.approx(new["se"] / these["se"])


def test_a_completion_rule_that_leaves_nobody_is_told(founding_frame):
    blank = founding_frame.assign(answer="")
    people = blank[blank["kind"] == "human"]
    with pytest.raises(InputError, match="No sitting is complete"):
        analyse(Readings.from_frame(people), plan=Plan(completion=CompletionRule()))


def test_simulated_readings_are_marked_everywhere(founding_results, tmp_path):
    write_analysis(founding_results, tmp_path)
    assert founding_results.is_simulated
    report = (tmp_path / "report.html").read_text()
    assert report.count("imulated") > 4
    assert "simulated" in (tmp_path / "figures/figure-2a.svg").read_text()


def test_command_writes_the_contract_and_the_same_bytes_again(founding_frame, tmp_path):
    readings = tmp_path / "readings.csv"
    founding_frame.to_csv(readings, index=False)
    for folder in ("one", "two"):
        command = [
            sys.executable,
            "-m",
            "benchmark.core",
            "analyse",
            readings,
            "--seed",
            "3",
            "--out",
            tmp_path / folder,
        ]
        subprocess.run(command, check=True, capture_output=True)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    names = {str(path) for path in files}
    assert {"results.json", "report.html", "tables/accuracy.csv", "tables/tables.xlsx", "tables/accuracy.tex"} <= names
    assert {f"figures/figure-2a.{kind}" for kind in ("svg", "png", "pdf", "html")} <= names
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
    assert Results.read(tmp_path / "one/results.json")["seed"] == 3


def test_command_tells_bad_input_in_a_sentence_and_exits_2(tmp_path):
    bad = tmp_path / "readings.csv"
    bad.write_text("reader,group,item,truth,answer,kind\nann,d,i1,,a,robot\n")
    done = subprocess.run(
        [sys.executable, "-m", "benchmark.core", "analyse", bad, "--out", tmp_path / "out"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert 'line 2, column "truth"' in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("numpy", "scipy", "pandas", "matplotlib", "django")
    code = f"import benchmark.core, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_spreadsheet_formulas_in_names_are_disarmed(tmp_path):
    rows = [("=cmd()", "@d", f"i{k}", "ab"[k % 2], "a", "human") for k in range(4)]
    readings = Readings.from_frame(pd.DataFrame(rows, columns=["reader", "group", "item", "truth", "answer", "kind"]))
    write_analysis(analyse(readings), tmp_path, figures=False)
    text = (tmp_path / "tables/reader_accuracy.csv").read_text()
    assert "'=cmd()" in text
    assert "'@d" in text
