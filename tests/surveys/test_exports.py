"""Promises about the files that a study gives away, and about the answer log."""

import csv
import hashlib
import io
import json
import zipfile
from uuid import uuid4

import django
import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from imagebank.models import Membership
from imagebank.tables import csv_text
from surveys.core.__main__ import main
from surveys.core.answer_log import log_faults, read_answer_log
from surveys.exports.files import READINGS, export_bundle, export_files
from surveys.models import Answer, SurveyResponse
from surveys.services import invite, prepare_study, record_viewing_event
from surveys.services.table.readings import COLUMNS
from tests.surveys.sitting import answer, begin, read_all, read_block
from tests.surveys.study import group, survey

pytestmark = pytest.mark.django_db


def table(study, name):
    file = next(file for file in export_files(study) if file.name == name)
    return list(csv.DictReader(io.StringIO(file.text(study))))


@pytest.fixture
def read(study):
    response = begin(study)
    read_block(response, 1)
    open_item = response.survey.blocks.get(position=1).survey_items.first()
    record_viewing_event(survey_response=response, survey_item=open_item, kind="zoomed", event_id=uuid4(),
                         detail={"scale": 2})  # fmt: skip
    read_block(response, 2, skip=(3,))
    return response


def test_every_column_of_every_file_is_in_the_data_dictionary(study, read):
    meanings = {(row["file"], row["column"]): row["meaning"] for row in table(study, "data-dictionary.csv")}
    assert list(READINGS) == list(COLUMNS)
    prepare_study(study=study)
    for file in export_files(study):
        rows = table(study, file.name)
        assert rows, file.name
        for column in rows[0]:
            assert meanings[file.name, column], f"{file.name}: {column}"


def test_the_exported_log_is_checked_without_the_database(study, read, tmp_path, capsys):
    path = tmp_path / "answers.csv"
    file = next(file for file in export_files(study) if file.name == "answers.csv")
    path.write_text(file.text(study), encoding="utf-8")
    assert main(["verify-answers", str(path)]) == 0
    assert "12 answers in 1 responses: every chain is whole" in capsys.readouterr().out
    rows = read_answer_log(path)
    assert log_faults([rows[0] | {"chosen": "ZQC"}, *rows[1:]]) == [
        f"Response {rows[0]['response']}: entry 1 was changed after it was recorded."
    ]
    assert "entry 1 was changed" in log_faults([rows[0] | {"waited_ms": "600000"}, *rows[1:]])[0]
    assert "entry 3 is missing" in log_faults(rows[:2] + rows[3:])[0]
    assert main(["verify-answers", str(tmp_path / "nothing.csv")]) == 2


def test_the_command_names_the_first_broken_row(study, read, capsys):
    call_command("verify_answers", "small")
    assert "every chain is whole" in capsys.readouterr().out
    row = Answer.objects.get(sequence=4)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE surveys_answer SET chosen_id = NULL WHERE id = %s", [row.pk])
    with pytest.raises(CommandError, match=r"^Entry 4 of .* was changed after it was recorded\.$") as caught:
        call_command("verify_answers", "small")
    assert caught.value.returncode == 1


def test_the_viewing_record_and_the_sittings_are_whole(study, read):
    [event] = table(study, "viewing.csv")
    assert (event["kind"], event["view"]) == ("zoomed", "focused")
    assert event["detail"] == '{"scale": 2}'
    seen = read.viewing_events.get().survey_item  # the file guards a name that begins as a formula does
    for kind, client_ms in (("shown", 1000), ("hidden", 3500.4), ("visible", 4500)):
        record_viewing_event(
            survey_response=read, survey_item=seen, kind=kind, event_id=uuid4(),
            client_ms=client_ms, detail={"scale": "far"},
        )  # fmt: skip
    [times] = table(study, "viewing-times.csv")
    known = {name: times[name] for name in ("survey_item", "shown", "in_sight_ms", "away_ms", "largest_zoom", "failed")}
    assert known == {"survey_item": event["survey_item"], "shown": "1", "in_sight_ms": "2500", "away_ms": "1000", "largest_zoom": "2", "failed": "0"}
    sittings = table(study, "sittings.csv")
    assert [row["view"] for row in sittings] == ["focused", "panoramic"]
    assert all(row["sealed_at"] and row["seal_sha256"] for row in sittings)
    [reader] = table(study, "demographics.csv")
    assert (reader["specialty"], reader["years"]) == ("Genetics", "12")


def test_no_name_and_no_address_is_in_any_file(study, read):
    invite(survey=survey(study, 2), group=group(study), name="Ada Lovelace", email="ada@b.org")
    with zipfile.ZipFile(io.BytesIO(export_bundle(study))) as archive:
        sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
        for name in archive.namelist():
            data = archive.read(name)
            assert b"Lovelace" not in data
            assert b"ada@b.org" not in data
            if name != "SHA256SUMS":
                assert sums[name] == hashlib.sha256(data).hexdigest()
        said = archive.read("README.txt").decode()
        assert "drawn, not photographs" in said
        drawn = study.survey_sets.get()
        assert f"seed {drawn.seed} " in said
        assert f"Django {django.__version__}" in said
        assert json.loads(archive.read("design.json")) == drawn.design


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\r\n=1"])
def test_no_cell_is_a_formula(study, start):
    response = begin(study)
    response.demographics = {"specialty": start}
    response.save()
    [row] = table(study, "demographics.csv")
    assert row["specialty"].startswith("'")
    [cell] = list(csv.reader(io.StringIO(csv_text(["a"], [["x\r=1+1"]]))))[1]
    assert cell == "x\n=1+1", "one cell, whose second line is no cell of its own"


def test_the_export_page_is_for_coordinators_and_analysts(client, study, read):
    user = get_user_model().objects.create_user("anna", password="a long password")
    membership = Membership.objects.create(study=study, user=user, role="analyst")
    client.force_login(user)
    here = reverse("surveys:exports", kwargs={"slug": "small"})
    assert "Download everything" in client.get(here).content.decode()
    checked = client.post(reverse("surveys:verify-answers", kwargs={"slug": "small"})).content.decode()
    assert "Every chain is whole" in checked
    for name in ("answers.csv", "viewing.csv", "sittings.csv", "demographics.csv", "bundle.zip"):
        answered = client.get(reverse("surveys:export-file", kwargs={"slug": "small", "name": name}))
        assert answered["Cache-Control"] == "private, no-store"
    assert client.get(reverse("surveys:export-file", kwargs={"slug": "small", "name": "x"})).status_code == 404
    membership.role = "reviewer"
    membership.save()
    assert client.get(here).status_code == 403


def test_only_the_last_choice_stands_in_the_log(study):
    response = begin(study)
    from surveys.services import open_block

    open_block(survey_response=response, block=response.survey.blocks.get(position=1))
    item = response.survey.blocks.get(position=1).survey_items.first()
    for code in ("ZQA", None, "ZQC"):
        answer(response, item, code)
    assert [row["standing"] for row in table(study, "answers.csv")] == ["False", "False", "True"]


def test_a_whole_study_is_marked_where_it_is_simulated(study):
    from surveys.services import simulate_readers

    read_all(begin(study, 1))
    accuracies = {(code, view): 0.7 for code in ("geneticist", "pediatrician") for view in ("focused", "panoramic")}
    simulate_readers(study=study, seed=1, accuracies=accuracies)
    marked = {row["response"]: row["simulated"] for row in table(study, "answers.csv")}
    assert sorted(marked.values()) == ["False"] + ["True"] * 7


def test_the_readers_file_holds_numbers_and_choices_asked_for_the_analysis_and_nothing_else(study, read):
    protocol = study.protocol
    protocol.demographic_questions = [
        {"code": "specialty", "prompt": "Specialty?", "kind": "choice", "choices": ["Genetics"]},
        {"code": "years", "prompt": "Years?", "kind": "integer", "purpose": "verification only"},
        {"code": "beds", "prompt": "Beds?", "kind": "integer", "purpose": "analysis"},
        {"code": "place", "prompt": "Where?", "kind": "text", "purpose": "analysis"},
    ]
    protocol.save()
    SurveyResponse.objects.update(demographics={"specialty": "Genetics", "years": 12, "beds": 300, "place": "Ulm"})
    [row] = table(study, "readers.csv")
    assert row == {"reader": read.reader.code, "specialty": "Genetics", "beds": "300"}
    protocol.demographic_questions = protocol.demographic_questions[1:2]
    protocol.save()
    assert "readers.csv" not in [file.name for file in export_files(study)]
