"""Pictures without a manifest on the site and by command: what a person is shown, changes, and brings in."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from imagebank.bank_jobs import IMPORT, LOOK
from imagebank.jobs import run_job
from imagebank.models import Job
from imagebank.services.drafting import showing
from imagebank.services.drafting.found import AFTER_MARK, BEFORE_MARK, FILE_NAME

from .archives import SKIN, fill, zipped
from .factories import DiagnosisClassFactory, MembershipFactory, StudyFactory


@pytest.fixture
def study(db):
    made = StudyFactory()
    for code, name in SKIN.classes:
        DiagnosisClassFactory(study=made, code=code, name=name)
    return made


@pytest.fixture
def coordinator(client, study, settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    client.force_login(MembershipFactory(study=study).user)
    return client


FILES = {"focused/NF1/a.jpg": None, "panoramic/NF1/a.jpg": None, "focused/mole/b.jpg": None, "panoramic/mole/b.jpg": None}


def upload(client, study, files=FILES):
    return client.post(reverse("imagebank:import", args=[study.slug]), {"archive": SimpleUploadedFile("mine.zip", zipped(files))})


def sent_back(response, **changed) -> dict:
    """What the page's form would send, with some of it changed."""
    form = response.context["form"]
    return {name: form[name].initial for name in form.fields} | {"token": response.context["token"]} | changed


@pytest.mark.django_db(transaction=True)
def test_pictures_come_in_as_the_page_showed_and_the_person_changed(coordinator, study):
    page = upload(coordinator, study)
    assert page.status_code == 200
    assert "2 of “mole” are left out." in page.content.decode()
    assert not Job.objects.exists()
    draft = reverse("imagebank:draft", args=[study.slug])
    sent = sent_back(page)
    mole = next(name for name, field in page.context["form"].fields.items() if field.label == "mole is")
    again = coordinator.post(draft, sent | {mole: "TSC", "look": "yes"})
    assert "left out" not in again.content.decode()
    taken = coordinator.post(draft, sent | {mole: "TSC", "download": "yes"})
    assert taken.content.decode().splitlines()[0] == "item,class,view,path,split,fold,group,mask"
    done = coordinator.post(draft, sent | {mole: "TSC", "import": "yes"})
    job = run_job(Job.objects.get(kind=IMPORT).pk)
    assert done.url == reverse("job-detail", args=[study.slug, job.pk])
    assert (job.state, job.error) == (Job.State.SUCCEEDED, "")
    kept = {(i.code, i.truth.diagnosis.code): sorted(p.view for p in i.images.all()) for i in study.items.all()}
    assert kept == {("a", "NF1"): ["focused", "panoramic"], ("b", "TSC"): ["focused", "panoramic"]}


def test_a_view_that_nothing_tells_is_asked_for_and_none_is_shown_as_chosen(coordinator, study):
    page = upload(coordinator, study, {"NF1/a.jpg": None, "TSC/b.jpg": None, "scan.dcm": b"x"})
    view = page.context["form"].fields["column_view"]
    assert (page.status_code, view.initial, view.choices[0]) == (422, "", ("", "choose"))
    assert "Not read as pictures: 1 .dcm." in page.content.decode()
    again = coordinator.post(reverse("imagebank:draft", args=[study.slug]), sent_back(page, column_view="=focused", look="yes"))
    assert again.context["shown"].counts["NF1"] == {"focused": 1}


def test_values_of_a_column_chosen_anew_are_guessed_again(coordinator, study):
    page = upload(coordinator, study)
    sent = sent_back(page, column_class=FILE_NAME, look="yes")
    again = coordinator.post(reverse("imagebank:draft", args=[study.slug]), sent)
    assert again.status_code == 422
    assert "stands for a class of the study yet" in again.content.decode()
    assert [row[0] for row in again.context["form"].maps[0][1]] == ["a", "b"]
    assert "Import 2" not in again.content.decode()


def test_a_manifest_with_other_columns_is_a_table_like_any(coordinator, study):
    table = "name,condition,view\na,NF1,focused\n"
    page = upload(coordinator, study, {"manifest.csv": table, "a.jpg": None})
    assert page.context["form"].reading.columns == {"class": "condition", "view": "view", "item": FILE_NAME}
    assert [row["item"] for row in page.context["shown"].first] == ["a"]


def test_a_zip_without_pictures_is_refused_and_not_kept(coordinator, study, tmp_path):
    page = upload(coordinator, study, {"a.txt": "x"})
    assert page.status_code == 400
    assert "mine.zip has no picture" in page.content.decode()
    assert not list((tmp_path / "var" / "uploads").iterdir())


def test_of_two_presses_at_once_one_imports_and_the_other_leaves_nothing_behind(coordinator, study, tmp_path, monkeypatch):
    page = upload(coordinator, study)

    def too_late(**asked):
        raise ValidationError("The uploaded file is no longer there. Upload it again.")

    monkeypatch.setattr("imagebank.draft_views.queue_import", too_late)
    answer = coordinator.post(reverse("imagebank:draft", args=[study.slug]), sent_back(page, **{"import": "yes"}))
    assert answer.status_code == 422
    assert [path.name.split(".", 1)[1] for path in (tmp_path / "var" / "uploads").iterdir()] == ["draft.zip"]


def test_nobody_else_reads_or_imports_an_upload(coordinator, study):
    token = upload(coordinator, study).context["token"]
    other = StudyFactory()
    coordinator.force_login(MembershipFactory(study=study).user)
    for address in (study.slug, other.slug):
        MembershipFactory(study=other, user_id=coordinator.session["_auth_user_id"])
        answer = coordinator.post(reverse("imagebank:draft", args=[address]), {"token": token, "import": "yes"})
        assert answer.status_code == 422, address
        assert "Upload it again" in answer.content.decode()
        other = StudyFactory()
    assert not Job.objects.exists()


def test_the_command_writes_a_manifest_that_the_import_takes(study, tmp_path, capsys):
    fill(tmp_path / "in", FILES)
    call_command("draft_manifest", study.slug, str(tmp_path / "in"), "--means", "mole=TSC", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["pictures"], told["classes"], told["left_out"]) == (4, {"NF1": 2, "TSC": 2}, {})
    call_command("import_manifest", study.slug, str(tmp_path / "in"))
    assert study.items.count() == 2
    with pytest.raises(CommandError, match="is there already"):
        call_command("draft_manifest", study.slug, str(tmp_path / "in"))


def test_a_drafted_manifest_is_imported_beside_its_zip(study, tmp_path):
    (tmp_path / "mine.zip").write_bytes(zipped({"NF1/a_focused.jpg": None, "NF1/a_panoramic.jpg": None}))
    options = ("--view-column", AFTER_MARK, "--item-column", BEFORE_MARK)
    call_command("draft_manifest", study.slug, str(tmp_path / "mine.zip"), *options)
    call_command("import_manifest", study.slug, str(tmp_path / "mine.zip"), "--manifest", str(tmp_path / "mine.manifest.csv"))
    assert [item.images.count() for item in study.items.all()] == [2]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--means", "mole=XYZ"), 'with the code of a class or view of the study; found "mole=XYZ"'),
        (("--class-column", "colour"), 'has no column "colour". Found: folder 1, folder 2'),
        (("--table", "x.csv"), 'There is no table "x.csv"'),
    ],
)
def test_a_wrong_option_is_one_sentence_and_writes_nothing(study, tmp_path, options, sentence):
    fill(tmp_path / "in", FILES)
    with pytest.raises(CommandError) as refusal:
        call_command("draft_manifest", study.slug, str(tmp_path / "in"), *options)
    assert sentence in str(refusal.value)
    assert not (tmp_path / "in" / "manifest.csv").exists()


@pytest.fixture
def draft(study, monkeypatch):
    """The address of the draft's form, where an archive of two files counts as a large one."""
    monkeypatch.setattr(showing, "QUICK_FILES", 1)
    return reverse("imagebank:draft", args=[study.slug])


def looked(client, study, files=FILES):
    """The page of the draft that the job of an upload led to, and the job."""
    answer = upload(client, study, files)
    job = run_job(Job.objects.get(kind=LOOK).pk)
    assert answer.url == reverse("job-detail", args=[study.slug, job.pk])
    return client.get(reverse("imagebank:looked", args=[study.slug, job.pk])), job


def test_a_look_in_the_background_shows_the_same_page_and_imports_what_it_showed(coordinator, study, draft, tmp_path):
    page, job = looked(coordinator, study)
    assert "2 of “mole” are left out." in page.content.decode()
    taken = coordinator.post(draft, sent_back(page, download="yes"))
    assert len(taken.content.decode().splitlines()) == 3
    first = coordinator.post(draft, sent_back(page, **{"import": "yes"}))
    again = coordinator.post(draft, sent_back(page, **{"import": "yes"}))
    imported = run_job(Job.objects.get(kind=IMPORT).pk)
    assert first.url == again.url == reverse("job-detail", args=[study.slug, imported.pk])
    assert (imported.state, imported.error, study.items.count()) == (Job.State.SUCCEEDED, "", 1)
    assert Job.objects.filter(kind=LOOK).count() == 1, "what was not changed was not looked at again"
    assert [path.name for path in (tmp_path / "var" / "uploads").iterdir()] == [job.result["shown"]]


def test_what_was_changed_is_looked_at_again_and_imported_once_though_the_worker_dies(coordinator, study, draft):
    page, _ = looked(coordinator, study)
    mole = next(name for name, field in page.context["form"].fields.items() if field.label == "mole is")
    answer = coordinator.post(draft, sent_back(page, **{mole: "TSC", "import": "yes"}))
    again = run_job(Job.objects.filter(kind=LOOK).latest("created_at").pk)
    assert answer.url == reverse("job-detail", args=[study.slug, again.pk])
    Job.objects.filter(pk=again.pk).update(state=Job.State.QUEUED, result={})  # killed after it had queued the import
    again = run_job(again.pk)
    imported = run_job(Job.objects.get(kind=IMPORT).pk)
    assert (again.result["import"], imported.error) == (str(imported.pk), "")
    assert {(item.code, item.truth.diagnosis.code) for item in study.items.all()} == {("a", "NF1"), ("b", "TSC")}


def test_a_large_zip_with_a_manifest_goes_on_to_its_import(coordinator, study, draft):
    page, job = looked(coordinator, study, {"manifest.csv": "item,class,view,path\na,NF1,focused,a.jpg\n", "a.jpg": None})
    assert page.url == reverse("job-detail", args=[study.slug, job.result["import"]])
    assert run_job(job.result["import"]).error == ""
    assert study.items.count() == 1


def test_who_waits_on_the_page_of_a_look_is_taken_on_and_a_cancelled_one_shows_nothing(coordinator, study, draft):
    page, job = looked(coordinator, study)
    waiting = coordinator.get(reverse("job-detail", args=[study.slug, job.pk]), headers={"HX-Request": "true"})
    assert waiting.headers["HX-Redirect"] == page.request["PATH_INFO"]
    Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED, result={})
    page = coordinator.get(page.request["PATH_INFO"])
    assert page.url == reverse("job-detail", args=[study.slug, job.pk])
