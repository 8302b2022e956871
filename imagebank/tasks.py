"""The worker's side: one task that runs any job, and the worker's own sign of life."""

import logging
import threading

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from celery.worker.state import active_requests
from django.db import DatabaseError, connection
from django.utils import timezone

from imagebank.jobs import HEARTBEAT_S, LONG, leave_attempts_uncounted, reap_silent_jobs, resend_waiting_jobs, run_job
from imagebank.models import WorkerBeat

logger = logging.getLogger(__name__)
DAY_S = 24 * 3600
stopping = threading.Event()
asked_to_stop = threading.Event()


@shared_task(soft_time_limit=3 * DAY_S, time_limit=3 * DAY_S + 60)
def run_job_task(job_pk: str) -> None:
    """Run one job. Delivered twice, it runs once. Three days are the longest training that a job may be."""
    run_job(job_pk)


def record_worker_beat(*, name: str, takes_long: bool = True) -> None:
    """Note that the worker `name` is alive."""
    WorkerBeat.objects.update_or_create(name=name, defaults={"at": timezone.now(), "takes_long": takes_long})


def keep_watch(name: str, takes_long: bool) -> None:
    """Until the worker stops: tell that it lives, and rescue jobs whose worker does not."""
    resend = True
    while True:
        try:
            record_worker_beat(name=name, takes_long=takes_long)
            reap_silent_jobs()
            if resend:
                resend_waiting_jobs(older_than_s=0)
                resend = False
        except DatabaseError as problem:
            logger.warning("The worker's sign of life was not stored: %s", problem)
        finally:
            connection.close()
        if stopping.wait(HEARTBEAT_S):
            return


@worker_ready.connect
def begin_watch(sender, **kwargs) -> None:
    """Celery's own hook: the worker has started and takes work."""
    stopping.clear()
    asked_to_stop.clear()
    takes_long = LONG in sender.app.amqp.queues.consume_from
    threading.Thread(target=keep_watch, args=[sender.hostname, takes_long], name="worker-watch", daemon=True).start()


@worker_shutting_down.connect
def begin_to_stop(**kwargs) -> None:
    """Celery's own hook: the worker was asked to stop (SIGTERM) and waits for its jobs until it is killed. Asked within a
    signal's handler, perhaps amid a query: so the rows are changed by a thread, over a connection of its own."""
    if not asked_to_stop.is_set():
        asked_to_stop.set()
        keys = [request.args[0] for request in active_requests if request.name == run_job_task.name]
        threading.Thread(target=say_that_it_stops, args=[keys], name="worker-stops").start()


def say_that_it_stops(keys: list[str]) -> None:
    try:
        leave_attempts_uncounted(keys)
    except DatabaseError as problem:
        logger.warning("That the worker stops in order was not stored: %s", problem)
    finally:
        connection.close()


@worker_shutdown.connect
def end_watch(**kwargs) -> None:
    stopping.set()
