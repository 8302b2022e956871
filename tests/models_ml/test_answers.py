"""A network that was trained by other means: its predictions.csv alone takes part like any other."""

import csv

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.urls import reverse

from imagebank.models import Item
from models_ml.models import Prediction, TrainingRun
from models_ml.services.answers import import_answers
from models_ml.services.explaining import start_attribution
from models_ml.services.exporting import queue_onnx_export
from models_ml.services.predicting import queue_prediction
from models_ml.services.training import resume_run
from tests.models_ml.bank import CLASSES, VIEWS

pytestmark = pytest.mark.django_db
TESTED = [(name, f"{name}-{k}") for name in CLASSES for k in (6, 7)]


@pytest.fixture
def file(tmp_path):
    """`file(...)` writes the answers of a network of two members, right but for HMI-7; what is given replaces or adds columns."""

    def write(*, items=TESTED, views=VIEWS, members=("a", "b"), name="theirs", classes=CLASSES, truth=True):
        path = tmp_path / f"{name}.csv"
        with path.open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["model", "member", "item", "view", "truth", *(f"p_{one}" for one in classes)])
            for view in views:
                for member in members:
                    for right, item in items:
                        said = "IP" if item == "HMI-7" else right
                        shares = [0.8 if one == said else 0.2 / (len(classes) - 1) for one in classes]
                        writer.writerow([name, member, item, view, right if truth else "", *shares])
        return path

    return write


def test_answers_of_two_views_become_two_runs_judged_like_any_other(study, file):
    found = import_answers(study=study, path=file())
    assert [(one.run.view, one.outcome, one.predictions) for one in found] == [(view, "created", 12) for view in VIEWS]
    for one in found:
        assert (one.run.origin, one.run.complete, one.run.name) == ("answers", True, "theirs")
        ensemble = one.run.ensembles.get()
        assert (ensemble.judged["n"], ensemble.judged["accuracy"]["value"]) == (6, pytest.approx(5 / 6))


def test_the_same_file_changes_nothing_and_another_takes_its_place(study, file):
    (first,) = import_answers(study=study, path=file(views=["focused"]))
    keys = set(Prediction.objects.values_list("pk", flat=True))
    (again,) = import_answers(study=study, path=file(views=["focused"]))
    assert (again.outcome, set(Prediction.objects.values_list("pk", flat=True))) == ("unchanged", keys)
    (other,) = import_answers(study=study, path=file(views=["focused"], members=["one"], items=TESTED[:4], truth=False))
    assert (other.outcome, other.run.pk, other.predictions) == ("updated", first.run.pk, 4)
    assert [member.name for member in other.run.members.all()] == ["one"]
    assert other.run.ensembles.get().judged["n"] == 4


def wrong_truth(file):
    return file(items=[("MA", "HMI-6"), *TESTED[1:]])


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda file: file(items=[*TESTED, ("HMI", "HMI-99")]), r"1 of the 7 items answered are not in spots \(first: HMI-99\)"),
        (lambda file: file(items=[*TESTED, ("HMI", "HMI-0")]), r"1 of the items answered are training pictures of spots \(first: HMI-0\)"),
        (wrong_truth, "Item HMI-6 is MA in the file and HMI in spots"),
        (lambda file: file(views=["side"]), "of the view 'side'; spots has focused, panoramic"),
        (lambda file: file(classes=("HMI", "IP", "NF1"), truth=False, items=TESTED[:4]), "have no column p_MA"),
        (lambda file: file(members=["m" * 21]), "more than 20 letters"),
        (lambda file: file(name="two words"), "A name needs 1 to 60 letters"),
    ],
)
def test_answers_that_do_not_fit_are_one_sentence_and_nothing_is_kept(study, file, make, sentence):
    with pytest.raises(ValidationError, match=sentence) as refused:
        import_answers(study=study, path=make(file))
    assert len(refused.value.messages) == 1
    assert not TrainingRun.objects.exists()


def test_a_trained_run_of_that_name_is_not_replaced(study, file, networks):
    with pytest.raises(ValidationError, match="already another run 'small' of the focused view"):
        import_answers(study=study, path=file(), name="small")
    assert TrainingRun.objects.filter(origin="imported").count() == 2


def test_what_needs_weights_is_refused_in_one_sentence(study, file):
    run = import_answers(study=study, path=file())[0].run
    for ask in (
        lambda: queue_prediction(run=run), lambda: queue_onnx_export(run=run), lambda: resume_run(run=run),
        lambda: start_attribution(ensemble=run.ensembles.get()),
    ):  # fmt: skip
        with pytest.raises(ValidationError, match="was brought as answers alone, so there are no weights to run"):
            ask()
    assert not study.jobs.exists()


def test_it_takes_part_in_the_study_and_is_compared(study, file, networks, person, client):
    import_answers(study=study, path=file())
    client.force_login(person("engineer"))
    runs = TrainingRun.objects.filter(view="focused")
    page = client.get(reverse("models_ml:compare", args=["spots"]), {"run": [run.pk for run in runs]})
    assert page.status_code == 200
    words = page.content.decode()
    assert "theirs (focused)" in words
    assert "Of theirs (focused) nothing but the answers is known" in words
    assert "Where they differ" not in words
    for name in ("runs", "import"):
        assert client.get(reverse(f"models_ml:{name}", args=["spots"])).status_code == 200


def test_the_page_brings_a_file_and_shows_what_is_known(study, file, person, client, run_jobs):
    client.force_login(person("engineer"))
    upload = SimpleUploadedFile("predictions.csv", file().read_bytes())
    client.post(reverse("models_ml:import", args=["spots"]), {"archive": upload, "name": "guest"})
    assert [job.state for job in run_jobs()] == ["succeeded"]
    run = TrainingRun.objects.get(name="guest", view="focused")
    page = client.get(reverse("models_ml:run", args=["spots", run.pk])).content.decode()
    assert "Its answers alone were brought" in page
    assert "not known: its answers were brought as a file" in page
    assert not any(words in page for words in ("Finished", "Export as ONNX", "Predict the test items", "Curves", "Model card"))
    ensemble = client.get(reverse("models_ml:ensemble", args=["spots", run.ensembles.get().pk])).content.decode()
    assert "83.3%" in ensemble
    assert "Explain its answers" not in ensemble


def test_the_command_brings_a_file_or_says_why_not(study, file, capsys):
    call_command("import_run", "spots", str(file()), "--name", "guest")
    assert "guest (focused): created, 12 predictions, answers alone" in capsys.readouterr().out
    Item.objects.filter(code="MA-7").update(code="MA-8")
    with pytest.raises(CommandError, match="MA-7"):
        call_command("import_run", "spots", str(file()), "--name", "second")
