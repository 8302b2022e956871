"""Promises about one reader's way through one survey."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from surveys.models import Answer, Invitation, Reader, ReaderContact, Seat, SurveyItem, SurveyResponse, ViewingEvent
from surveys.services import (
    InvitationClosed,
    answer_log_fault,
    erase_contact,
    finish_response,
    invite,
    open_block,
    open_invitation,
    record_demographics,
    record_viewing_event,
    revoke_invitation,
    seal_block,
    start_response,
)
from surveys.tasks import DUTIES, finish_everywhere, release_everywhere
from tests.surveys.sitting import answer, begin, read_all, read_block
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = pytest.mark.django_db


def items(response, position=1):
    return list(SurveyItem.objects.filter(block__survey=response.survey, block__position=position))


def test_a_token_is_kept_only_as_a_hash(study):
    invitation, raw = invite(survey=survey(study), group=group(study), name="Ada", email="ada@example.org")
    assert len(raw) >= 43
    assert raw not in str(vars(invitation))
    assert open_invitation(raw) == invitation


def test_closed_links_say_why(study):
    invitation, raw = invite(survey=survey(study), group=group(study))
    with pytest.raises(InvitationClosed, match="unknown"):
        open_invitation(raw + "x")
    revoke_invitation(invitation=invitation)
    with pytest.raises(InvitationClosed, match="revoked"):
        open_invitation(raw)
    late, raw = invite(survey=survey(study), group=group(study), days=1)
    late.expires_at = timezone.now() - timedelta(seconds=1)
    late.save()
    with pytest.raises(InvitationClosed, match="expired"):
        open_invitation(raw)


def test_the_same_event_twice_is_one_answer(study):
    response = begin(study)
    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    item, event = items(response)[0], uuid4()
    first = answer(response, item, "ZQA", event)
    assert answer(response, item, "ZQB", event) == first
    assert Answer.objects.count() == 1
    with pytest.raises(ValidationError, match="used for another answer"):
        answer(response, items(response)[1], "ZQA", event)


def test_the_latest_answer_stands_and_every_earlier_one_is_kept(study):
    response = begin(study)
    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    item = items(response)[0]
    for code in ("ZQA", "ZQB", None, "ZQC"):
        answer(response, item, code)
    assert [row.sequence for row in Answer.objects.order_by("sequence")] == [1, 2, 3, 4]
    assert Answer.objects.standing().get().chosen.code == "ZQC"
    for forbidden in (lambda: Answer.objects.all().delete(), lambda: Answer.objects.update(rt_ms=1)):
        with pytest.raises(TypeError, match="history"):
            forbidden()


def test_a_sealed_block_refuses_answers_but_acknowledges_what_it_has(study):
    response = begin(study)
    block = response.survey.blocks.get(position=1)
    open_block(survey_response=response, block=block)
    event = uuid4()
    kept = answer(response, items(response)[0], "ZQA", event)
    for item in items(response)[1:]:
        answer(response, item)
    sealed = seal_block(survey_response=response, block=block)
    assert seal_block(survey_response=response, block=block).sealed_at == sealed.sealed_at
    assert answer(response, items(response)[0], "ZQA", event) == kept
    with pytest.raises(ValidationError, match="sealed"):
        answer(response, items(response)[0], "ZQB")


def test_a_later_block_stays_shut_until_every_image_was_shown_and_sealed(study):
    response = begin(study)
    first, second = response.survey.blocks.order_by("position")
    open_block(survey_response=response, block=first)
    with pytest.raises(ValidationError, match="not sealed yet"):
        open_block(survey_response=response, block=second)
    with pytest.raises(ValidationError, match="not open"):
        answer(response, items(response, 2)[0])
    for item in items(response)[:4]:
        answer(response, item)
    with pytest.raises(ValidationError, match="image 5, 6"):
        seal_block(survey_response=response, block=first)
    for item in items(response)[4:]:
        record_viewing_event(survey_response=response, survey_item=item, kind="shown", event_id=uuid4())
    seal_block(survey_response=response, block=first)
    assert open_block(survey_response=response, block=second).sealed_at is None


def test_items_of_another_survey_and_classes_of_another_study_are_refused(study):
    response = begin(study)
    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    other = SurveyItem.objects.filter(block__survey=survey(study, 2)).first()
    with pytest.raises(ValidationError, match="not open"):
        answer(response, other)


@pytest.mark.parametrize(("answered", "complete"), [(53, False), (54, True), (56, True)])
def test_complete_means_strictly_more_than_the_threshold(study, answered, complete):
    assert study.protocol.is_complete(answered=answered, questions=56) is complete
    assert study.protocol.fewest_answers(56) == 54


def test_exactly_the_threshold_is_complete_only_where_the_protocol_says_so(study):
    assert not study.protocol.is_complete(answered=19, questions=20)
    study.protocol.strictly_more = False
    assert study.protocol.is_complete(answered=19, questions=20)
    assert study.protocol.fewest_answers(20) == 19
    assert not study.protocol.is_complete(answered=18, questions=20)


def test_a_complete_sitting_takes_its_seat_and_is_analysed(study):
    response = read_all(begin(study))
    assert response.completed_at == response.finished_at
    assert response.analysed
    assert response.seat.state == "complete"
    assert finish_response(survey_response=response).completed_at == response.completed_at


def test_an_incomplete_sitting_is_kept_and_frees_its_seat(study):
    response = read_all(begin(study), skip=(2,))
    assert response.finished_at
    assert response.completed_at is None
    assert not response.analysed
    assert response.seat.state == "replaced"
    assert response.survey.seats.live().get(group=group(study)).state == "free"
    assert Answer.objects.filter(survey_response=response).count() == 12


def test_an_unfinished_survey_cannot_be_finished(study):
    response = begin(study)
    read_block(response, 1)
    with pytest.raises(ValidationError, match="Every block"):
        finish_response(survey_response=response)


def test_a_sitting_whose_end_was_cut_off_is_finished_before_its_seat_is_taken_for_expired(study):
    """The server stopped between the last seal and the end, the reader never came back, and the link has run out."""
    cut_off, half = begin(study), begin(study, number=2)
    for block in cut_off.survey.blocks.all():
        read_block(cut_off, block.position)
    read_block(half, 1)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert DUTIES.index(finish_everywhere) < DUTIES.index(release_everywhere)
    finish_everywhere()
    release_everywhere()
    states = Seat.objects.filter(reader__isnull=False).values_list("reader__code", "state")
    assert dict(states) == {cut_off.reader.code: "complete", half.reader.code: "replaced"}
    assert [row.analysed for row in SurveyResponse.objects.order_by("pk")] == [True, False]


def test_demographics_report_every_wrong_answer_at_once(study):
    _, raw = invite(survey=survey(study), group=group(study))
    response = start_response(invitation=open_invitation(raw))
    with pytest.raises(ValidationError) as caught:
        record_demographics(survey_response=response, answers={"specialty": "Magic", "years": "-3"})
    assert set(caught.value.message_dict) == {"specialty", "years"}


def test_a_changed_answer_breaks_the_chain_and_is_named(study):
    response = read_all(begin(study))
    assert answer_log_fault(response) is None
    row = response.answers.get(sequence=3)
    row.rt_ms = 999
    row.save()
    assert answer_log_fault(response) == f"Entry 3 of {response} was changed after it was recorded."


def test_erasing_the_contact_leaves_reader_seat_and_answers(study):
    _, raw = invite(survey=survey(study), group=group(study), name="Ada", email="ada@example.org")
    response = start_response(invitation=open_invitation(raw))
    assert erase_contact(reader=response.reader)
    assert not ReaderContact.objects.exists()
    assert Reader.objects.get().seats.get().state == "started"
    assert SurveyResponse.objects.filter(reader=response.reader).exists()


def test_viewing_events_are_recorded_once_and_only_for_open_blocks(study):
    response = begin(study)
    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    event = uuid4()
    for _ in range(2):
        record_viewing_event(
            survey_response=response, survey_item=items(response)[0], kind="zoomed", event_id=event,
            detail={"scale": 2},
        )  # fmt: skip
    assert ViewingEvent.objects.get().detail == {"scale": 2}
    with pytest.raises(ValidationError, match="not open"):
        record_viewing_event(
            survey_response=response, survey_item=items(response, 2)[0], kind="shown", event_id=uuid4()
        )


def test_the_database_keeps_one_analysed_response_per_survey_and_group(study):
    from surveys.services import replace_seat

    early = begin(study)
    replace_seat(seat=early.seat, let_reader_finish=True)
    later = begin(study)
    read_all(later)
    read_all(early)
    with pytest.raises(IntegrityError), transaction.atomic():
        SurveyResponse.objects.filter(pk=early.pk).update(analysed=True)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_comes_twice_at_once_is_one_row():
    """A page that is loaded anew sends what its former self was still sending: the second is answered like the first."""
    response = begin(make_surveyed_study())
    outcomes, barrier = [], threading.Barrier(4)

    def send(events):
        try:
            for event_id in events:
                barrier.wait()
                outcomes.append(record_viewing_event(survey_response=response, kind="hidden", event_id=event_id).pk)
        finally:
            connections.close_all()

    events = [uuid4() for _ in range(10)]
    threads = [threading.Thread(target=send, args=(events,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 40
    assert set(outcomes) == set(ViewingEvent.objects.values_list("pk", flat=True))
    assert ViewingEvent.objects.count() == 10


def test_an_event_of_another_sitting_is_refused(study):
    response, other, event_id = begin(study), begin(study, number=2), uuid4()
    record_viewing_event(survey_response=response, kind="hidden", event_id=event_id)
    with pytest.raises(ValidationError, match="another event"):
        record_viewing_event(survey_response=other, kind="hidden", event_id=event_id)
