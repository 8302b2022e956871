"""Auxiliary pictures for runs started on the site: page, API, service, command and job; the table of labels."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from PIL import Image

from models_ml.core.pictures.isic import join, read_auxiliary, read_label_map
from models_ml.core.pictures.manifest import read_manifest
from models_ml.models import AuxiliaryLabels, TrainingRun
from models_ml.services.auxiliary import auxiliary_sets, change_label_table, label_rows, label_table
from models_ml.services.training import start_run
from tests.models_ml.conftest import TINY

pytestmark = pytest.mark.django_db
PAGE = "/studies/spots/networks/auxiliary/"


@pytest.fixture
def archives(settings, tmp_path):
    """Two sets as published: one-hot columns of 2019, texts of 2020 with patients, records and a known duplicate."""
    rows = {
        "isic-2019": ["image,MEL,NV,BCC", *(f"ISIC_{k},{k % 2 == 0:d}.0,{k % 2:d}.0,0.0" for k in range(6))],
        "isic-2020": ["image_name,patient_id,diagnosis,tfrecord", "ISIC_90,IP_1,nevus,1", "ISIC_91,IP_1,nevus,3",
                      "ISIC_92,IP_2,odd new label,2", "ISIC_93,IP_3,nevus,-1"],
    }  # fmt: skip
    for name, lines in rows.items():
        folder = tmp_path / "auxiliary" / name
        (folder / "images").mkdir(parents=True)
        (folder / "train.csv").write_text("\n".join(lines) + "\n")
        for k, line in enumerate(lines[1:]):
            Image.new("RGB", (24, 24), (30 * k, 90, 90)).save(folder / "images" / f"{line.split(',')[0]}.jpg")
    return tmp_path / "auxiliary"


def begin(study, **asked):
    return start_run(
        study=study, **{"name": "joint", "view": "focused", "preset_name": "tiny", "folds": 2, "changes": TINY} | asked
    )


def test_sets_are_listed_with_their_labels_and_new_labels_stand_first(study, archives):
    one, two = auxiliary_sets()
    assert (one.name, one.pictures, one.labels) == ("isic-2019", 6, {"MEL": 3, "NV": 3})
    assert (two.pictures, two.labels) == (3, {"nevus": 2, "odd new label": 1})
    first = label_rows(study, [one, two])[0]
    assert (first.label, first.kind, first.pictures) == ("odd new label", None, 1)


def test_a_run_started_on_the_site_trains_on_auxiliary_pictures_and_is_judged_on_its_own(study, archives, run_jobs):
    run = begin(study, auxiliary=["isic-2019"])
    assert run.classes == ["HMI", "IP", "MA", "melanoma", "nevus"]
    assert (run.own_classes, run.auxiliary) == (["HMI", "IP", "MA"], ["isic-2019"])
    kept = read_manifest(run.manifest)
    assert sum(item.source == "auxiliary" for item in kept.items) == 6
    assert {item.split for item in kept.items if item.source == "auxiliary"} == {"train"}
    assert [job.state for job in run_jobs()] == ["succeeded"]
    run.refresh_from_db()
    assert run.complete
    assert run.predictions.of_members().count() == 2 * 6
    assert len(run.predictions.first().probabilities) == 5
    assert run.ensembles.get().judged["n"] == 6


def test_what_is_missing_is_one_sentence_and_no_run_is_left(study, archives):
    with pytest.raises(ValidationError, match="no set of auxiliary pictures 'isic-1999'.*isic-2019, isic-2020"):
        begin(study, auxiliary=["isic-1999"])
    with pytest.raises(ValidationError, match="line 4: label 'odd new label' is not in the table"):
        begin(study, auxiliary=["isic-2020"])
    change_label_table(study=study, labels=read_label_map() | {"odd new label": ""})
    (archives / "isic-2020/images/ISIC_91.jpg").unlink()
    with pytest.raises(ValidationError, match=r"line 3: there is no picture ISIC_91\.jpg"):
        begin(study, auxiliary=["isic-2020"])
    assert not TrainingRun.objects.exists()


def test_a_changed_table_changes_later_runs_alone(study, archives):
    before = begin(study, auxiliary=["isic-2019"])
    change_label_table(study=study, labels=label_table(study) | {"NV": "mole", "MEL": "HMI"})
    after = begin(study, name="later", auxiliary=["isic-2019"])
    assert after.classes == ["HMI", "IP", "MA", "mole"]  # a label may stand for a class of the study's own
    assert {i.label for i in read_manifest(before.manifest).items if i.source} == {"melanoma", "nevus"}


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [({"nv": "a b"}, "must be letters"), ({"": "nevus"}, "printable"), ({"n\x00v": "nevus"}, "printable"),
     ({str(k): "x" for k in range(501)}, "may hold 500 labels")],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused_whole(study, labels, sentence):
    with pytest.raises(ValidationError, match=sentence):
        change_label_table(study=study, labels=labels)
    assert not AuxiliaryLabels.objects.exists()


def test_recorded_folds_stay_and_auxiliary_patients_are_kept_whole(archives, pictures):
    manifest = read_manifest(pictures, view="focused")
    from models_ml.core.pictures.folds import split

    own = split(manifest, folds=2, seed=1)
    table = read_label_map() | {"odd new label": ""}
    added = read_auxiliary(archives / "isic-2020/train.csv", archives / "isic-2020/images", label_map=table)
    joined = join(own, [added, added], seed=0).manifest
    assert len(joined) == len(own) + 2  # the same file twice adds its pictures once
    assert [i.fold for i in joined.items[: len(own)]] == [i.fold for i in own.items]
    patients = {i.group: i.fold for i in joined.items[len(own) :]}
    assert set(patients) == {"isic:IP_1"}
    assert set(patients.values()) <= {0, 1}
    assert {i.fold for i in join(manifest, [added]).manifest.train.items} == {None}


def test_the_page_shows_the_table_keeps_changes_and_gives_the_published_one_back(client, person, study, archives):
    client.force_login(person("engineer"))
    page = client.get(PAGE).content.decode()
    assert "isic-2019" in page
    assert "not in the table" in page
    rows = label_rows(study, auxiliary_sets())
    data = {f"class-{k}": row.kind or "" for k, row in enumerate(rows)} | {"new_label": "", "new_class": ""}
    place = next(k for k, row in enumerate(rows) if row.label == "odd new label")
    assert client.post(PAGE, data | {f"class-{place}": "two words"}).status_code == 400
    assert (
        client.post(PAGE, data | {f"class-{place}": "BKL", "new_label": "Rash", "new_class": "DF"}).status_code == 302
    )
    assert label_table(study) == read_label_map() | {"odd new label": "BKL", "rash": "DF"}
    assert client.post(f"{PAGE}restore/").status_code == 302
    assert label_table(study) == read_label_map()
    form = client.get("/studies/spots/networks/start/").content.decode()
    assert 'type="checkbox" name="auxiliary" value="isic-2020"' in form
    asked = {"name": "joint", "view": "focused", "preset": "tiny", "seed": 0, "auxiliary": ["isic-2019"], "folds": 2}
    assert client.post("/studies/spots/networks/start/", asked).status_code == 302
    assert "isic-2019" in client.get(f"/studies/spots/networks/runs/{TrainingRun.objects.get().pk}/").content.decode()


def test_an_empty_server_says_where_sets_belong(client, person, settings):
    client.force_login(person("engineer"))
    page = client.get(PAGE).content.decode()
    assert "No set yet" in page
    assert str(settings.AUXILIARY_PICTURES) in page
    assert (
        "auxiliary"
        not in client.get("/studies/spots/networks/start/").content.decode().split("<form")[-1].split("</form")[0]
    )


def test_only_those_who_train_may_see_and_change_it(client, person, study):
    client.force_login(person("reviewer"))
    assert client.get(PAGE).status_code == 403
    assert client.get("/api/auxiliary-pictures/spots/").status_code == 403


def test_the_api_reads_and_replaces_the_table_and_starts_such_a_run(client, person, study, archives):
    client.force_login(person("engineer"))
    address = "/api/auxiliary-pictures/spots/"
    found = client.get(address).json()
    assert [one["name"] for one in found["sets"]] == ["isic-2019", "isic-2020"]
    changed = client.put(
        address, json.dumps({"labels": found["labels"] | {"nv": "mole"}}), content_type="application/json"
    )
    assert changed.json()["labels"]["nv"] == "mole"
    bad = client.put(address, json.dumps({"labels": {"nv": "?"}}), content_type="application/json")
    assert bad.status_code == 400
    asked = {"study": "spots", "name": "joint", "view": "focused", "auxiliary": ["isic-2019"], "folds": 2}
    made = client.post("/api/runs/", json.dumps(asked), content_type="application/json")
    assert (made.status_code, made.json()["auxiliary"]) == (201, ["isic-2019"])
    assert "mole" in made.json()["classes"]


def test_the_command_takes_sets_too(study, archives, capsys):
    call_command(
        "start_run", "spots", "joint", "--view", "focused", "--folds", "2", "--auxiliary", "isic-2019", "--json"
    )
    assert json.loads(capsys.readouterr().out)["state"] == "queued"
    assert TrainingRun.objects.get().auxiliary == ["isic-2019"]


def test_the_command_line_of_the_core_joins_them_as_well(archives, pictures, tmp_path):
    from models_ml.core.cli import main

    folder = archives / "isic-2019"
    assert main(["isic", str(folder / "train.csv"), str(folder / "images"), "--out", str(tmp_path / "aux.csv")]) == 0
    settings = [part for text in [*TINY, "recipe.epochs=1", "data.folds=2"] for part in ("--set", text)]
    argv = ["train", str(pictures), "--preset", "tiny", "--view", "focused", "--auxiliary", str(tmp_path / "aux.csv")]
    assert main([*argv, "--out", str(tmp_path / "run"), "--fold", "0", "--quiet", *settings]) == 0
    assert json.loads((tmp_path / "run/run.json").read_text())["own"] == ["HMI", "IP", "MA"]
