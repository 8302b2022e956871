"""What people and programs are told where something fails that no page expects."""

import errno
import sqlite3

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import InterfaceError, OperationalError, ProgrammingError
from rest_framework.test import APIClient

from config.failures import trouble_of
from imagebank.services.storing import StoreAway

pytestmark = pytest.mark.django_db
DISK, AWAY, OURS = "The disk of this site is full", "This site is away for a moment", "Something went wrong on our side"


def sqlite_says(code: int) -> OperationalError:
    """A failure of SQLite as Django hands it on."""
    failure = OperationalError("said by SQLite")
    failure.__cause__ = sqlite3.OperationalError()
    failure.__cause__.sqlite_errorcode = code
    return failure


def postgres_says(kind: type, state: str | None) -> Exception:
    failure = kind("said by PostgreSQL")
    failure.__cause__ = Exception()
    failure.__cause__.sqlstate = state
    return failure


FAILURES = [
    (OSError(errno.ENOSPC, "no"), "ok", 507, DISK),
    (OSError(errno.EIO, "no"), "ok", 500, OURS),
    (StoreAway("no"), "ok", 503, "The store of pictures does not answer"),
    (sqlite_says(sqlite3.SQLITE_FULL), "ok", 507, DISK),
    (sqlite_says(sqlite3.SQLITE_BUSY), "ok", 503, AWAY),
    (sqlite_says(sqlite3.SQLITE_ERROR), "ok", 500, OURS),
    (sqlite_says(sqlite3.SQLITE_ERROR), "pending", 503, AWAY),
    (postgres_says(OperationalError, None), "ok", 503, AWAY),
    (postgres_says(OperationalError, "53100"), "ok", 507, DISK),
    (postgres_says(ProgrammingError, "42P01"), "ok", 500, OURS),
    (postgres_says(ProgrammingError, "42P01"), "pending", 503, AWAY),
    (InterfaceError("the connection is closed"), "ok", 503, AWAY),
    (RuntimeError("no"), "pending", 500, OURS),
]


@pytest.mark.parametrize(("failure", "migrations", "status", "heading"), FAILURES)
def test_what_failed_is_known_by_what_was_raised(monkeypatch, failure, migrations, status, heading):
    monkeypatch.setattr("config.failures.check_migrations", lambda: migrations)
    trouble = trouble_of(failure)
    assert (trouble.status, trouble.heading) == (status, heading)


def failing(monkeypatch, where: str, failure: Exception) -> None:
    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(where, fail)


def test_a_disk_that_is_full_under_an_upload_is_told_on_a_page(client, person, monkeypatch):
    client.force_login(person("coordinator"))
    client.raise_request_exception = False
    failing(monkeypatch, "imagebank.views.keep_upload", OSError(errno.ENOSPC, "no"))
    answer = client.post("/studies/moles/images/import/", {"archive": SimpleUploadedFile("pictures.zip", b"PK" * 100)})
    assert (answer.status_code, DISK in answer.content.decode()) == (507, True)


def test_a_site_without_its_database_says_so_to_staff_to_readers_in_their_language_and_to_programs(client, person, monkeypatch):
    user = person("analyst")
    client.raise_request_exception = False
    away = postgres_says(OperationalError, None)
    failing(monkeypatch, "django.contrib.sessions.backends.db.SessionStore._get_session_from_db", away)
    client.cookies["sessionid"] = "known-to-nobody-now"
    page = client.get("/")
    assert (page.status_code, page["Retry-After"], AWAY in page.content.decode()) == (503, "30", True)
    failing(monkeypatch, "surveys.reading.access.open_invitation", away)
    for language, words in (("de-CH,de;q=0.9", "für einen Moment nicht erreichbar"), ("fr", AWAY)):
        page = client.get("/r/a-link/", headers={"accept-language": language})
        assert (page.status_code, page["Cache-Control"]) == (503, "no-store")
        assert words in page.content.decode()
        assert "administrator" not in page.content.decode()
    api = APIClient(raise_request_exception=False)
    api.force_authenticate(user)
    failing(monkeypatch, "config.api.studies.StudyViewSet.get_queryset", away)
    said = api.get("/api/studies/")
    assert (said.status_code, said["Retry-After"]) == (503, "30")
    assert said.json()["errors"][0]["detail"].startswith(AWAY)


def test_more_than_one_request_may_bring_is_told_as_too_large(client, person, settings, monkeypatch):
    user = person("coordinator")
    client.force_login(user)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = client.post("/studies/moles/images/import/", {"said": "a" * 2000})
    assert (answer.status_code, "This was too large" in answer.content.decode()) == (413, True)
    assert client.get("/", headers={"host": "a host, mistyped"}).status_code == 400
    api = APIClient()
    api.force_authenticate(user)
    failing(monkeypatch, "config.api.studies.StudyViewSet.get_queryset", RequestDataTooBig("too much"))
    said = api.get("/api/studies/")
    assert (said.status_code, said.json()["type"]) == (413, "client_error")
