"""Letters to readers: invitations and reminders by e-mail, each sent at most once, its fate recorded."""

import logging
import smtplib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from imagebank.jobs import queue_job
from imagebank.models import Job, Study
from surveys.models import Invitation, Letter, Reader, ReaderContact, StudyProtocol, SurveyResponse

from .closing import has_ended
from .invitations import add_link

logger = logging.getLogger(__name__)
SEND_LETTERS = "surveys.letters"
LOST = "The worker stopped while this letter was being sent; whether it left is not known."


def queue_letters(*, study: Study, invitations: Iterable[Invitation], kind: str, user=None) -> Job | None:
    """Write down one letter per invitation and hand them to the worker; None when there is nothing to send."""
    with transaction.atomic():
        letters = Letter.objects.bulk_create(Letter(invitation=invitation, kind=kind) for invitation in invitations)
        if not letters:
            return None
        return queue_job(study=study, kind=SEND_LETTERS, title=f"Send {len(letters)} letters", user=user)


def send_waiting_letters(*, study: Study, progress: Callable[[int, int], None] | None = None) -> tuple[int, int]:
    """Send every waiting letter of `study`; returns how many left and how many did not.

    A letter is marked before it is sent, so that a run after a crash never sends one twice: what was under way then is
    reported as of unknown fate.
    """
    Letter.objects.of_study(study).filter(state=Letter.State.SENDING).update(
        state=Letter.State.FAILED, problem=LOST, settled_at=timezone.now()
    )
    waiting = list(Letter.objects.of_study(study).waiting())
    sent = 0
    with get_connection() as mail:
        for done, letter in enumerate(waiting):
            if progress:
                progress(done, len(waiting))
            sent += _send(letter, mail)
    if progress:
        progress(len(waiting), len(waiting))
    return sent, len(waiting) - sent


def _send(letter: Letter, mail) -> bool:
    if not Letter.objects.filter(pk=letter.pk, state=Letter.State.WAITING).update(state=Letter.State.SENDING):
        return False
    try:
        _message(letter, mail).send()
    except ValidationError as refusal:
        return _settle(letter, Letter.State.FAILED, refusal.messages[0])
    except (smtplib.SMTPException, OSError) as failure:
        # The exception's own words name the address, which belongs in the vault alone.
        return _settle(letter, Letter.State.FAILED, _problem(failure))
    return _settle(letter, Letter.State.SENT)


def _settle(letter: Letter, state: str, problem: str = "") -> bool:
    letter.state, letter.problem, letter.settled_at = state, problem, timezone.now()
    letter.save(update_fields=["state", "problem", "settled_at"])
    return state == Letter.State.SENT


def _problem(failure: Exception) -> str:
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in failure.recipients.values()})
        return f"The mail server refused the address ({', '.join(map(str, codes))})."
    if isinstance(failure, smtplib.SMTPResponseException):
        return f"The mail server refused the letter ({failure.smtp_code})."
    return f"The mail server could not be used ({type(failure).__name__})."


def _message(letter: Letter, mail) -> EmailMessage:
    reader = letter.invitation.reader
    contact = ReaderContact.objects.filter(reader=reader).exclude(email="").first()
    if contact is None:
        raise ValidationError(f"No e-mail address is kept for {reader}.")
    invitation, raw = add_link(invitation=letter.invitation)
    response = SurveyResponse.objects.filter(invitation=invitation).first()
    context = {
        "study": reader.study,
        "protocol": reader.study.protocol,
        "name": contact.name,
        "link": urljoin(settings.SITE_URL, reverse("surveys:landing", kwargs={"token": raw})),
        "expires_at": invitation.expires_at,
        "started": response is not None,
    }
    subject = " ".join(render_to_string(f"surveys/letters/{letter.kind}_subject.txt", context).split())
    body = render_to_string(f"surveys/letters/{letter.kind}.txt", context)
    return EmailMessage(subject=subject, body=body, to=[contact.email], connection=mail)


def due_reminders(*, study: Study, after_days: int = 7, most: int = 2, now: datetime | None = None) -> list[Invitation]:
    """The latest open link of everybody who may be reminded.

    Not finished, not declined, an address kept, the last letter sent at least `after_days` days ago and not come back,
    and fewer than `most` reminders so far. With recruitment closed only those who have begun, after reading nobody.
    """
    now = now or timezone.now()
    protocol = StudyProtocol.objects.filter(study=study).first()
    if protocol is None or has_ended(study):
        return []
    readers = (
        Reader.objects.filter(study=study, kind=Reader.Kind.HUMAN, simulated=False)
        .exclude(contact=None).exclude(contact__email="").exclude(reply__agreed=False)
        .exclude(responses__finished_at__isnull=False)
        .prefetch_related("invitations__letters")
    )  # fmt: skip
    if protocol.recruitment_closed_at:
        readers = readers.exclude(responses=None)
    due = []
    for reader in readers:
        links = [row for row in reader.invitations.all() if row.is_open(now)]
        letters = sorted((letter for row in reader.invitations.all() for letter in row.letters.all()),
                         key=lambda letter: letter.pk)  # fmt: skip
        reminders = sum(letter.kind == Letter.Kind.REMINDER for letter in letters)
        sent = [letter for letter in letters if letter.state != Letter.State.FAILED]
        if not links or not sent or reminders >= most or sent[-1].state != Letter.State.SENT:
            continue
        if sent[-1].settled_at <= now - timedelta(days=after_days):
            due.append(max(links, key=lambda row: (row.created_at, row.pk)))
    return due


def send_reminders(*, study: Study, after_days: int = 7, most: int = 2, user=None) -> int:
    """Remind everybody who is due (`due_reminders` says who that is); returns how many letters were queued."""
    due = due_reminders(study=study, after_days=after_days, most=most)
    queue_letters(study=study, invitations=due, kind=Letter.Kind.REMINDER, user=user)
    return len(due)


def record_bounce(*, reader: Reader, problem: str = "") -> Letter:
    """Note that the last letter sent to `reader` came back. Without such a letter ValidationError is raised."""
    letters = Letter.objects.filter(invitation__reader=reader)
    last = letters.filter(state__in=[Letter.State.SENT, Letter.State.BOUNCED]).order_by("-pk").first()
    if last is None:
        raise ValidationError(f"No letter was sent to {reader}, so none can have come back.")
    if last.state == Letter.State.SENT:
        _settle(last, Letter.State.BOUNCED, problem[:300])
    return last
