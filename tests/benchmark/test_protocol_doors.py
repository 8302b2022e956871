"""The protocol's page, files, command and programming interface: who gets it, and what is noted when it leaves the house."""

import json
import re
from ctypes.util import find_library
from html import unescape
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse
from rest_framework.test import APIClient

from benchmark.core.report.protocol.document import BLANK
from benchmark.core.report.protocol.facts import PARTS, fingerprint, fingerprints
from benchmark.protocol import printing
from benchmark.protocol.facts import protocol_facts
from benchmark.protocol.printing import MAKE_PDF, made
from benchmark.services.protocol_log import handed_out
from imagebank.jobs import run_job
from imagebank.models import Study, TrailEntry
from surveys.services import archive_study
from tests.surveys.study import make_study, make_surveyed_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study(settings, tmp_path) -> Study:
    settings.VAR_DIR = tmp_path
    return make_surveyed_study()


def test_what_was_handed_out_is_noted_and_held_against_the_study(study, member, client):
    member(study, "coordinator")
    page, file = f"/studies/{study.slug}/protocol/", f"/studies/{study.slug}/protocol/file/"
    assert "Handed out" not in client.get(page).content.decode()
    for kind, start in (("docx", b"PK"), ("html", b"<!doctype html>"), ("docx", b"PK")):
        answer = client.post(file, {"kind": kind})
        assert answer.content.startswith(start)
        assert fingerprint(protocol_facts(study))[:8] in answer["Content-Disposition"]
    assert study.trail.count() == 1, "the same protocol on the same day is noted once"
    assert "nothing has changed since" in client.get(page).content.decode()
    study.protocol.consent_text = "Quite other words of consent."
    study.protocol.save()
    assert "since then changed: words" in client.get(page).content.decode()
    client.post(file, {"kind": "docx"})
    newest, first = handed_out(study=study, hashes=fingerprints(protocol_facts(study)))
    assert (newest.changed, first.changed) == ([], ["words"])
    assert len(study.trail.first().deed) < 200, "the log would cut it"
    assert client.post(file, {"kind": "exe"}).status_code == 404


def test_looking_notes_nothing_and_the_preview_stands_in_our_own_frame_only(study, member, client):
    member(study, "analyst")
    answer = client.get(f"/studies/{study.slug}/protocol/read/?accuracy=60")
    assert "Readers are right about 60 % of images" in answer.content.decode().replace("\u00a0", " ")
    assert answer["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert not TrailEntry.objects.exists()
    told = client.get(f"/studies/{study.slug}/protocol/?accuracy=95&difference=20").content.decode()
    assert "Accuracies of readers and network between 0 and 100 %" in unescape(told)


def test_page_and_frame_gather_the_facts_once(study, member, client, monkeypatch):
    member(study, "analyst")
    gathered = []
    monkeypatch.setattr(printing, "protocol_facts", lambda study, **given: gathered.append(given) or protocol_facts(study, **given))
    page = unescape(client.get(f"/studies/{study.slug}/protocol/?accuracy=60").content.decode())
    frame = re.search(r'<iframe[^>]+src="([^"]+)"', page)[1]
    shown = client.get(frame).content
    assert len(gathered) == 1
    assert shown == client.get(frame.replace("sha256=", "other=")).content
    assert len(gathered) == 2
    other = make_study("other")
    member(other, "analyst")
    assert other.title in client.get(frame.replace(f"/{study.slug}/", "/other/")).content.decode(), "what is kept is the study's own"


def test_a_record_is_taken_on_the_page_and_a_wrong_one_is_refused_with_a_sentence(study, member, client):
    member(study, "coordinator")
    address = f"/studies/{study.slug}/protocol/file/"
    good = SimpleUploadedFile("facts.toml", b'schema = "study-facts/1"\n[study]\nfunding = "A foundation of ours."\n')
    assert b"A foundation of ours." in client.post(address, {"kind": "html", "record": good}).content
    bad = SimpleUploadedFile("facts.toml", b'schema = "study-facts/1"\n[study]\nmoney = "x"\n')
    answer = client.post(address, {"kind": "html", "record": bad})
    assert answer.status_code == 400
    assert "is not a field" in answer.content.decode()
    assert study.trail.count() == 1


@pytest.mark.skipif(find_library("pangoft2-1.0") is None, reason="needs Debian's libpango-1.0-0 and libpangoft2-1.0-0")
def test_the_pdf_is_made_in_the_background_and_noted_when_it_is_fetched(study, member, client):
    api = APIClient()
    api.force_authenticate(member(study, "coordinator"))
    assert client.post(f"/studies/{study.slug}/protocol/file/", {"kind": "pdf"}).status_code == 302
    started = api.post(f"/api/protocols/{study.slug}/documents/", {"kind": "pdf"})
    assert (started.status_code, started.json()) == (202, {"job": str(study.jobs.get(kind=MAKE_PDF).pk)})
    file = f"/api/protocols/{study.slug}/documents/{started.json()['job']}/"
    assert api.get(file).status_code == 404, "not made yet"
    job = run_job(study.jobs.get(kind=MAKE_PDF).pk)
    assert job.state == job.State.SUCCEEDED, job.error
    page = client.get(f"/studies/{study.slug}/protocol/").content.decode()
    address = reverse("benchmark:protocol_pdf", args=[study.slug, job.pk])
    assert address in page
    assert not study.trail.exists()
    fetched = b"".join(client.get(address).streaming_content)
    assert fetched.startswith(b"%PDF")
    assert study.trail.count() == 1
    assert b"".join(api.get(file).streaming_content) == fetched


def test_the_command_writes_the_files_and_says_what_is_open(study, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmark.management.commands.protocol.can_print", lambda: False)
    out = tmp_path / "to-the-committee"
    record = tmp_path / "facts.toml"
    record.write_text('schema = "study-facts/1"\n[readers]\nincentives = "A book each."\n')
    call_command("protocol", study.slug, "--out", str(out), "--record", str(record), "--json")
    said = json.loads(capsys.readouterr().out)
    assert {Path(name).name for name in said["files"]} == {"protocol.docx", "protocol.html"}
    assert "A book each." in (out / "protocol.html").read_text()
    assert all(BLANK.fullmatch(words) for words in said["to_be_written"])
    assert said["sha256"] in (out / "protocol.html").read_text()
    assert TrailEntry.objects.get().by is None
    with pytest.raises(CommandError, match="difference other than 0") as caught:
        call_command("protocol", study.slug, "--out", str(tmp_path / "no"), "--difference", "0")
    assert caught.value.returncode == 2
    assert not (tmp_path / "no").exists()


def test_an_archived_study_hands_its_protocol_out_and_begins_no_work(study, member, client):
    api = APIClient()
    api.force_authenticate(member(study, "coordinator"))
    archive_study(study=study)
    file = f"/studies/{study.slug}/protocol/file/"
    assert client.post(file, {"kind": "docx"}).content.startswith(b"PK")
    given = api.post(f"/api/protocols/{study.slug}/documents/", {"kind": "html", "difference": 0.2})
    assert given.content == made(study, "html", assumed={"difference": 0.2}).content != made(study, "html").content
    assert given["Content-Type"].startswith("text/html")
    assert study.trail.filter(deed__startswith="protocol handed out").count() == 1, "the same parts on the same day"
    assert "Make the PDF" not in client.get(f"/studies/{study.slug}/protocol/").content.decode()
    client.post(file, {"kind": "pdf"})
    assert not study.jobs.exists()


def test_the_api_gives_facts_and_what_is_open_to_those_who_may(study, member):
    client, address = APIClient(), f"/api/protocols/{study.slug}/"
    client.force_authenticate(member(study, "engineer"))
    assert client.get(address).status_code == 403
    client.force_authenticate(member(study, "analyst"))
    told = client.get(address).json()
    assert told["sha256"] == fingerprint(protocol_facts(study))
    assert set(told["parts"]) == set(PARTS)
    assert told["facts"]["surveys"]["seed"] == 7
    assert told["handed_out"] == []
    assert client.get("/api/protocols/elsewhere/").status_code == 404
