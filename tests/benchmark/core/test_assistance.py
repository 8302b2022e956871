"""Assisted reading: what the sections promise, by hand, by property, and by simulation."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchmark.core import InputError, Plan, Readings, analyse, read_readings
from benchmark.core.inputs.assisted import ASSISTED
from benchmark.core.inputs.scoring import Scored
from benchmark.core.output.dictionary import dictionary_of
from benchmark.core.output.exports import export
from benchmark.core.output.tables import flat_records
from benchmark.core.sections.assistance import _gain_record, _pair_record
from benchmark.core.sections.assisted_sets import AssistedSet, assisted_sets, gain_tests
from benchmark.core.sections.reliance import reliance_sections

from .assisted_study import CAUSES, assisted_study, without_gain

QUICK = Plan(bootstrap_draws=100, mixed_models="never")
SECTIONS = (
    "assistance", "assistance_methods", "assistance_network", "assistance_classes", "assistance_readers",
    "assistance_changes", "assistance_reliance", "assistance_groups", "assistance_sensitivity",
)  # fmt: skip


def found_in(frame: pd.DataFrame, plan: Plan = QUICK) -> dict:
    """The sections of assisted reading alone, without the rest of the analysis."""
    scored = Scored(Readings.from_frame(frame), plan.missing)
    sets = list(assisted_sets(scored))
    return {
        "assistance": [_gain_record(found, plan) for found in sets],
        "assistance_network": [_pair_record(found, plan) for found in sets],
        **reliance_sections(scored, plan),
    }


def by_hand() -> pd.DataFrame:
    """Two readers, four images of two classes; the network is right on i1 and i3."""
    truth, advice = {"i1": "a", "i2": "a", "i3": "b", "i4": "b"}, {"i1": "a", "i2": "b", "i3": "b", "i4": "a"}
    answers = {"r1": ("ba", "ab", "bb", "aa"), "r2": ("aa", "aa", "ab", "ca")}
    rows = [
        (reader, "g", item, truth[item], first, "net", advice[item], second, 2000)
        for reader, given in answers.items()
        for item, (first, second) in zip(truth, given)
    ]
    columns = ["reader", "group", "item", "truth", "answer", "assistant", "assistant_answer", "assisted_answer"]
    return pd.DataFrame(rows, columns=[*columns, "assisted_rt_ms"])


@pytest.fixture(scope="module")
def results():
    return analyse(Readings.from_frame(assisted_study(1, blank=0.02, silent=0.05)), plan=QUICK)


def test_a_small_table_comes_out_as_by_hand():
    """d = r1: 1, -1, 0, 0; r2: 0, 0, 1, 0. Per reader 0 and 1/4. Two-way, centred within classes: V_R = 1/64,
    V_I = 5/64, V_RI = 11/224, so that V is its larger part, 5/64; df = V^2 / (V_R^2 / 1 + V_I^2 / 2)."""
    found = found_in(by_hand())
    (gain,) = found["assistance"]
    assert [gain[f"accuracy_{side}"] for side in ("alone", "assisted", "network")] == [4 / 8, 5 / 8, 4 / 8]
    assert (gain["gained"], gain["lost"], gain["difference"], gain["these_images_difference"]) == (2, 1, 1 / 8, 1 / 8)
    assert (gain["these_images_se"], gain["these_images_df"]) == (pytest.approx(1 / 8), 1)
    assert gain["these_images_p"] == pytest.approx(2 * stats.t.sf(1, 1))
    assert [gain[f"var_{part}"] for part in ("reader", "item", "both")] == pytest.approx([1 / 64, 5 / 64, 11 / 224])
    assert gain["se"] == pytest.approx((5 / 64) ** 0.5)
    assert gain["df"] == pytest.approx((5 / 64) ** 2 / ((1 / 64) ** 2 + (5 / 64) ** 2 / 2))
    changes = {r["situation"]: r for r in found["assistance_changes"]}
    counts = {name: [r[k] for k in ("readings", "changed", "to_network", "right_after")] for name, r in changes.items()}
    assert counts == {
        "reader wrong, network right": [2, 2, 2, 2], "reader right, network wrong": [2, 1, 1, 1], "both right": [2, 0, 0, 2],
        "both wrong, same answer": [1, 0, 0, 0], "both wrong, different answers": [1, 1, 1, 0],
    }  # fmt: skip
    measures = {r["measure"]: (r["count"], r["readings"]) for r in found["assistance_reliance"]}
    assert measures == {
        "answers changed": (4, 8), "benefit": (2, 4), "harm": (1, 4), "over-reliance": (3, 4), "under-reliance": (0, 4),
        "RAIR": (2, 2), "RSR": (1, 2), "switched to the network": (4, 5), "agreement before": (3, 8),
        "agreement after": (7, 8),
    }  # fmt: skip


def test_nothing_of_it_appears_where_no_output_was_shown(results):
    alone = assisted_study(1, blank=0.02, silent=0.05).drop(columns=["assistant", "assistant_answer", "assisted_answer", "assisted_rt_ms"])
    without = analyse(Readings.from_frame(alone), plan=QUICK)
    assert not [name for name in without.content if name.startswith("assist")]
    untouched = [name for name in without.content if name not in ("inputs", "notes", *SECTIONS)]
    assert {name: results[name] for name in untouched} == {name: without[name] for name in untouched}


def test_every_section_is_there_and_every_null_says_why(results):
    for name in SECTIONS:
        assert results.records(name), name
        for record in results.records(name):
            missing = [key for key, value in record.items() if value is None and key not in ("why", "view")]
            assert not missing or record["why"] or name == "assistance_methods", (name, record)
    for record in results["assistance"]:
        assert record["difference"] == pytest.approx((record["gained"] - record["lost"]) / record["readings"])
        assert record["difference"] == pytest.approx(record["accuracy_assisted"] - record["accuracy_alone"])
        keys = {key: record[key] for key in ("assistant", "group", "view")}
        own = results.records("assistance_readers", **keys)
        assert sum(r["gained"] for r in own) == record["gained"]
        assert len(own) == record["readers"]
        measures = {r["measure"]: r for r in results.records("assistance_reliance", **keys)}
        assert (measures["benefit"]["count"], measures["harm"]["count"]) == (record["gained"], record["lost"])
        changes = results.records("assistance_changes", **keys)
        assert sum(r["readings"] for r in changes) == record["readings"]
        assert sum(r["right_after"] for r in changes) == record["accuracy_assisted"] * record["readings"]
        classes = results.records("assistance_classes", **keys)
        assert sum(r["gained"] - r["lost"] for r in classes) == record["gained"] - record["lost"]
    gains = {(r["group"], r["view"]): r["difference"] for r in results["assistance"]}
    for record in results["assistance_groups"]:
        sides = (gains[record[side], record["view"]] for side in ("first", "second"))
        assert record["difference"] == pytest.approx(next(sides) - next(sides))


def test_missing_answers_treated_the_other_way_stand_beside_the_gain(results):
    other = found_in(assisted_study(1, blank=0.02, silent=0.05), Plan(missing="excluded"))["assistance"]
    told = results.records("assistance_sensitivity", estimand="new images")
    assert [(r["difference"], r["p"]) for r in told] == [(r["difference"], r["p"]) for r in other]
    assert [r["difference_main"] for r in told] == [r["difference"] for r in results["assistance"]]
    assert {r["analysis"] for r in told} == {"blanks excluded"}
    whole = analyse(Readings.from_frame(assisted_study(1)), plan=QUICK)
    assert whole["assistance_sensitivity"] == []


def test_where_nobody_changes_there_is_no_gain_and_no_test():
    frame = assisted_study(2, trust=0, second_look=0)
    for record in found_in(frame)["assistance"]:
        assert (record["difference"], record["gained"], record["lost"]) == (0, 0, 0)
        assert [record[key] for key in ("se", "p", "ci_low", "ci_high", "these_images_p", "these_images_ci_low")] == [None] * 6
        assert "cannot be estimated" in record["why"]
    for record in found_in(frame)["assistance_changes"]:
        assert (record["changed"], record["to_network"]) == (0, 0)


def test_where_all_follow_the_pair_is_the_network():
    frame = assisted_study(3)
    frame["assisted_answer"] = frame["assistant_answer"]
    found = found_in(frame)
    for gain, pair in zip(found["assistance"], found["assistance_network"]):
        assert gain["accuracy_assisted"] == gain["accuracy_network"] == pair["accuracy_network"]
        assert pair["difference"] == 0
        assert pair["p"] is None
        assert pair["why"]
    values = {r["measure"]: r["value"] for r in found["assistance_reliance"]}
    assert [values[name] for name in ("RAIR", "RSR", "over-reliance", "under-reliance", "agreement after")] == [1, 0, 1, 0, 1]


def test_a_network_that_is_always_right_leaves_no_way_to_over_rely():
    frame = assisted_study(4)
    shown = frame["assistant"] != ""
    frame.loc[shown, "assistant_answer"] = frame.loc[shown, "truth"]
    found = found_in(frame)
    for record in found["assistance_reliance"]:
        if record["measure"] in ("over-reliance", "RSR"):
            assert (record["value"], record["ci_low"], record["readings"]) == (None, None, 0)
            assert record["why"] == "there is no such reading"
    assert {r["accuracy_network"] for r in found["assistance"]} == {1.0}


def test_one_reader_has_counts_and_no_test():
    frame = assisted_study(5, readers=1, groups=("pediatrician",), views=("focused",))
    (gain,) = found_in(frame)["assistance"]
    assert gain["readers"] == 1
    assert gain["difference"] is not None
    assert gain["gained"] > 0
    assert gain["se"] is None
    assert gain["these_images_se"] is None
    assert "two readers" in gain["why"]


def test_order_and_names_do_not_matter():
    frame = assisted_study(6, readers=5, items=20)
    names = {name: f"class {k}" for k, name in enumerate(sorted(set(frame["truth"]), reverse=True))}
    other = frame.sample(frac=1, random_state=1).copy()
    for column in ("truth", "answer", "assistant_answer", "assisted_answer"):
        other[column] = other[column].map({**names, "": ""})
    other["item"], other["reader"] = "x" + other["item"].str[::-1], "q" + other["reader"].str[::-1]
    for one, two in zip(found_in(frame).values(), found_in(other).values()):
        for a, b in zip(one, two):
            for key, value in a.items():
                assert b[key] == (pytest.approx(value) if isinstance(value, float) else value), key


@pytest.mark.parametrize("missing", ["incorrect", "excluded"])
def test_a_missing_second_answer_is_wrong_or_leaves_its_reading_out(missing):
    frame = assisted_study(7, blank=0.1, silent=0.1)
    people = frame[frame["kind"] == "human"]
    kept = people if missing == "incorrect" else people[people["assisted_answer"] != ""]
    found = found_in(frame, Plan(missing=missing))
    for record in found["assistance"]:
        own = kept[(kept["group"] == record["group"]) & (kept["view"] == record["view"])]
        assert record["readings"] == len(own)
        assert record["accuracy_assisted"] == pytest.approx((own["assisted_answer"] == own["truth"]).mean())
        scorable = own if missing == "incorrect" else own[own["assistant_answer"] != ""]
        assert record["accuracy_network"] == pytest.approx((scorable["assistant_answer"] == scorable["truth"]).mean())
    silent = [r for r in found["assistance_changes"] if r["situation"] == "reader right, network abstained"]
    assert silent
    assert all(r["to_network_share"] is None and "abstained" in r["why"] for r in silent)
    advised = {r["measure"]: r["readings"] for r in found["assistance_reliance"]}
    assert advised["agreement after"] < advised["answers changed"]


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize(("readers", "items", "per_reader"), [(8, 60, 60), (20, 60, 24)], ids=["crossed", "sparse"])
def test_the_test_of_the_gain_holds_its_level_for_new_images(readers, items, per_reader, cause):
    """300 studies without a gain on average: p < .05 in 5 % of them, within four standard errors; the test over these
    images is not for new ones, and errs more often. tests/performance/assisted_gain.py counts longer."""
    rng, rejected, these_rejected = np.random.default_rng(11), 0, 0
    for _ in range(300):
        rows = without_gain(rng, readers=readers, items=items, per_reader=per_reader, cause=cause)
        new, these = gain_tests(rows, AssistedSet("net", "g", "", rows, rows, 0).differences, Plan())
        rejected += new.p < 0.05
        these_rejected += these["p"] < 0.05
    assert abs(rejected / 300 - 0.05) <= 4 * (0.05 * 0.95 / 300) ** 0.5
    assert these_rejected > rejected


BAD = (
    "reader,group,kind,item,truth,answer,assistant,assistant_answer,assisted_answer,assisted_rt_ms\n"
    "r1,g,human,i1,a,a,net,a,a,900\n"
    "r1,g,human,i2,a,a,,a,a,900\n"
    "r2,g,human,i1,a,a,net,b,a,-4\n"
    "r3,g,human,i1,a,a,net,a,a,\n"
    "net,n,model,i1,a,a,net,a,,\n"
)


def test_every_bad_cell_of_an_assisted_reading_is_told():
    with pytest.raises(InputError) as error:
        read_readings(io.StringIO(BAD))
    told = {(problem.line, problem.column) for problem in error.value.problems}
    assert told == {
        (3, "assistant_answer"), (4, "assistant_answer"), (4, "assisted_rt_ms"), (6, "assistant"), (6, "assistant_answer"),
    }  # fmt: skip
    assert 'assistant "net" answered item "i1" with "a" elsewhere and "b" here' in str(error.value)


def plain(value) -> str:
    """A cell as text, alike in every format; nothing for what is missing."""
    if value is None or value != value:
        return ""
    try:
        return f"{float(value):g}"
    except ValueError:
        return str(value)


def test_the_columns_survive_every_format(tmp_path):
    import pyreadstat

    frame = assisted_study(8, readers=2, items=12, silent=0.2, blank=0.2)
    frame.loc[frame["kind"] == "human", "assisted_answer"] = frame["assisted_answer"].replace("NF1", "a class of nobody")
    readings = Readings.from_frame(frame)
    for kind in ("csv", "parquet", "xlsx", "sav"):
        export(readings, tmp_path / f"r.{kind}")
    spss, meta = pyreadstat.read_sav(tmp_path / "r.sav", apply_value_formats=True)
    found = {
        "csv": read_readings(tmp_path / "r.csv").frame,
        "parquet": pd.read_parquet(tmp_path / "r.parquet"),
        "xlsx": pd.read_excel(tmp_path / "r.xlsx", sheet_name="readings", keep_default_na=False),
        "sav": spss.astype(object),
    }
    for kind, other in found.items():
        for column in ASSISTED:
            assert [*map(plain, other[column])] == [*map(plain, readings.frame[column])], (kind, column)
    marks = pd.read_parquet(tmp_path / "r.parquet").set_index("kind")["assisted_correct"]
    assert marks["model"].isna().all()
    assert set(marks["human"]) == {0.0, 1.0}
    assert "in sight" in dict(zip(meta.column_names, meta.column_labels))["assisted_answer"]
    alone = Readings.from_frame(frame[frame["kind"] == "model"])
    export(alone, tmp_path / "alone.csv")
    assert not set(ASSISTED) & set(pd.read_csv(tmp_path / "alone.csv").columns), "columns of nothing but empty cells"


def test_every_column_has_a_meaning(results):
    tables = {name: flat_records(results, name) for name in SECTIONS}
    for row in dictionary_of(tables):
        assert "" not in (row["meaning"], row["table_holds"]), row


PLANNED = """schema = "analysis-plan/1"
[equivalence]
margin = 0.05
[primary]
multiplicity = "holm"
[[primary.contrasts]]
model = "classifier"
group = "pediatrician"
view = "focused"
[[primary.contrasts]]
assistant = "classifier"
group = "pediatrician"
view = "focused"
margin = 0.1
[[primary.contrasts]]
assistant = "classifier"
group = "nurse"
[bootstrap]
draws = 100
[mixed_models]
run = "never"
"""


def test_a_planned_gain_joins_the_primary_family():
    found = analyse(Readings.from_frame(assisted_study(1)), plan=Plan.from_toml(text=PLANNED))
    (planned,) = found.records("assistance", family="primary")
    (new,), (these,) = (found.records(name, family="primary") for name in ("new_images", "paired"))
    assert (planned["group"], planned["view"], planned["margin"]) == ("pediatrician", "focused", 0.1)
    for gain, other, key in ((planned["p"], new, "p_adjusted"), (planned["these_images_p"], these, "these_images_p_adjusted")):
        pair = sorted([gain, other["p"]])
        holm = dict(zip(pair, (min(1, 2 * pair[0]), max(min(1, 2 * pair[0]), pair[1]))))
        assert planned[key] == pytest.approx(holm[gain])
        assert other["p_adjusted"] == pytest.approx(holm[other["p"]])
    others = found.records("assistance", family="exploratory")
    assert len(others) == 3
    assert {r["adjustment"] for r in others} == {"bh"}
    assert {r["margin"] for r in others} == {0.05}
    told = {(d["kind"], d["what"]) for d in found["deviations"]}
    assert ("planned but not possible", "nurses with the output of the classifier against the same readers alone") in told
    assert any("nurse with the output of classifier has no readings" in note for note in found["notes"])
    with pytest.raises(InputError, match='"max-t" adjusts comparisons of networks with readers only'):
        Plan.from_toml(text=PLANNED.replace('"holm"', '"max-t"'))
    with pytest.raises(InputError, match="each needs model"):
        Plan.from_toml(text=PLANNED.replace('group = "nurse"\n', ""))


def test_what_readers_saw_and_the_networks_own_readings_are_held_against_each_other():
    frame = assisted_study(9, readers=2, items=12, blank=0.2)
    own = (frame["kind"] == "model") & (frame["item"] == "img00") & (frame["view"] == "focused")
    frame.loc[own, "answer"] = "another class"
    notes = " ".join(analyse(Readings.from_frame(frame), plan=QUICK)["notes"])
    assert 'What readers saw of the network "classifier" is not what its own readings say on 1 of 24 images' in notes
    assert "readings with a network's output in sight have no second answer" in notes
