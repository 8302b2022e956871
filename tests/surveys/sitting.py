"""Sittings made through the services, step by step."""

from uuid import uuid4

from imagebank.models import DiagnosisClass
from surveys.services import (
    finish_response,
    invite,
    open_block,
    open_invitation,
    record_answer,
    record_consent,
    record_demographics,
    record_instructions_read,
    record_practice,
    seal_block,
    start_response,
)
from tests.surveys.study import group, survey


def begin(study, number: int = 1, group_code: str = "geneticist"):
    """A response that stands before its first block."""
    _, raw = invite(survey=survey(study, number), group=group(study, group_code))
    return begin_by_link(raw)


def begin_by_link(raw: str):
    """The response of whoever opens the link, before its first block."""
    response = start_response(invitation=open_invitation(raw))
    record_consent(survey_response=response)
    record_demographics(survey_response=response, answers={"specialty": "Genetics", "years": "12"})
    record_instructions_read(survey_response=response)
    return record_practice(survey_response=response)


def answer(response, survey_item, code="ZQA", event_id=None, **values):
    chosen = DiagnosisClass.objects.get(study=response.reader.study, code=code) if code else None
    return record_answer(
        survey_response=response, survey_item=survey_item, chosen=chosen, event_id=event_id or uuid4(), **values
    )


def read_block(response, position: int, code="ZQA", skip=()):
    block = response.survey.blocks.get(position=position)
    open_block(survey_response=response, block=block)
    for survey_item in block.survey_items.order_by("position"):
        answer(response, survey_item, None if survey_item.position in skip else code)
    return seal_block(survey_response=response, block=block)


def read_all(response, skip=()):
    for block in response.survey.blocks.all():
        read_block(response, block.position, skip=skip)
    return finish_response(survey_response=response)
