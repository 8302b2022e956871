"""Job kinds for the tests of a real worker: one waits for a file, and says each time that it started; one is quick."""

import time
from pathlib import Path

from imagebank.jobs import register_job


@register_job("test.wait-for-file", long=True)
def wait_for_file(run):
    folder = Path(run.payload["folder"])
    (folder / f"started-{run.job.attempts}").touch()
    while not (folder / "go").exists():
        run.check_cancelled()
        time.sleep(0.1)
    return {"attempt": run.job.attempts}


@register_job("test.quick")
def leave_a_file(run):
    Path(run.payload["folder"], "quick").touch()
