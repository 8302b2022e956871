"""A study ends: no new readers, no more answers, the archive, and a deletion that leaves nothing but its entry."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import get_resolver
from rest_framework.test import APIClient

from imagebank import jobs
from imagebank.jobs import queue_job, run_job
from imagebank.models import Item, ItemImage, Job, Membership, Removal, Study, TrailEntry
from imagebank.services.removal import begin_removal, carry_out_removal, rooms
from surveys.models import Answer, Reader, Stimulus, StimulusFrame, SurveyResponse
from surveys.services import (
    archive_study,
    close_reading,
    close_recruitment,
    due_reminders,
    invite,
    open_invitation,
    open_reading,
    open_recruitment,
    start_response,
)
from surveys.services.recruiting.invitations import InvitationClosed
from tests.imagebank.factories import StudyFactory
from tests.surveys.sitting import answer, begin, read_all, read_block
from tests.surveys.study import group, make_study, make_surveyed_study, survey

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PAGES = "/studies/small/end/", "/studies/small/delete/"


def member(study, role: str) -> User:
    user = User.objects.create_user(f"{role}-{study.slug}")
    Membership.objects.create(study=study, user=user, role=role)
    return user


def signed_in(client, study, role="coordinator"):
    client.force_login(member(study, role))
    return client


def link(study, number=1, **more) -> str:
    return invite(survey=survey(study, number), group=group(study), **more)[1]


def test_closed_recruitment_stops_who_has_not_begun_and_nobody_else(study, client):
    begun = begin(study)
    waiting = link(study, 2)
    close_recruitment(study=study)
    page = client.get(f"/r/{waiting}/")
    assert (page.status_code, "takes no new readers" in page.content.decode()) == (410, True)
    with pytest.raises(ValidationError, match="Recruitment is closed"):
        link(study, 3)
    begun.refresh_from_db()
    read_all(begun)
    open_recruitment(study=study)
    assert client.get(f"/r/{waiting}/").status_code == 200
    assert [entry.deed for entry in study.trail.all()] == ["recruitment opened", "recruitment closed"]


def test_a_link_that_was_opened_before_recruitment_closed_begins_nothing(study):
    invitation = open_invitation(link(study))
    close_recruitment(study=study)
    invitation.refresh_from_db()
    with pytest.raises(ValidationError, match="no new readers"):
        start_response(invitation=type(invitation).objects.get(pk=invitation.pk))


def test_closed_reading_takes_no_answer_by_any_way_and_says_so_kindly(study, client):
    raw = link(study)
    client.post(f"/r/{raw}/")
    response = begin(study, number=2)
    read_block(response, 1)
    finished = begin(study, number=3)
    read_all(finished)
    before = Answer.objects.count()
    close_reading(study=study)
    for address in ("", "consent/", "block/1/"):
        page = client.get(f"/r/{raw}/{address}")
        assert page.status_code == 410
        assert "takes no more answers" in page.content.decode()
    assert client.post(f"/r/{raw}/events/", '{"events": []}', content_type="application/json").status_code == 410
    stale = SurveyResponse.objects.get(pk=response.pk)
    with pytest.raises(ValidationError, match="no more answers"):
        answer(stale, response.survey.blocks.get(position=1).survey_items.first())
    assert Answer.objects.count() == before
    assert due_reminders(study=study) == []
    open_reading(study=study)
    assert client.get(f"/r/{raw}/consent/").status_code == 200


def test_who_has_finished_sees_the_last_page_after_reading_has_ended(study):
    invitation, raw = invite(survey=survey(study), group=group(study))
    response = start_response(invitation=invitation)
    SurveyResponse.objects.filter(pk=response.pk).update(finished_at=response.started_at)
    close_reading(study=study)
    assert open_invitation(raw).pk == invitation.pk


def test_an_archived_study_is_in_no_list_and_its_results_are_still_there(study, client):
    signed_in(client, study)
    read_all(begin(study))
    assert client.post(PAGES[0], {"step": "archive"}).status_code == 302
    assert "A small study" not in client.get("/").content.decode()
    assert "A small study" in client.get("/?archived=1").content.decode()
    assert client.get("/api/studies/").json()["results"] == []
    assert len(client.get("/api/studies/?archived=true").json()["results"]) == 1
    for address in ("", "images/", "surveys/readers/", "surveys/exports/", "surveys/readings.csv", "comparisons/"):
        assert client.get(f"/studies/small/{address}").status_code in (200, 404), address
    assert client.get("/studies/small/surveys/readings.csv").content.count(b"\n") > 6
    readers = client.get("/studies/small/surveys/readers/").content.decode()
    assert "it can be looked at, not changed" in readers
    assert "Invite somebody" not in readers
    client.post(PAGES[0], {"step": "restore"})
    assert "A small study" in client.get("/").content.decode()


def forms_of_a_study() -> list[str]:
    """The addresses below a study that take forms, by the views' own words."""
    found = []
    for pattern in get_resolver().url_patterns:
        for leaf in getattr(pattern, "url_patterns", [pattern]):
            text = f"{pattern.pattern}{leaf.pattern}" if leaf is not pattern else str(pattern.pattern)
            if text.startswith("studies/<slug:slug>/"):
                found.append(text)
    return sorted(set(found))


MADE_UP = {
    "<slug:slug>": "small", "<int:pk>": "1", "<uuid:pk>": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "<int:position>": "1",
    "<str:code>": "S01", "<slug:name>": "about", "<str:public_id>": "x", "<slug:action>": "renew", "<slug:rendition>": "reading",
    "<slug:group>": "geneticist", "<str:name>": "x", "<slug:view>": "focused",
}  # fmt: skip
OPEN_IN_ARCHIVE = {
    "end/", "delete/", "people/", "people/<int:pk>/remove/", "surveys/certificate/", "surveys/exports/verify/",
    "surveys/assistance/check/", "surveys/readers/<int:pk>/withdraw/", "surveys/readers/<int:pk>/erase/", "surveys/preview/<str:code>/<slug:name>/",
    "protocol/file/",
}  # fmt: skip


def test_no_form_but_the_few_named_ones_changes_an_archived_study(study, client):
    client.force_login(User.objects.create_superuser("root"))
    archive_study(study=study)
    refused = 0
    for pattern in forms_of_a_study():
        below = pattern.removeprefix("studies/<slug:slug>/")
        address = "/" + pattern
        for name, value in MADE_UP.items():
            address = address.replace(name, value)
        if "<" in address or below in OPEN_IN_ARCHIVE:
            continue
        status = client.post(address, {}).status_code
        assert status in (403, 405), (address, status)
        refused += status == 403
    assert refused > 30


def test_no_request_of_the_api_changes_an_archived_study(study):
    reader = begin(study).reader
    archive_study(study=study)
    api = APIClient()
    api.force_authenticate(User.objects.create_superuser("root"))
    for address, body in {
        "survey-sets/": {"study": "small", "seed": 1},
        "invitations/": {"study": "small", "group": "geneticist"},
        f"invitations/{reader.invitations.get().pk}/renew/": {},
        f"readers/{reader.pk}/reply/": {"agreed": True},
        f"seats/{reader.seats.get().pk}/replace/": {},
        "seats/release/": {"study": "small"},
        "comparisons/": {"study": "small"},
        "plans/": {"study": "small", "text": "x"},
        "training-runs/": {"study": "small"},
    }.items():
        answered = api.post(f"/api/{address}", body, format="json")
        assert answered.status_code in (403, 404), (address, answered.content)
        assert answered.status_code == 403 or address == "training-runs/"
    StudyFactory(slug="open")  # that the body names an open study opens no archived one
    assert api.put("/api/records/small/", {"study": "open", "texts": {}}, format="json").status_code == 403
    assert api.post("/api/debriefs/small/withdraw/", {"study": "open"}, format="json").status_code == 403
    assert api.post(f"/api/readers/{reader.pk}/erase/").status_code == 200
    assert api.post(f"/api/readers/{reader.pk}/withdraw/").status_code == 200


def test_an_archived_study_takes_no_work_and_no_command(study):
    archive_study(study=study)
    study.refresh_from_db()
    with pytest.raises(ValidationError, match="archived"):
        queue_job(study=study, kind="imagebank.leakage", title="Check")
    with pytest.raises(CommandError, match="archived"):
        call_command("release_expired_seats", "small")
    with pytest.raises(ValidationError, match="archived"):
        close_recruitment(study=study)


@pytest.mark.parametrize("role", ["analyst", "reviewer", "engineer", None])
def test_only_the_coordinator_and_the_administrator_end_a_study(study, client, role):
    user = member(study, role) if role else User.objects.create_user("stranger")
    client.force_login(user)
    api = APIClient()
    api.force_authenticate(user)
    for address in PAGES:
        assert client.get(address).status_code == (403 if role else 404)
        assert client.post(address, {"step": "archive", "confirm": "small"}).status_code == (403 if role else 404)
    for step, body in (("end", {"step": "archive"}), ("remove", {"confirm": "small"})):
        assert api.post(f"/api/studies/small/{step}/", body).status_code == (403 if role else 404)
    study.refresh_from_db()
    assert (study.archived_at, study.leaving_at) == (None, None)
    assert APIClient().post("/api/studies/small/remove/", {"confirm": "small"}).status_code == 401


def files_on_disk() -> set[str]:
    return {str(path) for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()}


def rows_everywhere() -> dict[str, int]:
    """Rows of every table of the house, except of what a deletion keeps."""
    kept = {"imagebank.Removal", "imagebank.TrailEntry", "imagebank.Job", "imagebank.JobLine"}
    ours = [app.label for app in apps.get_app_configs() if (ROOT / app.name).is_dir()]
    models = [model for model in apps.get_models() if model._meta.app_label in ours and model._meta.label not in kept]
    return {model._meta.label: model._base_manager.count() for model in models}


def test_every_table_that_leads_to_a_study_is_among_the_holdings_or_goes_with_one():
    held = {holding.model for room in rooms() for holding in room.HOLDINGS}
    for model in apps.get_models():
        for column in model._meta.get_fields():
            if column.is_relation and column.related_model is Study and column.concrete:
                if model._meta.label in ("imagebank.TrailEntry", "models_ml.Ensemble"):  # kept; goes with its run
                    continue
                assert model._meta.label in held, model


def test_a_deletion_takes_rows_and_files_of_one_study_and_leaves_its_entry(study, client, django_capture_on_commit_callbacks):
    other = make_surveyed_study("other")
    shared = ItemImage.objects.filter(item__study=other).first()
    mine = ItemImage.objects.filter(item__study=study).first()
    ItemImage.objects.filter(pk=mine.pk).update(file=shared.file.name)
    before, disk = rows_everywhere(), files_on_disk()
    read_all(begin(study))
    signed_in(client, study)
    own_files = {image.file.path for image in ItemImage.objects.filter(item__study=study)} - {shared.file.path}

    page = client.get(PAGES[1]).content.decode()
    assert "12 saved answers" in page
    assert "12 items with their reference classes" in page
    wrong = client.post(PAGES[1], {"confirm": "smal"})
    assert (wrong.status_code, "Type the address" in wrong.content.decode()) == (422, True)
    with django_capture_on_commit_callbacks(execute=True):
        gone = client.post(PAGES[1], {"confirm": "small"})
    assert gone.status_code == 302
    assert list(Study.objects.values_list("slug", flat=True)) == ["other"]
    half = rows_everywhere()
    assert half["surveys.Answer"] == half["surveys.Reader"] == half["imagebank.Membership"] == 0
    assert all(2 * half[name] == before[name] for name in ("imagebank.Item", "surveys.SurveyItem", "surveys.Seat"))
    assert not own_files & files_on_disk()
    assert Path(shared.file.path).exists(), "a picture that another study shows as well stays"
    removal = Removal.objects.get()
    assert (removal.slug, removal.files, removal.refusal) == ("small", [], "")
    assert removal.finished_at
    assert ["saved answers", 12] in [list(row) for row in removal.counts]
    assert TrailEntry.objects.get(slug="small").deed == "deletion begun"
    listed = client.get("/deleted-studies/").content.decode()
    assert "gone" in listed
    assert "12 saved answers" in listed
    assert client.get(PAGES[0]).status_code == 404
    with connection.cursor() as cursor:
        connection.check_constraints()
        assert cursor is not None
    assert disk > files_on_disk()


def test_while_it_is_being_deleted_nobody_sees_the_study_and_links_say_that_reading_ended(study, client):
    raw = link(study)
    begin_removal(study=study, confirmed="small")
    client.force_login(User.objects.create_superuser("root"))
    assert client.get("/studies/small/").status_code == 404
    assert client.get(f"/r/{raw}/").status_code == 410
    assert "No worker is running" in client.get("/deleted-studies/").content.decode()
    study.refresh_from_db()
    with pytest.raises(ValidationError, match="being deleted"):
        queue_job(study=study, kind="imagebank.leakage", title="Check")
    with pytest.raises(InvitationClosed):
        open_invitation(raw)


def test_work_under_way_and_pictures_shown_elsewhere_stand_against_a_deletion(study):
    job = queue_job(study=study, kind="imagebank.leakage", title="Leakage check")
    with pytest.raises(ValidationError, match="Leakage check"):
        begin_removal(study=study, confirmed="small")
    Job.objects.filter(pk=job.pk).update(state="cancelled")
    rating = make_study("rating")
    image = ItemImage.objects.filter(item__study=study).first()
    stimulus = Stimulus.objects.create(study=rating, item=rating.items.first(), code="R1", kind="single")
    StimulusFrame.objects.create(stimulus=stimulus, position=1, image=image, origin="real")
    with pytest.raises(ValidationError, match="shows pictures of this study"):
        begin_removal(study=study, confirmed="small")
    study.refresh_from_db()
    assert study.leaving_at is None


def test_a_deletion_that_the_database_refuses_gives_the_study_back_whole(study):
    rating = make_study("rating")
    removal = begin_removal(study=study, confirmed="small")
    before = rows_everywhere()
    image = ItemImage.objects.filter(item__study=study).first()
    stimulus = Stimulus.objects.create(study=rating, item=rating.items.first(), code="R1", kind="single")
    StimulusFrame.objects.create(stimulus=stimulus, position=1, image=image, origin="real")
    with pytest.raises(ValidationError, match="kept whole"):
        carry_out_removal(removal=removal)
    study.refresh_from_db()
    assert study.leaving_at is None
    after = rows_everywhere()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "surveys.Stimulus": 1, "surveys.StimulusFrame": 1,
    }  # fmt: skip
    assert Path(image.file.path).exists()


def test_a_picture_that_is_stored_again_while_files_are_removed_stays(study, monkeypatch):
    from imagebank.services import removal as module

    image = ItemImage.objects.filter(item__study=study).first()
    path, name = Path(image.file.path), image.file.name
    removal = begin_removal(study=study, confirmed="small")
    remove_files = module._remove_files

    def stored_meanwhile(removal, progress):
        os.utime(path, (removal.rows_gone_at.timestamp() + 5,) * 2)
        item = Item.objects.create(study=make_study("later"), code="again")
        ItemImage.objects.create(
            item=item, view="focused", width=1, height=1, file=name, original_sha256="0" * 64, pixel_sha256="0" * 64
        )
        remove_files(removal, progress)

    monkeypatch.setattr(module, "_remove_files", stored_meanwhile)
    monkeypatch.setattr(module, "SETTLED_AFTER_S", 0)
    carry_out_removal(removal=removal)
    assert path.exists()


def address_of_database() -> str:
    """Where another process finds this test's database."""
    at = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{at['NAME']}"
    return f"postgres://{at['USER']}:{quote(at['PASSWORD'])}@{quote(at['HOST'], safe='')}:{at['PORT'] or 5432}/{at['NAME']}"


KILLED = """
import os, signal, sys, django
django.setup()
from imagebank import jobs
from imagebank.services import removal
where, job = sys.argv[1:]
def die(*args, **more):
    os.kill(os.getpid(), signal.SIGKILL)
if where == "rows":
    real = removal.Holding.rows
    def rows(self, study):
        found = real(self, study)
        if self.model == "imagebank.ItemImage" and removal.Removal.objects.get().counts != [] and stage[0]:
            die()
        return found
    stage = [False]
    counts = removal._counts
    removal._counts = lambda study: (counts(study), stage.__setitem__(0, True))[0]
    removal.Holding.rows = rows
elif where == "commit":
    removal._remove_files = die
elif where == "files":
    seen = []
    real_remove = removal._remove
    removal._remove = lambda *args: (real_remove(*args), seen.append(1), len(seen) == 5 and die())
jobs.run_job(job)
"""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["rows", "commit", "files"])
def test_a_deletion_killed_at_any_moment_is_none_or_goes_on_to_the_end(where, monkeypatch):
    there = files_on_disk()
    study = make_surveyed_study()
    read_all(begin(study))
    items, files = Item.objects.count(), files_on_disk() - there
    monkeypatch.setattr(jobs, "hand_to_worker", lambda job: None)
    removal = begin_removal(study=study, confirmed="small")
    env = os.environ | {"DATABASE_URL": address_of_database(), "PYTHONPATH": str(ROOT)}
    env |= {"DIPTYCH_VAR": str(settings.VAR_DIR), "DJANGO_SETTINGS_MODULE": "config.settings.dev"}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, where, str(removal.job_id)], cwd=ROOT, env=env, capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-800:]
    if where == "rows":
        assert (Item.objects.count(), files_on_disk() - there) == (items, files), "nothing is half gone"
    else:
        assert not Item.objects.exists()
        assert Removal.objects.get().files
    Job.objects.filter(pk=removal.job_id).update(state="queued")
    job = run_job(removal.job_id)
    assert job.state == "succeeded", job.error
    removal.refresh_from_db()
    assert (removal.files, bool(removal.finished_at)) == ([], True)
    assert not Study.objects.exists()
    assert not Reader.objects.exists()
    assert not files_on_disk() & files


def test_the_api_and_the_commands_take_the_same_steps(study):
    api = APIClient()
    api.force_authenticate(member(study, "coordinator"))
    closed = api.post("/api/studies/small/end/", {"step": "close-reading"}).json()
    assert closed["reading_closed_at"]
    assert closed["recruitment_closed_at"]
    assert api.post("/api/studies/small/end/", {"step": "burn"}).status_code == 400
    call_command("end_study", "small", "archive")
    assert api.get("/api/studies/small/").json()["archived_at"]
    assert api.post("/api/studies/small/remove/", {"confirm": "other"}).status_code == 400
    with pytest.raises(CommandError, match="Type the address"):
        call_command("delete_study", "small", confirm="x")
    call_command("delete_study", "small", confirm="small")
    assert not Study.objects.exists()
