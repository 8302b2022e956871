"""What the worker looks after: sittings whose end was cut off, expired seats, letters that wait, names whose time is over, pictures."""

import logging
import threading

from celery.signals import worker_ready, worker_shutdown
from django.db import connection
from django.db.models import QuerySet

from imagebank.models import Study
from surveys.models import Letter
from surveys.services import prepare_study, release_expired_seats, resume_letters
from surveys.services.ending.retention import erase_when_due, studies_that_keep_too_long
from surveys.services.sitting.way import finish_sealed

logger = logging.getLogger(__name__)
EVERY_S = 600
stopping = threading.Event()


def _looked_after() -> QuerySet[Study]:
    """Studies with surveys; nothing is done to archived ones, nor to one that is being deleted."""
    return Study.objects.in_use().filter(survey_sets__isnull=False, leaving_at=None).distinct()


def finish_everywhere() -> int:
    """Finish what was sealed whole, before its seat is taken for expired; returns how many sittings."""
    return sum(finish_sealed(study=study) for study in _looked_after())


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


def erase_everywhere() -> int:
    """Erase names and addresses where the study's own time for them is over, in the archive too; returns how many."""
    erased = 0
    for study in studies_that_keep_too_long():
        count = erase_when_due(study=study)
        logger.info("%s: %s names and addresses erased, as the study said", study.slug, count)
        erased += count
    return erased


def prepare_everywhere() -> None:
    """Make the pictures of every study whose surveys are drawn, as its readers will see them."""
    for study in _looked_after():
        try:
            prepare_study(study=study)
        except OSError as problem:  # a file that is gone or a full disk stops this study alone
            logger.warning("%s: pictures were not made: %s", study.slug, problem)


DUTIES = (finish_everywhere, release_everywhere, resume_letters_everywhere, erase_everywhere, prepare_everywhere)


def look_after() -> None:
    """Every duty once; one that fails is logged, and keeps neither the others nor the next time from being done."""
    for duty in DUTIES:
        try:
            duty()
        except Exception:  # whatever it was, the thread must live on: nobody would start it again
            logger.exception("%s was not done", duty.__name__)
        finally:
            connection.close()


def keep_house() -> None:
    """Until the worker stops, look after everything every ten minutes."""
    while True:
        look_after()
        if stopping.wait(EVERY_S):
            return


@worker_ready.connect
def begin_keeping(**kwargs) -> None:
    stopping.clear()
    threading.Thread(target=keep_house, name="housekeeper", daemon=True).start()


@worker_shutdown.connect
def end_keeping(**kwargs) -> None:
    stopping.set()
