"""Curves that others draw: event files that TensorBoard itself reads back, and what MLflow is told."""

import atexit
import json
import re
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from models_ml.core import events
from models_ml.core.cli import main
from models_ml.core.config import PRESETS, to_dict, write_config
from models_ml.core.curves import MLflow, TensorBoard
from models_ml.core.curves import _flat as flat
from models_ml.core.errors import CoreError
from models_ml.core.events import EpochDone, ExplainProgress, FoldDone, PackProgress, RunDone, StepDone


@pytest.fixture
def train(bank, tiny_cfg, tmp_path):
    """`train("--tensorboard")` trains two folds for three epochs by the command line; returns its exit status."""
    cfg = replace(tiny_cfg, recipe=replace(tiny_cfg.recipe, epochs=3))
    write_config(cfg, tmp_path / "cfg.toml")
    command = ["train", str(bank), "--config", str(tmp_path / "cfg.toml"), "--out", str(tmp_path / "run"), "--quiet"]
    return lambda *more: main([*command, *more])


def told(folder, kind):
    """Events of one kind that the run wrote down itself, by fold."""
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    found = {}
    for event in (one for one in lines if one["event"] == kind):
        found.setdefault(event["fold"], []).append(event)
    return found


def test_tensorboard_reads_back_every_epoch_and_step_of_every_fold(train, tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="the package tensorboard is not installed"
    )
    assert train("--tensorboard") == 0
    epochs, steps = told(tmp_path / "run", "EpochDone"), told(tmp_path / "run", "StepDone")
    assert sorted(epochs) == [0, 1]
    for fold, expected in epochs.items():
        read = accumulator.EventAccumulator(str(tmp_path / f"run/tensorboard/fold{fold}"))
        read.Reload()
        assert {"balanced_accuracy", "train_loss", "held_out_loss", "lr", "step/loss"} <= set(read.Tags()["scalars"])
        for name in ("held_out_loss", "balanced_accuracy", "lr"):
            drawn = [(one.step, one.value) for one in read.Scalars(name)]
            assert drawn == [(one["epoch"], pytest.approx(one["metrics"][name], rel=1e-6)) for one in expected]
        drawn = [(one.step, one.value) for one in read.Scalars("step/loss")]
        wanted = [((one["epoch"] - 1) * one["steps"] + one["step"], one["loss"]) for one in steps[fold]]
        assert drawn == [(step, pytest.approx(loss, rel=1e-6)) for step, loss in wanted]
        assert b"[recipe]" in read.Tensors("config/text_summary")[0].tensor_proto.string_val[0]


class Recorder:
    """Stands where the package mlflow would, with the calls that the listener makes; keeps what it is told."""

    def __init__(self):
        self.active, self.runs = None, {}

    def active_run(self):
        return self.active

    def start_run(self, run_id=None, run_name=None):
        assert self.active is None
        key = run_id or f"run-{len(self.runs)}"
        self.runs.setdefault(key, {"name": run_name, "params": {}, "tags": {}, "metrics": [], "ends": []})
        self.active = SimpleNamespace(info=SimpleNamespace(run_id=key))
        return self.active

    @property
    def present(self):
        return self.runs[self.active.info.run_id]

    def set_tag(self, name, value):
        self.present["tags"][name] = value

    def log_params(self, params):
        assert not self.present["params"], "MLflow refuses to change a parameter"
        self.present["params"] = params

    def log_metrics(self, values, step):
        self.present["metrics"] += [(name, step, float(value)) for name, value in values.items()]

    def end_run(self, status):
        self.present["ends"].append(status)
        self.active = None


@pytest.fixture
def recorder(monkeypatch):
    made = Recorder()
    monkeypatch.setitem(sys.modules, "mlflow", made)
    return made


def test_mlflow_is_told_settings_curves_and_the_end_and_a_continued_run_goes_on_there(tiny_cfg, tmp_path, recorder):
    step = {"fold": 0, "step": 2, "steps": 4, "loss": 0.5, "lr": 0.01, "images_per_s": 9.0, "progress": 0.1}
    epoch = {"fold": 0, "epochs": 3, "best": True, "progress": 0.5}
    for number, status in ((1, "cancelled"), (2, "finished")):
        tell = MLflow(tmp_path, tiny_cfg)
        tell(StepDone(epoch=number, **step))
        tell(EpochDone(epoch=number, metrics={"held_out_loss": 0.25, "balanced_accuracy": None}, **epoch))
        tell(FoldDone(fold=0, status=status, best_epoch=1, score=None, progress=1.0))
        tell(RunDone(status=status, folder=str(tmp_path), progress=1.0))
    ((key, run),) = recorder.runs.items()
    assert (tmp_path / "mlflow-run.txt").read_text().strip() == key
    assert run["name"] == tiny_cfg.name
    assert run["params"]["recipe.lr"] == str(tiny_cfg.recipe.lr)
    assert run["tags"] == {"fingerprint": tiny_cfg.fingerprint, "fold0": "finished", "status": "finished"}
    assert run["ends"] == ["KILLED", "FINISHED"]
    losses = [one for one in run["metrics"] if one[0] in ("fold0/step/loss", "fold0/held_out_loss")]
    assert losses == [("fold0/step/loss", 2, 0.5), ("fold0/held_out_loss", 1, 0.25),
                      ("fold0/step/loss", 6, 0.5), ("fold0/held_out_loss", 2, 0.25)]  # fmt: skip
    assert not any(name.endswith("balanced_accuracy") for name, _, _ in run["metrics"])


def test_a_training_that_breaks_off_is_failed_in_mlflow_and_not_finished(tiny_cfg, tmp_path, recorder, monkeypatch):
    at_exit = []
    monkeypatch.setattr(atexit, "register", at_exit.append)
    monkeypatch.setattr(atexit, "unregister", at_exit.remove)
    step = StepDone(fold=0, epoch=1, step=1, steps=4, loss=0.5, lr=0.01, images_per_s=9.0, progress=0.1)
    MLflow(tmp_path, tiny_cfg)(step)
    (leave,) = at_exit
    leave()
    (run,) = recorder.runs.values()
    assert (run["tags"]["status"], run["ends"]) == ("failed", ["FAILED"])

    tell = MLflow(tmp_path, tiny_cfg)
    tell(step)
    tell(RunDone(status="finished", folder=str(tmp_path), progress=1.0))
    assert not at_exit, "what has ended is not called failed"
    assert run["ends"] == ["FAILED", "FINISHED"]


def test_mlflow_takes_the_settings_of_every_preset_in_one_call():
    """Its limits: 100 parameters in a call; names of 250 letters, digits, and ``_-./``; values of 500 characters."""
    for preset in PRESETS.values():
        settings = flat(to_dict(preset()))
        assert len(settings) <= 100
        assert all(re.fullmatch(r"[\w\-./]{1,250}", name) and len(value) <= 500 for name, value in settings.items())


def test_a_run_inside_an_active_mlflow_run_leaves_it_open(tiny_cfg, tmp_path, recorder):
    recorder.start_run(run_name="mine")
    tell = MLflow(tmp_path, tiny_cfg)
    tell(RunDone(status="finished", folder=str(tmp_path), progress=1.0))
    assert recorder.active is not None
    assert recorder.present["params"]
    assert not (tmp_path / "mlflow-run.txt").exists()


def test_a_package_that_is_lacking_is_one_sentence(monkeypatch, tmp_path, train, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    for listener, name in ((MLflow, "mlflow"), (TensorBoard, "tensorboard")):
        with pytest.raises(CoreError, match=f"need the package {name}; install it or leave them out"):
            listener(tmp_path)
    assert train("--mlflow") == 2
    assert "need the package mlflow" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_time_left_is_reckoned_from_the_first_event_of_its_kind(monkeypatch):
    heard, clock = [], iter((100.0, 110.0, 130.0))
    monkeypatch.setattr(events.time, "monotonic", lambda: next(clock))
    tell = events.timed(heard.append, ExplainProgress)
    tell(PackProgress(progress=0.1, done=4, total=4, seconds_left=7.0))
    for done, share in ((1, 0.2), (2, 0.4), (4, 1.0)):
        tell(ExplainProgress(progress=share, item=f"T{done}", done=done, total=4))
    assert [one.seconds_left for one in heard] == [7.0, None, pytest.approx(30.0), 0.0]
    assert [one.progress for one in heard] == [0.1, 0.2, 0.4, 1.0]
