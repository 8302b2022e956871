"""Promises about the surveys' part of the API."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import User
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from imagebank.models import Membership
from surveys.models import Invitation, Seat
from tests.surveys.sitting import begin, read_all
from tests.surveys.study import group, make_protocol, make_study, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
LISTS = ("survey-sets", "surveys", "seats", "readers", "invitations", "progress")


def client_of(study, role):
    user = User.objects.create_user(role, password="a-long-password")
    Membership.objects.create(study=study, user=user, role=role)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
    return client


@pytest.fixture
def coordinator(study):
    return client_of(study, "coordinator")


def test_only_the_right_roles_see_anything(study):
    begin(study)
    reviewer, analyst = client_of(study, "reviewer"), client_of(study, "analyst")
    for name in LISTS:
        answer = reviewer.get(f"/api/{name}/")
        assert answer.json() == [] or answer.json()["count"] == 0, name
        assert APIClient().get(f"/api/{name}/").status_code == 401
    assert reviewer.get("/api/readings/?study=small").status_code == 404
    assert analyst.get("/api/readings/?study=small").json()["count"] == 12
    assert analyst.get("/api/seats/").json()["count"] == 0
    for client in (reviewer, analyst):
        refused = client.post("/api/invitations/", {"study": "small", "group": "geneticist"})
        assert refused.status_code == 403
    assert Invitation.objects.count() == 1


def test_another_studys_rows_do_not_exist(coordinator, study):
    other = make_surveyed_study("other")
    assert {row["study"] for row in coordinator.get("/api/seats/").json()["results"]} == {"small"}
    assert coordinator.get(f"/api/seats/{Seat.objects.of_study(other)[0].pk}/").status_code == 404
    answer = coordinator.post("/api/invitations/", {"study": "other", "group": "geneticist"})
    assert answer.status_code == 400


def test_the_link_is_in_the_creating_answer_and_nowhere_else(coordinator, study, client):
    made = coordinator.post(
        "/api/invitations/", {"study": "small", "group": "geneticist", "survey": "S02", "email": "a@b.org"}
    )
    assert made.status_code == 201
    link, number = made.json()["link"], made.json()["id"]
    assert client.get(link).status_code == 200
    again = coordinator.get(f"/api/invitations/{number}/")
    assert again.json()["link"] is None
    assert again.json()["survey"] == "S02"
    assert "a@b.org" not in again.content.decode() + coordinator.get("/api/readers/").content.decode()
    renewed = coordinator.post(f"/api/invitations/{number}/renew/")
    assert client.get(link).status_code == 410
    assert client.get(renewed.json()["link"]).status_code == 200
    coordinator.post(f"/api/invitations/{renewed.json()['id']}/revoke/")
    assert client.get(renewed.json()["link"]).status_code == 410
    assert survey(study, 2).seats.get(group=group(study)).state == "free"


def test_refusals_are_the_services_own_sentences(coordinator, study):
    begin(study, 1)
    taken = coordinator.post("/api/invitations/", {"study": "small", "group": "geneticist", "survey": "S01"})
    assert taken.status_code == 400
    assert "is reading, not free" in taken.content.decode()
    unknown = coordinator.post("/api/invitations/", {"study": "small", "group": "nobody", "survey": "S01"})
    assert unknown.json()["errors"][0]["attr"] == "group"


def test_seats_show_who_and_how_far_and_nothing_about_right_or_wrong(coordinator, study):
    response = begin(study, 2)
    [row] = coordinator.get("/api/seats/?study=small&state=started").json()["results"]
    assert (row["survey"], row["group"], row["reader"]) == ("S02", "geneticist", response.reader.code)
    assert (row["answered"], row["questions"]) == (0, 12)
    assert not re.search("correct|truth|ZQ", str(row))
    free = coordinator.post(f"/api/seats/{row['id']}/replace/").json()
    assert free["state"] == "free"
    assert coordinator.post("/api/seats/release/", {"study": "small"}).json() == {"released": 0}


def test_a_survey_set_is_drawn_once_and_verified(study):
    fresh = make_study("fresh")
    make_protocol(fresh)
    client = client_of(fresh, "coordinator")
    for _ in range(2):
        drawn = client.post("/api/survey-sets/", {"study": "fresh", "seed": 5})
        assert drawn.status_code == 201
    assert client.post("/api/survey-sets/", {"study": "fresh", "seed": 6}).status_code == 400
    number = drawn.json()["id"]
    assert client.get(f"/api/survey-sets/{number}/design/").json()["schema"] == "survey-design/1"
    assert client.get(f"/api/survey-sets/{number}/certificate/").json()["promises_hold"]
    assert client.post(f"/api/survey-sets/{number}/verify/").json()["promises_hold"]
    surveys = client.get("/api/surveys/?study=fresh").json()["results"]
    assert len(surveys) == 4
    assert [block["view"] for block in surveys[0]["blocks"]] == ["focused", "panoramic"]


def test_readings_come_as_pages_and_as_one_csv(coordinator, study):
    read_all(begin(study, 1))
    begin(study, 2)
    page = coordinator.get("/api/readings/?study=small&page_size=5").json()
    assert page["count"] == 24
    assert len(page["results"]) == 5
    assert page["results"][0]["truth"].startswith("ZQ")
    rows = list(csv.DictReader(io.StringIO(coordinator.get("/api/readings/?study=small&format=csv").content.decode())))
    assert len(rows) == 24
    analysed = coordinator.get("/api/readings/?study=small&analysed=true&view=focused").json()
    assert analysed["count"] == 6


def test_recruitment_and_replies(coordinator, study):
    made = coordinator.post("/api/invitations/", {"study": "small", "group": "geneticist"}).json()
    [reader] = coordinator.get("/api/readers/").json()["results"]
    assert reader["state"] == "invited"
    assert coordinator.post(f"/api/readers/{reader['id']}/reply/", {"agreed": False}).json()["state"] == "declined"
    assert coordinator.get(f"/api/invitations/{made['id']}/").json()["open"] is False
    rows = {(row["stage"], row["reason"]): row["readers"] for row in coordinator.get("/api/progress/").json()
            if row["group"] == "geneticist"}  # fmt: skip
    assert rows["contacted", ""] == 1
    assert rows["contacted", "declined"] == 1
    assert coordinator.post(f"/api/readers/{reader['id']}/bounced/").status_code == 400
    assert coordinator.post(f"/api/readers/{reader['id']}/erase/").json() == {"erased": False}
