"""Names and e-mails that erase themselves some days after reading was closed, where the study says so."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone
from rest_framework.test import APIClient

from imagebank.models import Membership, Study
from surveys.coordination.set_up_form import form_can_say
from surveys.models import Answer, ReaderContact, StudyProtocol
from surveys.services import archive_study, close_reading, invite, load_protocol, open_reading
from surveys.services.ending.retention import erase_when_due, erasure_due_at, keep_contacts_for
from surveys.services.setting_up.new_study import begin_study, change_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from surveys.tasks import DUTIES, erase_everywhere
from tests.surveys.sitting import begin, read_block
from tests.surveys.study import group, make_protocol, make_study, survey

pytestmark = pytest.mark.django_db
PAGE = "/studies/small/end/"
CLOSED = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def study(study):
    """Two invited people, one of whom has answered."""
    response = begin(study, 1)
    ReaderContact.objects.create(reader=response.reader, name="Ada", email="ada@example.org")
    read_block(response, 1)
    invite(survey=survey(study, 2), group=group(study), name="Bo", email="bo@example.org")
    return study


@pytest.fixture
def coordinator(client, study):
    user = User.objects.create_user("cora")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    return client


def at(study, monkeypatch, moment: datetime) -> int:
    """How many names the worker erases when its clock says `moment`."""
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return erase_everywhere()


def closed_on(study, moment: datetime) -> None:
    StudyProtocol.objects.filter(study=study).update(recruitment_closed_at=moment, reading_closed_at=moment)


def test_names_erase_themselves_when_their_day_has_come_and_not_an_hour_before(study, monkeypatch):
    keep_contacts_for(study=study, days=30)
    closed_on(study, CLOSED)
    answers = Answer.objects.count()
    assert answers
    assert at(study, monkeypatch, CLOSED + timedelta(days=30, hours=-1)) == 0
    assert ReaderContact.objects.count() == 2
    assert at(study, monkeypatch, CLOSED + timedelta(days=30)) == 2
    assert not ReaderContact.objects.exists()
    assert Answer.objects.count() == answers
    entry = study.trail.first()
    assert (entry.deed, entry.by_name) == ("names and e-mails of 2 readers erased, 30 days after reading was closed", "")
    assert at(study, monkeypatch, CLOSED + timedelta(days=31)) == 0
    assert study.trail.filter(deed__contains="erased,").count() == 1
    assert erase_everywhere in DUTIES


def test_nothing_is_erased_by_itself_while_reading_is_open_or_where_the_study_says_nothing(study, monkeypatch):
    years = timezone.now() + timedelta(days=4000)
    close_reading(study=study)
    assert at(study, monkeypatch, years) == 0, "off unless the study says so"
    monkeypatch.undo()
    keep_contacts_for(study=study, days=1)
    open_reading(study=study)
    assert erasure_due_at(StudyProtocol.objects.get(study=study)) is None
    assert at(study, monkeypatch, years) == 0
    assert erase_when_due(study=study, now=years) == 0
    assert ReaderContact.objects.count() == 2


def test_an_archived_study_keeps_names_no_longer_than_another(study, monkeypatch):
    keep_contacts_for(study=study, days=7)
    archive_study(study=study)
    assert at(study, monkeypatch, timezone.now() + timedelta(days=8)) == 2


def test_the_day_is_changed_and_called_off_and_never_set_into_the_past(study, monkeypatch):
    keep_contacts_for(study=study, days=30)
    closed_on(study, CLOSED)
    monkeypatch.setattr(timezone, "now", lambda: CLOSED + timedelta(days=20))
    with pytest.raises(ValidationError, match=r"closed on 1 March 2026, more than 10 days ago\. Choose a day that is still"):
        keep_contacts_for(study=study, days=10)
    keep_contacts_for(study=study, days=60)
    assert at(study, monkeypatch, CLOSED + timedelta(days=40)) == 0
    keep_contacts_for(study=study, days=None)
    assert at(study, monkeypatch, CLOSED + timedelta(days=400)) == 0
    assert [entry.deed for entry in study.trail.all()] == [
        "names and e-mails are kept until somebody erases them",
        "names and e-mails are kept until 60 days after reading is closed",
        "names and e-mails are kept until 30 days after reading is closed",
    ]


def test_the_page_says_the_day_and_takes_another(coordinator, study):
    assert "Kept until you erase them" in coordinator.get(PAGE).content.decode()
    page = coordinator.post(PAGE, {"step": "keep-names", "days": "30"}, follow=True).content.decode()
    assert "Names and e-mails are erased 30 days after reading is closed." in page
    assert "Erased by themselves 30 days after reading is closed; it is open." in page
    closed_on(study, timezone.now())
    page = coordinator.get(PAGE).content.decode()
    day = timezone.now() + timedelta(days=30)
    assert f"Erased by themselves on {day.day} {day:%B %Y}" in page
    assert 'value="30"' in page
    assert f"erase themselves on {day.day} {day:%B %Y}" in coordinator.get("/studies/small/surveys/readers/").content.decode()
    for wrong in ("0", "-1", "4000", "soon"):
        refused = coordinator.post(PAGE, {"step": "keep-names", "days": wrong})
        assert refused.status_code == 422
        assert "errorlist" in refused.content.decode()
    closed_on(study, CLOSED)
    assert coordinator.post(PAGE, {"step": "keep-names", "days": "2"}).status_code == 422
    assert "more than 2 days ago" in coordinator.post(PAGE, {"step": "keep-names", "days": "2"}).content.decode()
    archive_study(study=study)
    page = coordinator.post(PAGE, {"step": "keep-names", "days": ""}, follow=True).content.decode()
    assert "Names and e-mails stay until you erase them." in page
    assert ReaderContact.objects.count() == 2


def test_a_program_says_how_long_and_only_a_coordinators(study):
    api = APIClient()
    api.force_authenticate(User.objects.create_superuser("root"))
    closed_on(study, timezone.now())
    told = api.post("/api/studies/small/keep-names/", {"days": 14}, format="json")
    assert told.status_code == 200, told.content
    assert told.json()["names_erased_at"] is not None
    assert api.post("/api/studies/small/keep-names/", {"days": None}, format="json").json()["names_erased_at"] is None
    analyst = User.objects.create_user("ana")
    Membership.objects.create(study=study, user=analyst, role="analyst")
    api.force_authenticate(analyst)
    assert api.post("/api/studies/small/keep-names/", {"days": 14}, format="json").status_code == 403


def file_of(study, **tables) -> bytes:
    return toml_text(preset_of(study) | tables).encode()


@pytest.fixture
def unread():
    study = make_study("unread")
    make_protocol(study)
    return study


def kept(study) -> int | None:
    return StudyProtocol.objects.get(study=study).contacts_kept_days


def test_a_study_file_says_how_long_names_are_kept_and_gives_it_back(unread, client):
    assert "contacts" not in preset_of(unread)
    given = file_of(unread, contacts={"kept_days": 30})
    change_study(study=unread, preset=given)
    assert kept(unread) == 30
    assert unread.trail.first().deed == "names and e-mails are kept until 30 days after reading is closed"
    back = preset_of(Study.objects.get(pk=unread.pk))
    assert back["contacts"] == {"kept_days": 30}
    begin_study(preset=toml_text(back).encode(), slug="again", title="", user=User.objects.create_superuser("root"))
    assert kept(Study.objects.get(slug="again")) == 30
    assert form_can_say(back), "the form keeps what it has no field for"
    client.force_login(User.objects.get())
    form = client.get("/studies/unread/set-up/").context["form"]
    said = {row.name: row.value() for row in form if row.value() not in (None, False)} | {"title": "Renamed"}
    assert client.post("/studies/unread/set-up/", said).status_code == 302
    assert (Study.objects.get(slug="unread").title, kept(unread)) == ("Renamed", 30)


def test_a_file_that_says_nothing_leaves_what_the_page_said(unread):
    keep_contacts_for(study=unread, days=60)
    preset = preset_of(unread)
    del preset["contacts"]
    change_study(study=unread, preset=toml_text(preset).encode())
    assert kept(unread) == 60


@pytest.mark.parametrize(
    ("contacts", "found"),
    [({"kept_days": 0}, "kept_days = 0"), ({"kept_days": 3651}, "kept_days = 3651"), ({"kept_days": 1.5}, "kept_days = 1.5"),
     ({"kept_days": True}, "kept_days = True"), ({"kept_days": "a month"}, "kept_days = 'a month'"), ({"days": 30}, "days")],
)  # fmt: skip
def test_a_file_that_says_it_wrongly_is_refused_in_a_sentence_and_changes_nothing(unread, contacts, found):
    with pytest.raises(ValidationError, match=f"a whole number of days from 1 to 3,650 after reading was closed; found {found}"):
        change_study(study=unread, preset=file_of(unread, contacts=contacts))
    assert kept(unread) is None


def test_once_somebody_has_answered_the_page_alone_changes_it(study, tmp_path):
    file = tmp_path / "study.toml"
    file.write_bytes(file_of(study, contacts={"kept_days": 30}))
    keep_contacts_for(study=study, days=60)
    load_protocol(study=study, path=file)
    assert kept(study) == 60, "the same file loaded again neither fails nor takes the page's word back"
