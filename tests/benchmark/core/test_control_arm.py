"""The control arm of assisted reading: by hand, by property, by simulation, and on paper."""

import json
from html import unescape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from scipy import stats

from benchmark.core import InputError, Plan, Readings, Results, analyse
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.inputs.scoring import Scored
from benchmark.core.output.dictionary import dictionary_of
from benchmark.core.output.tables import flat_records
from benchmark.core.report.limitations import limitations
from benchmark.core.report.methods import methods
from benchmark.core.report.page import build_report
from benchmark.core.sections.assisted_sets import assisted_sets, control_sets
from benchmark.core.sections.contrasts import adjusted
from benchmark.core.sections.control import beside_control, control_changes, difference_classes, difference_record
from tests.performance.assisted_gain import arms_of

from .assisted_study import CAUSES, assisted_study, without_difference

QUICK = Plan(bootstrap_draws=100, mixed_models="auto")
SECTIONS = (
    "assistance_control", "assistance_difference", "assistance_difference_classes", "assistance_control_changes", "assistance_control_methods",
)  # fmt: skip


@pytest.fixture(scope="module")
def results():
    return analyse(Readings.from_frame(assisted_study(1, readers=5, blank=0.03, control=0.25)), plan=QUICK)


def pairs_in(frame: pd.DataFrame, missing: str = "incorrect") -> list:
    scored = Scored(Readings.from_frame(frame), missing)
    return beside_control(list(assisted_sets(scored)), list(control_sets(scored)))


def by_hand() -> pd.DataFrame:
    """Two readers, four images of one class; (before, after) per image, and whether the network was in sight."""
    seen = {"r1": [("b", "a", 1), ("a", "a", 1), ("b", "b", 0), ("b", "a", 0)], "r2": [("b", "a", 0), ("a", "b", 0), ("b", "a", 1), ("b", "a", 1)]}
    rows = [
        (reader, "g", f"i{number}", "a", first, "net" if sight else "", "a" if sight else "", second, "yes")
        for reader, given in seen.items()
        for number, (first, second, sight) in enumerate(given)
    ]
    columns = ["reader", "group", "item", "truth", "answer", "assistant", "assistant_answer", "assisted_answer", "asked_again"]
    return pd.DataFrame(rows, columns=columns)


def test_a_small_table_comes_out_as_by_hand():
    """With output r1: 1, 0; r2: 1, 1: mean 3/4. Without r1: 0, 1; r2: 1, -1: mean 1/4. Readers' own differences are 0 and 1.

    Influences, stretched by sqrt(4/3) and over four readings of an arm, of r1: 1/16, -3/16, 1/16, -3/16, of r2: -3/16, 5/16,
    1/16, 1/16, so that r1 is -1/4 and r2 1/4, and the images are -1/8, 1/8, 1/8, -1/8 (times sqrt(4/3)).
    """
    (pair,) = pairs_in(by_hand())
    record = difference_record(pair, Plan())
    assert [record[key] for key in ("gain_with", "gain_control", "difference", "these_images_difference")] == [3 / 4, 1 / 4, 1 / 2, 1 / 2]
    assert (record["readings_with"], record["readings_control"], record["readers"], record["items"]) == (4, 4, 2, 4)
    assert record["these_images_se"] == pytest.approx(1 / 2)
    assert record["these_images_p"] == pytest.approx(2 * stats.t.sf(1, 1))
    assert record["var_reader"] == pytest.approx(4 / 3 * 2 * 2 / 16)
    assert record["var_item"] == pytest.approx(4 / 3 * 4 / 3 * 4 / 64)
    changes = {r["situation"]: (r["readings"], r["changed"], r["right_after"]) for r in control_changes(pair.control, Plan())}
    assert changes == {"reader wrong": (3, 2, 2), "reader right": (1, 1, 0)}


def test_every_section_is_there_and_adds_up(results):
    for name in SECTIONS:
        assert results.records(name), name
        for record in results.records(name):
            missing = [key for key, value in record.items() if value is None and key not in ("why", "view", "assistant")]
            assert not missing or record["why"] or name == "assistance_control_methods", (name, record)
    for record in results["assistance_difference"]:
        keys = {key: record[key] for key in ("group", "view")}
        (seen,), (alone,) = results.records("assistance", **keys), results.records("assistance_control", **keys)
        assert record["difference"] == pytest.approx(seen["difference"] - alone["difference"])
        assert (seen["readings"], seen["readings_without"], alone["readings"]) == (150, 0, 50)
        told = results.records("assistance_control_methods", compared="difference", **keys)
        assert len(told) == 6
        assert [r["difference"] for r in told[:3]] == pytest.approx([record["difference"]] * 3)
        assert told[3]["se"] > 0
        assert abs(told[3]["difference"] - record["difference"]) < told[3]["se"]
        assert told[0]["se"] == record["se"]
        # The bootstrap is of the difference itself: its spread is that of the two-way variance, not of a gain's.
        assert 0.6 < told[4]["se"] / record["se"] < 1.6
        assert len(results.records("assistance_control_methods", compared="second look alone", **keys)) == 6
        changes = results.records("assistance_control_changes", **keys)
        assert sum(r["readings"] for r in changes) == alone["readings"]
        assert sum(r["right_after"] for r in changes) == pytest.approx(alone["accuracy_assisted"] * alone["readings"])
    assert {r["compared"] for r in results["assistance_sensitivity"]} == {"gain", "difference from control"}
    tables = {name: flat_records(results, name) for name in SECTIONS}
    for row in dictionary_of(tables):
        assert "" not in (row["meaning"], row["table_holds"]), row


def test_a_second_answer_that_is_missing_counts_in_both_arms():
    frame = by_hand()
    frame.loc[0, "assisted_answer"] = frame.loc[4, "assisted_answer"] = ""
    (pair,), (without,) = pairs_in(frame), pairs_in(frame, "excluded")
    assert (len(pair.seen.rows), len(pair.control.rows)) == (4, 4)
    assert (len(without.seen.rows), len(without.control.rows)) == (3, 3)
    assert pair.difference == pytest.approx(2 / 4 - 0)
    # Without the column nothing says that the empty one was asked for.
    (told,) = pairs_in(frame.drop(columns="asked_again"))
    assert len(told.control.rows) == 3


def test_several_networks_stand_beside_one_control_arm():
    frame = assisted_study(3, readers=4, control=0.25, views=("focused",))
    seen = (frame["assistant"] != "") & (frame["reader"].str[-1].isin(["0", "1"]))
    frame.loc[seen, "assistant"] = "other"
    found = pairs_in(frame)
    assert [(p.keys["assistant"], p.keys["group"]) for p in found] == [
        ("classifier", "medical-geneticist"), ("other", "medical-geneticist"), ("classifier", "pediatrician"), ("other", "pediatrician"),
    ]  # fmt: skip
    assert found[0].control is found[1].control
    record = difference_record(found[0], Plan())
    assert record["these_images_df"] == 1, "two of the four readers answered in both arms"
    # Where no reader did, the arms are of different people.
    apart = frame[(frame["assistant"] == "") | (frame["assistant"] == "other")]
    apart = apart[(apart["assistant"] == "other") | apart["reader"].str[-1].isin(["2", "3"]) | (apart["kind"] == "model")]
    record = difference_record(pairs_in(apart)[0], Plan())
    assert record["p"] is not None
    assert (record["these_images_p"], "these images" in record["why"]) == (None, True)


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize(("readers", "items", "per_reader"), [(8, 60, 60), (20, 60, 24)], ids=["crossed", "sparse"])
def test_the_test_of_the_difference_holds_its_level(readers, items, per_reader, cause):
    """300 studies whose gains do not differ on average: p < .05 in at most 5 %, within four standard errors. A pure second
    look gains all the same. tests/performance/assisted_gain.py counts longer."""
    rng, rejected, gains, differences = np.random.default_rng(12), 0, [], []
    for _ in range(300):
        arms = arms_of(without_difference(rng, readers=readers, items=items, per_reader=per_reader, cause=cause))
        test = arms.test(Plan())
        rejected += test.p is not None and test.p < 0.05
        gains.append(arms.seen.differences.mean())
        differences.append(test.estimate)
    assert rejected / 300 <= 0.05 + 4 * (0.05 * 0.95 / 300) ** 0.5
    assert abs(np.mean(differences)) < 4 * np.std(differences) / 300**0.5
    mean = np.mean(gains)
    assert mean > 0.05 if cause == "second look" else abs(mean) < 0.03


def test_what_the_output_does_beyond_a_second_look_is_found():
    """Readers follow a network that is right more often than they are, and change as often without it for no reason."""
    found = pairs_in(assisted_study(5, readers=12, items=60, network_right=0.95, trust=0.8, control=0.25, views=("focused",)))
    for pair in found:
        assert pair.test(Plan()).ci_low > 0


PLANNED = """schema = "analysis-plan/1"
[primary]
multiplicity = "holm"
[[primary.contrasts]]
assistant = "classifier"
group = "pediatrician"
view = "focused"
[[primary.contrasts]]
assistant = "classifier"
against = "control"
group = "pediatrician"
view = "focused"
margin = 0.1
[[primary.contrasts]]
assistant = "classifier"
against = "control"
group = "nurse"
[bootstrap]
draws = 100
[mixed_models]
run = "never"
"""


def test_a_planned_difference_joins_the_primary_family():
    frame = assisted_study(1, readers=5, control=0.25)
    found = analyse(Readings.from_frame(frame), plan=Plan.from_toml(text=PLANNED))
    (gain,), (planned,) = (found.records(name, family="primary") for name in ("assistance", "assistance_difference"))
    assert (planned["group"], planned["view"], planned["margin"], gain.get("margin")) == ("pediatrician", "focused", 0.1, None)
    pair = sorted([gain["p"], planned["p"]])
    holm = dict(zip(pair, (min(1, 2 * pair[0]), max(min(1, 2 * pair[0]), pair[1]))))
    assert (gain["p_adjusted"], planned["p_adjusted"]) == pytest.approx((holm[gain["p"]], holm[planned["p"]]))
    assert {r["adjustment"] for r in found.records("assistance_difference", family="exploratory")} == {"bh"}
    told = {(d["kind"], d["what"]) for d in found["deviations"]}
    assert ("planned but not possible", "nurses with the output of the classifier against a second look alone") in told
    assert any("nurse with the output of classifier against a second look alone has no readings" in note for note in found["notes"])
    without = analyse(Readings.from_frame(frame[frame["assistant"] != ""]), plan=Plan.from_toml(text=PLANNED))
    assert without["assistance_difference"] == []
    assert any("pediatrician with the output of classifier against a second look alone" in note for note in without["notes"])
    for wrong in (PLANNED.replace('"control"', '"alone"'), PLANNED.replace('assistant = "classifier"\nagainst', 'model = "classifier"\nagainst')):
        with pytest.raises(InputError, match='beside an assistant against = "control"'):
            Plan.from_toml(text=wrong)


def test_the_report_says_what_the_control_arm_tells(results):
    entries = figures_of(results)
    report = build_report(results, entries, {entry.name: entry.draw().as_svg().decode() for entry in entries})
    plain = unescape(report).replace("\u00a0", " ")
    for record in results["assistance_difference"]:
        for key in ("question", "answer", "these_images_answer"):
            assert record[key] in plain
    assert "What does a second look do alone?" in plain
    assert "cannot be told apart here" not in plain
    assert any("The difference from the control arm does not" in sentence for sentence in limitations(results))
    assert "Control arm. About a share of images" in " ".join(methods(results))
    alone = analyse(Readings.from_frame(assisted_study(1, readers=4)), plan=QUICK)
    assert any("a control arm, a second look without any output" in sentence for sentence in limitations(alone))
    assert not [entry for entry in figures_of(alone) if entry.name == "assistance-control"]


def test_the_figure_holds_both_gains_and_their_difference(results):
    entry = next(entry for entry in figures_of(results) if entry.name == "assistance-control")
    rows = entry.data()
    assert len(rows) == 3 * len(results["assistance_difference"])
    for seen, alone, difference in zip(rows[::3], rows[1::3], rows[2::3]):
        assert difference["difference"] == pytest.approx(seen["difference"] - alone["difference"])
    go.Figure(entry.page())
    assert "second look alone" in entry.draw().as_svg().decode()
    text = json.dumps(results.content).replace('"pediatrician"', '"consultant in a very long specialty of dermatology"')
    assert "specialty" in next(e for e in figures_of(Results(json.loads(text))) if e.name == "assistance-control").draw().as_svg().decode()


# --- by class


def test_the_difference_of_a_study_of_one_class_is_that_of_the_class():
    (pair,) = pairs_in(by_hand())
    (record,), whole = list(difference_classes(pair, ("a",), Plan())), difference_record(pair, Plan())
    for key in ("gain_with", "gain_control", "difference", "se", "df", "p", "ci_low", "ci_high", "readings_with", "readings_control"):
        assert record[key] == whole[key], key


def test_classes_add_up_to_the_difference_of_the_whole(results):
    """Weighted by their readings, the classes' gains are the gains; the family of all classes is adjusted together."""
    records = results.records("assistance_difference_classes")
    for whole in results["assistance_difference"]:
        own = [r for r in records if (r["assistant"], r["group"], r["view"]) == (whole["assistant"], whole["group"], whole["view"])]
        assert len(own) == 4
        for arm in ("with", "control"):
            sizes = [r[f"readings_{arm}"] for r in own]
            assert sum(sizes) == whole[f"readings_{arm}"]
            assert np.average([r[f"gain_{arm}"] for r in own], weights=sizes) == pytest.approx(whole[f"gain_{arm}"])
    again = adjusted([{"p": record["p"]} for record in records])
    assert [r["p_adjusted"] for r in again] == [r["p_adjusted"] for r in records]
    assert {r["adjustment"] for r in records} == {"bh"}


@pytest.mark.parametrize(
    ("left", "why"),
    [(0, "the control arm has no reading of this class"), (1, "the control arm has one reading of this class, which shows no spread")],
)
def test_a_class_with_too_few_control_readings_is_null_and_says_why(left, why):
    frame = by_hand()
    frame.loc[frame["item"] == "i3", "truth"] = "b"
    frame.loc[(frame["reader"] == "r1") & (frame["item"] == "i3"), ["assistant", "assistant_answer"]] = ["net", "a"] if not left else ["", ""]
    records = {record["class"]: record for record in difference_classes(pairs_in(frame)[0], ("a", "b", "c"), Plan())}
    assert set(records) == {"a", "b"}  # nobody read a c
    record = records["b"]
    assert record["readings_control"] == left
    assert record["why"].endswith(why)
    assert [record[key] for key in ("se", "p", "ci_low", "ci_high")] == [None] * 4
    assert (record["difference"] is None) == (left == 0)


def test_an_effect_in_one_class_is_found_there_and_nowhere_else():
    """In class HMI the network is always right and always followed; without it, and elsewhere, nothing changes."""
    frame = assisted_study(4, readers=16, items=40, groups=("g",), views=("v",), trust=0.0, second_look=0.0, control=0.3)
    people = (frame["kind"] == "human") & (frame["assistant"] != "") & (frame["truth"] == "HMI")
    frame.loc[people, "assisted_answer"] = "HMI"
    records = analyse(Readings.from_frame(frame), plan=QUICK).records("assistance_difference_classes")
    found = {record["class"]: record for record in records}
    assert found["HMI"]["difference"] > 0.2
    assert found["HMI"]["p_adjusted"] < 0.05
    for name in ("IP", "MA", "NF1"):
        assert found[name]["difference"] == 0
        assert "no reading differs" in found[name]["why"]


def test_the_report_has_the_difference_by_class(results):
    page = build_report(results, [], {})
    assert "In which classes does the output add to a second look?" in page
