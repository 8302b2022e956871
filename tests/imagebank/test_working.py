"""Folders for work in progress: gone with their work, and with the work of a process that was killed."""

import os
import signal
import subprocess
import sys

import pytest

from imagebank.services.working import working_folder

HOLD = """
import sys, time
from pathlib import Path
from imagebank.services.working import working_folder
with working_folder(Path(sys.argv[1]), ".new-") as folder:
    (folder / "readings.csv").write_text("somebody's answers")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_working_folder_ends_with_its_work_and_may_be_moved_away(tmp_path):
    with working_folder(tmp_path, ".new-") as folder:
        (folder / "a.txt").write_text("kept")
        folder.rename(tmp_path / "home")
    with pytest.raises(RuntimeError), working_folder(tmp_path, ".new-"):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["a.txt"]


def test_what_a_killed_process_left_goes_and_what_a_living_one_holds_stays(tmp_path):
    processes = [
        subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        assert len(list(tmp_path.iterdir())) == 2
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        assert len(list(tmp_path.iterdir())) == 2
        with working_folder(tmp_path, ".other-"):
            assert len(list(tmp_path.glob(".new-*"))) == 2
        with working_folder(tmp_path, ".new-") as folder:
            others = [path for path in tmp_path.iterdir() if path != folder.parent]
            assert len(others) == 1
            assert (others[0] / "inside" / "readings.csv").exists()
    finally:
        for process in processes:
            process.kill()
            process.wait()
            process.stdout.close()


KILL_AT = """
import os, sys
from pathlib import Path
from imagebank.services import working
calls = []
def counted(frame, event, argument):
    if event == "c_call" and argument.__name__ in {"mkdir", "open", "flock", "rmdir", "unlink"}:
        calls.append(argument.__name__)
        if len(calls) > int(sys.argv[2]):
            os.kill(os.getpid(), 9)
sys.setprofile(counted)
with working.working_folder(Path(sys.argv[1]), ".new-") as folder:
    (folder / "readings.csv").write_text("somebody's answers")
sys.setprofile(None)
print(len(calls))
"""


def test_nothing_is_left_by_a_process_killed_before_any_of_its_steps(tmp_path):
    """Killed before its first, its second, ... call to the system, until one is left to end: the next one finds nothing of it."""
    for step in range(100):
        done = subprocess.run(
            [sys.executable, "-c", KILL_AT, str(tmp_path), str(step)], capture_output=True, text=True, check=False
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        with working_folder(tmp_path, ".new-") as folder:
            assert os.listdir(tmp_path) == [folder.parent.name]
        assert os.listdir(tmp_path) == []
    assert int(done.stdout) == step > 8
