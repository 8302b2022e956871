"""A full disk in the middle of an upload, an unpacking or a store: one sentence, and everything as it was."""

import errno
import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from generative.jobs import ADD_SET, PUBLISH
from generative.models import ImageSet, Publication
from generative.services import publishing, sets
from imagebank.jobs import queue_job, run_job
from imagebank.models import Item, Job
from imagebank.services.uploads import uploads_folder

pytestmark = pytest.mark.django_db


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("page", "field", "extra"), [("add", "archive", {"condition": "random"}), ("import", "network", {"licence": "own"})]
)
def test_an_upload_that_finds_no_room_is_refused_on_its_page_and_leaves_nothing(
    as_role, study, monkeypatch, page, field, extra
):
    client = as_role("engineer")
    monkeypatch.setattr("django.core.files.uploadedfile.InMemoryUploadedFile.chunks", full)
    sent = {field: SimpleUploadedFile("some.zip", b"x"), **extra}
    answer = client.post(reverse(f"generative:{page}", args=[study.slug]), sent)
    assert answer.status_code == 400
    assert "could not be kept: No space left on device. Make room and send it again." in answer.content.decode()
    assert not Job.objects.exists()
    assert not list(uploads_folder().iterdir())


def test_a_set_that_finds_no_room_is_refused_whole(study, set_files, monkeypatch):
    upload = uploads_folder() / "kept.zip"
    upload.write_bytes(set_files["sample"].read_bytes())
    monkeypatch.setattr(sets, "store_bytes", full)
    payload = {"upload": "kept.zip", "title": "", "condition": "random"}
    job = run_job(queue_job(study=study, kind=ADD_SET, title="x", payload=payload).pk)
    assert job.error == "The disk is full; make room and start the job again. What was stored before is unchanged."
    assert not ImageSet.objects.exists()
    assert not upload.exists()


def test_a_zip_that_cannot_be_unpacked_for_want_of_room_does_not_blame_the_zip(study, set_files, monkeypatch):
    monkeypatch.setattr("generative.core.sets.setfiles.open", full, raising=False)
    with pytest.raises(Exception, match="cannot be unpacked here: No space left on device; make room and try again"):
        sets.add_set(study=study, path=set_files["sample"], title="", condition="random")


def test_a_publication_that_finds_no_room_publishes_nothing(study, made, monkeypatch):
    image_set, items = made("sample"), Item.objects.count()
    monkeypatch.setattr(publishing, "store_bytes", full)
    payload = {"image_set": image_set.public_id, "settings": {"view": "focused", "unaudited_reason": "A test."}}
    job = run_job(queue_job(study=study, kind=PUBLISH, title="x", payload=payload).pk)
    assert "The disk is full" in job.error
    image_set.refresh_from_db()
    assert (image_set.state, Item.objects.count(), Publication.objects.count()) == ("draft", items, 0)
