"""Seats: one live place per survey and reader group, never filled twice, never lost."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from imagebank.models import Study
from surveys.models import Invitation, ReaderGroup, Seat, Survey


def hold_group(pk: int) -> ReaderGroup:
    """Lock a reader group's row, and return it. Call inside a transaction, before any other row of its readers is locked.

    Whoever changes who sits where holds it: so two presses at once wait for each other in one order, and never for each other.
    """
    return ReaderGroup.objects.select_for_update(no_key=True).get(pk=pk)


def create_seats(*, group: ReaderGroup) -> int:
    """Make the missing seats of `group`, one per survey of its study; returns how many were made."""
    if group.kind != ReaderGroup.Kind.HUMAN:
        raise ValidationError(f"{group.plural} are networks and take no seats; their answers are recorded at once.")
    with transaction.atomic():
        hold_group(group.pk)
        seated = Seat.objects.live().filter(group=group).values("survey")
        surveys = Survey.objects.filter(survey_set__study=group.study).exclude(pk__in=seated)
        return len(Seat.objects.bulk_create(Seat(survey=survey, group=group) for survey in surveys))


def take_free_seat(group: ReaderGroup) -> Seat | None:
    """The free seat of the lowest survey number, or None. Call inside a transaction that holds the group's row."""
    return Seat.objects.free().filter(group=group).order_by("survey__number").first()


def set_seat(seat: Seat, state: str, reader=None) -> Seat:
    """Write a seat's new state and holder. Call inside a transaction that holds the seat's row."""
    seat.state, seat.reader, seat.changed_at = state, reader, timezone.now()
    seat.save(update_fields=["state", "reader", "changed_at"])
    return seat


def replace_seat(*, seat: Seat, let_reader_finish: bool = False) -> Seat:
    """Close a reserved or started seat and return the free one that takes its place.

    The reader's link stops working unless `let_reader_finish`; what was answered stays either way. When that reader
    then completes before the successor, the first complete response is analysed. Free and complete seats are refused.
    """
    with transaction.atomic():
        hold_group(seat.group_id)
        seat = Seat.objects.select_for_update().get(pk=seat.pk)
        if seat.state not in (Seat.State.RESERVED, Seat.State.STARTED):
            raise ValidationError(
                f"Only an invited or started seat can be replaced; this one is {seat.get_state_display().lower()}."
            )
        if not let_reader_finish:
            Invitation.objects.filter(seat=seat, revoked_at=None).update(revoked_at=timezone.now())
        return give_up_seat(seat)


def give_up_seat(seat: Seat) -> Seat:
    """Turn a held seat into history and put a free one beside it. Call inside a transaction that holds its row."""
    set_seat(seat, Seat.State.REPLACED, seat.reader)
    return Seat.objects.create(survey=seat.survey, group=seat.group)


def release_expired_seats(*, study: Study, now: datetime | None = None) -> int:
    """Free the seats whose every link has expired or was revoked; returns how many.

    A seat that was never started becomes free again; a started one is replaced and its answers stay.
    """
    now = now or timezone.now()
    held = Seat.objects.of_study(study).filter(state__in=[Seat.State.RESERVED, Seat.State.STARTED])
    open_seats = Invitation.objects.open(now).exclude(seat=None).values("seat")
    released = 0
    for pk, group in held.exclude(pk__in=open_seats).values_list("pk", "group"):
        with transaction.atomic():
            hold_group(group)
            seat = Seat.objects.select_for_update().get(pk=pk)
            still_open = seat.invitations.open(now).exists()
            if still_open or seat.state not in (Seat.State.RESERVED, Seat.State.STARTED):
                continue
            if seat.state == Seat.State.STARTED:
                give_up_seat(seat)
            else:
                set_seat(seat, Seat.State.FREE)
            released += 1
    return released
