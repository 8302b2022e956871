"""A certificate of participation: for whoever has finished, with a name that is kept nowhere and a code that is known again."""

import io
import re

import pytest
from django.core.management import call_command
from django.test import override_settings
from django.urls import reverse

from surveys.models import Invitation, ReaderContact
from surveys.reading import participation, participation_pdf
from surveys.services import archive_study, close_reading, invite, open_invitation, withdraw_reader
from surveys.services.ending.participation import code_of, find_participation
from tests.surveys.debriefed import ISSUER, make_read_study, read_by_link, signed_in
from tests.surveys.study import group, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
CHECK = "/studies/small/surveys/debrief/certificate/"
NAME = "Dr. Zoë Quittenbaum"


def page_of(raw: str, name: str = "participation") -> str:
    return reverse(f"surveys:{name}", kwargs={"token": raw})


def code_on(page: str) -> str:
    return re.search(r"<strong>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</strong>", page)[1]


def test_who_has_finished_gets_it_at_once_and_without_any_release(client):
    study, (raw,) = make_read_study(closed=False, debrief_offered=False)
    assert page_of(raw) in client.get(f"/r/{raw}/thanks/").content.decode()
    page = client.get(page_of(raw)).content.decode()
    assert ISSUER in page
    assert "12 images" in page
    assert "A small study" in page
    close_reading(study=study)
    archive_study(study=study)
    assert client.get(page_of(raw)).status_code == 200, "it tells no truth"


def test_nobody_else_gets_one(client):
    study, (raw,) = make_read_study(closed=False)
    _, begun = invite(survey=survey(study, 2), group=group(study))
    client.post(f"/r/{begun}/")
    assert client.get(page_of(begun)).status_code == 404
    assert client.post(page_of(begun, "participation-pdf"), {"name": NAME}).status_code == 404
    assert client.get(page_of("unknown")).status_code == 404
    withdraw_reader(reader=open_invitation(raw).reader)
    assert client.get(page_of(raw)).status_code == 410


def test_a_study_that_names_no_issuer_gives_none(client):
    _, (raw,) = make_read_study(certificate_issuer="")
    assert client.get(page_of(raw)).status_code == 404
    assert page_of(raw) not in client.get(f"/r/{raw}/thanks/").content.decode()


def test_the_name_of_the_vault_stands_in_the_field_while_it_is_there(client):
    study = make_surveyed_study(certificate_issuer=ISSUER)
    raw, sitting = read_by_link(study, 1, name="Ada Example", email="ada@example.org")
    assert 'value="Ada Example"' in client.get(page_of(raw)).content.decode()
    ReaderContact.objects.all().delete()
    assert "Ada Example" not in client.get(page_of(raw)).content.decode()


@pytest.mark.skipif(not participation_pdf.sets_pdf(), reason="Pango is not installed")
def test_the_pdf_has_the_name_and_the_database_has_not(client):
    _, (raw,) = make_read_study()
    answer = client.post(page_of(raw, "participation-pdf"), {"name": NAME})
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    assert (answer["Cache-Control"], answer["Content-Disposition"]) == ("no-store", 'attachment; filename="certificate.pdf"')
    assert len(client.post(page_of(raw, "participation-pdf"), {"name": ""}).content) > 1000
    dumped = io.StringIO()
    call_command("dumpdata", stdout=dumped)
    assert len(dumped.getvalue()) > 10000
    assert "Quittenbaum" not in dumped.getvalue()
    too_long = client.post(page_of(raw, "participation-pdf"), {"name": "x" * 121})
    assert too_long.status_code == 302


def test_a_typed_name_is_words_and_no_markup(client, monkeypatch):
    set_pages = []
    monkeypatch.setattr(participation, "sets_pdf", lambda: True)
    monkeypatch.setattr(participation, "pdf_of", lambda page: set_pages.append(page) or b"%PDF-")
    _, (raw,) = make_read_study()
    client.post(page_of(raw, "participation-pdf"), {"name": '<img src="file:///etc/passwd">'})
    assert "&lt;img" in set_pages[0]
    assert "<img" not in set_pages[0]


def test_without_pango_it_is_printed_by_the_browser(client, monkeypatch):
    monkeypatch.setattr(participation, "sets_pdf", lambda: False)
    _, (raw,) = make_read_study()
    page = client.get(page_of(raw)).content.decode()
    assert "Save as PDF" not in page
    assert 'id="print"' in page
    assert client.post(page_of(raw, "participation-pdf"), {"name": NAME}).status_code == 302


def test_the_code_is_known_again_and_says_nothing_of_the_person(client):
    study, (raw,) = make_read_study()
    code = code_on(client.get(page_of(raw)).content.decode())
    found = find_participation(study=study, code=code.lower().replace("-", " "))
    assert (found.images, found.code) == (12, code)
    signed_in(client, study)
    page = client.get(CHECK, {"code": code}).content.decode()
    assert "The code is of this study" in page
    assert open_invitation(raw).reader.code not in page
    for wrong in ("AAAA-AAAA-AAAA-AAAA", code[:-1], "", " ", "'; --"):
        assert "is of this study" not in client.get(CHECK, {"code": wrong}).content.decode()


def test_the_check_says_of_a_simulated_sitting_that_no_person_read(client):
    study, (raw,) = make_read_study()
    code = code_on(client.get(page_of(raw)).content.decode())
    signed_in(client, study)
    assert "simulated" not in client.get(CHECK, {"code": code}).content.decode()
    open_invitation(raw).reader.responses.update(simulated=True)
    assert "its answers are simulated" in client.get(CHECK, {"code": code}).content.decode()


def test_codes_differ_by_sitting_and_belong_to_one_study(client):
    study, links = make_read_study(3)
    other, _ = make_read_study(1, slug="other")
    codes = {code_of(open_invitation(raw).response) for raw in links}
    assert len(codes) == 3
    assert all(find_participation(study=other, code=code) is None for code in codes)


def test_a_code_outlives_a_change_of_the_sites_secret_that_names_the_former_one():
    study, (raw,) = make_read_study()
    code = code_of(open_invitation(raw).response)
    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[]):
        assert find_participation(study=study, code=code) is None
    from django.conf import settings

    with override_settings(SECRET_KEY="another", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        assert find_participation(study=study, code=code) is not None


def test_a_withdrawn_readers_code_is_known_no_more():
    study, (raw,) = make_read_study()
    code = code_of(open_invitation(raw).response)
    withdraw_reader(reader=Invitation.objects.get().reader)
    assert find_participation(study=study, code=code) is None
