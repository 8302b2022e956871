"""Runs: imported from a GPU box, exported for one, started, cancelled, killed, continued."""

import csv
import json
import os
import signal
import threading
import time
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone

from imagebank.jobs import JOB_KINDS, find_job_kind, run_job
from imagebank.models import Job
from models_ml import child
from models_ml.child import NO_MEMORY, Tail, duration, failure_sentence
from models_ml.core.pictures.manifest import read_manifest
from models_ml.core.training.checkpoint import write_sums
from models_ml.models import AttributionSet, Prediction, TrainingRun
from models_ml.services.manifests import export_manifest
from models_ml.services.predicting import combine, create_ensemble, store_predictions
from models_ml.services.storing import import_run
from models_ml.services.training import TRAIN, cancel_run, resume_run, start_run
from tests.forked import Forked
from tests.models_ml.bank import CLASSES
from tests.models_ml.conftest import TINY

pytestmark = pytest.mark.django_db


def begin(study, **changes):
    asked = {"name": "fresh", "view": "focused", "preset_name": "tiny", "folds": 2, "changes": TINY}
    return start_run(study=study, **asked | changes)


def test_an_imported_run_brings_members_predictions_and_a_judged_ensemble(study, trained_folders):
    found = import_run(study=study, folder=trained_folders["focused"], name="small")
    run = found.run
    assert (found.outcome, found.predictions) == ("created", 2 * 6)
    assert [member.complete for member in run.members.all()] == [True, True]
    assert (run.complete, run.classes, run.temperature is not None) == (True, list(CLASSES), True)
    ensemble = run.ensembles.get()
    assert ensemble.judged["n"] == ensemble.predictions.count() == 6
    assert ensemble.judged["accuracy_clustered"]["ci_low"] <= ensemble.judged["accuracy_clustered"]["value"]
    assert run.out_of_fold["n"] == 18


def test_the_same_run_again_changes_nothing(study, trained_folders):
    first = import_run(study=study, folder=trained_folders["focused"], name="small")
    before = set(Prediction.objects.of_members().values_list("item", "answer", "confidence"))
    again = import_run(study=study, folder=trained_folders["focused"], name="small")
    assert (again.outcome, again.run.pk) == ("unchanged", first.run.pk)
    assert set(Prediction.objects.of_members().values_list("item", "answer", "confidence")) == before
    assert TrainingRun.objects.count() == 1


def test_a_zip_of_the_folder_is_as_good_as_the_folder(study, trained_folders, tmp_path):
    packed = tmp_path / "run.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in trained_folders["focused"].rglob("*"):
            archive.write(path, f"some/where/{path.relative_to(trained_folders['focused'])}")
    assert import_run(study=study, folder=packed, name="small").outcome == "created"


def spoil_weights(folder):
    path = folder / "fold1" / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4] + b"spoilt"[:4])


def spoil_config(folder):
    path = folder / "config.toml"
    path.write_text(path.read_text().replace("epochs = 2", "epochs = 3"))


def spoil_sums(folder):
    (folder / "fold0" / "SHA256SUMS").write_text("0" * 64 + "  ../../secret\n")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_weights, "SHA-256 differs"),
        (spoil_config, "config.toml was changed"),
        (spoil_sums, "not a file of this folder"),
        (lambda folder: (folder / "run.json").unlink(), "run.json is missing"),
        (lambda folder: (folder / "fold0" / "oof.csv").unlink(), "is missing"),
    ],
)
def test_a_spoilt_run_is_refused_whole(study, run_copy, spoil, sentence):
    folder = run_copy()
    spoil(folder)
    with pytest.raises(ValidationError, match=sentence):
        import_run(study=study, folder=folder, name="small")
    assert not TrainingRun.objects.exists()


def test_a_run_of_other_classes_or_another_view_is_refused(study, trained_folders):
    study.classes.filter(code="MA").update(code="NF1")
    with pytest.raises(ValidationError, match="own classes are HMI, IP, MA; those of spots are HMI, IP, NF1"):
        import_run(study=study, folder=trained_folders["focused"])
    study.classes.filter(code="NF1").update(code="MA")
    study.views = study.views[1:]
    study.save()
    with pytest.raises(ValidationError, match="view 'focused'; spots has the views panoramic"):
        import_run(study=study, folder=trained_folders["focused"])


def test_predictions_of_unknown_items_change_nothing(study, networks, trained_folders, tmp_path):
    text = (trained_folders["focused"] / "predictions.csv").read_text()
    bad = tmp_path / "bad.csv"
    bad.write_text(text.replace("HMI-7", "HMI-99"))
    before = Prediction.objects.count()
    with pytest.raises(ValidationError, match="not in spots .first: HMI-99"):
        store_predictions(run=networks["focused"].run, path=bad)
    assert Prediction.objects.count() == before


def test_an_import_that_fails_late_leaves_files_and_rows_as_they_were(study, networks, run_copy):
    """The same run trained further, with predictions that do not fit: the older folder and its answers stay."""
    run, folder = networks["focused"].run, run_copy()
    before = {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")}
    result = json.loads((folder / "fold1" / "result.json").read_text())
    (folder / "fold1" / "result.json").write_text(json.dumps(result | {"status": "stopped early"}))
    write_sums(folder / "fold1")
    (folder / "predictions.csv").write_text((folder / "predictions.csv").read_text().replace("HMI-7", "HMI-99"))
    with pytest.raises(ValidationError, match="HMI-99"):
        import_run(study=study, folder=folder, name="small")
    assert {path: path.stat().st_mtime_ns for path in run.folder.rglob("*")} == before
    assert {member.status for member in run.members.all()} == {"finished"}
    (folder / "predictions.csv").unlink()
    assert import_run(study=study, folder=folder, name="small").outcome == "updated"


def test_answers_and_maps_of_former_weights_go_when_other_weights_come(study, networks, trained_folders):
    run = networks["focused"].run
    run.members.filter(fold=0).update(weights_sha256="f" * 64)
    AttributionSet.objects.create(ensemble=networks["focused"])
    run.predictions.of_members().update(answer="OLD")
    assert import_run(study=study, folder=trained_folders["focused"], name="small").outcome == "updated"
    assert not AttributionSet.objects.exists()
    assert not Prediction.objects.filter(answer="OLD").exists()
    assert run.ensembles.get().predictions.count() == 6


def test_an_ensemble_follows_its_rule_on_the_stored_vectors(networks):
    """Two members, one sure: it alone enters; nobody sure: all enter and the row says so; with abstain, no answer."""
    run = networks["focused"].run
    first, second = run.members.all()
    vectors = {first: [[0.5, 0.3, 0.2], [0.4, 0.35, 0.25]], second: [[0.1, 0.45, 0.45], [0.3, 0.3, 0.4]]}
    items = [row.item for row in first.predictions.select_related("item").order_by("item__code")[:2]]
    for member, rows in vectors.items():
        for item, vector in zip(items, rows):
            member.predictions.filter(item=item).update(probabilities=vector)
    combine(ensemble=networks["focused"])
    sure, unsure = (networks["focused"].predictions.get(item=item) for item in items)
    assert (sure.probabilities, sure.members_used, sure.fallback) == ([0.5, 0.3, 0.2], 1, "")
    assert (unsure.probabilities, unsure.members_used, unsure.fallback) == ([0.35, 0.325, 0.325], 2, "mean")
    silent = create_ensemble(run=run, name="silent", fallback="abstain")
    row = silent.predictions.get(item=items[1])
    assert (row.answer, row.members_used, row.fallback) == ("", 0, "abstain")


def test_the_package_for_a_gpu_box_trains_there_and_names_no_reader(study, tmp_path):
    out = tmp_path / "package.zip"
    made = export_manifest(study=study, out=out)
    assert (made.pictures, made.masks) == (48, 48)
    with zipfile.ZipFile(out) as archive:
        archive.extractall(tmp_path / "box")
    manifest = read_manifest(tmp_path / "box" / "manifest.csv")
    assert len(manifest.of_view("focused").train.items) == 18
    assert {item.group for item in manifest.items} == set(study.items.values_list("group", flat=True))
    with (tmp_path / "box" / "manifest.csv").open() as file:
        assert "reader" not in "".join(next(csv.reader(file)))
    assert "import_run spots" in (tmp_path / "box" / "README.txt").read_text()


def test_excluded_items_do_not_travel(study, tmp_path):
    study.items.filter(code="HMI-0").update(excluded_at="2026-01-01T00:00Z", exclusion_reason="blurred")
    export_manifest(study=study, out=tmp_path / "package", views=["focused"])
    assert "HMI-0" not in {item.id for item in read_manifest(tmp_path / "package" / "manifest.csv").items}


@pytest.mark.once
def test_a_run_cancelled_and_then_killed_is_finished_to_the_same_weights(study, trained_folders, monkeypatch):
    """Cancelled, its members can be used; kill -9 fails the job with a sentence; continued, it ends in the bits of the
    uninterrupted run. The cancel flag is set before the first step, in the job's own thread, because no other thread
    sees this test's transaction."""
    run = begin(study)
    assert TrainingRun.objects.with_state().get().state == "waiting"
    with monkeypatch.context() as patch:
        patch.setattr(child, "tell", cancelling(child.tell, run))
        patch.setattr(child, "POLL_S", 0.01)  # the flag is seen before so small a training gets far
        assert run_job(run.job.pk).state == Job.State.CANCELLED
    run = TrainingRun.objects.with_state().get(pk=run.pk)
    member = run.members.get()
    assert (run.state, run.complete, member.status, member.complete) == ("cancelled", False, "cancelled", False)
    assert (run.folder / "fold0" / "weights.safetensors").exists()

    (run.home / "events.jsonl").unlink()  # of the cancelled attempt
    resume_run(run=run)
    killer = threading.Thread(target=kill_child_when_it_trains, args=[run.home])
    killer.start()
    job = run_job(run.job.pk)
    killer.join()
    assert (job.state, "killed from outside (signal 9)" in job.error) == (Job.State.FAILED, True), job.error

    resume_run(run=run)
    job = run_job(run.job.pk)
    assert job.state == Job.State.SUCCEEDED, job.error
    run = TrainingRun.objects.with_state().get(pk=run.pk)
    assert (run.state, run.members.count(), run.complete, job.percent) == ("finished", 2, True, 100)
    assert run.ensembles.get().predictions.count() == 6
    assert any("fold 1 finished" in line.text for line in job.lines.all())
    assert arrays_of(run.folder) == arrays_of(trained_folders["focused"])


def cancelling(tell, run):
    def cancel_at_once(job, event, start, end):
        if event["event"] == "PackProgress":
            cancel_run(run=TrainingRun.objects.select_related("job").get(pk=run.pk))
        tell(job, event, start, end)

    return cancel_at_once


def arrays_of(folder) -> list[str]:
    return [json.loads((folder / f"fold{k}" / "result.json").read_text())["weights_sha256"] for k in range(2)]


def kill_child_when_it_trains(home):
    """kill -9 the process that trains this run as soon as it trains."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if trains(home / "events.jsonl"):
            os.kill(Forked.started[-1].pid, signal.SIGKILL)
            return
        time.sleep(0.02)
    raise AssertionError("no step was trained within two minutes")


def trains(events: Path) -> bool:
    return events.is_file() and '"StepDone"' in events.read_text()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"view": "side"}, "has no view 'side'"),
        ({"changes": ["recipe.nothing=1"]}, "no setting 'recipe.nothing'"),
        ({"changes": ["recipe.epochs=many"]}, "must be of type int"),
        ({"changes": ["model.weights=/etc/passwd"]}, "field of its own"),
        ({"weights": "missing.pth"}, "no weights file 'missing.pth'"),
        ({"only_folds": [7]}, "Fold 7 has no pictures"),
        ({"fold_source": "recorded"}, "Recorded folds are wanted"),
        ({"preset_name": "huge"}, "no preset 'huge'"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_queued(study, changes, sentence):
    with pytest.raises(ValidationError, match=sentence):
        begin(study, **changes)
    assert not Job.objects.exists()
    assert not TrainingRun.objects.exists()


def test_a_class_with_one_picture_is_named(study):
    study.items.filter(code__startswith="MA-", split="train").exclude(code="MA-0").update(
        excluded_at="2026-01-01T00:00Z", exclusion_reason="test"
    )
    with pytest.raises(ValidationError, match=r"Class 'MA' has 1 training picture\(s\); at least 2"):
        begin(study)


@pytest.mark.once
@pytest.mark.own_python
def test_a_corrupt_picture_fails_the_job_with_its_name(study, run_jobs):
    run = begin(study)
    path = study.items.get(code="IP-0").images.get(view="focused").file.path
    with open(path, "wb") as file:
        file.write(b"\x89PNG no picture")
    (job,) = run_jobs()
    assert job.state == Job.State.FAILED
    assert "not a picture that can be read" in job.error or "damaged" in job.error
    assert TrainingRun.objects.with_state().get(pk=run.pk).state == "failed"


@pytest.mark.slow  # one more process that loads torch; the sentence itself is tested in the core
def test_wrong_weights_fail_the_job_with_a_sentence(study, settings, run_jobs):
    settings.NETWORK_WEIGHTS.mkdir()
    (settings.NETWORK_WEIGHTS / "other.pth").write_bytes(b"no weights at all")
    begin(study, weights="other.pth")
    (job,) = run_jobs()
    assert job.state == Job.State.FAILED
    assert "other.pth cannot be read as weights" in job.error


@pytest.mark.parametrize(
    ("code", "log", "sentence"),
    [
        (2, "noise\nerror: Class 'MA' has 1 training picture.\n", "Class 'MA' has 1 training picture."),
        (-9, "", "signal 9"),
        (1, "Traceback\nRuntimeError: DefaultCPUAllocator: can't allocate memory\n", NO_MEMORY),
        (1, "Traceback\nKeyError: 'x'\n", "KeyError: 'x'"),
        (130, "", "asked to stop from outside"),
        (-2, "Traceback\nKeyboardInterrupt\n", "asked to stop from outside"),
        (-15, "", "asked to stop from outside"),
    ],
)
def test_every_way_to_fail_is_one_sentence(code, log, sentence):
    assert sentence in failure_sentence(code, log)


def test_half_a_line_of_events_waits_for_its_other_half(tmp_path):
    path = tmp_path / "events.jsonl"
    tail = Tail(path)
    assert tail.new_events() == []
    path.write_text('{"a": 1}\n{"a"')
    assert tail.new_events() == [{"a": 1}]
    with path.open("a") as file:
        file.write(": 2}\n")
    assert tail.new_events() == [{"a": 2}]


@pytest.mark.parametrize(("seconds", "words"), [(4.4, "4 s"), (300, "5 min"), (12_000, "3 h 20 min")])
def test_time_left_is_said_as_people_say_it(seconds, words):
    assert duration(seconds) == words


def test_the_commands_speak_json_and_use_exit_codes(study, trained_folders, tmp_path, capsys):
    call_command("import_run", "spots", str(trained_folders["focused"]), "--name", "small", "--json")
    facts = json.loads(capsys.readouterr().out)
    assert (facts["outcome"], facts["members"], facts["complete"]) == ("created", 2, True)
    call_command("export_manifest", "spots", str(tmp_path / "out"), "--view", "focused", "--json")
    assert json.loads(capsys.readouterr().out)["pictures"] == 24
    with pytest.raises(CommandError) as refused:
        call_command("import_run", "spots", str(tmp_path / "nowhere"))
    assert refused.value.returncode == 2
    with pytest.raises(CommandError) as refused:
        call_command("start_run", "spots", "x", "--view", "side")
    assert refused.value.returncode == 2


def test_the_same_command_leaves_what_is_done_and_takes_over_from_a_worker_that_was_killed(study, monkeypatch, capsys):
    """Done: exit status 0 and nothing is queued. Running, with a worker that is silent: run here after its rescue."""
    run = begin(study)
    Job.objects.update(state=Job.State.SUCCEEDED)
    call_command("start_run", "spots", "fresh", "--view", "focused", "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "succeeded"
    assert Job.objects.get().lines.count() == 0
    killed = timezone.now() - timedelta(hours=1)
    Job.objects.update(state=Job.State.RUNNING, attempts=1, heartbeat_at=killed, started_at=killed)
    find_job_kind(TRAIN)  # loads the real one first
    monkeypatch.setitem(JOB_KINDS, TRAIN, lambda job: {"run": run.pk})
    call_command("start_run", "spots", "fresh", "--view", "focused", "--wait", "--json")
    assert json.loads(capsys.readouterr().out)["state"] == "succeeded"
    assert Job.objects.get().attempts == 2


def test_a_device_may_be_chosen_for_a_run_and_another_one_when_it_goes_on(study, monkeypatch, settings):
    """Unless told, the worker's own."""
    started = []

    def no_process(command, **how):
        started.append(command[command.index("--device") + 1])
        raise ValidationError("No process is started here.")

    def start(*more):
        with pytest.raises(CommandError, match="No process is started here"):
            call_command("start_run", "spots", "fresh", "--view", "focused", "--wait", *more)

    monkeypatch.setattr(child.subprocess, "Popen", no_process)
    with pytest.raises(CommandError, match="There is no device 'gpu1'; there are auto, cpu and cuda") as refused:
        call_command("start_run", "spots", "fresh", "--view", "focused", "--device", "gpu1")
    assert refused.value.returncode == 2
    assert not Job.objects.exists()
    settings.NETWORK_DEVICE = "cuda:0"
    start()
    start("--device", "cuda:1")
    start()
    start("--device", "cpu")
    assert started == ["cuda:0", "cuda:1", "cuda:1", "cpu"]
    Job.objects.update(state=Job.State.RUNNING)
    with pytest.raises(ValidationError, match="can be started again"):
        resume_run(run=TrainingRun.objects.get(), device="cuda:2")
    assert Job.objects.get().payload["device"] == "cpu", "it is running there"
