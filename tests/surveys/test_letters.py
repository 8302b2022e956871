"""Letters in the study's own words, seen before they leave, and kept while the mail server is away."""

import smtplib
import socketserver
import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from imagebank.models import Job, Membership, WorkerBeat
from surveys.coordination.set_up_form import SetUpForm, form_can_say
from surveys.models import Invitation, Letter
from surveys.services import invite, load_protocol, queue_letters, resume_letters, sample_letter, send_waiting_letters
from surveys.services.recruiting.letter_words import check_letter
from surveys.services.setting_up.new_study import begin_study
from surveys.services.setting_up.preset_text import preset_of, toml_text
from surveys.tasks import resume_letters_everywhere
from tests.surveys.study import group, make_study, survey

pytestmark = pytest.mark.django_db
BODY = "Dear {name},\n\nread with other {group_plural}: {link} until {deadline}. {{No code.}}"


@pytest.fixture
def coordinator(client, study):
    user = User.objects.create_user("cora", email="cora@clinic.org")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    return client


def own_words(study, subject="Read for {study}", body=BODY):
    protocol = study.protocol
    protocol.invitation_subject, protocol.invitation_body = subject, body
    protocol.save()


def invited(study, email="ada@b.org", name="Ada", number=1):
    invitation, _ = invite(survey=survey(study, number), group=group(study), email=email, name=name)
    Letter.objects.create(invitation=invitation, kind="invitation")
    return invitation


def test_the_invitation_is_in_the_studys_own_words_with_what_differs_filled_in(study):
    own_words(study)
    invited(study, name="Ada\nBcc: x@y.z")
    assert send_waiting_letters(study=study).sent == 1
    letter = mail.outbox[0]
    assert letter.subject == "Read for A small study"
    assert letter.body.startswith("Dear Ada Bcc: x@y.z,\n\nread with other geneticists: http")
    assert "{No code.}" in letter.body
    assert "until " in letter.body


def test_without_words_of_its_own_it_is_in_ours(study):
    invited(study, name="")
    send_waiting_letters(study=study)
    assert "Dear colleague" in mail.outbox[0].body
    assert mail.outbox[0].subject == "Invitation: A small study"


@pytest.mark.parametrize(
    ("subject", "body", "why"),
    [
        ("", "Dear {nmae}, {link}", "invitation_body names {nmae}, which no reader has; it may name {deadline}, {expires}"),
        ("", "{link.__class__}", "names {link.__class__}"),
        ("", "{link:>900000000}", "names {link}"),
        ("", "{link!r}", "names {link}"),
        ("", "{0} {link}", "names {0}"),
        ("{link}", "{link}", "invitation_subject names {link}"),
        ("", "Dear {name}, {link", "a brace without its partner"),
        ("", "Dear {name}", "needs {link}"),
        ("a\nb", "", "one line"),
    ],
)
def test_a_place_that_cannot_be_filled_is_told_in_one_sentence(subject, body, why):
    with pytest.raises(ValidationError) as refusal:
        check_letter(subject=subject, body=body)
    assert len(refusal.value.messages) == 1
    assert why in refusal.value.messages[0]


def preset(**texts) -> dict:
    return {
        "schema": "study-preset/1",
        "study": {"slug": "new", "title": "New", "question": "Which one?"},
        "classes": [{"code": "A", "name": "Aa"}, {"code": "B", "name": "Bb"}],
        "views": [{"code": "photo", "label": "clinical"}],
        "reader_groups": [{"code": "doctor", "singular": "doctor", "plural": "doctors"}],
        "survey_set": {"per_class": 3, "sets": 1},
        "texts": texts,
    }


def begun(**texts):
    user = User.objects.create_superuser(f"root{User.objects.count()}")
    return begin_study(preset=toml_text(preset(**texts)).encode(), slug="new", title="New", user=user)


def test_a_preset_with_a_wrong_place_is_refused_and_one_with_a_letter_comes_back_from_the_study():
    with pytest.raises(ValidationError, match="names {who}"):
        begun(invitation_body="Dear {who}, {link}")
    study = begun(invitation_subject="Read", invitation_body="Dear {name}, {link}")
    texts = preset_of(study)["texts"]
    assert (texts["invitation_subject"], texts["invitation_body"]) == ("Read", "Dear {name}, {link}")
    assert form_can_say(preset_of(study))
    form = SetUpForm({}, known=preset_of(study))
    assert form["invitation_body"].initial == "Dear {name}, {link}"


def test_a_preset_without_texts_still_tells_readers_what_the_study_is(tmp_path):
    study = begun()
    protocol = study.protocol
    assert protocol.landing_text.startswith("You are invited to read 6 images and to answer one question about each: Which one?")
    assert all((protocol.instructions_text, protocol.practice_text, protocol.break_text, protocol.thanks_text))
    assert protocol.consent_text == "", "consent is never made up"
    path = tmp_path / "study.toml"
    path.write_text(toml_text(preset()))
    assert load_protocol(study=study, path=path).landing_text == protocol.landing_text


def test_the_page_shows_the_letters_and_sends_one_to_oneself(coordinator, study):
    own_words(study)
    page = coordinator.get("/studies/small/surveys/readers/letters/").content.decode()
    assert "Dear Dr. Ada Example" in page
    assert "A reminder: A small study" in page
    assert "cora@clinic.org" in page
    coordinator.post("/studies/small/surveys/readers/letters/?group=pediatrician", {"kind": "invitation"})
    test = mail.outbox[0]
    assert (test.to, test.subject) == (["cora@clinic.org"], "[Test] Read for A small study")
    assert "other pediatricians" in test.body
    link = test.body.split("localhost:8000")[1].split()[0]
    assert coordinator.get(link).status_code == 404, "the link of a test opens nothing"
    assert not Invitation.objects.exists()


def test_the_trial_run_of_a_list_shows_the_letter(coordinator, study):
    own_words(study)
    answer = coordinator.post("/studies/small/surveys/readers/list/", {"text": "email,group\na@b.org,geneticist\n"})
    assert "read with other geneticists" in answer.content.decode()


def test_a_test_letter_tells_at_once_that_the_mail_server_is_away(coordinator, study, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    page = coordinator.post("/studies/small/surveys/readers/letters/", {"kind": "invitation"}, follow=True).content.decode()
    assert "The mail server could not be used (ConnectionRefusedError)" in page


def test_letters_wait_for_a_mail_server_that_is_away_and_leave_when_it_is_back(coordinator, study, settings):
    invited(study)
    usual = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    links = Invitation.objects.count()
    posted = send_waiting_letters(study=study)
    assert (posted.sent, posted.failed, posted.waiting) == (0, 0, 1)
    assert Invitation.objects.count() == links, "no link is made for a letter that cannot leave"
    page = coordinator.get("/studies/small/surveys/readers/").content.decode()
    assert "1 letter waits to be sent: The mail server could not be used (ConnectionRefusedError)" in page
    assert "No worker is running" in page
    WorkerBeat.objects.create(name="w", at=timezone.now())
    assert "No worker is running" not in coordinator.get("/studies/small/surveys/readers/").content.decode()
    settings.EMAIL_BACKEND = usual
    assert send_waiting_letters(study=study).sent == 1
    assert "wait" not in coordinator.get("/studies/small/surveys/readers/letters/").content.decode().split("<main")[1]


def test_waiting_letters_are_tried_again_by_the_worker_in_one_job(study, settings, django_capture_on_commit_callbacks):
    invitation = invited(study)
    Letter.objects.all().delete()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with django_capture_on_commit_callbacks(execute=True):
        queue_letters(study=study, invitations=[invitation], kind="invitation")
    job = Job.objects.get()
    assert job.state == "failed"
    assert "Letters that wait: 1." in job.error
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with django_capture_on_commit_callbacks(execute=True):
        assert resume_letters_everywhere() == 1
    assert (Job.objects.get().state, len(mail.outbox)) == ("succeeded", 1)
    assert resume_letters(study=study) is None


def test_who_is_told_later_waits_and_who_is_refused_fails(study, monkeypatch):
    invited(study, "later@b.org")
    invited(study, "gone@b.org", number=2)
    codes = {"later@b.org": 451, "gone@b.org": 550}

    def refuse(message, *args):
        raise smtplib.SMTPRecipientsRefused({message.to[0]: (codes[message.to[0]], b"no")})

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    links = Invitation.objects.count()
    posted = send_waiting_letters(study=study)
    assert (posted.failed, posted.waiting) == (1, 1)
    assert Invitation.objects.count() == links + 1, "the link of the letter that waits was seen by nobody and is gone"
    Letter.objects.filter(state="waiting").update(created_at=timezone.now() - timedelta(days=4))
    assert send_waiting_letters(study=study).failed == 1
    assert not Letter.objects.filter(problem__contains="@").exists()


class RudeMailServer(socketserver.StreamRequestHandler):
    """Takes one letter, then hangs up on the next one before taking it."""

    taken: list = []

    def handle(self):
        self.wfile.write(b"220 rude\r\n")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"MAIL" and len(self.taken) == 1:
                self.taken.append("hung up")
                return
            if word == b"DATA":
                self.wfile.write(b"354 go\r\n")
                while self.rfile.readline() != b".\r\n":
                    pass
                self.taken.append("letter")
            self.wfile.write(b"250 ok\r\n")


def test_a_connection_that_breaks_loses_one_letter_at_most(study, settings):
    for number in (1, 2, 3):
        invited(study, f"{number}@b.org", number=number)
    RudeMailServer.taken = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), RudeMailServer) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address
        posted = send_waiting_letters(study=study)
        server.shutdown()
    assert (posted.sent, posted.failed) == (2, 1)
    assert [letter.state for letter in Letter.objects.order_by("pk")] == ["sent", "failed", "sent"]


def test_a_study_that_has_no_readers_has_a_page_of_letters_that_says_so(client):
    make_study("bare")
    client.force_login(User.objects.create_superuser("root"))
    assert "No letters yet" in client.get("/studies/bare/surveys/readers/letters/").content.decode()


def test_the_sample_of_a_reminder_is_ours_whatever_the_invitation_says(study):
    own_words(study)
    assert "Your place is still kept" in sample_letter(kind="reminder", group=group(study)).body


def test_a_letter_is_sent_again_by_a_press(coordinator, study, django_capture_on_commit_callbacks):
    invitation = invited(study)
    Letter.objects.update(state="failed")
    with django_capture_on_commit_callbacks(execute=True):
        coordinator.post(f"/studies/small/surveys/readers/{invitation.reader.pk}/letter/")
    assert mail.outbox[0].to == ["ada@b.org"]
    invitation.reader.contact.delete()
    page = coordinator.post(f"/studies/small/surveys/readers/{invitation.reader.pk}/letter/", follow=True)
    assert "No e-mail address is kept" in page.content.decode()


def test_a_study_that_addresses_its_readers_in_german_writes_to_them_in_german(study):
    study.protocol.language = "de"
    study.protocol.save()
    letter = sample_letter(kind="invitation", group=group(study))
    assert letter.subject == "Einladung: A small study"
    assert "Guten Tag Dr. Ada Example" in letter.body
    assert "Erinnerung" in sample_letter(kind="reminder", group=group(study)).subject
    own_words(study)
    assert "geneticists" in sample_letter(kind="invitation", group=group(study)).body
