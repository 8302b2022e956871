"""Nothing that the demo starts outlives it, and what fails says why."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from benchmark.demo import serving
from benchmark.demo.processes import StepFailed, end, finish, start

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def gone(pid: int, within_s: float = 20) -> bool:
    """Whether the process ends in time (a zombie has ended)."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (FileNotFoundError, ProcessLookupError):  # it ended before the file was opened, or while it was read
            return True
        time.sleep(0.05)
    return False


def test_a_command_ends_when_its_parent_is_killed(tmp_path):
    note = tmp_path / "pid"
    grandchild = f"import os, time; open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    code = (
        "import os, time, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'config.settings.test'\n"
        "from benchmark.demo.processes import start\n"
        f"import sys; start([sys.executable, '-c', {grandchild!r}]); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    until = time.monotonic() + 30
    while not (note.exists() and note.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    pid = int(note.read_text())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(pid)


def test_a_failing_command_is_one_sentence_with_its_last_words(tmp_path):
    log = tmp_path / "log"
    process = start([sys.executable, "-c", "import sys; print('first'); sys.exit('error: no room left')"], log=log)
    with pytest.raises(StepFailed, match=r"Training stopped with exit status 1: error: no room left.*goes on") as failed:
        finish(process, "Training", log)
    assert str(log) in str(failed.value)


def test_ending_reaches_the_command_itself():
    process = start(SLEEP)
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        until = time.monotonic() + 20
        while not (children := file.read().split()) and time.monotonic() < until:
            time.sleep(0.05)
            file.seek(0)
    end([process])
    assert process.poll() is not None
    assert all(gone(int(child)) for child in children)


def test_when_one_process_ends_so_do_the_others():
    said = []
    with pytest.raises(StepFailed, match="The worker ended with exit status 3"):
        serving.run_together({"web server": SLEEP, "worker": [sys.executable, "-c", "raise SystemExit(3)"]}, said.append)


def test_sigterm_stops_all_without_an_error(monkeypatch):
    said, running = [], []

    def started(command):
        running.append(start(command))
        if len(running) == 2:
            threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        return running[-1]

    monkeypatch.setattr(serving, "start", started)
    serving.run_together({"web server": SLEEP, "worker": SLEEP}, said.append)
    assert said == ["Stopping."]
    assert None not in [process.poll() for process in running]


def test_sigterm_while_the_processes_start_is_no_error_and_starts_no_more(monkeypatch):
    said, running = [], []

    def killed_after_the_first(command):
        running.append(start(command))
        os.kill(os.getpid(), signal.SIGTERM)
        return running[-1]

    monkeypatch.setattr(serving, "start", killed_after_the_first)
    serving.run_together({"web server": SLEEP, "worker": SLEEP}, said.append)
    end(running)
    assert said == ["Stopping."]
    assert len(running) == 1


def test_an_occupied_port_is_named_with_the_way_out():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StepFailed, match=f"Port {port} of 127.0.0.1 .*already in use.*make demo PORT={port + 1}"):
            serving.require_free("127.0.0.1", port)
    serving.require_free("127.0.0.1", port)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [("8001", ("127.0.0.1", 8001)), ("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:9000", ("[::1]", 9000))],  # noqa: S104
)
def test_addresses(text, parsed):
    assert serving.parse_address(text) == parsed


@pytest.mark.parametrize("text", ["", "host", "host:", "127.0.0.1:99999"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(StepFailed, match="host:port"):
        serving.parse_address(text)
