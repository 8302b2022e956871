"""The independent check in base R: it agrees on studies of every shape, and it notices every number that is not right."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.core import analyse, read_readings, write_analysis
from benchmark.core.commands.main import main
from benchmark.core.inputs.completion import CompletionRule
from benchmark.core.inputs.predictions import read_predictions
from benchmark.core.output.check import check_program
from benchmark.core.plans.plan import Contrast, Plan

from .assisted_study import assisted_study
from .conftest import founding_like, people_and_networks
from .crossed_study import small_study

pytestmark = pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R: Debian package r-base-core")

QUICK = {"bootstrap_draws": 100, "mixed_models": "never"}
LAST_LINE = re.compile(r"(\d+) quantities agree to 1e-8, (\d+) differ")
COVERED = {
    "inputs": "rows",
    "accuracy": "readers items readings answered correct accuracy ci_low ci_high",
    "reader_accuracy": "correct accuracy ci_low ci_high",
    "confusion": "count row_percent ci_low ci_high",
    "paired": "n mean_difference sd se t df p ci_low ci_high cohens_dz dz_ci_low dz_ci_high hedges_g wilcoxon_p wilcoxon_exact_p"
    " zero_differences hodges_lehmann hl_ci_low hl_ci_high sign_flip_p shapiro_w shapiro_p readings readings_without_model"
    " model_ahead equal readers_ahead p_adjusted",
    "paired_units": "difference",
    "new_images": "difference se t df p ci_low ci_high var_reader var_item var_both readers items readings se_these_images se_ratio"
    " sd_reader sd_item sd_residual conclusions_differ p_adjusted",
    "equivalence": "margin difference p_equivalent p_noninferior equivalent noninferior ci_low ci_high",
    "networks": "items only_first only_second difference p",
    "groups": "difference se df p ci_low ci_high these_images_se these_images_df these_images_p these_images_ci_low"
    " these_images_ci_high se_ratio conclusions_differ",
    "views": "difference se df p ci_low ci_high these_images_se these_images_df these_images_p these_images_ci_low"
    " these_images_ci_high se_ratio conclusions_differ pairs",
    "assistance": "readers items readings readings_without answered_alone answered_assisted accuracy_alone accuracy_alone_ci_low"
    " accuracy_alone_ci_high accuracy_assisted accuracy_assisted_ci_low accuracy_assisted_ci_high accuracy_network"
    " accuracy_network_ci_low accuracy_network_ci_high gained lost difference se df p ci_low ci_high these_images_se these_images_df"
    " these_images_p these_images_ci_low these_images_ci_high se_ratio conclusions_differ p_equivalent equivalent p_noninferior"
    " noninferior margin these_images_difference var_reader var_item var_both sd_reader sd_item sd_residual p_adjusted"
    " these_images_p_adjusted",
    "assistance_control": "readers items readings answered_alone answered_assisted accuracy_alone accuracy_assisted difference se df p"
    " these_images_p p_equivalent sd_reader p_adjusted",
    "assistance_difference": "readers items readings readings_with readings_control gain_with gain_control difference se df p ci_low"
    " ci_high these_images_se these_images_df these_images_p these_images_ci_low these_images_ci_high se_ratio conclusions_differ"
    " p_equivalent equivalent p_noninferior noninferior margin these_images_difference var_reader var_item var_both p_adjusted"
    " these_images_p_adjusted",
    "agreement": "readers items ratings fleiss_kappa fleiss_kappa_se percent_agreement fleiss_kappa_answered krippendorff_alpha"
    " gwet_ac1 gwet_ac1_se",
    "category_agreement": "kappa",
}  # fmt: skip


def in_r(folder: Path, *files: Path, locale: str = "C.UTF-8") -> tuple[int, str, int, int]:
    """Exit status, text, and how many quantities agree and differ, of the check in a folder of results."""
    command = ["Rscript", folder / "check.R", *files]
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": locale, "R_ENABLE_JIT": "0"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    found = LAST_LINE.search(done.stdout.splitlines()[-1] if done.stdout else "")
    return done.returncode, done.stdout + done.stderr, *(map(int, found.groups()) if found else (0, 0))


def analysed(frame: pd.DataFrame, folder: Path, plan: Plan, predictions: pd.DataFrame | None = None) -> Path:
    """The results of a table of readings, beside the files that they came from."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "readings.csv", index=False)
    read = None
    if predictions is not None:
        predictions.to_csv(folder / "predictions.csv", index=False)
        read = read_predictions(folder / "predictions.csv")
    write_analysis(analyse(read_readings(folder / "readings.csv"), predictions=read, plan=plan), folder, figures=False)
    return folder


def founding():
    four = [Contrast("classifier", g, v) for g in ("medical-geneticist", "pediatrician") for v in ("focused", "panoramic")]
    return founding_like(blank=0.02), Plan(primary=tuple(four), margin=0.1, declared=True, **QUICK)


def with_output_in_sight():
    """Two views, gains among the planned contrasts, blanks in the second answers, a network that abstains."""
    plan = Plan(
        primary=(
            Contrast("classifier", "pediatrician", "focused", margin=0.2),
            Contrast("classifier", "pediatrician", assisted=True),
            Contrast("classifier", "medical-geneticist", "panoramic", assisted=True, control=True),
        ),
        multiplicity="hochberg", margin=0.1, declared=True, **QUICK,
    )  # fmt: skip
    return assisted_study(3, readers=7, items=24, blank=0.05, control=0.25, silent=0.05), plan


def real_people_and_networks():
    """Four networks, no surveys."""
    return people_and_networks(), Plan(multiplicity="by", **QUICK)


def odd_names():
    """No view, no survey; names that spreadsheets take for formulas, quotes, letters beyond ASCII; blanks left out."""
    names = {"pediatrician": "-Ärzte", "medical-geneticist": '=ß, "so"', "IP": "Übel", "MA": "+x"}
    frame = founding_like(1, blank=0.05, sets=2).query("view == 'focused'").drop(columns=["view", "block", "survey", "simulated"])
    planned = (Contrast("classifier", "-Ärzte", margin=0.2), Contrast("classifier", '=ß, "so"'))
    return frame.replace(names), Plan(missing="excluded", multiplicity="bh", confidence=0.9, primary=planned, declared=True, **QUICK)


def raw_sittings():
    """Incomplete sittings, two complete ones in some seats with times in several zones, second showings."""
    rng = np.random.default_rng(0)
    frame = founding_like(2, blank=0.03, sets=2)
    later = frame[frame["survey"].isin(["S01", "S02", "S03"]) & (frame["kind"] == "human")]
    later = later.assign(reader="x" + later["reader"], answer=np.where(rng.random(len(later)) < 0.2, "HMI", later["answer"]))
    frame["completed_at"] = np.where(frame["kind"] == "human", "2026-01-05T10:00:00+02:00", "")
    times = {"S01": "2026-01-05T08:30:00+00:00", "S02": "2026-01-05T07:59:59.5Z", "S03": "2026-01-04"}
    frame = pd.concat([frame, later.assign(completed_at=later["survey"].map(times))]).assign(showing="1")
    again = frame[frame["kind"] == "human"].iloc[::9].assign(showing="2", answer="ML")
    rule = CompletionRule(0.93, ">=", first_per_seat=True)
    return pd.concat([frame, again]), Plan(completion=rule, multiplicity="max-t", unit="reader", **QUICK)


def networks_by_predictions():
    """Networks whose answers are in predictions.csv alone: an ensemble beside its member, and ties."""
    rng, frame = np.random.default_rng(1), founding_like(4, sets=1)
    people, shown = frame[frame["kind"] == "human"], frame[frame["kind"] == "model"]
    classes, rows = sorted(people["truth"].unique()), []
    for name, member in (("net a", "fold-0"), ("net a", "ensemble"), ("net b", "only")):
        for image in shown.itertuples():
            p = rng.multinomial(20, 0.6 * np.eye(7)[classes.index(image.truth)] + 0.4 / 7) / 20
            rows.append((name, member, image.item, image.view, image.truth, *p))
    columns = ["model", "member", "item", "view", "truth", *(f"p_{name}" for name in classes)]
    return people, Plan(multiplicity="none", **QUICK), pd.DataFrame(rows, columns=columns)


def one_group_alone():
    return founding_like(5, sets=1).query("group == 'pediatrician'"), Plan(**QUICK)


def networks_alone():
    return founding_like(5, sets=1).query("kind == 'model'"), Plan(**QUICK)


def both_orders():
    """Half of the readers see the second view first; blanks, places, a class of one item, and a group that is always right."""
    frame = small_study(9, seed=5)
    right = small_study(4, seed=6).query("kind == 'human'")
    right = right.assign(reader="x" + right["reader"], group="=perfect", answer=right["truth"])
    silent = (np.random.default_rng(0).random(len(frame)) < 0.05) & (frame["kind"] == "human")
    frame = pd.concat([frame.assign(answer=frame["answer"].mask(silent, "")), right])
    one = frame["item"] == "i0"
    return frame.assign(truth=frame["truth"].mask(one, "d"), answer=frame["answer"].mask(one & (frame["answer"] == "a"), "d")), Plan(**QUICK)


def short(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["reader", "group", "item", "truth", "answer", "kind"])


def next_to_nothing():
    """Two readers, three items, a class of one item."""
    people = [("r1", "i1", "A", "A"), ("r1", "i2", "B", ""), ("r1", "i3", "B", "A"), ("r2", "i1", "A", "A"), ("r2", "i2", "B", "C")]
    rows = [(reader, "g", item, truth, answer, "human") for reader, item, truth, answer in people]
    return short(rows + [("n", "n", f"i{i}", t, t, "model") for i, t in enumerate("ABB", 1)]), Plan(margin=0.1, **QUICK)


def all_alike():
    """Readers who always say the same, one network that is always right, one that says what they say: nothing to estimate."""
    rows = [(f"r{r}", "g", f"i{i}", "AB"[i % 2], "A", "human") for r in range(4) for i in range(6)]
    rows += [(name, "n", f"i{i}", "AB"[i % 2], "AB"[i % 2] if name == "n" else "A", "model") for name in "nm" for i in range(6)]
    return short(rows), Plan(margin=0.1, **QUICK)


def one_reader():
    rng = np.random.default_rng(2)
    who = (("r1", "g", "human"), ("n", "n", "model"))
    return short([(w, g, f"i{i}", "ABC"[i % 3], "ABC"[rng.integers(3)], k) for w, g, k in who for i in range(12)]), Plan(**QUICK)


STUDIES = {
    founding: 2300, with_output_in_sight: 1300, real_people_and_networks: 11000, odd_names: 900, raw_sittings: 1800,
    networks_by_predictions: 2400, both_orders: 900, one_group_alone: 500, networks_alone: 450, next_to_nothing: 200, all_alike: 250, one_reader: 150,
}  # fmt: skip


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.__name__)
def test_r_computes_the_same_numbers_from_the_raw_answers(study, tmp_path):
    """Each study with at least as many quantities as it had when its number was written down."""
    status, text, agree, differ = in_r(analysed(*_arguments(study(), tmp_path)))
    assert (status, differ) == (0, 0), text
    assert agree >= STUDIES[study]


def _arguments(made: tuple, folder: Path) -> tuple:
    frame, plan, *predictions = made
    return frame, folder, plan, *predictions


def test_letters_beyond_ascii_do_not_depend_on_the_locale(tmp_path):
    frame, plan = odd_names()
    folder = analysed(frame, tmp_path, plan)
    (folder / "readings.csv").write_bytes(b"\xef\xbb\xbf" + (folder / "readings.csv").read_bytes())
    found = [in_r(folder, locale=locale)[::2] for locale in ("C", "C.UTF-8")]
    assert found[0] == found[1]
    assert found[0][0] == 0


def test_anchors_weigh_what_they_weigh_in_the_analysis(tmp_path):
    """Two groups, two networks, two views, blanks; items that every survey shows are read by everybody, the others by three."""
    made = pytest.importorskip("tests.benchmark.core.anchored_study", reason="this version has no anchors")
    first = made.readers_of(1)
    networks = made.network_of(first), made.network_of(first, 8, 0.6).assign(reader="other")
    near = pd.concat([first, made.readers_of(18, group="gen", skill=-0.5), *networks], ignore_index=True)
    said = near["answer"].where(np.random.default_rng(1).random(len(near)) < 0.8, "")
    both = pd.concat([near, near.assign(view="panoramic", block=2, answer=said)], ignore_index=True)
    for missing, unit in (("incorrect", None), ("excluded", "reader")):
        status, text, agree, differ = in_r(analysed(both, tmp_path / missing, Plan(missing=missing, unit=unit, margin=0.1, **QUICK)))
        assert (status, differ) == (0, 0), text
        assert agree > 1500


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A study that fills every covered table, and its quantities."""
    frame, plan = with_output_in_sight()
    other = frame[frame["kind"] == "model"].assign(reader="second", answer=lambda rows: rows["answer"].where(rows.index % 3 > 0, "MA"))
    return analysed(pd.concat([frame, other]), tmp_path_factory.mktemp("right"), plan)


def changed(folder: Path, to: Path, table: str, change) -> Path:
    """A copy of the folder in which `change` was made to one table's frame of text."""
    if not to.exists():
        shutil.copytree(folder, to)
    path = to / "tables" / f"{table}.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    change(frame).to_csv(path, index=False)
    return to


def test_every_covered_column_is_compared_to_eight_digits(results, tmp_path):
    """One cell of every column is changed in its eighth digit (a yes to a no), and each is found, no more and no fewer."""
    altered = 0

    def alter(frame):
        nonlocal altered
        for column in COVERED[table].split():
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
    assert "TOO FAR OFF" not in text
    assert agree + differ == in_r(results)[2]


def test_every_column_of_the_model_of_orders_is_compared_to_eight_digits(tmp_path):
    folder = analysed(*_arguments(both_orders(), tmp_path / "right"))
    columns = ["readings", "readers", *(f"average_log_odds_ratio{end}" for end in ("", "_se", "_df", "_p", "_ci_low", "_ci_high"))]

    def alter(frame):
        for column in columns:
            row = frame.index[frame[column] != ""][0]
            frame.at[row, column] = repr(float(frame.at[row, column]) * (1 + 3e-8))
        return frame

    status, text, _, differ = in_r(changed(folder, tmp_path / "wrong", "order_model", alter))
    assert (status, differ) == (1, len(columns)), text
    assert in_r(changed(folder, tmp_path / "lost", "order_model", lambda frame: frame[1:]))[3] == 1


def test_what_is_drawn_is_held_to_the_error_of_the_draws(results, tmp_path):
    """A standard error 1.6 times as large, ends moved by one, p values of another size: each is too far off, and nothing else is."""

    def plain(frame):
        row, other = (planned(frame) & (frame["method"] == f"two-way bootstrap, {kind}") for kind in ("percentile", "spread corrected"))
        se = frame.loc[other, "se"].astype(float).iloc[0]
        for rows in (row, other):
            frame.loc[rows, "ci_low"] = repr(float(frame.loc[rows, "ci_low"].iloc[0]) + se)
            frame.loc[rows, "ci_high"] = repr(float(frame.loc[rows, "ci_high"].iloc[0]) - se)
        frame.loc[row, "se"] = repr(1.6 * float(frame.loc[row, "se"].iloc[0]))
        frame.loc[other, "p"] = "1.0"
        return frame

    def largest(frame):
        row = planned(frame)
        middle = frame.loc[row, "difference"].astype(float).iloc[0]
        frame.loc[row, "simultaneous_low"] = frame.loc[row, "simultaneous_high"] = repr(middle + frame.loc[row, "se"].astype(float).iloc[0])
        frame.loc[row, "p_max_t"] = "0.6"
        return frame

    def planned(frame):
        return (frame["model"] == "classifier") & (frame["group"] == "pediatrician") & (frame["view"] == "focused")

    changed(results, tmp_path / "wrong", "new_images_methods", plain)
    changed(results, tmp_path / "wrong", "new_images", largest)
    status, text, _, differ = in_r(tmp_path / "wrong")
    assert (status, differ) == (1, 0), text
    assert text.count("TOO FAR OFF") == 8, text
    assert re.search(r"(\d+) drawn quantities lie within the error of the draws, 8 do not", text)


def test_a_lost_record_is_no_agreement(results, tmp_path):
    """Every table without its last row: each says that the number of its records differs."""
    tables = [name for name in COVERED if name not in ("inputs", "paired_units", "category_agreement", "paired")]
    for table in tables:
        changed(results, tmp_path / "short", table, lambda frame: frame[:-1])
    status, text, *_ = in_r(tmp_path / "short")
    assert status == 1
    assert len(re.findall(r"records .* DIFFERS", text)) == len(tables)
    for table in ("paired", "paired_units", "category_agreement"):
        assert in_r(changed(results, tmp_path / table, table, lambda frame: frame[:-1]))[0] == 1


def test_a_lost_table_is_no_agreement(results, tmp_path):
    shutil.copytree(results, tmp_path / "short")
    for name in ("networks", "groups", "views", "equivalence", "assistance_control"):
        (tmp_path / "short" / "tables" / f"{name}.csv").unlink()
    status, text, _, differ = in_r(tmp_path / "short")
    assert (status, differ) == (1, 5), text


def test_other_answers_give_other_numbers(results, tmp_path):
    """The tables are right and one answer is another one."""
    frame = pd.read_csv(results / "readings.csv", dtype=str, keep_default_na=False)
    row = frame.index[(frame["kind"] == "human") & (frame["answer"] == frame["truth"])][0]
    frame.at[row, "answer"] = ""
    frame.to_csv(tmp_path / "readings.csv", index=False)
    status, text, _, differ = in_r(results, tmp_path / "readings.csv")
    assert status == 1
    assert differ > 10
    assert re.search(r"correct .* DIFFERS", text)


def test_without_readings_it_says_what_it_needs(results, tmp_path):
    shutil.copytree(results, tmp_path / "alone")
    (tmp_path / "alone" / "readings.csv").unlink()
    status, text, *_ = in_r(tmp_path / "alone")
    assert status == 1
    assert "readings.csv is needed beside check.R or in ../inputs/" in text
    status, text, *_ = in_r(results, tmp_path / "nothing.csv")
    assert status == 1
    assert f"There is no file {tmp_path}/nothing.csv." in text


def test_the_command_line_writes_it_and_says_how_it_is_run(tmp_path, capsys):
    frame, _ = next_to_nothing()
    frame.to_csv(tmp_path / "my readings.csv", index=False)
    assert main(["analyse", str(tmp_path / "my readings.csv"), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out.splitlines()[-1]
    assert told.startswith("Check in R: Rscript ")
    assert in_r(tmp_path / "out", tmp_path / "my readings.csv")[0] == 0
    done = subprocess.run(told.removeprefix("Check in R: "), shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path / 'out'}/check.R" in told
    assert "“Rscript check.R” in the folder of this report, the path of my readings.csv after it" in (tmp_path / "out" / "report.html").read_text()


def test_it_needs_nothing_but_base_r():
    program = check_program()
    assert not re.search(r"\b(library|require|requireNamespace|loadNamespace|source)\(|\w:::?\w", program)
