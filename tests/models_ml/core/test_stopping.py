"""Signals while the core works: asked to stop in order, stopped at once, and the caller's own handlers back."""

import os
import shutil
import signal
import threading

import pytest

from models_ml.core.cli import main
from tests.models_ml.core.test_cli import small


@pytest.fixture
def own_handler():
    """A handler of the calling program, as a notebook or a worker has it."""
    caught = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: caught.append(number))
    yield caught
    signal.signal(signal.SIGTERM, former)


def test_the_callers_own_handlers_are_back_after_every_way_out(bank, tmp_path, own_handler, capsys):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["pack", str(bank), "--quiet", "--out", str(tmp_path / "cache")]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert main(["predict", str(tmp_path), str(bank), "--quiet", "--out", str(tmp_path / "p.csv")]) == 2
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    os.kill(os.getpid(), signal.SIGTERM)
    assert own_handler == [signal.SIGTERM]
    assert "stopping" not in capsys.readouterr().err


def told(monkeypatch, times: int):
    """Whenever the command tells how far it is, the process gets SIGTERM this many times."""
    from models_ml.core.commands import training

    def tell(event):
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(training, "listener", lambda arguments: tell)


def test_one_signal_stops_in_order_and_a_second_one_at_once(trained, bank, tmp_path, own_handler, monkeypatch, capsys):
    run = shutil.copytree(trained, tmp_path / "run", ignore=shutil.ignore_patterns("cache"))
    command = ["predict", str(run), str(bank), "--quiet", "--out", str(tmp_path / "p.csv")]
    with monkeypatch.context() as patched:
        told(patched, 1)
        assert main(command) == 130
    assert "stopping after this step; the same command continues" in capsys.readouterr().err
    with monkeypatch.context() as patched:
        told(patched, 2)
        assert main(command) == 130
    assert "stopped at once; what was saved before is kept" in capsys.readouterr().err
    assert own_handler == []
    assert main(command) == 0


def test_commands_work_in_a_thread_where_no_signal_can_be_handled(bank, tmp_path):
    found = []
    thread = threading.Thread(target=lambda: found.append(main(small(bank, tmp_path / "run", "--fold", "0"))))
    thread.start()
    thread.join()
    assert found == [0]
