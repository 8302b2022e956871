"""Networks of one's own from a Python file, and the learning rate that suits one."""

import csv

import numpy as np
import pytest

from models_ml.core import read_manifest
from models_ml.core.cli import main
from models_ml.core.config import preset, replace
from models_ml.core.training.rates import RateTried, try_rates, verdict
from tests.models_ml.core.test_cli import small

MINE = """
import torch
from timm.models import register_model

@register_model
def network_of_the_tests(pretrained=False, **kwargs):
    layers = [torch.nn.Conv2d(3, 8, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()]
    return torch.nn.Sequential(*layers)
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def test_a_network_of_ones_own_is_trained_predicts_is_explained_and_exported(bank, mine, tmp_path, capsys):
    run = tmp_path / "run"
    named = ["--networks", str(mine), "--quiet"]
    train = small(bank, run, "--fold", "0", "--set", "model.backbone=network_of_the_tests", "--networks", str(mine))
    assert main(train) == 0
    assert (run / "networks.py").read_text() == MINE
    assert "networks.py" in (run / "SHA256SUMS").read_text()
    assert main(["predict", str(run), str(bank), *named, "--out", str(tmp_path / "p.csv")]) == 0
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 13
    explain = ["explain", str(run), str(bank), *named, "--limit", "1", "--controls", "1", "--set", "steps=4", "--set", "max_steps=4"]
    assert main([*explain, "--out", str(tmp_path / "maps")]) == 0
    assert f"Open {tmp_path / 'maps' / 'index.html'}." in capsys.readouterr().out
    assert main(["export", str(run), *named, "--out", str(tmp_path / "onnx")]) == 0
    mine.write_text(MINE + "# changed\n")
    assert main(train) == 2
    assert "was begun with another networks.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none.py", None, "was expected at"),
        ("broken.py", "1 / 0", "could not be run (ZeroDivisionError: division by zero)"),
        ("empty.py", "x = 1", "registers no network; put @timm.models.register_model above"),
        ("notes.txt", "x = 1", "its name must end in .py"),
    ],
)
def test_a_file_that_registers_nothing_is_one_sentence(bank, tmp_path, capsys, name, text, words):
    if text is not None:
        (tmp_path / name).write_text(text)
    assert main(small(bank, tmp_path / "run", "--networks", str(tmp_path / name))) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_runs_own_copy_is_never_run(bank, mine, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(small(bank, run, "--fold", "0")) == 0
    (run / "networks.py").write_text("raise SystemExit('was run')")
    assert main(["predict", str(run), str(bank), "--quiet", "--out", str(tmp_path / "p.csv")]) == 0


def tiny_config():
    cfg = preset("tiny", view="focused", batch_size=8)
    return replace(cfg, model=replace(cfg.model, backbone="test_efficientnet"), data=replace(cfg.data, size_px=32, folds=2))


def test_rates_are_told_apart_from_the_same_start_and_nothing_is_kept(bank, tmp_path, monkeypatch):
    """A rate of nearly nought leaves the first weights, a good one learns, and a second call gives the same numbers."""
    monkeypatch.chdir(tmp_path)
    found, again = (list(try_rates(tiny_config(), read_manifest(bank), [1e-9, 3e-3], steps=30)) for _ in range(2))
    assert found == again
    still, learnt = found
    assert learnt.held_out_loss < still.held_out_loss - 0.1
    assert learnt.balanced_accuracy > 0.5
    assert list(tmp_path.iterdir()) == []


def test_the_verdict_names_the_best_rate_and_its_place():
    tried = [RateTried(1e-4, 1.0, 0.4), RateTried(1e-3, 0.5, 0.8), RateTried(1e-2, None, None)]
    assert verdict(tried) == "the least held-out loss is at 1.0e-03"
    assert verdict(tried[:2]) == "the least held-out loss is at the higher end, 1.0e-03; try higher ones, too"
    assert verdict(tried[2:]) == "training diverged at every rate; try lower ones"


def test_the_command_writes_what_it_tells(bank, tmp_path, capsys):
    command = ["rates", str(bank), "--view", "focused", "--set", "data.size_px=32", "--set", "data.folds=2", "--rates", "0.001,0.01"]
    assert main([*command, "--steps", "3", "--out", str(tmp_path / "rates.csv")]) == 0
    rows = list(csv.DictReader((tmp_path / "rates.csv").open()))
    said = capsys.readouterr().out
    assert [float(row["rate"]) for row in rows] == [0.001, 0.01]
    assert all(f"held-out loss {float(row['held_out_loss']):.3f}" in said and np.isfinite(float(row["held_out_loss"])) for row in rows)
    assert main([*command[:-1], "a,b"]) == 2
    assert "Rates are numbers" in capsys.readouterr().err
