"""Uploads are kept whole or not at all, until the work on them is done."""

import errno
import os
import time

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile

from imagebank.models import Job
from imagebank.services.uploads import forget_uploads, keep_upload, kept_upload, uploads_folder

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
