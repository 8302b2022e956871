"""Anchors in the analysis: what they weigh, that the tests hold with them, and what all readers' meeting on them tells."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmark.core.analysis import analyse
from benchmark.core.errors import InputError
from benchmark.core.figures.anchors import anchor_rows, anchor_words
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.methods.twoway import two_way_mean
from benchmark.core.methods.ustat import ustat_mean
from benchmark.core.methods.weighting import WEIGHT, mean_over, weights_of, whole_parts
from benchmark.core.output.dictionary import SECTIONS, dictionary_of
from benchmark.core.output.tables import flat_records
from benchmark.core.planning.closed_form import Design, Spread, fixed_images_precision, new_images_precision
from benchmark.core.planning.simulation import StudyDesign, World, simulate, spread_of
from benchmark.core.plans.plan import Plan
from benchmark.core.report.limitations import limitations
from benchmark.core.report.page import build_report

from .anchored_study import network_of, readers_of, study

PLAN = replace(Plan(), bootstrap_draws=200)
NEW = ("anchors", "anchor_standing", "anchor_readers", "anchor_drift", "anchor_groups")


@pytest.fixture(scope="module")
def results():
    return analyse(study(groups=("derm", "gp")), plan=PLAN, seed=1)


def people(readings: Readings) -> pd.DataFrame:
    frame = Scored(readings).frame
    return frame[frame["kind"] == "human"]


# --- weights


def test_a_table_without_anchors_weighs_nothing():
    frame = readers_of(1).drop(columns="anchor")
    readings = Readings.from_frame(pd.concat([frame, network_of(frame)]))
    assert readings.anchors == frozenset()
    assert WEIGHT not in Scored(readings).frame
    assert not set(NEW) & set(analyse(readings, plan=PLAN).content)


def test_an_accuracy_is_the_mean_over_images_not_over_readings(results):
    """By hand: the mean of the items' shares; readings alone would say something else, as anchors are easier here."""
    readings = study(anchor_ease=2.0)
    own = people(readings)
    shares = own.groupby("item")["correct"].mean()
    found = analyse(readings, plan=PLAN).content
    record = found["accuracy"][0]
    assert record["accuracy"] == pytest.approx(shares.mean())
    assert abs(record["accuracy"] - record["correct"] / record["readings"]) > 0.05
    net = Scored(readings).find("model", "net", "focused").rows.set_index("item")["correct"]
    difference = float((net[shares.index] - shares).mean())
    for section, key in (("new_images", "difference"), ("paired", "mean_difference")):
        assert found[section][0][key] == pytest.approx(difference), section
    by_class = {r["class"]: r["accuracy"] for r in found["class_accuracy"] if r["kind"] == "human"}
    assert by_class["A"] == pytest.approx(shares[shares.index.str.startswith("A")].mean())
    assert found["metrics"][0]["balanced_accuracy"] == pytest.approx(shares.mean())
    diagonal = [row[k] for k, row in enumerate(found["confusion"][0]["row_percent"])]
    assert np.mean(diagonal) == pytest.approx(100 * shares.mean())


def test_a_missing_sitting_leaves_every_image_its_weight():
    """Sparse as readings come: the other images weigh by their readings as ever, an anchor as an average one of them."""
    frame = readers_of(3)
    frame = frame[frame["reader"] != "derm04"]
    own = people(Readings.from_frame(frame))
    weight = own.groupby("item")[WEIGHT].sum()
    others = own[own["anchor"] != "yes"].groupby(["truth", "item"]).size().groupby("truth").mean()
    for item in own.loc[own["anchor"] == "yes", "item"].unique():
        assert weight[item] == pytest.approx(others[item[0]])
    assert set(own.loc[own["anchor"] != "yes", WEIGHT]) == {1.0}


def test_blanks_that_are_left_out_change_the_weights():
    frame = readers_of(3)
    frame.loc[frame.index[:5], "answer"] = ""
    kept, left = (Scored(Readings.from_frame(frame), missing).frame for missing in ("incorrect", "excluded"))
    assert len(kept) == len(left) + 5
    assert left[WEIGHT].nunique() > kept[WEIGHT].nunique()


def test_weights_are_whole_parts_where_they_can_be():
    own = people(study())
    assert set(whole_parts(own)) == {1, 4}  # four surveys in a set
    assert whole_parts(own.drop(columns=WEIGHT)).tolist() == [1] * len(own)
    assert whole_parts(own.assign(**{WEIGHT: np.sqrt(np.arange(1, len(own) + 1) / 7)})) is None


def test_the_exact_test_of_a_study_with_anchors_counts_in_whole_parts(results):
    record = results["paired"][0]
    assert record["sign_flip_p"] is not None
    assert record["model_ahead"] + record["equal"] + record["readers_ahead"] == record["n"]


def test_weights_of_one_are_no_weights():
    rng = np.random.default_rng(2)
    reader, item = np.repeat(np.arange(6), 10), np.tile(np.arange(10), 6)
    values, one = rng.normal(size=60), np.ones(60)
    for plain, weighted in (
        (two_way_mean(values, reader, item), two_way_mean(values, reader, item, weights=3 * one)),
        (ustat_mean(values, reader, item), ustat_mean(values, reader, item, 3 * one)),
    ):
        assert weighted.estimate == pytest.approx(plain.estimate)
        assert getattr(weighted, "se", None) == pytest.approx(getattr(plain, "se", None))
        assert getattr(weighted, "variance", None) == pytest.approx(getattr(plain, "variance", None))


def test_a_reading_of_weight_two_counts_as_two_in_a_mean():
    own = people(study()).head(4).assign(**{WEIGHT: [2.0, 1.0, 1.0, 1.0]})
    assert mean_over(own, [1, 0, 0, 0]) == pytest.approx(2 / 5)
    assert weights_of(own).tolist() == [2, 1, 1, 1]


# --- levels: the script tests/performance/anchors.py prints them for more designs and studies


def test_tests_for_new_images_hold_their_level_with_anchors():
    found = simulate(World(0.75, 0.75), StudyDesign(anchors=2), studies=400, seed=4)
    assert 0.02 < found.reject_two_way < 0.085  # three Monte Carlo errors around .05
    assert found.mean_se_two_way == pytest.approx(found.sd_difference, rel=0.12)


def test_planning_foresees_what_simulated_studies_have():
    world, layout = World(0.75, 0.85), StudyDesign(anchors=2)
    design = Design(layout.readers, layout.items, 28, 7, 14)
    found = simulate(world, layout, studies=400, seed=5)
    assert new_images_precision(design, spread_of(world), 0.1).se == pytest.approx(found.sd_difference, rel=0.1)
    assert fixed_images_precision(design, spread_of(world), 0.1).se == pytest.approx(found.mean_se_paired, rel=0.05)


def test_anchors_tell_less_than_readings_evenly_spread():
    """54 readers of 28 of 140 images, 14 of them anchors: 1,512 readings, which know a mean over images as 922 would."""
    anchored, even = Design(54, 140, 28, 7, 14), Design(54, 140, 28, 7)
    assert even.readings_that_tell == 1512
    share = [1 / (140 * 54)] * 14 * 54 + [1 / (140 * 6)] * 126 * 6
    assert anchored.readings_that_tell == pytest.approx(1 / sum(w**2 for w in share)) == pytest.approx(921.95, abs=0.01)
    spread = Spread(0.01, 0.02, 0.15)
    assert anchored.standard_error(spread) > even.standard_error(spread)
    assert anchored.fixed_images_error(spread) > even.fixed_images_error(spread)


@pytest.mark.parametrize("anchors", [-1, 4, 3])
def test_a_design_that_cannot_have_these_anchors_is_refused(anchors):
    with pytest.raises(ValueError, match=r"Anchors per class are fewer|cannot be split"):
        StudyDesign(per_class=21, anchors=anchors, per_survey=4) if anchors != 3 else StudyDesign(per_class=4, anchors=3)


# --- the sections


def test_agreement_on_anchors_is_of_every_reader_with_every_other(results):
    records = {record["group"]: record for record in results.records("anchors")}
    assert set(records) == {"derm", "gp", "all readers"}
    own = people(study(groups=("derm", "gp")))
    own = own[own["anchor"] == "yes"]
    pairs, same = 0, 0
    for _, rows in own.groupby("item"):
        answers = rows["answer"].tolist()
        pairs += len(answers) * (len(answers) - 1)
        same += sum(a == b for i, a in enumerate(answers) for j, b in enumerate(answers) if i != j)
    assert records["all readers"]["percent_agreement"] == pytest.approx(same / pairs)
    assert records["all readers"]["readers"] == 24
    for record in records.values():
        assert record["fleiss_kappa_ci_low"] < record["fleiss_kappa"] < record["fleiss_kappa_ci_high"]
        assert record["readings_share"] == 0.5


def test_a_readers_standing_owes_nothing_to_an_easy_survey():
    """One reader has the easy images: first by the whole survey, in the middle of it by what others do on her images."""
    rows = []
    for r in range(8):
        own = [f"easy{k}" if r < 2 else f"hard{k}" for k in range(8)]
        for n, item in enumerate([f"anchor{k}" for k in range(8)] + own):
            right = (n + r) % 4 != 0 if n < 8 else (r < 2 or n % 2 == 0)
            rows.append({"reader": f"r{r}", "group": "g", "survey": "E" if r < 2 else "H", "item": item, "truth": "A",
                         "answer": "A" if right else "B", "anchor": "yes" if n < 8 else ""})  # fmt: skip
    found = {r["reader"]: r for r in analyse(Readings.from_frame(pd.DataFrame(rows)), plan=PLAN).records("anchor_readers")}
    assert found["r0"]["percentile_whole"] > 85
    assert found["r0"]["percentile"] == found["r5"]["percentile"]
    assert found["r0"]["above_others"] == pytest.approx(found["r4"]["above_others"], abs=0.02)


def test_every_reader_agrees_with_the_others_as_counted_by_hand(results):
    own = people(study(groups=("derm", "gp")))
    own = own[own["anchor"] == "yes"]
    mine = own[own["reader"] == "gp03"].set_index("item")["answer"]
    others = own[own["reader"] != "gp03"]
    expected = float((others["answer"].to_numpy() == mine[others["item"]].to_numpy()).mean())
    record = next(r for r in results.records("anchor_readers") if r["reader"] == "gp03")
    assert record["agrees_with_others"] == pytest.approx(expected)
    assert record["ability"] == next(r for r in results.records("rasch_readers") if r["reader"] == "gp03")["ability"]


def test_readers_who_tire_over_the_weeks_show_on_the_anchors():
    found = analyse(study(fatigue=2.5, per_class=20, anchors=6, shared_out=2), plan=PLAN).records("anchor_drift")
    drift = next(r for r in found if r["images"] == "anchors")
    assert drift["difference"] < -0.2
    assert drift["these_images_p"] < 0.01
    assert (drift["readers_first"], drift["readers_second"]) == (11, 10)


def test_without_dates_there_is_no_drift_and_the_record_says_so():
    readings = Readings.from_frame(readers_of(1).drop(columns="completed_at"))
    for record in analyse(readings, plan=PLAN).records("anchor_drift"):
        assert record["difference"] is None
        assert record["why"] == "the readings do not say when they were completed"


def test_groups_are_compared_where_all_read_the_same():
    readings = Readings.from_frame(pd.concat([readers_of(1, group="derm", skill=1.5), readers_of(2, group="gp")], ignore_index=True))
    (record,) = analyse(readings, plan=PLAN).records("anchor_groups")
    own = people(readings)
    means = own[own["anchor"] == "yes"].groupby("group")["correct"].mean()
    assert record["difference"] == pytest.approx(means["derm"] - means["gp"])
    assert record["p_adjusted"] == record["p"]


def test_a_reader_of_two_surveys_meets_an_anchor_once():
    """Who reads several surveys sees the anchors in each; for agreement the first reading counts."""
    frame = readers_of(1)
    frame["reader"] = frame["reader"].replace({"derm01": "derm00"})
    record = analyse(Readings.from_frame(frame), plan=PLAN).records("anchors")[0]
    assert record["ratings"] == record["readers"] * record["items"] == 11 * 8


def test_one_reader_or_two_are_told_what_is_lacking():
    frame = readers_of(1, sets=1, per_class=4, anchors=2, shared_out=1)  # two readers
    found = analyse(Readings.from_frame(frame), plan=PLAN)
    assert found.records("anchor_standing")[0]["why"] == "a correlation needs 4 readers who differ on anchors and on other images"
    assert found.records("anchor_drift")[0]["why"] == "two halves need 4 readers who read at different times"


# --- input


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.loc.__setitem__((3, "anchor"), "perhaps"), 'yes, no or an empty cell was expected, "perhaps" was found.'),
        (lambda f: f.loc.__setitem__((0, "anchor"), ""), 'item "A00" is an anchor elsewhere, so yes was expected.'),
    ],
)
def test_bad_marks_are_named_by_line(change, said):
    frame = readers_of(1)
    change(frame)
    with pytest.raises(InputError) as refusal:
        Readings.from_frame(frame)
    assert [problem.message for problem in refusal.value.problems] == [said]


def test_a_network_need_not_know_what_an_anchor_is():
    frame = readers_of(1)
    readings = Readings.from_frame(pd.concat([frame, network_of(frame).assign(anchor="")], ignore_index=True))
    assert len(readings.anchors) == 8
    assert set(Scored(readings).find("model", "net", "focused").rows[WEIGHT]) == {1.0}


# --- shown


def test_the_report_shows_anchors_and_says_what_they_weigh(results):
    entries = figures_of(results)
    page = build_report(results, entries, {entry.name: "<svg></svg>" for entry in entries})
    assert "How do all readers do on the images that all of them read?" in page
    assert "an anchor weighs as much as an average other image of its class" in page
    assert "Every survey showed the same 8 images, the anchors" in page
    assert any("What is said of the anchors is said of 8 images." in line for line in limitations(results))
    assert any("8 items are anchors, which every survey shows: 192 of 384 readings of people." in note for note in results["notes"])


def test_the_figure_has_a_dot_for_every_reader(results):
    rows = anchor_rows(results)
    assert len(rows) == 24
    entry = next(entry for entry in figures_of(results) if entry.name == "anchors")
    assert entry.data() == rows
    assert "derms on focused images: correlation" in anchor_words(results)
    places = [place for trace in entry.page()["data"] if trace.get("mode") == "markers" for place in zip(trace["x"], trace["y"])]
    assert len(set(places)) == 24  # none hides another


def test_every_column_is_in_the_dictionary(results):
    assert set(NEW) <= set(SECTIONS)
    tables = {name: flat_records(results, name) for name in NEW}
    assert all(tables.values())
    for row in dictionary_of(tables):
        assert "" not in (row["meaning"], row["table_holds"]), row
