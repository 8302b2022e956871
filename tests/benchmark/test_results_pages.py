"""What an analyst sees: every page of a comparison, its figures, tables and files; and who may not see it."""

import io
import json
import re
from html import unescape

import openpyxl
import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse

from benchmark.core.wording import unbroken
from benchmark.finders import PlotlyFinder
from benchmark.pages.answering import answers_in_words
from benchmark.services import comparison as comparison_service
from benchmark.services.comparison import run_comparison
from benchmark.services.plans import stamp_plan
from imagebank.jobs import run_job
from imagebank.models import ItemImage, Job
from surveys.models import SurveyResponse
from tests.benchmark.conftest import PLAN
from tests.benchmark.core.assisted_study import assisted_study
from tests.surveys.study import make_study

pytestmark = pytest.mark.django_db


def at(name, comparison, *more):
    return reverse(f"benchmark:{name}", args=[comparison.study.slug, comparison.pk, *more])


def test_every_page_of_a_comparison_answers_and_says_simulated(client, study, member):
    member(study, "analyst")
    stamp_plan(study=study, text=PLAN)
    comparison = run_comparison(study=study)
    page = client.get(at("comparison_detail", comparison))
    shown = page.content.decode()
    for record in comparison.results["paired"]:
        assert record["question"] in shown
        assert unbroken(record["answer"]) in shown
    assert shown.count("simulated") > len(comparison.results["paired"])
    assert "drawn, not photographs" in shown
    assert comparison.inputs_sha256 in shown
    assert "stamped before the first answer" in shown
    # Scripts stay under the strict rule; only styles are opened, for the drawings.
    policy = page.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", shown)
    for address in set(re.findall(r'(?:href|src|data-figure)="(/studies/[^"#?]+)"', shown)):
        if address.endswith((".png", ".pdf")):
            continue  # not drawn in this test
        assert client.get(address).status_code == 200, address
    tabs = re.findall(rf'href="({re.escape(at("comparison_detail", comparison))}on/[^"]+)"', shown)
    assert len(set(tabs)) >= 6
    for address in tabs:
        answer = client.get(address)
        assert answer.status_code == 200
        assert "simulated" in answer.content.decode()


def test_a_primary_answer_explains_itself_and_the_pages_say_how_r_checks_it(client, study, comparison, member):
    member(study, "analyst")
    stamp_plan(study=study, text=PLAN)
    for found, count in ((comparison, len(comparison.results["paired"])), (run_comparison(study=study), 1)):
        shown = unescape(client.get(at("comparison_detail", found)).content.decode())
        assert shown.count("<summary>How this number comes about</summary>") == count
        answer = next(answer for answer in answers_in_words(found.results) if answer.workings)
        assert [working.label for working in answer.workings] == [answer.these.label, answer.new.label]
        for working in answer.workings:
            for step in working.steps:
                assert step.words in shown
                assert step.formula in shown
        assert "Rscript results/check.R" in shown
    files = client.get(at("comparison_files", comparison)).content.decode()
    assert '<code class="command" tabindex="0">Rscript results/check.R</code>' in files
    program = client.get(at("comparison_file", comparison, "check.R"))
    assert program.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "attachment" not in program.headers["Content-Disposition"]
    assert b"".join(program.streaming_content).startswith(b"# An independent check of the results in base R")


def test_pages_keep_their_numbers_in_files_for_every_program(client, study, comparison, member):
    member(study, "engineer")
    exact = client.get(at("comparison_table", comparison, "accuracy", "csv")).content.decode()
    assert exact == (comparison.folder / "tables" / "accuracy.csv").read_text()
    book = openpyxl.load_workbook(io.BytesIO(client.get(at("comparison_table", comparison, "items", "xlsx")).content))
    assert book["items"].max_row == 1 + len(comparison.results["items"])
    assert r"\toprule" in client.get(at("comparison_table", comparison, "agreement", "tex")).content.decode()
    figure = client.get(at("comparison_figure", comparison, "figure-2a")).json()
    assert {"data", "layout"} <= set(figure)
    pictures = client.get(at("comparison_items", comparison)).content.decode()
    shown = [i.public_id for i in ItemImage.objects.filter(item__study=study) if i.public_id in pictures]
    assert len(shown) == len(comparison.results["items"])
    for wrong in ("../../secret_key", "figures", "nothing.csv"):
        assert client.get(at("comparison_file", comparison, wrong)).status_code == 404
    assert client.get(at("comparison_figure", comparison, "nothing")).status_code == 404
    assert client.get(at("comparison_topic", comparison, "nothing")).status_code == 404


def test_strangers_reviewers_and_other_studies_see_nothing(client, study, comparison, member, django_user_model):
    names = ["comparison_detail", "comparison_items", "comparison_files", "comparison_bundle"]
    client.force_login(django_user_model.objects.create_user("stranger"))
    assert {client.get(at(name, comparison)).status_code for name in names} == {404}
    member(study, "reviewer")
    assert {client.get(at(name, comparison)).status_code for name in names} == {403}
    other = make_study("other")
    member(other, "analyst")
    assert client.get(reverse("benchmark:comparison_detail", args=["other", comparison.pk])).status_code == 404
    member(study, "engineer")
    assert client.post(reverse("benchmark:comparison_start", args=[study.slug]), {"seed": 1}).status_code == 403


def test_a_comparison_is_started_checked_and_held_against_another_from_the_pages(
    client, study, member, django_capture_on_commit_callbacks
):
    member(study, "analyst")
    stamp_plan(study=study, text=PLAN)
    home = reverse("benchmark:comparison_list", args=[study.slug])
    assert "Ready to compare" in client.get(home).content.decode()
    start = reverse("benchmark:comparison_start", args=[study.slug])
    assert client.post(start, {"seed": -1}).status_code == 400
    plan = study.analysis_plans.get()
    for choice in ({"plan": plan.pk, "seed": 1}, {"plan": "", "seed": 1}):
        assert client.post(start, choice).status_code == 302
        job = run_job(Job.objects.order_by("-created_at").first().pk)
        assert job.state == job.State.SUCCEEDED, job.error
    without, under_plan = study.comparisons.all()
    assert (under_plan.plan, without.plan) == (plan, None)
    assert f"version {plan.version}" in client.get(home).content.decode()
    changes = client.get(at("comparison_changes", without, under_plan.pk)).content.decode()
    assert "not used" in changes
    client.post(at("comparison_check", without))
    job = run_job(Job.objects.order_by("-created_at").first().pk)
    assert job.result["different"] == []
    files = client.get(at("comparison_files", without)).content.decode()
    assert f"all {job.result['files']} files the same" in files
    assert "Another version" not in files
    _is_made_anew_by_this_version(client, without)


def _is_made_anew_by_this_version(client, comparison):
    """What another version left unwritten is there again, from the comparison's own inputs; both pages say it, until then."""
    whole, table = comparison.results_as_written(), comparison.folder / "tables" / "paired.csv"
    before, own = comparison.created_at, (comparison.folder / "readings.csv").read_bytes()
    comparison.results = {**comparison.results, "versions": {**whole["versions"], "diptych": "0" * 12}, "paired": []}
    comparison.save()
    table.unlink()
    for page in ("comparison_detail", "comparison_files"):
        assert "Another version of the program" in client.get(at(page, comparison)).content.decode()
    assert client.post(at("comparison_renewal", comparison)).status_code == 302
    job = run_job(Job.objects.order_by("-created_at").first().pk)
    assert job.state == job.State.SUCCEEDED, job.error
    comparison.refresh_from_db()
    assert comparison.results == json.loads(json.dumps(whole))
    assert table.exists()
    assert (comparison.folder / "readings.csv").read_bytes() == own
    assert comparison.created_at > before
    for page in ("comparison_detail", "comparison_files"):
        assert "Another version of the program" not in client.get(at(page, comparison)).content.decode()


def test_the_list_opens_with_the_latest_answer_to_every_question(client, study, comparison, member):
    member(study, "coordinator")
    shown = client.get(reverse("benchmark:comparison_list", args=[study.slug])).content.decode()
    for answer in answers_in_words(comparison.results):
        assert f'href="{at("comparison_detail", comparison)}#{answer.anchor}">{answer.question}</a>' in shown
        for estimate in (answer.these, answer.new):
            assert f'<p class="size">{estimate.size}</p>' in shown
            assert estimate.interval in shown
    assert 'tag-notice">simulated</span>' in shown


def test_an_empty_study_says_what_is_needed(client, db, member):
    study = make_study("empty")
    member(study, "analyst")
    shown = client.get(reverse("benchmark:comparison_list", args=["empty"])).content.decode()
    assert "complete readings of people" in shown
    assert "a network&#x27;s answers" in shown


def test_the_chart_library_is_our_own_static_file():
    path = finders.find("benchmark/vendor/plotly.min.js")
    assert path.endswith("plotly.min.js")
    assert finders.find("benchmark/vendor/other.js") is None
    (listed,) = PlotlyFinder().list([])
    assert (listed[0], listed[1].prefix, listed[1].exists(listed[0])) == ("plotly.min.js", "benchmark/vendor", True)


def test_the_badge_shows_where_the_two_answers_disagree():
    record = {
        "model": "net", "group": "readers", "view": None, "unit": "survey", "n": 9, "model_ahead": 5, "equal": 1,
        "readers_ahead": 3, "mean_difference": 0.1, "ci_low": 0.02, "ci_high": 0.18, "p": 0.02, "p_adjusted": 0.04,
        "t": 2.8, "df": 8, "sd": 0.1, "cohens_dz": 0.9, "dz_ci_low": 0.1, "dz_ci_high": 1.7, "sign_flip_p": 0.03,
        "wilcoxon_p": 0.03, "wilcoxon_method": "exact", "hodges_lehmann": 0.1, "hl_ci_low": 0.0, "hl_ci_high": 0.2,
        "why": None, "question": "Is net better?", "answer": "It was.", "family": "primary",
    }  # fmt: skip
    new = record | {
        "difference": 0.1, "ci_low": -0.05, "ci_high": 0.25, "p": 0.18, "p_adjusted": 0.18, "se_ratio": 1.9,
        "method": "two-way", "sd_reader": 0.1, "sd_item": 0.4, "sd_residual": 0.4, "conclusions_differ": True,
    }  # fmt: skip
    results = {
        "paired": [record], "new_images": [new], "design": {"groups": ["readers"], "models": ["net"]},
        "plan": {"confidence": 0.95},
    }  # fmt: skip
    (answer,) = answers_in_words(json.loads(json.dumps(results)))
    assert answer.disagree
    assert (answer.these.size, answer.new.size) == ("+10.0 points", "+10.0 points")
    assert answer.these.adjusted == "p = .04"
    assert answer.new.adjusted == ""
    assert answer.these.whisker.zero == answer.new.whisker.zero
    assert answer.these.whisker.low > answer.these.whisker.zero > answer.new.whisker.low


def test_a_quantity_that_cannot_be_estimated_is_no_number(client, study, member):
    """One reader is left in a group: nothing can be said about other readers, and the page says why."""
    member(study, "analyst")
    keep = SurveyResponse.objects.of_study(study).filter(reader__group__code="geneticist").first()
    SurveyResponse.objects.of_study(study).filter(reader__group__code="geneticist").exclude(pk=keep.pk).update(analysed=False)
    comparison = run_comparison(study=study)
    shown = client.get(at("comparison_detail", comparison)).content.decode()
    assert "not estimable" in shown.lower()
    assert "nan" not in re.sub(r"<[^>]+>", " ", shown).lower().split()


def test_the_readings_come_in_the_form_of_every_program(client, study, comparison, member):
    member(study, "analyst")
    page = client.get(at("comparison_files", comparison)).content.decode()
    begins = {"csv": b"reader,group", "parquet": b"PAR1", "xlsx": b"PK", "sav": b"$FL2"}
    for kind, start in begins.items():
        address = at("comparison_readings", comparison, kind)
        assert address in page
        assert client.get(address).content.startswith(start)
    positive = comparison.results["design"]["classes"][0]
    imrmc = at("comparison_readings", comparison, "imrmc")
    assert client.get(f"{imrmc}?positive={positive}").content.startswith(b"N0: ")
    assert client.get(imrmc).status_code == 404


def test_the_seed_that_is_shown_is_the_one_that_was_used(client, study, member):
    member(study, "analyst")
    stamp_plan(study=study, text=PLAN + "[seeds]\nbootstrap = 4711\n")
    comparison = run_comparison(study=study, seed=7)
    assert (comparison.seed, comparison.results["seed"]) == (7, 4711)
    home = reverse("benchmark:comparison_list", args=[study.slug])
    assert '<td class="number">4711</td>' in client.get(home).content.decode()


def test_an_assisted_arm_has_a_page_of_its_own_and_its_answers(client, study, comparison, member, monkeypatch):
    """The readings are those of a simulated assisted study; the study's own have no network in sight, and no such page."""
    member(study, "analyst")
    assert client.get(at("comparison_topic", comparison, "assistance")).status_code == 404
    assert "With the network" not in client.get(at("comparison_detail", comparison)).content.decode()
    readings = assisted_study(1, readers=3, items=12, blank=0.1, control=0.25).assign(analysed=True)
    monkeypatch.setattr(comparison_service, "readings_frame", lambda *, study: readings)
    comparison = run_comparison(study=study)
    shown = unescape(client.get(at("comparison_detail", comparison)).content.decode())
    for record in comparison.results["assistance"] + comparison.results["assistance_difference"]:
        for text in (record["question"], record["answer"], record["these_images_answer"]):
            assert unbroken(text) in shown
    page = client.get(at("comparison_topic", comparison, "assistance")).content.decode()
    for name in [name for name in comparison.results if name.startswith("assistance")]:
        assert f'id="table-{name}"' in page
        assert client.get(at("comparison_table", comparison, name, "xlsx")).status_code == 200
        section = client.get(reverse("api-comparison-section", args=[comparison.pk, name]))
        assert section.json() == comparison.results[name]
    assert "Not part of this comparison" not in page
    for name in ("assistance", "assistance-control", "assistance-changes"):
        assert f'id="{name}"' in page
        assert {"data", "layout"} <= set(client.get(at("comparison_figure", comparison, name)).json())
        assert client.get(at("comparison_figure_data", comparison, name)).content.startswith(b"assistant,group,view")
    kept = client.get(at("comparison_readings", comparison, "csv")).content.decode().splitlines()[0]
    assert "assistant,assistant_answer,assisted_answer,assisted_rt_ms,asked_again" in kept
    assert "What it cannot tell apart" not in shown
    readings = readings[(readings["assistant"] != "") | (readings["kind"] == "model")]
    comparison = run_comparison(study=study, seed=2)
    assert "What it cannot tell apart" in client.get(at("comparison_detail", comparison)).content.decode()
    page = client.get(at("comparison_topic", comparison, "assistance")).content.decode()
    assert "nobody was asked again without any output" in page
