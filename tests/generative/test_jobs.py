"""From a published network file to published pictures through the jobs' own doors, each in its child process."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from generative.jobs import AUDIT, IMPORT_NETWORK, MAKE
from generative.models import Generator, ImageSet
from generative.services import training
from generative.services.core import following
from generative.services.networks import register_generator
from generative.services.training import continue_training, run_events, start_training
from imagebank.jobs import queue_job, run_job
from imagebank.models import Job
from imagebank.services.uploads import kept_upload, uploads_folder
from tests.generative.core.conftest import REFERENCE
from tests.generative.core.drawn import drawn_manifest
from tests.generative.test_publishing import report

pytestmark = pytest.mark.django_db
PICKLE = REFERENCE / "tf_morphnf1_r32_avg.pkl"


def done(study, job_kind: str, **payload) -> Job:
    return run_job(queue_job(study=study, kind=job_kind, title=job_kind, payload=payload).pk)


def keep(source, name="kept.network"):

    shutil.copyfile(source, uploads_folder() / name)
    return name


def test_a_page_hears_what_the_core_says_and_nothing_while_it_says_nothing(tmp_path):
    heard, watched, told = [], [], tmp_path / "progress.json"
    look = following(told, lambda: watched.append(True), lambda *step: heard.append(step))
    look()
    told.write_text('{"what": "pict')
    look()
    told.write_text(json.dumps({"what": "pictures", "done": 3, "total": 9}))
    look()
    assert heard == [("pictures", 3, 9)]
    assert len(watched) == 3


@pytest.mark.once
def test_import_morph_audit_and_publish_as_jobs(study, monkeypatch):
    monkeypatch.setattr("generative.core.judging.privacy.PROBE_STEPS", 4)  # the child is a fork, so it hears of that
    job = done(study, IMPORT_NETWORK, upload=keep(PICKLE), name="nf1.pkl", title="Stages",
               classes=["late", "early", "intermediate"], licence="non-commercial")  # fmt: skip
    assert job.error == ""
    generator = Generator.objects.get()
    assert (generator.licence, generator.classes) == ("non-commercial", ["late", "early", "intermediate"])
    assert generator.description["source"]["file"] == "nf1.pkl"
    assert len(generator.source_sha256) == 64
    with pytest.raises(ValidationError, match="no longer there"):
        kept_upload("kept.network")
    settings = {"start": "early", "end": "late", "seeds": [0, 1], "steps": 3, "spacing": "linear", "title": "", "truncation": 0.7}
    job = done(study, MAKE, generator=generator.public_id, kind="morph", settings=settings)
    assert job.error == ""
    image_set = ImageSet.objects.get()
    assert image_set.generator == generator
    assert image_set.title == "Morph strips by Stages"
    assert "cutoff" not in image_set.record["plan"]
    job = done(study, MAKE, generator=generator.public_id, kind="sample",
               settings={"classes": ["late"], "seeds": [0], "truncation": 0.2, "truncation_to": 8})  # fmt: skip
    assert job.error == ""
    ours = ImageSet.objects.exclude(pk=image_set.pk)
    assert ours.get().record["plan"]["cutoff"] == 3
    ours.get().delete()
    job = done(study, AUDIT, image_set=image_set.public_id, view="focused", probe=2)
    assert job.error == ""
    image_set.refresh_from_db()
    audit = image_set.newest_audit
    assert (audit.n_train, audit.n_held_out) == (30, 12)
    probe = audit.report["membership"]
    assert 0 <= probe["auc"] <= 1
    assert (len(probe["train"]), len(probe["held_out"])) == (2, 2)
    assert all(sample.audit_distance is not None for sample in image_set.samples.all())
    assert image_set.state in ("audited", "quarantined")
    assert image_set.evaluation["kid"]["value"] is not None
    assert image_set.evaluation["n"] == {"train": 30, "held_out": 12, "generated": 6}


@pytest.mark.once
@pytest.mark.own_python
def test_a_file_that_is_no_network_is_refused_in_one_sentence_and_removed(study, tmp_path):
    (tmp_path / "bad.pkl").write_bytes(b"cos\nsystem\n(S'touch /tmp/never'\ntR.")
    job = done(study, IMPORT_NETWORK, upload=keep(tmp_path / "bad.pkl"), name="bad.pkl", title="Bad", classes=[], licence="x")
    assert job.state == "failed"
    assert job.error == "bad.pkl was refused: it holds the name os.system. Nothing in it was run or kept."
    assert not Generator.objects.exists()
    with pytest.raises(ValidationError):
        kept_upload("kept.network")


def test_a_tampered_weights_folder_is_refused(study, network, tmp_path):
    folder = tmp_path / "weights"
    shutil.copytree(network, folder)
    with open(folder / "generator.safetensors", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(ValidationError, match="differs from the hash in network.json"):
        register_generator(study=study, folder=folder, title="Tampered")
    assert not Generator.objects.exists()


SMALL = {"channel_base": 64, "channel_max": 8, "z_dim": 8, "w_dim": 8, "batch": 8, "minimum_images": 20, "mbstd_group": 4}


@pytest.mark.once
def test_a_training_reports_is_stopped_goes_on_and_leaves_a_generator(study, monkeypatch):
    monkeypatch.setattr("generative.services.core.POLL_S", 0.05)
    run = start_training(study=study, title="Small", recipe="tiny", resolution=8, view="focused", total_kimg=5000.0,
                         options={**SMALL, "snapshot_kimg": 0.08, "grid_kimg": 0.08})  # fmt: skip
    real = training._standing

    def stop_when_something_is_safe(row):
        if run_events(row, "snapshot"):
            Job.objects.filter(pk=row.job_id).update(cancel_requested=True)
        return real(row)

    monkeypatch.setattr(training, "_standing", stop_when_something_is_safe)
    assert run_job(run.job_id).state == "cancelled"
    reached = training.reached_kimg(run)
    assert 0 < reached < 100
    monkeypatch.setattr(training, "_standing", real)
    run.refresh_from_db()
    assert run.pictures == 30
    with pytest.raises(ValidationError, match="name a larger number"):
        continue_training(run=run, total_kimg=reached)
    continue_training(run=run, total_kimg=reached + 0.08)
    job = run_job(run.job_id)
    assert (job.state, job.error) == ("succeeded", "")
    generator = run.generators.get()
    assert generator.classes == ["early", "intermediate", "late"]
    assert generator.description["extra"]["images"] == round((reached + 0.08) * 1000)
    starts = [event for event in run_events(run) if event["event"] == "start"]
    assert any(event["resumed"] for event in starts)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"recipe": "best"}, "no recipe 'best'"),
        ({"resolution": 100}, "power of two"),
        ({"view": "x-ray"}, "no view"),
        ({"options": {"speed": 3}}, "no recipe option speed"),
        ({"recipe": "auto"}, "at least 50 pictures"),
        ({"recipe": "authors-nf1", "options": {"ordinal": ["early", "middle", "late"], "minimum_images": 9}}, "the study has early"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_before_anything_is_queued(study, changes, found):
    asked = {"title": "x", "recipe": "tiny", "resolution": 8, "view": "focused", "total_kimg": 1.0, **changes}
    with pytest.raises(ValidationError, match=found):
        start_training(study=study, **asked)
    assert not Job.objects.exists()


def test_the_commands_take_a_set_in_and_publish_it(study, set_files, tmp_path, capsys):
    call_command("publish_set", "stages", str(set_files["mix"]), view="focused", without_audit="A test.")
    assert "published in stages as 1 items of the view focused" in capsys.readouterr().out
    with pytest.raises(CommandError, match="was not audited"):
        call_command("publish_set", "stages", str(set_files["morph"]), view="focused")
    audited = tmp_path / "audit.json"
    audited.write_text(json.dumps(report(study.image_sets.get(kind="morph"))))
    call_command("publish_set", "stages", str(set_files["morph"]), view="focused", audit=audited)
    assert "as 32 items" in capsys.readouterr().out
    assert study.image_sets.get(kind="morph").newest_audit.n_held_out == 12
    audited.write_text("{")
    with pytest.raises(CommandError, match="cannot be read as an audit report"):
        call_command("audit_set", "stages", str(set_files["mix"]), report=audited)
    with pytest.raises(CommandError, match="neither a file nor the beginning"):
        call_command("publish_set", "stages", "ffffff", view="focused")
    with pytest.raises(CommandError, match="There is no study"):
        call_command("import_network", "moles", str(PICKLE))


WORKER = """
import os, sys, time
from pathlib import Path
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings.test"
import django; django.setup()
from generative.services.core import run_core
folder = Path(sys.argv[1])
run_core("train", folder / "manifest.csv", "--recipe", "tiny", "--resolution", 8, "--kimg", 5000, "--out", folder / "out")
"""


def test_a_killed_worker_leaves_no_training_behind(tmp_path):
    """kill -9 of the process that holds the job: the training ends with it, its state on disk is complete."""
    drawn_manifest(tmp_path, n=60, resolution=8)
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], cwd=settings.BASE_DIR, start_new_session=True)
    events = tmp_path / "out" / "events.jsonl"
    wait_until(lambda: events.exists() and '"progress"' in events.read_text())
    worker.kill()
    worker.wait()
    wait_until(lambda: not trainings_of(tmp_path))
    assert list((tmp_path / "out" / "snapshots").glob("kimg-*/training.json"))


def trainings_of(folder) -> list[str]:
    """Processes whose command names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/out" in command:
            found.append(command)
    return found


def wait_until(condition, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
