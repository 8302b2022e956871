"""A reader withdraws: what was answered is deleted, that somebody withdrew is kept."""

import logging

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet

from imagebank.models import Study
from imagebank.services.trail import note_deed
from surveys.models import Answer, Invitation, Reader, Seat, SurveyResponse, ViewingEvent, Withdrawal

from ..recruiting.invitations import revoke_invitation
from ..recruiting.seats import give_up_seat, hold_group, set_seat
from .others import forget_unseen

logger = logging.getLogger(__name__)


def withdraw_reader(*, reader: Reader, user=None) -> Withdrawal:
    """Delete every answer of `reader`, what the screen did, and what was said about the person; close the links.

    The seat is free again for somebody else, or goes to another complete sitting of it. Name and address stay until
    they are erased. Again returns what was noted the first time. A reader who has not begun raises ValidationError, as
    does a network.
    """
    if reader.kind != Reader.Kind.HUMAN:
        raise ValidationError(f"{reader} is a network and cannot withdraw.")
    with transaction.atomic():
        # The study first, in which results may be released just now; then as everybody who changes who sits where.
        Study.objects.select_for_update(no_key=True).get(pk=reader.study_id)
        hold_group(reader.group_id)
        Reader.objects.select_for_update().get(pk=reader.pk)
        done = Withdrawal.objects.filter(reader=reader).first()
        if done:
            return done
        forget_unseen(reader)
        list(Invitation.objects.select_for_update().filter(reader=reader).order_by("pk"))
        # Locked, so that what is being saved just now is saved and deleted, or not saved; nothing keeps a sitting from going.
        responses = list(
            SurveyResponse.objects.select_for_update(of=("self",)).filter(reader=reader).select_related("survey", "group", "seat").order_by("pk")
        )
        if not responses:
            raise ValidationError(f"{reader} has not begun to read; note that this person declined instead.")
        deleted = sum(_delete(response) for response in responses)
        for invitation in Invitation.objects.filter(reader=reader, revoked_at=None):
            revoke_invitation(invitation=invitation)
        note_deed(study=reader.study, deed=f"{reader} withdrew, {deleted} answers deleted", user=user)
        logger.info("Reader %s of %s withdrew: %d answers deleted.", reader.code, reader.study.slug, deleted)
        return Withdrawal.objects.create(reader=reader, answers=deleted)


def _delete(response: SurveyResponse) -> int:
    """Delete one sitting whole, so that no chain of hashes is left with a gap; returns its number of answers."""
    # The history's own managers refuse to delete. Here a person asks for it.
    QuerySet(ViewingEvent).filter(survey_response=response).delete()
    deleted, _ = QuerySet(Answer).filter(survey_response=response).delete()
    response.block_sittings.all().delete()
    seat, was_analysed = response.seat, response.analysed
    response.delete()
    _pass_on(seat, was_analysed)
    return deleted


def _pass_on(seat: Seat | None, was_analysed: bool) -> None:
    if seat is None:
        return
    seat = Seat.objects.select_for_update().get(pk=seat.pk)
    rivals = SurveyResponse.objects.complete().filter(survey=seat.survey, group=seat.group, seat__isnull=False)
    following = rivals.order_by("completed_at", "pk").first() if was_analysed else None
    if following is not None:
        following.analysed = True
        following.save(update_fields=["analysed"])
    if seat.state not in (Seat.State.STARTED, Seat.State.COMPLETE):
        return
    if following is None:
        give_up_seat(seat)
    else:
        set_seat(seat, Seat.State.REPLACED, seat.reader)
        set_seat(Seat.objects.select_for_update().get(pk=following.seat_id), Seat.State.COMPLETE, following.reader)
