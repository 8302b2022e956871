"""Many invitations at once, and what people answered to them."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Study
from surveys.models import Invitation, Letter, Reader, Reply, Seat
from surveys.services.recruiting.invitation_list import Invitee, read_invitation_list

from .invitations import invite, revoke_invitation
from .letters import queue_letters


@dataclass(frozen=True)
class Invited:
    """One person of a list: the row, the invitation, and the raw token of its link, which is kept nowhere."""

    invitee: Invitee
    invitation: Invitation
    raw: str


def invite_many(*, study: Study, data: bytes, send: bool, user=None) -> list[Invited]:
    """Invite everybody in a CSV list (`read_invitation_list` says what it holds), all or nobody.

    With `send` each gets a letter through the worker; without it the caller shows the links, once. Rows that cannot be
    used are all named in one ValidationError, and then nobody is invited.
    """
    with transaction.atomic():
        Study.objects.select_for_update(no_key=True).get(pk=study.pk)
        listed = read_invitation_list(study, data)
        if listed.errors:
            raise ValidationError([f"Line {line}: {wrong}." for line, wrong in listed.errors])
        done = []
        for row in listed.invitees:
            invitation, raw = invite(group=row.group, survey=row.survey, name=row.name, email=row.email)
            done.append(Invited(row, invitation, raw))
        if send:
            invitations = [row.invitation for row in done]
            queue_letters(study=study, invitations=invitations, kind=Letter.Kind.INVITATION, user=user)
        return done


def record_reply(*, reader: Reader, agreed: bool) -> Reply:
    """Note that an invited person agreed or declined. Declining closes the links and frees a seat not started yet."""
    if reader.kind != Reader.Kind.HUMAN:
        raise ValidationError(f"{reader} is a network and cannot be asked.")
    with transaction.atomic():
        reply, _ = Reply.objects.update_or_create(
            reader=reader, defaults={"agreed": agreed, "given_at": timezone.now()}
        )
        if not agreed and not reader.seats.filter(state=Seat.State.STARTED).exists():
            for invitation in reader.invitations.filter(revoked_at=None):
                revoke_invitation(invitation=invitation)
        return reply
