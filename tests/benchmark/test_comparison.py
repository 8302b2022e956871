"""A stored comparison: right numbers, the same bytes again, whole bundles, and what is refused."""

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile

import pandas as pd
import pytest
from django.core.exceptions import ValidationError
from scipy import stats

from benchmark.core.sections.standing import hardest
from benchmark.models import AnalysisPlan, Comparison
from benchmark.services.bundle import bundle, bundle_name, check_command_of, command_of
from benchmark.services.checking import changes_between, recompute
from benchmark.services.comparison import run_comparison
from benchmark.services.facts import study_facts
from benchmark.services.plans import stamp_plan
from benchmark.services.predictions import store_predictions
from imagebank.jobs import JobCancelled, run_job
from imagebank.models import Item, ItemImage, Rendition, Truth
from surveys.models import SurveyResponse
from surveys.services import readings_frame
from tests.benchmark.conftest import PLAN, read_study
from tests.surveys.study import make_surveyed_study

pytestmark = pytest.mark.django_db


def predictions_of(study) -> bytes:
    """One network that is rather sure of the truth, on the focused view."""
    rows = Truth.objects.filter(item__study=study).values_list("item__code", "diagnosis__code")
    classes = list(study.classes.values_list("code", flat=True))
    lines = ["model,member,item,view,truth," + ",".join(f"p_{code}" for code in classes)]
    for item, truth in rows:
        shares = ",".join("0.8" if code == truth else "0.1" for code in classes)
        lines.append(f"network,ensemble,{item},focused,{truth},{shares}")
    return "\n".join(lines).encode() + b"\n"


def test_the_t_tests_equal_scipys_on_the_exported_table(study):
    comparison = run_comparison(study=study)
    table = pd.read_csv(comparison.folder / "readings.csv", dtype=str, keep_default_na=False)
    table["right"] = (table["answer"] == table["truth"]).astype(float)
    by_survey = table.pivot_table(index=["group", "survey"], columns="view", values="right", aggfunc="mean")
    networks = table.loc[table["kind"] == "model", "group"].iloc[0]
    assert comparison.results["paired"]
    for record in comparison.results["paired"]:
        network, people = by_survey.loc[networks], by_survey.loc[record["group"]]
        expected = stats.ttest_rel(network[record["view"]], people[record["view"]])
        assert record["t"] == pytest.approx(expected.statistic, rel=1e-9)
        assert record["p"] == pytest.approx(expected.pvalue, rel=1e-9)


def test_simulated_readers_are_marked_in_the_results_and_in_the_report(study):
    comparison = run_comparison(study=study)
    assert comparison.simulated
    assert comparison.results["simulated"] is True
    assert "simulated readers" in (comparison.folder / "report.html").read_text()


def test_running_again_gives_the_same_bytes(study, all_drawings):
    """Of every file: inputs, tables, report, and figures of every kind."""
    comparison = run_comparison(study=study)
    kinds = {path.suffix for path in comparison.folder.rglob("*") if path.is_file()}
    assert {".csv", ".json", ".svg", ".png", ".pdf", ".html", ".xlsx", ".tex"} <= kinds
    found = recompute(comparison=comparison)
    assert found.files == sum(path.is_file() for path in comparison.folder.rglob("*"))
    assert found.different == []


def test_a_file_that_changed_is_named_and_a_lost_one_is_made_again(study):
    first = run_comparison(study=study)
    files = {path: path.read_bytes() for path in first.folder.rglob("*") if path.is_file()}
    assert run_comparison(study=study).pk == first.pk
    (first.folder / "tables" / "accuracy.csv").write_text("another\n")
    assert recompute(comparison=first).different == ["tables/accuracy.csv"]
    (first.folder / "results.json").unlink()
    again = run_comparison(study=study)
    assert again.pk == first.pk
    assert {path: path.read_bytes() for path in again.folder.rglob("*") if path.is_file()} == files
    assert json.loads((again.folder / "results.json").read_text()) == again.results


def test_the_bundle_makes_every_file_again_with_its_one_command(study, tmp_path):
    stamp_plan(study=study, text=PLAN)
    for place, item in enumerate(study.items.all()):
        item.attributes = {"skin_tone": str(1 + place % 2), "source_url": f"https://example.org/{place}", "seen": {"focused": "a", "panoramic": "b"},
                           "Patient-ID": str(7 + place // 2), "called": f"Person {place}"}  # fmt: skip
        item.save()
    predictions = store_predictions(study=study, data=predictions_of(study), title="network")
    comparison = run_comparison(study=study, predictions=predictions, seed=5)
    assert (comparison.folder / "attributes.csv").read_text().splitlines()[0] == "item,skin_tone"
    assert "--attributes inputs/attributes.csv" in command_of(comparison)
    archive = zipfile.ZipFile(io.BytesIO(bundle(comparison=comparison)))
    archive.extractall(tmp_path / "elsewhere")
    home = tmp_path / "elsewhere" / bundle_name(comparison)
    command = command_of(comparison)
    assert command in (home / "README.txt").read_text()
    # The bundle's own program, in a process of its own; only SVG, as this comparison was drawn.
    program = "from benchmark.core.output import writing; writing.FIGURE_KINDS = ('svg',); from benchmark.core.commands.main import main"
    arguments = command.split()[3:]
    code = f"{program}; import benchmark; print(benchmark.__file__); raise SystemExit(main({arguments}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert str(home) in done.stdout
    kept = {path.relative_to(home / "results"): path for path in (home / "results").rglob("*") if path.is_file()}
    made = {path.relative_to(home / "again"): path for path in (home / "again").rglob("*") if path.is_file()}
    assert set(made) == set(kept)
    assert [name for name in kept if kept[name].read_bytes() != made[name].read_bytes()] == []


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R: Debian package r-base-core")
def test_the_bundle_is_checked_by_r_with_the_command_in_its_readme(study, tmp_path):
    """The networks' answers are among the readings once per survey, and one network's in the predictions alone."""
    stamp_plan(study=study, text=PLAN)
    predictions = store_predictions(study=study, data=predictions_of(study), title="network")
    comparison = run_comparison(study=study, predictions=predictions, seed=5)
    zipfile.ZipFile(io.BytesIO(bundle(comparison=comparison))).extractall(tmp_path)
    home = tmp_path / bundle_name(comparison)
    command = check_command_of(comparison)
    assert f"\n    {command}\n" in (home / "README.txt").read_text()
    done = subprocess.run(command.split(), cwd=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"\d{3,} quantities agree to 1e-8, 0 differ", done.stdout.splitlines()[-1])
    assert "New images: network, minus" in done.stdout
    table = home / "results" / "tables" / "new_images.csv"
    table.write_text(re.sub(r"(?<=,0\.\d{6})\d", lambda digit: str((int(digit[0]) + 1) % 10), table.read_text(), count=1))
    assert subprocess.run(command.split(), cwd=home, capture_output=True, check=False).returncode == 1


def test_an_analysis_from_before_the_check_gets_one_when_it_is_asked_for_again(study):
    comparison = run_comparison(study=study)
    (comparison.folder / "check.R").unlink()
    assert check_command_of(comparison) == ""
    assert "Rscript" not in zipfile.ZipFile(io.BytesIO(bundle(comparison=comparison))).read(f"{bundle_name(comparison)}/README.txt").decode()
    assert run_comparison(study=study).pk == comparison.pk
    assert check_command_of(comparison) == "Rscript results/check.R"


def test_the_hardest_images_lie_beside_the_comparison_and_stand_in_its_report(study):
    for image in ItemImage.objects.filter(item__study=study):
        size = {"width": image.width, "height": image.height}
        Rendition.objects.create(image=image, name="thumbnail", file=image.file.name, sha256=image.pixel_sha256, **size)
    comparison = run_comparison(study=study)
    listed = pd.read_csv(comparison.folder / "pictures" / "pictures.csv", dtype=str, keep_default_na=False)
    worst = hardest(comparison.results["items"], "focused")
    assert list(listed.loc[listed["view"] == "focused", "item"]) == [record["item"] for record in worst]
    assert all((comparison.folder / "pictures" / name).is_file() for name in listed["file"])
    report = (comparison.folder / "report.html").read_text()
    assert report.count("data:image/jpeg;base64,") == len(listed) > 0
    assert "--pictures inputs/pictures" in command_of(comparison)
    assert recompute(comparison=comparison).different == []
    assert run_comparison(study=study) == comparison
    ItemImage.objects.filter(item__study=study, view="focused").update(pixel_sha256="0" * 64)
    assert run_comparison(study=study) != comparison  # another picture is another report
    assert Comparison.objects.count() == 2


def test_predictions_bring_calibration_and_are_checked(study):
    stored = store_predictions(study=study, data=predictions_of(study), title="network")
    assert store_predictions(study=study, data=predictions_of(study), title="again").pk == stored.pk
    results = run_comparison(study=study, predictions=stored).results
    assert results["calibration"][0]["model"] == "network"
    item = Item.objects.filter(study=study).first().code
    with pytest.raises(ValidationError, match="no items called nowhere"):
        store_predictions(study=study, data=predictions_of(study).replace(item.encode(), b"nowhere"), title="wrong")
    with pytest.raises(ValidationError, match="sum to 1"):
        store_predictions(study=study, data=predictions_of(study).replace(b"0.8", b"0.7"), title="wrong")


def test_what_a_spreadsheet_would_run_is_escaped_in_every_input(study):
    item = Item.objects.filter(study=study).first()
    Item.objects.filter(pk=item.pk).update(code="=1+1")
    stored = store_predictions(study=study, data=predictions_of(study), title="network")
    comparison = run_comparison(study=study, predictions=stored)
    for name in ("readings.csv", "predictions.csv", "tables/items.csv"):
        text = (comparison.folder / name).read_text()
        assert "'=1+1" in text
        assert ",=1+1" not in text
        assert "\n=1+1" not in text
    assert comparison.results["calibration"][0]["items"] == Item.objects.filter(study=study).count()


def test_a_sitting_that_is_still_being_read_is_not_analysed(study):
    """Also under a plan that is handed the later complete sittings of a seat."""
    open_one = SurveyResponse.objects.of_study(study).filter(reader__kind="human").first()
    SurveyResponse.objects.filter(pk=open_one.pk).update(analysed=False, completed_at=None)
    stamp_plan(study=study, text=PLAN)
    comparison = run_comparison(study=study)
    readers = set(pd.read_csv(comparison.folder / "readings.csv")["reader"])
    assert open_one.reader.code not in readers
    assert len(readers) == SurveyResponse.objects.of_study(study).exclude(pk=open_one.pk).values("reader").distinct().count()


def test_cancelling_leaves_nothing_half_made(study):
    def stop(done, total, words):
        if done > 0:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        run_comparison(study=study, progress=stop)
    assert not Comparison.objects.exists()
    assert [path.name for path in (study_folder(study)).iterdir()] == []


def study_folder(study):
    from benchmark.models import comparison_folder

    return comparison_folder(study, "0" * 64, 0).parent


def test_a_study_without_a_network_is_refused_with_a_sentence(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    study = make_surveyed_study("unread")
    assert not len(readings_frame(study=study))
    with pytest.raises(ValidationError, match="needs complete readings of people and of a network"):
        run_comparison(study=study)


def test_changes_between_two_comparisons_name_what_moved(study):
    first = run_comparison(study=study)
    assert changes_between(first, first).is_same
    loser = SurveyResponse.objects.of_study(study).filter(reader__group__code="geneticist").first()
    SurveyResponse.objects.filter(pk=loser.pk).update(analysed=False)
    second = run_comparison(study=study)
    changes = changes_between(first, second)
    moved = [change for change in changes.contrasts if not change.is_same]
    assert {change.before["question"].split(" than ")[1].split(" on ")[0] for change in moved} == {"geneticists"}
    assert [name for name, before, after in changes.inputs if before != after] == ["readers.csv", "readings.csv"]


def test_the_studys_record_and_its_certificate_go_into_the_results(study):
    results = run_comparison(study=study).results
    assert results["certificate"]["promises_hold"] is True
    assert results["study"]["images"]["source"] == "drawn, not photographs"
    # Simulated readers were never recruited.
    assert "recruitment" not in results["study"]


def test_the_job_reports_progress_and_names_its_comparison(study, django_user_model):
    from benchmark.services.starting import start_comparison

    user = django_user_model.objects.create_user("ada")
    job = run_job(start_comparison(study=study, plan=None, seed=3, user=user).pk)
    assert job.state == job.State.SUCCEEDED, job.error
    comparison = Comparison.objects.get(pk=job.result["comparison"])
    assert (comparison.seed, comparison.created_by, comparison.plan) == (3, user, None)
    assert job.done == job.total == 100


def test_a_study_of_people_alone_says_what_is_needed(db, settings, tmp_path):
    from benchmark.services.starting import what_is_needed

    settings.VAR_DIR = tmp_path
    study = read_study("people", network=False)
    (lacking,) = what_is_needed(study=study)
    assert lacking.startswith("a network's answers")


def test_sittings_begun_and_not_finished_are_in_the_flow_and_the_record_is_known_to_the_report(study):
    stamp_plan(study=study, text=PLAN)
    begun = SurveyResponse.objects.of_study(study).filter(reader__kind="human").first()
    SurveyResponse.objects.filter(pk=begun.pk).update(analysed=False, completed_at=None, finished_at=None)
    facts = study_facts(study)
    assert facts["sittings"][begun.group.code] == {"unfinished": 1, "too_few": 0}
    assert "No" in facts["reading"]["time_limit"]
    comparison = run_comparison(study=study)
    (record,) = [r for r in comparison.results["flow"] if r["group"] == begun.group.code]
    assert (record["unfinished"], record["sittings"]) == (1, record["complete"] + 1)
    report = (comparison.folder / "report.html").read_text()
    assert facts["readers"]["recruitment"] in report


def test_a_plan_that_was_changed_later_is_told_field_by_field(study):
    stamp_plan(study=study, text=PLAN)
    later = stamp_plan(study=study, text=PLAN.replace('"holm"', '"bh"'))
    AnalysisPlan.objects.filter(pk=later.pk).update(answers_when_stamped=5)
    comparison = run_comparison(study=study)
    changed = [r for r in comparison.results["deviations"] if r["kind"] == "plan changed after its stamp"]
    assert [(r["what"], r["planned"], r["done"]) for r in changed] == [("adjustment for multiplicity", "holm", "bh")]
    assert "--registered inputs/registered.toml" in command_of(comparison)
    assert recompute(comparison=comparison).different == []
    assert "adjustment for multiplicity" in (comparison.folder / "report.html").read_text()


def test_a_second_click_starts_nothing_twice(study):
    from benchmark.services.starting import start_check, start_comparison, start_documents

    first = start_comparison(study=study, plan=None, seed=3)
    assert start_comparison(study=study, plan=None, seed=3) == first
    assert start_comparison(study=study, plan=None, seed=4) != first
    comparison = run_comparison(study=study, plan=None)
    assert start_documents(comparison=comparison) == start_documents(comparison=comparison)
    assert start_check(comparison=comparison) == start_check(comparison=comparison)
    first.state = first.State.SUCCEEDED
    first.save()
    assert start_comparison(study=study, plan=None, seed=3) != first, "what has ended may be asked for again"
