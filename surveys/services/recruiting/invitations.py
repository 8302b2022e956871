"""Personal links: made once, shown once, kept as a hash, closed at will."""

import hashlib
import secrets
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Study
from imagebank.services.trail import note_deed
from surveys.models import Invitation, Reader, ReaderContact, ReaderGroup, Seat, StudyProtocol, Survey, SurveyResponse

from ..ending.closing import has_ended, require_link_of_use
from .seats import hold_group, set_seat

OPENED_WITH = ("reader__study__protocol", "response")  # what every save needs; each table more costs every one of them


class InvitationClosed(Exception):
    """A link that lets nobody in; `reason` is unknown, revoked, withdrawn, expired, full or ended. protocol: of a known one's study."""

    def __init__(self, reason: str, protocol: StudyProtocol | None = None):
        super().__init__(reason)
        self.reason, self.protocol = reason, protocol


def token_sha256(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def invite(
    *,
    seat: Seat | None = None,
    survey: Survey | None = None,
    group: ReaderGroup | None = None,
    reader: Reader | None = None,
    name: str = "",
    email: str = "",
    simulated: bool = False,
    days: int | None = None,
) -> tuple[Invitation, str]:
    """Make a personal link and return it with its raw token, which is stored nowhere.

    With a seat (or survey and group) that seat is reserved; with a group alone the reader takes a free seat when
    reading starts, so that more people can be invited than there are seats. Without `reader` a new one is made, its
    name and address apart from it. With the reader who already holds the seat this is a new link to the same sitting,
    and the earlier link closes. A seat that is not free, or held by somebody else, raises ValidationError.
    """
    if seat is None and group is None:
        raise ValidationError("An invitation needs a seat, a survey and a group, or a group alone.")
    with transaction.atomic():
        group = hold_group(group.pk if group else seat.group_id)
        if group.kind != ReaderGroup.Kind.HUMAN:
            raise ValidationError(f"{group.plural} are networks and cannot be invited.")
        require_link_of_use(group.study, begun=reader is not None and reader.responses.exists())
        if reader is not None and reader.group_id != group.pk:
            raise ValidationError(f"{reader} belongs to {reader.group.plural}, the seat to {group.plural}.")
        if seat is None and survey is not None:
            seat = Seat.objects.live().get(survey=survey, group=group)
        reader = reader or _new_reader(group, name, email, simulated)
        if seat is not None:
            seat = _reserve(seat, reader)
        raw = secrets.token_urlsafe(32)
        days = group.study.protocol.invitation_days if days is None else days
        invitation = Invitation.objects.create(
            reader=reader,
            seat=seat,
            token_sha256=token_sha256(raw),
            expires_at=timezone.now() + timedelta(days=days),
        )
        if seat is not None:
            _close_earlier_links(invitation)
        return invitation, raw


def _close_earlier_links(invitation: Invitation) -> None:
    """One link per seat: a new one closes the earlier ones and carries a sitting that has begun."""
    earlier = Invitation.objects.filter(seat=invitation.seat, revoked_at=None).exclude(pk=invitation.pk)
    earlier.update(revoked_at=timezone.now())
    SurveyResponse.objects.filter(seat=invitation.seat, finished_at=None).update(invitation=invitation)


def add_link(*, invitation: Invitation) -> tuple[Invitation, str]:
    """Another link for the reader of `invitation`; earlier ones go on working and lead to the same sitting.

    For letters: a reminder needs a link, and only hashes of the earlier ones are kept. An invitation that was closed
    raises ValidationError.
    """
    with transaction.atomic():
        earlier = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if earlier.revoked_at is not None:
            raise ValidationError(f"The links of {earlier.reader} were closed; invite this reader again.")
        finished = has_finished(earlier)
        require_link_of_use(earlier.reader.study, begun=earlier.reader.responses.exists(), finished=finished)
        raw = secrets.token_urlsafe(32)
        days = earlier.reader.study.protocol.invitation_days
        added = Invitation.objects.create(
            reader=earlier.reader,
            seat=earlier.seat,
            token_sha256=token_sha256(raw),
            expires_at=timezone.now() + timedelta(days=days),
        )
        if earlier.seat_id is not None:
            SurveyResponse.objects.filter(seat=earlier.seat, reader=earlier.reader).update(invitation=added)
        return added, raw


def has_finished(invitation: Invitation) -> bool:
    """Whether the sitting that this link leads to is sealed whole."""
    sittings = SurveyResponse.objects.filter(reader=invitation.reader_id, seat=invitation.seat_id, finished_at__isnull=False)
    return invitation.seat_id is not None and sittings.exists()


def renew_invitation(*, invitation: Invitation) -> tuple[Invitation, str]:
    """A new link in place of all earlier ones of this reader to this seat, for a reader who lost theirs."""
    with transaction.atomic():
        if invitation.seat_id is not None and not has_finished(invitation):
            return invite(seat=invitation.seat, reader=invitation.reader)
        added, raw = add_link(invitation=invitation)
        _same_way_in(invitation).exclude(pk=added.pk).update(revoked_at=timezone.now())
        return added, raw


def _same_way_in(invitation: Invitation):
    """The open links of the same reader to the same seat, or to none yet."""
    return Invitation.objects.filter(reader=invitation.reader_id, seat=invitation.seat_id, revoked_at=None)


def _new_reader(group: ReaderGroup, name: str, email: str, simulated: bool) -> Reader:
    known = ReaderContact.objects.filter(reader__study=group.study, email__iexact=email).first() if email else None
    if known is not None:
        raise ValidationError(f"{email} was invited before, as {known.reader}; send that letter again, or make a new link there.")
    number = group.readers.count() + 1
    reader = Reader(study=group.study, group=group, code=f"{group.prefix}{number:02d}", simulated=simulated)
    reader.full_clean()
    reader.save()
    if name or email:
        contact = ReaderContact(reader=reader, name=name, email=email)
        contact.full_clean()
        contact.save()
    return reader


def _reserve(seat: Seat, reader: Reader) -> Seat:
    seat = Seat.objects.select_for_update().get(pk=seat.pk)
    if seat.state in (Seat.State.RESERVED, Seat.State.STARTED) and seat.reader_id == reader.pk:
        return seat
    if seat.state != Seat.State.FREE:
        raise ValidationError(
            f"The seat of a {seat.group.singular} at {seat.survey} is {seat.get_state_display().lower()}, not free. "
            "Choose a free seat or replace this one first."
        )
    return set_seat(seat, Seat.State.RESERVED, reader)


def open_invitation(raw: str) -> Invitation:
    """Find the invitation of a raw token. Looking changes nothing, so mail scanners may look too.

    Unknown, revoked and expired links raise InvitationClosed, as does every one once reading has ended, and that of who
    has not begun once recruitment has; who has finished may still see the last page.
    """
    invitations = Invitation.objects.filter(token_sha256=token_sha256(raw)).order_by()
    invitation = invitations.select_related(*OPENED_WITH).first()
    if invitation is None:
        raise InvitationClosed("unknown")
    protocol = invitation.reader.study.protocol
    if invitation.revoked_at is not None:
        raise InvitationClosed("withdrawn" if hasattr(invitation.reader, "withdrawal") else "revoked", protocol)
    response = getattr(invitation, "response", None)
    if response is None:
        latest = _same_way_in(invitation).select_related(*OPENED_WITH).order_by("-created_at", "-pk").first()
        if latest is not None and latest.pk != invitation.pk and invitation.is_open():
            invitation, response = latest, getattr(latest, "response", None)
    if response is not None and response.finished_at and invitation.reader.study.leaving_at is None:
        return invitation
    if has_ended(invitation.reader.study):
        raise InvitationClosed("ended", protocol)
    if response is None and invitation.reader.study.protocol.recruitment_closed_at is not None:
        raise InvitationClosed("full", protocol)
    if not invitation.is_open():
        raise InvitationClosed("expired", protocol)
    return invitation


def revoke_invitation(*, invitation: Invitation) -> Invitation:
    """Close a reader's way to a seat for good: this link and those that letters added beside it.

    A second time changes nothing. A seat only reserved by it becomes free again.
    """
    with transaction.atomic():
        hold_group(invitation.reader.group_id)
        invitation = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if invitation.revoked_at is None:
            now = timezone.now()
            _same_way_in(invitation).update(revoked_at=now)
            invitation.revoked_at = now
            _free_if_only_reserved(invitation)
        return invitation


def _free_if_only_reserved(invitation: Invitation) -> None:
    if invitation.seat_id is None:
        return
    seat = Seat.objects.select_for_update().get(pk=invitation.seat_id)
    others = seat.invitations.open()
    if seat.state == Seat.State.RESERVED and seat.reader_id == invitation.reader_id and not others.exists():
        set_seat(seat, Seat.State.FREE)


def erase_contact(*, reader: Reader, user=None) -> bool:
    """Delete a reader's name and address; reader, seat and answers stay. Returns whether there was anything.

    That it was done, and by whom, is noted under the reader's code.
    """
    with transaction.atomic():
        deleted, _ = ReaderContact.objects.filter(reader=reader).delete()
        if deleted:
            note_deed(study=reader.study, deed=f"name and e-mail of {reader} erased", user=user)
    return bool(deleted)


def erase_contacts(*, study: Study, user=None, why: str = "") -> int:
    """Delete the name and address of every reader of `study`, when nobody needs to be written to any more.

    `why` goes with what is noted of it.
    """
    with transaction.atomic():
        _, deleted = ReaderContact.objects.filter(reader__study=study).delete()
        erased = deleted.get("surveys.ReaderContact", 0)
        if erased:
            deed = f"names and e-mails of {erased} reader{'' if erased == 1 else 's'} erased{why and ', '}{why}"
            note_deed(study=study, deed=deed, user=user)
    return erased
