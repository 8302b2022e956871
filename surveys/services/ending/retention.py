"""How long names and addresses of readers are kept after reading was closed, where the study says so."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Study
from imagebank.services.trail import note_deed
from surveys.models import ReaderContact, StudyProtocol

from ..recruiting.invitations import erase_contacts

SHORTEST_DAYS, LONGEST_DAYS = 1, 3650


def clean_kept_days(contacts: Mapping) -> int | None:
    """The days of a preset's table `contacts`, None where it says none; anything else in it raises ValidationError."""
    unknown = sorted(set(contacts) - {"kept_days"})
    days = contacts.get("kept_days")
    whole = days is None or (isinstance(days, int) and not isinstance(days, bool) and SHORTEST_DAYS <= days <= LONGEST_DAYS)
    if unknown or not whole:
        found = ", ".join(unknown) if unknown else f"kept_days = {days!r}"
        raise ValidationError(
            f"The table contacts says kept_days, a whole number of days from {SHORTEST_DAYS} to {LONGEST_DAYS:,} after reading was "
            f"closed; found {found}. Leave it out to erase names by hand."
        )
    return days


def keep_contacts_for(*, study: Study, days: int | None, user=None) -> StudyProtocol:
    """Say that names and addresses are erased `days` days after reading was closed; None: by hand only.

    A number whose day has passed already raises ValidationError: a press that erases at once is another one.
    """
    with transaction.atomic():
        protocol = StudyProtocol.objects.select_for_update().filter(study=study).first()
        if protocol is None:
            raise ValidationError(f"Nobody reads in {study.title}: it has no set-up, so no names are kept.")
        if days is not None and not SHORTEST_DAYS <= days <= LONGEST_DAYS:
            raise ValidationError(f"Between {SHORTEST_DAYS} and {LONGEST_DAYS:,} days are needed; {days:,} were given.")
        if days == protocol.contacts_kept_days:
            return protocol
        protocol.contacts_kept_days = days
        due = erasure_due_at(protocol)
        if due is not None and due <= timezone.now():
            raise ValidationError(
                f"Reading was closed on {timezone.localtime(protocol.reading_closed_at):%-d %B %Y}, more than {_days(days)} ago. "
                "Choose a day that is still to come, or erase the names under Readers."
            )
        protocol.save(update_fields=["contacts_kept_days"])
        until = "until somebody erases them" if days is None else f"until {_days(days)} after reading is closed"
        note_deed(study=study, deed=f"names and e-mails are kept {until}", user=user)
    return protocol


def erasure_due_at(protocol: StudyProtocol | None) -> datetime | None:
    """When names and addresses are erased by themselves; None while reading is open, and where the study says nothing."""
    if protocol is None or protocol.contacts_kept_days is None or protocol.reading_closed_at is None:
        return None
    return protocol.reading_closed_at + timedelta(days=protocol.contacts_kept_days)


def erase_when_due(*, study: Study, now: datetime | None = None) -> int:
    """Erase the names and addresses of `study` when its day has come; returns how many were."""
    with transaction.atomic():
        protocol = StudyProtocol.objects.select_for_update().filter(study=study).first()
        due = erasure_due_at(protocol)
        if due is None or (now or timezone.now()) < due:
            return 0
        return erase_contacts(study=study, why=f"{_days(protocol.contacts_kept_days)} after reading was closed")


def studies_that_keep_too_long(now: datetime | None = None) -> list[Study]:
    """The studies, archived ones too, whose day has come and that still hold a name."""
    holding = ReaderContact.objects.values("reader__study")
    protocols = StudyProtocol.objects.filter(
        study__in=holding, study__leaving_at=None, contacts_kept_days__isnull=False, reading_closed_at__isnull=False
    )
    now = now or timezone.now()
    return [row.study for row in protocols.select_related("study") if erasure_due_at(row) <= now]


def _days(number: int) -> str:
    return f"{number:,} day{'' if number == 1 else 's'}"
