"""Run folders and predictions that somebody made to do harm, or that broke on the way: one sentence, and nothing changes."""

import json
import os
import zipfile

import pytest
from django.core.exceptions import ValidationError

from models_ml.charts import read_curves
from models_ml.core import CoreError
from models_ml.core.answers.predictions import read_predictions
from models_ml.core.config import ModelSpec, override, preset
from models_ml.core.training import checkpoint
from models_ml.core.training.checkpoint import write_sums
from models_ml.models import Member, Prediction, TrainingRun
from models_ml.services.storing import import_run
from models_ml.services.training import run_config

pytestmark = pytest.mark.django_db


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    write_sums(path.parent)


def link(folder):
    (folder / "notes.txt").symlink_to("/etc/passwd")


def linked_folder(folder):
    (folder / "more").symlink_to("/etc", target_is_directory=True)


def linked_weights(folder):
    path = folder / "fold0" / checkpoint.WEIGHTS
    moved = path.rename(folder.parent / "weights")
    path.symlink_to(moved)


def pipe(folder):
    os.mkfifo(folder / "fold0" / "pipe")


def long_header(folder):
    (folder / "fold0" / checkpoint.WEIGHTS).write_bytes((2**60).to_bytes(8, "little") + b"{}")
    write_sums(folder / "fold0")


def pickle_as_weights(folder):
    (folder / "fold0" / checkpoint.WEIGHTS).write_bytes(b"\x80\x04cos\nsystem\n(S'touch /tmp/hurt'\ntR.")
    write_sums(folder / "fold0")


def deep_header(folder):
    header = json.dumps({"__metadata__": {"classes": "[" * 100_000}}).encode()
    header += b" " * (-len(header) % 8)
    (folder / "fold0" / checkpoint.WEIGHTS).write_bytes(len(header).to_bytes(8, "little") + header)
    write_sums(folder / "fold0")


def line_taken_out(folder):
    sums = folder / "fold0" / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if checkpoint.WEIGHTS not in line))


def nan_in_curve(folder):
    path = folder / "fold0" / "metrics.jsonl"
    path.write_text(path.read_text().replace('"accuracy": ', '"accuracy": NaN, "was": ', 1))
    write_sums(folder / "fold0")


def no_curve(folder):
    (folder / "fold0" / "metrics.jsonl").write_text("[1, 2]\n")
    write_sums(folder / "fold0")


def folds_elsewhere(folder):
    change(folder / "run.json", folds=["/../../elsewhere"])


HOSTILE = [
    (link, "is a link or no ordinary file"),
    (linked_folder, "is a link or no ordinary file"),
    (linked_weights, "is a link or no ordinary file"),
    (pipe, "is a link or no ordinary file"),
    (long_header, "is damaged"),
    (pickle_as_weights, "is damaged"),
    (deep_header, "is damaged"),
    (line_taken_out, "does not list weights.safetensors"),
    (nan_in_curve, "one JSON object per epoch"),
    (no_curve, "one JSON object per epoch"),
    (folds_elsewhere, "folds is missing or of another kind"),
    (lambda folder: change(folder / "run.json", classes="HMI"), "classes is missing or of another kind"),
    (lambda folder: change(folder / "run.json", own=[]), "own is missing or of another kind"),
    (lambda folder: (folder / "run.json").write_text("[" * 100_000), "run.json cannot be read"),
    (lambda folder: (folder / "run.json").write_text("[]"), "is no JSON object"),
    (lambda folder: change(folder / "fold0" / "result.json", fold="../../elsewhere"), "not what the command train writes"),
    (lambda folder: change(folder / "fold0" / "result.json", fold=1), "not what the command train writes"),
    (lambda folder: change(folder / "fold0" / "result.json", best_epoch=9), "not what the command train writes"),
    (lambda folder: change(folder / "fold0" / "result.json", score=float("nan")), "NaN is no number"),
    (lambda folder: change(folder / "fold0" / "result.json", more=1), "not what the command train writes"),
    (lambda folder: change(folder / "calibration.json", temperature="hot"), "temperature must be a number"),
    (lambda folder: change(folder / "calibration.json", temperature=-1), "temperature must be a number"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "sentence"), HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_run_folder_is_refused_whole(study, run_copy, settings, spoil, sentence):
    folder = run_copy()
    spoil(folder)
    with pytest.raises(ValidationError, match=sentence):
        import_run(study=study, folder=folder, name="small")
    assert not TrainingRun.objects.exists()
    assert not Member.objects.exists()
    assert not list(settings.VAR_DIR.rglob("*.safetensors")) if settings.VAR_DIR.exists() else True


@pytest.mark.parametrize("name", ["../../elsewhere", "a/b", "..", "two words", "x" * 61])
def test_a_name_that_is_none_makes_no_folder(study, trained_folders, settings, name):
    with pytest.raises(ValidationError, match="A name needs 1 to 60 letters"):
        import_run(study=study, folder=trained_folders["focused"], name=name)
    assert not TrainingRun.objects.exists()
    assert not settings.VAR_DIR.exists()


def test_a_first_import_that_fails_late_leaves_no_folder(study, run_copy, settings):
    folder = run_copy()
    (folder / "predictions.csv").write_text((folder / "predictions.csv").read_text().replace("HMI-7", "=cmd()"))
    with pytest.raises(ValidationError, match="not in spots"):
        import_run(study=study, folder=folder, name="small")
    assert not [path for path in settings.VAR_DIR.rglob("*") if path.name == "small-focused"]


def test_a_small_zip_that_says_it_holds_a_disk_is_not_unpacked(study, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/run.json", b"0" * (300 * 2**20))
    with pytest.raises(ValidationError, match="more than 100 times its size"):
        import_run(study=study, folder=path)


def test_a_zip_cannot_write_beside_its_folder(study, run_copy, tmp_path):
    path, folder = tmp_path / "run.zip", run_copy()
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder.parent))
        archive.writestr("../../../../../../../../tmp/diptych-hurt", "x")
        archive.writestr("/tmp/diptych-hurt-too", "x")
    import_run(study=study, folder=path, name="small")
    assert not [name for name in os.listdir("/tmp") if name.startswith("diptych-hurt")]


def test_what_is_wrong_in_a_zip_is_told_without_where_it_was_unpacked(study, run_copy, tmp_path):
    path, folder = tmp_path / "run.zip", run_copy()
    line_taken_out(folder)
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder.parent))
    with pytest.raises(ValidationError) as refused:
        import_run(study=study, folder=path, name="small")
    (sentence,) = refused.value.messages
    assert sentence.startswith(f"{folder.name}/fold0/SHA256SUMS does not list weights.safetensors")


def test_a_damaged_curve_leaves_the_page_of_the_run(study, networks):
    run = networks["focused"].run
    (run.folder / "fold0" / "metrics.jsonl").write_text("{not json\n")
    assert list(read_curves(run.folder, run.folds)) == [1]


@pytest.mark.parametrize(
    ("find", "put", "sentence"),
    [
        ("0.", "nan#", "cannot be used; correct these rows"),
        ("p_IP", "p_HMI", "the column 'p_HMI' more than once"),
        ("p_IP", "p_=HYPERLINK()", "none of the classes HMI, =HYPERLINK"),
    ],
)
def test_predictions_that_do_not_hold_change_nothing(study, networks, run_copy, find, put, sentence):
    folder, before = run_copy(), Prediction.objects.count()
    text = (folder / "predictions.csv").read_text()
    (folder / "predictions.csv").write_text(text.replace(find, put, 1))
    with pytest.raises(ValidationError, match=sentence):
        import_run(study=study, folder=folder, name="small")
    assert Prediction.objects.count() == before


def test_two_columns_of_one_class_are_not_read_as_one(tmp_path):
    """The last of them would have counted twice: .25 + .25 + .5 make 1."""
    path = tmp_path / "p.csv"
    path.write_text("model,member,item,view,truth,p_A,p_A,p_B\nm,f,i,v,A,0,0.25,0.5\n")
    with pytest.raises(CoreError, match="'p_A' more than once"):
        read_predictions(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"backbone": "hf-hub:somebody/network"}, {"backbone": "local-dir:/etc"}, {"backbone": "../x"},
        {"backbone_args": {"checkpoint_path": "/etc/passwd"}}, {"backbone_args": {"pretrained_cfg": {"file": "/x"}}},
    ],
)  # fmt: skip
def test_a_configuration_opens_no_file_and_fetches_nothing_by_the_way(changes):
    with pytest.raises(CoreError, match=r"model\.backbone"):
        ModelSpec(**changes)
    name, value = next(iter(changes.items()))
    if isinstance(value, str):
        with pytest.raises(CoreError, match=r"model\.backbone"):
            override(preset("tiny"), f'model.{name}="{value}"')


@pytest.mark.parametrize("change", ['model={weights="/etc/passwd"}', "model.weights=/etc/passwd", 'name="x"', "view=side"])
def test_further_settings_cannot_name_a_file_of_the_server(change):
    with pytest.raises(ValidationError, match="has a field of its own"):
        run_config(preset_name="tiny", view="focused", name="n", changes=[change])
