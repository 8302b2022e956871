"""No page of a closed or an archived study offers what would be refused there."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.contrib.auth.models import User
from django.urls import resolve

from imagebank.jobs import queue_job
from imagebank.models import Job, Membership
from surveys.services import archive_study, close_reading, close_recruitment, invite
from tests.models_ml.factories import stored_network
from tests.surveys.sitting import begin
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
ROLES = "coordinator", "analyst", "reviewer", "engineer"
FILES = re.compile(r"\.(zip|csv|svg|json|toml|png|pdf)$|/(image|picture|exports)/.|/images/[^/]+/(thumbnail|reading|mask)/$")
PER_VIEW = 2
LINK_GIVERS = {"surveys:invite", "surveys:invite-list", "surveys:renew"}


@pytest.fixture
def study(db):
    """Drawn surveys with a sitting, an invitation, a network, a failed job, and one person of every role."""
    study = make_surveyed_study()
    begin(study, 1)
    invite(survey=survey(study, 2), group=group(study), name="Ada", email="ada@example.org")
    job = queue_job(study=study, kind="imagebank.leakage", title="Leakage check")
    stored_network(study)
    Job.objects.filter(pk=job.pk).update(state="failed")
    for role in ROLES:
        Membership.objects.create(study=study, user=User.objects.create_user(role), role=role)
    return study


def walk(client, role: str) -> list[tuple[str, str]]:
    """(page, form's address) of every posting form on the pages that `role` is led to; each of these must open."""
    client.force_login(User.objects.get(username=role))
    waiting, seen, per_view, forms = ["/studies/small/"], set(), {}, []
    while waiting:
        address = waiting.pop(0)
        name = resolve(urlsplit(address).path).view_name
        if address in seen or per_view.get(name, 0) >= PER_VIEW:
            continue
        seen.add(address)
        per_view[name] = per_view.get(name, 0) + 1
        answer = client.get(address)
        assert answer.status_code in (200, 302), (role, address, answer.status_code)
        text = "" if answer.streaming else answer.content.decode()
        body = text[text.find("<main") :]
        for form in re.findall(r'<form\b[^>]*method="post"[^>]*>', body):
            action = re.search(r'action="([^"]*)"', form)
            forms.append((address, urljoin(address, unescape(action[1])) if action else address))
        for link in re.findall(r'href="([^"#]+)', text):
            target = urljoin(address, unescape(link))
            if target.startswith("/studies/small/") and not FILES.search(urlsplit(target).path):
                waiting.append(target)
    assert len(seen) > 5
    return forms


def view_of(address: str):
    return resolve(urlsplit(address).path)


@pytest.mark.parametrize("role", ROLES)
def test_an_archived_study_shows_no_form_that_it_refuses_and_leads_nowhere_forbidden(study, client, role):
    archive_study(study=study)
    forms = walk(client, role)
    refusing = {
        (page, target) for page, target in forms
        if not getattr(view_of(target).func, "in_archive", False) and view_of(target).view_name != "surveys:preview"
    }  # fmt: skip
    assert not refusing
    if role == "coordinator":  # what people's rights and the way back need is there
        kept = {view_of(target).view_name for _, target in forms}
        assert {"surveys:end", "surveys:withdraw", "surveys:erase", "imagebank:people", "surveys:verify-answers"} <= kept


def test_an_open_study_shows_those_forms(study, client):
    """The walk sees forms where there are any, so that finding none says something."""
    found = {view_of(target).view_name for _, target in walk(client, "coordinator")}
    assert found > LINK_GIVERS | {"surveys:reader-action", "imagebank:import", "benchmark:comparison_start", "job-retry", "models_ml:predict"}
    assert {"models_ml:start", "generative:train", "surveys:set-up"} <= found


@pytest.mark.parametrize("close", [close_recruitment, close_reading])
def test_a_closed_study_offers_no_link_that_would_let_nobody_in(study, client, close):
    close(study=study)
    forms = walk(client, "coordinator")
    names = {view_of(target).view_name for _, target in forms}
    assert not names & {"surveys:invite", "surveys:invite-list"}
    giving = {
        target for _, target in forms
        if view_of(target).view_name == "surveys:renew" or view_of(target).kwargs.get("action") == "renew"
    }  # fmt: skip
    assert bool(giving) is (close is close_recruitment)
    for target in giving:
        assert "Copy it now" in client.post(target, follow=True).content.decode(), target


def test_pages_say_in_one_line_what_is_closed_and_who_opens_it(study, client):
    client.force_login(User.objects.get(username="coordinator"))
    readers, images = "/studies/small/surveys/readers/", "/studies/small/images/"

    def notice(address: str) -> str:
        found = re.findall(r'<p class="alert alert-info">(.*?)</p>', client.get(address).content.decode())
        return " ".join(found)

    assert (notice(readers), notice(images)) == ("", "")
    close_recruitment(study=study)
    assert notice(readers) == (
        "Recruitment is closed, so nobody new can be invited. Who has begun goes on. "
        '<a href="/studies/small/end/">Open it again</a>'
    )
    close_reading(study=study)
    assert notice(readers).startswith("Reading is closed: no answers are taken")
    assert notice(images) == ""
    archive_study(study=study)
    assert notice(readers) == notice(images)
    assert notice(images).endswith('<a href="/studies/small/end/">Take it out of the archive</a>')
    client.force_login(User.objects.get(username="reviewer"))
    assert notice(images).endswith("not changed. A coordinator can open it again.")


def test_a_page_that_is_but_a_form_says_that_an_archived_study_takes_none(study, client):
    client.force_login(User.objects.get(username="coordinator"))
    archive_study(study=study)
    answer = client.get("/studies/small/images/import/")
    assert answer.status_code == 403
    assert "This page is a form and nothing else" in answer.content.decode()
    assert "Take it out of the archive" in answer.content.decode()


def test_a_new_link_that_closed_recruitment_refuses_is_told_in_words(study, client):
    client.force_login(User.objects.get(username="coordinator"))
    close_recruitment(study=study)
    seat = study.survey_sets.get().surveys.get(number=2).seats.get(group__code="geneticist")
    answer = client.post(f"/studies/small/surveys/seats/{seat.pk}/renew/", follow=True)
    assert "Recruitment is closed in this study" in answer.content.decode()
