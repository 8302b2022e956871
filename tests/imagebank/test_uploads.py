"""Uploads are kept whole or not at all, until the work on them is done."""

import errno
import os
import time

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from imagebank.models import Job
from imagebank.services.uploads import forget_uploads, keep_upload, kept_upload, uploads_folder

from .archives import zipped
from .factories import MembershipFactory


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return uploads_folder()


def half_a_file(self):
    yield b"PK"
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_upload_is_found_by_its_name_alone_and_forgotten_after_its_time(folder):
    name = keep_upload(SimpleUploadedFile("../a.zip", b"abc"), suffix=".zip")
    other = keep_upload(SimpleUploadedFile("a.csv", b"d"), suffix=".export")
    assert kept_upload(f"../../{name}").read_bytes() == b"abc"
    long_ago = time.time() - 100
    for kept in (name, other):
        os.utime(folder / kept, (long_ago, long_ago))

    forget_uploads(suffix=".export", after_s=50)

    assert [path.name for path in folder.iterdir()] == [name]
    with pytest.raises(ValidationError, match="no longer there"):
        kept_upload(other)


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["images/import/", "networks/import/"])
def test_a_page_whose_upload_finds_no_room_says_so_and_keeps_nothing(client, folder, monkeypatch, page):
    member = MembershipFactory(role="coordinator")
    MembershipFactory(role="engineer", study=member.study, user=member.user)
    client.force_login(member.user)
    monkeypatch.setattr("django.core.files.uploadedfile.InMemoryUploadedFile.chunks", half_a_file)

    answer = client.post(f"/studies/{member.study.slug}/{page}", {"archive": SimpleUploadedFile("a.zip", b"PK" * 9)})

    assert answer.status_code == 400
    assert "could not be kept: No space left on device. Make room and send it again." in answer.content.decode()
    assert not Job.objects.exists()
    assert not list(folder.iterdir())


def piece(data: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("piece", data)


@pytest.mark.django_db
def test_a_zip_in_pieces_is_whole_whatever_was_lost_or_came_twice(client, folder, monkeypatch):
    member = MembershipFactory(role="coordinator")
    other = MembershipFactory(role="coordinator", study=member.study)
    there = f"/studies/{member.study.slug}/images/import/piece/"
    client.force_login(member.user)
    data = zipped({"NF1/a.jpg": None})
    begun = client.post(there, {"name": "a.zip", "size": len(data)}).json()
    assert begun["received"] == 0

    def sent(**fields):
        answer = client.post(there, {"token": begun["token"], **fields})
        return answer.status_code, answer.json().get("received", answer.json().get("message"))

    assert sent(offset=0, piece=piece(data[:100])) == (200, 100)
    assert sent(offset=0, piece=piece(data[:100])) == (409, 100)
    assert sent(offset=150, piece=piece(data[150:])) == (409, 100)
    assert sent() == (200, 100)
    assert sent(offset=100, piece=piece(data))[0] == 400
    with monkeypatch.context() as full:
        full.setattr("django.core.files.uploadedfile.InMemoryUploadedFile.chunks", half_a_file)
        assert "No space left on device. Make room and go on." in sent(offset=100, piece=piece(data[100:]))[1]
    page = client.post(f"/studies/{member.study.slug}/images/import/", {"arrived": begun["token"]})
    assert "of which 100 have come" in page.content.decode()
    assert sent(offset=100, piece=piece(data[100:])) == (200, len(data))

    client.force_login(other.user)
    assert "no longer there" in sent()[1]
    client.force_login(member.user)
    page = client.post(f"/studies/{member.study.slug}/images/import/", {"arrived": begun["token"]})
    assert "1 picture, and no manifest" in page.content.decode()
    assert [path.read_bytes() for path in folder.iterdir()] == [data]


@pytest.mark.django_db
def test_a_zip_that_cannot_fit_is_refused_before_a_byte_and_one_given_up_leaves_nothing(client, folder, settings):
    member = MembershipFactory(role="coordinator")
    client.force_login(member.user)
    there = f"/studies/{member.study.slug}/images/import/piece/"
    settings.ARCHIVE_MAX_BYTES = 2_000_000
    refused = client.post(there, {"name": "a.zip", "size": 3_000_000})
    assert refused.status_code == 400
    assert refused.json()["message"].startswith("At most 2 MB may be sent at once; a.zip has 3 MB. Make several ZIPs")
    assert "At most 2 MB may be sent at once." in client.get(f"/studies/{member.study.slug}/images/import/").content.decode()
    assert client.post(there, {"name": "a.exe", "size": 3}).json()["message"] == "Choose a ZIP file; a.exe is none."
    assert client.post(there, {"name": "a.zip", "size": "-1"}).status_code == 400
    assert not list(folder.iterdir())
    token = client.post(there, {"name": "a.zip", "size": 300}).json()["token"]
    assert client.post(there, {"token": token, "forget": "yes"}).json() == {"received": 0}
    assert not list(folder.iterdir())
