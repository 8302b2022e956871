"""The measurement of speed leaves numbers behind whatever stops it: it is run on machines that are lent for minutes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.forked import Forked
from tests.performance import generator_speed as speed

ROOT = Path(__file__).resolve().parents[3]
SMALL = ("--device", "cpu", "--resolutions", "16", "--batch", "4", "--channel-base", "128", "--channel-max", "8", "--width", "16",
         "--warm-up", "1", "--cycles", "1")  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The script in this process, each of its measurements in one forked from it."""
    monkeypatch.setattr(speed, "subprocess", SimpleNamespace(Popen=Forked, PIPE=subprocess.PIPE))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def measured(*options):
        out = tmp_path / "speed.json"
        assert speed.main([*SMALL, "--out", str(out), *options]) == 0
        return json.loads(out.read_text()), capsys.readouterr().out

    return measured


def test_a_processor_measures_a_full_cycle_of_all_phases(run):
    content, said = run("--seconds", "150")
    (row,) = content["measured"]
    assert row["complete"]
    assert row["steps"] == speed.CYCLE
    assert set(row["ms_per_step"]) == set(speed.SHARES)
    assert row["processor_seconds_per_kimg"] > 0
    step = sum(share * row["ms_per_step"][kind] for kind, share in speed.SHARES.items())
    assert row["seconds_per_kimg"] == pytest.approx(step / 4, rel=1e-3)  # four pictures a step
    assert not content["not_measured"]
    assert "16 px, float32, eager" in said


def test_what_the_time_did_not_allow_is_named(run):
    content, said = run("--seconds", "0.1", "--resolutions", "16,32")
    assert not content["measured"]
    assert [row["name"] for row in content["not_measured"]] == ["16 px, float32, eager", "32 px, float32, eager"]
    assert "0.1 seconds were over" in said


def test_a_measurement_that_fails_is_named_with_its_last_words(run):
    content, _ = run("--seconds", "60", "--batch", "5")  # no whole groups of four
    (row,) = content["not_measured"]
    assert "multiple" in row["why"]


def test_cheap_measurements_come_first_and_kinds_are_weighted_as_a_cycle_has_them():
    class Options:
        device, resolutions = "cuda", [128, 256]

    names = [wanted.name for wanted in speed.plan(Options)]
    assert names[0] == "128 px, bf16, eager"
    assert names.index("256 px, float32, eager") < names.index("128 px, bf16, compiled")
    kinds = [speed.kind_of(step) for step in range(speed.CYCLE)]
    assert {kind: kinds.count(kind) / speed.CYCLE for kind in speed.SHARES} == speed.SHARES
    assert speed.weighted({"main": [1.0], "main and path length": [2.0], "main, path length and R1": []}, 8) is None
    assert speed.weighted({kind: [2.0] for kind in speed.SHARES}, 8) == pytest.approx(250)


def test_what_a_step_starts_is_counted_without_a_gpu(tmp_path):
    """Eager phases alone, in seconds; with --eager left out generated kernels are counted beside them."""
    out = tmp_path / "graphs.json"
    command = [sys.executable, "-m", "tests.performance.generator_graphs", "--resolution", "16", "--eager", "--out", str(out)]
    counting = Forked(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    faults = counting.communicate(timeout=200)[1]
    assert counting.returncode == 0, faults[-2000:]
    found = json.loads(out.read_text())
    assert {"augmentation, one call", "generator, eager", "discriminator, eager"} <= set(found)
    assert found["generator, eager"]["in all"] > found["augmentation, one call"]["in all"] > 100
    assert found["discriminator, eager"]["convolutions"] > found["generator, eager"]["convolutions"] > 20
