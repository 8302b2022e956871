"""What readers said about themselves: slopes and contrasts are right, and small cells and free text never show."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy.stats import linregress, ttest_ind

from benchmark.core.analysis import analyse
from benchmark.core.commands.main import main
from benchmark.core.errors import InputError
from benchmark.core.figures.catalogue import figures_of
from benchmark.core.inputs.readers import OTHERS, read_reader_answers, told_choices
from benchmark.core.inputs.readings import Readings
from benchmark.core.inputs.scoring import Scored
from benchmark.core.output.dictionary import dictionary_of
from benchmark.core.plans.plan import Plan
from benchmark.core.report.page import build_report
from benchmark.core.sections.covariates import FEW, ONE_CHOICE, covariate_sections
from benchmark.pages.topics import PLACED
from tests.benchmark.core.within_reader_study import network_of, readers_of

SECTIONS = ("reader_covariates", "reader_covariates_levels", "reader_covariates_networks", "reader_covariates_readers")


def people() -> pd.DataFrame:
    both = [readers_of(seed, readers=n, items=40, again=0, group=g) for seed, n, g in ((1, 15, "derm"), (2, 12, "ped"))]
    return pd.concat(both, ignore_index=True).drop(columns="showing")


def about(tmp_path, frame: pd.DataFrame):
    frame.to_csv(tmp_path / "readers.csv", index=False)
    return read_reader_answers(tmp_path / "readers.csv")


def statements() -> pd.DataFrame:
    readers = sorted(people()["reader"].unique())
    rng = np.random.default_rng(5)
    rare = ["surgery" if n < 2 else ("skin", "genes")[n % 2] for n in range(len(readers))]
    return pd.DataFrame({"reader": readers, "years": rng.integers(1, 36, len(readers)), "field": rare})


def scored(frame: pd.DataFrame) -> Scored:
    return Scored(Readings.from_frame(pd.concat([frame.assign(kind="human"), network_of(frame)], ignore_index=True)))


def sections(tmp_path, frame: pd.DataFrame, stated: pd.DataFrame) -> dict:
    return covariate_sections(scored(frame), about(tmp_path, stated), Plan())


def one(found: dict, **wanted) -> dict:
    [record] = [r for r in found["reader_covariates"] if all(r[key] == value for key, value in wanted.items())]
    return record


def test_the_line_over_readers_is_that_of_scipy_and_statsmodels(tmp_path):
    found = sections(tmp_path, people(), statements())
    accuracy = people().assign(right=lambda f: f["answer"] == f["truth"]).groupby(["reader", "group"])["right"].mean().reset_index()
    table = accuracy.merge(statements(), on="reader")
    own = table[table["group"] == "derm"]
    expected, record = linregress(own["years"] / 10, own["right"]), one(found, covariate="years", group="derm")
    assert record["per"] == 10
    assert [record[f"these_images_{name}"] for name in ("difference", "se", "p")] == pytest.approx(
        [expected.slope, expected.stderr, expected.pvalue], rel=1e-9
    )
    fit = smf.ols("right ~ I(years / 10) + C(group)", table).fit()
    pooled = one(found, covariate="years", group=None)
    assert [pooled["these_images_difference"], pooled["these_images_se"]] == pytest.approx(
        [fit.params.iloc[-1], fit.bse.iloc[-1]], rel=1e-9
    )
    assert [pooled["these_images_ci_low"], pooled["these_images_ci_high"]] == pytest.approx(list(fit.conf_int().iloc[-1]), rel=1e-9)


def test_new_images_have_the_same_slope_where_all_read_all_and_no_smaller_a_spread(tmp_path):
    for record in sections(tmp_path, people(), statements())["reader_covariates"]:
        assert record["difference"] == pytest.approx(record["these_images_difference"], abs=1e-12)
        assert 0 < record["p"] < 1


def test_two_choices_are_welch_tested_and_rare_ones_have_no_name(tmp_path):
    found = sections(tmp_path, people(), statements())
    accuracy = people().assign(right=lambda f: f["answer"] == f["truth"]).groupby(["reader", "group"])["right"].mean().reset_index()
    own = accuracy.merge(statements(), on="reader").query("group == 'derm'")
    genes, skin = (own.loc[own["field"] == name, "right"] for name in ("genes", "skin"))
    record = one(found, covariate="field", group="derm")
    assert (record["first"], record["second"], record["readers_first"], record["readers_without"]) == ("genes", "skin", len(genes), 2)
    assert record["these_images_p"] == pytest.approx(ttest_ind(genes, skin, equal_var=False).pvalue, rel=1e-9)
    assert "surgery" not in str(found)


def test_groups_are_pooled_only_over_choices_that_several_hold(tmp_path):
    held = sections(tmp_path, people(), statements())["reader_covariates"]
    assert [(r["first"], r["second"]) for r in held if r["covariate"] == "field" and r["group"] is None] == [("genes", "skin")]
    apart = statements().assign(field=lambda f: f["reader"].str[:4] + (f["reader"].str[-1].astype(int) % 2).astype(str))
    found = sections(tmp_path, people(), apart)["reader_covariates"]
    assert [r["group"] for r in found if r["covariate"] == "field"] == ["derm", "ped"]
    nested = sections(tmp_path, people(), apart.assign(field=lambda f: f["reader"].str[:3]))["reader_covariates"]
    assert [(r["group"], r["why"]) for r in nested if r["covariate"] == "field"] == [("derm", ONE_CHOICE), ("ped", ONE_CHOICE)]


def test_rare_choices_are_merged_where_they_are_enough_together():
    merged, left = told_choices(pd.Series(["a"] * 6 + ["b"] * 3 + ["c"] * 2))
    assert (merged.value_counts().to_dict(), left) == ({"a": 6, OTHERS: 5}, 0)
    kept, left = told_choices(pd.Series(["a"] * 6 + ["b"] * 3))
    assert (set(kept), left) == ({"a"}, 3)


def test_neither_order_nor_names_nor_units_nor_strangers_matter(tmp_path):
    first = one(sections(tmp_path, people(), statements()), covariate="years", group="derm")
    shuffled = statements().sample(frac=1, random_state=1).assign(years=lambda f: 3 * f["years"] + 7)
    shuffled = pd.concat([shuffled, pd.DataFrame([{"reader": "nobody", "years": 400, "field": "x"}])])
    again = one(sections(tmp_path, people().sample(frac=1, random_state=2), shuffled), covariate="years", group="derm")
    assert 3 * again["difference"] == pytest.approx(first["difference"], rel=1e-9)
    assert (again["p"], again["these_images_p"]) == pytest.approx((first["p"], first["these_images_p"]), rel=1e-9)


def test_what_cannot_be_estimated_says_why(tmp_path):
    few = sections(tmp_path, people(), statements().head(4))
    assert {record["why"] for record in few["reader_covariates"]} == {FEW, ONE_CHOICE}
    assert not any(few[name] for name in SECTIONS[1:])
    same = sections(tmp_path, people(), statements().assign(years=7))
    assert one(same, covariate="years", group="derm")["why"] == "all readers gave the same answer"
    assert one(same, covariate="years", group="derm")["difference"] is None


def test_the_network_is_compared_with_the_most_experienced_third(tmp_path):
    found = sections(tmp_path, people(), statements())
    [record] = [
        r for r in found["reader_covariates_networks"] if (r["covariate"], r["group"], r["level"]) == ("years", "derm", "highest third")
    ]
    own = statements().query("reader.str.startswith('derm')")
    most = own[own["years"] >= own["years"].quantile(2 / 3)]["reader"]
    rows = people().query("reader in @most")
    assert record["readers"] == len(most)
    assert record["difference"] == pytest.approx(1 - (rows["answer"] == rows["truth"]).mean())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reader,years\na,3\na,4\n", "one row per reader"),
        ("reader,years\n,3\n", "the code of a reader"),
        ("reader,group\na,derm\n", "one column per question"),
    ],
)
def test_a_bad_table_is_told_in_a_sentence(tmp_path, text, said):
    (tmp_path / "readers.csv").write_text(text)
    with pytest.raises(InputError) as told:
        read_reader_answers(tmp_path / "readers.csv")
    assert said in str(told.value)


def test_report_figure_dictionary_and_page_hold_them(tmp_path):
    frame = pd.concat([people().assign(kind="human"), network_of(people())], ignore_index=True)
    plan = Plan(bootstrap_draws=50)
    results = analyse(Readings.from_frame(frame), readers=about(tmp_path, statements()), plan=plan)
    entries = figures_of(results)
    [entry] = [entry for entry in entries if entry.name == "reader-covariates"]
    assert "points per 10 of years" in entry.words
    assert len(entry.data()) == 27
    html = build_report(results, entries, {e.name: "<svg></svg>" for e in entries})
    assert "Do accuracy and experience go together?" in html
    assert set(SECTIONS) <= PLACED
    unknown = [row for row in dictionary_of({name: results[name] for name in SECTIONS}) if not row["meaning"]]
    assert unknown == []
    assert not {"derm00", "ped00"} & {str(value) for name in SECTIONS for record in results[name] for value in record.values()}
    without = analyse(Readings.from_frame(frame), plan=plan)
    shared = {key: value for key, value in results.content.items() if key not in (*SECTIONS, "inputs")}
    assert shared == {key: value for key, value in without.content.items() if key != "inputs"}


def test_the_command_takes_the_file(tmp_path):
    frame = pd.concat([people().assign(kind="human"), network_of(people())], ignore_index=True)
    frame.to_csv(tmp_path / "readings.csv", index=False)
    about(tmp_path, statements())
    files = [str(tmp_path / name) for name in ("readings.csv", "readers.csv", "out")]
    assert main(["analyse", files[0], "--readers", files[1], "--out", files[2]]) == 0
    assert (tmp_path / "out" / "tables" / "reader_covariates.csv").exists()
