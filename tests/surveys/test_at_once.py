"""Two presses at the same moment: of a reader and of the coordinator. Neither ends in an error page, and nothing is half done."""

import threading
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import close_old_connections, connections

from surveys.models import Answer, Seat, SurveyResponse, ViewingEvent, Withdrawal
from surveys.services import (
    InvitationClosed,
    finish_response,
    invite,
    open_block,
    open_invitation,
    record_viewing_event,
    replace_seat,
    start_response,
    withdraw_reader,
)
from tests.surveys.sitting import answer, begin, read_block
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = pytest.mark.django_db(transaction=True)
GONE = (ValidationError, SurveyResponse.DoesNotExist)  # both are told the reader as what they are


def at_once(*deeds) -> list[BaseException]:
    """Do all of them at the same moment, each with a connection of its own; returns what they raised."""
    barrier, raised = threading.Barrier(len(deeds)), []

    def do(deed):
        close_old_connections()
        try:
            barrier.wait()
            deed()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
            raised.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=do, args=(deed,)) for deed in deeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_a_reader_withdraws_while_the_page_is_saving():
    study = make_surveyed_study()
    for _ in range(2):
        response = begin(study)
        block = response.survey.blocks.get(position=1)
        open_block(survey_response=response, block=block)
        items = list(block.survey_items.all())

        def save(response=response, items=items):
            for survey_item in items * 3:
                record_viewing_event(survey_response=response, kind="shown", event_id=uuid4(), survey_item=survey_item)
                answer(response, survey_item)

        raised = at_once(save, lambda response=response: withdraw_reader(reader=response.reader))
        assert [error for error in raised if not isinstance(error, GONE)] == []
    assert Withdrawal.objects.count() == 2
    assert not Answer.objects.exists()
    assert not ViewingEvent.objects.exists()


def test_a_seat_is_replaced_while_its_reader_starts():
    study = make_surveyed_study()
    for number in (1, 2):
        invitation, raw = invite(survey=survey(study, number), group=group(study))
        raised = at_once(
            lambda raw=raw: start_response(invitation=open_invitation(raw)),
            lambda invitation=invitation: replace_seat(seat=invitation.seat),
        )
        assert [error for error in raised if not isinstance(error, ValidationError | InvitationClosed)] == []
        assert Seat.objects.live().filter(survey=survey(study, number), group=group(study)).count() == 1


def test_the_replaced_reader_finishes_while_the_successor_takes_the_seat():
    study = make_surveyed_study()
    for number in (1, 2):
        early = begin(study, number)
        replace_seat(seat=early.seat, let_reader_finish=True)
        for block in early.survey.blocks.all():
            read_block(early, block.position)
        Seat.objects.filter(group=group(study), state="free").exclude(survey=early.survey).update(state="reserved", reader=early.reader)
        _, raw = invite(group=group(study))
        raised = at_once(
            lambda early=early: finish_response(survey_response=early),
            lambda raw=raw: start_response(invitation=open_invitation(raw)),
        )
        assert [error for error in raised if not isinstance(error, ValidationError | InvitationClosed)] == []
        Seat.objects.filter(group=group(study), state="reserved").update(state="free", reader=None)
