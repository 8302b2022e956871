"""Planning and precision: the closed form on the page, simulations as jobs, and an operator who stays blind."""

import re
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from benchmark.core.planning.closed_form import Spread
from benchmark.services.planning import (
    design_of,
    plan_design,
    plan_rating,
    rating_design_of,
    simulate_design,
    spread_from_model,
)
from benchmark.services.plans import stamp_plan
from benchmark.services.precision import precision_so_far
from imagebank.jobs import run_job
from imagebank.models import Job
from tests.surveys.rating_study import RATERS, make_rating_study
from tests.surveys.study import make_study

FIXTURES = Path(__file__).parents[2] / "fixtures"
pytestmark = pytest.mark.django_db
FOUNDING = {"readers": 30, "classes": 7, "per_class": 20, "per_survey": 4}
GENETICISTS = {"accuracy_readers": 0.75, "difference": 0.1, "sd_reader": 0.35, "sd_item": 1.0, "correlation": 0.5}


def test_the_founding_design_has_the_power_that_statistics_say():
    """Simulated studies had a standard error of .0331 and a power of .837; 95 % on these images needs an SD of .1468."""
    planned = plan_design(**FOUNDING, difference=0.1, spread=spread_from_model(**GENETICISTS))
    assert planned.new_images.se == pytest.approx(0.0332, abs=0.0001)
    assert planned.new_images.power == pytest.approx(0.84, abs=0.01)
    assert planned.largest_sd == pytest.approx(0.1468, abs=0.0002)
    items, readers = planned.needed
    enough = plan_design(**FOUNDING | {"per_class": items // 7, "readers": readers}, difference=0.1, spread=planned.spread)
    assert enough.new_images.power >= 0.95
    here = [y for x, y in planned.by_readers[1].points if x == 30]
    assert not here or here[0] == pytest.approx(planned.new_images.power)
    powers = [y for _, y in planned.by_readers[1].points]
    assert powers == sorted(powers)
    assert max(powers) < planned.new_images.power_unlimited_readers


def test_designs_that_cannot_be_are_refused_with_a_sentence():
    spread = Spread(0.01, 0.2, 0.2)
    with pytest.raises(ValidationError, match="cannot see 30 of 20"):
        plan_design(**FOUNDING | {"per_survey": 30}, difference=0.1, spread=spread)
    with pytest.raises(ValidationError, match="other than 0"):
        plan_design(**FOUNDING, difference=0, spread=spread)
    with pytest.raises(ValidationError, match="between 0 and 100 %"):
        spread_from_model(**GENETICISTS | {"difference": 0.3})
    with pytest.raises(ValidationError, match="multiple of those that a reader sees"):
        simulate_design(**FOUNDING | {"per_survey": 3}, **GENETICISTS, studies=100)


def test_the_planning_page_answers_without_script_and_in_part_with_it(client, study, member):
    member(study, "coordinator")
    page = reverse("benchmark:planning", args=[study.slug])
    whole = client.get(page, {"readers": 60}).content.decode()
    assert "60 readers" in whole
    assert "<polyline" in whole
    part = client.get(page, {"readers": 60}, headers={"HX-Request": "true"}).content.decode()
    assert "60 readers" in part
    assert "<html" not in part
    refused = client.get(page, {"per_survey": 50, "readers": "many"}).content.decode()
    assert "Enter a whole number" in refused
    points = {"spread": "points", "sd_reader_points": 0, "sd_item_points": 0, "sd_residual_points": 0}
    assert "At least one spread above 0" in client.get(page, points).content.decode()


def test_a_simulation_is_a_job_and_its_result_stands_on_the_page(client, study, member):
    member(study, "analyst")
    address = reverse("benchmark:planning_simulate", args=[study.slug])
    assert client.post(address, {"readers": 10, "studies": 100, "seed": 4}).status_code == 302
    job = run_job(Job.objects.get(kind="study-simulation").pk)
    assert job.state == job.State.SUCCEEDED, job.error
    assert job.result["studies"] == 100
    page = client.get(reverse("benchmark:planning", args=[study.slug])).content.decode()
    assert "100 studies" in page
    client.post(address, {"readers": 10, "studies": 1, "seed": 4})
    assert Job.objects.filter(kind="study-simulation").count() == 1


def test_precision_shows_widths_and_neither_accuracy_nor_difference(client, study, member):
    member(study, "coordinator")
    rows = precision_so_far(study=study)
    assert {(row.group, row.view) for row in rows} == {
        (group, view) for group in ("geneticist", "pediatrician") for view in ("focused", "panoramic")
    }
    known = {field for row in rows for field in vars(row)} | {f for row in rows if row.now for f in vars(row.now)}
    assert not [field for field in known if "accuracy" in field or "difference" in field or "mean" in field]
    shown = client.get(reverse("benchmark:precision", args=[study.slug])).content.decode()
    assert "4 of 4" in shown
    body = re.sub(r"(?s)<tbody>(.*?)</tbody>.*", r"\1", shown[shown.index("<tbody>") :])
    assert "±" in body or "Not estimable yet" in body
    assert "simulated" in shown.lower()


def test_precision_before_the_first_sitting_is_an_empty_page_that_helps(client, db, member):
    study = make_study("empty")
    member(study, "coordinator")
    shown = client.get(reverse("benchmark:precision", args=["empty"])).content.decode()
    assert "No complete sittings yet" in shown
    member(study, "reviewer")
    assert client.get(reverse("benchmark:precision", args=["empty"])).status_code == 403


def test_the_page_begins_with_the_study_s_own_design(client, study, member):
    member(study, "coordinator")
    own = design_of(study)
    tested = study.items.testing().count()
    assert own["classes"] * own["per_class"] == tested
    shown = client.get(reverse("benchmark:planning", args=[study.slug])).content.decode()
    assert f"{own['readers']} readers, {tested} images" in shown
    assert design_of(make_study("without-a-protocol")) == {}


def test_a_rating_study_is_asked_for_raters_images_and_a_margin(client, settings, tmp_path, member):
    """Beginning with its own seats, single images (no repeats, no catches) and the plan's margin; sliders change the answer."""
    settings.VAR_DIR = tmp_path
    study = make_rating_study(kinds=["single", "strip"])
    own = rating_design_of(study)
    assert own == {"raters": RATERS, "each": 8, "images": 8}
    assert design_of(study) == {}
    plan = (FIXTURES / "realism" / "analysis.toml").read_text(encoding="utf-8")
    stamp_plan(study=study, text=plan.replace("margin = 0.1", "margin = 0.12"))
    member(study, "coordinator")
    page = reverse("benchmark:planning", args=[study.slug])
    shown = client.get(page).content.decode()
    assert f"{RATERS} raters, 8 distinct images, 8 images for each rater" in shown
    assert "within ± 12.0 points of 50 %" in shown
    assert "Readers' accuracy" not in shown
    assert "planning/simulate/" not in shown
    asked = {"raters": 32, "each": 60, "images": 300, "error": 50, "margin": 10, "sd_rater": 8, "icc": 0.15}
    part = client.get(page, asked, headers={"HX-Request": "true"}).content.decode()
    found, by_raters, by_images = plan_rating(**asked | {"error": 0.5, "margin": 0.1, "sd_rater": 0.08})
    assert f"± {100 * found.half_width:.1f} points" in part
    assert f"{100 * found.equivalence:.1f} % power" in part
    assert part.count("<polyline") == 2
    assert "python -m benchmark.core power --ratings --raters 32 --each 60 --images 300" in part
    for (curve,) in (by_raters, by_images):
        powers = [share for _, share in curve.points]
        assert powers == sorted(powers)
    assert client.get(page, asked | {"error": 40}, headers={"HX-Request": "true"}).content.decode().count("<polyline") == 4
    assert "cannot judge 61 of 60 images" in client.get(page, asked | {"each": 61, "images": 60}).content.decode()
