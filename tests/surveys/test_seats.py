"""Promises about seats: never filled twice, never lost."""

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connections
from django.utils import timezone

from surveys.models import Invitation, Seat, SurveyResponse
from surveys.services import invite, open_invitation, release_expired_seats, replace_seat, start_response
from tests.surveys.sitting import begin, read_all
from tests.surveys.study import group, make_surveyed_study, survey


def start(raw):
    return start_response(invitation=open_invitation(raw))


@pytest.mark.django_db
def test_every_survey_has_one_seat_per_group_of_people(study):
    seats = Seat.objects.of_study(study)
    assert seats.count() == 8
    assert set(seats.values_list("group__code", flat=True)) == {"geneticist", "pediatrician"}


@pytest.mark.django_db
def test_a_reserved_seat_is_not_given_twice(study):
    invite(survey=survey(study), group=group(study))
    with pytest.raises(ValidationError, match="is invited, not free"):
        invite(survey=survey(study), group=group(study))


@pytest.mark.django_db
def test_more_may_be_invited_than_there_are_seats_but_only_seats_are_filled(study):
    links = [invite(group=group(study))[1] for _ in range(6)]
    taken = [start(raw).seat_id for raw in links[:4]]
    assert len(set(taken)) == 4
    with pytest.raises(ValidationError, match="All places"):
        start(links[4])
    assert start(links[0]).seat_id == taken[0], "coming back resumes"


@pytest.mark.django_db
def test_a_lost_link_is_renewed_and_leads_to_the_same_sitting(study):
    response = begin(study)
    invitation, raw = invite(seat=response.seat, reader=response.reader)
    assert start(raw) == response
    assert open_invitation(raw).response == response
    assert list(response.seat.invitations.filter(revoked_at=None)) == [invitation]
    assert response.seat.invitations.count() == 2


@pytest.mark.django_db
def test_an_expired_reservation_frees_its_seat_and_an_expired_start_is_replaced(study):
    invite(survey=survey(study, 1), group=group(study))
    started = begin(study, 2)
    kept = begin(study, 3)
    past = timezone.now() - timedelta(days=1)
    Invitation.objects.exclude(seat=kept.seat).update(expires_at=past)
    assert release_expired_seats(study=study) == 2
    assert survey(study, 1).seats.get(group=group(study)).state == "free"
    assert set(survey(study, 2).seats.filter(group=group(study)).values_list("state", flat=True)) == {
        "replaced", "free",
    }  # fmt: skip
    assert SurveyResponse.objects.filter(pk=started.pk).exists()
    assert release_expired_seats(study=study) == 0


@pytest.mark.django_db
def test_the_first_complete_sitting_is_analysed_and_a_later_one_is_kept(study):
    early = begin(study)
    replace_seat(seat=early.seat, let_reader_finish=True)
    later = begin(study)
    assert read_all(later).analysed
    extra = read_all(early)
    assert extra.completed_at
    assert not extra.analysed
    assert Seat.objects.live().filter(survey=survey(study), group=group(study)).get() == later.seat


@pytest.mark.django_db
def test_a_replaced_reader_who_completes_first_closes_the_unused_successor(study):
    early = begin(study)
    successor = replace_seat(seat=early.seat, let_reader_finish=True)
    invitation, _ = invite(seat=successor)
    assert read_all(early).analysed
    assert Seat.objects.live().get(survey=survey(study), group=group(study)) == early.seat
    invitation.refresh_from_db()
    assert invitation.revoked_at


@pytest.mark.django_db(transaction=True)
def test_people_who_start_together_get_different_seats():
    """Six links for four seats, pressed at once from six connections."""
    study = make_surveyed_study()
    links = [invite(group=group(study))[1] for _ in range(6)]
    outcomes, barrier = [], threading.Barrier(6)

    def press(raw):
        barrier.wait()
        try:
            outcomes.append(start(raw).seat_id)
        except ValidationError:
            outcomes.append(None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(raw,)) for raw in links]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(None) == 2
    assert len(set(outcomes) - {None}) == 4
