"""From a ZIP of pictures to the results of their rating by a program, with nothing but the programming interface."""

import io
import json
import zipfile

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from generative.services.auditing import record_audit
from imagebank.jobs import run_job
from imagebank.models import Membership, Study
from surveys.services import simulate_raters
from tests.generative.conftest import drawn_jpeg

PLAN = 'schema = "analysis-plan/1"\ntitle = "Do they look real?"\n[equivalence]\nmargin = 0.2\n[bootstrap]\ndraws = 100\n'


@pytest.fixture
def program(study):
    user = User.objects.create(username="script")
    user.user_permissions.add(Permission.objects.get(codename="add_study"))
    Membership.objects.create(study=study, user=user, role="coordinator")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
    return client


def pictures(name="set.zip") -> SimpleUploadedFile:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        rows = [(f"g{number}", ("early", "late")[number % 2]) for number in range(6)]
        archive.writestr("manifest.csv", "item,class,path\n" + "".join(f"{item},{label},{item}.jpg\n" for item, label in rows))
        for number, (item, _) in enumerate(rows):
            archive.writestr(f"{item}.jpg", drawn_jpeg(900 + number, 90 + 20 * number))
    return SimpleUploadedFile(name, out.getvalue())


def done(answer) -> dict:
    assert answer.status_code == 202, answer.content
    job = run_job(answer.json()["job"])
    assert job.state == job.State.SUCCEEDED, job.error
    return job.result


def brought_in(program) -> str:
    """Address of a set that was brought in by the program."""
    wanted = {"study": "stages", "archive": pictures(), "condition": "random", "title": "Theirs"}
    return f"/api/image-sets/{done(program.post('/api/image-sets/', wanted))['image_set']}/"


def test_a_program_goes_from_a_zip_of_pictures_to_the_results_of_their_rating(program, study):
    address = brought_in(program)
    assert program.get(address).json()["condition"] == "random"
    reason = {"view": "focused", "unaudited_reason": "Drawn; there is no patient."}
    assert len(program.post(f"{address}publish/", reason, format="json").json()["items"]) == 8, "six, and two obvious ones"
    asked = {"slug": "rated", "sources": ["stages"], "view": "focused", "singles": 8, "practice": 0, "raters": 6, "seed": 3}
    begun = program.post("/api/rating-studies/", asked, format="json")
    assert begun.status_code == 201, begun.content
    assert program.post("/api/plans/", {"study": "rated", "text": PLAN}, format="json").status_code == 201
    link = program.post("/api/invitations/", {"study": "rated", "group": "rater"}).json()["link"]
    assert APIClient().get(link).status_code == 200, "a rater opens it"
    simulate_raters(study=Study.objects.get(slug="rated"), seed=1)
    result = done(program.post("/api/comparisons/", {"study": "rated"}, format="json"))
    (comparison,) = program.get("/api/comparisons/?study=rated").json()["results"]
    assert result["comparison"] == comparison["id"]
    here = f"/api/comparisons/{comparison['id']}/"
    (hype,) = program.get(f"{here}results/hype/").json()
    assert (hype["margin"], hype["set"]) == (0.2, "random")
    assert program.get("/api/ratings/?study=rated&format=csv").content.startswith(b"rater,group,item,condition,truth")
    bundle = program.get(f"{here}bundle/")
    assert "rated" in bundle["Content-Disposition"]
    names = [name.split("/", 1)[1] for name in zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()]
    assert {"inputs/ratings.csv", "results/check.R", "results/report.html", "results/tables/hype.csv"} <= set(names)


def test_a_program_decides_about_suspected_copies_as_a_curator_does(program, study):
    address = brought_in(program)
    image_set = study.image_sets.get()
    codes = [sample.code for sample in image_set.samples.all()]
    suspect = {"item": codes[1], "nearest_item": "late-0", "space": "pixels", "distance": 0.01, "threshold": 0.02, "variant": "whole"}
    report = {"schema": "audit/1", "set_hash": image_set.set_hash, "suspects": [suspect], "features": "random convolutions",
              "calibration": "12 held-out pictures", "n_train": 30, "n_held_out": 12, "ratios": dict.fromkeys(codes, 1.5)}  # fmt: skip
    record_audit(image_set=image_set, report=json.loads(json.dumps(report)))
    (row,) = [row for row in program.get(f"{address}samples/").json()["results"] if row["quarantined"]]
    refused = program.post(f"{address}publish/", {"view": "focused"}, format="json")
    assert (refused.status_code, "suspected" in refused.content.decode()) == (400, True)
    said = {"code": row["code"], "publish": False, "why": "It is that patient."}
    assert program.post(f"{address}decide/", said | {"why": " "}, format="json").status_code == 400
    assert program.post(f"{address}decide/", said | {"code": codes[0]}, format="json").status_code == 400
    assert program.post(f"{address}decide/", said | {"code": "none"}, format="json").status_code == 404
    assert program.post(f"{address}decide/", said, format="json").status_code == 200
    assert program.get(address).json()["state"] == "audited"
    assert len(program.post(f"{address}publish/", {"view": "focused"}, format="json").json()["items"]) == 7


def test_what_is_no_set_and_who_may_bring_none_is_refused(program, study):
    wanted = {"study": "stages", "archive": pictures("set.tar"), "condition": "random"}
    refused = program.post("/api/image-sets/", wanted)
    assert (refused.status_code, "A ZIP file was needed; set.tar is none." in refused.content.decode()) == (400, True)
    assert program.post("/api/image-sets/", {"study": "other", "archive": pictures(), "condition": "random"}).status_code == 404
    Membership.objects.update(role="analyst")
    assert program.post("/api/image-sets/", wanted | {"archive": pictures()}).status_code == 403
    assert not study.jobs.exists()
