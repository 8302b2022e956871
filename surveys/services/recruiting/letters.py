"""Letters to readers: invitations and reminders by e-mail, each sent at most once, its fate recorded."""

import logging
import smtplib
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urljoin

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from imagebank.jobs import queue_job, retry_job
from imagebank.models import Job, Membership, Study
from surveys.languages import language_of_words, words_of
from surveys.models import Invitation, Letter, Reader, ReaderContact, ReaderGroup, StudyProtocol, SurveyResponse

from ..ending.closing import has_ended, require_link_of_use
from ..ending.debriefing import finished_sittings, standing_release
from .invitations import add_link
from .letter_words import fill_letter

logger = logging.getLogger(__name__)
SEND_LETTERS = "surveys.letters"
SAMPLE_NAME, SAMPLE_TOKEN = "Dr. Ada Example", "this-link-is-an-example"
NOBODYS_NAME = {"en": "colleague", "de": "Kollegin, lieber Kollege"}
DAYS_OF_TRYING = 3
LOST = "The worker stopped while this letter was being sent; whether it left is not known."


def queue_letters(*, study: Study, invitations: Iterable[Invitation], kind: str, user=None) -> Job | None:
    """Write down one letter per invitation and hand them to the worker; None when there is nothing to send."""
    with transaction.atomic():
        letters = Letter.objects.bulk_create(Letter(invitation=invitation, kind=kind) for invitation in invitations)
        if not letters:
            return None
        return queue_job(study=study, kind=SEND_LETTERS, title=f"Send {_number(len(letters))}", user=user)


def _number(letters: int) -> str:
    return f"{letters} letter{'' if letters == 1 else 's'}"


def send_again(*, reader: Reader, user=None) -> Job:
    """Send the invitation once more, for a letter that failed or was lost. Without address or open link ValidationError."""
    if not ReaderContact.objects.filter(reader=reader).exclude(email="").exists():
        raise ValidationError(f"No e-mail address is kept for {reader}.")
    invitation = reader.invitations.open().order_by("-created_at", "-pk").first()
    if invitation is None:
        raise ValidationError(f"No link of {reader} is open; make a new one first.")
    require_link_of_use(reader.study, begun=reader.responses.exists())
    return queue_letters(study=reader.study, invitations=[invitation], kind=Letter.Kind.INVITATION, user=user)


def resume_letters(*, study: Study, user=None) -> Job | None:
    """Give the worker the letters of `study` that still wait; None when none does, or when it has them already."""
    if study.archived_at or study.leaving_at or not Letter.objects.of_study(study).waiting().exists():
        return None
    jobs = study.jobs.filter(kind=SEND_LETTERS)
    if jobs.active().exists():
        return None
    last = jobs.first()
    if last is not None and last.state == Job.State.FAILED:  # one row for one trouble, however often it is tried
        return retry_job(job=last)
    return queue_job(study=study, kind=SEND_LETTERS, title="Send waiting letters", user=user)


@dataclass(frozen=True)
class Posted:
    """What became of the letters: how many left, failed for good, and wait on, and why those wait."""

    sent: int
    failed: int
    waiting: int
    problem: str = ""


def send_waiting_letters(*, study: Study, progress: Callable[[int, int], None] | None = None) -> Posted:
    """Send every waiting letter of `study` and say what became of them.

    A letter is marked before it is sent, so that a run after a crash never sends one twice: what was under way then is
    reported as of unknown fate. One that the mail server certainly did not take, because it could not be reached or
    said "later", waits on with the reason, for DAYS_OF_TRYING at most.
    """
    Letter.objects.of_study(study).filter(state=Letter.State.SENDING).update(
        state=Letter.State.FAILED, problem=LOST, settled_at=timezone.now()
    )
    waiting = list(Letter.objects.of_study(study).waiting().select_related("invitation__reader__group__study__protocol"))
    fates: Counter = Counter()
    problem = ""
    with closing(get_connection()) as mail:
        for done, letter in enumerate(waiting):
            if progress:
                progress(done, len(waiting))
            try:
                mail.open()  # does nothing while it is open; after a failure it was closed
            except (smtplib.SMTPException, OSError) as failure:
                fates.update(_put_off(row, _problem(failure)) for row in waiting[done:])
                problem = _problem(failure)
                break
            fates[_send(letter, mail)] += 1
            problem = letter.problem if letter.state == Letter.State.WAITING else problem
    if progress:
        progress(len(waiting), len(waiting))
    return Posted(fates[Letter.State.SENT], fates[Letter.State.FAILED], fates[Letter.State.WAITING], problem)


def _send(letter: Letter, mail) -> str:
    """Send one letter; returns its state then."""
    if not Letter.objects.filter(pk=letter.pk, state=Letter.State.WAITING).update(state=Letter.State.SENDING):
        return ""
    try:
        message, added = _message(letter, mail)
    except ValidationError as refusal:
        return _settle(letter, Letter.State.FAILED, refusal.messages[0])
    try:
        message.send()
    except (smtplib.SMTPException, OSError) as failure:
        mail.close()
        # The exception's own words name the address, which belongs in the vault alone.
        if _says_later(failure):
            Invitation.objects.filter(pk=added.pk, response=None).delete()  # its link was seen by nobody
            return _put_off(letter, _problem(failure))
        return _settle(letter, Letter.State.FAILED, _problem(failure))
    return _settle(letter, Letter.State.SENT)


def _says_later(failure: Exception) -> bool:
    """Whether the mail server answered that it does not take the letter now: a code from 400 to 499."""
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        return all(400 <= code < 500 for code, _ in failure.recipients.values())
    return isinstance(failure, smtplib.SMTPResponseException) and 400 <= failure.smtp_code < 500


def _put_off(letter: Letter, problem: str) -> str:
    """Let a letter wait on, with the reason; one that has waited for days fails."""
    if letter.created_at < timezone.now() - timedelta(days=DAYS_OF_TRYING):
        return _settle(letter, Letter.State.FAILED, f"{problem} It was tried for {DAYS_OF_TRYING} days.")
    letter.state, letter.problem = Letter.State.WAITING, problem
    letter.save(update_fields=["state", "problem"])
    return letter.state


def _settle(letter: Letter, state: str, problem: str = "") -> str:
    letter.state, letter.problem, letter.settled_at = state, problem, timezone.now()
    letter.save(update_fields=["state", "problem", "settled_at"])
    return state


def _problem(failure: Exception) -> str:
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        codes = sorted({code for code, _ in failure.recipients.values()})
        return f"The mail server refused the address ({', '.join(map(str, codes))})."
    if isinstance(failure, smtplib.SMTPResponseException):
        return f"The mail server refused the letter ({failure.smtp_code})."
    return f"The mail server could not be used ({type(failure).__name__})."


def _message(letter: Letter, mail) -> tuple[EmailMessage, Invitation]:
    """The letter, with a link of its own, and the invitation that the link stands for."""
    reader = letter.invitation.reader
    contact = ReaderContact.objects.filter(reader=reader).exclude(email="").first()
    if contact is None:
        raise ValidationError(f"No e-mail address is kept for {reader}.")
    invitation, raw = add_link(invitation=letter.invitation)
    words = letter_of(
        kind=letter.kind,
        group=reader.group,
        name=contact.name,
        token=raw,
        expires_at=invitation.expires_at,
        started=SurveyResponse.objects.filter(invitation=invitation).exists(),
    )
    message = EmailMessage(
        subject=words.subject, body=words.body, to=[contact.email], connection=mail, reply_to=answered_by(reader.study)
    )  # fmt: skip
    return message, invitation


def answered_by(study: Study) -> list[str]:
    """To whom an answer to a letter goes: the coordinators of the study, where their accounts have an address.

    Letters say that an answer is enough to decline or to be erased; the site's own address, which all studies share, is not read by them.
    """
    coordinators = study.members.filter(role=Membership.Role.COORDINATOR, user__is_active=True).exclude(user__email="")
    return list(coordinators.order_by("pk").values_list("user__email", flat=True))


@dataclass(frozen=True)
class LetterWords:
    """A letter as somebody gets it."""

    subject: str
    body: str


def letter_of(
    *, kind: str, group: ReaderGroup, name: str, token: str, expires_at: datetime, started: bool = False
) -> LetterWords:
    """The letter of `kind` to one person: in the study's own words, where it has any for an invitation, or in ours."""
    study = group.study
    protocol = study.protocol
    context = {
        "study": study,
        "protocol": protocol,
        "name": " ".join(name.split()),
        "link": urljoin(settings.SITE_URL, reverse("surveys:landing", kwargs={"token": token})),
        "expires_at": expires_at,
        "started": started,
    }
    language = language_of_words(protocol)

    def ours(part: str) -> str:
        return render_to_string([f"surveys/letters/{language}/{part}.txt", f"surveys/letters/{part}.txt"], context)

    with words_of(protocol):  # months and the like, too
        subject, body = ours(f"{kind}_subject"), ours(kind)
        until = date_format(localtime(expires_at), "DATETIME_FORMAT" if language != "en" else "j F Y, H:i e")
    if kind == Letter.Kind.INVITATION:
        facts = {
            "name": context["name"] or NOBODYS_NAME.get(language, NOBODYS_NAME["en"]), "study": study.title,
            "link": context["link"], "expires": until, "deadline": until, "group": group.singular,
            "group_plural": group.plural,
        }  # fmt: skip
        subject = fill_letter(protocol.invitation_subject, facts) if protocol.invitation_subject else subject
        body = fill_letter(protocol.invitation_body, facts) if protocol.invitation_body else body
    return LetterWords(" ".join(subject.split()), body)


def sample_letter(*, kind: str, group: ReaderGroup) -> LetterWords:
    """The letter as a made-up reader of `group` would get it. Its link opens nothing."""
    days = timedelta(days=group.study.protocol.invitation_days)
    return letter_of(kind=kind, group=group, name=SAMPLE_NAME, token=SAMPLE_TOKEN, expires_at=timezone.now() + days)


def send_test_letter(*, kind: str, group: ReaderGroup, to: str) -> str:
    """Send the sample to one address at once, marked as a test; returns the address. What stands against it raises ValidationError."""
    if not to:
        raise ValidationError("Your account has no e-mail address; an administrator can add it.")
    words = sample_letter(kind=kind, group=group)
    try:
        EmailMessage(subject=f"[Test] {words.subject}", body=words.body, to=[to], reply_to=answered_by(group.study)).send()
    except (smtplib.SMTPException, OSError) as failure:
        raise ValidationError(f"{_problem(failure)} Letters to readers would fail in the same way.") from failure
    return to


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


def due_results(*, study: Study) -> list[Invitation]:
    """The link of everybody who can be told that results are ready: finished, an address kept, and not told since the release."""
    release = standing_release(study)
    if release is None:
        return []
    told = Letter.objects.of_study(study).filter(kind=Letter.Kind.RESULTS, created_at__gte=release.released_at)
    told = told.exclude(state__in=[Letter.State.FAILED, Letter.State.BOUNCED]).values("invitation__reader")
    sittings = finished_sittings(study).filter(simulated=False, invitation__revoked_at=None).exclude(reader__in=told)
    sittings = sittings.exclude(reader__contact=None).exclude(reader__contact__email="").order_by("reader", "-finished_at")
    first = {sitting.reader_id: sitting.invitation for sitting in sittings.select_related("invitation")}
    return list(first.values())


def send_results(*, study: Study, user=None) -> int:
    """Tell everybody who is due (`due_results` says who that is) that the results are ready; returns how many letters were queued."""
    with transaction.atomic():
        Study.objects.select_for_update().get(pk=study.pk)
        due = due_results(study=study)
        queue_letters(study=study, invitations=due, kind=Letter.Kind.RESULTS, user=user)
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
