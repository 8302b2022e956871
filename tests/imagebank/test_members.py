"""Roles are given and taken on the study's own page."""

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError

from imagebank.models import Membership, Study
from imagebank.services.members import give_role, take_role

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return Study.objects.create(slug="moles", title="Moles")


@pytest.fixture
def coordinator(study):
    user = User.objects.create_user("carla", email="carla@clinic.example", password="a-long-password")
    Membership.objects.create(study=study, user=user, role="coordinator")
    return user


def test_a_known_person_gets_the_role_once(study, coordinator):
    first = give_role(study=study, who="CARLA@clinic.example", role="analyst")
    assert first == give_role(study=study, who="carla", role="analyst")
    assert study.members.count() == 2


def test_a_new_address_gets_an_account_and_a_letter_to_choose_a_password(client, study, coordinator):
    client.force_login(coordinator)
    page = client.post("/studies/moles/people/", {"who": "Ann@clinic.example", "role": "analyst"}, follow=True)
    assert "A letter to ann@clinic.example" in page.content.decode()
    newcomer = User.objects.get(email="ann@clinic.example")
    assert not newcomer.has_usable_password()
    assert [letter.to for letter in mail.outbox] == [["ann@clinic.example"]]
    assert "/account/password/reset/key/" in mail.outbox[0].body
    assert 'You are analyst of the study "Moles"' in mail.outbox[0].body
    assert "asked for another password" not in mail.outbox[0].body, "who never had one did not forget it"


def test_an_unknown_name_is_refused_in_words(client, study, coordinator):
    client.force_login(coordinator)
    answer = client.post("/studies/moles/people/", {"who": "nobody", "role": "analyst"})
    assert answer.status_code == 400
    assert "Nobody signs in as" in answer.content.decode()
    assert study.members.count() == 1


def test_the_last_coordinator_stays(study, coordinator):
    with pytest.raises(ValidationError, match="only coordinator"):
        take_role(membership=study.members.get())
    give_role(study=study, who="bob@clinic.example", role="coordinator")
    take_role(membership=study.members.get(user=coordinator))
    assert [member.user.email for member in study.members.all()] == ["bob@clinic.example"]


def test_only_a_coordinator_opens_the_page(client, study, coordinator):
    analyst = User.objects.create_user("ann")
    give_role(study=study, who="ann", role="analyst")
    client.force_login(analyst)
    assert client.get("/studies/moles/people/").status_code == 403
    assert client.post(f"/studies/moles/people/{study.members.first().pk}/remove/").status_code == 403
