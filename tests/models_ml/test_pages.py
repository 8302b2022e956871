"""Pages and API of the networks: for whom, from what, in how many queries, and what bad input is told."""

import csv
import io
import re

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from rest_framework.test import APIClient

from imagebank.models import Job
from models_ml.attribution_tables import difference
from models_ml.charts import learning_curves, share_text
from models_ml.core.attribution.tables import in_words
from models_ml.core.training.checkpoint import write_sums
from models_ml.models import AttributionSet, Ensemble, Prediction, TrainingRun
from models_ml.presenting import card_blocks, rule_in_words
from models_ml.services.explaining import start_attribution
from models_ml.services.exporting import queue_onnx_export
from models_ml.services.predicting import queue_prediction
from models_ml.services.storing import import_run
from tests.models_ml.conftest import TINY
from tests.models_ml.factories import stored_network, stored_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def engineer(client, person):
    client.force_login(person("engineer"))
    return client


@pytest.fixture
def api(person):
    client = APIClient()
    client.force_authenticate(person("engineer"))
    return client


def address(name, *args):
    return reverse(f"models_ml:{name}", args=["spots", *args])


def test_an_empty_study_offers_the_first_step(study, engineer):
    assert "No network yet" in engineer.get(address("runs")).content.decode()
    assert "Nothing explained yet" in engineer.get(address("attributions")).content.decode()


def test_every_page_of_a_network_opens_for_its_roles_and_for_no_other(stored, client, person):
    run = stored.run
    pages = [
        address("runs"), address("run", run.pk), address("live", run.pk), address("card", run.pk),
        address("ensemble", stored.pk), address("compare"), address("attributions"),
    ]  # fmt: skip
    changing = [address("start"), address("import"), address("gpu-box")]
    for role in ("engineer", "coordinator", "analyst"):
        client.force_login(person(role))
        assert {client.get(page).status_code for page in pages} == {200}
        assert {client.get(page).status_code for page in changing} == {403 if role == "analyst" else 200}
    client.force_login(person("reviewer"))
    assert {client.get(page).status_code for page in pages + changing} == {403}
    client.force_login(person())
    assert {client.get(page).status_code for page in pages + changing} == {404}


def test_pictures_that_are_no_photographs_are_labelled(stored, engineer):
    for page in (address("runs"), address("run", stored.run.pk), address("ensemble", stored.pk)):  # in the study's bar
        assert "drawn, not photographs" in engineer.get(page).content.decode()


def test_more_runs_take_no_more_queries(stored, engineer):
    engineer.get("/account/")  # a session's first page notes that it is used
    few = queries_of(engineer, address("runs"))
    for number in range(5):
        stored_network(stored.study, name=f"network-{number}")
    assert queries_of(engineer, address("runs")) == few
    assert engineer.get(address("runs")).content.decode().count("Finished") == 6


def queries_of(client, page: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(page).status_code == 200
    return len(queries)


def test_starting_from_the_page_queues_one_job_and_shows_its_run(study, engineer):
    given = {"name": "fresh", "view": "focused", "preset": "tiny", "seed": 3, "folds": 2, "changes": "\n".join(TINY)}
    answer = engineer.post(address("start"), given)
    run = TrainingRun.objects.get()
    assert answer.url == address("run", run.pk)
    assert (run.seed, run.folds, run.config["data"]["size_px"]) == (3, [0, 1], 32)
    assert Job.objects.get().payload == {"run": run.pk}
    assert "Waiting" in engineer.get(answer.url).content.decode()
    engineer.post(address("cancel", run.pk))
    assert TrainingRun.objects.with_state().get().state == "cancelled"
    engineer.post(address("resume", run.pk))
    assert TrainingRun.objects.with_state().get().state == "waiting"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "two words"}, "Enter a valid"),
        ({"only_folds": "first"}, "whole numbers from 0"),
        ({"changes": "recipe.epochs"}, "section.name=value"),
        ({"fold_source": "recorded"}, "Recorded folds are wanted"),
        ({"view": "side"}, "not one of the available choices"),
    ],
)
def test_the_form_says_what_does_not_fit(study, engineer, changes, sentence):
    given = {"name": "fresh", "view": "focused", "preset": "tiny", "seed": 0} | changes
    answer = engineer.post(address("start"), given)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not TrainingRun.objects.exists()


def test_an_upload_that_is_no_zip_is_refused_and_a_zip_without_a_run_fails_its_job(study, engineer, run_jobs):
    text = SimpleUploadedFile("run.txt", b"no")
    assert "Choose a ZIP file" in engineer.post(address("import"), {"archive": text}).content.decode()
    engineer.post(address("import"), {"archive": SimpleUploadedFile("run.zip", b"no zip")})
    (job,) = run_jobs()
    assert (job.state, "This file is no ZIP" in job.error) == ("failed", True)


def test_another_rule_makes_another_ensemble(stored, engineer):
    given = {"name": "strict", "rule": "confident-mean", "threshold": "0.99", "fallback": "abstain", "restrict": "own"}
    answer = engineer.post(address("ensemble-create", stored.run.pk), given)
    strict = Ensemble.objects.get(name="strict")
    assert answer.url == address("ensemble", strict.pk)
    assert set(strict.predictions.values_list("answer", flat=True)) == {""}
    page = engineer.get(answer.url).content.decode()
    assert "is above 0.99" in page
    assert "nothing is answered" in page
    assert "no answer" in page
    assert "Right where it answers" in page
    assert "0 of 6 items" in page
    again = engineer.post(address("ensemble-create", stored.run.pk), given, follow=True).content.decode()
    assert "There is already an ensemble &#x27;strict&#x27; of the focused view" in again


def test_only_files_of_the_run_can_be_fetched(study, engineer):
    run = stored_run(study)
    (run.folder / "fold0").mkdir(parents=True)
    (run.folder / "card.md").write_text("# small\n\n- view: focused\n")
    (run.folder / "fold0" / "metrics.jsonl").write_text("{}\n")
    (run.home / "secret.txt").write_text("secret")
    assert engineer.get(address("file", run.pk, "fold0/metrics.jsonl")).status_code == 200
    for name in ("../secret.txt", "fold0/../../secret.txt", "nothing"):
        assert engineer.get(f"{address('run', run.pk)}files/{name}").status_code == 404
    assert "view: focused" in engineer.get(address("card", run.pk)).content.decode()


def test_a_removed_run_takes_its_rows_and_files_along(stored, engineer):
    stored.run.folder.mkdir(parents=True)
    engineer.post(address("remove", stored.run.pk))
    assert not TrainingRun.objects.exists()
    assert not Prediction.objects.exists()
    assert not stored.run.home.exists()


def test_curves_are_drawn_for_ended_epochs_and_unknown_values_left_out():
    row = {"epoch": 1, "train_loss": 2.0, "held_out_loss": 1.5, "balanced_accuracy": None, "accuracy": 0.2, "lr": 1e-3}
    loss, accuracy = learning_curves({0: [row, row | {"epoch": 2, "train_loss": 1.0}]})
    assert sorted((line.kind, line.points.count(",")) for line in loss.lines) == [("held-out", 2), ("train", 2)]
    assert accuracy.lines == []
    assert learning_curves({}) == []
    (once, _) = learning_curves({0: [row]})
    assert {line.points.count(",") for line in once.lines} == {2}, "a single epoch is a dot, not nothing"


def test_members_intervals_are_text_and_a_drawing_in_per_cent_so_that_they_fit_any_width(stored, engineer):
    page = engineer.get(address("ensemble", stored.pk)).content.decode()
    drawn = page[page.index('<ul class="intervals"') :].partition("</ul>")[0]
    assert drawn.count("</li>") == stored.run.members.count() + 2  # members, the ensemble, the axis
    assert share_text(stored.judged["accuracy_clustered"]) in drawn
    assert "viewBox" not in drawn
    places = [float(text) for text in re.findall(r'(?:x1|x2|cx|x)="([\d.]+)%"', drawn)]
    assert places
    assert 0 <= min(places) <= max(places) <= 100


def test_every_number_of_a_table_that_a_phone_stacks_names_its_column(stored, engineer):
    page = engineer.get(address("runs")).content.decode()
    table = page[page.index('<table class="table stacks"') : page.index("</table>")]
    headings = [re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<th[^>]*>(.*?)</th>", table)]
    assert re.findall(r'data-label="([^"]+)"', table) == headings * stored.run.study.training_runs.count()


@pytest.mark.parametrize(("place", "column"), [("run", "Weights, SHA-256"), ("attributions", "Begun")])
def test_tables_of_a_phone_say_what_every_cell_is(stored, engineer, place, column):
    """A row's own name and a sentence need no heading; every other cell brings that of its column."""
    AttributionSet.objects.create(ensemble=stored)
    page = engineer.get(address(place, *([stored.run_id] if place == "run" else []))).content.decode()
    tables = re.findall(r'<table class="table stacks">.*?</table>', page, re.DOTALL)
    assert any(column in table for table in tables)
    for table in tables:
        headings = re.findall(r"<th[^>]*>([^<]+)</th>", table.partition("</thead>")[0])
        labels = set(re.findall(r'data-label="([^"]+)"', table))
        assert labels <= set(headings)
        assert len(headings) - len(labels) <= 2


def test_the_page_of_a_run_comes_anew_when_its_training_has_ended(stored, study, engineer):
    assert engineer.get(address("live", stored.run_id))["HX-Refresh"] == "true", "files and results are below the live part"
    given = {"name": "fresh", "view": "focused", "preset": "tiny", "seed": 3, "folds": 2, "changes": "\n".join(TINY)}
    engineer.post(address("start"), given)
    waiting = engineer.get(address("live", TrainingRun.objects.get(name="fresh").pk))
    assert "HX-Refresh" not in waiting
    assert 'hx-trigger="every 2s"' in waiting.content.decode()


def test_a_difference_that_rounds_to_nothing_has_no_minus():
    assert [difference(*pair) for pair in ((0.381, 0.384), (0.5, 0.2), (0.2, 0.5), (None, 0.2))] == [
        "+0.00", "+0.30", "\N{MINUS SIGN}0.30", "",
    ]  # fmt: skip
    assert in_words({"value": -0.004, "ci_low": -0.03, "ci_high": -0.001}) == "0.00 (\N{MINUS SIGN}0.03 to 0.00)"


def test_the_first_prediction_is_not_said_to_be_another_one(study, engineer):
    run = stored_run(study)
    said = engineer.get(address("run", run.pk)).content.decode()
    assert "Predict the test items</button>" in said
    assert "again" not in said


def test_axes_are_named_at_round_numbers():
    """Steps of 1, 2, 2.5 or 5: an axis says .5 and 1.0, epochs 1, 10, 20, and no percentage above all."""
    rows = [{"epoch": n, "train_loss": 2.17, "held_out_loss": 2.2, "balanced_accuracy": 0.3} for n in (1, 8)]
    loss, accuracy = learning_curves({0: rows}, epochs=40)
    assert [tick.text for tick in loss.y_ticks] == ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]
    assert [tick.text for tick in loss.x_ticks] == ["1", "5", "10", "15", "20", "25", "30", "35", "40"]
    assert [tick.text for tick in accuracy.y_ticks] == ["0%", "25%", "50%", "75%", "100%"]
    (short, _) = learning_curves({0: [row | {"train_loss": 0.031, "held_out_loss": 0.02} for row in rows[:1]]})
    assert [tick.text for tick in short.y_ticks] == ["0.00", "0.01", "0.02", "0.03", "0.04"]
    assert [tick.text for tick in short.x_ticks] == ["1"]


def test_what_is_not_known_says_why():
    assert share_text({"value": None, "why": "no cases"}) == "no cases"
    assert share_text({"value": 0.5, "ci_low": 0.25, "ci_high": 0.75}) == "50.0% (25.0 to 75.0)"


def test_a_card_becomes_headings_lists_and_tables():
    blocks = card_blocks("# Title\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | `2` |\n\n## More\n\nText\nruns on.\n")
    assert [block.kind for block in blocks] == ["title", "list", "table", "heading", "text"]
    assert blocks[2].lines == [["a", "b"], ["1", "2"]]
    (named,) = card_blocks("| member | ended | epochs |\n|---|---|---|\n| fold0 | finished | 18 |\n| fold1 | finished | |\n")
    assert [number for _, number in named.cells[0]] == [False, False, True], "numbers stand right, words left"


def test_a_rule_is_said_in_words(stored):
    assert rule_in_words(stored).startswith("The mean of the members whose largest probability reaches 0.5;")


def test_the_api_lists_filters_and_is_also_a_table(stored, api):
    assert api.get("/api/runs/?state=finished").json()["results"][0]["members_done"] == 2
    assert api.get("/api/runs/?state=failed").json()["count"] == 0
    assert api.get(f"/api/members/?run={stored.run.pk}").json()["count"] == 2
    assert api.get("/api/predictions/?of=ensembles&outcome=wrong").json()["count"] == 1
    answer = api.get("/api/predictions/?of=ensembles&format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert {row["item"]: row["truth"] for row in rows}["IP-6"] == "IP"
    assert api.get("/api/ensembles/").json()["results"][0]["accuracy"] == pytest.approx(5 / 6)


def test_the_api_starts_and_cancels_for_engineers_alone(study, api, person):
    given = {"study": "spots", "name": "fresh", "view": "focused", "folds": 2, "changes": TINY}
    answer = api.post("/api/runs/", given, format="json")
    assert (answer.status_code, answer.json()["state"]) == (201, "waiting")
    again = api.post("/api/runs/", given, format="json")
    assert (again.status_code, "already a run" in again.content.decode()) == (400, True)
    run = answer.json()["id"]
    assert api.post(f"/api/runs/{run}/cancel/").json()["state"] == "cancelled"
    api.force_authenticate(person("analyst"))
    assert api.get(f"/api/runs/{run}/").status_code == 200
    assert api.post("/api/runs/", given, format="json").status_code == 403
    assert api.post(f"/api/runs/{run}/resume/").status_code == 403


def test_nobody_without_a_truth_role_learns_of_networks_by_the_api(stored, person):
    client = APIClient()
    for role in ("reviewer", None):
        client.force_authenticate(person(role))
        for name in ("runs", "members", "ensembles", "predictions", "attributions", "attribution-maps"):
            assert client.get(f"/api/{name}/").json()["count"] == 0


def test_a_network_that_its_owners_file_builds_is_not_offered_what_the_site_cannot_run(study, run_copy, engineer):
    folder = run_copy()
    (folder / "networks.py").write_text("raise SystemExit('the site ran it')\n")
    write_sums(folder)
    run = import_run(study=study, folder=folder, name="mine").run
    ensemble = run.ensembles.get()
    pages = [engineer.get(address("run", run.pk)).content.decode(), engineer.get(address("ensemble", ensemble.pk)).content.decode()]
    assert "test_efficientnet, 32 px, built by a file of its owner&#x27;s (networks.py)" in pages[0]
    for page in pages:
        assert "never runs it" in page
        assert "Explain</button>" not in page
        assert "Predict the test items" not in page
        assert "Export as ONNX" not in page
    for refused in (lambda: queue_prediction(run=run), lambda: start_attribution(ensemble=ensemble), lambda: queue_onnx_export(run=run)):
        with pytest.raises(ValidationError, match="networks.py, which this site keeps and never runs"):
            refused()
    assert not run.study.jobs.exists()
