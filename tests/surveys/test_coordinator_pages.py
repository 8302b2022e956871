"""Promises about the coordinator's pages."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from imagebank.models import Membership
from surveys.models import Answer, Invitation, Seat
from surveys.services import simulate_readers
from tests.surveys.sitting import begin
from tests.surveys.study import group, survey

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(client, study):
    user = get_user_model().objects.create_user("cora", password="a long password")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    return client


def page(name, **kwargs):
    return reverse(f"surveys:{name}", kwargs={"slug": "small", **kwargs})


def test_strangers_and_other_roles_see_nothing(client, study):
    for name in ("overview", "readings-file", "readers", "certificate"):
        assert client.get(page(name)).status_code == 302
    user = get_user_model().objects.create_user("rita", password="a long password")
    Membership.objects.create(study=study, user=user, role="reviewer")
    client.force_login(user)
    assert client.get(page("readings-file")).status_code in (403, 404)


def test_the_grid_shows_every_seat_with_its_state_and_nothing_about_right_or_wrong(coordinator, study):
    begin(study, 2)
    assert coordinator.get(page("seats")).url == page("overview")
    part = coordinator.get(page("seats"), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "S04" in part
    simulate_readers(
        study=study, seed=1, accuracies={(code, view): 0.7 for code in ("geneticist", "pediatrician")
        for view in ("focused", "panoramic")}, leave_open=[("S01", "geneticist")],
    )  # fmt: skip
    text = coordinator.get(page("overview")).content.decode()
    states = re.findall(r'<a class="seat-mark seat-(\w+)', text)
    assert sorted(states) == ["complete"] * 6 + ["free", "started"]
    assert "S02, geneticist: reading by G01, 0 of 12 answered" in text
    assert "simulated" in text
    assert "correct" not in text


def test_an_invitation_link_is_shown_once_and_works(coordinator, study):
    response = coordinator.post(
        page("invite"), {"group": group(study).pk, "survey": survey(study, 3).pk, "name": "Ada", "email": "a@b.org"}
    )
    link = re.search(r'value="(http[^"]+/r/[^"]+)"', response.content.decode()).group(1)
    assert coordinator.get(link).status_code == 200
    assert link.rstrip("/").split("/")[-1] not in coordinator.get(page("readers")).content.decode()
    assert Invitation.objects.get().seat.survey == survey(study, 3)


def test_a_lost_link_can_be_renewed(coordinator, study):
    response = begin(study)
    text = coordinator.post(page("renew", pk=response.seat.pk)).content.decode()
    link = re.search(r'value="(http[^"]+/r/[^"]+)"', text).group(1)
    assert "Your place is kept" in coordinator.get(link).content.decode()


def test_a_started_seat_can_be_replaced(coordinator, study):
    response = begin(study)
    coordinator.post(page("replace", pk=response.seat.pk))
    assert Seat.objects.live().get(survey=survey(study), group=group(study)).state == "free"
    assert coordinator.get(page("seat", pk=response.seat.pk)).status_code == 200


def test_a_preview_shows_what_the_reader_sees_and_saves_nothing(coordinator, study):
    response = coordinator.get(page("preview", code="S01", position=2))
    text = response.content.decode()
    assert "Preview of S01" in text
    assert "case-" not in text
    picture = re.search(r"/studies/small/surveys/picture/[^/\"]+/", text).group(0)
    assert coordinator.get(picture)["Content-Type"] == "image/jpeg"
    assert not Answer.objects.exists()


def test_exports_download(coordinator, study):
    response = coordinator.get(page("readings-file"))
    assert response.content.decode().startswith("reader,group,kind,survey,view")
    assert coordinator.get(page("design-file")).json()["schema"] == "survey-design/1"
    assert coordinator.get(page("certificate")).status_code == 200
