"""From a ZIP to a split study by program alone, for coordinators and nobody else."""

import importlib.util
import time
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from imagebank.jobs import run_job
from imagebank.models import Job

from .archives import SKIN, zipped
from .factories import DiagnosisClassFactory, MembershipFactory, StudyFactory

pytestmark = pytest.mark.django_db
PIECE = 400  # bytes
PICTURES = {f"{view}/{kind}/p{n}.jpg": None for view in ("focused", "panoramic") for kind in ("NF1", "mole") for n in range(3)}


@pytest.fixture
def study(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    made = StudyFactory()
    for code, name in SKIN.classes:
        DiagnosisClassFactory(study=made, code=code, name=name)
    return made


@pytest.fixture
def api(study):
    client = APIClient()
    client.force_authenticate(MembershipFactory(study=study).user)
    return client


def sent(api, study, files=PICTURES, **more):
    archive = SimpleUploadedFile("mine.zip", zipped(files))
    return api.post("/api/images/import/", {"study": study.slug, "archive": archive, **more}, format="multipart")


def followed(api, answer) -> dict:
    """Run the job that an answer names, and ask after it as a program would."""
    assert answer.status_code == 202, answer.json()
    run_job(answer.json()["job"])
    job = api.get(f"/api/jobs/{answer.json()['job']}/").json()
    assert (job["state"], job["error"]) == ("succeeded", "")
    return job


def test_a_program_leads_from_a_zip_without_a_manifest_to_a_split_study(api, study):
    look = followed(api, sent(api, study))
    draft = api.get(f"/api/drafts/{look['id']}/").json()
    assert (draft["pictures"], draft["rows"], draft["reading"]["classes"]) == (12, 6, {"NF1": "NF1", "mole": ""})
    assert draft["values"]["class"] == {"NF1": 6, "mole": 6}
    look = followed(api, api.post(f"/api/drafts/{look['id']}/look/", {"classes": {"NF1": "NF1", "mole": "TSC"}}, format="json"))
    draft = api.get(f"/api/drafts/{look['id']}/").json()
    assert (draft["rows"], draft["counts"]["TSC"]) == (12, {"focused": 3, "panoramic": 3})
    assert api.get(f"/api/drafts/{look['id']}/manifest/").content.count(b"\n") == 13
    begun = api.post(f"/api/drafts/{look['id']}/import/")
    assert api.post(f"/api/drafts/{look['id']}/import/").json() == begun.json()
    job = followed(api, begun)
    assert api.get(f"/api/drafts/{look['id']}/").json()["import_job"] == job["id"]
    assert [run["created"] for run in api.get(f"/api/imports/?study={study.slug}").json()["results"]] == [12]
    drawn = api.post("/api/images/split/", {"study": study.slug, "per_class": 1, "folds": 2}, format="json").json()
    assert drawn["classes"] == [{"code": code, "train": 2, "test": 1, "neither": 0} for code in ("NF1", "TSC")]
    assert api.get(f"/api/images/split/?study={study.slug}").json() == drawn


def test_a_manifest_beside_the_zip_or_in_it_is_imported_by_at_once(api, study):
    manifest = b"item,class,view,path\na,NF1,focused,x.jpg\nb,mole,focused,x.jpg\n"
    answer = sent(api, study, {"x.jpg": None}, manifest=SimpleUploadedFile("m.csv", manifest))
    followed(api, answer)
    assert answer.json()["kind"] == "imagebank.import"
    followed(api, sent(api, study, {"x.jpg": None, "manifest.csv": manifest}))
    runs = api.get(f"/api/imports/?study={study.slug}").json()["results"]
    assert [(run["created"], run["unchanged"], [row["line"] for row in run["rejected"]]) for run in runs] == [(0, 1, [3]), (1, 0, [3])]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"classes": {"NF1": "XYZ"}}, '"NF1" can stand for NF1, TSC, or for nothing; found "XYZ".'),
        ({"columns": {"colour": "folder 1"}}, 'Columns are named for class, view, item, split, fold, group; found "colour".'),
        ({"columns": {"class": "dx"}}, 'has no column "dx". Found: folder 1, folder 2'),
        ({"table": "x.csv"}, 'There is no table "x.csv". Found: folders and file names.'),
        ({"view": "side"}, 'The view of all pictures is one of focused, panoramic; found "side".'),
    ],
)
def test_what_fits_nothing_is_said_by_the_job(api, study, asked, sentence):
    look = followed(api, sent(api, study))
    again = run_job(api.post(f"/api/drafts/{look['id']}/look/", asked, format="json").json()["job"])
    assert again.state == "failed"
    assert sentence in again.error


def test_what_is_no_zip_or_no_manifest_is_refused_and_not_kept(api, study, tmp_path):
    for files in ({"archive": b"x"}, {"archive": zipped({"a.jpg": None}), "manifest": b"a,b\n1,2\n"}):
        named = {name: SimpleUploadedFile(f"a.{name}", data) for name, data in files.items()}
        answer = api.post("/api/images/import/", {"study": study.slug, **named}, format="multipart")
        assert answer.status_code == 400, answer.json()
    assert not Job.objects.exists()
    assert not list((tmp_path / "var" / "uploads").iterdir())


def test_pictures_come_in_and_are_split_by_coordinators_alone(api, study):
    look = followed(api, sent(api, study))
    api.force_authenticate(MembershipFactory(study=study, role="engineer").user)
    assert sent(api, study).status_code == 403
    assert api.post("/api/images/split/", {"study": study.slug, "folds": 2}, format="json").status_code == 403
    assert api.get(f"/api/images/split/?study={study.slug}").status_code == 200
    for address in (f"/api/drafts/{look['id']}/", "/api/images/split/?study=nowhere"):
        assert api.get(address).status_code == 404
    assert api.get("/api/imports/").json()["results"] == []


def begun(api, study, data: bytes, **more) -> dict:
    answer = api.post("/api/uploads/", {"study": study.slug, "name": "mine.zip", "size": len(data), **more}, format="json")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def put(api, upload: dict, offset, piece: bytes):
    address = f"/api/uploads/{upload['upload']}/?offset={offset}"
    return api.put(address, piece, content_type="application/octet-stream")


def test_a_program_sends_a_zip_in_pieces_and_goes_on_after_the_line_dropped(api, study, tmp_path):
    data = zipped(PICTURES)
    upload = begun(api, study, data)
    assert (upload["received"], upload["size"]) == (0, len(data))
    assert put(api, upload, 0, data[:500]).json()["received"] == 500
    for offset in (0, 600):  # the answer was lost and it sends again; a piece was lost
        again = put(api, upload, offset, data[:500])
        assert (again.status_code, again.json()["received"]) == (409, 500)
    assert put(api, upload, 500, data).status_code == 400, "longer than it said"
    assert put(api, upload, "here", data).status_code == 400
    part = {"study": study.slug, "upload": upload["upload"]}
    early = api.post("/api/images/import/", part, format="multipart")
    assert "of which 500 have come" in early.json()["errors"][0]["detail"]
    told = api.get(f"/api/uploads/{upload['upload']}/").json()
    assert told == upload | {"received": 500, "upload": told["upload"]}, "its name may be a newer one"
    assert put(api, upload, 500, data[500:]).json()["received"] == len(data)
    wrong = {**part, "manifest": SimpleUploadedFile("m.csv", b"a,b\n1,2\n")}
    assert api.post("/api/images/import/", wrong, format="multipart").status_code == 400, "costs nothing that came"
    look = api.post("/api/images/import/", part, format="multipart")
    assert api.post("/api/images/import/", part, format="multipart").json() == look.json()
    draft = followed(api, look)["id"]
    job = followed(api, api.post(f"/api/drafts/{draft}/import/"))
    assert api.post("/api/images/import/", part, format="multipart").json()["job"] == job["id"]
    assert [run["created"] for run in api.get("/api/imports/").json()["results"]] == [6]
    assert api.get(f"/api/uploads/{upload['upload']}/").status_code == 404


def test_an_upload_whose_name_is_long_in_any_letters_is_taken_by_the_import(api, study):
    upload = begun(api, study, b"a" * 100, name="\N{MICROSCOPE}" * 116 + ".zip")
    early = api.post("/api/images/import/", {"study": study.slug, "upload": upload["upload"]}, format="multipart")
    assert "of which 0 have come" in early.json()["errors"][0]["detail"]


def test_an_upload_is_its_senders_alone_fits_or_is_refused_and_leaves_nothing_once_given_up(api, study, settings, tmp_path):
    upload = begun(api, study, b"a" * 100)
    address = f"/api/uploads/{upload['upload']}/"
    other = APIClient()
    other.force_authenticate(MembershipFactory(study=study).user)
    assert put(other, upload, 0, b"a").status_code == other.get(address).status_code == other.delete(address).status_code == 404
    part = {"study": study.slug, "upload": upload["upload"]}
    assert other.post("/api/images/import/", part, format="multipart").status_code == 400
    for files in ({}, {"archive": SimpleUploadedFile("a.zip", zipped({"a.jpg": None})), "upload": upload["upload"]}):
        both = api.post("/api/images/import/", {"study": study.slug, **files}, format="multipart")
        assert "Either archive" in both.json()["errors"][0]["detail"]
    settings.ARCHIVE_MAX_BYTES = 2_000_000
    for wanted, words in (({"size": 3_000_000}, "At most 2 MB"), ({"name": "a.exe"}, "a.exe is none"), ({"size": -1}, "greater than")):
        refused = api.post("/api/uploads/", {"study": study.slug, "name": "a.zip", "size": 100} | wanted, format="json")
        assert (refused.status_code, words in refused.json()["errors"][0]["detail"]) == (400, True)
    study.members.filter(user__pk=api.handler._force_user.pk).update(role="engineer")
    assert put(api, upload, 0, b"a").status_code == 403, "no coordinator any more"
    study.members.update(role="coordinator")
    type(study).objects.update(archived_at=timezone.now())
    assert put(api, upload, 0, b"a").status_code == 403
    for slug in (study.slug, f" {study.slug} "):
        assert api.post("/api/uploads/", {"study": slug, "name": "a.zip", "size": 100}, format="json").status_code == 403
    assert api.delete(address).status_code == 204
    assert api.get(address).status_code == 404
    assert not list((tmp_path / "var" / "uploads").iterdir())


@pytest.fixture
def program():
    """docs/send_zip.py."""
    spec = importlib.util.spec_from_file_location("send_zip", settings.BASE_DIR / "docs" / "send_zip.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_the_documents_program_goes_on_where_it_was_ended_and_believes_the_server(api, study, program, tmp_path, monkeypatch):
    """On a line on which every request takes ten hours, while an upload is named for a day."""
    clock = SimpleNamespace(now=time.time(), time=lambda: clock.now, step=10 * 3600)
    monkeypatch.setattr("django.core.signing.time", clock)
    for place in ("services.arriving", "upload_api"):
        monkeypatch.setattr(f"imagebank.{place}.PIECE_BYTES", PIECE)
    archive, manifest, pieces = tmp_path / "mine.zip", tmp_path / "m.csv", []
    archive.write_bytes(zipped({"x.jpg": None}))
    manifest.write_text("item,class,view,path\na,NF1,focused,x.jpg\n")
    size = archive.stat().st_size
    assert size > 3 * PIECE

    def ask(method, address, body=None, kind="application/json"):
        clock.now += clock.step
        answer = api.generic(method, address.removeprefix("https://site"), body or b"", content_type=kind)
        if method == "PUT":
            pieces.append(answer.status_code)
            if len(pieces) == 2:
                raise SystemExit("ended before it heard the answer")
        return answer.status_code, answer.json()

    monkeypatch.setattr(program, "ask", ask)
    with pytest.raises(SystemExit, match="ended"):
        program.send("https://site", study.slug, archive, manifest)
    elsewhere = MembershipFactory(user=api.handler._force_user).study
    for code, name in SKIN.classes:
        DiagnosisClassFactory(study=elsewhere, code=code, name=name)
    clock.step = 0
    assert program.send("https://site", elsewhere.slug, archive, manifest)["job"], "what was begun is another study's"
    clock.step = 10 * 3600
    job = program.send("https://site", study.slug, archive, manifest)
    assert pieces == 2 * [200] * -(-size // PIECE), "nothing was sent twice"
    assert run_job(job["job"]).state == "succeeded"
    assert study.items.get().code == "a"
    assert not list(tmp_path.glob("*.upload"))


def test_the_documents_program_stops_at_a_zip_that_becomes_shorter(program, tmp_path, monkeypatch):
    archive, asked = tmp_path / "mine.zip", []
    archive.write_bytes(b"a" * 10)

    def ask(method, *_):
        asked.append(method)
        assert len(asked) < 4, "it asks for ever"
        archive.write_bytes(b"aaaa")
        return 200, {"upload": "u", "size": 10, "piece": 4, "received": 4 * (method == "PUT")}

    monkeypatch.setattr(program, "ask", ask)
    with pytest.raises(SystemExit, match="had 10 bytes and has fewer now"):
        program.send("https://site", "moles", archive)
    assert asked == ["POST", "PUT"]
