"""Promises about inviting people: lists, letters, reminders, the vault, the funnel."""

import io
import re
import smtplib
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook

from imagebank.models import Job, Membership
from surveys import tasks
from surveys.coordination.flow_figure import flow_figure
from surveys.models import Invitation, Letter, Reader, ReaderContact, Seat, SurveyResponse
from surveys.services import (
    add_link,
    due_reminders,
    erase_contacts,
    invite,
    invite_many,
    open_invitation,
    queue_letters,
    record_bounce,
    record_reply,
    renew_invitation,
    replace_seat,
    send_reminders,
    send_waiting_letters,
    simulate_readers,
    start_response,
)
from surveys.services.recruiting.funnel import funnels
from surveys.services.recruiting.invitation_list import read_invitation_list
from surveys.tasks import release_everywhere
from tests.surveys.sitting import begin, read_all
from tests.surveys.study import group, survey

pytestmark = pytest.mark.django_db
LIST = b"email,group,name,survey\nada@b.org,geneticist,Ada,S01\nbob@b.org,pediatricians,Bob,\n"


@pytest.fixture
def coordinator(client, study):
    user = get_user_model().objects.create_user("cora", password="a long password")
    Membership.objects.create(study=study, user=user, role="coordinator")
    client.force_login(user)
    return client


def page(name, **kwargs):
    return reverse(f"surveys:{name}", kwargs={"slug": "small", **kwargs})


def link_in(letter) -> str:
    return re.search(r"/r/([^/]+)/", letter.body).group(1)


def test_a_list_invites_all_or_nobody_and_names_every_bad_row(study):
    invite(survey=survey(study, 2), group=group(study), email="old@b.org")
    bad = (
        b"email;group;survey\n;geneticist;\nnobody;geneticist;\nOLD@b.org;geneticist;\nx@b.org;surgeon;S99\n"
        b"y@b.org;geneticist;S02\nz@b.org;geneticist;S01\nZ@b.org;geneticist;S01\ngood@b.org;pediatrician;\n"
    )
    with pytest.raises(ValidationError) as caught:
        invite_many(study=study, data=bad, send=False)
    assert [text.split(":")[0] for text in caught.value.messages] == [f"Line {line}" for line in (2, 3, 4, 5, 6, 8)]
    words = " ".join(caught.value.messages)
    for expected in ("email is empty", "no e-mail address", "invited before, as G01", "'surgeon'", "no survey 'S99'",
                     "S02 is not free", "same address as line 7", "goes to line 7"):  # fmt: skip
        assert expected in words
    assert Reader.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"email,group\nm\xc3\xbc@\xff", "UTF-8, but line 2"), (b"", "header"), (b"name\nAda\n", "column email"), (b"email,group\n", "no rows")],
)
def test_what_is_no_list_is_refused_in_a_sentence(study, data, why):
    with pytest.raises(ValidationError, match=why):
        invite_many(study=study, data=data, send=False)


def test_a_list_in_a_workbook_or_in_windows_letters_is_shown_as_text_and_the_guess_told(coordinator, study):
    book, out = Workbook(), io.BytesIO()
    for row in (["E-Mail", "group", "name", None], ["aenne@b.org", "pediatrician", "Änne\xa0Weber"], [None]):
        book.active.append(row)
    book.save(out)
    answer = coordinator.post(page("invite-list"), {"file": SimpleUploadedFile("people.xlsx", out.getvalue())})
    assert [(row.email, row.name) for row in answer.context["listed"].invitees] == [("aenne@b.org", "Änne Weber")]
    assert answer.context["text"].splitlines()[0] == "E-Mail,group,name"
    windows = "E-Mail;group;name\r\naenne@b.org;pediatrician;Änne\r\n".encode("cp1252")
    answer = coordinator.post(page("invite-list"), {"file": SimpleUploadedFile("people.csv", windows)})
    assert "Look at its letters: &quot;Änne&quot;" in answer.content.decode()
    assert answer.context["text"].splitlines()[1] == "aenne@b.org,pediatrician,Änne"


MESS = (
    'Müller, Änne <aenne@b.org>; "Groß, Jürgen" <j.gross@b.org>\r\n zoe@b.org, Li Wei <li@b.org>,\n'
    "weiss.b.org; Zoe <zoe@b.org>;"
)


def test_addresses_are_pasted_as_a_mail_program_copies_them(coordinator, study):
    answer = coordinator.post(page("invite-list"), {"text": MESS, "group": "pediatrician"})
    wrong = [words for _, words in answer.context["listed"].errors]
    assert (answer.status_code, wrong) == (422, ["'weiss.b.org' is no e-mail address", "the same address as line 4"])
    shown = answer.context["text"]
    assert "aenne@b.org,pediatrician,Änne Müller" in shown, "what was read can be mended in place"
    lines = [line for line in shown.splitlines() if not line.startswith(("weiss", "zoe@b.org,pediatrician,Zoe"))]
    answer = coordinator.post(page("invite-list"), {"text": "\n".join(lines), "confirm": "yes", "how": "letters"})
    assert answer.status_code == 302
    assert set(ReaderContact.objects.values_list("name", "email")) == {
        ("Änne Müller", "aenne@b.org"), ("Jürgen Groß", "j.gross@b.org"), ("", "zoe@b.org"), ("Li Wei", "li@b.org"),
    }  # fmt: skip
    assert set(Reader.objects.values_list("group__code", flat=True)) == {"pediatrician"}


def test_a_table_may_hold_name_and_address_in_one_cell(study):
    rows = read_invitation_list(study, 'E-Mail;group\n"Groß, Jürgen <j@b.org>";geneticist\n'.encode()).invitees
    assert [(row.email, row.name) for row in rows] == [("j@b.org", "Jürgen Groß")]


def test_the_trial_run_stores_nothing_and_the_press_invites(coordinator, study, django_capture_on_commit_callbacks):
    from django.core.files.uploadedfile import SimpleUploadedFile

    tried = coordinator.post(page("invite-list"), {"file": SimpleUploadedFile("list.csv", LIST)}).content.decode()
    assert "All 2 rows can be used" in tried
    assert not Reader.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        done = coordinator.post(page("invite-list"), {"text": LIST.decode(), "how": "letters", "confirm": "yes"})
    assert done.status_code == 302
    assert Job.objects.get().state == "succeeded"
    assert sorted(letter.to[0] for letter in mail.outbox) == ["ada@b.org", "bob@b.org"]
    assert set(Letter.objects.values_list("state", flat=True)) == {"sent"}
    assert survey(study).seats.get(group=group(study)).state == "reserved"
    assert coordinator.get(f"/r/{link_in(mail.outbox[0])}/").status_code == 200
    bad = coordinator.post(page("invite-list"), {"text": LIST.decode(), "confirm": "yes"})
    assert bad.status_code == 422
    assert "invited before" in bad.content.decode()


def test_links_of_a_list_come_once_as_a_file(coordinator, study):
    text = coordinator.post(page("invite-list"), {"text": LIST.decode(), "how": "links", "confirm": "yes"})
    links = re.findall(r"http\S+/r/[^/]+/", text.content.decode())
    assert len(links) == 2
    assert coordinator.get(links[1]).status_code == 200
    assert not mail.outbox


def test_a_letter_that_is_refused_is_recorded_without_the_address(study, monkeypatch):
    invitation, _ = invite(group=group(study), email="gone@b.org")
    queue_letters(study=study, invitations=[invitation], kind="invitation")

    def refuse(*args):
        raise smtplib.SMTPRecipientsRefused({"gone@b.org": (550, b"no such user gone@b.org")})

    monkeypatch.setattr("django.core.mail.EmailMessage.send", refuse)
    posted = send_waiting_letters(study=study)
    assert (posted.sent, posted.failed) == (0, 1)
    letter = Letter.objects.get()
    assert letter.state == "failed"
    assert letter.problem == "The mail server refused the address (550)."
    assert send_waiting_letters(study=study).failed == 0, "a refused letter is tried once"


def test_a_letter_under_way_at_a_crash_is_never_sent_twice(study):
    invitation, _ = invite(group=group(study), email="ada@b.org")
    Letter.objects.create(invitation=invitation, kind="invitation", state="sending")
    assert send_waiting_letters(study=study).sent == 0
    assert not mail.outbox
    assert "not known" in Letter.objects.get().problem


def test_a_reminder_brings_another_link_and_the_earlier_ones_go_on_working(study):
    _, raw = invite(survey=survey(study), group=group(study), email="ada@b.org")
    invitation = open_invitation(raw)
    queue_letters(study=study, invitations=[invitation], kind="invitation")
    send_waiting_letters(study=study)
    response = start_response(invitation=open_invitation(raw))
    assert not due_reminders(study=study)
    Letter.objects.update(settled_at=timezone.now() - timedelta(days=8))
    assert send_reminders(study=study) == 1
    send_waiting_letters(study=study)
    assert "you have begun to read" in mail.outbox[1].body
    assert "A small study" in mail.outbox[1].subject
    for token in (raw, link_in(mail.outbox[0]), link_in(mail.outbox[1])):
        assert open_invitation(token).response == response
        assert start_response(invitation=open_invitation(token)) == response
    assert SurveyResponse.objects.count() == 1
    assert send_reminders(study=study) == 0, "not again on the same day"


def test_two_links_without_a_seat_lead_to_one_sitting(study):
    first, raw = invite(group=group(study))
    _, other = add_link(invitation=first)
    response = start_response(invitation=open_invitation(other))
    assert start_response(invitation=open_invitation(raw)) == response
    assert Seat.objects.filter(state="started").count() == 1
    renewed, newest = renew_invitation(invitation=open_invitation(raw))
    assert start_response(invitation=open_invitation(newest)) == response
    assert list(Invitation.objects.filter(revoked_at=None)) == [renewed]


def test_who_declined_finished_or_cannot_be_reached_is_not_reminded(study):
    kinds = {}
    for number, name in enumerate(("finished", "declined", "bounced", "erased"), start=1):
        invitation, raw = invite(survey=survey(study, number), group=group(study), email=f"{name}@b.org")
        Letter.objects.create(invitation=invitation, kind="invitation", state="sent",
                              settled_at=timezone.now() - timedelta(days=9))  # fmt: skip
        kinds[name] = invitation.reader
    assert len(due_reminders(study=study)) == 4
    SurveyResponse.objects.create(survey=survey(study, 1), group=group(study), reader=kinds["finished"],
                                  finished_at=timezone.now())  # fmt: skip
    record_reply(reader=kinds["declined"], agreed=False)
    record_bounce(reader=kinds["bounced"])
    kinds["erased"].contact.delete()
    assert due_reminders(study=study) == []
    assert survey(study, 2).seats.live().get(group=group(study)).state == "free", "declining frees the seat"


REPORT = """From: MAILER-DAEMON@b.org
Subject: Undelivered Mail
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

Sorry.
--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; b.org

Final-Recipient: rfc822; {address}
Action: {action}
Status: 5.1.1 (bad mailbox)

--cut--
"""


def test_delivery_reports_mark_the_letters_that_came_back(study, tmp_path, capsys):
    for name in ("gone", "slow"):
        invitation, _ = invite(group=group(study), email=f"{name}@b.org")
        Letter.objects.create(invitation=invitation, kind="invitation", state="sent", settled_at=timezone.now())
    reports = {"1": ("Gone@b.org", "failed"), "2": ("slow@b.org", "delayed"), "3": ("other@c.org", "failed")}
    for name, (address, action) in reports.items():
        (tmp_path / name).write_text(REPORT.format(address=address, action=action))
    (tmp_path / "4").write_text("Subject: hello\n\nno report")
    for _ in range(2):
        call_command("record_bounces", "small", str(tmp_path))
        assert "1 letters of small came back; 1 reports are about others, 2 messages" in capsys.readouterr().out
    assert list(Letter.objects.values_list("state", flat=True)) == ["bounced", "sent"]
    assert Letter.objects.first().problem == "The receiving server gave it back (5.1.1)."


def test_erasing_the_vault_leaves_seats_and_answers(study):
    read_all(begin(study, 1))
    invite(survey=survey(study, 2), group=group(study), name="Ada", email="ada@b.org")
    before = list(Seat.objects.values_list("state", "reader"))
    assert erase_contacts(study=study) == 1
    assert not ReaderContact.objects.exists()
    assert list(Seat.objects.values_list("state", "reader")) == before
    with pytest.raises(ValidationError, match="not free"):
        invite(survey=survey(study, 2), group=group(study))


def test_the_funnel_counts_every_person_once_and_says_where_they_left(study):
    people = [invite(group=group(study))[0].reader for _ in range(3)]
    record_reply(reader=people[0], agreed=False)
    record_reply(reader=people[1], agreed=True)
    early = begin(study, 1)
    replace_seat(seat=early.seat, let_reader_finish=True)
    read_all(begin(study, 1))
    read_all(early)
    read_all(begin(study, 2), skip=(2,))
    accuracies = {(code, view): 0.7 for code in ("geneticist", "pediatrician") for view in ("focused", "panoramic")}
    simulate_readers(study=study, seed=1, accuracies=accuracies)
    geneticists = funnels(study)[0]
    assert geneticists.reached == {"contacted": 6, "agreed": 4, "started": 3, "completed": 2, "analysed": 1}
    assert geneticists.lost["contacted"]["declined"] == 1
    assert geneticists.lost["contacted"]["no answer yet"] == 1
    assert geneticists.lost["agreed"]["not started yet"] == 1
    assert geneticists.lost["started"]["too few answers"] == 1
    assert geneticists.lost["completed"]["another was first"] == 1
    assert geneticists.simulated == 3
    stages = list(geneticists.reached)
    for stage, following in zip(stages, stages[1:]):
        kept = geneticists.reached[stage] - geneticists.reached[following]
        assert sum(geneticists.lost[stage].values()) == kept, "nobody disappears"
    figure = flow_figure(geneticists)
    assert [box.lines[1][0] for box in figure.main] == ["n = 6", "n = 4", "n = 3", "n = 2", "n = 1"]


def test_the_recruitment_page_its_table_and_its_figure(coordinator, study):
    begin(study)
    assert "Said so to a coordinator" in coordinator.get(page("recruitment")).content.decode()
    assert coordinator.get(page("recruitment-file")).content.decode().startswith("group,stage,reason,readers\n")
    figure = coordinator.get(page("recruitment-figure", group="geneticist"))
    assert figure["Content-Type"] == "image/svg+xml"
    assert figure.content.startswith(b"<svg")


@pytest.mark.parametrize("action", ["renew", "agreed", "declined", "bounced", "revoke"])
def test_every_press_about_a_reader_says_what_happened(coordinator, study, action):
    invitation, raw = invite(group=group(study), email="ada@b.org")
    answer = coordinator.post(page("reader-action", pk=invitation.reader.pk, action=action), follow=True)
    assert answer.status_code == 200
    assert "alert" in answer.content.decode()
    assert raw not in answer.content.decode()


def test_the_worker_frees_expired_seats_of_every_study(study):
    invite(survey=survey(study), group=group(study))
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert release_everywhere() == 1
    assert release_everywhere() == 0


def test_a_duty_that_fails_keeps_the_worker_from_none_of_the_others(study, monkeypatch, caplog):
    invite(survey=survey(study), group=group(study))
    Invitation.objects.update(expires_at=timezone.now() - timedelta(days=1))

    def breaks():
        raise RuntimeError("a picture of another world")

    monkeypatch.setattr(tasks, "DUTIES", (breaks, *tasks.DUTIES))
    monkeypatch.setattr(tasks.connection, "close", lambda: None)  # the test's own transaction lives in it
    tasks.look_after()

    assert "breaks was not done" in caplog.text
    assert Seat.objects.get(survey=survey(study), group=group(study)).state == Seat.State.FREE


def test_the_commands_say_what_they_did(study, tmp_path, capsys):
    path = tmp_path / "list.csv"
    path.write_bytes(LIST)
    call_command("invite_readers", "small", str(path), "--dry-run")
    assert "2 rows can be used, 0 cannot" in capsys.readouterr().out
    call_command("invite_readers", "small", str(path))
    assert capsys.readouterr().out.count("/r/") == 2
    call_command("send_reminders", "small")
    call_command("erase_contacts", "small")
    assert "2 names and addresses" in capsys.readouterr().out


def test_a_name_is_erased_by_a_second_press_after_saying_what_is_lost(coordinator, study):
    invitation, raw = invite(survey=survey(study), group=group(study), name="Ada", email="ada@b.org")
    address = f"/studies/small/surveys/readers/{invitation.reader.pk}/erase/"
    assert address in coordinator.get("/studies/small/surveys/readers/").content.decode()
    page = coordinator.get(address).content.decode()
    assert "Erases for good: Ada, ada@b.org" in page
    assert "No reminder" in page
    assert ReaderContact.objects.exists(), "looking erases nothing"
    assert coordinator.post(address).status_code == 302
    assert not ReaderContact.objects.exists()
    assert "nothing to erase" in coordinator.get(address).content.decode()
    deed = study.trail.get()
    assert deed.deed == f"name and e-mail of {invitation.reader} erased"
    assert coordinator.get(f"/r/{raw}/").status_code == 200, "the link goes on working"
