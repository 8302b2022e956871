"""What the worker looks after by itself: expired seats, pictures that readers will ask for, letters that could not be sent."""

import logging
import threading

from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, connection
from django.db.models import QuerySet

from imagebank.models import Study
from surveys.models import Letter
from surveys.services import prepare_study, release_expired_seats, resume_letters

logger = logging.getLogger(__name__)
EVERY_S = 600
stopping = threading.Event()


def _looked_after() -> QuerySet[Study]:
    """Studies with surveys; nothing is done to archived ones, nor to one that is being deleted."""
    return Study.objects.in_use().filter(survey_sets__isnull=False, leaving_at=None)


def release_everywhere() -> int:
    """Free the expired seats of every study; returns how many."""
    released = 0
    for study in _looked_after():
        count = release_expired_seats(study=study)
        if count:
            logger.info("%s: %s expired seats freed", study.slug, count)
        released += count
    return released


def resume_letters_everywhere() -> int:
    """Try letters again that wait for a mail server; returns for how many studies."""
    waiting = Letter.objects.waiting().values("invitation__reader__study")
    return sum(resume_letters(study=study) is not None for study in Study.objects.filter(pk__in=waiting))


def prepare_everywhere() -> None:
    """Make the pictures of every study whose surveys are drawn, as its readers will see them."""
    for study in _looked_after():
        try:
            prepare_study(study=study)
        except OSError as problem:  # a file that is gone or a full disk stops this study alone
            logger.warning("%s: pictures were not made: %s", study.slug, problem)


def keep_house() -> None:
    """Until the worker stops, look every ten minutes."""
    while True:
        try:
            release_everywhere()
            resume_letters_everywhere()
            prepare_everywhere()
        except DatabaseError as problem:
            logger.warning("Expired seats, waiting letters or pictures were not looked after: %s", problem)
        finally:
            connection.close()
        if stopping.wait(EVERY_S):
            return


@worker_ready.connect
def begin_keeping(**kwargs) -> None:
    stopping.clear()
    threading.Thread(target=keep_house, name="housekeeper", daemon=True).start()


@worker_shutdown.connect
def end_keeping(**kwargs) -> None:
    stopping.set()
