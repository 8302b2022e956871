"""A reader who withdraws leaves no answer behind, and the study goes on."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from rest_framework.test import APIClient

from imagebank.models import Membership
from surveys.exports.files import export_bundle
from surveys.exports.tables import readings_csv
from surveys.models import Answer, BlockSitting, Reader, Seat, SurveyResponse, ViewingEvent
from surveys.services import answer_log_faults, invite, replace_seat, withdraw_reader
from surveys.services.recruiting.funnel import funnels
from tests.surveys.sitting import begin, read_all, read_block
from tests.surveys.study import group, survey

pytestmark = pytest.mark.django_db


def test_withdrawing_deletes_what_was_answered_and_frees_the_seat(study):
    response, other = begin(study), begin(study, number=2)
    read_block(response, 1)
    read_all(other)
    reader = response.reader
    kept = Answer.objects.filter(survey_response=other).count()
    noted = withdraw_reader(reader=reader)
    assert noted.answers == 6
    assert Answer.objects.count() == kept
    assert not any(rows.filter(survey_response=response.pk).exists() for rows in (ViewingEvent.objects, BlockSitting.objects))
    assert Seat.objects.live().get(survey=response.survey, group=response.group).state == Seat.State.FREE
    assert answer_log_faults(study=study) == []
    assert f"\n{reader.code}," not in readings_csv(study)
    assert export_bundle(study)
    lost = next(row for row in funnels(study) if row.group == response.group).lost["started"]
    assert (lost["withdrew"], lost["reading"]) == (1, 0)
    assert withdraw_reader(reader=reader) == noted, "a second press changes nothing"


def test_the_next_complete_sitting_of_the_seat_is_analysed_instead(study):
    first = begin(study)
    replace_seat(seat=first.seat, let_reader_finish=True)
    second = begin(study)
    read_all(first)
    read_all(second)
    assert SurveyResponse.objects.analysed().get().reader == first.reader
    withdraw_reader(reader=first.reader)
    response = SurveyResponse.objects.analysed().get()
    seat = Seat.objects.live().get(survey=first.survey, group=first.group)
    assert (response.reader, seat.reader, seat.state) == (second.reader, second.reader, Seat.State.COMPLETE)


def test_who_has_not_begun_declines_instead(study):
    invitation, _ = invite(survey=survey(study), group=group(study, "geneticist"))
    with pytest.raises(ValidationError, match="has not begun"):
        withdraw_reader(reader=invitation.reader)


def test_the_page_says_what_goes_and_the_link_says_that_it_went(study, client):
    invitation, raw = invite(survey=survey(study), group=group(study, "geneticist"), name="Ada", email="ada@b.org")
    client.post(f"/r/{raw}/")
    client.force_login(User.objects.create_superuser("root"))
    address = f"/studies/small/surveys/readers/{invitation.reader.pk}/withdraw/"
    page = client.get(address).content.decode()
    assert "0 saved answers" in page
    assert Reader.objects.get().responses.exists(), "looking deletes nothing"
    assert client.post(address).status_code == 302
    assert "withdrew on" in client.get("/studies/small/surveys/readers/").content.decode()
    assert "Your answers are deleted" in client.get(f"/r/{raw}/").content.decode()
    assert client.get("/api/readers/").json()["results"][0]["state"] == "withdrawn"


def test_by_the_api_only_the_coordinator_lets_a_reader_withdraw(study):
    response = begin(study)
    read_block(response, 1)
    address = f"/api/readers/{response.reader.pk}/withdraw/"
    for role in ("analyst", "engineer", "reviewer", "coordinator"):
        user = User.objects.create_user(role)
        Membership.objects.create(study=study, user=user, role=role)
        api = APIClient()
        api.force_authenticate(user)
        answer = api.post(address)
        if role != "coordinator":
            assert answer.status_code in (403, 404), role
            assert Answer.objects.count() == 6, role
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert not Answer.objects.exists()
    assert APIClient().post(address).status_code in (401, 403)
