"""The script that measures on a GPU, at a tiny size on a processor: every field is there, and time that is over ends it in order."""

import json
import subprocess
import sys
from pathlib import Path

from tests.forked import Forked
from tests.performance.classifier_gpu import TARGETS

ROOT = Path(__file__).resolve().parents[3]
# Of timm's script no more than what is called: the two runners, their arguments, the rate that they return.
RUNNERS = """
import time, timm, torch
class TrainBenchmarkRunner:
    trains = True
    def __init__(self, model_name, device, precision, channels_last, batch_size, img_size, num_classes, torchcompile,
                 num_warm_iter, num_bench_iter):
        assert (precision, channels_last) == ("amp_bfloat16", True)
        self.model = timm.create_model(model_name, num_classes=num_classes).to(memory_format=torch.channels_last)
        self.images, self.num_bench_iter = torch.rand(batch_size, 3, img_size, img_size), num_bench_iter
    def run(self):
        began = time.perf_counter()
        for _ in range(self.num_bench_iter):
            with torch.set_grad_enabled(self.trains), torch.autocast("cpu", torch.bfloat16):
                loss = self.model(self.images).float().sum()
            if self.trains:
                loss.backward()
        return {"samples_per_sec": len(self.images) * self.num_bench_iter / (time.perf_counter() - began)}
class InferenceBenchmarkRunner(TrainBenchmarkRunner):
    trains = False
"""
PART_FIELDS = {"part", "mode", "pictures_per_s", "ratios", "rounds", "first_call_s", "not_measured", "seconds"}


def measured(tmp_path, *more: str, runners: str = RUNNERS) -> tuple[dict, str]:
    (tmp_path / "runners.py").write_text(runners)
    command = [
        sys.executable, "-m", "tests.performance.classifier_gpu", "--timm", tmp_path / "runners.py", "--out", tmp_path / "gpu.json",
        "--device", "cpu", "--backbone", "test_efficientnet", "--size", "32", "--batch", "2", "--slice", "0.02", "--rounds", "2",
        "--steps", "2", "--pictures", "1", "--backend", "eager", "--cache", tmp_path / "cache", *more,
    ]  # fmt: skip
    started = Forked([str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    said, complained = started.communicate()
    assert started.returncode == 0, complained
    return json.loads((tmp_path / "gpu.json").read_text()), said


def test_every_number_is_written_for_every_part_and_mode(tmp_path):
    """But for explain-right, which has other targets than explain-wrong and is measured by the same lines."""
    assert TARGETS["explain-right"] == [(0,), (2,)]
    found, said = measured(tmp_path, "infer", "train", "explain", "explain-wrong", "input", "--modes", "eager", "compiled")
    assert [part["not_measured"] for part in found["parts"] if part["not_measured"]] == []
    assert found["complete"] is True
    assert set(found) == {"schema", "machine", "versions", "setting", "parts", "complete"}
    assert (found["setting"]["cudnn_limit"], found["setting"]["dtype"]) == (3, "bfloat16 by autocast")
    parts = {(part["part"], part["mode"]): part for part in found["parts"]}
    assert list(parts) == [
        ("infer", "eager"), ("train", "eager"), ("explain", "eager"), ("explain-wrong", "eager"), ("input", "eager"),
        ("infer", "compiled"), ("train", "compiled"), ("explain", "compiled"), ("explain-wrong", "compiled"), ("input", "compiled"),
    ]  # fmt: skip
    for part in found["parts"]:
        assert set(part) >= PART_FIELDS
        assert set(part["pictures_per_s"]) == set(part["rounds"]) == set(part["first_call_s"])
        assert all(len(rounds) >= 2 and min(rounds) > 0 for rounds in part["rounds"].values())
    assert set(parts["train", "eager"]["ratios"]) == {"ours / timm"}
    assert set(parts["infer", "compiled"]["ratios"]) == {"ours / timm", "compiled / eager"}
    assert set(parts["explain", "eager"]["ratios"]) == {"ours / captum", "ours, half precision / captum"}
    assert set(parts["explain-wrong", "eager"]["ratios"]) == {
        "ours / captum", "ours, half precision / captum", "ours, one target at a time / captum", "ours / one target at a time",
    }  # fmt: skip
    assert parts["explain-wrong", "eager"]["targets"] == [[0], [1], [0, 1], [2]]
    for load in ("explain", "explain-wrong"):
        assert set(parts[load, "compiled"]["ratios"]) == {"ours / captum", "ours, half precision, compiled / captum"}
        assert all(parts[load, mode]["maps_apart"] < 0.1 for mode in ("eager", "compiled"))
    for mode in ("eager", "compiled"):
        assert "augmentation paper / pictures ready" in parts["input", mode]["ratios"]
    assert "train, eager: timm: " in said


def test_when_time_is_over_it_stops_and_says_what_it_did_not_measure(tmp_path):
    """The first part ends by --seconds, the second by --total, and for the third nothing is left."""
    limits = ["--rounds", "100000", "--seconds", "1.5", "--total", "3"]
    found, said = measured(tmp_path, "infer", "--modes", "eager", "searched", "compiled", *limits)
    assert found["complete"] is False
    first, _, third = found["parts"]
    assert "infer, eager: stopped after 2 s" in said
    assert third["not_measured"] == ["everything: no time was left"]
    assert first["seconds"] < 30


def test_what_is_ready_is_measured_before_a_preparation_that_does_not_end(tmp_path):
    """A compilation on the other side that takes all the time costs that side alone, and may take more than --seconds. The clock
    rings as soon as that one has begun, so that nobody waits for it."""
    slow = RUNNERS.replace("        began =", "        signal.setitimer(signal.ITIMER_REAL, 0.01)\n        time.sleep(600)\n        began =")
    slow = slow.replace("import time,", "import signal, time,")
    found, said = measured(tmp_path, "infer", "--modes", "compiled", "--seconds", "0.001", "--total", "500", runners=slow)
    (part,) = found["parts"]
    assert set(part["ratios"]) == {"compiled / eager"}
    assert part["not_measured"] == ["timm"]
    assert 0.1 <= part["seconds"] < 500
    assert "stopped after" in said
