"""Results of a rating study: pages, pictures, files, plan, report and API, from simulated raters on."""

import re
import shutil

import pytest
from django.urls import reverse

from benchmark.core.results import Results
from benchmark.services.bundle import check_command_of, command_of
from benchmark.services.checking import recompute
from benchmark.services.comparison import run_comparison
from benchmark.services.plans import stamp_plan
from imagebank.jobs import run_job
from imagebank.models import Membership
from surveys.services import simulate_raters
from tests.benchmark.core.test_check_in_r import in_r
from tests.surveys.rating_study import make_rating_study

pytestmark = pytest.mark.django_db
PLAN = 'schema = "analysis-plan/1"\ntitle = "Do they look real?"\n[equivalence]\nmargin = 0.2\n[bootstrap]\ndraws = 100\n'


@pytest.fixture
def rated(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return make_rating_study()


def at(name, comparison, *more):
    return reverse(f"benchmark:{name}", args=[comparison.study.slug, comparison.pk, *more])


def test_without_raters_the_page_says_what_to_do_next(client, rated, member):
    member(rated, "analyst")
    shown = client.get(reverse("benchmark:comparison_list", args=["rated"])).content.decode()
    assert "Nothing to analyse yet" in shown
    assert "2 more complete sittings of raters" in shown
    assert "stamp the analysis plan" in shown
    assert "Compare people and networks" not in shown


def test_a_rating_study_is_analysed_shown_and_made_again(client, rated, member, django_user_model):
    stamp_plan(study=rated, text=PLAN)
    simulate_raters(study=rated, seed=3)
    stamp_plan(study=rated, text=PLAN.replace("0.2", "0.05"))
    comparison = run_comparison(study=rated, seed=1)
    results = Results(comparison.results)
    assert (results["schema"], comparison.simulated, results["plan"]["margin"]) == ("ratings/1", True, 0.05)
    # Simulated raters are no people: the second version still counts as stamped before the first answer.
    assert results["deviations"] == []
    assert {r["set"] for r in results.records("hype")} == {"all", "curated", "random sample"}
    # The pages.
    member(rated, "analyst")
    page = client.get(at("comparison_detail", comparison))
    shown = page.content.decode()
    for words in ("Can raters tell curated generated images", "5 points, that is an error from 45 to 55 %", "simulated raters"):
        assert words in shown
    listed = client.get(reverse("benchmark:comparison_list", args=["rated"])).content.decode()
    assert "The latest answer" in listed
    assert "Generated images taken for real" in listed
    tabs = set(re.findall(rf'href="({re.escape(at("comparison_detail", comparison))}on/[^"]+)"', shown))
    assert {tab.rstrip("/").rsplit("/", 1)[1] for tab in tabs} >= {"realism", "strips", "agreement", "items", "files"}
    pages = shown + "".join(client.get(tab).content.decode() for tab in tabs)
    for address in set(re.findall(r'(?:href|src|data-figure)="(/studies/[^"#?]+)"', pages)):
        if not address.endswith((".png", ".pdf")):
            assert client.get(address).status_code == 200, address
    drawn = at("comparison_figure", comparison, "error")
    assert client.get(drawn, {"narrow": 1}).json()["fits"] is True
    assert "fits" not in client.get(drawn).json()
    # Worst and best images with their pictures, as raters saw them.
    gallery = client.get(at("comparison_items", comparison)).content.decode()
    picture = re.search(r'src="([^"]+pictures/made-\d+\.jpg)"', gallery)[1]
    assert client.get(picture)["Content-Type"] == "image/jpeg"
    assert b"".join(client.get(picture).streaming_content).startswith(b"\xff\xd8")
    # Files: the same bytes again, the command in words, a tagged PDF.
    again = recompute(comparison=comparison)
    assert (again.different, again.files > 40) == ([], True)
    assert check_command_of(comparison) == "Rscript results/check.R"
    assert "cells of grids" in pages
    assert "Real or generated (origin): raters agree with alpha" in pages
    assert command_of(comparison).startswith("python -m benchmark.core ratings inputs/ratings.csv --plan inputs/analysis.toml")
    report = (comparison.folder / "report.html").read_text()
    assert "data:image/jpeg;base64" in report
    # Nobody without a role sees any of it.
    client.force_login(django_user_model.objects.create(username="stranger"))
    assert client.get(at("comparison_detail", comparison)).status_code == 404
    Membership.objects.create(study=rated, user=django_user_model.objects.get(username="stranger"), role="reviewer")
    assert client.get(at("comparison_items", comparison)).status_code == 403


def test_ratings_and_their_results_are_resources(rated, client, member, tmp_path):
    simulate_raters(study=rated, seed=3)
    comparison = run_comparison(study=rated)
    member(rated, "analyst")
    page = client.get("/api/ratings/?study=rated&question=origin&stimulus_kind=single").json()
    assert page["results"]
    assert {row["question"] for row in page["results"]} == {"origin"}
    table = client.get("/api/ratings/?study=rated&analysed=true&for_analysis=true&format=csv")
    assert table.content.decode().startswith("evaluator,image,question,answer,kind,truth,set")
    assert client.get(f"/api/comparisons/{comparison.pk}/results/hype/").json() == comparison.results["hype"]
    assert client.get("/api/ratings/?study=nothing").status_code == 404
    if not shutil.which("Rscript"):
        return  # what follows needs R: Debian package r-base-core
    # R turns sides and directions of the exported tables by itself, and reads the cells of the grid.
    exported = [tmp_path / "ratings.csv", tmp_path / "cells.csv"]
    exported[0].write_bytes(client.get("/api/ratings/?study=rated&format=csv").content)
    exported[1].write_bytes(client.get("/api/rating-studies/rated/cells/?format=csv").content)
    for files in ([], exported):
        status, text, agree, differ = in_r(comparison.folder, *files)
        assert (status, differ, agree > 300) == (0, 0, True), text


def test_the_report_is_made_as_pdf_on_request_and_stands_beside_the_files(client, rated, member, monkeypatch):
    from benchmark.core.report import pdf

    monkeypatch.setattr(pdf, "as_pdf", lambda report: b"%PDF " + report.encode())
    simulate_raters(study=rated, seed=3)
    comparison = run_comparison(study=rated)
    member(rated, "analyst")
    assert "Make it" in client.get(at("comparison_files", comparison)).content.decode()
    started = client.post(at("comparison_documents", comparison))
    job = run_job(started.url.rstrip("/").rsplit("/", 1)[1])
    assert job.state == job.State.SUCCEEDED, job.error
    assert at("comparison_files", comparison) in client.get(started.url).content.decode(), "the job leads to what it made"
    made = client.get(at("comparison_document", comparison, "report.pdf"))
    content = b"".join(made.streaming_content)
    assert (made["Content-Type"], content[:4]) == ("application/pdf", b"%PDF")
    assert b"Can raters tell generated images from real ones?" in content
    assert recompute(comparison=comparison).different == [], "documents are no part of what is computed again"
