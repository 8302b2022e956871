"""What leaves for other programs can be read there; the planning commands answer in words and exit as promised."""

import ctypes.util
import io
import json
import subprocess
import sys

import pandas as pd
import pytest

from benchmark.core import InputError, Readings, analyse, write_analysis
from benchmark.core.commands.main import main
from benchmark.core.output.exports import as_imrmc, as_parquet, as_spss, as_workbook, export

needs_pango = pytest.mark.skipif(
    ctypes.util.find_library("pangoft2-1.0") is None, reason="needs Debian's libpango-1.0-0 and libpangoft2-1.0-0"
)


@pytest.fixture(scope="module")
def readings(founding_frame):
    return Readings.from_frame(founding_frame[founding_frame["survey"].isin(["", "S01", "S02"])])


def test_tables_come_back_as_they_left(readings, tmp_path):
    parquet = pd.read_parquet(io.BytesIO(as_parquet(readings)))
    workbook = pd.read_excel(io.BytesIO(as_workbook(readings)), keep_default_na=False)
    assert list(parquet["answer"]) == list(readings.frame["answer"])
    assert list(workbook["answer"]) == list(readings.frame["answer"])
    assert parquet["correct"].sum() == (readings.frame["answer"] == readings.frame["truth"]).sum()
    again = tmp_path / "again.csv"
    export(readings, again)
    from benchmark.core import read_readings

    pd.testing.assert_series_equal(read_readings(again).frame["answer"], readings.frame["answer"])


def test_every_format_holds_what_the_long_csv_holds(readings, tmp_path):
    """Read back column by column: what is a text there is one here, and an empty cell is empty in all of them."""
    import pyreadstat

    for kind in ("csv", "parquet", "xlsx", "sav"):
        export(readings, tmp_path / f"r.{kind}")
    long = pd.read_csv(tmp_path / "r.csv", dtype=str, keep_default_na=False)
    spss, meta = pyreadstat.read_sav(tmp_path / "r.sav", apply_value_formats=True)
    frames = {
        "parquet": pd.read_parquet(tmp_path / "r.parquet"),
        "xlsx": pd.read_excel(tmp_path / "r.xlsx", sheet_name="readings", keep_default_na=False),
        "sav": spss.astype(object).replace({"simulated": {"yes": True, "no": False}, "correct": {"yes": 1, "no": 0}}),
    }
    for kind, frame in frames.items():
        assert list(frame.columns) == list(long.columns), kind
        for column in long.columns:
            assert [plain(value) for value in frame[column]] == [plain(value) for value in long[column]], (kind, column)
    assert len(meta.column_labels) == len(long.columns)


def plain(value) -> str:
    """A cell as text: numbers alike whether they were read as text or not, nothing for what is missing."""
    if value is None or value != value:
        return ""
    try:
        return f"{float(value):g}" if not isinstance(value, bool) else str(value)
    except ValueError:
        return str(value)


def test_imrmc_ratings_are_those_of_the_long_csv(readings, tmp_path):
    export(readings, tmp_path / "r.csv")
    export(readings, tmp_path / "r.imrmc", positive="IP")
    long = pd.read_csv(tmp_path / "r.csv", dtype=str, keep_default_na=False)
    long = long[long["answer"] != ""]
    rows = [line.split(",") for line in (tmp_path / "r.imrmc").read_text().splitlines()[5:]]
    truth = {case: mark == "1" for reader, case, _, mark in rows if reader == "-1"}
    assert truth == {r.item: r.truth == "IP" for r in long.itertuples()}
    rated = {(reader, case, kind): float(score) for reader, case, kind, score in rows if reader != "-1"}
    assert rated == {(r.reader, r.item, f"{r.kind}-{r.view}"): float(r.answer == "IP") for r in long.itertuples()}


def test_spss_file_carries_value_labels(readings, tmp_path):
    import pyreadstat

    path = tmp_path / "r.sav"
    path.write_bytes(as_spss(readings))
    frame, meta = pyreadstat.read_sav(path, apply_value_formats=True)
    assert list(frame["truth"].astype(str)) == list(readings.frame["truth"])
    assert set(meta.variable_value_labels["answer"].values()) == set(readings.classes)


def test_spss_names_stay_apart_and_columns_are_labelled(readings, tmp_path):
    import pyreadstat

    more = readings.with_frame(readings.frame.assign(**{"a b": "1", "a-b": "2"}))
    path = tmp_path / "r.sav"
    path.write_bytes(as_spss(more))
    frame, meta = pyreadstat.read_sav(path)
    assert {"a_b", "a_b_2"} <= set(frame.columns)
    assert meta.column_names_to_labels["rt_ms"].startswith("response time in milliseconds")
    assert frame["answer"].isna().sum() == (readings.frame["answer"] == "").sum()


def test_imrmc_file_states_its_counts_and_leaves_out_what_was_not_answered(readings):
    lines = as_imrmc(readings, positive="IP").decode().splitlines()
    counts = dict(line.split(": ") for line in lines[:4])
    assert list(counts) == ["N0", "N1", "NR", "NM"]
    assert (counts["N0"], counts["N1"], counts["NM"]) == ("120", "20", "4")
    assert lines[4] == "BEGIN DATA:"
    body = [line.split(",") for line in lines[5:]]
    assert all(len(row) == 4 for row in body)
    truth = {case: mark for reader, case, modality, mark in body if reader == "-1"}
    assert len(truth) == 140
    rated = [row for row in body if row[0] != "-1"]
    assert len(rated) == (readings.frame["answer"] != "").sum()
    assert len({row[0] for row in rated}) == int(counts["NR"])
    answered = readings.frame[readings.frame["answer"] != ""]
    positive = {(r.reader, r.item, f"{r.kind}-{r.view}"): r.answer == "IP" for r in answered.itertuples()}
    assert all((float(score) > 0.5) == positive[reader, case, modality] for reader, case, modality, score in rated)


def test_imrmc_refuses_names_that_it_would_read_otherwise(readings):
    frame = readings.frame.assign(reader=readings.frame["reader"].replace("med-01", "Dr, One"))
    with pytest.raises(InputError, match='"Dr, One"'):
        as_imrmc(readings.with_frame(frame), positive="IP")


def test_mrmcaov_frame_holds_the_same_ratings(readings, tmp_path):
    path = tmp_path / "ratings.mrmcaov"
    export(readings, path, positive="IP")
    frame = pd.read_csv(path)
    assert list(frame.columns) == ["reader", "treatment", "case", "truth", "rating"]
    assert set(frame["truth"]) == {0, 1}
    assert frame.groupby("case")["truth"].nunique().max() == 1
    with pytest.raises(InputError, match="--positive"):
        export(readings, path)


def test_every_exported_column_has_a_meaning(readings, tmp_path):
    import pyarrow.parquet as pq

    export(readings, tmp_path / "r.csv")
    words = pd.read_csv(tmp_path / "r-dictionary.csv").set_index("column")["meaning"]
    assert set(words.index) == set(pd.read_csv(tmp_path / "r.csv").columns)
    assert words.notna().all()
    (tmp_path / "r.parquet").write_bytes(as_parquet(readings))
    schema = pq.read_schema(tmp_path / "r.parquet")
    assert schema.field("truth").metadata[b"description"] == words["truth"].encode()
    sheets = pd.read_excel(io.BytesIO(as_workbook(readings)), sheet_name=None)
    assert list(sheets) == ["readings", "dictionary"]


def test_power_command_checks_the_founding_claim(capsys):
    assert main(["power", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["readers"], found["items"]) == (30, 140)
    assert found["largest_sd_of_survey_differences_for_95_percent"] == pytest.approx(0.1468, abs=1e-4)
    assert found["new_images"]["power"] == pytest.approx(0.8441, abs=0.01)
    assert found["these_images"]["power"] == pytest.approx(0.9967, abs=0.01)
    assert found["claim"]["new_images_lowest"] == pytest.approx(0.69, abs=0.01)


def test_a_published_contrast_in_points_is_refused_with_its_share(capsys):
    assert main(["power", "--published", "24.6", "1.55e-12", "30"]) == 2
    assert "such as .246 for 24.6 points; 24.6 was found" in capsys.readouterr().err


def test_power_command_calculates_a_published_contrast_back(capsys):
    assert main(["power", "--published", "0.315", "1.85e-12", "30"]) == 0
    told = capsys.readouterr().out
    assert "t 11.65, SD 0.1481" in told
    assert "26.0 to 37.0 points" in told
    assert "94.7 %, 95 % takes 31 pairs" in told
    assert "over 18 worlds with this spread (140 items, 28 read by each): SE 0.035 to 0.044" in told
    assert "95 % at widest 22.8 to 40.2 points, p at most 1.7e-10" in told
    assert main(["power", "--published", "0.9", "1e-3", "30", "--published-accuracy", ".5", ".6"]) == 0
    assert "no plausible world has this difference" in capsys.readouterr().out
    assert main(["power", "--published", "0.3", "0.01", "30", "--published-accuracy", ".9", ".8"]) == 2
    assert "the lower one first; 0.9 and 0.8 were found" in capsys.readouterr().err
    assert main(["power", "--published", "0.3", "0", "30"]) == 2
    assert "a p between 0 and 1" in capsys.readouterr().err


def test_simulate_command_repeats_with_its_seed(capsys):
    outputs = []
    for _ in range(2):
        assert main(["simulate", "--studies", "20", "--seed", "4", "--json"]) == 0
        outputs.append(json.loads(capsys.readouterr().out))
    assert outputs[0] == outputs[1]
    assert outputs[0]["studies"] == 20


def test_impossible_designs_are_told_and_exit_2(capsys):
    assert main(["power", "--per-survey", "3"]) == 2
    assert "20 items per class cannot be split" in capsys.readouterr().err


def test_compare_exits_1_when_numbers_differ(readings, tmp_path, capsys):
    write_analysis(analyse(readings), tmp_path / "a", figures=False)
    changed = readings.frame.copy()
    changed.loc[changed["reader"] == "med-01", "answer"] = "IP"
    write_analysis(analyse(Readings.from_frame(changed)), tmp_path / "b", figures=False)
    assert main(["compare", str(tmp_path / "a/results.json"), str(tmp_path / "a/results.json")]) == 0
    assert main(["compare", str(tmp_path / "a/results.json"), str(tmp_path / "b/results.json")]) == 1
    assert "became" in capsys.readouterr().out


@needs_pango
def test_writing_a_pdf_leaves_truncated_pictures_refused():
    code = (
        "from PIL import ImageFile; from benchmark.core.report.pdf import as_pdf;"
        "as_pdf('<html lang=en><title>t</title><body>t'); print(ImageFile.LOAD_TRUNCATED_IMAGES)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_compare_refuses_what_is_no_results_file(tmp_path, capsys):
    (tmp_path / "a.json").write_text("reader,group")
    assert main(["compare", str(tmp_path / "a.json"), str(tmp_path / "a.json")]) == 2
    assert "A results.json was needed; a.json could not be read as one" in capsys.readouterr().err


@pytest.mark.parametrize(("keep", "why"), [
    ("truth == 1", "a reader with both diseased and healthy cases is needed"),
    ("reader == 'r0'", "at least two readers with different diseased and healthy cases are needed"),
])  # fmt: skip
def test_scores_that_allow_no_auc_are_null_with_a_reason(tmp_path, capsys, keep, why):
    rows = [(f"r{r}", f"c{c}", m, (3 * c + r + (m == "B")) % 7, c % 2)
            for r in range(3) for c in range(12) for m in "AB"]  # fmt: skip
    table = pd.DataFrame(rows, columns=["reader", "case", "modality", "score", "truth"]).query(keep)
    table.to_csv(tmp_path / "scores.csv", index=False)
    assert main(["auc", str(tmp_path / "scores.csv"), "--out", str(tmp_path)]) == 0
    assert f"not estimable: {why}" in capsys.readouterr().out
    assert "NaN" not in (tmp_path / "auc.json").read_text()
