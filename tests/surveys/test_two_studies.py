"""A hospital runs several studies, and a person may read in two of them: nothing of one reaches the other unasked."""

import pytest
from django.contrib.auth.models import User
from django.core import mail

from imagebank.models import ItemImage, Membership
from surveys.models import Letter, ReaderContact, SurveyResponse
from surveys.services import (
    erase_contact,
    invite,
    open_invitation,
    queue_letters,
    send_waiting_letters,
    withdraw_reader,
)
from surveys.services.recruiting.letters import answered_by
from surveys.services.recruiting.same_person import elsewhere, elsewhere_of
from tests.shared_rows import rows_of_a_module
from tests.surveys.sitting import begin_by_link, read_all
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
ADA = "Ada@example.org"


@pytest.fixture(scope="module")
def studies_of_two(django_db_setup, django_db_blocker):
    """Two studies of the same pictures; the links of Ada, who has read in both."""
    with rows_of_a_module(django_db_blocker):
        studies = [make_surveyed_study(slug) for slug in ("here", "there")]
        links = []
        for study, email in zip(studies, (ADA, ADA.lower()), strict=True):
            links.append(invite(survey=survey(study), group=group(study), name="Ada", email=email)[1])
            read_all(begin_by_link(links[-1]))
        yield [study.pk for study in studies], links


@pytest.fixture
def two(studies_of_two, db):
    return [open_invitation(raw).reader for raw in studies_of_two[1]]


def coordinator(*readers, **fields) -> User:
    user = User.objects.create_user("cora", email="cora@example.org", **fields)
    for reader in readers:
        Membership.objects.create(study=reader.study, user=user, role="coordinator")
    return user


def test_a_coordinator_of_both_is_told_and_of_other_peoples_studies_nobody_is(two):
    here, there = two
    both = coordinator(here, there)
    assert elsewhere_of(reader=here, user=both) == [there]
    asked = {"study": here.study, "emails": [ADA], "user": both}
    ((found,),) = elsewhere(**asked).values()
    assert (found.reader, found.same_pictures) == (there, True)
    ItemImage.objects.filter(item__study=there.study).update(pixel_sha256="0" * 64)
    assert [row.same_pictures for rows in elsewhere(**asked).values() for row in rows] == [False]
    Membership.objects.filter(study=there.study).update(role="analyst")
    assert elsewhere_of(reader=here, user=both) == []
    ReaderContact.objects.all().update(email="")
    assert elsewhere(study=here.study, emails=[""], user=User.objects.create_superuser("root")) == {}


def test_leaving_one_study_or_its_vault_changes_nothing_in_the_other_and_the_page_leads_there(two, client):
    here, there = two
    client.force_login(coordinator(here, there))
    for name in ("withdraw", "erase"):
        page = client.get(f"/studies/here/surveys/readers/{here.pk}/{name}/").content.decode()
        assert f'href="/studies/there/surveys/readers/{there.pk}/{name}/"' in page
    withdraw_reader(reader=here)
    erase_contact(reader=here)
    assert ReaderContact.objects.get().reader == there
    assert SurveyResponse.objects.get(reader=there).answers.count() == 12
    assert there.invitations.open().exists()
    assert "/studies/here/" not in client.get(f"/studies/there/surveys/readers/{there.pk}/erase/").content.decode().split("<main")[1]


def test_a_list_says_who_has_met_the_same_images_and_nobody_is_invited_twice_to_one_study(two, client):
    here, there = two
    client.force_login(coordinator(here, there))
    ReaderContact.objects.filter(reader=here).delete()
    tried = client.post("/studies/here/surveys/readers/list/", {"text": f"{ADA}, new@example.org", "group": "geneticist"})
    page = tried.content.decode()
    assert "1 of these people was invited to another study of yours that shows some of the same images" in page
    assert f"{there} of “A small study”, the same images" in page
    single = {"group": group(there.study).pk, "email": ADA, "how": "letter"}
    refused = client.post("/studies/there/surveys/readers/invite/", single)
    assert refused.status_code == 422
    assert f"was invited before, as {there}" in refused.content.decode()
    assert Letter.objects.count() == 0


def test_an_answer_to_a_letter_goes_to_that_studys_coordinators(two):
    here, there = two
    coordinator(here)
    queue_letters(study=here.study, invitations=[invite(group=group(here.study), email="bo@example.org")[0]], kind="invitation")
    send_waiting_letters(study=here.study)
    assert mail.outbox[0].reply_to == ["cora@example.org"]
    assert answered_by(there.study) == []
