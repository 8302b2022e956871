"""Answers that are the mean of a picture's rotations and mirror images, chosen when a trained network predicts."""

import csv
import json

import numpy as np
import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from imagebank.models import Job, TrailEntry
from models_ml.core import read_manifest
from models_ml.core.answers.predict import predict_items
from models_ml.core.answers.predictions import read_predictions
from models_ml.core.cli import main
from models_ml.core.errors import CoreError
from models_ml.models import Prediction
from models_ml.services.explaining import explain_arguments
from models_ml.services.predicting import predict_arguments, queue_prediction, store_predictions
from models_ml.services.storing import import_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(study, trained_folders):
    return import_run(study=study, folder=trained_folders["focused"], name="small").run


def stored(run):
    rows = run.predictions.of_members().order_by("member", "item").values_list("probabilities", flat=True)
    return np.array(list(rows))


def test_the_command_averages_views_without_training_and_the_file_says_so(trained_folders, pictures, tmp_path, capsys):
    folder, files = trained_folders["focused"], {}
    for name, chosen in (("recipe", []), ("one", ["--views", "1"]), ("eight", ["--views", "8"])):
        files[name] = tmp_path / f"{name}.csv"
        assert main(["predict", str(folder), str(pictures), "--out", str(files[name]), "--quiet", *chosen]) == 0
    assert capsys.readouterr().out.splitlines()[-2].endswith("8 views of each picture")
    assert files["recipe"].read_text() == files["one"].read_text()
    (one,), (eight,) = (read_predictions(files[name]) for name in ("one", "eight"))
    assert (one.tta_views, eight.tta_views) == (1, 8)
    assert one.items == eight.items
    assert np.abs(one.probs_MNC - eight.probs_MNC).max() > 1e-4
    by_call = predict_items(folder, read_manifest(pictures), tta_views=8)
    assert eight.probs_MNC == pytest.approx(by_call.probs_MNC, abs=1e-8)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [("3", "line 2: tta_views must be 1 or 8, or empty where it is not known; found '3'"), ("1", "found 1, 8"), ("", "found not known, 8")],
)
def test_a_file_that_mixes_or_invents_views_is_refused(trained_folders, pictures, tmp_path, change, sentence):
    path = tmp_path / "eight.csv"
    predict_items(trained_folders["focused"], read_manifest(pictures), tta_views=8, out=path)
    rows = list(csv.reader(path.open(newline="")))
    rows[1][-1] = change
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    with pytest.raises(CoreError, match=sentence):
        read_predictions(path)


def test_the_site_gives_all_answers_anew_in_the_chosen_way_and_keeps_to_it(run, person, run_jobs):
    queue_prediction(run=run, items=["IP-1"])
    run_jobs()
    run.refresh_from_db()
    before = stored(run)
    assert (run.tta_views, len(before)) == (1, 2 * 7)

    queue_prediction(run=run, views=8, user=person("engineer"))
    (job,) = [job for job in run_jobs() if job.payload.get("views") == 8]
    run.refresh_from_db()
    assert (job.state, run.tta_views) == ("succeeded", 8)
    assert len(stored(run)) == 2 * 7  # the training picture that had been asked for, too
    assert np.abs(stored(run) - before).max() > 1e-4
    assert run.ensembles.get().judged["n"] == 7
    entry = TrailEntry.objects.get(deed__contains="8 views")
    assert entry.deed == "answers of small (focused) asked for as the mean of 8 views of each picture, 1 before"
    assert entry.by_name == "engineer"

    assert predict_arguments(run, ["IP-1"])[-2:] == ["--views", "8"]  # whoever asks later does not mix
    made = run.ensembles.get().attribution_sets.create(method="integrated-gradients")
    arguments = explain_arguments(made, None)
    assert arguments[arguments.index("--views") + 1] == "8"
    queue_prediction(run=run, views=1)
    run_jobs()
    assert stored(run) == pytest.approx(before, abs=1e-6)


def test_answers_of_one_kind_do_not_come_beside_those_of_another(run, pictures, tmp_path):
    before = stored(run)
    path = tmp_path / "some.csv"
    predict_items(
        run.folder, read_manifest(pictures), split=None, items=["IP-6"], model="small", tta_views=8, out=path
    )
    with pytest.raises(ValidationError, match=r"means of 8 views of a picture; 10 stored answers of small .* are of 1 view\. Bring"):
        store_predictions(run=run, path=path)
    assert (stored(run) == before).all()


def test_the_page_offers_the_views_says_what_answers_are_and_what_was_chosen(run, client, person, run_jobs):
    client.force_login(person("engineer"))
    page, chosen = f"/studies/spots/networks/runs/{run.pk}/", "(chosen after training; the recipe says 1)"
    said = client.get(page).content.decode()
    assert '<option value="1" selected>each picture as it is, as the recipe says</option>' in said
    assert chosen not in said
    client.post(f"{page}predict/", {"views": "8"})
    run_jobs()
    said = client.get(page).content.decode()
    assert '<option value="8" selected>8 views: rotations and mirror images</option>' in said
    assert chosen in said
    ensemble = run.ensembles.get()
    assert chosen in client.get(f"/studies/spots/networks/ensembles/{ensemble.pk}/").content.decode()
    assert client.post(f"{page}predict/", {"views": "5"}).status_code == 302
    assert "1 or of 8 views" in client.get(page).content.decode()
    assert Job.objects.count() == 1


def test_the_command_of_the_site_predicts_at_once_and_speaks_json(run, capsys):
    call_command("predict_run", "spots", "small", "--view", "focused", "--views", "8", "--wait", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["tta_views"], facts["predictions"]) == (8, Prediction.objects.of_members().count())
