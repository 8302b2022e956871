"""A job kind for the test of a real worker: it waits for a file, and says each time that it started."""

import time
from pathlib import Path

from imagebank.jobs import register_job


@register_job("test.wait-for-file")
def wait_for_file(run):
    folder = Path(run.payload["folder"])
    (folder / f"started-{run.job.attempts}").touch()
    while not (folder / "go").exists():
        run.check_cancelled()
        time.sleep(0.1)
    return {"attempt": run.job.attempts}
