"""What leaves for other programs can be read there; the planning commands answer in words and exit as promised."""

import contextlib
import ctypes.util
import io
import json
import re
import subprocess
import sys
import zlib

import pandas as pd
import pytest

from benchmark.core import Readings, analyse, write_analysis
from benchmark.core.cli import main
from benchmark.core.exports import as_imrmc, as_parquet, as_spss, as_workbook, export

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


def test_spss_file_carries_value_labels(readings, tmp_path):
    import pyreadstat

    path = tmp_path / "r.sav"
    path.write_bytes(as_spss(readings))
    frame, meta = pyreadstat.read_sav(path, apply_value_formats=True)
    assert list(frame["truth"].astype(str)) == list(readings.frame["truth"])
    assert set(meta.variable_value_labels["answer"].values()) == set(readings.classes)


def test_imrmc_file_states_its_counts(readings):
    lines = as_imrmc(readings, positive="IP").decode().splitlines()
    assert lines[1:3] == ["N0: 120", "N1: 20"]
    body = lines[lines.index("BEGIN DATA:") + 1 :]
    assert sum(line.startswith("-1,") for line in body) == 140
    assert len(body) == 140 + len(readings.frame)


def test_power_command_checks_the_founding_claim(capsys):
    assert main(["power", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["readers"], found["items"]) == (30, 140)
    assert found["largest_sd_of_survey_differences_for_95_percent"] == pytest.approx(0.1468, abs=1e-4)
    assert 0.69 < found["new_images"]["power"] < 0.86
    assert found["these_images"]["power"] > 0.99


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


@needs_pango
def test_report_becomes_a_tagged_pdf(readings, tmp_path):
    write_analysis(analyse(readings), tmp_path, figures=False, pdf=True)
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    objects = content
    for start in re.finditer(rb"stream\r?\n", content):
        with contextlib.suppress(zlib.error):
            objects += zlib.decompressobj().decompress(content[start.end() :])
    assert b"/StructTreeRoot" in objects
    assert b"/MarkInfo" in objects
