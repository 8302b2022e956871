"""The API of comparisons, plans and planning: the same services and the same roles as the pages."""

import pytest
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from benchmark.services.comparison import run_comparison
from benchmark.services.plans import stamp_plan
from imagebank.jobs import run_job
from imagebank.models import Membership
from tests.benchmark.conftest import PLAN

pytestmark = pytest.mark.django_db


@pytest.fixture
def api_of(django_user_model):
    def sign_in(study, role: str | None) -> APIClient:
        user, _ = django_user_model.objects.get_or_create(username=role or "nobody")
        if role:
            Membership.objects.get_or_create(study=study, user=user, role=role)
        api = APIClient()
        api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get_or_create(user=user)[0].key}")
        return api

    return sign_in


def test_a_program_stamps_a_plan_starts_a_comparison_and_reads_the_results(study, api_of):
    api = api_of(study, "analyst")
    stamped = api.post("/api/plans/", {"study": study.slug, "text": PLAN}, format="json")
    assert stamped.status_code == 201
    assert stamped.json()["before_first_answer"] is True
    started = api.post("/api/comparisons/", {"study": study.slug, "seed": 2}, format="json")
    assert started.status_code == 202
    job = run_job(started.json()["job"])
    assert job.state == job.State.SUCCEEDED, job.error
    (row,) = api.get(f"/api/comparisons/?study={study.slug}").json()["results"]
    assert (row["id"], row["plan_version"], row["seed"], row["simulated"]) == (job.result["comparison"], 1, 2, True)
    results = api.get(f"/api/comparisons/{row['id']}/results/").json()
    assert results["schema"] == "results/1"
    assert api.get(f"/api/comparisons/{row['id']}/results/paired/").json() == results["paired"]
    assert api.get(f"/api/comparisons/{row['id']}/results/nothing/").status_code == 404


def test_roles_hold_in_the_api_too(study, api_of):
    comparison = run_comparison(study=study)
    stamp_plan(study=study, text=PLAN)
    assert APIClient().get("/api/comparisons/").status_code == 401
    for role in (None, "reviewer"):
        api = api_of(study, role)
        assert api.get("/api/comparisons/").json()["results"] == []
        assert api.get("/api/plans/").json()["results"] == []
        assert api.get(f"/api/comparisons/{comparison.pk}/results/").status_code == 404
    engineer = api_of(study, "engineer")
    assert engineer.get(f"/api/comparisons/{comparison.pk}/").status_code == 200
    assert engineer.post("/api/comparisons/", {"study": study.slug}, format="json").status_code == 403
    assert engineer.post(f"/api/comparisons/{comparison.pk}/check/").status_code == 403
    assert engineer.post("/api/plans/", {"study": study.slug, "text": PLAN}, format="json").status_code == 403
    assert api_of(study, None).post("/api/comparisons/", {"study": study.slug}, format="json").status_code == 404


def test_what_cannot_be_is_a_standard_400(study, api_of):
    api = api_of(study, "coordinator")
    for body in ({"plan_version": 7}, {"predictions": 7}, {"seed": -1}, {"seed": "x"}):
        answer = api.post("/api/comparisons/", {"study": study.slug, **body}, format="json")
        assert answer.status_code == 400, body
        assert answer.json()["type"] == "validation_error"
    answer = api.post("/api/plans/", {"study": study.slug, "text": "nonsense = ["}, format="json")
    assert answer.status_code == 400
    assert "TOML" in answer.json()["errors"][0]["detail"]


def test_planning_of_a_rating_study_says_what_its_page_says(study, api_of):
    """The page's own example: 32 raters of 60 images each out of 300 know the error to 4.2 points."""
    api = api_of(study, "coordinator")
    design = {"raters": 32, "each": 60, "images": 300}
    found = api.post("/api/planning/ratings/", design, format="json").json()
    assert (round(100 * found["half_width"], 1), round(100 * found["half_width_normal"], 1)) == (4.2, 4.1)
    assert found["raters_needed"] < 32
    assert found["power_equivalence"] > 0.8 > api.post("/api/planning/ratings/", design | {"margin": 0.03}, format="json").json()["power_equivalence"]
    refused = api.post("/api/planning/ratings/", design | {"each": 301}, format="json")
    assert (refused.status_code, "cannot judge 301 of 300 images" in refused.content.decode()) == (400, True)


def test_planning_gives_the_founding_designs_power(study, api_of):
    design = {"readers": 30, "classes": 7, "per_class": 20, "per_survey": 4}
    api = api_of(study, None)
    found = api.post("/api/planning/", design, format="json").json()
    assert found["new_images"]["power"] == pytest.approx(0.84, abs=0.01)
    assert found["items"] == 140
    seen = api.post("/api/planning/", design | {"spread": [0.1, 0.48, 0.43]}, format="json").json()
    assert seen["new_images"]["se"] == pytest.approx((0.01 / 30 + 0.48**2 / 140 + 0.43**2 / 840) ** 0.5)
    assert api.post("/api/planning/", design | {"difference": 0}, format="json").status_code == 400
    assert api.post("/api/planning/", design | {"difference": 0.5}, format="json").status_code == 400
    assert api.post("/api/planning/", design | {"spread": [0, 0, 0]}, format="json").status_code == 400


def test_a_program_reads_what_changed_between_two_comparisons(study, api_of):
    first, second = run_comparison(study=study, seed=1), run_comparison(study=study, seed=2)
    api = api_of(study, "analyst")
    changes = api.get(f"/api/comparisons/{second.pk}/since/{first.pk}/").json()
    assert ["seed", "1", "2"] in changes["inputs"]
    assert changes["contrasts"]
    assert all(change["is_same"] for change in changes["contrasts"])
    assert api.get(f"/api/comparisons/{second.pk}/since/999999/").status_code == 404
    assert api_of(study, "reviewer").get(f"/api/comparisons/{second.pk}/since/{first.pk}/").status_code == 404


def test_a_program_simulates_whole_studies(study, api_of):
    design = {"study": study.slug, "readers": 6, "classes": 2, "per_class": 6, "per_survey": 3, "difference": 0.0,
              "studies": 100, "seed": 3}  # fmt: skip
    started = api_of(study, "analyst").post("/api/planning/simulate/", design, format="json")
    assert started.status_code == 202
    job = run_job(started.json()["job"])
    assert job.state == job.State.SUCCEEDED, job.error
    assert (job.result["readers"], job.result["items"], job.result["seed"]) == (6, 12, 3)
    assert api_of(study, "reviewer").post("/api/planning/simulate/", design, format="json").status_code == 403
    refused = api_of(study, "analyst").post("/api/planning/simulate/", design | {"studies": 1}, format="json")
    assert refused.status_code == 400
