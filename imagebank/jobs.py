"""Background work: how a job is queued, run, watched, stopped, started again, and rescued when its worker dies.

An app offers a kind of work by registering a function in its `jobs` module:

    @register_job("models_ml.train")
    def train(run: JobRun) -> dict | None:
        for done, step in enumerate(steps, 1):
            ...
            run.progress(done=done, total=len(steps), message="fold 2 of 5")
        return {"run": 7}

Work that may take many minutes is registered as `long=True`: it waits in a line of its own, so that a worker which takes
only the other line imports, compares and sends letters while networks train.

The function may be run again after a crash, so it must be safe to repeat. What it returns is kept in `Job.result`.
Each attempt has a number, and only the newest attempt may write: a worker that was thought dead and wakes up again
finds itself replaced and stops. After MAX_ATTEMPTS that ended with their worker a job is given up; those during which the
worker was stopped in order, as at a new release, and those before a person started the job again, do not count.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from imagebank.models import Job, JobLine, Study
from imagebank.services.archive import require_changeable
from imagebank.services.storing import StoreAway

logger = logging.getLogger(__name__)

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
NO_ROOM = "The disk is full; make room and start the job again. What was stored before is unchanged."
HEARTBEAT_S = 10
SILENT_AFTER_S = 60
MAX_ATTEMPTS = 3
PROGRESS_EVERY_S = 0.5

QUICK, LONG = "celery", "long"  # the lines in which jobs wait, as the broker calls them

JOB_KINDS: dict[str, Callable] = {}
LONG_KINDS: set[str] = set()


class JobCancelled(Exception):
    """Raised inside a running job at its next sign of progress after somebody pressed "Cancel"."""


class JobRun:
    """What a job's function holds in its hands: the payload, and the ways to say how far it is."""

    def __init__(self, job: Job):
        self.job = job
        self.study: Study | None = job.study
        self.payload: dict = job.payload
        self._written_at = 0.0

    def progress(self, *, done: int, total: int, message: str = "") -> None:
        """Say how far the work is; total 0 where nobody knows. Cheap to call often: the row changes at most twice a second, and
        at the end.

        Raises JobCancelled when the job was cancelled, or when another attempt has taken its place.
        """
        now = time.monotonic()
        if now - self._written_at < PROGRESS_EVERY_S and (done < total or not total):
            return
        self._written_at = now
        self._write(done=max(0, done), total=max(0, total), message=message[:300])

    def check_cancelled(self) -> None:
        """Raise JobCancelled if the job should stop; also tells that the job is alive."""
        self._write()

    def log(self, text: str) -> None:
        """Add one line to the job's log."""
        JobLine.objects.create(job=self.job, text=text[:500])

    def _write(self, **fields) -> None:
        mine = own_attempt(self.job)
        if not mine.update(heartbeat_at=timezone.now(), **fields):
            raise JobCancelled("Another attempt has taken over.")
        if mine.filter(cancel_requested=True).exists():
            raise JobCancelled("Cancelled on request.")


def register_job(kind: str, *, long: bool = False) -> Callable:
    """Register a function `(run: JobRun) -> dict | None` as the work of jobs of this kind; long: it may take many minutes."""

    def register(function: Callable) -> Callable:
        if long:
            LONG_KINDS.add(kind)
        if JOB_KINDS.setdefault(kind, function) is not function:
            raise ValueError(f'The job kind "{kind}" is registered twice, by {JOB_KINDS[kind]} and {function}.')
        return function

    return register


def load_job_kinds(kind: str) -> None:
    """Load what the apps offer, unless `kind` is known already."""
    if kind not in JOB_KINDS:
        autodiscover_modules("jobs", "background")


def find_job_kind(kind: str) -> Callable:
    """The function of a kind, loading the apps' `jobs` and `background` modules on first need. Unknown kinds raise ValidationError."""
    load_job_kinds(kind)
    if kind not in JOB_KINDS:
        raise ValidationError(f'There is no job kind "{kind}". Known kinds: {", ".join(sorted(JOB_KINDS)) or "none"}.')
    return JOB_KINDS[kind]


def queue_job(*, study: Study | None, kind: str, title: str, payload: dict | None = None, user=None) -> Job:
    """Add a job and hand it to the worker once the surrounding transaction is safely stored.

    A study that is archived takes no work: ValidationError.
    """
    find_job_kind(kind)
    with transaction.atomic():
        if study is not None:  # whoever archives or deletes it looks for jobs under the same lock
            require_changeable(Study.objects.select_for_update(no_key=True).get(pk=study.pk))
        job = Job(study=study, kind=kind, title=title, payload=payload or {}, created_by=user)
        job.full_clean()
        job.save()
        hand_to_worker(job)
    return job


def hand_to_worker(job: Job) -> None:
    """Send the job's key to the worker after commit. Sent twice it still runs once: an attempt begins by claiming."""
    from imagebank.tasks import run_job_task  # here, because the task imports this module

    transaction.on_commit(lambda: run_job_task.apply_async((str(job.pk),), queue=line_of(job.kind)))


def line_of(kind: str) -> str:
    """The line in which jobs of a kind wait."""
    load_job_kinds(kind)
    return LONG if kind in LONG_KINDS else QUICK


def jobs_before(job: Job) -> int:
    """How many jobs of any study stand before a waiting one in its line, those that run among them."""
    earlier = Job.objects.active().filter(Q(state=Job.State.RUNNING) | Q(created_at__lt=job.created_at)).exclude(pk=job.pk)
    return sum(line_of(kind) == line_of(job.kind) for kind in earlier.values_list("kind", flat=True))


def run_job(job_pk) -> Job:
    """Run a waiting job to its end in this process and return its row. A job that is not waiting is left alone.

    Never raises for what the job's own work does: failures are kept in the row, in words for the person who waits.
    """
    now = timezone.now()
    claimed = Job.objects.filter(pk=job_pk, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING,
        attempts=F("attempts") + 1,
        started_at=now,
        heartbeat_at=now,
        error="",
        finished_at=None,
    )
    job = Job.objects.select_related("study").get(pk=job_pk)
    if not claimed:
        return job
    stop_beating = beat_in_background(job)
    try:
        finish(job, **outcome_of(job))
    finally:
        stop_beating.set()
    job.refresh_from_db()
    return job


def outcome_of(job: Job) -> dict:
    """Do the work and return the fields of the finished row."""
    try:
        run = JobRun(job)
        run.check_cancelled()
        result = find_job_kind(job.kind)(run) or {}
    except JobCancelled as stop:
        return {"state": Job.State.CANCELLED, "message": str(stop) or "Cancelled."}
    except ValidationError as refusal:
        return {"state": Job.State.FAILED, "error": "\n".join(refusal.messages)}
    except StoreAway as failure:
        return {"state": Job.State.FAILED, "error": str(failure)}
    except Exception as failure:
        logger.exception("Job %s (%s) failed", job.pk, job.kind)
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            return {"state": Job.State.FAILED, "error": NO_ROOM}
        return {"state": Job.State.FAILED, "error": f"{type(failure).__name__}: {failure}"[:2000]}
    return {"state": Job.State.SUCCEEDED, "result": result}


def finish(job: Job, **fields) -> None:
    own_attempt(job).update(finished_at=timezone.now(), heartbeat_at=timezone.now(), **fields)


def own_attempt(job: Job):
    """The job's row, as long as this attempt is the newest one and still running."""
    return Job.objects.filter(pk=job.pk, attempts=job.attempts, state=Job.State.RUNNING)


def beat_in_background(job: Job) -> threading.Event:
    """Keep the job's heartbeat fresh through long steps that report nothing; set the event returned to stop."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(HEARTBEAT_S):
            try:
                own_attempt(job).update(heartbeat_at=timezone.now())
            except DatabaseError as problem:
                logger.warning("Heartbeat of job %s was not stored: %s", job.pk, problem)
            finally:
                connection.close()

    threading.Thread(target=beat, name=f"heartbeat-{job.pk}", daemon=True).start()
    return stop


def cancel_job(*, job: Job) -> Job:
    """Stop a job: at once when it waits, at its next sign of progress when it runs. A finished job stays as it is."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=Job.State.QUEUED)
    if not waiting.update(state=Job.State.CANCELLED, finished_at=now, message="Cancelled before it started."):
        Job.objects.filter(pk=job.pk, state=Job.State.RUNNING).update(cancel_requested=True)
    job.refresh_from_db()
    return job


def retry_job(*, job: Job) -> Job:
    """Start a failed or cancelled job again from its payload. Any other state, or an archived study, raises ValidationError."""
    with transaction.atomic():
        if job.study is not None:
            require_changeable(Study.objects.select_for_update(no_key=True).get(pk=job.study_id))
        again = Job.objects.filter(pk=job.pk, state__in=[Job.State.FAILED, Job.State.CANCELLED]).update(
            state=Job.State.QUEUED, cancel_requested=False, done=0, total=0, message="", error="", result={},
            finished_at=None, uncounted_attempts=F("attempts"),
        )  # fmt: skip
        job.refresh_from_db()
        if not again:
            state = job.get_state_display().lower()
            raise ValidationError(f'Only a failed or cancelled job can be started again; "{job.title}" is {state}.')
        JobLine.objects.create(job=job, text="Started again.")
        hand_to_worker(job)
    return job


def leave_attempts_uncounted(job_pks: list) -> None:
    """Their worker is being stopped in order. A job may still end before it; one that does not is taken up again."""
    for job in Job.objects.filter(pk__in=job_pks, state=Job.State.RUNNING):
        if own_attempt(job).update(uncounted_attempts=F("uncounted_attempts") + 1):
            JobLine.objects.create(job=job, text="The worker was asked to stop; this attempt does not count.")


def reap_silent_jobs(*, silent_s: float = SILENT_AFTER_S) -> int:
    """Rescue running jobs whose worker has said nothing for `silent_s` seconds; return how many there were.

    They wait for a worker again, or end as failed after MAX_ATTEMPTS that count, so that a job that kills its worker cannot
    do so for ever. A job whose cancellation was asked for ends as cancelled.
    """
    rescued = 0
    for job in Job.objects.silent_since(timezone.now() - timedelta(seconds=silent_s)):
        if job.cancel_requested:
            fields = {"state": Job.State.CANCELLED, "message": "Cancelled.", "finished_at": timezone.now()}
        elif (died := job.attempts - job.uncounted_attempts) >= MAX_ATTEMPTS:
            fields = {
                "state": Job.State.FAILED,
                "finished_at": timezone.now(),
                "error": f"The worker stopped {died} times during this job. Look at the worker's log "
                "(memory is the usual reason), then start the job again.",
            }
        else:
            fields = {"state": Job.State.QUEUED, "message": "The worker stopped; waiting for it to come back."}
        with transaction.atomic():
            # The heartbeat seen above must still be the last one: the worker may have woken up in between.
            if not own_attempt(job).filter(heartbeat_at=job.heartbeat_at).update(**fields):
                continue
            rescued += 1
            JobLine.objects.create(job=job, text=f"No heartbeat since {job.heartbeat_at:%Y-%m-%d %H:%M:%S} UTC.")
            if fields["state"] == Job.State.QUEUED:
                hand_to_worker(job)
    return rescued


def resend_waiting_jobs(*, older_than_s: float = SILENT_AFTER_S) -> int:
    """Hand jobs to the worker again that have waited long: their message may have died with a worker or a broker."""
    waiting = Job.objects.filter(
        state=Job.State.QUEUED, created_at__lt=timezone.now() - timedelta(seconds=older_than_s)
    )
    for job in waiting:
        hand_to_worker(job)
    return len(waiting)
