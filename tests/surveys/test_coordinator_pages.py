"""Promises about the coordinator's pages."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from imagebank.models import Membership
from surveys.coordination.views import preview_places
from surveys.core.answer_log import log_faults, read_answer_log
from surveys.exports.files import export_files
from surveys.models import Answer, Invitation, Seat, SurveyItem, SurveyResponse
from surveys.questions import questions_of
from surveys.services import record_answer, simulate_readers
from tests.surveys.rating_study import make_rating_study, rater_opened
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
    link = re.search(r'>(http[^<]+/r/[^<]+)</textarea>', response.content.decode()).group(1)
    assert coordinator.get(link).status_code == 200
    assert link.rstrip("/").split("/")[-1] not in coordinator.get(page("readers")).content.decode()
    assert Invitation.objects.get().seat.survey == survey(study, 3)


def test_a_lost_link_can_be_renewed(coordinator, study):
    response = begin(study)
    text = coordinator.post(page("renew", pk=response.seat.pk)).content.decode()
    link = re.search(r'>(http[^<]+/r/[^<]+)</textarea>', text).group(1)
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


def test_the_certificate_is_verified_again_and_a_changed_row_is_named(coordinator, study):
    text = coordinator.post(page("certificate")).content.decode()
    assert "Every promise holds" in text
    assert "drawn once more from the seed" in text
    assert text.count("<svg") == 7
    first, second = (
        SurveyItem.objects.filter(block__survey__number=number, block__position=1).order_by("position")[0]
        for number in (1, 2)
    )
    SurveyItem.objects.filter(pk=first.pk).update(item=second.item_id)
    changed = coordinator.post(page("certificate")).content.decode()
    assert "A promise is broken" in changed
    assert "Survey 1, block 1 (focused) differs from the design." in changed


def test_a_changed_class_of_reference_breaks_the_certificate(coordinator, study):
    item = SurveyItem.objects.first().item
    item.truth.diagnosis = study.classes.exclude(pk=item.truth.diagnosis_id)[0]
    item.truth.save()
    assert "A promise is broken" in coordinator.post(page("certificate")).content.decode()


@pytest.mark.parametrize("make", [None, make_rating_study], ids=["reading", "rating"])
def test_every_page_of_every_kind_of_study_can_be_previewed_and_exported(client, study, make):
    shown = make() if make else study
    user = get_user_model().objects.create_superuser("root")
    client.force_login(user)
    here = {"slug": shown.slug}
    for name in ("overview", "certificate", "readers", "recruitment", "exports", "invite-list"):
        assert client.get(reverse(f"surveys:{name}", kwargs=here)).status_code == 200, name
    verified = client.post(reverse("surveys:certificate", kwargs=here)).content.decode()
    assert "Recomputed now" in verified
    assert "Every promise holds" in verified
    for place in preview_places(survey(shown)):
        text = client.get(place.url)
        assert text.status_code == 200, place
        assert "nothing is saved" in text.content.decode()
    places = preview_places(survey(shown))
    assert client.post(places[0].url).url == places[1].url
    assert client.post(places[-1].url).url == reverse("surveys:certificate", kwargs=here)
    assert client.get(reverse("surveys:export-file", kwargs=here | {"name": "bundle.zip"})).status_code == 200
    assert not Answer.objects.exists()
    assert not SurveyResponse.objects.exists()


def test_the_answer_log_of_a_rating_study_is_whole_outside_the_database(tmp_path):
    rated = make_rating_study()
    response, items = rater_opened(rated)
    question = questions_of(rated.protocol)[0]
    record_answer(
        survey_response=response, survey_item=items[0], question=question.code, event_id=uuid4(),
        value={"answer": "real", "confidence": 70},
    )  # fmt: skip
    text = next(file for file in export_files(rated) if file.name == "answers.csv").text(rated)
    path = tmp_path / "answers.csv"
    path.write_text(text, encoding="utf-8")
    rows = read_answer_log(path)
    assert rows[0]["question"] == question.code
    assert log_faults(rows) == []
    assert log_faults([rows[0] | {"value": '{"answer": "generated", "confidence": 70}'}])
