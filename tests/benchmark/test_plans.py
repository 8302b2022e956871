"""The analysis plan: stamped, never changed, and known to be before or after the first answer of a person."""

import hashlib

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.urls import reverse

from benchmark.core.plans.plan import Plan
from benchmark.models import AnalysisPlan
from benchmark.services.comparison import run_comparison
from benchmark.services.plan_drafts import networks_of
from benchmark.services.plans import answers_of_people, changes_between_plans, first_answer_at, stamp_plan
from surveys.models import SurveyResponse
from tests.benchmark.conftest import PLAN

pytestmark = pytest.mark.django_db
LATER = PLAN.replace('multiplicity = "holm"', 'multiplicity = "bh"')


def let_people_answer(study):
    """From here on the readers of the study count as people."""
    SurveyResponse.objects.of_study(study).update(simulated=False)


def test_every_shipped_plan_can_be_stamped(study):
    for number, path in enumerate(sorted((django_settings.BASE_DIR / "fixtures").glob("*/analysis.toml")), 1):
        plan = stamp_plan(study=study, path=path)
        assert plan.version == number
        assert plan.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert number >= 2


def test_the_same_text_again_is_the_same_version(study):
    assert stamp_plan(study=study, text=PLAN).pk == stamp_plan(study=study, text=PLAN).pk
    assert AnalysisPlan.objects.count() == 1


def test_a_plan_that_cannot_be_used_names_every_fault(study):
    with pytest.raises(ValidationError) as refusal:
        stamp_plan(study=study, text=PLAN.replace("holm", "hope") + "\n[data2]\n")
    told = " ".join(refusal.value.messages)
    assert "primary.multiplicity" in told
    assert "data2" in told
    assert not AnalysisPlan.objects.exists()


def test_simulated_readers_do_not_freeze_a_plan_and_people_do(study):
    assert answers_of_people(study) == 0
    assert first_answer_at(study) is None
    first = stamp_plan(study=study, text=PLAN)
    let_people_answer(study)
    assert first_answer_at(study) is not None
    later = stamp_plan(study=study, text=LATER)
    assert first.is_before_first_answer
    assert not later.is_before_first_answer
    assert later.answers_when_stamped == answers_of_people(study) > 0
    plans = AnalysisPlan.objects.filter(study=study)
    assert (plans.registered(), plans.current()) == (first, later)
    (change,) = changes_between_plans(first, later)
    assert (change.field, change.before, change.after) == ("primary.multiplicity", "holm", "bh")


def test_a_comparison_runs_under_the_stamped_plan_and_keeps_both_stamps(study):
    first = stamp_plan(study=study, text=PLAN)
    let_people_answer(study)
    later = stamp_plan(study=study, text=LATER)
    comparison = run_comparison(study=study)
    assert comparison.plan == later
    assert comparison.results["plan"]["sha256"] == later.sha256
    assert comparison.results["plan"]["stamped_sha256"] == first.sha256
    assert comparison.hashes["analysis.toml"] == later.sha256
    assert run_comparison(study=study, plan=None).results["plan"]["declared"] is False


def test_the_page_stamps_shows_the_hash_and_says_when(client, study, member):
    member(study, "analyst")
    page = reverse("benchmark:plan", args=[study.slug])
    assert "No plan yet" in client.get(page).content.decode()
    refused = client.post(page, {"text": "schema = 1"})
    assert refused.status_code == 400
    assert "schema" in refused.content.decode()
    assert client.post(page, {"text": PLAN.replace("\n", "\r\n")}).status_code == 302
    plan = AnalysisPlan.objects.get()
    assert plan.text == PLAN
    shown = client.get(page).content.decode()
    assert plan.sha256 in shown
    assert "before the first answer" in shown
    let_people_answer(study)
    client.post(page, {"text": LATER})
    shown = client.get(page).content.decode()
    assert "primary.multiplicity" in shown
    assert f"after {answers_of_people(study)} answers" in shown
    file = client.get(reverse("benchmark:plan_file", args=[study.slug, 1]))
    assert file.content.decode() == PLAN


def test_an_engineer_reads_the_plan_and_cannot_stamp_one(client, study, member):
    member(study, "engineer")
    page = reverse("benchmark:plan", args=[study.slug])
    assert client.post(page, {"text": PLAN}).status_code == 403
    assert not AnalysisPlan.objects.exists()


def test_the_page_drafts_a_plan_that_can_be_stamped_as_it_is(client, study, member):
    member(study, "analyst")
    page = reverse("benchmark:plan", args=[study.slug])
    text = client.get(page).context["form"].initial["text"]
    groups = study.reader_groups.filter(kind="human").count()
    assert len(Plan.from_toml(text=text).primary) == groups * len(study.protocol.view_order)
    asked = {"draft": "yes", "draft-networks": networks_of(study)[0], "draft-contrasts": "1", "draft-estimand": "new images",
             "draft-multiplicity": "max-t", "draft-missing": "excluded", "draft-margin": "5"}  # fmt: skip
    drafted = client.get(page, asked).context["form"].initial["text"]
    plan = Plan.from_toml(text=drafted)
    assert (len(plan.primary), plan.estimand, plan.multiplicity, plan.missing, plan.margin) == (1, "new images", "max-t", "excluded", 0.05)
    assert client.post(page, {"text": drafted}).status_code == 302
    assert client.get(page).context["form"].initial["text"] == drafted, "what is stamped is what one goes on from"
    refused = client.get(page, asked | {"draft-networks": "nobody", "draft-margin": "900"})
    assert refused.status_code == 400
    assert "nobody is not one of the available choices" in refused.content.decode()
