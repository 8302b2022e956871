"""A job run at the terminal, in this process, with its progress shown and the exit codes of our commands."""

import json
import sys
import threading
import time

from django.core.management import CommandError

from imagebank.jobs import reap_silent_jobs, run_job
from imagebank.management.terminal import BAD_INPUT
from imagebank.models import Job

CANCELLED = 130


def run_here(job: Job) -> Job:
    """Run the waiting job to its end, or wait for the worker that has taken it; where that one was killed, take it over.
    Control-C cancels it in order; the same command continues."""
    done = threading.Event()
    watcher = threading.Thread(target=_show, args=[job.pk, done], daemon=True)
    watcher.start()
    try:
        job = run_job(job.pk)
        while job.is_active:  # the worker was quicker, or was killed
            time.sleep(1)
            reap_silent_jobs()
            job = run_job(job.pk)
        return job
    except KeyboardInterrupt:
        # The child has stopped in order; the row must say so.
        Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(
            state=Job.State.CANCELLED, message="Cancelled at the terminal."
        )
        job.refresh_from_db()
        return job
    finally:
        done.set()
        watcher.join()


def _show(pk, done: threading.Event) -> None:
    from django.db import connection
    from tqdm import tqdm

    with tqdm(total=100, disable=not sys.stderr.isatty(), leave=False) as bar:
        while not done.wait(1.0):
            if job := Job.objects.filter(pk=pk).first():
                bar.n = job.percent or 0
                bar.set_description_str(job.message)
    connection.close()


def report(command, job: Job, facts: dict, text: str, as_json: bool) -> None:
    """Print the outcome; leave with 2 when the job failed and 130 when it was cancelled."""
    if job.state == Job.State.FAILED:
        raise CommandError(job.error, returncode=BAD_INPUT)
    command.stdout.write(json.dumps(facts | {"state": job.state}) if as_json else text)
    if job.state == Job.State.CANCELLED:
        sys.exit(CANCELLED)
