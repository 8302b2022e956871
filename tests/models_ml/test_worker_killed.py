"""kill -9 of the worker while a child trains: the child saves its state, stops, and gives the lock back."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.models_ml.conftest import TINY

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120


def wait_for(what):
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, f"{what.__name__} did not come true"
        time.sleep(0.1)


@pytest.mark.slow
def test_the_child_of_a_killed_worker_stops_in_order_and_frees_the_folder(pictures, tmp_path):
    settings = [part for text in [*TINY, "recipe.epochs=5000", "data.folds=2"] for part in ("--set", text)]
    home, run = tmp_path / "home", tmp_path / "home" / "run"
    arguments = ["train", str(pictures), "--preset", "tiny", "--view", "focused", "--out", str(run), *settings]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings.test", "PYTHONPATH": str(ROOT)}
    script = str(ROOT / "tests" / "models_ml" / "worker_script.py")
    worker = subprocess.Popen([sys.executable, script, str(home), *arguments], cwd=ROOT, env=environment)

    def an_epoch_ended():
        return (run / "fold0" / "metrics.jsonl").exists()

    def the_lock_is_free():
        with (home / ".lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

    wait_for(an_epoch_ended)
    assert not the_lock_is_free()
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    wait_for(the_lock_is_free)
    assert json.loads((run / "fold0" / "result.json").read_text())["status"] == "cancelled"
    assert (run / "fold0" / "state.pt").exists()
