"""Whoever leaves the computer of a ward is signed out; whoever works, or chose to stay signed in, is not."""

import time

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.urls import reverse

from config.idle import USED_AT
from surveys.services import invite
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-password-of-hers"
PAGE = "/account/"
POLL = {"HTTP_HX_REQUEST": "true", "HTTP_HX_TRIGGER": "jobs", "HTTP_HX_TARGET": "jobs"}


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


@pytest.fixture
def ada():
    return User.objects.create_user("ada", email="ada@clinic.org", password=PASSWORD)


@pytest.fixture
def works(client, ada):
    """Signed in by the page, and the page used just now."""
    client.post("/account/login/", {"login": "ada", "password": PASSWORD})
    assert client.get(PAGE).status_code == 200
    return client


def away(client, minutes: float):
    session = client.session
    session[USED_AT] -= int(minutes * 60)
    session.save()


def test_who_was_away_too_long_is_signed_out_and_told_why_and_comes_back_to_her_page(works):
    away(works, 121)
    back = works.get(PAGE, follow=True)
    assert back.redirect_chain == [(f"/account/login/?next={PAGE}", 302)]
    assert "nobody used this site here for 120 minutes" in back.content.decode()
    assert "_auth_user_id" not in works.session


def test_who_works_stays_signed_in_for_as_long_as_it_takes(works):
    for _ in range(3):
        away(works, 100)
        assert works.get(PAGE).status_code == 200


def test_a_part_that_renews_itself_is_no_use_of_the_page_and_has_the_page_loaded_anew(works):
    away(works, 100)
    assert works.get(PAGE, **POLL).status_code == 200
    away(works, 21)
    told = works.get(PAGE, **POLL)
    assert told.headers["HX-Refresh"] == "true"
    assert not told.content
    assert "_auth_user_id" not in works.session


def test_a_piece_of_a_page_that_a_person_asks_for_is_use(works):
    away(works, 100)
    works.get(PAGE, **{**POLL, "HTTP_HX_TARGET": "planned"})
    away(works, 100)
    assert works.get(PAGE).status_code == 200


def test_a_form_sent_too_late_changes_nothing_and_leads_back_to_its_page(works, ada):
    away(works, 121)
    late = works.post("/account/token/", HTTP_REFERER="http://testserver/account/")
    assert late.url == "/account/login/?next=http%3A//testserver/account/"
    again = works.post(late.url, {"login": "ada", "password": PASSWORD, "next": "http://testserver/account/"})
    assert again.url == "http://testserver/account/"
    assert not hasattr(ada, "auth_token")


def test_who_chose_to_stay_signed_in_is_left_alone(client, ada):
    client.post("/account/login/", {"login": "ada", "password": PASSWORD, "remember": "on"})
    client.get(PAGE)
    session = client.session
    session[USED_AT] = int(time.time()) - 86_400
    session.save()
    assert client.get(PAGE).status_code == 200


def test_a_site_may_leave_it_off(works, settings):
    settings.IDLE_MINUTES = 0
    away(works, 10_000)
    assert works.get(PAGE).status_code == 200


def test_who_reads_by_a_link_reads_on_though_her_account_is_signed_out(works):
    study = make_surveyed_study()
    _, token = invite(survey=survey(study, 1), group=group(study))
    away(works, 121)
    begun = works.post(reverse("surveys:landing", kwargs={"token": token}))
    assert begun.url == reverse("surveys:consent", kwargs={"token": token})
    assert "_auth_user_id" not in works.session
