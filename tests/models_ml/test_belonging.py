"""A run of another study with the same classes and views is told apart by the pictures it was trained on."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from imagebank.models import Item
from models_ml.core.pictures.manifest import read_manifest
from models_ml.core.training.checkpoint import write_sums
from models_ml.models import TrainingRun
from models_ml.services.storing import import_run

pytestmark = pytest.mark.django_db


def with_pictures(folder, change):
    """The run folder as if it had been trained on changed pictures; its sums and its heading fit."""
    manifest = read_manifest(folder / "folds.csv", check_files=False)
    changed = replace(manifest, items=tuple(map(change, manifest.items)))
    changed.write(folder / "folds.csv")
    names = {former.id: now.id for former, now in zip(manifest.items, changed.items)}
    (folder / "oof.csv").write_text(re.sub(r"(?<=,)[^,\n]+(?=,)", lambda m: names.get(m[0], m[0]), (folder / "oof.csv").read_text()))
    heading = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(heading | {"manifest_fingerprint": changed.fingerprint}))
    (folder / "predictions.csv").unlink(missing_ok=True)
    write_sums(folder)
    return folder


def of_another_study(picture):
    return replace(picture, id=f"other-{picture.id}")


def test_a_run_of_another_study_with_the_same_classes_is_refused_before_anything_is_kept(study, run_copy, settings):
    folder = with_pictures(run_copy(), of_another_study)
    with pytest.raises(ValidationError, match=r"24 of its 24 pictures are not in spots \(other-HMI-0 and others\)") as refused:
        import_run(study=study, folder=folder, name="small")
    assert len(refused.value.messages) == 1
    assert "(--other-pictures); that is kept with the run." in refused.value.messages[0]
    assert not TrainingRun.objects.exists()
    assert not (settings.VAR_DIR / "networks").exists()


def test_taken_all_the_same_it_says_so_for_good(study, run_copy, person):
    folder = with_pictures(run_copy(), of_another_study)
    user = person("engineer")
    run = import_run(study=study, folder=folder, name="small", other_pictures=True, user=user).run
    assert run.other_pictures == "24 of its 24 pictures are not in spots (other-HMI-0 and others). Taken all the same by engineer."
    again = import_run(study=study, folder=folder, name="small")
    assert (again.outcome, again.run.other_pictures) == ("unchanged", run.other_pictures)


def test_a_run_that_was_trained_on_the_studys_test_items_is_refused(study, run_copy):
    folder = run_copy()
    Item.objects.filter(study=study, code="MA-0").update(split="test")
    with pytest.raises(ValidationError, match=r"1 were trained on and are test items of spots \(MA-0\)"):
        import_run(study=study, folder=folder, name="small")


def test_a_class_that_was_corrected_since_is_named(study, run_copy):
    item = Item.objects.get(study=study, code="MA-1")
    item.truth.diagnosis = study.classes.get(code="IP")
    item.truth.save()
    with pytest.raises(ValidationError, match=r"1 have another class there \(MA-1\)"):
        import_run(study=study, folder=run_copy(), name="small")


def test_auxiliary_pictures_belong_to_no_study(study, run_copy):
    def auxiliary(picture):
        return replace(picture, id="ISIC-1", source="auxiliary") if picture.id == "HMI-1" else picture

    assert import_run(study=study, folder=with_pictures(run_copy(), auxiliary), name="small").run.other_pictures == ""


def test_another_list_of_pictures_than_the_heading_names_is_refused_even_with_the_override(study, run_copy):
    folder = with_pictures(run_copy(), lambda picture: picture)
    manifest = read_manifest(folder / "folds.csv", check_files=False)
    replace(manifest, items=manifest.items[1:]).write(folder / "folds.csv")
    write_sums(folder)
    with pytest.raises(ValidationError, match="is not the manifest that run.json names"):
        import_run(study=study, folder=folder, name="small", other_pictures=True)
    assert not TrainingRun.objects.exists()


def test_command_and_page_offer_the_override_and_the_page_shows_it(study, run_copy, person, client, run_jobs, tmp_path):
    folder = with_pictures(run_copy(), of_another_study)
    with pytest.raises(CommandError, match="not in spots"):
        call_command("import_run", "spots", str(folder), "--name", "small")
    packed = shutil.make_archive(str(tmp_path / "run"), "zip", folder)
    client.force_login(person("engineer"))
    archive = SimpleUploadedFile("run.zip", Path(packed).read_bytes())
    client.post(reverse("models_ml:import", args=["spots"]), {"archive": archive, "name": "small", "other_pictures": "on"})
    assert [job.state for job in run_jobs()] == ["succeeded"]
    run = TrainingRun.objects.get()
    assert run.other_pictures.endswith("Taken all the same by engineer.")
    page = client.get(reverse("models_ml:run", args=["spots", run.pk])).content.decode()
    assert "24 of its 24 pictures are not in spots" in page
    call_command("import_run", "spots", str(folder), "--name", "second", "--other-pictures")
    assert TrainingRun.objects.get(name="second").other_pictures.endswith("Taken all the same by a command.")
