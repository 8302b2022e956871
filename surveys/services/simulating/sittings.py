"""Whole sittings of simulated readers, through the same doors as physicians, and marked as simulated for good."""

import zlib
from collections.abc import Callable, Collection

from imagebank.models import Study
from surveys.models import Block, Seat, SurveyResponse

from ..recruiting.invitations import invite, open_invitation
from ..sitting.way import (
    finish_response,
    open_block,
    record_consent,
    record_demographics,
    record_instructions_read,
    record_practice,
    seal_block,
    start_response,
)

OTHER_CHOICE = 0.3  # of simulated readers whose group two choices fit, so many choose the second


def seeded_generator(seed: int, *names):
    """A generator of random numbers of its own for every name, so that an interrupted run continues where it stopped."""
    import numpy

    return numpy.random.default_rng([seed, *(zlib.crc32(str(name).encode()) for name in names)])


def seats_to_simulate(study: Study, leave_open: Collection[tuple[str, str]]) -> list[Seat]:
    """Free seats, and those whose simulated reader was interrupted; without those of (survey code, group code) named."""
    return [
        seat
        for seat in Seat.objects.of_study(study).live().select_related("survey", "group", "reader")
        if (seat.survey.code, seat.group.code) not in leave_open
        and (seat.state == Seat.State.FREE or (seat.reader.simulated and seat.state != Seat.State.COMPLETE))
    ]


def sit_through(
    seat: Seat, *, draw, questions: list[dict], read_block: Callable[[SurveyResponse, Block], None]
) -> SurveyResponse:
    """One whole sitting, or the rest of one that was interrupted. read_block answers what one block asks.

    draw: generator for the answers to `questions`, those about the reader.
    """
    response = _response(seat)
    record_consent(survey_response=response)
    record_demographics(survey_response=response, answers=_demographics(draw, seat.group.singular, questions))
    record_instructions_read(survey_response=response)
    record_practice(survey_response=response)
    for block in seat.survey.blocks.order_by("position"):
        sitting = open_block(survey_response=response, block=block)
        if sitting.sealed_at is None:
            read_block(response, block)
            seal_block(survey_response=response, block=block)
    return finish_response(survey_response=response)


def _response(seat: Seat) -> SurveyResponse:
    response = SurveyResponse.objects.filter(seat=seat).first()
    if response is not None:
        return response
    _, raw = invite(seat=seat, reader=seat.reader, simulated=True)
    return start_response(invitation=open_invitation(raw))


def _demographics(draw, group: str, questions: list[dict]) -> dict:
    answers = {}
    for question in questions:
        if question["kind"] == "choice":
            # A simulated geneticist says so: mostly the first choice that shares the group's stem, sometimes the next.
            stem = group.split()[-1][:6].lower()
            fitting = [choice for choice in question["choices"] if stem in choice.lower()] or question["choices"][:1]
            answers[question["code"]] = fitting[len(fitting) > 1 and draw.random() < OTHER_CHOICE]
        elif question["kind"] == "integer":
            answers[question["code"]] = int(draw.integers(2, 31))
        else:
            answers[question["code"]] = "simulated"
    return answers
