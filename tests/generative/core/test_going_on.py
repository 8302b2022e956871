"""A training that is stopped, killed and taken up again, and what it tells meanwhile."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from generative.core.commands.training import Progress, stopping
from tests.forked import Forked
from tests.generative.core.drawn import FAST, drawn_manifest
from tests.generative.core.test_cli import ROOT


def test_a_killed_and_a_terminated_run_go_on(tmp_path):
    """SIGTERM saves and ends with status 130; kill -9 loses only what came after the last snapshot."""
    manifest = drawn_manifest(tmp_path / "data", resolution=8)
    command = [sys.executable, "-m", "generative.core", "train", str(manifest), *FAST, "--kimg", "500", "--set",
               "snapshot_kimg=0.04", "--set", "keep_snapshots=2", "--out", str(tmp_path / "run")]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    reached = []
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = Forked(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        before = reached[-1] if reached else ""
        for _ in range(600):
            names = sorted(p.name for p in (tmp_path / "run" / "snapshots").glob("kimg-*"))
            if names and names[-1] > before:
                break
            time.sleep(0.1)
        process.send_signal(number)
        message = process.communicate(timeout=60)[1]
        if number == signal.SIGTERM:
            assert process.returncode == 130
            assert "Training was stopped at" in message
        reached.append(sorted(p.name for p in (tmp_path / "run" / "snapshots").glob("kimg-*"))[-1])
    assert reached[1] > reached[0] > ""


def test_the_first_signal_waits_for_the_step_and_the_second_does_not(capsys):
    before = signal.getsignal(signal.SIGTERM)
    with stopping() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGTERM)
        assert asked()
        assert capsys.readouterr().err == "stopping after this step; the same command continues\n"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_log_tells_the_time_left_of_a_run_that_goes_on_from_its_own_pace(monkeypatch, capsys):
    """10 kimg done by an earlier call, 2 more in 60 s: 8 are left, at 30 s each."""
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with Progress(20.0, io.StringIO()) as progress:
        progress({"event": "start", "kimg": 10.0})
        for seconds, kimg in ((30, 11.0), (60, 12.0), (90, 13.0)):
            clock[0] = 1000.0 + seconds
            progress({"event": "progress", "kimg": kimg, "loss_g": 1.0, "loss_d": 2.0, "ada_p": 0.25})
        progress({"event": "kid", "kimg": 13.0, "kid": 0.02})
    assert capsys.readouterr().out.splitlines() == [
        "12 of 20 kimg: losses 1.000 and 2.000, augmentation at 0.250, 30 s per kimg, 04:00 left", "13 kimg: kid 0.02",
    ]  # fmt: skip


def test_a_bar_counts_what_an_earlier_call_did_as_done_but_not_as_this_ones_pace():
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with Progress(20.0, Terminal()) as progress:
        progress({"event": "start", "kimg": 10.0})
        progress({"event": "progress", "kimg": 11.0, "loss_g": 1.0, "loss_d": 2.0, "ada_p": 0.25})
        done = progress.bar.format_dict
    assert (done["n"], done["initial"], done["total"]) == (11.0, 10.0, 20.0)
